"""A record as rules look at it, whatever its format and however much of it is wrong.

In: the outline that the core makes of a record. Out: its messages with the roles and the numbers that the core gives
them, and the tools that they call. What the core refuses is passed over here: the core has named it.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from everyturn.io.json_lines import loads

WEIGHT_KEYS = ("weight", "trainable", "train", "loss", "loss_weight", "output_with_loss")
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
SYSTEM_ROLES = ("system", "developer")


class Call(NamedTuple):
    """One call of a tool.

    Attributes:
        form: ``openai`` for an entry of ``tool_calls``; ``function_call`` for the old key; ``other`` for calls that are
            written as a content or a part of one, and have no ids.
        entry: As it stands.
        id: None where there is none, or it is no text.
        name: Likewise.
        arguments: As they stand; None where there are none.
    """

    form: Literal["openai", "function_call", "other"]
    entry: Any
    id: str | None
    name: str | None
    arguments: Any


class Place(NamedTuple):
    """Where a message stands that is an object of its own.

    Attributes:
        key: That of the record under which its list stands.
        index_in_list: 0-based.
        role_key: The key of its role.
    """

    key: str
    index_in_list: int
    role_key: str


class Message(NamedTuple):
    """One message of a conversation.

    Attributes:
        position: 0-based, as in ``targets``.
        fields: What it holds, with role and content under these names; empty if it is not an object.
        role: Whose it is; None if that is not known.
        text: Its content, of parts the texts together; None if there is none.
        calls: The tools that it calls.
        weight: What it says of its own training.
        is_context: The format says that it is never a target.
        place: None if it is not an object.
    """

    position: int
    fields: Mapping[str, Any]
    role: str | None
    text: str | None
    calls: tuple[Call, ...]
    weight: float | None
    is_context: bool
    place: Place | None

    @property
    def reasons(self) -> bool:
        """Whether there is reasoning, beside the content or in it."""
        return any(self.fields.get(key) for key in REASONING_KEYS) or any(
            isinstance(part, dict) and part.get("type") in ("reasoning", "thinking")
            for part in _parts(self.fields.get("content"))
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A record.

    Attributes:
        format: By which it is read.
        messages: In order.
        unread: The keys that nothing reads.
        others: What it holds beside the keys of its format, as it stands.
    """

    format: str
    messages: tuple[Message, ...]
    unread: tuple[str, ...]
    others: Mapping[str, Any]


def read(outline: str) -> Record:
    """Look at a record by its outline.

    >>> record = read(
    ...     '{"format": "messages", "unread": [], "others": {}, "messages": '
    ...     '[{"role": "user", "fields": {"content": "Hi"}}]}'
    ... )
    >>> [(message.position, message.role, message.text) for message in record.messages]
    [(0, 'user', 'Hi')]
    """
    data = _loads(outline)
    messages = tuple(_message(index, entry) for index, entry in enumerate(data["messages"]))
    return Record(data["format"], messages, tuple(data["unread"]), data["others"])


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # Python refuses integers of very many digits, which the core takes.
        return json.loads(text, parse_int=float)


def parsed(value: Any) -> Any:
    """Return what JSON text holds, None if it is not JSON; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except ValueError:
        return None


def _message(position: int, entry: Mapping[str, Any]) -> Message:
    fields, role, is_context = entry["fields"], entry["role"], "is_context" in entry
    place = Place(*entry["place"]) if "place" in entry else None
    content = fields.get("content")
    if len(fields) == 2 and isinstance(content, str) and "call" not in entry:  # noqa: PLR2004 - a role and a text, as most are
        return Message(position, fields, role, content, (), None, is_context, place)
    calls = (*_calls(fields), *(_written("other", entry["call"]) if "call" in entry else ()))
    return Message(
        position, fields, role, _text(content), calls, _weight(fields), is_context, place
    )


def _text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = (
        part.get("text", part.get("value", part.get("content")))
        for part in content
        if isinstance(part, dict) and part.get("type") == "text"
    )
    return "".join(text for text in texts if isinstance(text, str))


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _weight(fields: Mapping[str, Any]) -> float | None:
    for key in WEIGHT_KEYS:
        value = fields.get(key)
        if isinstance(value, int | float):
            return float(value)
    return None


def _calls(fields: Mapping[str, Any]) -> Iterator[Call]:
    calls = fields.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield _call("openai", call, call.get("function") if isinstance(call, dict) else None)
    if fields.get("function_call") is not None:
        yield from _written("function_call", fields["function_call"])
    for part in _parts(fields.get("content")):
        if isinstance(part, dict) and part.get("type") == "tool_call":
            yield from _written("other", part.get("value", part.get("tool_call")))


def _written(form: Literal["function_call", "other"], value: Any) -> Iterator[Call]:
    found = parsed(value)
    for call in found if isinstance(found, list) else [found]:
        yield _call(form, call, call)


def _call(form: Literal["openai", "function_call", "other"], entry: Any, function: Any) -> Call:
    inner = function if isinstance(function, dict) else entry if isinstance(entry, dict) else {}
    given = entry.get("id") if isinstance(entry, dict) else None
    name = inner.get("name")
    return Call(
        form,
        entry,
        given if isinstance(given, str) and given else None,
        name if isinstance(name, str) and name else None,
        inner.get("arguments"),
    )
