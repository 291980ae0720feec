"""What a caller may hand over as input, turned into what the core reads.

In: paths, globs, ``"-"``, bytes, binary file objects, iterables of dict, tables. Out: one entry per input, with its
name. JSON is read by the core; what has columns, in a file (`files` says which) or in memory, becomes lines on the way
to it (`tables`). Everything that reads records comes through here.
"""

import contextlib
import dataclasses
import glob
import io
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias, cast, runtime_checkable

from everyturn.exceptions import EveryturnError, InputError, OptionsError, system_words
from everyturn.io.files import HEAD_BYTES, JSON, content_of, files_of_folder, is_csv
from everyturn.io.json_lines import LineReader, lines_of_records
from everyturn.io.sections import Section
from everyturn.io.tables import reader_of_file, reader_of_object
from everyturn.options import StrPath


@runtime_checkable
class BinaryReader(Protocol):
    """A file object opened for bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to size bytes; none at the end."""


@runtime_checkable
class ArrowStream(Protocol):
    """A table, of pyarrow, polars, pandas or another library, by the Arrow C data interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the capsule of a stream of tables."""


Record: TypeAlias = Mapping[str, Any]
Whole: TypeAlias = (
    StrPath | Section | bytes | BinaryReader | ArrowStream | Iterable[StrPath] | Iterable[Record]
)
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
    singles = _singles(source)
    return [single.core for single in singles], [single.name for single in singles]


def paths_of(inputs: Iterable[StrPath]) -> list[str]:
    """Return the files that paths, globs and folders stand for, in order; none is opened.

    Raises:
        InputError: One does not exist, or a glob finds nothing.
    """
    return [path for entry in inputs for path in _expand_path(entry)]


@contextlib.contextmanager
def raising_reader_errors() -> Iterator[None]:
    """Raise what a reader of this package says of its file, instead of what the core says of that reader."""
    try:
        yield
    except InputError as error:
        if isinstance(error.__cause__, EveryturnError):
            raise error.__cause__ from error.__cause__.__cause__
        raise


class _Single(NamedTuple):
    """One input: its name, what it is given as, and what the core takes."""

    name: str
    source: Any
    core: CoreSource


def _singles(source: Whole) -> list[_Single]:
    if isinstance(source, str | os.PathLike):
        return [_of_path(path) for path in _expand_path(source)]
    if isinstance(source, Section):
        source.check()
        where = (source.start, source.in_line, source.first_line, source.bytes, source.kind)
        return [_Single(source.path, source, ("section", (source.path, *where)))]
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
        _refuse_csv("<bytes>", data[:HEAD_BYTES])
        return [_Single("<bytes>", data, ("bytes", data))]
    name = f"<{type(source).__name__}>"
    if (rows := reader_of_object(source, name)) is not None:
        return [_Single(name, source, ("rows", (name, "table", rows)))]
    if isinstance(source, io.TextIOBase):
        raise TypeError('the file is open for text, and JSON is bytes: open it with "rb"')
    if isinstance(source, BinaryReader):
        name = str(getattr(source, "name", "<stream>"))
        return [_Single(name, source, ("reader", (name, _Opened(name, source))))]
    if isinstance(source, Iterable) and not isinstance(source, Mapping):
        return _of_items(source)
    parts = ", ".join(map(repr, _parts(source)))
    hint = f": name one of its parts, {parts}" if parts else ""
    raise TypeError(
        f"cannot read conversations from {type(source).__name__}{hint}; "
        "expected a path, paths, bytes, a binary file, a table or an iterable of dict"
    )


class _Opened:
    """An open file, which is read for the core and holds no columns."""

    def __init__(self, name: str, file: BinaryReader) -> None:
        self._name = name
        self._file = file
        self._is_new = True

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        if self._is_new and isinstance(data, bytes):
            _refuse_csv(self._name, data[:HEAD_BYTES])
        self._is_new = False
        return data


def _refuse_csv(name: str, head: bytes) -> None:
    if is_csv(head):
        raise InputError.in_file(
            name,
            "this is CSV, which is read from a file that is named, not from bytes or an open file: give its path",
        )


def _parts(source: object) -> list[Any]:
    """The names of the data sets in a dict of them, as Hugging Face datasets has for the splits of one."""
    is_one = isinstance(source, Mapping) and hasattr(source, "column_names")
    return list(cast("Mapping[Any, Any]", source)) if is_one else []


def _of_items(items: Iterable[Any]) -> list[_Single]:
    entries = iter(items)
    first = next(entries, _END)
    if isinstance(first, str | os.PathLike):
        return [_of_path(path) for path in paths_of(itertools.chain((first,), entries))]
    records = itertools.chain(() if first is _END else (first,), entries)
    reader = LineReader(lines_of_records(records))
    return [_Single(_RECORDS, reader, ("rows", (_RECORDS, None, reader)))]


_END = object()
"""Marks the end of an iterator: None could be an entry."""

_RECORDS = "<records>"


def _of_path(path: str) -> _Single:
    if path == "-":
        if sys.stdin is None:
            raise InputError.in_file(path, "standard input is closed")
        return _Single(path, path, ("stdin", path))
    content = content_of(path)
    if content == JSON:
        return _Single(path, path, ("path", path))
    return _Single(path, path, ("rows", (path, content.words, reader_of_file(path, content))))


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
    return [(single.name, single.source) for single in _singles(source)]


def size_of(source: Whole) -> int | None:
    """Return the size of an input that can be read again, None for any other."""
    if isinstance(source, bytes):
        return len(source)
    if isinstance(source, Section):
        return source.file[0]
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
    try:
        if Path(text).is_dir():
            return files_of_folder(text)
        if Path(text).exists():
            return [text]
    except OSError as error:
        # A name that no file can have, or a folder that may not be looked into.
        raise InputError.in_file(text, system_words(error)) from error
    if glob.has_magic(text):
        found = sorted(
            entry for entry in glob.glob(text, recursive=True) if not Path(entry).is_dir()
        )
        if found:
            return found
        raise InputError.in_file(text, "no file matches")
    raise InputError.in_file(text, "no such file")
