"""Where the rows of a batch come from.

In: columns of files and lines. Out: the location of each row, as samples and errors name it.
"""

import dataclasses

import pyarrow as pa

from everyturn.io.arrow_rows import column_of
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
            None if file_column is None else column_of(table, file_column, pa.string()),
            None if line_column is None else column_of(table, line_column, pa.int64()),
        )

    def locations(self, rows: int) -> list[tuple[str, int]]:
        """File and line of each row; without them `TABLE` and the row, counted from 1."""
        files = [None] * rows if self.file is None else self.file.to_pylist()
        lines = [None] * rows if self.line is None else self.line.to_pylist()
        return [
            (file or TABLE, line if line is not None and line > 0 else row)
            for row, (file, line) in enumerate(zip(files, lines, strict=True), start=1)
        ]
