"""Records to conversations: what each format means as messages, tools and arguments of the template."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from reference.json import RecordError, parse_json, parse_record

Message = dict[str, Any]
T = TypeVar("T")

ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "function_call",
}
SYSTEM_KEYS = ("system", "system_prompt", "instructions")
#: A message has one of these; the last three are names of the same.
SAYING_KEYS = {"content", "tool_calls", "reasoning_content", "thinking", "reasoning"}
MARK_KEYS = ("weight", "trainable", "train", "loss", "loss_weight", "output_with_loss")
RESERVED_KWARGS = {"messages", "tools", "documents", "add_generation_prompt"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a record says, as the template is to see it."""

    messages: list[Message]
    #: Per message what its own keys say: None = nothing, 0 = context only, else the weight.
    marks: list[float | None]
    tools: list[Any] | None = None
    template_kwargs: dict[str, Any] = field(default_factory=dict)


def detect_format(records: Iterable[Any]) -> str | None:
    """The first record with a known key decides for the whole file."""
    for record in records:
        if not isinstance(record, dict):
            continue
        if "messages" in record:
            return "messages"
        if "conversations" in record:
            return "sharegpt"
        if "instruction" in record:
            return "alpaca"
        if "prompt" in record and "completion" in record:
            return "prompt_completion"
    return None


def normalise(record: dict[str, Any], form: str, *, parts_as_list: bool = False) -> Conversation:
    """A record as the template is to see it.

    `parts_as_list`: the template prints a list of text parts itself, so that lists stay lists.
    """
    if form == "messages":
        pairs = _from_messages(_list_of(record, "messages"), parts_as_list=parts_as_list)
    elif form == "sharegpt":
        pairs = _from_sharegpt(record, parts_as_list=parts_as_list)
    elif form == "alpaca":
        pairs = _from_alpaca(record)
    elif form == "prompt_completion":
        pairs = _from_prompt_completion(record, parts_as_list=parts_as_list)
    else:
        raise RecordError("conversation", "no known format")
    if not pairs:
        raise RecordError("conversation", "no messages")
    pairs = [*_system_beside(record, pairs), *pairs]
    return Conversation(
        messages=[message for message, _ in pairs],
        marks=[mark for _, mark in pairs],
        tools=_tools_of(record),
        template_kwargs=_template_kwargs_of(record),
    )


def _system_beside(record: dict[str, Any], pairs: "Pairs") -> "Pairs":
    """The system message that stands beside the others, unless it is the first of them as well."""
    texts = {record[key] for key in SYSTEM_KEYS if record.get(key)}
    if not all(isinstance(text, str) for text in texts) or len(texts) > 1:
        raise RecordError("conversation", "one system message is a text")
    system: Pairs = [({"role": "system", "content": text}, None) for text in texts]
    return [] if system[:1] == [(pairs[0][0], None)] else system


def conversations_of(
    lines: Sequence[bytes], *, parts_as_list: bool = False
) -> tuple[dict[int, Conversation], set[int]]:
    """The conversations of a file by line, and the lines that are none."""
    records = {
        number: record
        for number, line in enumerate(lines, start=1)
        if (record := or_none(parse_record, line)) is not None
    }
    form = detect_format(records.values())
    conversations: dict[int, Conversation] = {}
    for number, record in records.items():
        conversation = or_none(
            functools.partial(normalise, form=form or "", parts_as_list=parts_as_list), record
        )
        if conversation is not None:
            conversations[number] = conversation
    return conversations, set(range(1, len(lines) + 1)) - set(conversations)


def or_none(step: Callable[[Any], T], value: Any) -> T | None:
    """Return what a step makes of a value, or None where it refuses it."""
    try:
        return step(value)
    except RecordError:
        return None


Pairs = list[tuple[Message, float | None]]


def _from_messages(entries: list[Any], *, parts_as_list: bool) -> Pairs:
    pairs: Pairs = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise RecordError("conversation", "a message is an object")
        role = entry.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise RecordError("conversation", f"role {role!r} is unknown")
        message = {key: value for key, value in entry.items() if key not in MARK_KEYS}
        message["role"] = ROLES[role]
        call = message.pop("function_call", None)
        if call is not None:
            message["tool_calls"] = [_tool_call(call)]
        message = {key: value for key, value in message.items() if value is not None}
        if isinstance(message.get("content"), list):
            message = _without_parts(message, parts_as_list=parts_as_list)
        elif "content" in message and not isinstance(message["content"], str):
            raise RecordError("conversation", "content is text or a list of parts")
        if not SAYING_KEYS & set(message):
            raise RecordError("conversation", "content is missing")
        pairs.append((message, _mark_of(entry)))
    return pairs


def _without_parts(message: Message, *, parts_as_list: bool) -> Message:
    """The parts of a content, each put where templates look for its kind."""
    texts: list[str] = []
    reasonings: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in message["content"]:
        if not isinstance(part, dict):
            raise RecordError("conversation", "a part is an object")
        if part.get("type") == "text":
            texts.append(_text_of(part, "text", "value"))
        elif part.get("type") in ("reasoning", "thinking"):
            reasonings.append(_text_of(part, "value", "text", "thinking"))
        elif part.get("type") == "tool_call":
            calls.append(_tool_call(part.get("value")))
        else:
            raise RecordError("conversation", f"part type {part.get('type')!r} is unknown")
    changed = dict(message)
    if parts_as_list:
        changed["content"] = [{"type": "text", "text": text} for text in texts]
    else:
        changed["content"] = "\n".join(texts)
    if reasonings:
        changed["reasoning_content"] = "\n".join(reasonings)
    if calls:
        changed["tool_calls"] = [*changed.get("tool_calls", []), *calls]
    return changed


