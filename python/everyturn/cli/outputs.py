"""Files that commands write: which ones they replace, and how samples are written.

In: the name of a file. Out: its path, if it can be written and nothing is lost by it; a writer of samples. One rule
holds for every flag that names an output: what this package has written is replaced, as a run is repeated with other
options; any other file takes --overwrite or, where a command has no such flag, another name.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Protocol

from everyturn.atomic import appearing
from everyturn.cli.console import writable
from everyturn.exceptions import OptionsError
from everyturn.samples import Samples
from everyturn.samples.kept_types import check_stated
from everyturn.workers import Workers

FIRST_BYTES = 64 << 20
"""How much of the first line of a file is looked at to know its columns."""

COLUMNS = (b'{"input_ids": [', b'"n_trained": ', b'"conversation_id": "')
"""What a line of samples has."""


LINES_SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Names of files that are written as JSON lines."""


class Made(NamedTuple):
    """What this package writes.

    Attributes:
        words: What it is.
        marks: What its beginning has, and hardly any other file.
    """

    words: str
    marks: tuple[bytes, ...]

    def is_in(self, path: Path) -> bool:
        """Whether a file is one of these."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        return bool(self.marks) and all(mark in head for mark in self.marks)


HEAD_BYTES = 1 << 16
"""How much of a file is looked at to know that it was made here."""

REPORT = Made("a report", (b'"train_on": ', b'"records_read": ', b'"targets_found": '))
PAGE = Made("a page of everyturn", (b'<meta name="generator" content="everyturn ',))
BENCHMARK = Made("a benchmark", (b'"command": ', b'"machine": ', b'"versions": '))
PLOT = Made("a plot of everyturn", (b"everyturn bench",))
BOARD = Made(
    "a board of everyturn", (b"# What other tools train", b"<!-- Made by the command below. -->")
)
COPY = Made("known to be a copy that --fix made", ())
"""Chats are chats, whoever wrote them."""


def output(
    flag: str,
    name: str,
    made: Made,
    *,
    inputs: Sequence[str] = (),
    model: str | None = None,
    overwrite: bool | None = None,
) -> Path:
    """Refuse before the work a file that could not be written after it, or that would be lost.

    Args:
        flag: What names it.
        name: As it is named.
        made: What is written to it.
        inputs: As in `writable`.
        model: Likewise.
        overwrite: What --overwrite says; None for a command that has no such flag.

    Raises:
        OptionsError: The text names the file, and what to do.
    """
    path = writable(flag, name, inputs=inputs, model=model)
    if not overwrite and _holds_something(path) and not made.is_in(path):
        raise _lost(flag, path, made.words, overwrite=overwrite)
    return path


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _lost(flag: str, path: Path, words: str, *, overwrite: bool | None) -> OptionsError:
    cure = "name another file" if overwrite is None else "--overwrite replaces it"
    return OptionsError(f"{flag}: {path}: exists, and is not {words}: {cure}")


class SamplesWriter(AbstractContextManager["SamplesWriter"], Protocol):
    """Takes samples part by part."""

    def write(self, samples: Samples) -> None:
        """Append samples."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that samples would not be written to, or that would be lost.

    Raises:
        OptionsError: The name has no ending that is known, or a file would be lost.
    """
    if path.suffix not in (".parquet", *LINES_SUFFIXES):
        known = ", ".join((".parquet", *LINES_SUFFIXES))
        raise OptionsError(f"-o: {path}: the name must end in {known} or, for a folder, /")
    if not overwrite and _holds_something(path) and not _is_of_samples(path):
        raise _lost("-o", path, "a file of samples", overwrite=overwrite)


def writer_of(path: Path | None, workers: Workers | None = None) -> SamplesWriter:
    """Return what writes samples to a file that was checked, or to stdout; workers encode row groups."""
    if path is not None and path.suffix == ".parquet":
        from everyturn.samples.writer import Writer

        return Writer(path, workers=workers)
    return JsonLinesWriter(path)


def _is_of_samples(path: Path) -> bool:
    """Whether a file holds samples of this package."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        from everyturn.samples.parquet import METADATA_KEY

        try:
            return METADATA_KEY in (pq.read_schema(path).metadata or {})
        except (pa.ArrowException, OSError):
            # pyarrow raises OSError for some that are broken.
            return False
    with path.open("rb") as file:
        first = file.readline(FIRST_BYTES)
    return all(column in first for column in COLUMNS)


class JsonLinesWriter(AbstractContextManager["JsonLinesWriter"]):
    """One JSON object a sample, with the columns of the Parquet file; a file appears when it is whole."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] = sys.stdout
        self._open = ExitStack()

    def __enter__(self) -> "JsonLinesWriter":
        if self._path is not None:
            temporary = self._open.enter_context(appearing(self._path))
            self._file = self._open.enter_context(temporary.open("w", encoding="utf-8"))
        return self

    def write(self, samples: Samples) -> None:
        """Append samples; a row has `loss_weights` if its own are not all 0 or 1, and kept values as they are."""
        from everyturn.samples.parquet import to_table

        table = to_table(samples, with_weights=samples.loss_weights is not None, types={})
        check_stated(samples)
        for number, columns in enumerate(table.to_pylist()):
            row = {**columns, **samples.kept.of_row(number)}
            if set(row.get("loss_weights", ())) <= {0.0, 1.0}:
                row.pop("loss_weights", None)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._path is None:
            self._file.flush()
        # A file is flushed as it is closed, inside of what removes it where that fails.
        self._open.__exit__(kind, error, traceback)
