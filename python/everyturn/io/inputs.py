"""What a caller may hand over as input, turned into what the core reads.

In: paths, globs, ``"-"``, bytes, binary file objects, iterables of dict. Out: one entry per input, with its name.
"""

import dataclasses
import glob
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np

from everyturn.exceptions import InputError, OptionsError
from everyturn.options import StrPath


@runtime_checkable
class BinaryReader(Protocol):
    """A file object opened for bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to size bytes; none at the end."""


Record: TypeAlias = Mapping[str, Any]
Whole: TypeAlias = StrPath | bytes | BinaryReader | Iterable[StrPath] | Iterable[Record]
CoreSource: TypeAlias = tuple[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Share:
    r"""A share of the lines of a source: line by line, the shares take turns.

    The lines of other shares are read and counted as blank ones: every line keeps its number, and is in one share.
    With ``input_format="auto"`` the share's own first lines show the format.

    >>> from everyturn import Expander
    >>> chat = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}'
    >>> lines = b"\n".join([chat] * 5)
    >>> [Expander("demo").expand(Share(lines, index=i, count=2)).line.tolist() for i in range(2)]
    [[1, 3, 5], [2, 4]]

    Attributes:
        source: Anything that can be expanded, except a share.
        index: Below ``count``.
        count: The number of shares.
        from_file: 0-based; the files before it are skipped.
        from_line: 1-based; the lines of that file before it are skipped and not counted, but may show its format.
    """

    source: Whole = dataclasses.field(kw_only=False)
    index: int
    count: int
    from_file: int = 0
    from_line: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise OptionsError(f"index must be in 0..{self.count - 1}, not {self.index}")
        if self.from_file < 0 or self.from_line < 1:
            raise OptionsError("files are counted from 0, lines from 1")


Source: TypeAlias = Whole | Share


def resolve(source: Source) -> tuple[list[CoreSource], list[str]]:
    """Return the inputs as the core takes them, and their names as reports show them.

    Raises:
        InputError: A path does not exist, or a glob finds nothing.
        TypeError: The source is of a type that is not an input.
    """
    if isinstance(source, Share):
        inputs, files = resolve(source.source)
        return [_share(source, number, entry) for number, entry in enumerate(inputs)], files
    if isinstance(source, str | os.PathLike):
        paths = _expand_path(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        return [("bytes", bytes(source))], ["<bytes>"]
    elif isinstance(source, io.TextIOBase):
        raise TypeError('the file is open for text, and JSONL is bytes: open it with "rb"')
    elif isinstance(source, BinaryReader):
        name = str(getattr(source, "name", "<stream>"))
        return [("reader", (name, source))], [name]
    elif isinstance(source, Iterable) and not isinstance(source, Mapping):
        entries = iter(source)
        first = next(entries, _END)
        if not isinstance(first, str | os.PathLike):
            records = itertools.chain(() if first is _END else (first,), entries)
            return [("reader", (_RecordReader.name, _RecordReader(records)))], [_RecordReader.name]
        paths = [path for entry in (first, *entries) for path in _expand_path(entry)]
    else:
        raise TypeError(
            f"cannot read conversations from {type(source).__name__}; "
            "expected a path, paths, bytes, a binary file or an iterable of dict"
        )
    return [("stdin", path) if path == "-" else ("path", path) for path in paths], paths


def _share(share: Share, number: int, entry: CoreSource) -> CoreSource:
    if number < share.from_file:
        return "bytes", b""
    if share.count > 1:
        # Each file begins with another share, so that many files of one line are distributed, too.
        entry = "share", (entry, share.index, share.count, number)
    begins_later = number == share.from_file and share.from_line > 1
    return ("from_line", (entry, share.from_line)) if begins_later else entry


def one_by_one(source: Whole) -> list[tuple[str, Whole]]:
    """Return the inputs as sources of their own, with their names.

    >>> one_by_one(b"{}")
    [('<bytes>', b'{}')]
    """
    inputs, files = resolve(source)
    singles = [value[1] if kind == "reader" else value for kind, value in inputs]
    return list(zip(files, singles, strict=True))


def size_of(source: Whole) -> int | None:
    """Return the size of an input that can be read again, None for any other."""
    if isinstance(source, bytes):
        return len(source)
    if not isinstance(source, str | os.PathLike) or source == "-":
        return None
    return os.path.getsize(source) if os.path.isfile(source) else None  # noqa: PTH113, PTH202


def total_bytes(paths: list[str]) -> int | None:
    """Return the size of the inputs on disk, None if one of them has none."""
    sizes = [size_of(path) for path in paths]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _expand_path(path: object) -> list[str]:
    text = os.fspath(cast("StrPath", path))
    if text == "-":
        return [text]
    if Path(text).is_dir():
        raise InputError.in_file(text, f"is a folder; name its files, e.g. {text}/*.jsonl")
    if Path(text).exists():
        return [text]
    if glob.has_magic(text):
        found = sorted(
            entry for entry in glob.glob(text, recursive=True) if not Path(entry).is_dir()
        )
        if found:
            return found
        raise InputError.in_file(text, "no file matches")
    raise InputError.in_file(text, "no such file")


class _RecordReader:
    """Records as JSON lines, made as they are read: dicts take the same way as files."""

    name = "<records>"

    def __init__(self, records: Iterator[Any]) -> None:
        self._records = records
        self._count = 0

    def read(self, size: int, /) -> bytes:
        lines: list[bytes] = []
        length = 0
        while length < size and (record := next(self._records, _END)) is not _END:
            self._count += 1
            try:
                lines.append(json_line(record))
            except (TypeError, ValueError) as error:
                raise TypeError(f"record {self._count}: {error}") from error
            length += len(lines[-1])
        return b"".join(lines)


_END = object()
"""Marks the end of an iterator: None could be an entry."""


def json_line(record: object) -> bytes:
    """Return the line that a record is read as.

    Raises:
        TypeError: The record holds what is not JSON.
    """
    text = json.dumps(record, ensure_ascii=False, default=_as_json)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate: escaped, it reaches the core, which names the record.
        return json.dumps(record, default=_as_json).encode() + b"\n"


def _as_json(value: object) -> Any:
    """Mappings as objects, numpy scalars and arrays as numbers and lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"it holds {type(value).__name__}, which is not JSON")
