"""Rows of Arrow tables as the JSON lines of records.

In: a table whose columns are the keys of records, or hold their JSON text. Out: a line for each row. A null in a column
or in a struct is a key that the record does not have, because Arrow gives all rows all fields; a null in a map or in
JSON text stays. Dates and decimals are texts, as JSON has no such types. What a record means is the core's business.
"""

import json
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

import pyarrow as pa

from everyturn.exceptions import InputError
from everyturn.io.json_lines import json_line, loads
from everyturn.samples.parquet import TABLE

_Convert: TypeAlias = Callable[[Any], Any]


def no_column(table: pa.Table, name: str) -> str:
    """Say that a table does not have a column, and which ones it has."""
    return f"the table has no column {name!r}; it has {', '.join(table.column_names)}"


def column_of(table: pa.Table, name: str, dtype: pa.DataType | None = None) -> pa.ChunkedArray:
    """Return the column of a name, in a type if one is given.

    Raises:
        InputError: There is none, or more than one, or its values are not of that type.
    """
    known = table.column_names
    if name not in known:
        raise InputError(no_column(table, name))
    if known.count(name) > 1:
        raise InputError(f"two columns have the name {name!r}")
    column = table[name]
    if dtype is None:
        return column
    try:
        cast = column.cast(dtype)
        # Texts whose bytes are no texts are found by nothing else.
        cast.validate(full=True)
    except pa.ArrowException as error:
        raise InputError(f"the column {name!r} holds no {dtype}: {error}") from error
    return cast


def json_lines(
    table: pa.Table,
    json_column: str | None,
    others: AbstractSet[str],
    carried: AbstractSet[str] = frozenset(),
) -> list[bytes]:
    """Return a line, without its end, for each row.

    Args:
        table: The rows.
        json_column: The column of JSON text; None if the columns are the keys of the records.
        others: Columns that are not keys of records.
        carried: Columns that are taken over from the table: their values are in the records as far as JSON has them.

    Raises:
        InputError: A column is missing or of no type for a record.
    """
    if json_column is not None:
        return _text_lines(table, json_column)
    names = [name for name in table.column_names if name not in others]
    columns = [
        (_carried if name in carried else json_values)(name, column_of(table, name))
        for name in names
    ]
    rows: Iterable[tuple[Any, ...]] = zip(*columns, strict=True) if names else [()] * len(table)
    lines = []
    for row, values in enumerate(rows, start=1):
        record = {
            name: value for name, value in zip(names, values, strict=True) if value is not None
        }
        try:
            lines.append(json_line(record).removesuffix(b"\n"))
        except TypeError as error:
            raise InputError.in_file(TABLE, str(error), line=row) from error
    return lines


def _text_lines(table: pa.Table, name: str) -> list[bytes]:
    column = column_of(table, name)
    try:
        values = column.to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(f"the column {name!r} holds no text: {error}") from error
    lines = [value.encode() if isinstance(value, str) else value or b"" for value in values]
    for row, line in enumerate(lines, start=1):
        if not isinstance(line, bytes):
            raise InputError(f"the column {name!r} holds {column.type}, expected text or bytes")
        if b"\n" in line.rstrip(b"\n"):
            raise InputError.in_file(TABLE, "the JSON text has more than one line", line=row)
    return [line.rstrip(b"\n") for line in lines]


def json_values(name: str, column: pa.ChunkedArray, *, null_fields: bool = False) -> list[Any]:
    """Return the values of a column as JSON has them.

    Args:
        name: What errors call the column.
        column: The values.
        null_fields: Whether a null in a struct is a key with null, instead of none.

    Raises:
        InputError: JSON has no such type, or not the value of a row.
    """
    values: list[Any] = []
    row = None
    try:
        convert = _converter(column.type, null_fields=null_fields)
        given: list[Any] = column.to_pylist()
        if convert is None:
            return given
        for row, value in enumerate(given, start=1):  # noqa: B007 - named where the value is wrong
            values.append(_apply(convert, value))
    except (pa.ArrowException, TypeError, ValueError) as error:
        # UnicodeDecodeError and JSONDecodeError are values that are wrong, too.
        reason = f"the column {name!r} holds {column.type}, which is not JSON here: {error}"
        raise InputError.in_file(TABLE, reason, line=row) from error
    return values


def _apply(convert: _Convert, value: Any) -> Any:
    return None if value is None else convert(value)


def _converter(dtype: pa.DataType, *, null_fields: bool) -> _Convert | None:
    """What makes JSON of a value of that type; None where it is as it should be."""
    types = pa.types
    if isinstance(dtype, pa.BaseExtensionType) and dtype.extension_name == "arrow.json":
        return loads
    if (held := _held_type(dtype)) is not None:
        return _converter(held, null_fields=null_fields)
    if types.is_struct(dtype):
        return _of_struct(dtype, null_fields=null_fields)
    if types.is_map(dtype):
        item = _converter(dtype.item_type, null_fields=null_fields) or _as_it_is
        return lambda pairs: {_key(key): _apply(item, value) for key, value in pairs}
    if _is_one_of(dtype, _LISTS):
        of = _converter(dtype.value_type, null_fields=null_fields)
        return None if of is None else lambda values: [_apply(of, value) for value in values]
    return _of_scalar(dtype)


def _held_type(dtype: pa.DataType) -> pa.DataType | None:
    """The type of the values that are held in another way than as themselves."""
    if isinstance(dtype, pa.BaseExtensionType):
        return dtype.storage_type
    is_encoded = pa.types.is_dictionary(dtype) or pa.types.is_run_end_encoded(dtype)
    return dtype.value_type if is_encoded else None


def _of_scalar(dtype: pa.DataType) -> _Convert | None:
    if _is_one_of(dtype, _BINARY):
        return bytes.decode
    if pa.types.is_decimal(dtype):
        return str
    if _is_one_of(dtype, _TIMES):
        return lambda value: value.isoformat()
    if not _is_one_of(dtype, _JSON):
        raise TypeError("JSON has no such type")
    return None


def _of_struct(dtype: pa.StructType, *, null_fields: bool) -> _Convert:
    fields = [dtype.field(number) for number in range(dtype.num_fields)]
    converters = {
        field.name: _converter(field.type, null_fields=null_fields) or _as_it_is for field in fields
    }
    return lambda value: {
        name: _apply(converters[name], field)
        for name, field in value.items()
        if field is not None or null_fields
    }


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a map is {type(key).__name__}, and not text")
    return key


def _carried(name: str, column: pa.ChunkedArray) -> list[Any]:
    """The values of a column that is kept as it is: None for one that JSON does not have."""
    try:
        return list(map(_if_json, json_values(name, column)))
    except InputError:
        return [None] * len(column)


def _if_json(value: Any) -> Any:
    """Return a value that JSON has, and None for any other (a time, bytes, NaN)."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return value


def _as_it_is(value: Any) -> Any:
    return value


_LISTS = ("list", "large_list", "fixed_size_list", "list_view", "large_list_view")
_BINARY = ("binary", "large_binary", "fixed_size_binary", "binary_view")
_JSON = ("null", "boolean", "integer", "floating", "string", "large_string", "string_view")
_TIMES = ("timestamp", "date", "time")
"""Names of types, as ``pyarrow.types`` tells them."""


def _is_one_of(dtype: pa.DataType, names: tuple[str, ...]) -> bool:
    return any(getattr(pa.types, f"is_{name}")(dtype) for name in names)
