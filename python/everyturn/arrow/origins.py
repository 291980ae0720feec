"""Where the rows of a batch come from.

In: columns of files and lines. Out: the location of each row, as samples and errors name it.
"""

import dataclasses
from typing import Any

import pyarrow as pa

from everyturn.exceptions import InputError
from everyturn.samples.parquet import TABLE


@dataclasses.dataclass(frozen=True)
class Origins:
    """Files and lines of the rows of a table; None where there is no such column."""

    file: pa.ChunkedArray | None
    line: pa.ChunkedArray | None

    @classmethod
    def of(cls, table: pa.Table, file_column: str | None, line_column: str | None) -> "Origins":
        """Find the columns.

        Raises:
            InputError: One is missing, or holds something else.
        """
        return cls(
            _column(table, file_column, pa.string()), _column(table, line_column, pa.int64())
        )

    def locations(self, rows: int) -> list[tuple[str, int]]:
        """File and line of each row; without them `TABLE` and the row, counted from 1."""
        files = [None] * rows if self.file is None else self.file.to_pylist()
        lines = [None] * rows if self.line is None else self.line.to_pylist()
        return [
            (file or TABLE, line if line is not None and line > 0 else row)
            for row, (file, line) in enumerate(zip(files, lines, strict=True), start=1)
        ]


def _column(table: pa.Table, name: str | None, kind: pa.DataType) -> Any:
    if name is None:
        return None
    if name not in table.column_names:
        raise InputError(
            f"the table has no column {name!r}; it has {', '.join(table.column_names)}"
        )
    try:
        return table[name].cast(kind)
    except pa.ArrowInvalid as error:
        raise InputError(f"the column {name!r} holds no {kind}: {error}") from error
