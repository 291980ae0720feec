"""Batches of as many tokens as fit: each sample in one batch of one rank."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
import everyturn.torch
from everyturn.torch import (
    TokenBatchSampler,
)


def all_ranks(lengths: Sequence[int], world_size: int, epoch: int = 0, **options: Any) -> Any:
    """The batches of each rank."""
    batches = []
    for rank in range(world_size):
        sampler = TokenBatchSampler(lengths, rank=rank, world_size=world_size, **options)
        sampler.set_epoch(epoch)
        batches.append(list(sampler))
        assert len(sampler) == len(batches[-1])
    return batches


@given(
    lengths=st.lists(st.integers(1, 50), min_size=4, max_size=80),
    room=st.integers(0, 100),
    world_size=st.integers(1, 4),
    padded=st.booleans(),
    shuffle=st.booleans(),
)
def test_each_sample_is_in_one_batch_of_one_rank(
    lengths: list[int], room: int, world_size: int, *, padded: bool, shuffle: bool
) -> None:
    """No batch is too large, none is empty, and all ranks have as many."""
    max_tokens = max(lengths) + room
    options: dict[str, Any] = {"max_tokens": max_tokens, "padded": padded, "shuffle": shuffle}
    try:
        ranks = all_ranks(lengths, world_size, **options)
    except everyturn.OptionsError:
        # Batches of one sample cannot be halved.
        assert len(lengths) % world_size
        return
    assert len({len(batches) for batches in ranks}) == 1
    assert sorted(i for batches in ranks for batch in batches for i in batch) == list(
        range(len(lengths))
    )
    for batch in itertools.chain.from_iterable(ranks):
        of_batch = [lengths[i] for i in batch]
        size = len(of_batch) * max(of_batch) if padded else sum(of_batch)
        assert 0 < size <= max_tokens
    assert ranks == all_ranks(lengths, world_size, **options)


def test_epochs_differ_and_can_be_repeated() -> None:
    """The epoch and the seed make the batches."""
    lengths = [1 + i % 17 for i in range(300)]
    first, second, again = (all_ranks(lengths, 2, epoch, max_tokens=64) for epoch in (0, 1, 0))
    assert first == again != second
    assert first != all_ranks(lengths, 2, max_tokens=64, seed=1)
    fixed = [all_ranks(lengths, 2, epoch, max_tokens=64, shuffle=False) for epoch in (0, 1)]
    assert fixed[0] == fixed[1]


def test_batches_are_full() -> None:
    """Few tokens are missing, and few are padding where lengths vary."""
    random = np.random.default_rng(0)
    lengths = random.integers(20, 2_000, 5_000)
    packed = TokenBatchSampler(lengths, max_tokens=8_192)
    assert lengths.sum() / (len(packed) * 8_192) > 0.985
    padded = TokenBatchSampler(lengths, max_tokens=8_192, padded=True)
    room = sum(len(batch) * max(lengths[i] for i in batch) for batch in padded)
    assert lengths.sum() / room > 0.95


def test_a_sample_longer_than_a_batch_is_refused() -> None:
    """It would not fit anywhere."""
    with pytest.raises(everyturn.OptionsError, match="sample 1 has 9 tokens"):
        TokenBatchSampler([1, 9], max_tokens=8)


def test_fewer_samples_than_ranks_are_refused() -> None:
    """A rank would have nothing to do, and the others would wait for it."""
    with pytest.raises(everyturn.OptionsError, match="2 samples cannot be shared by 3 ranks"):
        TokenBatchSampler([1, 1], max_tokens=8, rank=0, world_size=3)
    assert list(TokenBatchSampler([], max_tokens=8, rank=0, world_size=3)) == []


def test_a_finished_epoch_is_followed_by_the_one_that_was_chosen() -> None:
    """A state from the end of an epoch does not undo `set_epoch`."""
    lengths = [1 + i % 7 for i in range(50)]
    done = TokenBatchSampler(lengths, max_tokens=20)
    list(done)
    resumed = TokenBatchSampler(lengths, max_tokens=20)
    resumed.set_epoch(1)
    resumed.load_state_dict(done.state_dict())
    assert list(resumed) == []
    fresh = TokenBatchSampler(lengths, max_tokens=20)
    fresh.set_epoch(1)
    assert list(resumed) == list(fresh)
