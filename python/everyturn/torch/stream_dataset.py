"""Chats expanded while a model is trained."""

import os
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

from torch.utils.data import IterableDataset, get_worker_info

from everyturn.exceptions import OptionsError
from everyturn.expander import Expander
from everyturn.io.inputs import BinaryReader, Share, Whole
from everyturn.options import check_count
from everyturn.torch.items import Item, to_item
from everyturn.torch.ranks import find_rank

CHUNK_BYTES = 1 << 20
"""About how much text is expanded at a time: less than in `Expander.stream`, so that the first batch comes soon."""


class Position(TypedDict):
    """Where a worker is in the source: what `StreamDataset.state_dict` gives.

    Attributes:
        share: Which share of the lines is read, and of how many.
        file: The 0-based file of the next sample or one before it.
        line: Its 1-based line, likewise.
        row: How many of that line's samples have been given.
        ended: Whether all samples of the pass have been given.
    """

    share: tuple[int, int]
    file: int
    line: int
    row: int
    ended: bool


class StreamDataset(IterableDataset[Item]):
    """Samples in the order of the source, expanded on demand.

    Ranks and workers share the lines: each sample is given exactly once, whatever their numbers. Ranks may get
    different numbers of samples; where each step needs all ranks, train on a `SampleDataset`, or end with the first
    rank that ends. A worker expands with one thread unless the expander says otherwise.

    Resumes by `state_dict` and `load_state_dict`, which torchdata's ``StatefulDataLoader`` calls: lines before the
    position are read and not expanded again. Numbers of ranks and workers must be those of the state.

    >>> from everyturn import Expander
    >>> chat = {
    ...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    ... }
    >>> [item["line"] for item in StreamDataset(Expander("demo"), [chat] * 3)]
    [1, 2, 3]

    Args:
        expander: What turns chats into samples.
        source: As in `Expander.expand`, readable more than once: paths, bytes or a list of dict.
        chunk_bytes: About how much text is expanded at a time.
        rank: This process among those that train; asked of ``torch.distributed`` if None.
        world_size: How many there are; likewise.

    Raises:
        OptionsError: The source can be read only once, the expander drops duplicates, which takes all lines, or the
            rank is not one of the world's.
    """

    def __init__(
        self,
        expander: Expander,
        source: Whole,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        check_count("chunk_bytes", chunk_bytes)
        if _is_read_once(source):
            raise OptionsError(
                "a stream is read by each worker and in each epoch: give paths, bytes or a list, "
                f"not {source if source == '-' else type(source).__name__}"
            )
        if expander.deduplicate:
            raise OptionsError(
                "deduplicate sees all lines in their order, and ranks and workers see a share of them: "
                "expand beforehand, or remove copies from the file"
            )
        self._expander = expander
        self._source = source
        self._chunk_bytes = chunk_bytes
        self._rank, self._world_size = find_rank(rank, world_size)
        self._resume: Position | None = None
        self._position: Position | None = None

    def __iter__(self) -> Iterator[Item]:
        share = self._share()
        start, self._resume = self._resume, None
        if start is None:
            start = {"share": share, "file": 0, "line": 1, "row": 0, "ended": False}
        if tuple(start["share"]) != share:
            raise OptionsError(
                f"the state is that of share {start['share'][0]} of {start['share'][1]}, and this is share "
                f"{share[0]} of {share[1]}: resume with the same numbers of ranks and workers"
            )
        self._position = start
        return iter(()) if start["ended"] else self._items(start)

    def state_dict(self) -> dict[str, Any]:
        """Return where this worker is in the source, as plain JSON types."""
        position = self._resume or self._position
        return {} if position is None else {**position, "share": list(position["share"])}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next pass begin where `state_dict` was taken."""
        self._resume = None
        if state_dict:
            index, count = state_dict["share"]
            self._resume = {
                "share": (index, count),
                "file": state_dict["file"],
                "line": state_dict["line"],
                "row": state_dict["row"],
                "ended": state_dict["ended"],
            }

    def __repr__(self) -> str:
        source = self._source
        named = source if isinstance(source, str | os.PathLike) else type(source).__name__
        expander = self._expander
        return f"StreamDataset({str(named)!r}, {expander.renderer!r}, layout={expander.layout!r})"

    def _share(self) -> tuple[int, int]:
        """Return which share of the lines falls to this worker of this rank, and of how many."""
        worker = get_worker_info()
        number, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        return self._rank * count + number, self._world_size * count

    def _items(self, start: Position) -> Iterator[Item]:
        index, count = start["share"]
        file, line, row = start["file"], start["line"], start["row"]
        share = Share(self._source, index=index, count=count, from_file=file, from_line=line)
        given, seen = row, 0
        for samples in _for_loader(self._expander).stream(share, chunk_bytes=self._chunk_bytes):
            for i, sample in enumerate(samples):
                here = int(samples.file[i]), sample.line
                if here != (file, line):
                    (file, line), given, seen = here, 0, 0
                seen += 1
                if seen <= given:
                    continue
                given = seen
                self._position = {**start, "file": file, "line": line, "row": given}
                yield to_item(sample)
        self._position = {**start, "file": file, "line": line, "row": given, "ended": True}


def _for_loader(expander: Expander) -> Expander:
    """Workers are many: each has one thread, unless the expander has a number."""
    if get_worker_info() is None or expander.num_threads is not None:
        return expander
    return expander.replace(num_threads=1)


def _is_read_once(source: object) -> bool:
    """True for standard input, open files and iterators, also where a list of paths names the first."""
    if isinstance(source, str | bytes | os.PathLike):
        return source == "-"
    if isinstance(source, BinaryReader):
        return True
    if isinstance(source, list | tuple):
        return "-" in source
    return isinstance(source, Iterable) and iter(source) is source
