"""Lines of a file in blocks, under their numbers, for runs that hand lines from process to process.

In: a path or bytes, plain or compressed (gzip, zstd, bzip2; the first bytes tell). Out: blocks of whole lines, each
with the number of its first line and the format that the file's first telling record shows. Nothing is parsed but what
tells the format, by the core's own rules; runs of one process read with the core alone.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from everyturn import _core
from everyturn.exceptions import InputError
from everyturn.options import InputFormat, StrPath

BLOCK_BYTES = 1 << 20
"""About how much text a block holds."""

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEYOND_TEXT = 4
"""A line may be this much longer than the limit before it is too long: a byte order mark and a carriage return."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    r"""Whole lines of one file.

    Attributes:
        first_line: The 1-based number of the first line.
        text: The lines, blank ones too, each with its end; the file's last line may have none.
        input_format: The format of the records, or None before the record that tells it.
    """

    first_line: int
    text: bytes
    input_format: str | None

    def lines(self) -> list[bytes]:
        r"""The lines without ``\n``."""
        lines = self.text.split(b"\n")
        return lines if lines[-1] else lines[:-1]


def read_blocks(
    source: StrPath | bytes,
    *,
    input_format: InputFormat = "auto",
    block_bytes: int = BLOCK_BYTES,
    max_line_bytes: int = _core.MAX_LINE_BYTES,
) -> Iterator[Block]:
    r"""Read blocks of lines.

    A block that tells the format is cut before the line that does. Of a line that is longer than ``max_line_bytes`` so
    much is kept that it stays too long.

    >>> [(block.first_line, block.input_format) for block in read_blocks(b'\n{"messages": []}\n')]
    [(1, None), (2, 'messages')]

    Raises:
        InputError: The file cannot be read, or its compressed data is broken.
    """
    known = None if input_format == "auto" else str(input_format)
    line = 1
    for text in _whole_lines(source, block_bytes, max_line_bytes + _BEYOND_TEXT):
        before = b""
        behind = text
        if known is None:
            # Behind a blank line: the file's byte order mark is off, and what looks like another is text.
            found = _core.format_of(b"\n" + text, max_line_bytes)
            if found is None:
                before, behind = text, b""
            else:
                known, at = found
                before, behind = _cut(text, at - 2)
        for part, of in ((before, None), (behind, known)):
            if part:
                yield Block(first_line=line, text=part, input_format=of)
                line += part.count(b"\n")


def format_before(
    source: StrPath | bytes, line: int, *, max_line_bytes: int = _core.MAX_LINE_BYTES
) -> str | None:
    r"""Return the format that the records before a line of a file tell, or None.

    >>> format_before(b'{"messages": []}\n{"conversations": []}\n', 2)
    'messages'
    """
    for block in read_blocks(source, max_line_bytes=max_line_bytes):
        if block.first_line >= line:
            return None
        if block.input_format is not None:
            return block.input_format
    return None


def _cut(text: bytes, lines: int) -> tuple[bytes, bytes]:
    """Cut behind so many lines."""
    place = 0
    for _ in range(lines):
        place = text.index(b"\n", place) + 1
    return text[:place], text[place:]


def _whole_lines(source: StrPath | bytes, block_bytes: int, longest: int) -> Iterator[bytes]:
    name = "<bytes>" if isinstance(source, bytes) else str(source)
    rest = b""
    first = True
    try:
        with _opened(source) as stream:
            while data := stream.read(block_bytes):
                if first:
                    # Enough for the mark: reads of a compressed stream may be short.
                    data += stream.read(len(_BYTE_ORDER_MARK))
                    data = data.removeprefix(_BYTE_ORDER_MARK)
                    first = False
                text = rest + data
                end = text.rfind(b"\n") + 1
                if end:
                    yield text[:end]
                rest = text[end:] if end else text[:longest]
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(name, error) from error
    if rest:
        yield rest


def _opened(source: StrPath | bytes) -> Any:
    """Open for plain bytes."""
    raw = pa.BufferReader(source) if isinstance(source, bytes) else pa.OSFile(str(source), "rb")
    head = raw.read(max(map(len, _COMPRESSIONS)))
    raw.seek(0)
    for magic, name in _COMPRESSIONS.items():
        if head.startswith(magic):
            return pa.CompressedInputStream(raw, name)
    return raw


def _unreadable(name: str, error: Exception) -> InputError:
    unreadable = InputError(f"{name}: cannot be read: {error}")
    unreadable.file = name
    return unreadable
