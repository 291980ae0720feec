"""Where two sequences part.

In: two texts, or two rows of ids. Out: the length of what both begin with.
"""

from collections.abc import Sequence
from typing import Any


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return how many elements two sequences begin with alike.

    >>> common_prefix("prompt", "prose"), common_prefix([1, 2], [1, 2, 3])
    (3, 2)
    """
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return at
    return min(len(one), len(other))
