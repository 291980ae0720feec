"""What labels say, and the checks that no form of samples loses it.

In: samples or their arrays. Out: nothing, or an error: a target is never cut and a weight never dropped silently.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import SampleError

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

IGNORE_INDEX: int = _core.IGNORE_INDEX
"""The label of a token that is not trained; PyTorch's and Hugging Face's value."""


def check_lengths(samples: "Samples", max_length: int) -> None:
    """Refuse a sample that is too long: a target is never cut silently.

    Raises:
        SampleError: The text and the attributes name the first one's place.
    """
    too_long = np.flatnonzero(samples.lengths > max_length)
    if not too_long.size:
        return
    row = int(too_long[0])
    sample, length = samples[row], int(samples.lengths[row])
    error = SampleError(
        f"{sample.file}:{sample.line}: the sample that trains the messages {sample.targets.tolist()} has "
        f"{length:,} tokens, more than max_length ({max_length:,}); the Expander's max_length and overflow decide "
        "about such samples"
    )
    error.kind, error.file, error.line = "too_long", sample.file, sample.line
    raise error


def check_unweighted(
    labels: npt.NDArray[np.int32], loss_weights: npt.NDArray[np.float32] | None, *, holder: str
) -> None:
    """Refuse weights where they would be lost: the loss would be another one.

    Raises:
        SampleError: A trained token has a weight other than 1; the text names the holder.
    """
    if loss_weights is None:
        return
    weights = loss_weights[labels != IGNORE_INDEX]
    other = weights[weights != 1]
    if other.size:
        raise SampleError(
            f"{other.size:,} of {weights.size:,} trained tokens have a loss weight other than 1 (such as "
            f"{float(other[0]):g}), and {holder} cannot hold it"
        )
