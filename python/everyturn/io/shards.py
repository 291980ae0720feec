"""Samples in a folder of Parquet files, for inputs and outputs larger than memory.

In: an expander and a source. Out: ``part-00000.parquet`` and so on, cut between conversations, and ``.manifest.json``.
The bytes of each depend on the inputs and the options alone: not on threads or chunks, nor on how often the run was
killed and run again. The folder itself is `everyturn.io.shard_folder`'s business.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from everyturn.exceptions import OptionsError
from everyturn.expander import CHUNK_BYTES, Expander
from everyturn.io import shard_folder
from everyturn.io.identity import (
    HASH_INPUTS,
    HashInputs,
    Identity,
    differences,
    identify,
    is_as_before,
)
from everyturn.io.inputs import Share, Whole, one_by_one
from everyturn.io.sections import Section
from everyturn.io.shard_folder import SHARD_TOKENS, Folder, Progress, ShardFile
from everyturn.options import StrPath, check_choice, check_count, check_optional_count
from everyturn.report import Report
from everyturn.samples import Samples
from everyturn.samples.kept_types import read_ahead
from everyturn.samples.parquet import has_weights, refuse_weights
from everyturn.samples.writer import Writer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """What a folder holds.

    Attributes:
        shards: The shards in order.
        report: The account of every input line.
        was_done: True if an earlier run had finished, and nothing was changed.
        resumed_shards: How many shards an earlier run had left that was killed.
    """

    shards: tuple[ShardFile, ...]
    report: Report
    was_done: bool
    resumed_shards: int = 0


def expand(
    expander: Expander,
    source: Whole,
    folder: StrPath,
    *,
    shard_tokens: int = SHARD_TOKENS,
    loss_weights: bool = False,
    hash_inputs: HashInputs = HASH_INPUTS,
    limit: int | None = None,
    chunk_bytes: int = CHUNK_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> Written:
    r"""Expand everything in the source into a folder of Parquet shards, or resume where an earlier run stopped.

    A run that was killed is run again with the same arguments: shards that are whole stay, and the files are those of
    a run that was not. That takes inputs that can be read again: paths or bytes.

    >>> import tempfile
    >>> chat = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}'
    >>> chats = b"\n".join([chat] * 5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = expand(Expander("demo"), chats, folder, shard_tokens=25)
    >>> [(shard.name, shard.rows) for shard in written.shards]
    [('part-00000.parquet', 2), ('part-00001.parquet', 2), ('part-00002.parquet', 1)]

    Args:
        expander: What turns chats into samples.
        source: As in `Expander.expand`.
        folder: A new or empty folder, or that of an earlier run.
        shard_tokens: A shard ends with the conversation that brings it to this many tokens.
        loss_weights: Whether shards have a column of weights, which all of them have or none; without it, a weight
            other than 0 and 1 is an error. It is there, too, where `normalize` makes such weights.
        hash_inputs: The folder knows its inputs by name, size, time of modification and a hash of their content, and
            refuses one that has changed. Of files above 64 MiB blocks are hashed, or with ``whole`` all of it.
        limit: Stop after this many records.
        chunk_bytes: About how much text is expanded at a time.
        on_bytes: Called for each chunk with the number of bytes taken from the source so far.

    Raises:
        OptionsError: The folder is that of another run or holds files of others, an input has changed or cannot be
            read again, or duplicates are to be dropped, which shards cannot do.
        EveryturnError: At the first fault, unless ``on_error`` or a policy skips it.
    """
    shard_tokens = check_count("shard_tokens", shard_tokens)
    check_count("chunk_bytes", chunk_bytes)
    limit = check_optional_count("limit", limit, least=0)
    check_choice("hash_inputs", hash_inputs, HashInputs)
    inputs = _inputs(source, hash_inputs, shard_folder.inputs_of(Path(folder)))
    plan = {
        **_plan(expander, inputs),
        "shard_tokens": shard_tokens,
        "loss_weights": has_weights(expander.options(), loss_weights=loss_weights),
        "limit": limit,
    }
    with shard_folder.opened(Path(folder), plan) as opened:
        unsized = [one.name for one in inputs if one.size is None]
        if unsized and (opened.manifest or opened.progress):
            raise OptionsError(
                f"{folder}: {unsized[0]} cannot be read again from where a run stopped: name a new folder"
            )
        if opened.manifest is not None:
            opened.forget_progress()
            shards, report = opened.result()
            return Written(shards=shards, report=report, was_done=True)
        resumed = len(opened.progress.shards) if opened.progress else 0
        run = _Run(expander, opened, plan)
        run.read(inputs, limit, chunk_bytes, on_bytes)
        _check_unchanged(folder, inputs, hash_inputs)
        shards, report = run.finish()
        return Written(shards=shards, report=report, was_done=False, resumed_shards=resumed)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Input:
    """One input, and what it is known by."""

    source: Whole
    identity: Identity

    @property
    def name(self) -> str:
        name: str = self.identity["name"]
        return name

    @property
    def first_line(self) -> int:
        """The number of the line with which it begins."""
        return self.source.first_line if isinstance(self.source, Section) else 1

    @property
    def size(self) -> int | None:
        """The size on disk, of a section's file; None where it can be read once only."""
        size: int | None = self.identity["bytes"]
        return size


def _inputs(source: Whole, hash_inputs: HashInputs, there: Mapping[str, Identity]) -> list[_Input]:
    return [
        _Input(source=one, identity=identify(name, one, hash_inputs, there.get(name)))
        for name, one in one_by_one(source)
    ]


def _check_unchanged(folder: StrPath, inputs: list[_Input], hash_inputs: HashInputs) -> None:
    """Refuse to call a folder finished whose inputs were changed while they were read."""
    written = [one for one in inputs if not is_as_before(one.identity, one.source)]
    before = [one.identity for one in written]
    after = [identify(one.name, one.source, hash_inputs, one.identity) for one in written]
    for difference in differences(before, after):
        raise OptionsError(
            f"{folder}: an input was changed while it was read: {difference}. Remove the folder, and run again"
        )


def _plan(expander: Expander, inputs: list[_Input]) -> dict[str, Any]:
    """What decides the result."""
    if expander.deduplicate:
        raise OptionsError(
            "deduplicate remembers all conversations, and a resumed run does not: "
            "leave duplicates out of the input, or write a single file"
        )
    metadata = expander.metadata()
    options = {**metadata["options"], "max_line_bytes": expander.max_line_bytes}
    listed = [one.identity for one in inputs]
    return {**metadata, "options": options, "inputs": listed}


@dataclasses.dataclass(frozen=True)
class _Chunk:
    """Samples of one input, whose chunk begins at a line."""

    number: int
    line: int
    samples: Samples


class _Run:
    """One run: what was read, and the shard that is being written, besides the one before it that is being ended."""

    def __init__(self, expander: Expander, folder: Folder, plan: dict[str, Any]) -> None:
        self._expander = expander
        self._folder = folder
        self._shard_tokens: int = plan["shard_tokens"]
        self._with_weights: bool = plan["loss_weights"]
        self._left = folder.progress or Progress(report=expander.empty().report)
        self._report = self._left.report
        self._types = self._left.types
        self._workers = expander.workers()
        self._ending = _Ending(folder, self._left.shards)
        self._begun = len(self._left.shards)
        self._writing = ExitStack()
        self._writer: Writer | None = None
        self._rows = 0
        self._tokens = 0
        if folder.progress is None:
            folder.save_progress(self._left)

    def read(
        self,
        inputs: list[_Input],
        limit: int | None,
        chunk_bytes: int,
        on_bytes: Callable[[int], None] | None,
    ) -> None:
        """Expand what is left of the inputs."""
        with self._ending, self._writing:
            chunks = self._chunks(inputs, limit, chunk_bytes, on_bytes)
            if self._types is None:
                self._types, chunks = read_ahead(
                    chunks, self._expander.kept_keys, lambda chunk: chunk.samples
                )
            for chunk in chunks:
                self._take(chunk)
            self._end_of_input()

    def _chunks(
        self,
        inputs: list[_Input],
        limit: int | None,
        chunk_bytes: int,
        on_bytes: Callable[[int], None] | None,
    ) -> Iterator[_Chunk]:
        """Expand what is left of the inputs, chunk by chunk."""
        before = sum(one.size or 0 for one in inputs[: self._left.file])
        left = None if limit is None else limit - self._left.report.records_read
        for number in range(self._left.file, len(inputs)):
            if left == 0:
                break
            one = inputs[number]
            line = one.first_line
            if number == self._left.file:
                line = max(line, self._left.line)
            rest = Share(one.source, index=0, count=1, from_line=line)
            counted = _counting_from(before, on_bytes)
            for samples, next_line in self._expander.stream_with_lines(
                rest, chunk_bytes=chunk_bytes, limit=left, on_bytes=counted
            ):
                yield _Chunk(number, line, samples)
                line = next_line
                left = None if left is None else left - samples.report.records_read
            before += one.size or 0

    def finish(self) -> tuple[tuple[ShardFile, ...], Report]:
        """Write the manifest."""
        self._folder.finish(self._ending.shards, self._report)
        return self._ending.shards, self._report

    def _take(self, chunk: _Chunk) -> None:
        """Write the samples of a chunk, and end shards where they are full."""
        number, samples, start = chunk.number, chunk.samples, 0
        ends = _conversation_ends(samples)
        if number == self._left.written[0]:
            start = int(np.searchsorted(samples.line, self._left.written[1], side="right"))
        while start < len(samples):
            wanted = samples.offsets[start] + self._shard_tokens - self._tokens
            full = int(np.searchsorted(samples.offsets[ends], wanted))
            end = int(ends[min(full, len(ends) - 1)])
            self._write(samples[start:end] if (start, end) != (0, len(samples)) else samples)
            if full < len(ends):
                self._end_shard(
                    Progress(
                        report=self._report,
                        file=number,
                        line=chunk.line,
                        types=self._types,
                        written=(number, int(samples.line[end - 1])),
                    )
                )
            start = end
        self._report += samples.report

    def _write(self, samples: Samples) -> None:
        if not self._with_weights and samples.loss_weights is not None:
            refuse_weights(samples)
        if self._writer is None:
            writer = Writer(
                self._folder.shard(self._begun),
                loss_weights=self._with_weights,
                types=self._types,
                workers=self._workers,
            )
            self._writer = self._writing.enter_context(writer)
        self._writer.write(samples)
        self._rows += len(samples)
        self._tokens += len(samples.input_ids)

    def _end_shard(self, progress: Progress | None) -> None:
        """End the shard; the next one begins meanwhile."""
        path, rows, tokens = self._folder.shard(self._begun), self._rows, self._tokens
        self._ending.begin(self._writing.pop_all(), path, rows, tokens, progress)
        self._begun += 1
        self._writer, self._rows, self._tokens = None, 0, 0

    def _end_of_input(self) -> None:
        """End the last shard; a folder without samples has one that says so."""
        if not self._begun and self._writer is None:
            self._write(self._expander.empty())
        if self._writer is not None:
            self._end_shard(None)


class _Ending(AbstractContextManager["_Ending"]):
    """Ends shards, one after the other, on a thread of its own: one at most while the next one is written.

    Attributes:
        shards: Those that are whole.
    """

    def __init__(self, folder: Folder, shards: tuple[ShardFile, ...]) -> None:
        self.shards = shards
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "everyturn-shards")
        self._last: Future[None] | None = None

    def begin(
        self, writing: ExitStack, path: Path, rows: int, tokens: int, progress: Progress | None
    ) -> None:
        """Let a shard be written to its end, and note it with the progress that the run has made with it, if any.

        Raises:
            OSError: A shard could not be written: this one, or the one before.
        """
        with writing:
            self._wait()
            ended = writing.pop_all()
        self._last = self._thread.submit(self._end, ended, path, rows, tokens, progress)

    def _end(
        self, writing: ExitStack, path: Path, rows: int, tokens: int, progress: Progress | None
    ) -> None:
        writing.close()
        self.shards = (*self.shards, ShardFile.of(path, rows=rows, tokens=tokens))
        if progress is not None:
            self._folder.save_progress(dataclasses.replace(progress, shards=self.shards))

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the last shard; what has ended the run stays the error that is raised."""
        try:
            if kind is None:
                self._wait()
        finally:
            self._thread.shutdown()


def _conversation_ends(samples: Samples) -> Any:
    """The sample after the last one of each conversation; the samples are of one file."""
    return np.append(np.flatnonzero(np.diff(samples.line)) + 1, len(samples))


def _counting_from(
    before: int, on_bytes: Callable[[int], None] | None
) -> Callable[[int], None] | None:
    """Count the bytes of an input after those of the inputs before it."""
    return None if on_bytes is None else lambda taken: on_bytes(before + taken)
