"""Structs of Thrift's compact protocol, which the ends of Parquet files are written in.

In: bytes. Out: structs as dicts of their fields by number, and bytes of them again: the same, also of fields whose
meaning is not known here. Nothing of Parquet is known here.
"""

import enum
from typing import Any, NamedTuple, TypeAlias


class WireType(enum.IntEnum):
    """The types of the protocol, by the numbers that it has for them."""

    TRUE = 1
    FALSE = 2
    I8 = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    STRUCT = 12


class Field(NamedTuple):
    """A field of a struct; a bool has no value but its type on the wire."""

    wire_type: WireType
    value: Any


Struct: TypeAlias = dict[int, Field]
"""The fields of a struct by number, in their order."""


class Items(NamedTuple):
    """The items of a list or a set."""

    wire_type: WireType
    values: list[Any]


_STOP = 0
_SHORT = 15
"""A list of so many items or more, and a step of so many numbers or more, is written in full."""


def read_struct(data: bytes) -> Struct:
    """Return the struct that the bytes hold.

    >>> read_struct(bytes([0x15, 0x06, 0x00]))
    {1: Field(wire_type=<WireType.I32: 5>, value=3)}
    """
    return _Reader(data).struct()


def write_struct(struct: Struct) -> bytes:
    """Return the bytes of a struct.

    >>> write_struct({1: Field(WireType.I32, 3)}).hex()
    '150600'
    """
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    """Takes values from bytes, from the first on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            step, wire_type = head >> 4, WireType(head & 15)
            number = number + step if step else self._signed()
            is_bool = wire_type in (WireType.TRUE, WireType.FALSE)
            fields[number] = Field(wire_type, None if is_bool else self._value(wire_type))
        return fields

    def _value(self, wire_type: WireType) -> Any:
        if wire_type in (WireType.I16, WireType.I32, WireType.I64):
            return self._signed()
        if wire_type == WireType.BINARY:
            return self._bytes(self._unsigned())
        if wire_type == WireType.STRUCT:
            return self.struct()
        if wire_type in (WireType.LIST, WireType.SET):
            return self._items()
        # An item that is a bool is a byte.
        return self._bytes(8 if wire_type == WireType.DOUBLE else 1)

    def _items(self) -> Items:
        head = self._byte()
        wire_type, count = WireType(head & 15), head >> 4
        if count == _SHORT:
            count = self._unsigned()
        return Items(wire_type, [self._value(wire_type) for _ in range(count)])

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _unsigned(self) -> int:
        number, shift = 0, 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the highest bit says that another byte follows
                return number
            shift += 7

    def _signed(self) -> int:
        folded = self._unsigned()
        return folded >> 1 ^ -(folded & 1)


def _write_struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for number, (wire_type, value) in struct.items():
        step = number - before
        if 0 < step <= _SHORT:
            out.append(step << 4 | wire_type)
        else:
            out.append(wire_type)
            _write_signed(out, number)
        if wire_type not in (WireType.TRUE, WireType.FALSE):
            _write_value(out, wire_type, value)
        before = number
    out.append(_STOP)


def _write_value(out: bytearray, wire_type: WireType, value: Any) -> None:
    if wire_type in (WireType.I16, WireType.I32, WireType.I64):
        _write_signed(out, value)
    elif wire_type == WireType.STRUCT:
        _write_struct(out, value)
    elif wire_type in (WireType.LIST, WireType.SET):
        _write_items(out, value)
    else:
        if wire_type == WireType.BINARY:
            _write_unsigned(out, len(value))
        out += value


def _write_items(out: bytearray, items: Items) -> None:
    count = len(items.values)
    out.append(min(count, _SHORT) << 4 | items.wire_type)
    if count >= _SHORT:
        _write_unsigned(out, count)
    for value in items.values:
        _write_value(out, items.wire_type, value)


def _write_unsigned(out: bytearray, number: int) -> None:
    while number > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def _write_signed(out: bytearray, number: int) -> None:
    _write_unsigned(out, number << 1 ^ number >> 63)
