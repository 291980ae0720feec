"""The types of kept columns in tables and files.

In: what ``keep`` says, and values. Out: for each name a type that holds all of them, or an error that says which value
it does not hold. A type is a name of `keep_option.NAMES`, ``{"list": type}`` or ``{"struct": {key: type}}``: plain
JSON, so that a run that is resumed has it, too. Values are never cut or turned into others, except that a whole number
in a column of ``float64`` is the float that equals it. No Arrow here; `everyturn.samples.kept_arrow` makes the arrays.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from everyturn.exceptions import OptionsError
from everyturn.samples.keep_option import Keep, Type, parsed
from everyturn.wording import shortened

if TYPE_CHECKING:
    from everyturn.samples.kept import Kept
    from everyturn.samples.table import Samples

Part = TypeVar("Part")

Types: TypeAlias = Mapping[str, Type]
"""The type of each kept column."""

SHOWN_BY = 1000
"""The types in a file are those of its first conversations, this many."""

SHOWN = 60
"""Of a value that does not fit so many characters are shown."""

DEEPEST = 40
"""The most lists and objects within each other that a column has: files of Parquet are read up to a depth of 100, of
which a list takes two."""

_LEAST, _MOST = -(2**63), 2**63 - 1


class ColumnType:
    """The type of one column, as far as its values have shown it."""

    def __init__(self, name: str, type_: str | None) -> None:
        self.name = name
        self.is_stated = type_ is not None
        self.type: Type = "null" if type_ is None else parsed(name, type_)

    def add(self, value: Any) -> str | None:
        """Let the type hold one more value; the text says what is wrong if no type holds it and the others."""
        if self.is_stated:
            return misfit(value, self.type)
        try:
            self.type = _joined(self.type, _type_of(value))
        except _MisfitError:
            return _shown(value)
        return None


Place: TypeAlias = Callable[[int], tuple[str, int] | None]
"""File and line of a sample, by its row, where they are known."""


def places_in(samples: "Samples") -> Place:
    """Return the places of samples."""
    return lambda row: (samples.files[samples.file[row]], int(samples.line[row]))


class FirstShown:
    """The types of kept columns as the first `SHOWN_BY` conversations show them, however they come in parts.

    Attributes:
        is_known: No later conversation changes them.
    """

    def __init__(self, keep: Keep) -> None:
        self._columns = _columns(keep)
        self._left = SHOWN_BY
        self.is_known = all(column.is_stated for column in self._columns.values())

    def add(self, samples: "Samples") -> None:
        """Look at the next samples.

        Raises:
            OptionsError: No type holds a value and those before it; the text names its place.
        """
        if not self.is_known:
            self._left -= _show(self._columns, samples.kept, places_in(samples), most=self._left)
            self.is_known = self._left <= 0

    def types(self) -> Types:
        """Return the types as far as they were shown.

        Raises:
            OptionsError: One is of objects without keys, which no file can hold.
        """
        return _types_of(self._columns)


def read_ahead(
    parts: Iterable[Part], keep: Keep, samples_of: Callable[[Part], "Samples"]
) -> tuple[Types, Iterator[Part]]:
    """Return the types of kept columns, and all parts, of which as many are read ahead as show the types.

    Raises:
        OptionsError: As in `FirstShown`.
    """
    rest, waiting, shown = iter(parts), list[Part](), FirstShown(keep)
    while not shown.is_known and (part := next(rest, None)) is not None:
        waiting.append(part)
        shown.add(samples_of(part))
    return shown.types(), itertools.chain(waiting, rest)


def types_in(kept: "Kept", place: Place) -> Types:
    """Return the types of kept columns as all of their values show them.

    Raises:
        OptionsError: No type holds all values of a column; the text names the place of one.
    """
    columns = _columns(kept.stated)
    _show(columns, kept, place)
    return _types_of(columns)


def check_stated(samples: "Samples") -> None:
    """Refuse kept values that do not fit the type that is stated for them.

    Raises:
        OptionsError: The text names the place of the first.
    """
    columns = _columns(samples.kept.stated).items()
    stated = {name: column for name, column in columns if column.is_stated}
    _show(stated, samples.kept, places_in(samples))


def _columns(keep: Keep) -> dict[str, ColumnType]:
    return {name: ColumnType(name, type_) for name, type_ in keep}


def _show(
    columns: Mapping[str, ColumnType], kept: "Kept", place: Place, *, most: int | None = None
) -> int:
    """Let columns hold the values of conversations, or of the first of them; return of how many."""
    records, rows = np.unique(kept.rows, return_index=True)
    records, rows = records[:most], rows[:most]
    for name, column in columns.items():
        for record, row in zip(records, rows, strict=True):
            found = column.add(kept.value(name, record, place(row)))
            if found is not None:
                raise misfit_error(name, found, column.type, place(row), is_stated=column.is_stated)
    return len(records)


def _types_of(columns: Mapping[str, ColumnType]) -> Types:
    for name, column in columns.items():
        if _has_no_fields(column.type):
            raise OptionsError(
                f"the kept key {name!r} holds {describe(column.type)}, and an object without keys has no type in "
                f"tables: {_any_type(name)}"
            )
        if _depth(column.type) > DEEPEST:
            raise OptionsError(
                f"the kept key {name!r} holds lists or objects within more than {DEEPEST} others, which Parquet does "
                f"not hold: {_any_type(name)}"
            )
    return {name: column.type for name, column in columns.items()}


def misfit_error(
    name: str, found: str, type_: Type, place: tuple[str, int] | None, *, is_stated: bool
) -> OptionsError:
    """Build the error for a value that a column does not hold."""
    known = "as stated" if is_stated else "as the conversations before it show"
    text = (
        f"the kept key {name!r} is {found}, and its column holds {describe(type_)}, {known}: state a type that "
        f"holds all of its values; {_any_type(name)}"
    )
    return _error_at(place, text)


def unread_error(name: str, place: tuple[str, int] | None) -> OptionsError:
    """Build the error for a value that is JSON and that Python does not read."""
    text = (
        f"the kept key {name!r} has a whole number of too many digits for Python: write the number as text in the "
        "records, or leave the key out of keep"
    )
    return _error_at(place, text)


def _error_at(place: tuple[str, int] | None, text: str) -> OptionsError:
    if place is None:
        return OptionsError(text)
    file, line = place
    return OptionsError.in_file(file, text, line=line)


def _any_type(name: str) -> str:
    return f'--keep {name}:json (keep={{"{name}": "json"}}) holds any, as JSON text'


def misfit(value: Any, type_: Type) -> str | None:
    """Return what a value is that a type does not hold, or None if it does.

    >>> misfit(1, "float64"), misfit(2**53 + 1, "float64"), misfit({"a": 1}, {"struct": {}})
    (None, '9007199254740993', 'an object with the key "a"')
    """
    if value is None or type_ == "json":
        return None
    if isinstance(type_, dict) and "list" in type_ and isinstance(value, list):
        return next(filter(None, (misfit(item, type_["list"]) for item in value)), None)
    if isinstance(type_, dict) and "struct" in type_ and isinstance(value, dict):
        fields = type_["struct"]
        for key, item in value.items():
            found = (
                misfit(item, fields[key]) if key in fields else f'an object with the key "{key}"'
            )
            if found is not None:
                return found
        return None
    return None if _is_scalar(value, type_) else _shown(value)


def _is_scalar(value: Any, type_: Type) -> bool:
    if type_ == "float64":
        return isinstance(value, float) or (_is_whole(value) and _is_exact(value))
    if type_ == "int64":
        return _is_whole(value) and _LEAST <= value <= _MOST
    return bool(type_ == {bool: "bool", str: "string"}.get(type(value)))


def describe(type_: Type) -> str:
    """Return a type as it is spelled.

    >>> describe({"list": {"struct": {"a": "int64"}}})
    'list<struct<a: int64>>'
    """
    if isinstance(type_, dict):
        if "list" in type_:
            return f"list<{describe(type_['list'])}>"
        fields = ", ".join(f"{key}: {describe(inner)}" for key, inner in type_["struct"].items())
        return f"struct<{fields}>"
    return str(type_)


def _has_no_fields(type_: Type) -> bool:
    """Whether an object without keys is in the type: files cannot hold one."""
    if not isinstance(type_, dict):
        return False
    if "list" in type_:
        return _has_no_fields(type_["list"])
    return not type_["struct"] or any(map(_has_no_fields, type_["struct"].values()))


def _depth(type_: Type) -> int:
    """How many lists and objects are within each other."""
    if not isinstance(type_, dict):
        return 0
    inner = [type_["list"]] if "list" in type_ else type_["struct"].values()
    return 1 + max(map(_depth, inner), default=0)


class _MisfitError(Exception):
    """No type holds the value with the others."""


_SCALARS: dict[type, Type] = {
    type(None): "null",
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
}


def _type_of(value: Any) -> Type:
    """Return the type of what JSON has."""
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        raise _MisfitError
    if type(value) in _SCALARS:
        return _SCALARS[type(value)]
    if isinstance(value, list):
        inner: Type = "null"
        for item in value:
            inner = _joined(inner, _type_of(item))
        return {"list": inner}
    return {"struct": {key: _type_of(item) for key, item in value.items()}}


def _joined(one: Type, other: Type) -> Type:
    """Return the type that holds the values of both."""
    if other in (one, "null"):
        return one
    if one == "null":
        return other
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        if "list" in one:
            return {"list": _joined(one["list"], other["list"])}
        fields = {**one["struct"]}
        for key, inner in other["struct"].items():
            fields[key] = _joined(fields.get(key, "null"), inner)
        return {"struct": fields}
    if {str(one), str(other)} == {"int64", "float64"}:
        return "float64"
    raise _MisfitError


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _shown(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False), SHOWN)
