"""A record as rules look at it, whatever its format and however much of it is wrong.

In: the JSON of a record and its format. Out: its messages with the roles and the numbers that the core gives them. What
the core refuses is passed over here: the core has named it.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

WEIGHT_KEYS = ("weight", "trainable", "train", "loss", "loss_weight")
REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
SYSTEM_ROLES = ("system", "developer")

ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""The names that messages have, and whose they are."""

SPEAKERS: Mapping[str, str] = {
    **ROLES,
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "assistant",
}
"""The names that entries of ``conversations`` have; a function call is the assistant's."""


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


class Message(NamedTuple):
    """One message of a conversation.

    Attributes:
        position: 0-based, as in ``targets``.
        fields: Its keys as they stand; empty if it is no object.
        role: Whose it is; None if that is not known.
        text: Its content, of parts the texts together; None if there is none.
        calls: The tools that it calls.
        weight: What it says of its own training.
        is_context: The format says that it is never a target.
    """

    position: int
    fields: Mapping[str, Any]
    role: str | None
    text: str | None
    calls: tuple[Call, ...]
    weight: float | None
    is_context: bool

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
        data: The whole record as it stands.
        format: By which it is read.
        messages: In order.
    """

    data: Mapping[str, Any]
    format: str
    messages: tuple[Message, ...]


def read(data: Mapping[str, Any], format: str) -> Record:  # noqa: A002 - it is called so everywhere
    """Look at a record by its format.

    >>> record = read(
    ...     {"conversations": [{"from": "human", "value": "Hi"}], "system": "Be brief."}, "sharegpt"
    ... )
    >>> [(message.position, message.role, message.text) for message in record.messages]
    [(0, 'system', 'Be brief.'), (1, 'user', 'Hi')]
    """
    entries = enumerate(READERS[format](data))
    messages = tuple(_message(index, entry, is_context) for index, (entry, is_context) in entries)
    return Record(data, format, messages)


def lists_of_messages(data: Mapping[str, Any], format: str) -> Iterator[tuple[int, list[Any]]]:  # noqa: A002
    """Yield each list of messages in the record, with the number of its first message."""
    if format == "messages" and isinstance(data.get("messages"), list):
        yield 0, data["messages"]
    elif format == "sharegpt" and isinstance(data.get("conversations"), list):
        system = data.get("system")
        yield int(isinstance(system, str) and system != ""), data["conversations"]
    elif format == "prompt_completion":
        prompt, completion = data.get("prompt"), data.get("completion")
        if isinstance(prompt, list) and isinstance(completion, list):
            yield 0, prompt
            yield len(prompt), completion


def parsed(value: Any) -> Any:
    """Return what JSON text holds, None if it is no JSON; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


_Entries = Iterator[tuple[Any, bool]]


def _of_messages(data: Mapping[str, Any]) -> _Entries:
    for _, items in lists_of_messages(data, "messages"):
        yield from ((item, False) for item in items)


def _of_sharegpt(data: Mapping[str, Any]) -> _Entries:
    for before, items in lists_of_messages(data, "sharegpt"):
        if before:
            yield {"role": "system", "content": data["system"]}, False
        yield from ((_without_from(item), False) for item in items)


def _without_from(item: Any) -> Any:
    """Turn an entry of from and value into one of role and content; a function call keeps its name as its role."""
    if not isinstance(item, dict) or "from" not in item:
        return item if not isinstance(item, dict) else {**item, "role": _speaker(item.get("role"))}
    rest = {key: value for key, value in item.items() if key not in ("from", "value")}
    speaker = item["from"]
    if speaker == "function_call":
        return {**rest, "role": "assistant", "content": "", CALL_KEY: item.get("value")}
    return {**rest, "role": _speaker(speaker), "content": item.get("value")}


CALL_KEY = "from: function_call"
"""A key that stands for the value of such an entry; the space keeps it apart from those of records."""


def _speaker(name: Any) -> Any:
    return SPEAKERS.get(name) if isinstance(name, str) else None


def _of_alpaca(data: Mapping[str, Any]) -> _Entries:
    if isinstance(system := data.get("system"), str) and system:
        yield {"role": "system", "content": system}, False
    history = data.get("history")
    for exchange in history if isinstance(history, list) else ():
        match exchange:
            case [question, answer]:
                yield {"role": "user", "content": question}, False
                yield {"role": "assistant", "content": answer}, False
    answer = data.get("output")
    yield {"role": "user", "content": data.get("instruction")}, False
    yield (
        {"role": "assistant", "content": data.get("response") if answer is None else answer},
        False,
    )


def _of_prompt_completion(data: Mapping[str, Any]) -> _Entries:
    prompt, completion = data.get("prompt"), data.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        yield {"role": "user", "content": prompt}, False
        yield {"role": "assistant", "content": completion}, False
    elif isinstance(prompt, list) and isinstance(completion, list):
        yield from ((item, True) for item in prompt)
        yield from ((item, False) for item in completion)


READERS: Mapping[str, Callable[[Mapping[str, Any]], _Entries]] = {
    "messages": _of_messages,
    "sharegpt": _of_sharegpt,
    "alpaca": _of_alpaca,
    "prompt_completion": _of_prompt_completion,
}
"""What reads the messages of a record, by format."""

COMMON_KEYS = ("tools", "functions", "chat_template_kwargs")

RECORD_KEYS: Mapping[str, frozenset[str]] = {
    "messages": frozenset({"messages", "parallel_tool_calls", *COMMON_KEYS}),
    "sharegpt": frozenset({"conversations", "system", *COMMON_KEYS}),
    "alpaca": frozenset(
        {"instruction", "input", "output", "response", "system", "history", *COMMON_KEYS}
    ),
    "prompt_completion": frozenset({"prompt", "completion", *COMMON_KEYS}),
}
"""The keys of records that somebody reads, by format."""


def _message(index: int, entry: Any, is_context: bool) -> Message:  # noqa: FBT001 - one of a tuple's fields
    if not isinstance(entry, dict):
        return Message(index, {}, None, None, (), None, is_context)
    role, content = entry.get("role"), entry.get("content")
    known = ROLES.get(role) if isinstance(role, str) else None
    if len(entry) == 2 and isinstance(content, str):  # noqa: PLR2004 - a role and a text, as most are
        return Message(index, entry, known, content, (), None, is_context)
    calls = tuple(_calls(entry))
    return Message(index, entry, known, _text(content), calls, _weight(entry), is_context)


def _text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = (
        part.get("text", part.get("value"))
        for part in content
        if isinstance(part, dict) and part.get("type") == "text"
    )
    return "".join(text for text in texts if isinstance(text, str))


def _parts(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _weight(entry: Mapping[str, Any]) -> float | None:
    for key in WEIGHT_KEYS:
        value = entry.get(key)
        if isinstance(value, int | float):
            return float(value)
    return None


def _calls(entry: Mapping[str, Any]) -> Iterator[Call]:
    calls = entry.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield _call("openai", call, call.get("function") if isinstance(call, dict) else None)
    if entry.get("function_call") is not None:
        yield from _written("function_call", entry["function_call"])
    if CALL_KEY in entry:
        yield from _written("other", entry[CALL_KEY])
    for part in _parts(entry.get("content")):
        if isinstance(part, dict) and part.get("type") == "tool_call":
            yield from _written("other", part.get("value"))


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
