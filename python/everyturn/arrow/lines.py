"""The records of a file as tables, for engines that read on one worker and expand on others.

In: a path. Out: tables of its records, block by block, with all that says where each comes from; `Preparer.of_lines`
expands them as `Expander.expand` does the file. Which lines are records is the core's business.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from everyturn.io.records import Record, Records
from everyturn.io.sections import Section

FILE, LINE, FORMAT, TEXT, TOO_LONG = "file", "line", "format", "json", "too_long"
"""The columns. A blank line is a row without line and text; a line that is too long has no text either."""

BLOCK_BYTES = 1 << 20
"""About how much text a table holds."""

_SCHEMA = pa.schema(
    [
        (FILE, pa.string()),
        (LINE, pa.int64()),
        (FORMAT, pa.string()),
        (TEXT, pa.large_binary()),
        (TOO_LONG, pa.bool_()),
    ]
)


def read_tables(
    source: str | Section, *, block_bytes: int = BLOCK_BYTES, **reading: Any
) -> Iterator[pa.Table]:
    """Read the records of a file, or of a section of one.

    Args:
        source: The path of the file, or the section.
        block_bytes: About how much text a table holds.
        **reading: The options of `everyturn.io.records.Records`.

    Raises:
        InputError: The file cannot be read, or its compressed data is broken.
    """
    records = Records(source, **reading)
    path = source.path if isinstance(source, Section) else source
    block: list[Record] = []
    length, blank_lines = 0, 0
    for record in records:
        block.append(record)
        length += len(record.text or b"")
        if length >= block_bytes:
            yield _table(path, block, records.blank_lines - blank_lines)
            block, length, blank_lines = [], 0, records.blank_lines
    yield _table(path, block, records.blank_lines - blank_lines)


def _table(path: str, block: list[Record], blank_lines: int) -> pa.Table:
    blank = [None] * blank_lines
    columns = {
        FILE: [path] * (len(block) + blank_lines),
        LINE: [record.line for record in block] + blank,
        FORMAT: [record.format for record in block] + blank,
        TEXT: [record.text for record in block] + blank,
        TOO_LONG: [record.text is None for record in block] + [False] * blank_lines,
    }
    return pa.table(columns, schema=_SCHEMA)
