"""Rows of CSV with cells of any length.

In: lines of text. Out: the cells of each row. Python's reader refuses long cells, by a limit that all readers of a
process share; here is a second instance of it, whose limit is its own, so that the one of the caller's program stays.
"""

import importlib.util
import sys
from collections.abc import Iterable
from typing import Any

_LONGEST_CELL = min(sys.maxsize, 2**31 - 1)
"""Whether a record is too long is decided where all are."""


def _own_instance() -> Any:
    spec = importlib.util.find_spec("_csv")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("this Python has no module _csv")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_CSV = _own_instance()
_CSV.field_size_limit(_LONGEST_CELL)

CsvError: type[Exception] = _CSV.Error
"""What is raised where rows are not clear."""


def rows_of(lines: Iterable[str], delimiter: str) -> Any:
    """Return a reader of rows, as `csv.reader` is one, that guesses nothing."""
    return _CSV.reader(lines, delimiter=delimiter, strict=True)
