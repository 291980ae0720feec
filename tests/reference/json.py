"""Lines and JSON: from the bytes of a file to the objects that its lines are, by CPython's `json`."""

import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

MAX_NESTING = 128


class RecordError(Exception):
    """A line that is not a conversation; `kind` says at which step it was refused."""

    def __init__(self, kind: Literal["json", "conversation"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a .jsonl or .jsonl.gz file that are not blank, numbered from 1."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    yield from split_lines(raw)


def split_lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The same for bytes: only a newline separates, one byte order mark may open the file."""
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip(b" \t\r"):
            yield number, line


def parse_json(text: bytes) -> Any:
    """CPython's value of a JSON text, minus what the project refuses."""

    def constant(name: str) -> Any:
        raise RecordError("json", f"{name} is not a JSON number")

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise RecordError("json", f"{digits} is too large for a float")
        return value

    try:
        # The text goes in decoded: for bytes, json.loads would guess UTF-16 and UTF-32.
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=constant,
            parse_float=number,
            object_pairs_hook=_Pairs,
        )
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("json", str(error)) from None
    if _nesting(value) > MAX_NESTING:
        raise RecordError("json", f"nested deeper than {MAX_NESTING}")
    if _has_surrogate(value):
        raise RecordError("json", "a lone surrogate is not text")
    return _without_pairs(value)


class _Pairs(list[tuple[str, Any]]):
    """An object with every key: what a later one replaces has to be in order, too."""


def parse_record(line: bytes) -> dict[str, Any]:
    """Return the object that a line is."""
    value = parse_json(line)
    if not isinstance(value, dict):
        raise RecordError("json", "a record is a JSON object")
    return value


def _nesting(value: Any) -> int:
    """How many containers lie around the innermost value (the outermost counts as one)."""
    deepest, level = 0, [value]
    while level := [item for item in level if isinstance(item, list)]:
        deepest += 1
        level = [inner for item in level for inner in _items(item)]
    return deepest


def _items(container: list[Any]) -> list[Any]:
    if isinstance(container, _Pairs):
        return [value for _, value in container]
    return container


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, _Pairs):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value)
    return isinstance(value, list) and any(_has_surrogate(item) for item in value)


def _without_pairs(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _without_pairs(item) for key, item in value}
    return [_without_pairs(item) for item in value] if isinstance(value, list) else value