def _text_of(part: dict[str, Any], *keys: str) -> str:
    for key in keys:
        if isinstance(part.get(key), str):
            return str(part[key])
    raise RecordError("conversation", f"a part of type {part.get('type')!r} has no text")


def _tool_call(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = parse_json(value.encode("utf-8"))
    if not isinstance(value, dict) or "name" not in value:
        raise RecordError("conversation", "a tool call is an object with name and arguments")
    return {"type": "function", "function": value}


def _from_sharegpt(record: dict[str, Any], *, parts_as_list: bool) -> Pairs:
    pairs: Pairs = []
    for entry in _list_of(record, "conversations"):
        if not isinstance(entry, dict):
            raise RecordError("conversation", "a message is an object")
        if "from" not in entry:
            pairs.extend(_from_messages([entry], parts_as_list=parts_as_list))
            continue
        role = SHAREGPT_ROLES.get(entry["from"]) if isinstance(entry["from"], str) else None
        value = entry.get("value")
        if role is None:
            raise RecordError("conversation", f"role {entry['from']!r} is unknown")
        if role == "function_call":
            if isinstance(value, str):
                value = parse_json(value.encode("utf-8"))
            calls = value if isinstance(value, list) else [value]
            message: Message = {
                "role": "assistant",
                "content": "",
                "tool_calls": [_tool_call(call) for call in calls],
            }
            before: Message = pairs[-1][0] if pairs else {"role": ""}
            if before["role"] == "assistant" and isinstance(before.get("content"), str):
                if pairs[-1][1] != _mark_of(entry):
                    raise RecordError("conversation", "the reference knows no weights of parts")
                before["tool_calls"] = [*before.get("tool_calls", []), *message["tool_calls"]]
                continue
        elif isinstance(value, str):
            message = {"role": role, "content": value}
        else:
            raise RecordError("conversation", "value is text")
        pairs.append((message, _mark_of(entry)))
    return pairs


def _from_alpaca(record: dict[str, Any]) -> Pairs:
    contents: list[tuple[str, str]] = []
    for exchange in record.get("history") or []:
        if not isinstance(exchange, list) or len(exchange) != 2:
            raise RecordError("conversation", "history is a list of pairs")
        contents += [("user", exchange[0]), ("assistant", exchange[1])]
    question = _string(record, "instruction")
    if record.get("input"):
        question = "\n".join([*filter(None, [question]), _string(record, "input")])
    contents.append(("user", question))
    answer = "output" if record.get("output") is not None else "response"
    contents.append(("assistant", _string(record, answer)))
    return [({"role": role, "content": content}, None) for role, content in contents]


def _from_prompt_completion(record: dict[str, Any], *, parts_as_list: bool) -> Pairs:
    prompt, completion = (_messages_or(record.get(key)) for key in ("prompt", "completion"))
    if isinstance(prompt, str) and isinstance(completion, str):
        return [
            ({"role": "user", "content": prompt}, None),
            ({"role": "assistant", "content": completion}, None),
        ]
    if isinstance(prompt, list) and isinstance(completion, list):
        context = _from_messages(prompt, parts_as_list=parts_as_list)
        answers = _from_messages(completion, parts_as_list=parts_as_list)
        return [*((message, 0.0) for message, _ in context), *answers]
    raise RecordError("conversation", "the reference reads two texts or two lists")


def _messages_or(value: Any) -> Any:
    """The messages that a text is the JSON of, or the value itself."""
    parsed = or_none(parse_json, value.encode("utf-8")) if isinstance(value, str) else None
    messages = parsed if isinstance(parsed, list) else []
    is_list = messages and all(
        isinstance(item, dict) and {"role", "content"} <= set(item) for item in messages
    )
    return messages if is_list else value


def _list_of(record: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(record.get(key), list):
        raise RecordError("conversation", f"{key} is not a list")
    return list(record[key])


def _string(record: dict[str, Any], key: str) -> str:
    if not isinstance(record.get(key), str):
        raise RecordError("conversation", f"{key} is not text")
    return str(record[key])


def _mark_of(entry: dict[str, Any]) -> float | None:
    marks: set[float] = set()
    for key in MARK_KEYS:
        value = entry.get(key)
        if value is None:
            continue
        if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
            raise RecordError("conversation", f"{key} is not a weight")
        marks.add(float(value))
    if len(marks) > 1:
        raise RecordError("conversation", "the weights of a message contradict each other")
    return marks.pop() if marks else None


def _tools_of(record: dict[str, Any]) -> list[Any] | None:
    tools = record.get("tools")
    if isinstance(tools, str):
        if not tools.strip():
            return None
        tools = parse_json(tools.encode("utf-8"))
    if tools is None:
        return None
    if not isinstance(tools, list):
        raise RecordError("conversation", "tools is a list")
    return tools


def _template_kwargs_of(record: dict[str, Any]) -> dict[str, Any]:
    kwargs = record.get("chat_template_kwargs")
    if kwargs is None:
        return {}
    if not isinstance(kwargs, dict) or RESERVED_KWARGS & set(kwargs):
        raise RecordError("conversation", "chat_template_kwargs is not usable")
    return kwargs
