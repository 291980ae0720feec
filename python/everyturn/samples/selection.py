"""Which of N rows are asked for: by indices or by a mask."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = Sequence[int] | Sequence[bool] | npt.NDArray[np.integer[Any] | np.bool_]
"""Indices, negative ones from the end, or a mask with a bool for each row."""


def row_numbers(rows: Rows, count: int) -> npt.NDArray[np.int64]:
    """Return the numbers, from 0, of the rows that are asked for.

    >>> row_numbers([2, -3], 3).tolist(), row_numbers([False, True, True], 3).tolist()
    ([2, 0], [1, 2])

    Raises:
        IndexError: There is no such row, or the mask has another length.
        TypeError: These are neither indices nor a mask.
    """
    asked = np.asarray(rows)
    if asked.size == 0:
        asked = asked.astype(np.int64)
    if asked.ndim != 1 or asked.dtype.kind not in "iub":
        raise TypeError(
            "samples are chosen by a number, a list of indices, or a mask of bools, "
            f"not by {asked.ndim} dimensions of {asked.dtype}"
        )
    if asked.dtype.kind == "b":
        if len(asked) != count:
            raise IndexError(f"the mask has {len(asked)} bools, and there are {count} samples")
        return np.flatnonzero(asked)
    outside = asked[(asked < -count) | (asked >= count)]
    if outside.size:
        raise _outside(outside[0], count)
    return np.where(asked < 0, asked + count, asked).astype(np.int64)


def row_number(row: int | np.integer[Any], count: int) -> int:
    """Return the number, from 0, of one row; negative ones count from the end.

    Raises:
        IndexError: There is no such row.
    """
    number = int(row)
    if not -count <= number < count:
        raise _outside(number, count)
    return number + count if number < 0 else number


def _outside(row: int, count: int) -> IndexError:
    there_are = f"samples are 0 to {count - 1}" if count else "there are no samples"
    return IndexError(f"no sample {row}: {there_are}")
