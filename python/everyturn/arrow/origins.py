"""Where the rows of a batch come from, put into what the core says of the batch.

In: columns of files and lines, and errors and reports that name lines of a batch. Out: the same with the records' own
places.
"""

import dataclasses
from typing import Any

import pyarrow as pa

from everyturn.exceptions import EveryturnError, InputError
from everyturn.report import Report

TABLE = "<table>"
"""What stands for the file where none is known."""


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

    def __getitem__(self, row: int) -> tuple[str, int]:
        """File and line of a row, as errors name them."""
        file = None if self.file is None else self.file[row].as_py()
        line = None if self.line is None else self.line[row].as_py()
        return file or TABLE, line or row + 1

    def of_error(self, error: EveryturnError, shift: int) -> EveryturnError:
        """The error of line n of a batch as that of row n + shift."""
        if error.line is None:
            return error
        file, line = self[error.line + shift]
        text = str(error).removeprefix(f"{error.file}:{error.line}: ")
        placed = type(error)(f"{file}:{line}: {text}")
        placed.kind, placed.message_index = error.kind, error.message_index
        placed.file, placed.line = file, line
        return placed

    def of_report(self, report: Report, shift: int) -> Report:
        """The report with the rows' places; the blank line before them is none of theirs."""
        faults = []
        for fault in report.faults:
            file, line = self[fault.line + shift]
            text = fault.text.removeprefix(f"{fault.file}:{fault.line}: ")
            faults.append(
                dataclasses.replace(fault, file=file, line=line, text=f"{file}:{line}: {text}")
            )
        return dataclasses.replace(report, faults=tuple(faults), blank_lines=report.blank_lines - 1)


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
