"""Streams in loaders: each sample once, for any number of ranks and workers."""

import contextlib
import functools
import gc
import io
import os
import pickle
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed
from torch.utils.data import DataLoader

import everyturn
import everyturn.torch
from chats import to_jsonl
from everyturn.torch import (
    Item,
    PackingCollator,
    SampleDataset,
    StreamDataset,
    TokenBatchSampler,
)
from torch_samples import (
    CHATS,
    EXPANDER,
    EXPECTED,
    LINES,
    SECONDS,
    as_they_come,
    chat,
    in_batches,
    keys_of,
)


def test_a_stream_gives_what_an_expansion_gives() -> None:
    """The same samples in the same order, whatever the size of a chunk."""
    assert keys_of(StreamDataset(EXPANDER, LINES, chunk_bytes=500)) == EXPECTED
    samples = EXPANDER.expand(LINES)
    assert keys_of(SampleDataset(samples)) == EXPECTED
    first = next(iter(StreamDataset(EXPANDER, LINES)))
    assert first["input_ids"].tolist() == samples[0].input_ids.tolist()


@pytest.mark.filterwarnings("ignore:This DataLoader will create .* worker processes")
@pytest.mark.parametrize("num_workers", range(5))
@pytest.mark.parametrize("world_size", range(1, 5))
def test_each_sample_is_streamed_once(world_size: int, num_workers: int) -> None:
    """For any number of ranks and workers: all samples, none twice, and each share in order."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for rank in range(world_size):
        dataset = StreamDataset(
            EXPANDER, LINES, chunk_bytes=2_000, rank=rank, world_size=world_size
        )
        found += keys_of(in_batches(dataset, num_workers=num_workers, batch_size=4))
    assert Counter(found) == Counter(EXPECTED)


def test_files_of_one_line_are_shared_out(tmp_path: Path) -> None:
    """Shards begin with another line in each file, compressed or not."""
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_bytes(to_jsonl([chat(number, 1)]))
    shares = [
        len(list(StreamDataset(EXPANDER, str(tmp_path / "*.jsonl"), rank=rank, world_size=3)))
        for rank in range(3)
    ]
    assert shares == [2, 2, 2]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Datasets, expanders and collators reach workers that share nothing; a warning there is an error."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    samples = EXPANDER.expand(LINES)
    samples.save(tmp_path / "saved")
    saved = SampleDataset(tmp_path / "saved")
    for dataset in (StreamDataset(EXPANDER, LINES), saved):
        loader: Any = DataLoader(
            dataset,
            batch_size=4,
            collate_fn=PackingCollator(),
            num_workers=1,
            multiprocessing_context=method,
            timeout=SECONDS,
        )
        ids = torch.cat([batch["input_ids"][0] for batch in loader])
        assert ids.tolist() == samples.input_ids.tolist()


def test_a_forked_worker_can_expand_after_its_parent_did() -> None:
    """Threads of the parent are not there after a fork; the worker starts its own, loader after loader."""
    EXPANDER.expand(LINES)
    for _ in range(5):
        assert len(in_batches(StreamDataset(EXPANDER, LINES), num_workers=2)) == len(EXPECTED)
        EXPANDER.expand(LINES)


def names_in_the_pool(threads: int, _: list[Item]) -> list[str]:
    """Return the names of the threads of this process's pool, once there are so many.

    Threads of the pool are numbered. They name themselves when they first run, so they are waited
    for. Those that read and that feed the pool end with the input, so they may be there or not.
    """
    end = time.monotonic() + SECONDS / 2
    while True:
        names = []
        for task in Path(f"/proc/{os.getpid()}/task").iterdir():
            # Other threads, such as those of the loader, may end meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                names.append((task / "comm").read_text(encoding="utf-8").strip())
        names = [name for name in names if re.fullmatch(r"everyturn-\d+", name)]
        if len(names) >= threads or time.monotonic() > end:
            return names
        time.sleep(0.01)


@pytest.mark.parametrize(("num_threads", "threads"), [(None, 1), (3, 3)])
def test_a_worker_has_one_thread_unless_told_otherwise(
    num_threads: int | None, threads: int
) -> None:
    """Workers are many already."""
    expander = everyturn.Expander("demo", num_threads=num_threads)
    loader: Any = DataLoader(
        StreamDataset(expander, LINES),
        num_workers=1,
        collate_fn=functools.partial(names_in_the_pool, threads),
        timeout=SECONDS,
    )
    assert {len(names) for names in loader} == {threads}


def test_workers_that_stay_give_each_epoch_whole() -> None:
    """Workers that are kept between epochs begin each at the start."""
    loader: Any = DataLoader(
        StreamDataset(EXPANDER, LINES),
        num_workers=2,
        persistent_workers=True,
        collate_fn=as_they_come,
        timeout=SECONDS,
    )
    for _ in range(3):
        assert Counter(key for batch in loader for key in keys_of(batch)) == Counter(EXPECTED)


def test_a_bad_line_in_a_worker_is_the_same_error() -> None:
    """Its class and its text reach the training loop."""
    bad = LINES + b'{"messages": [{"role": "bot", "content": "x"}]}'
    with pytest.raises(everyturn.ConversationError, match=r'<bytes>:42: message 0: .*"bot"'):
        in_batches(StreamDataset(EXPANDER, bad), num_workers=1)
    # The loader lies in a cycle with its error; forked with it, later workers would wait for it.
    gc.collect()


def test_a_loader_can_be_left_at_any_time() -> None:
    """A loop that ends early leaves nothing behind that waits."""
    for _ in range(3):
        loader: Any = DataLoader(
            StreamDataset(EXPANDER, LINES, chunk_bytes=500),
            num_workers=2,
            collate_fn=as_they_come,
            timeout=SECONDS,
        )
        next(iter(loader))
        del loader


def test_a_dataset_on_disk_pickles_as_its_path(samples: everyturn.Samples, tmp_path: Path) -> None:
    """What goes to a worker is small, and reads the same."""
    samples.save(tmp_path / "saved")
    dataset = SampleDataset(tmp_path / "saved")
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 1_000
    copy = pickle.loads(pickled)  # noqa: S301 - our own pickle
    assert keys_of(copy[i] for i in range(len(copy))) == keys_of(
        dataset[i] for i in range(len(copy))
    )
    assert len(pickle.dumps(StreamDataset(EXPANDER, "chats.jsonl"))) < 10_000


@pytest.mark.parametrize(
    "source",
    ["-", iter(CHATS), ["-"], io.BytesIO(LINES)],
    ids=["stdin", "iterator", "list", "file"],
)
def test_what_can_be_read_only_once_is_no_stream(source: Any) -> None:
    """Each worker reads it, and each epoch."""
    with pytest.raises(everyturn.OptionsError, match="each worker"):
        StreamDataset(EXPANDER, source)


def test_a_share_of_the_lines_shows_no_copies() -> None:
    """Leaving out copies takes all lines in their order, which no worker sees."""
    expander = everyturn.Expander(EXPANDER.renderer, deduplicate=True)
    with pytest.raises(everyturn.OptionsError, match="deduplicate sees all lines"):
        StreamDataset(expander, LINES)


def test_the_rank_is_that_of_the_process_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where training is distributed, nobody has to say which rank this is."""
    found = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        found += keys_of(StreamDataset(EXPANDER, LINES))
        batches = list(TokenBatchSampler(np.arange(1, 30), max_tokens=40))
        mine = TokenBatchSampler(np.arange(1, 30), max_tokens=40, rank=rank, world_size=3)
        assert batches == list(mine)
    assert Counter(found) == Counter(EXPECTED)


@pytest.mark.parametrize(("rank", "world_size"), [(2, 2), (-1, 2), (0, None), (None, 2)])
def test_a_rank_is_one_of_its_world(rank: int | None, world_size: int | None) -> None:
    """Both are given, and go together."""
    with pytest.raises(everyturn.OptionsError, match="rank"):
        StreamDataset(EXPANDER, LINES, rank=rank, world_size=world_size)
    with pytest.raises(everyturn.OptionsError, match="rank"):
        TokenBatchSampler([1, 2], max_tokens=9, rank=rank, world_size=world_size)
