"""Conversations into parts, for instance to train on and to evaluate on.

In: samples, and the share of each part. Out: samples per part. A part is chosen for a conversation as a whole and by
its bytes alone: samples of one conversation are never on both sides, whatever the order of the input and whatever else
it holds.
"""

import hashlib
import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

PERSON = b"everyturn.split"
"""What keeps this hash apart from other uses of BLAKE2b with the same key."""

_DIGEST_BYTES = 8
_SEED_BYTES = 8
_LARGEST = 2 ** (8 * _DIGEST_BYTES) - 1


def split(
    samples: "Samples", shares: Mapping[str, float], *, seed: int = 0
) -> "dict[str, Samples]":
    """Split by conversation; see `Samples.split`."""
    bounds = _bounds(shares)
    names = np.ascontiguousarray(samples.conversation_hashes).view("V16").reshape(-1)
    distinct, inverse = np.unique(names, return_inverse=True)
    part = np.searchsorted(bounds, _numbers(distinct.tobytes(), seed), side="right")
    part = part[inverse.reshape(-1)]
    return {name: samples.select(np.flatnonzero(part == i)) for i, name in enumerate(shares)}


def _bounds(shares: Mapping[str, float]) -> npt.NDArray[np.uint64]:
    """Return the first number after each part but the last."""
    if any(not 0 < share <= 1 for share in shares.values()):
        raise OptionsError(f"shares must be above 0 and at most 1, not {dict(shares)}")
    if not math.isclose(math.fsum(shares.values()), 1, abs_tol=1e-9):
        raise OptionsError(f"shares must sum to 1, not to {math.fsum(shares.values()):g}")
    ends = list(itertools.accumulate(shares.values()))[:-1]
    return np.array([min(int(end * (_LARGEST + 1)), _LARGEST) for end in ends], dtype=np.uint64)


def _numbers(names: bytes, seed: int) -> npt.NDArray[np.uint64]:
    """Return a number for each name of 16 bytes, evenly spread over 64 bits."""
    try:
        key = seed.to_bytes(_SEED_BYTES, "big", signed=True)
    except (AttributeError, OverflowError) as error:
        raise OptionsError(f"seed must be a whole number of 64 bits, not {seed!r}") from error
    digests = b"".join(
        hashlib.blake2b(
            names[start : start + 16], digest_size=_DIGEST_BYTES, key=key, person=PERSON
        ).digest()
        for start in range(0, len(names), 16)
    )
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
