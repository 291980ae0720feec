"""What of a record a text leaves out, found by saying something else: slow, and obviously right.

A part of a record is in a text if the text is another once the part says something else.
"""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

Message = dict[str, Any]
Render = Callable[[list[Message], list[Any] | None], str | None]
"""The text of messages and tools, or None where the template fails."""

REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
OPEN, CLOSE = "<think>", "</think>"
OTHER = "everyturnOther"


def pieces_left_out(render: Render, messages: list[Message], tools: Any, at: int) -> set[str]:
    """Return what of message `at` is not in the text: ``text``, ``reasoning``, ``calls``; and ``everything``."""
    text = render(messages, tools)
    assert text is not None
    left_out: set[str] = set()
    shown: set[str] = set()
    for piece, changed in _changes(messages[at]):
        others = [*messages[:at], changed, *messages[at + 1 :]]
        (left_out if render(others, tools) == text else shown).add(piece)
    if left_out and not shown:
        left_out.add("everything")
    return left_out


def tools_left_out(render: Render, messages: list[Message], tools: list[Any]) -> list[int]:
    """Return the tools that are not in the text."""
    text = render(messages, tools)
    assert text is not None
    found = []
    for at, tool in enumerate(tools):
        others = [*tools[:at], _other_tool(tool), *tools[at + 1 :]]
        if render(messages, others) == text:
            found.append(at)
    return found


def _changes(message: Message) -> Iterator[tuple[str, Message]]:
    """Yield the message with one thing said otherwise, and what kind of thing that is."""
    content = message.get("content")
    # The tag that opens thinking says nothing by itself, of an assistant.
    is_tag = message.get("role") == "assistant" and str(content).strip() == OPEN
    if isinstance(content, str) and not is_tag:
        yield from (
            (piece, {**message, "content": other}) for piece, other in _other_contents(content)
        )
    if isinstance(content, list):
        for at, part in enumerate(content):
            if part.get("type") == "text" and part["text"].strip():
                other = {**part, "text": _other_text(part["text"])}
                yield "text", {**message, "content": [*content[:at], other, *content[at + 1 :]]}
    said = [
        key for key in REASONING_KEYS if isinstance(message.get(key), str) and message[key].strip()
    ]
    for key in said[:1]:
        yield "reasoning", {**message, key: _other_text(message[key])}
    for at in range(len(message.get("tool_calls") or [])):
        yield from (("calls", other) for other in _other_calls(message, at))


def _other_contents(content: str) -> Iterator[tuple[str, str]]:
    if CLOSE not in content:
        if content.strip():
            yield "text", _other_text(content)
        return
    reasoning, answer = content.split(CLOSE, 1)
    if reasoning.replace(OPEN, "").strip():
        yield "reasoning", _other_text(reasoning) + CLOSE + answer
    if answer.strip():
        yield "text", reasoning + CLOSE + _other_text(answer)
    if CLOSE in answer:
        yield "text", f"{reasoning}{CLOSE}{OTHER}{answer}"


def _other_calls(message: Message, at: int) -> Iterator[Message]:
    for key in ("name", "arguments"):
        other = copy.deepcopy(message)
        call = other["tool_calls"][at]
        function = call.get("function", call)
        if key == "name":
            function["name"] = f"{function['name']}{OTHER}"
        elif not _change_arguments(function):
            continue
        yield other


def _other_text(text: str) -> str:
    stripped = text.strip()
    start = text.index(stripped)
    return f"{text[:start]}{stripped}{OTHER}{text[start + len(stripped) :]}"


def _change_arguments(function: dict[str, Any]) -> bool:
    arguments = function.get("arguments")
    if isinstance(arguments, dict) and arguments:
        function["arguments"] = {**arguments, OTHER: OTHER}
        return True
    if isinstance(arguments, list) and arguments:
        function["arguments"] = [*arguments, OTHER]
        return True
    if isinstance(arguments, str) and arguments.strip() not in ("", "{}", "null"):
        try:
            read = json.loads(arguments)
        except ValueError:
            read = None
        if isinstance(read, dict):
            function["arguments"] = json.dumps({**read, OTHER: OTHER})
        else:
            function["arguments"] = arguments + OTHER
        return True
    return False


def _other_tool(tool: Any) -> Any:
    other = copy.deepcopy(tool)
    function = other.get("function", other)
    # A tool without a name stays without: what shows tools by name shows nothing of it.
    if "name" in function:
        function["name"] += OTHER
    function["description"] = f"{function.get('description', '')} {OTHER}"
    return other
