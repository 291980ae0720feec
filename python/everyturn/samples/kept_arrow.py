"""Kept columns as Arrow arrays.

In: the kept values of samples or packs, and the types of their columns. Out: arrays with an element for each sample.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from everyturn.samples.keep_option import Type
from everyturn.samples.kept_types import Place, Types, misfit, misfit_error

if TYPE_CHECKING:
    from everyturn.samples.kept import Kept


def arrays(kept: "Kept", types: Types, place: Place) -> dict[str, pa.Array]:
    """Return the columns that have a type, with an element for each sample.

    Raises:
        OptionsError: A value does not fit the type of its column; the text names its place.
    """
    records, rows, inverse = np.unique(kept.rows, return_index=True, return_inverse=True)
    taken: dict[str, pa.Array] = {}
    stated = dict(kept.stated)
    for name, type_ in types.items():
        values = []
        for record, row in zip(records, rows, strict=True):
            value = kept.value(name, record, place(row))
            values.append(value)
            found = misfit(value, type_)
            if found is not None:
                is_stated = stated[name] is not None
                raise misfit_error(name, found, type_, place(row), is_stated=is_stated)
        taken[name] = to_array(values, type_).take(pa.array(inverse.reshape(-1)))
    return taken


def to_array(values: list[Any], type_: Type) -> pa.Array:
    """Return values that fit a type as an array."""
    return pa.array([_plain(value, type_) for value in values], to_arrow_type(type_))


def to_arrow_type(type_: Type) -> pa.DataType:
    """Return the type as Arrow has it.

    >>> to_arrow_type({"list": "float64"})
    ListType(list<item: double>)
    """
    if isinstance(type_, dict):
        if "list" in type_:
            return pa.list_(to_arrow_type(type_["list"]))
        return pa.struct([(key, to_arrow_type(inner)) for key, inner in type_["struct"].items()])
    return _SCALARS[type_]


_SCALARS = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "json": pa.string(),
}


def _plain(value: Any, type_: Type) -> Any:
    """Return a value with JSON text, or a float, where that is its type."""
    if value is None:
        return None
    if type_ == "float64":
        # Arrow refuses large whole numbers, also those that a float equals.
        return float(value)
    if type_ == "json":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(type_, dict):
        if "list" in type_:
            return [_plain(item, type_["list"]) for item in value]
        return {key: _plain(item, type_["struct"][key]) for key, item in value.items()}
    return value
