"""Ragged arrays: rows of different lengths, one after the other, and where each begins.

In and out: offsets, int64[N + 1]; row i is ``[offsets[i]:offsets[i + 1]]`` of a flat array. Nothing here knows what the
rows hold.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def to_offsets(lengths: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return the offsets of rows of these lengths, int64[N + 1].

    >>> to_offsets(np.array([2, 3])).tolist()
    [0, 2, 5]
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def gather(
    offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the elements of the given rows, and the offsets of these rows.

    >>> positions, offsets = gather(np.array([0, 2, 5]), np.array([1, 0]))
    >>> positions.tolist(), offsets.tolist()
    ([2, 3, 4, 0, 1], [0, 3, 5])
    """
    lengths = np.diff(offsets)[rows]
    new_offsets = to_offsets(lengths)
    positions = np.repeat(offsets[rows] - new_offsets[:-1], lengths)
    positions += np.arange(new_offsets[-1])
    return positions, new_offsets


def join_offsets(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return the offsets of the rows of several parts, one after the other."""
    return to_offsets(np.concatenate([np.diff(part) for part in parts]))


def places_in_rows(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the position of each element in its row, counted from 0, int32[T].

    >>> places_in_rows(np.array([0, 2, 5])).tolist()
    [0, 1, 0, 1, 2]
    """
    positions = np.arange(offsets[-1], dtype=np.int64)
    positions -= np.repeat(offsets[:-1], np.diff(offsets))
    return positions.astype(np.int32)


def count_in_rows(
    flags: npt.NDArray[np.bool_], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return how many flags of each row are true, int64[N].

    >>> count_in_rows(np.array([True, False, True]), np.array([0, 2, 3])).tolist()
    [1, 1]
    """
    if not len(flags):
        return np.zeros(len(offsets) - 1, dtype=np.int64)
    # Flags of neighbours are mostly equal: what is counted is stretches, from where a flag is another than before.
    starts = np.concatenate([[0], np.flatnonzero(flags[1:] != flags[:-1]) + 1])
    flag = flags[starts].astype(np.int64)
    true = np.diff(starts, append=len(flags)) * flag
    before = np.cumsum(true) - true
    at = np.searchsorted(starts, offsets, side="right") - 1
    counted: npt.NDArray[np.int64] = before[at] + (offsets - starts[at]) * flag[at]
    return np.diff(counted)
