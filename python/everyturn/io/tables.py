"""Columns as records: files of them, and tables in memory.

In: a path with what it holds, or an object that gives Arrow data. Out: a reader of JSON lines, a line for each row,
made batch by batch as they are read. Nothing is imported that the object has not brought along, except pyarrow.
"""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from everyturn import _core
from everyturn.exceptions import EveryturnError, InputError
from everyturn.io.csv_rows import rows_of
from everyturn.io.files import FileContent
from everyturn.io.json_lines import LineReader, json_line
from everyturn.wording import counted

BATCH_ROWS = 512
"""Rows that are turned into lines at a time: chats are long."""


def reader_of_file(path: str, content: FileContent) -> LineReader:
    """Return the lines of a file of columns."""
    plain = _Plain(path)
    if content.name == "csv":
        return LineReader(_csv_lines(path, plain, content.delimiter), lambda: plain.bytes_taken)
    if content.is_compressed and content.name != "arrow_stream":
        raise InputError.in_file(
            path, f"is a {content.words} that was compressed as a whole: unpack it first"
        )
    size, done = Path(path).stat().st_size, [0.0]
    batches = {"parquet": _parquet, "arrow_file": _arrow_file}.get(content.name)
    if batches is None:
        lines = _table_lines(path, content, lambda: _arrow_stream(plain))
        return LineReader(lines, lambda: plain.bytes_taken)
    lines = _table_lines(path, content, lambda: batches(path, done))
    return LineReader(lines, lambda: int(size * done[0]))


def reader_of_object(source: object, name: str) -> LineReader | None:
    """Return the lines of a table in memory, or a stream of tables; None if the object is neither.

    That is what has the Arrow C data interface, as tables of pyarrow, polars and pandas have, and a data set of Hugging
    Face datasets, which has batches of Arrow data.
    """
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__"):
        return LineReader(_lines_of(name, lambda: _by_interface(source)))
    if _is_data_set(source):
        return LineReader(_lines_of(name, lambda: _by_batches(source)))
    return None


def _is_data_set(source: Any) -> bool:
    """Whether the rows of a data set have types; others are dicts as they come."""
    return (
        callable(getattr(source, "with_format", None))
        and callable(getattr(source, "iter", None))
        and getattr(source, "features", None) is not None
    )


def _by_interface(source: Any) -> Iterator[Any]:
    import pyarrow as pa

    if hasattr(source, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(source)
    else:
        yield pa.record_batch(source)


def _by_batches(source: Any) -> Iterator[Any]:
    for table in source.with_format("arrow").iter(batch_size=BATCH_ROWS):
        yield from table.to_batches()


def _parquet(path: str, done: list[float]) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        rows = 0
        for batch in file.iter_batches(batch_size=BATCH_ROWS):
            rows += len(batch)
            done[0] = rows / file.metadata.num_rows
            yield batch


def _arrow_file(path: str, done: list[float]) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(path) as mapped, pa.ipc.open_file(mapped) as file:
        for number in range(file.num_record_batches):
            done[0] = (number + 1) / file.num_record_batches
            yield _checked(file.get_batch(number))


def _arrow_stream(plain: "_Plain") -> Iterator[Any]:
    import pyarrow as pa

    with pa.ipc.open_stream(plain) as stream:
        for batch in stream:
            yield _checked(batch)


def _checked(batch: Any) -> Any:
    """Arrow trusts the offsets in a file: where they are damaged, reading a value would end the process."""
    batch.validate(full=True)
    return batch


def _table_lines(
    path: str, content: FileContent, batches: Callable[[], Iterator[Any]]
) -> Iterator[bytes]:
    """The lines of a file; what its format's reader says is an error of the file."""
    import pyarrow as pa

    try:
        yield from _lines_of(path, batches)
    except EveryturnError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError.in_file(path, f"the {content.words} cannot be read: {error}") from error


def _lines_of(name: str, batches: Callable[[], Iterator[Any]]) -> Iterator[bytes]:
    import pyarrow as pa

    from everyturn.io.arrow_rows import json_lines

    before = 0
    for batch in batches():
        own = set(_row_labels(batch.schema))
        for start in range(0, len(batch), BATCH_ROWS):
            table = pa.Table.from_batches([batch.slice(start, BATCH_ROWS)])
            try:
                lines = json_lines(table, None, own)
            except InputError as error:
                row = None if error.line is None else before + start + error.line
                raise InputError.in_file(name, error.reason or str(error), line=row) from error
            for line in lines:
                yield line + b"\n"
        before += len(batch)


def _row_labels(schema: Any) -> Iterator[str]:
    """The columns in which pandas keeps the labels of rows: they are not of the records."""
    for column in (schema.pandas_metadata or {}).get("index_columns", ()):
        if isinstance(column, str) and column.startswith("__index_level_"):
            yield column


def _csv_lines(path: str, plain: "_Plain", delimiter: str) -> Iterator[bytes]:
    """A line for each row of text; an empty cell is a key that the record does not have."""
    text = io.TextIOWrapper(io.BufferedReader(plain, 1 << 18), encoding="utf-8-sig", newline="")
    rows = rows_of(text, delimiter)
    number = 0
    try:
        names: list[str] = next(rows, [])
        _check_names(path, names)
        for number, row in enumerate(rows, start=1):
            if row and len(row) != len(names):
                cells, columns = counted(len(row), "cell"), counted(len(names), "column")
                raise InputError.in_file(
                    path, f"the row has {cells}, and the header names {columns}", line=number
                )
            record = {name: cell for name, cell in zip(names, row, strict=False) if cell}
            yield json_line(record) if row else b"\n"
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError.in_file(
            path, f"the row cannot be read: {error}", line=number + 1
        ) from error


def _check_names(path: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError.in_file(path, f"two columns have the name {twice!r}")


class _Plain(io.RawIOBase):
    """The bytes of a file, decompressed; opened when they are first read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._core: _core.PlainFile | None = None

    @property
    def bytes_taken(self) -> int:
        return 0 if self._core is None else self._core.bytes_taken

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._core is None:
            self._core = _core.PlainFile(self._path)
        data = self._core.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
