"""Packs: samples side by side, without padding."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import named_chat, to_jsonl
from everyturn.options import PackStrategy

STRATEGIES: tuple[PackStrategy, ...] = get_args(PackStrategy)
strategies = pytest.mark.parametrize("strategy", STRATEGIES)


CHATS = [
    named_chat("Ada", 3),
    named_chat("Bob", 1),
    named_chat("Zoë", 4),
    named_chat("Kim", 2),
    named_chat("Bob", 1),
]


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """A row for each target."""
    return everyturn.Expander("demo", layout="per_turn")


@pytest.fixture(scope="module")
def samples(expander: everyturn.Expander) -> everyturn.Samples:
    """Eleven rows of five records, two of them equal."""
    return expander.expand(to_jsonl(CHATS))


@pytest.fixture(scope="module")
def weighted(expander: everyturn.Expander) -> everyturn.Samples:
    """Three rows, one with half a weight."""
    return expander.expand(to_jsonl([named_chat("Eve", 1, weight=0.5), named_chat("Kim", 2)]))


def packs_of(packed: everyturn.Packed) -> list[list[int]]:
    """The samples of each row."""
    return [row.samples.tolist() for row in packed]


def check_packs(samples: everyturn.Samples, packed: everyturn.Packed) -> None:
    """Rows hold whole samples, each once; everything else follows from which."""
    assert sorted(packed.samples.tolist()) == list(range(len(samples)))
    assert packed.offsets.dtype == packed.seq_offsets.dtype == packed.samples.dtype == np.int64
    for array in (packed.input_ids, packed.labels, packed.position_ids, packed.seq_lengths):
        assert array.dtype == np.int32
    assert packed.fill == (
        len(packed.input_ids) / (len(packed) * packed.max_length) if len(packed) else 1
    )
    for row in packed:
        held = [samples[index] for index in row.samples]
        assert 0 < len(row.input_ids) <= packed.max_length
        assert row.input_ids.tolist() == np.concatenate([s.input_ids for s in held]).tolist()
        assert row.seq_lengths.tolist() == [len(s.input_ids) for s in held]
        assert row.cu_seqlens.dtype == np.int32
        assert row.cu_seqlens.tolist() == [0, *np.cumsum(row.seq_lengths).tolist()]
        positions = [place for s in held for place in range(len(s.input_ids))]
        assert row.position_ids.tolist() == positions
        labels = [label for s in held for label in [-100, *s.labels[1:].tolist()]]
        assert row.labels.tolist() == labels
        if samples.loss_weights is None:
            assert row.loss_weights is None
        else:
            assert row.loss_weights is not None
            weights = [weight for s in held for weight in [0.0, *weights_of(s)[1:]]]
            assert row.loss_weights.tolist() == weights


def weights_of(sample: everyturn.Sample) -> list[float]:
    """The weights of a sample that has some."""
    assert sample.loss_weights is not None
    weights: list[float] = sample.loss_weights.tolist()
    return weights


# --------------------------------------------------------------------------------------------
# What a pack holds
# --------------------------------------------------------------------------------------------


@strategies
@pytest.mark.parametrize("keep", [False, True])
def test_rows_hold_whole_samples_each_once(
    samples: everyturn.Samples,
    weighted: everyturn.Samples,
    strategy: PackStrategy,
    *,
    keep: bool,
) -> None:
    """Ids, labels, weights, positions and bounds are those of the samples, side by side."""
    for some in (samples, weighted):
        longest = int(some.lengths.max())
        for max_length in (longest, longest + 7, 10_000):
            packed = some.pack(max_length, strategy=strategy, keep_conversations=keep)
            check_packs(some, packed)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=30), st.integers(0, 60))
def test_any_samples_can_be_packed(samples: everyturn.Samples, rows: list[int], room: int) -> None:
    """Whatever is taken how often, and whatever the room beyond the longest sample."""
    some = samples.select(rows)
    for strategy in STRATEGIES:
        check_packs(some, some.pack(int(some.lengths.max()) + room, strategy=strategy))


def test_the_first_token_of_each_sample_is_not_trained() -> None:
    """Where every token has a label, that of a sample's first would be predicted from another sample."""
    expander = everyturn.Expander("demo", train_on="all_tokens")
    samples = expander.expand(to_jsonl([named_chat("Ada", 1, weight=0.5), named_chat("Bob", 1)]))
    assert (samples.labels[samples.offsets[:-1]] != -100).all()
    packed = samples.pack(1_000)
    assert len(packed) == 1
    starts = packed[0].cu_seqlens[:-1]
    assert packed.labels[starts].tolist() == [-100, -100]
    assert int((packed.labels == -100).sum()) == 2
    # The samples themselves are as they were.
    assert (samples.labels[samples.offsets[:-1]] != -100).all()


def test_packing_is_deterministic_and_in_the_order_of_the_input(samples: everyturn.Samples) -> None:
    """Rows come in the order of their first sample, and samples in the order of the input."""
    first, second = (samples.pack(300) for _ in range(2))
    assert packs_of(first) == packs_of(second)
    assert all(pack == sorted(pack) for pack in packs_of(first))
    assert [pack[0] for pack in packs_of(first)] == sorted(pack[0] for pack in packs_of(first))


