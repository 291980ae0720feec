"""The columns of a table of samples, as the compiled core declares them.

In: the core's declaration. Out: name, type and extent of each column, and the value of an optional one that is
absent. Whatever is made of samples as a whole (selections, files, tables, batches, packs, items) walks over these, so a
column is declared in ``rust/core/src/samples/columns.rs`` and gets its documented field in `Samples` and `Sample`; one
per token also in `Batch`, `Packed` and `PackedRow`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.samples.labels import IGNORE_INDEX, unit_weights, weighed_labels

if TYPE_CHECKING:
    from everyturn.samples.packing import Packed
    from everyturn.samples.table import Samples

Per: TypeAlias = Literal["token", "row", "target", "run"]


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: The field of `Samples`.
        dtype: The type of an element; its shape is that of an element.
        per: What there is an element for.
        is_optional: The field may be None; then the elements are those of `DEFAULTS`.
    """

    name: str
    dtype: np.dtype[Any]
    per: Per
    is_optional: bool


COLUMNS = tuple(
    Column(name, np.dtype(dtype), cast("Per", per), is_optional)
    for name, dtype, per, is_optional in _core.COLUMNS
)
"""All columns; in files those of one extent keep this order."""

TOKEN_COLUMNS = tuple(column for column in COLUMNS if column.per == "token")

OFFSETS: Mapping[Per, str] = {
    "token": "offsets",
    "target": "target_offsets",
    "run": "run_offsets",
}
"""The fields of `Samples` that bound the rows in columns which have more than an element a row."""

ARRAYS = (*(column.name for column in COLUMNS), *OFFSETS.values())
"""The fields of `Samples` that are arrays."""

WEIGHTS = "loss_weights"
"""The column of weights, absent where all of them are 0 or 1."""

DEFAULTS: Mapping[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {WEIGHTS: unit_weights}
"""What an absent optional column means, made from the labels that it goes with (`weighed_labels`)."""

TREE_COLUMNS = tuple(
    column for column in COLUMNS if column.is_optional and column.name not in DEFAULTS
)
"""The columns of the layout ``tree`` alone: all samples have them or none."""

RUN_COLUMNS = tuple(column for column in COLUMNS if column.per == "run")
"""What wrote the tokens: rows have no runs where nobody asked."""

NOT_TRAINED: Mapping[str, int] = {
    "labels": IGNORE_INDEX,
    WEIGHTS: 0,
    "shift_labels": IGNORE_INDEX,
}
"""The value of a column at tokens that are not trained."""


def filled(samples: "Samples | Packed", column: Column) -> npt.NDArray[Any]:
    """Return a column of samples or packs; where it is absent, what that means.

    >>> from everyturn import Expander
    >>> samples = Expander("demo").expand(b"")
    >>> weights = next(column for column in COLUMNS if column.name == "loss_weights")
    >>> samples.loss_weights is None, filled(samples, weights).dtype
    (True, dtype('float32'))
    """
    array: npt.NDArray[Any] | None = getattr(samples, column.name)
    return DEFAULTS[column.name](weighed_labels(samples)) if array is None else array


def for_models(column: Column) -> np.dtype[Any]:
    """Return the type of a column in batches: models take whole numbers as int64."""
    return np.dtype(np.int64) if column.dtype.kind == "i" else column.dtype
