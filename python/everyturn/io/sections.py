"""Sections of a large file, which many workers read at the same time.

In: a path. Out: its `Section`s, each of consecutive lines, which together are the file; or the path itself, where it
cannot be cut. A section can be expanded as any input, and gives what the whole file would: the same files, lines and
format. The core cuts and counts; who does it, and who expands which section, is the caller's business.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from everyturn import _core
from everyturn.io.files import JSON, kind_of
from everyturn.options import check_count

SECTION_BYTES = 256 << 20
"""About how much of a file, as it is on disk, is a section."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """Consecutive lines of a file.

    Attributes:
        path: Of the file.
        start: The byte of the file on disk at which reading starts.
        in_line: Whether a line is open there, which belongs to a section before.
        first_line: The 1-based number of the first line that begins in the section.
        bytes: Its lines are those that begin in so many bytes after the start, once decompressed.
        kind: What the records of the file are, and the line from which that holds; None if nothing shows it.
    """

    path: str
    start: int
    in_line: bool
    first_line: int
    bytes: int
    kind: tuple[str, int] | None


class Span(NamedTuple):
    """Bytes of a file on disk, which are to be counted; without an end, up to that of the file."""

    path: str
    start: int
    end: int | None


class Counted(NamedTuple):
    """What a span holds.

    Attributes:
        bytes: After decompression.
        newlines: Among them.
        ends_line: Whether a newline is the last of them.
    """

    bytes: int
    newlines: int
    ends_line: bool


def count(span: Span) -> Counted:
    """Count what a span holds, at the speed of reading.

    Raises:
        InputError: The file cannot be read, or its compressed data is broken.
    """
    return Counted._make(_core.measure(*span))


def cut(
    path: str,
    *,
    section_bytes: int = SECTION_BYTES,
    count_all: Callable[[list[Span]], Iterable[Counted]] = lambda spans: map(count, spans),
    **reading: Any,
) -> list[Section | str]:
    """Cut a file into sections, which depend on the file and ``section_bytes`` alone.

    A file of lines is cut if it is plain or in frames of Zstandard, as pzstd and the seekable format write them: there
    a section starts with a frame. All of the file is read once to count lines.

    Args:
        path: Of the file.
        section_bytes: About how many bytes of the file a section has, as it is on disk.
        count_all: Counts spans, in their order.
        **reading: The options of `everyturn.io.records.Records`.

    Returns:
        The sections; the path alone where there is one: the file is short, not of lines, of messages of trees a line,
        or compressed otherwise.

    Raises:
        InputError: The file cannot be read.
    """
    check_count("section_bytes", section_bytes)
    if kind_of(path) != JSON:
        return [path]
    starts, kind = _core.find_cuts(path, section_bytes, **reading)
    if len(starts) == 1:
        return [path]
    ends = [*starts[1:], None]
    spans = [Span(path, start, end) for start, end in zip(starts, ends, strict=True)]
    counts = list(count_all(spans))
    newlines = itertools.accumulate((counted.newlines for counted in counts), initial=0)
    in_line = [False]
    for counted in counts:
        in_line.append(not counted.ends_line if counted.bytes else in_line[-1])
    return [
        Section(
            path=path,
            start=span.start,
            in_line=is_open,
            first_line=1 + before + is_open,
            bytes=counted.bytes,
            kind=kind,
        )
        for span, counted, before, is_open in zip(spans, counts, newlines, in_line, strict=False)
    ]
