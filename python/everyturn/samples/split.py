"""Conversations into parts, for instance to train on and to evaluate on.

In: samples, and the share of each part. Out: samples per part. A part is chosen for a conversation as a whole and by
what is rendered of it alone: duplicates are never on both sides, nor is a conversation that continues another, whatever
the order of the input and whatever else it holds. Groups, which are values of a kept column, can join conversations
that have nothing else in common; only there does a part depend on which conversations there are.
"""

import hashlib
import itertools
import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError
from everyturn.options import Prefixes, check_choice
from everyturn.samples.origins import ID_BYTES, OPENING_BYTES, ids

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

PERSON = b"everyturn.split"
"""What keeps this hash apart from other uses of BLAKE2b with the same key."""

_DIGEST_BYTES = 8
_SEED_BYTES = 8
_LARGEST = 2 ** (8 * _DIGEST_BYTES) - 1


def split(
    samples: "Samples",
    shares: Mapping[str, float],
    *,
    seed: int,
    prefixes: Prefixes,
    group_by: str | None,
) -> "dict[str, Samples]":
    """Split by conversation; see `Samples.split`."""
    check_choice("prefixes", prefixes, Prefixes)
    bounds = _bounds(shares)
    distinct, inverse = np.unique(
        ids(samples, OPENING_BYTES if prefixes == "together" else ID_BYTES), return_inverse=True
    )
    inverse = inverse.reshape(-1)
    names = [name.tobytes() for name in distinct]
    if group_by is not None:
        names = _with_groups(names, inverse, _groups(samples, group_by))
    part = np.searchsorted(bounds, _numbers(names, seed), side="right")[inverse]
    return {name: samples.select(np.flatnonzero(part == i)) for i, name in enumerate(shares)}


def _groups(samples: "Samples", group_by: str) -> list[bytes | None]:
    """Return the JSON text of each sample's group, None where it has none."""
    kept = samples.kept
    if group_by not in kept:
        known = ", ".join(kept) or "nothing"
        raise OptionsError(
            f"group_by: {group_by!r} is not kept; the samples keep {known}: name it in keep where they are expanded"
        )
    texts = kept.column(group_by)
    used, inverse = np.unique(kept.rows, return_inverse=True)
    groups = [texts.text(record) or None for record in used]
    return [groups[at] for at in inverse.reshape(-1)]


def _with_groups(
    names: list[bytes], of_samples: npt.NDArray[np.integer[Any]], groups: list[bytes | None]
) -> list[bytes]:
    """Return for each name that of all that goes with it: by common groups, and by groups of common names.

    It is the text of the least group; a name without a group stays.
    """
    above: dict[Hashable, Hashable] = {}

    def top(of: Hashable) -> Hashable:
        while (parent := above.setdefault(of, of)) != of:
            above[of] = above[parent]
            of = parent
        return of

    known = {group for group in groups if group is not None}
    for number, group in set(zip(of_samples.tolist(), groups, strict=True)):
        if group is not None:
            above[top(number)] = top(group)
    least: dict[Hashable, bytes] = {}
    for group in known:
        of = top(group)
        least[of] = min(least.get(of, group), group)
    return [least.get(top(number), name) for number, name in enumerate(names)]


def _bounds(shares: Mapping[str, float]) -> npt.NDArray[np.uint64]:
    """Return the first number after each part but the last."""
    if not isinstance(shares, Mapping):
        raise OptionsError(f"shares must map the names of parts to fractions, not {shares!r}")
    if any(not 0 < share <= 1 for share in shares.values()):
        raise OptionsError(f"shares must be above 0 and at most 1, not {dict(shares)}")
    if not math.isclose(math.fsum(shares.values()), 1, abs_tol=1e-9):
        raise OptionsError(f"shares must sum to 1, not to {math.fsum(shares.values()):g}")
    ends = list(itertools.accumulate(shares.values()))[:-1]
    return np.array([min(int(end * (_LARGEST + 1)), _LARGEST) for end in ends], dtype=np.uint64)


def _numbers(names: list[bytes], seed: int) -> npt.NDArray[np.uint64]:
    """Return a number for each name, evenly spread over 64 bits."""
    try:
        key = seed.to_bytes(_SEED_BYTES, "big", signed=True)
    except (AttributeError, OverflowError) as error:
        raise OptionsError(f"seed must be a whole number of 64 bits, not {seed!r}") from error
    digests = b"".join(
        hashlib.blake2b(name, digest_size=_DIGEST_BYTES, key=key, person=PERSON).digest()
        for name in names
    )
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
