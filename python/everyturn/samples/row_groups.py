"""Row groups of Parquet files, each encoded on its own and then put one after another.

In: tables. Out: a file with a row group for each. pyarrow writes a file in one stream; here it writes each row group
into a file of its own in memory, on any thread, and what is in these files is moved into one: the bytes of row groups
as they are, and the description of each with the places that it has now. Nothing is decoded or encoded again.
"""

import contextlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from everyturn.samples import thrift
from everyturn.samples.columns import TOKEN_COLUMNS
from everyturn.samples.thrift import Field, Items, Struct, WireType

MAGIC = b"PAR1"
_LENGTH_BYTES = 4
_MOST_ORDINAL = 2**15 - 1

_COMPRESSION_LEVEL = 1
_IDS = frozenset(column.name for column in TOKEN_COLUMNS if column.dtype.kind == "i")
_PER_TOKEN = frozenset(column.name for column in TOKEN_COLUMNS)


class _Footer:
    """The numbers of the fields that are used of Parquet's `FileMetaData`, and of what is in it."""

    SCHEMA, ROWS, ROW_GROUPS = 2, 3, 4
    COLUMNS, PLACE, ORDINAL = 1, 5, 7
    COLUMN_PLACE, COLUMN = 2, 3
    DATA, INDEX, DICTIONARY = 9, 10, 11


class RowGroup(NamedTuple):
    """A row group that is encoded.

    Attributes:
        body: Its bytes.
        footer: The end of a file in which it is alone, after the magic number.
    """

    body: memoryview
    footer: Struct


def encode(table: pa.Table) -> RowGroup:
    """Return a table as a row group. The GIL is released while it is made."""
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(out, table.schema, **settings(table.schema)) as writer:
        writer.write_table(table.combine_chunks(), row_group_size=max(len(table), 1))
    data = memoryview(out.getvalue())
    end = len(data) - len(MAGIC) - _LENGTH_BYTES
    length = int.from_bytes(data[end : end + _LENGTH_BYTES], "little")
    footer = thrift.read_struct(bytes(data[end - length : end]))
    return RowGroup(data[len(MAGIC) : end - length], footer)


def settings(schema: pa.Schema) -> dict[str, Any]:
    """How columns are written: ids as they are, of which zstd finds those that come again, and without statistics."""
    leaves = _leaves(schema)
    return {
        "compression": "zstd",
        "compression_level": _COMPRESSION_LEVEL,
        "use_dictionary": [path for path, name in leaves if name not in _IDS],
        "write_statistics": [path for path, name in leaves if name not in _PER_TOKEN],
    }


def _leaves(schema: pa.Schema) -> list[tuple[str, str]]:
    """Return the path of each column as a file has it, with the name of the schema's column that it is in."""
    out = pa.BufferOutputStream()
    pq.ParquetWriter(out, schema).close()
    with pq.ParquetFile(pa.BufferReader(out.getvalue())) as file:
        paths = [file.schema.column(number).path for number in range(len(file.schema))]
    return [
        (path, next(name for name in schema.names if f"{path}.".startswith(f"{name}.")))
        for path in paths
    ]


class RowGroupFile:
    """A Parquet file of row groups that have the same schema; it is one once it was ended."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._first: Struct | None = None
        self._rows = 0
        self._groups: list[Struct] = []
        self._file.write(MAGIC)

    def append(self, group: RowGroup) -> None:
        """Write a row group after those before.

        Raises:
            ValueError: It has other columns.
            OSError: It cannot be written.
        """
        self._first = self._first or group.footer
        if self._first[_Footer.SCHEMA] != group.footer[_Footer.SCHEMA]:
            raise ValueError("the row groups of a file have one schema")
        [described] = group.footer[_Footer.ROW_GROUPS].value.values
        _move(described, self._file.tell() - len(MAGIC))
        if len(self._groups) <= _MOST_ORDINAL:
            _set(described, _Footer.ORDINAL, len(self._groups))
        else:
            described.pop(_Footer.ORDINAL, None)
        self._file.write(group.body)
        self._groups.append(described)
        self._rows += group.footer[_Footer.ROWS].value

    def end(self) -> None:
        """Write what describes the row groups, of which there is one at least.

        Raises:
            OSError: It cannot be written.
        """
        footer = dict(self._first or {})
        _set(footer, _Footer.ROWS, self._rows)
        footer[_Footer.ROW_GROUPS] = Field(WireType.LIST, Items(WireType.STRUCT, self._groups))
        data = thrift.write_struct(footer)
        self._file.write(data + len(data).to_bytes(_LENGTH_BYTES, "little") + MAGIC)
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        # What could not be written was said.
        with contextlib.suppress(OSError):
            self._file.close()


def _move(group: Struct, distance: int) -> None:
    """Let a row group's description name the places that are so many bytes after those that it names."""
    _move_place(group, _Footer.PLACE, distance)
    for chunk in group[_Footer.COLUMNS].value.values:
        _move_place(chunk, _Footer.COLUMN_PLACE, distance)
        for place in (_Footer.DATA, _Footer.INDEX, _Footer.DICTIONARY):
            _move_place(chunk[_Footer.COLUMN].value, place, distance)


def _move_place(struct: Struct, number: int, distance: int) -> None:
    # 0 is where nothing can be: there is no such page.
    if number in struct and struct[number].value:
        _set(struct, number, struct[number].value + distance)


def _set(struct: Struct, number: int, value: int) -> None:
    if number in struct:
        struct[number] = Field(struct[number].wire_type, value)
