"""What labels say, and the checks that no form of samples loses it.

In: samples or their arrays. Out: nothing, or an error: a target is never cut and a weight never dropped silently.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import SampleError
from everyturn.wording import counted

if TYPE_CHECKING:
    from everyturn.samples.packing import Packed
    from everyturn.samples.sample import Sample
    from everyturn.samples.table import Samples

IGNORE_INDEX: int = _core.IGNORE_INDEX
"""The label of a token that is not trained; PyTorch's and Hugging Face's value."""


def unit_weights(labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return the weights of tokens that have none of their own: 1 where there is a label, else 0."""
    weights: npt.NDArray[np.float32] = (labels != IGNORE_INDEX).astype(np.float32)
    return weights


def weighed_labels(samples: "Samples | Packed | Sample") -> npt.NDArray[np.int32]:
    """Return the labels that ``loss_weights`` go with: in trees those at the predicting positions."""
    return samples.labels if samples.shift_labels is None else samples.shift_labels


def weighted_tokens(samples: "Samples | Packed") -> npt.NDArray[np.int64]:
    """Return the indices of the weights of trained tokens that are not 1."""
    if samples.loss_weights is None:
        return np.zeros(0, dtype=np.int64)
    trained = weighed_labels(samples) != IGNORE_INDEX
    return np.flatnonzero(trained & (samples.loss_weights != 1))


def check_lengths(samples: "Samples", max_length: int) -> None:
    """Refuse a sample that is too long: a target is never cut silently.

    Raises:
        SampleError: The text and the attributes give the first one's location.
    """
    too_long = np.flatnonzero(samples.lengths > max_length)
    if not too_long.size:
        return
    row = int(too_long[0])
    sample, length = samples[row], int(samples.lengths[row])
    raise SampleError.in_file(
        sample.file,
        f"the sample that trains the messages {sample.targets.tolist()} has {counted(length, 'token')}, more than "
        f"max_length ({max_length:,}); the Expander's max_length and overflow decide about such samples",
        line=sample.line,
        kind="too_long",
    )


def check_unweighted(samples: "Samples | Packed", *, holder: str) -> None:
    """Refuse weights where they would be lost: the loss would be another one.

    Raises:
        SampleError: A trained token has a weight other than 1; the text names the holder.
    """
    other, weights = weighted_tokens(samples), samples.loss_weights
    if weights is not None and other.size:
        trained = int(np.count_nonzero(samples.labels != IGNORE_INDEX))
        raise SampleError(
            f"{other.size:,} of {counted(trained, 'trained token')} have a loss weight other than 1 (such as "
            f"{float(weights[other[0]]):g}), and {holder} cannot hold it"
        )


def check_no_trees(samples: "Samples | Packed", *, holder: str) -> None:
    """Refuse trees where what follows what would be lost: each token would see all before it.

    Raises:
        SampleError: The samples are of the layout ``tree``; the text names the holder.
    """
    if samples.subtree_end is not None:
        raise SampleError(
            f'these samples are trees (layout="tree"), whose branches must not see each other, and {holder} cannot say '
            'so: train on them with everyturn.torch.TreeCollator, or expand with layout="merged"'
        )
