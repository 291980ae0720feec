"""Trees taken apart.

In: samples of any layout. Out: what is trained, each stretch with all that comes before it on its path. That of a row
that is no tree is the row.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from everyturn.samples.labels import IGNORE_INDEX

if TYPE_CHECKING:
    from everyturn.samples.sample import Sample
    from everyturn.samples.table import Samples


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Unrolled:
    """A stretch of trained tokens with what comes before it: a target, or the trained parts of one.

    Attributes:
        sample: The index of the sample that it is of.
        prompt: int32[P], the ids before it.
        completion: int32[C], the ids that are trained.
        loss_weights: float32[C], their weights.
    """

    sample: int
    prompt: npt.NDArray[np.int32]
    completion: npt.NDArray[np.int32]
    loss_weights: npt.NDArray[np.float32]


def unroll(samples: "Samples") -> Iterator[Unrolled]:
    """Give every trained stretch; see `Samples.unroll`."""
    for index, sample in enumerate(samples):
        for start, end in _stretches(sample):
            path = _path_to(sample, end - 1)
            before = len(path) - (end - start)
            yield Unrolled(
                sample=index,
                prompt=sample.input_ids[path[:before]],
                completion=sample.input_ids[path[before:]],
                loss_weights=_weights(sample, path, before),
            )


def _stretches(sample: "Sample") -> Iterator[tuple[int, int]]:
    """Give the bounds of the trained stretches: neighbours of which each follows the one before it."""
    trained = sample.labels != IGNORE_INDEX
    follows = np.ones(len(trained), dtype=np.bool_)
    if sample.position_ids is not None:
        follows = np.diff(sample.position_ids, prepend=-1) == 1
    starts = trained.copy()
    starts[1:] &= ~(trained[:-1] & follows[1:])
    ends = trained.copy()
    ends[:-1] &= ~(trained[1:] & follows[1:])
    yield from zip(
        np.flatnonzero(starts).tolist(), (np.flatnonzero(ends) + 1).tolist(), strict=True
    )


def _path_to(sample: "Sample", token: int) -> npt.NDArray[np.int64]:
    """Return the tokens that a token sees, itself included."""
    if sample.subtree_end is None:
        return np.arange(token + 1)
    return np.flatnonzero(sample.subtree_end[: token + 1] > token)


def _weights(sample: "Sample", path: npt.NDArray[np.int64], before: int) -> npt.NDArray[np.float32]:
    count = len(path) - before
    if sample.loss_weights is None:
        return np.ones(count, dtype=np.float32)
    if sample.position_ids is None:
        return sample.loss_weights[path[before:]]
    if before == 0:
        # Nothing predicts the first token of a path.
        return np.append(np.float32(0), sample.loss_weights[path[:-1]])
    return sample.loss_weights[path[before - 1 : -1]]
