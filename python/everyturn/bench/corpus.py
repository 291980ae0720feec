"""The records that every tool is given: JSON lines in the form that transformers takes, with their origins.

In: files, or nothing for the built-in chats. Out: a `Corpus`. Only the format ``messages`` is read: the other formats
are everyturn's own to understand, and a peer could not be given the same.
"""

import dataclasses
import hashlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from everyturn.bench import synthetic
from everyturn.checks.records import WEIGHT_KEYS
from everyturn.exceptions import InputError, system_words
from everyturn.io.files import JSON, content_of
from everyturn.io.inputs import paths_of
from everyturn.io.json_lines import loads
from everyturn.io.records import Records
from everyturn.wording import counted

BUILT_IN = "<built-in chats>"
BUILT_IN_CHATS = 200


@dataclasses.dataclass(frozen=True, slots=True)
class DataFile:
    """One input as it is on disk.

    Attributes:
        name: As it was named.
        bytes: Its size.
        sha256: Hex digits over these bytes.
    """

    name: str
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The records of a comparison.

    Attributes:
        lines: A record each, JSON without its newline.
        origins: For each the file's name and the 1-based line.
        files: The inputs.
        left_out: Records that are not in the corpus, by reason.
    """

    lines: tuple[bytes, ...]
    origins: tuple[tuple[str, int], ...]
    files: tuple[DataFile, ...]
    left_out: Mapping[str, int]

    @property
    def data(self) -> bytes:
        """The corpus as a file would hold it."""
        return b"".join(line + b"\n" for line in self.lines)

    def select(self, records: Sequence[int]) -> "Corpus":
        """Return the corpus of some of the records."""
        return dataclasses.replace(
            self,
            lines=tuple(self.lines[record] for record in records),
            origins=tuple(self.origins[record] for record in records),
        )

    def location(self, record: int) -> str:
        """Name a record as ``file:line``."""
        name, line = self.origins[record]
        return f"{name}:{line}"


def built_in(limit: int) -> Corpus:
    """Return the chats that the package makes itself."""
    chats = synthetic.mixed_chats(min(limit, BUILT_IN_CHATS))
    return of_records(chats, BUILT_IN)


def of_records(records: Iterable[Mapping[str, Any]], name: str) -> Corpus:
    """Return a corpus of records that were made here."""
    lines = tuple(json.dumps(record, ensure_ascii=False).encode() for record in records)
    data = b"".join(line + b"\n" for line in lines)
    return Corpus(
        lines=lines,
        origins=tuple((name, line) for line in range(1, len(lines) + 1)),
        files=(DataFile(name, len(data), hashlib.sha256(data).hexdigest()),),
        left_out={},
    )


def read(source: list[str], limit: int) -> Corpus:
    """Read the first records of files, plain or compressed.

    Raises:
        InputError: A file cannot be read, or holds no record with ``messages``.
    """
    names = paths_of(source)
    lines: list[bytes] = []
    origins: list[tuple[str, int]] = []
    left_out: Counter[str] = Counter()
    files = []
    for name in names:
        raw = _bytes_of(name)
        files.append(DataFile(name, len(raw), hashlib.sha256(raw).hexdigest()))
        for record in _records(name, raw):
            if len(lines) == limit:
                break
            try:
                lines.append(usable_line(record.text))
            except LeftOutError as error:
                left_out[str(error)] += 1
            else:
                origins.append((name, record.line))
    if not lines:
        why = ", ".join(
            f"{counted(count, 'record')}: {reason}" for reason, count in left_out.items()
        )
        raise InputError(
            f"{', '.join(names)}: no record with messages ({why or 'there are no records'})"
        )
    return Corpus(
        lines=tuple(lines), origins=tuple(origins), files=tuple(files), left_out=dict(left_out)
    )


class LeftOutError(ValueError):
    """A record that not every tool could be given; the text is the reason that is counted."""


def usable_line(line: bytes | None) -> bytes:
    """Return the record as every tool can take it; a line that was too long is None.

    Raises:
        LeftOutError: The record has no such form.
    """
    if line is None:
        raise LeftOutError("a line that is too long")
    record = _parse(line, "not JSON")
    messages = record.get("messages") if isinstance(record, dict) else None
    if not isinstance(messages, list) or not all(isinstance(entry, dict) for entry in messages):
        raise LeftOutError("no list of messages")
    if not all(_has_plain_content(message) for message in messages):
        raise LeftOutError("content that is not text")
    changed = {**record, "messages": [_plain_message(message) for message in messages]}
    if isinstance(tools := record.get("tools"), str):
        changed["tools"] = _parse(tools, "tools that are not JSON") if tools.strip() else None
    if changed == record:
        return line.strip()
    try:
        return json.dumps(changed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise LeftOutError("a lone surrogate") from None


def _parse(text: str | bytes, why: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        raise LeftOutError(why) from None


def _has_plain_content(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if isinstance(content, list):
        return all(_is_text(part) for part in content)
    return content is None or isinstance(content, str)


def _plain_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message in transformers' own form: no marks, no null, parts joined, arguments as objects.

    A message that calls tools and has no text gets an empty content, without which many templates fail.
    """
    # Without weights every tool trains every assistant message.
    plain = {k: v for k, v in message.items() if k not in WEIGHT_KEYS and v is not None}
    content = plain.get("content")
    if isinstance(content, list):
        plain["content"] = "\n".join(part["text"] for part in content)
    if isinstance(calls := plain.get("tool_calls"), list):
        plain["tool_calls"] = [_plain_call(call) for call in calls]
        plain.setdefault("content", "")
    return plain


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and "text" in part


def _plain_call(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = loads(function["arguments"])
    except ValueError:
        return call
    if not isinstance(arguments, dict):
        return call
    return {**call, "function": {**function, "arguments": arguments}}


def _bytes_of(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError.in_file(name, system_words(error)) from error


def _records(name: str, raw: bytes) -> Records:
    """Return the records of a file, from the bytes that were read of it, under its name."""
    if name != "-" and content_of(name) != JSON:
        return Records(name)
    stream = io.BytesIO(raw)
    stream.name = name
    return Records(stream)
