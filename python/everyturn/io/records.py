"""The records of a source as they stand, one after the other.

In: anything that can be expanded. Out: lines that are not blank, each with its location and the format of its file,
read by the core and as it reads them for everything else. Only what shows the format is parsed, and no model
is needed.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from everyturn import _core
from everyturn.io.inputs import Source, raising_reader_errors, resolve
from everyturn.options import InputFormat


class Record(NamedTuple):
    """A line of an input; the core takes and gives it as the tuple that it is.

    Attributes:
        file: The input's name.
        line: 1-based.
        format: The format of its file; None if nothing has shown it yet.
        text: The line's bytes without its end; None if it is longer than ``max_line_bytes``.
    """

    file: str
    line: int
    format: str | None
    text: bytes | None


class Records(Iterator[Record]):
    r"""The records of a source.

    >>> records = Records(b'\n{"id": 1}\n{"messages": []}\n\n')
    >>> [(record.line, record.format, record.text) for record in records]
    [(2, None, b'{"id": 1}'), (3, 'messages', b'{"messages": []}')]
    >>> records.blank_lines
    2

    Args:
        source: As in `Expander.expand`.
        input_format: As in `Expander`; ``auto`` is what each file's first records show.
        map: As in `Expander`; here it only helps to find the format.
        max_line_bytes: The text of a longer line is omitted.

    Raises:
        InputError: A path does not exist; while reading, that a file cannot be read.
    """

    def __init__(
        self,
        source: Source,
        *,
        input_format: InputFormat = "auto",
        map: Mapping[str, str] | None = None,  # noqa: A002 - the option's name
        max_line_bytes: int = _core.MAX_LINE_BYTES,
    ) -> None:
        inputs, _ = resolve(source)
        self._core = _core.Records(
            inputs, input_format=input_format, map=map, max_line_bytes=max_line_bytes
        )

    def __next__(self) -> Record:
        with raising_reader_errors():
            return Record._make(next(self._core))

    @property
    def blank_lines(self) -> int:
        """The blank lines before the record that was given last; after the last of all, every one."""
        return self._core.blank_lines
