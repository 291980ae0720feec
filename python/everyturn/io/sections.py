"""Sections of a large file, which many workers read at the same time.

In: a path. Out: its `Section`s, each of consecutive lines, which together are the file; or the path itself, where it
cannot be cut. A section can be expanded as any input, and gives what the whole file would: the same files, lines and
format. The core cuts and counts; who does it, and who expands which section, is the caller's business.
"""

import dataclasses
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from everyturn import _core
from everyturn.exceptions import EveryturnError, InputError, OptionsError, system_words
from everyturn.io.files import JSON, content_of
from everyturn.options import InputFormat, check_count

SECTION_BYTES = 256 << 20
"""About how much of a file, as it is on disk, is a section."""

MOST_SECTIONS = 99_999
"""More would not fit into names that sort."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """Consecutive lines of a file, made by `cut`.

    Attributes:
        path: Of the file.
        start: The byte of the file on disk at which reading starts.
        in_line: Whether a line is open there, which belongs to a section before.
        first_line: The 1-based number of the first line that begins in the section.
        bytes: Its lines are those that begin in so many bytes after the start, once decompressed.
        kind: What the records of the file are, and the line from which that holds; None if nothing shows it.
        file: The size of the file in bytes and the time of its modification in nanoseconds since 1970, when it was cut.
    """

    path: str
    start: int
    in_line: bool
    first_line: int
    bytes: int
    kind: tuple[str, int] | None
    file: tuple[int, int]

    def check(self) -> None:
        """Refuse a file that was written since it was cut.

        Raises:
            InputError: Its size or time is another one, or it is gone.
        """
        if _state(self.path) != self.file:
            raise _changed(self.path)


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
    return Counted._make(_core.count_lines(*span))


def _count_here(spans: list[Span]) -> Iterable[Counted]:
    return map(count, spans)


def cut(
    path: str,
    *,
    section_bytes: int = SECTION_BYTES,
    input_format: InputFormat = "auto",
    map: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    max_line_bytes: int = _core.MAX_LINE_BYTES,
) -> list[Section | str]:
    """Cut a file into sections, which depend on the file and ``section_bytes`` alone.

    A file of lines is cut if it is plain or in frames of Zstandard, as pzstd and the seekable format write them: there
    a section starts with a frame. All of the file is read once to count lines. Expand the sections one by one.

    Args:
        path: Of the file.
        section_bytes: About how many bytes of the file a section has, as it is on disk.
        input_format: As in `Expander`; ``auto`` is what the first records of the file show.
        map: As in `Expander`; here it only helps to find the format.
        max_line_bytes: A longer line shows no format.

    Returns:
        The sections; the path alone where there would be one: the file is short, not of lines, or compressed otherwise,
        or each of its lines is a message of a tree.

    Raises:
        InputError: The file cannot be read, its compressed data is broken, or it was changed meanwhile.
        OptionsError: There would be more than 99,999 sections.
    """
    (sections,) = cut_all(
        [path],
        section_bytes=section_bytes,
        input_format=input_format,
        map=map,
        max_line_bytes=max_line_bytes,
    )
    return sections


def cut_all(
    paths: list[str],
    *,
    section_bytes: int = SECTION_BYTES,
    count_all: Callable[[list[Span]], Iterable[Counted]] = _count_here,
    input_format: InputFormat = "auto",
    map: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
    max_line_bytes: int = _core.MAX_LINE_BYTES,
) -> list[list[Section | str]]:
    """Cut several files, as `cut` does each.

    Args:
        paths: Of the files.
        section_bytes: As in `cut`, and so are the other options.
        count_all: Counts the spans of all files, and returns what each holds, in their order.
        input_format: Likewise.
        map: Likewise.
        max_line_bytes: Likewise.

    Returns:
        For each file what `cut` returns.

    Raises:
        InputError: As in `cut`.
        OptionsError: Likewise.
    """
    check_count("section_bytes", section_bytes)
    reading = {"input_format": input_format, "map": map, "max_line_bytes": max_line_bytes}
    found = [_cuts(path, section_bytes, reading) for path in paths]
    counts = iter(list(count_all([span for cuts in found for span in cuts.spans])))
    return [cuts.sections(list(itertools.islice(counts, len(cuts.spans)))) for cuts in found]


class _Cuts(NamedTuple):
    """Where a file is cut; without spans it is not.

    Attributes:
        path: Of the file.
        file: Its size and time.
        kind: What its records are.
        spans: The bytes of each section.
    """

    path: str
    file: tuple[int, int]
    kind: tuple[str, int] | None
    spans: list[Span]

    def sections(self, counts: list[Counted]) -> list[Section | str]:
        """Return the sections whose spans hold that."""
        if not self.spans:
            return [self.path]
        if _state(self.path) != self.file:
            raise _changed(self.path)
        found: list[Section | str] = []
        lines, in_line = 0, False
        for span, counted in zip(self.spans, counts, strict=True):
            found.append(
                Section(
                    path=self.path,
                    start=span.start,
                    in_line=in_line,
                    first_line=1 + lines + in_line,
                    bytes=counted.bytes,
                    kind=self.kind,
                    file=self.file,
                )
            )
            lines += counted.newlines
            in_line = not counted.ends_line if counted.bytes else in_line
        return found


def _cuts(path: str, section_bytes: int, reading: Mapping[str, Any]) -> _Cuts:
    # A pipe is opened once, by whoever reads it.
    whole = _Cuts(path, (0, 0), None, [])
    file = _state(path)
    if file is None or file[0] <= section_bytes or content_of(path) != JSON:
        return whole
    if file[0] > section_bytes * MOST_SECTIONS:
        raise OptionsError(
            f"{path}: it has over {MOST_SECTIONS:,} sections of {section_bytes:,} bytes: section_bytes must be larger"
        )
    starts, kind = _core.find_cuts(path, section_bytes, **reading)
    if len(starts) == 1:
        return whole
    ends = [*starts[1:], None]
    spans = [Span(path, start, end) for start, end in zip(starts, ends, strict=True)]
    return _Cuts(path, file, kind, spans)


def _state(path: str) -> tuple[int, int] | None:
    """Size and time of a regular file; None for anything else."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a name that is not UTF-8 stays as it is
    except OSError as error:
        raise InputError.in_file(path, system_words(error)) from error
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _changed(path: str) -> EveryturnError:
    return InputError.in_file(
        path, "it was changed since it was cut into sections: cut it again, and name a new folder"
    )
