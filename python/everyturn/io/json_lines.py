"""Records of Python as the JSON lines that the core reads, and JSON that others wrote as Python has it.

In: records, one after the other, of whatever kind. Out: a reader of their lines, made as they are read: so records take
the same way as files.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np


class LineReader:
    """Lines as bytes, for the core.

    Args:
        lines: Whole lines with their ends.
        bytes_taken: The bytes taken so far of the file that they are made of; None if there is none.
    """

    def __init__(
        self, lines: Iterator[bytes], bytes_taken: Callable[[], int] | None = None
    ) -> None:
        self._lines = lines
        self._bytes_taken = bytes_taken

    def read(self, size: int, /) -> bytes:
        """Return about size bytes; none at the end."""
        read: list[bytes] = []
        length = 0
        while length < size and (line := next(self._lines, None)) is not None:
            read.append(line)
            length += len(line)
        return b"".join(read)

    @property
    def bytes_taken(self) -> int | None:
        """The bytes taken so far of the file that the lines are made of."""
        return None if self._bytes_taken is None else self._bytes_taken()


def lines_of_records(records: Iterable[Any]) -> Iterator[bytes]:
    """Return a line for each record.

    Raises:
        TypeError: A record holds what is not JSON; the text has its number.
    """
    for number, record in enumerate(records, start=1):
        yield _numbered_line(number, record)


def _numbered_line(number: int, record: object) -> bytes:
    try:
        return json_line(record)
    except (TypeError, ValueError) as error:
        raise TypeError(f"record {number}: {error}") from error


def json_line(record: object) -> bytes:
    """Return the line that a record is read as.

    Raises:
        TypeError: The record holds what is not JSON.
    """
    try:
        text = json.dumps(record, ensure_ascii=False, default=_as_json)
    except RecursionError:
        raise TypeError(TOO_DEEP) from None
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate: escaped, it reaches the core, which names the record.
        return json.dumps(record, default=_as_json).encode() + b"\n"


def json_text(value: object) -> str:
    """Return a value as the JSON text that a record with it is read as.

    >>> json_text({"content": "¡Hola!"})
    '{"content": "¡Hola!"}'

    Raises:
        TypeError: It holds what is not JSON.
    """
    return json_line(value).decode().removesuffix("\n")


TOO_DEEP = "it is nested too deeply"


def loads(text: str | bytes) -> Any:
    """Return what JSON text holds, whoever wrote it.

    Raises:
        ValueError: The text is not JSON, or Python does not read it.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def _as_json(value: object) -> Any:
    """Mappings as objects, numpy scalars and arrays as numbers and lists."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"it holds {type(value).__name__}, which is not JSON")