def test_in_sequence_samples_keep_their_order(samples: everyturn.Samples) -> None:
    """A new row begins where the next sample does not fit, and nowhere else."""
    max_length = int(samples.lengths.max()) + 20
    packed = samples.pack(max_length, strategy="sequential")
    assert packed.samples.tolist() == list(range(len(samples)))
    for before, after in itertools.pairwise(packs_of(packed)):
        assert int(samples.lengths[[*before, after[0]]].sum()) > max_length


def test_best_fit_needs_no_more_rows_than_sequence(samples: everyturn.Samples) -> None:
    """What is sorted by length fills rows better."""
    many = samples.select(list(range(len(samples))) * 20)
    best, sequential = (many.pack(512, strategy=strategy) for strategy in STRATEGIES)
    assert best.fill > sequential.fill
    assert len(best) <= 1.02 * len(many.input_ids) / 512 + 1


# --------------------------------------------------------------------------------------------
# Conversations
# --------------------------------------------------------------------------------------------


@strategies
def test_conversations_are_kept_together_on_request(
    samples: everyturn.Samples, strategy: PackStrategy
) -> None:
    """The rows of a record lie side by side in one pack, and equal records are two."""
    shuffled = samples.select([10, 0, 5, 3, 1, 9, 2, 4, 8, 7, 6])
    per_line = {
        int(line): int(shuffled.lengths[shuffled.line == line].sum()) for line in range(1, 6)
    }
    packed = shuffled.pack(max(per_line.values()), strategy=strategy, keep_conversations=True)
    check_packs(shuffled, packed)
    assert packed.spread_conversations == 0
    lines = [shuffled.line[pack].tolist() for pack in packs_of(packed)]
    for line in range(1, 6):
        assert sum(line in pack for pack in lines) == 1
    for pack in lines:
        changes = sum(a != b for a, b in itertools.pairwise(pack))
        assert changes + 1 == len(set(pack))


@strategies
def test_a_conversation_longer_than_a_pack_is_spread_and_counted(
    samples: everyturn.Samples, strategy: PackStrategy
) -> None:
    """It is cut between its samples, never in one."""
    longest = int(samples.lengths.max())
    packed = samples.pack(longest, strategy=strategy, keep_conversations=True)
    check_packs(samples, packed)
    totals = [int(samples.lengths[samples.line == line].sum()) for line in range(1, 6)]
    assert packed.spread_conversations == sum(total > longest for total in totals) > 0


# --------------------------------------------------------------------------------------------
# Limits
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
def test_a_sample_longer_than_a_pack_is_named(samples: everyturn.Samples, *, keep: bool) -> None:
    """A target is never cut silently: file and line say which sample is too long."""
    longest = int(samples.lengths.max())
    with pytest.raises(everyturn.SampleError) as caught:
        samples.pack(longest - 1, keep_conversations=keep)
    error = caught.value
    assert (error.kind, error.file, error.line) == ("too_long", "<bytes>", 3)
    assert str(error).startswith("<bytes>:3: ")
    assert f"{longest:,} tokens" in str(error)


def test_no_samples_make_no_rows(expander: everyturn.Expander) -> None:
    """Nothing packed is nothing, and full."""
    for strategy in STRATEGIES:
        packed = expander.expand(b"").pack(10, strategy=strategy, keep_conversations=True)
        assert (len(packed), packed.fill, packs_of(packed)) == (0, 1.0, [])
        check_packs(expander.expand(b""), packed)


@pytest.mark.parametrize("max_length", [0, -1, 1.5, 2**31])
def test_the_length_of_a_row_is_a_count_of_32_bits(
    samples: everyturn.Samples, max_length: Any
) -> None:
    """What is none is refused by name."""
    with pytest.raises(everyturn.OptionsError, match="max_length"):
        samples.pack(max_length)


def test_an_unknown_strategy_is_refused_with_the_known_ones(samples: everyturn.Samples) -> None:
    """The error says what could have been."""
    unknown: Any = "tetris"
    with pytest.raises(everyturn.OptionsError, match=r"strategy: \"tetris\".*bfd, sequential"):
        samples.pack(1_000, strategy=unknown)


def test_rows_are_found_by_their_place(samples: everyturn.Samples) -> None:
    """From either end, and as slices."""
    packed = samples.pack(300)
    assert len(packed) > 2
    assert packed[-1].samples.tolist() == packed[len(packed) - 1].samples.tolist()
    assert [row.samples.tolist() for row in packed[1:]] == packs_of(packed)[1:]
    with pytest.raises(IndexError):
        packed[len(packed)]
    assert f"{len(samples)} samples in {len(packed)} rows" in repr(packed)


# --------------------------------------------------------------------------------------------
# Real chats
# --------------------------------------------------------------------------------------------


def test_rows_of_real_chats_are_full(data: Path, tokenizer_folder: Callable[[str], Path]) -> None:
    """Less than 1.5 % of the room stays empty at 2,048 tokens."""
    expander = everyturn.Expander(
        tokenizer_folder("qwen3"), max_length=2_048, overflow="drop", on_error="skip"
    )
    for name in ("mt_bench_en", "arena_hard_v01_gpt4_0314", "oasst_en_100_trees_threads"):
        samples = expander.expand(data / "chats" / f"{name}.jsonl.gz")
        packed = samples.pack(2_048)
        assert packed.fill >= 0.985, name
        assert len(packed.samples) == len(samples)
