"""Corrections of a record, each with exactly one right answer.

In: the bytes of a record, and where its messages are. Out: the bytes of the corrected record, and what was changed.
What is corrected, and how, is defined with each rule; what is ambiguous is left as it is. A record of which
nothing is changed keeps its bytes; any other is rewritten in the style of the old one, with the same values. A record
that Python's `json` would change otherwise is left as it is.
"""

import json
from collections.abc import Callable, Container, Iterable, Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record
from everyturn.checks.rules import FIXES
from everyturn.checks.rules.call_ids import make_ids
from everyturn.checks.rules.rule import Draft, Entry, Fix

Write: TypeAlias = Callable[[Any], str]
"""What writes a value as JSON text."""

_StyleOf: TypeAlias = Callable[[str], dict[str, Any]]
"""What finds how a JSON text was written."""


def fixed(
    text: bytes, record: Record, kinds: Container[str], *, is_written: bool = True
) -> tuple[bytes, list[Remark]]:
    """Correct what is of these kinds in a record whose messages stand as given.

    Where it is not written anywhere, its style does not matter.
    """
    fixes = [fix for kind, fix in FIXES.items() if kind in kinds]
    return _edited(text, record, fixes, _style if is_written else _no_style)


def with_made_ids(text: bytes, record: Record) -> tuple[bytes, list[Remark]]:
    """Give the calls of a record other ids, in case that the template takes them."""
    return _edited(text, record, [make_ids], _style)


def _edited(
    text: bytes, record: Record, fixes: Iterable[Fix], style: _StyleOf
) -> tuple[bytes, list[Remark]]:
    try:
        data, write = _opened(text.decode(), style)
        writers = _open_messages(data, record, style)
    except ValueError:
        return text, []
    draft = Draft(_as_object(data, record), list(_entries(data, record)), record.format)
    remarks = [remark for fix in fixes for remark in fix(draft)]
    if not remarks:
        return text, []
    for key, write_messages in writers.items():
        data[key] = write_messages(data[key])
    return write(data).encode(), remarks


def _opened(text: str, style: _StyleOf) -> tuple[Any, Write]:
    """Return what a JSON text holds, and what writes it as it was written; it may be within another JSON text.

    Raises:
        ValueError: It cannot be written again without a change: by numbers that Python does not hold, such as integers
            of very many digits, or by keys that an object has twice.
    """
    data = json.loads(text, parse_float=_exact, object_pairs_hook=_object)
    if not isinstance(data, str):
        return data, lambda data: json.dumps(data, **style(text))
    inner, write = _opened(data, style)
    return inner, lambda data: json.dumps(write(data), **style(text))


def _exact(number: str) -> float:
    value = float(number)
    if Decimal(repr(value)) != Decimal(number):
        raise ValueError(f"{number} has more digits than a float")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _open_messages(data: Any, record: Record, style: _StyleOf) -> dict[str, Write]:
    """Put lists in the place of messages that are JSON text; return what writes each again."""
    writers: dict[str, Write] = {}
    keys = {message.place.key for message in record.messages if message.place is not None}
    for key in keys if isinstance(data, dict) else ():
        if isinstance(data.get(key), str):
            data[key], writers[key] = _opened(data[key], style)
    return writers


def _as_object(data: Any, record: Record) -> dict[str, Any]:
    """A list of messages as the object that the core reads it as: the list in it is the same."""
    if isinstance(data, dict):
        return data
    return {message.place.key: data for message in record.messages if message.place is not None}


def _entries(data: Any, record: Record) -> Iterator[Entry]:
    for message in record.messages:
        if message.place is not None:
            key, index, role_key = message.place
            items = data if isinstance(data, list) else data[key]
            if isinstance(items, list):
                yield Entry(message.position, items[index], role_key)


def _no_style(_text: str) -> dict[str, Any]:
    return {}


def _style(text: str) -> dict[str, Any]:
    """Find how a record was written, so that another is written so."""
    data = json.loads(text)
    styles: list[dict[str, Any]] = [
        {"ensure_ascii": ascii_only, "separators": separators}
        for ascii_only in (False, True)
        for separators in ((", ", ": "), (",", ":"))
    ]
    same = (style for style in styles if json.dumps(data, **style) == text.strip())
    return next(same, styles[0])
