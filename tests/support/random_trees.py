"""Trees at random, as tokens see each other in them."""

import numpy as np
import numpy.typing as npt


def random_tree(
    random: np.random.Generator, length: int, *, branching: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ``subtree_end`` and depths of a forest; ``branching`` is the chance not to follow the token before."""
    ends = np.full(length, length, dtype=np.int64)
    depths = np.zeros(length, dtype=np.int64)
    path: list[int] = []
    for token in range(length):
        if path and random.random() < branching:
            kept = int(random.integers(0, len(path) + 1))
            ends[path[kept:]] = token
            del path[kept:]
        depths[token] = len(path)
        path.append(token)
    return ends, depths
