"""A loader resumes where its state was saved."""

import itertools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

import everyturn
import everyturn.torch
from chats import to_jsonl
from everyturn.torch import (
    SampleDataset,
    StreamDataset,
    TokenBatchSampler,
)
from torch_samples import EXPANDER, EXPECTED, LINES, SECONDS, as_they_come, chat, keys_of

#: Of torchdata 0.11 with PyTorch 2.15.
torchdata_warns = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")


def stream_loader(num_workers: int) -> Any:
    """A loader over a stream whose state can be saved."""
    dataset = StreamDataset(EXPANDER, LINES, chunk_bytes=1_000)
    return StatefulDataLoader(
        dataset, batch_size=5, num_workers=num_workers, collate_fn=as_they_come
    )


def sampler_loader(num_workers: int) -> Any:
    """A loader over samples in batches of tokens whose state can be saved."""
    dataset = SampleDataset(EXPANDER.expand(LINES))
    sampler = TokenBatchSampler(dataset.lengths, max_tokens=500)
    return StatefulDataLoader(
        dataset, batch_sampler=sampler, num_workers=num_workers, collate_fn=as_they_come
    )


@torchdata_warns
@pytest.mark.parametrize("make", [stream_loader, sampler_loader])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_goes_on_where_its_state_was_saved(
    make: Callable[[int], Any], num_workers: int
) -> None:
    """After any number of batches, the rest is what it would have been, and the next epoch is whole."""
    whole = [keys_of(batch) for batch in make(num_workers)]
    assert sorted(key for batch in whole for key in batch) == sorted(EXPECTED)
    stops = range(len(whole) + 1) if num_workers == 0 else (0, 1, 5, len(whole) - 1, len(whole))
    for stop in stops:
        loader = make(num_workers)
        taken = [keys_of(batch) for batch in itertools.islice(loader, stop)]
        assert taken == whole[:stop]
        resumed = make(num_workers)
        resumed.load_state_dict(pickle.loads(pickle.dumps(loader.state_dict())))  # noqa: S301 - our own
        assert [keys_of(batch) for batch in resumed] == whole[stop:], stop
        if stop in {1, len(whole)}:
            assert [keys_of(batch) for batch in resumed] == whole, "the next epoch"


@torchdata_warns
@pytest.mark.parametrize("make", [stream_loader, sampler_loader])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_that_had_ended_begins_anew(make: Callable[[int], Any], num_workers: int) -> None:
    """A state that was saved between two epochs is followed by a whole one."""
    loader = make(num_workers)
    whole = [keys_of(batch) for batch in loader]
    resumed = make(num_workers)
    resumed.load_state_dict(loader.state_dict())
    assert [keys_of(batch) for batch in resumed] == whole


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sampler_resumes_in_a_plain_loader(num_workers: int) -> None:
    """Loaders begin their samplers more than once before they take a batch: the position is kept until then."""
    dataset = SampleDataset(EXPANDER.expand(LINES))
    sampler = TokenBatchSampler(dataset.lengths, max_tokens=500)
    sampler.set_epoch(3)
    whole = list(sampler)
    batches = iter(sampler)
    for _ in range(2):
        next(batches)
    resumed = TokenBatchSampler(dataset.lengths, max_tokens=500)
    resumed.load_state_dict(sampler.state_dict())
    resumed.set_epoch(3)
    loader: Any = DataLoader(
        dataset,
        batch_sampler=resumed,
        num_workers=num_workers,
        collate_fn=as_they_come,
        timeout=SECONDS if num_workers else 0,
    )
    rest = [keys_of(batch) for batch in loader]
    assert rest == [keys_of(dataset.__getitems__(batch)) for batch in whole[2:]]
    assert len(list(loader)) == len(whole)


def test_a_state_is_plain_json() -> None:
    """It can be kept in any checkpoint."""
    dataset = StreamDataset(EXPANDER, LINES)
    items = iter(dataset)
    taken = keys_of(next(items) for _ in range(7))
    state = json.loads(json.dumps(dataset.state_dict()))
    other = StreamDataset(EXPANDER, LINES)
    other.load_state_dict(state)
    assert taken + keys_of(other) == EXPECTED
    sampler = TokenBatchSampler([3, 1, 2], max_tokens=3)
    next(iter(sampler))
    assert json.loads(json.dumps(sampler.state_dict())) == sampler.state_dict()


def test_a_stream_resumes_in_the_middle_of_a_conversation_and_of_files(tmp_path: Path) -> None:
    """After each sample of several files, compressed ones included, the rest is what is left."""
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(to_jsonl(chat(number, 3) for number in range(number, number + 3)))
    source = str(tmp_path / "*.jsonl")
    whole = keys_of(StreamDataset(EXPANDER, source))
    assert len(whole) == 27
    dataset = StreamDataset(EXPANDER, source, chunk_bytes=100)
    states = [(dataset.state_dict(), item["line"]) for item in dataset]
    for number, (state, _) in enumerate(states, 1):
        rest = StreamDataset(EXPANDER, source)
        rest.load_state_dict(state)
        assert keys_of(rest) == whole[number:]


def test_a_state_of_other_shards_is_refused() -> None:
    """Resuming with other ranks would lose samples and repeat some."""
    dataset = StreamDataset(EXPANDER, LINES, rank=0, world_size=2)
    next(iter(dataset))
    other = StreamDataset(EXPANDER, LINES, rank=0, world_size=3)
    other.load_state_dict(dataset.state_dict())
    with pytest.raises(everyturn.OptionsError, match="share 0 of 2, and this is share 0 of 3"):
        iter(other)


def test_a_state_of_another_sampler_is_refused() -> None:
    """Other lengths or options make other batches."""
    state = TokenBatchSampler([3, 1, 2], max_tokens=3).state_dict()
    for other in (
        TokenBatchSampler([3, 1, 2], max_tokens=4),
        TokenBatchSampler([3, 1, 1], max_tokens=3),
        TokenBatchSampler([3, 1, 2], max_tokens=3, seed=1),
    ):
        with pytest.raises(everyturn.OptionsError, match="the state is that of"):
            other.load_state_dict(state)
