"""Rows of CSV with cells of any length.

In: lines of text. Out: the cells of each row. Python's reader refuses long cells, by a limit that all readers of a
process share: it is raised while a row is read, and then is again what the caller's program has set.
"""

import csv
import sys
from collections.abc import Iterable, Iterator

_LONGEST_CELL = min(sys.maxsize, 2**31 - 1)
"""The core limits the length of records, whatever their format; this limit only has to be larger."""


def rows_of(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Read rows as `csv.reader` does; nothing is guessed.

    Raises:
        csv.Error: A row is not clear.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        limit = csv.field_size_limit(_LONGEST_CELL)
        try:
            row = next(reader, None)
        finally:
            csv.field_size_limit(limit)
        if row is None:
            return
        yield row
