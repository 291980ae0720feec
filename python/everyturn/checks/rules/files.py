"""Findings on a file: its start, its line ends, and records that are of another format.

`everyturn.checks.file_check` asks for them where it reads or copies the bytes of a file.
"""

import re
from collections.abc import Iterator

from everyturn.checks.finding import Remark
from everyturn.checks.rules.rule import Rule
from everyturn.diagnostics.kind import Kind
from everyturn.wording import counted

CR_LF = b"\r\n"
LINE_END = re.compile(rb"\r+\n")

MIXED_FORMATS = Kind(
    name="mixed_formats",
    severity="warning",
    summary="a record is in another format than its file",
    reason="The first record with a known key decides the format of the file; this one "
    "has the key of another and is read by the file's, or refused.",
    remedy="Write a file for each format.",
)


def mixed_formats(own: str, of_file: str) -> Iterator[Remark]:
    """A record is in the format of its file."""
    if own != of_file:
        text = f"its keys show the format {own!r}, but the file is read as {of_file!r}"
        yield Remark(MIXED_FORMATS.name, None, text)


BOM = Kind(
    name="bom",
    severity="warning",
    summary="the file starts with a byte order mark",
    reason="Many readers of JSON lines fail on the first line. It is passed over here.",
    remedy="Save as UTF-8 without a mark; `--fix` removes it.",
)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def byte_order_mark() -> Remark:
    """What is found where a file starts with one."""
    return Remark(BOM.name, None, "the file starts with a byte order mark")


def byte_order_mark_taken_off() -> Remark:
    """What a corrected copy says of it."""
    return Remark(BOM.name, None, "the byte order mark was taken off")


CRLF = Kind(
    name="crlf",
    severity="note",
    summary="lines end in CR LF",
    reason="Harmless to most readers; the bytes of the lines are the same. Named once a file.",
    remedy="`--fix` writes LF.",
)


def line_end(data: bytes, stop: int) -> Iterator[Remark]:
    """A line that stops here ends in LF."""
    if data.startswith(CR_LF, stop):
        yield Remark(CRLF.name, None, "the line ends in CR LF", "")


def with_line_feeds(between: bytes) -> tuple[bytes, int]:
    """Return what is between two records with LF for CR LF, and how many there were."""
    return LINE_END.subn(b"\n", between) if b"\r" in between else (between, 0)


def line_ends_changed(count: int) -> Remark:
    """What a corrected copy says of them."""
    return Remark(CRLF.name, None, f"{counted(count, 'line end')} became LF")


RULES = (Rule(kinds=(MIXED_FORMATS,)), Rule(kinds=(BOM,)), Rule(kinds=(CRLF,)))
