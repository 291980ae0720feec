"""What a caller may hand over as input, turned into what the core reads.

In: paths, globs, ``"-"``, bytes, binary file objects, iterables of dict. Out: one entry per input, with its name.
"""

import glob
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

from everyturn.exceptions import InputError
from everyturn.options import StrPath


@runtime_checkable
class BinaryReader(Protocol):
    """A file object opened for bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to size bytes; none at the end."""


Record: TypeAlias = Mapping[str, Any]
Source: TypeAlias = StrPath | bytes | BinaryReader | Iterable[StrPath] | Iterable[Record]
CoreSource: TypeAlias = tuple[str, Any]


def resolve(source: Source) -> tuple[list[CoreSource], list[str]]:
    """Return the inputs as the core takes them, and their names as reports show them.

    Raises:
        InputError: A path does not exist, or a glob finds nothing.
        TypeError: The source is of a type that is no input.
    """
    if isinstance(source, str | os.PathLike):
        paths = _expand_path(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        return [("bytes", bytes(source))], ["<bytes>"]
    elif isinstance(source, BinaryReader):
        name = str(getattr(source, "name", "<stream>"))
        return [("reader", (name, source))], [name]
    elif _is_paths(source):
        paths = [path for entry in source for path in _expand_path(entry)]
    elif isinstance(source, Iterable) and not isinstance(source, Mapping):
        return [("reader", ("<records>", _RecordReader(cast("Iterable[Record]", source))))], [
            "<records>"
        ]
    else:
        raise TypeError(
            f"cannot read conversations from {type(source).__name__}; "
            "expected a path, paths, bytes, a binary file or an iterable of dict"
        )
    return [("stdin", path) if path == "-" else ("path", path) for path in paths], paths


def total_bytes(paths: list[str]) -> int | None:
    """Return the size of the inputs on disk, None if one of them has none."""
    sizes = [os.path.getsize(path) if os.path.isfile(path) else None for path in paths]  # noqa: PTH113, PTH202
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _is_paths(source: object) -> bool:
    return (
        isinstance(source, list | tuple)
        and bool(source)
        and all(isinstance(entry, str | os.PathLike) for entry in source)
    )


def _expand_path(path: object) -> list[str]:
    text = os.fspath(cast("StrPath", path))
    if text == "-":
        return [text]
    if Path(text).is_dir():
        raise _unusable(text, f"is a folder; name its files, e.g. {text}/*.jsonl")
    if Path(text).exists():
        return [text]
    if glob.has_magic(text):
        found = sorted(
            entry for entry in glob.glob(text, recursive=True) if not Path(entry).is_dir()
        )
        if found:
            return found
        raise _unusable(text, "no file matches")
    raise _unusable(text, "no such file")


def _unusable(name: str, text: str) -> InputError:
    error = InputError(f"{name}: {text}")
    error.file = name
    return error


class _RecordReader:
    """Records as JSON lines, made as they are read: dicts take the same way through the core as files."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: Iterator[Record] = iter(records)

    def read(self, size: int, /) -> bytes:
        lines: list[bytes] = []
        length = 0
        while length < size and (record := next(self._records, None)) is not None:
            lines.append(_json_line(record))
            length += len(lines[-1])
        return b"".join(lines)


def _json_line(record: Record) -> bytes:
    text = json.dumps(record, ensure_ascii=False, default=_as_dict)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate: escaped, it reaches the core, which names the record.
        return json.dumps(record, default=_as_dict).encode() + b"\n"


def _as_dict(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a record holds {type(value).__name__}, which is no JSON")
