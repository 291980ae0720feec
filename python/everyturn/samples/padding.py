"""Rows of one length: what most training loops take.

In: samples. Out: rectangular int64 arrays, padded on one side. Nothing is cut and nothing is moved.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError
from everyturn.options import PaddingSide, check_choice, check_count, check_optional_count
from everyturn.samples.columns import NOT_TRAINED, TOKEN_COLUMNS, TREE_COLUMNS, for_models
from everyturn.samples.labels import check_lengths, check_no_trees

if TYPE_CHECKING:
    from everyturn.samples.table import Samples


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """Samples as a rectangle; B rows of L tokens.

    Attributes:
        input_ids: int64[B, L], ``pad_token_id`` where a row is padded.
        attention_mask: int64[B, L], 1 for the sample's tokens and 0 for padding.
        labels: int64[B, L], -100 where not trained and where padded; unshifted.
        position_ids: int64[B, L], counted from 0 in each sample; 0 for padding.
        loss_weights: float32[B, L], 0 where not trained; None where all weights are 0 or 1.
    """

    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    position_ids: npt.NDArray[np.int64]
    loss_weights: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.input_ids)


def pad(
    samples: "Samples",
    *,
    pad_token_id: int,
    side: PaddingSide,
    multiple_of: int,
    max_length: int | None,
) -> Batch:
    """Pad the samples; see `Samples.pad`."""
    check_token_id("pad_token_id", pad_token_id)
    check_choice("side", side, PaddingSide)
    check_no_trees(samples, holder="a padded batch")
    length = padded_length(samples.lengths, multiple_of=multiple_of, max_length=max_length)
    if max_length is not None:
        check_lengths(samples, max_length)
    lengths, columns = samples.lengths[:, None], np.arange(length)
    first = 0 if side == "right" else length - lengths
    holds = (columns >= first) & (columns < first + lengths)

    padding = padding_of(pad_token_id)
    arrays: dict[str, Any] = {}
    for column in TOKEN_COLUMNS:
        if column in TREE_COLUMNS:
            continue
        array = getattr(samples, column.name)
        arrays[column.name] = padded = (
            None
            if array is None
            else np.full(holds.shape, padding.get(column.name, 0), dtype=for_models(column))
        )
        if padded is not None:
            # The mask is walked row by row, which is the order of the flat arrays.
            padded[holds] = array
    return Batch(
        **arrays,
        attention_mask=holds.astype(np.int64),
        position_ids=np.where(holds, columns - first, 0),
    )


def padding_of(pad_token_id: int) -> dict[str, int]:
    """Return the padding value of each column of tokens; 0 in all others."""
    return {**NOT_TRAINED, "input_ids": pad_token_id}


def padded_length(
    lengths: npt.NDArray[np.int64], *, multiple_of: int, max_length: int | None
) -> int:
    """Return the length that rows of these lengths are padded to.

    Raises:
        OptionsError: An option is not an integer of at least 1, or ``max_length`` is not a multiple of ``multiple_of``.
    """
    check_count("multiple_of", multiple_of)
    check_optional_count("max_length", max_length)
    if max_length is not None:
        if max_length % multiple_of:
            raise OptionsError(
                f"max_length ({max_length}) must be a multiple of multiple_of ({multiple_of})"
            )
        return max_length
    longest = int(lengths.max(initial=0))
    return -(-longest // multiple_of) * multiple_of


def check_token_id(name: str, value: int) -> None:
    """Refuse what is not a token id.

    Raises:
        OptionsError: The id is not an integer from 0 to 2^31 - 1.
    """
    if (
        not isinstance(value, int | np.integer)
        or isinstance(value, bool)
        or not 0 <= value <= np.iinfo(np.int32).max
    ):
        raise OptionsError(f"{name} must be a token id, not {value!r}")
