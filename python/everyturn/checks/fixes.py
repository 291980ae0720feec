"""Corrections that have exactly one right answer.

In: the bytes of a record. Out: the bytes of the corrected record, and what was changed. What could be meant in two ways
is left as it is. A record of which nothing is changed keeps its bytes; another is written anew, in the style of the old
one, with numbers of the same value.
"""

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeAlias

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import ROLES, SPEAKERS, lists_of_messages, parsed

ALIASES = {
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bot", "chatbot", "ai", "model"), "assistant"),
    **dict.fromkeys(("observation", "function_response", "ipython"), "tool"),
}
"""Names of roles that mean one thing; letters may be large or small."""

SHAREGPT_NAMES = {"user": "human", "assistant": "gpt", "tool": "observation"}
"""How `conversations` call them."""

CALL_KEYS = frozenset({"id", "type", "name", "arguments"})

_Entries: TypeAlias = list[tuple[int, dict[str, Any]]]
_Fix: TypeAlias = Callable[[dict[str, Any], _Entries, str], Iterator[Remark]]


def fixed(text: bytes, format: str, ignored: Collection[str] = ()) -> tuple[bytes, list[Remark]]:  # noqa: A002
    r"""Correct a record; what is ignored is not corrected.

    >>> fixed(b'{"messages": [{"role": "human", "content": "Hi"}]}', "messages")[0]
    b'{"messages": [{"role": "user", "content": "Hi"}]}'
    """
    try:
        before = text.decode()
        data = json.loads(before, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text, []
    if not isinstance(data, dict):
        return text, []
    entries = [
        (first + i, item)
        for first, items in lists_of_messages(data, format)
        for i, item in enumerate(items)
        if isinstance(item, dict)
    ]
    remarks = [
        remark
        for kind, fix in FIXES.items()
        if kind not in ignored
        for remark in fix(data, entries, format)
    ]
    return (json.dumps(data, **_style(before)).encode(), remarks) if remarks else (text, [])


def _refuse(name: str) -> None:
    raise ValueError(name)


def _style(text: str) -> dict[str, Any]:
    """Find how a record was written, so that another is written so."""
    data = json.loads(text)
    styles: list[dict[str, Any]] = [
        {"ensure_ascii": ascii_only, "separators": separators}
        for ascii_only in (False, True)
        for separators in ((", ", ": "), (",", ":"))
    ]
    same = (style for style in styles if json.dumps(data, **style) == text.strip())
    return next(same, styles[0])


def _roles(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    for index, entry in entries:
        is_sharegpt = format == "sharegpt"
        key = "from" if is_sharegpt and "from" in entry else "role"
        name = entry.get(key)
        known = SPEAKERS if is_sharegpt else ROLES
        if not isinstance(name, str) or name in known:
            continue
        folded = name.strip().lower()
        role = folded if folded in known else ALIASES.get(folded)
        if role is None:
            continue
        if key == "from":
            role = SHAREGPT_NAMES.get(role, role) if folded not in known else role
        entry[key] = role
        yield Remark("role", index, f"the role {quoted(name)} became {quoted(role)}")


def _function_calls(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    """Old calls become tool calls, with an id that their results carry."""
    taken = {value for _, entry in entries for value in _ids(entry)}
    for place, (index, entry) in enumerate(entries):
        call = entry.get("function_call")
        if (
            not isinstance(call, dict)
            or not isinstance(call.get("name"), str)
            or entry.get("tool_calls")
        ):
            continue
        name = next(
            name for n in range(len(entries) + 1) if (name := f"call_{index + n}") not in taken
        )
        taken.add(name)
        new = {"id": name, "type": "function", "function": call}
        _replace(entry, "function_call", "tool_calls", [new])
        yield Remark(
            "function_call",
            index,
            f'"function_call" became "tool_calls", with the id {quoted(name)}',
        )
        behind, result = entries[place + 1] if place + 1 < len(entries) else (None, {})
        is_result = result.get("role") == "function" and result.get("name") in (None, call["name"])
        if is_result and "tool_call_id" not in result:
            result["role"] = "tool"
            result["tool_call_id"] = name
            yield Remark(
                "function_call",
                behind,
                f'the role "function" became "tool", with the id {quoted(name)}',
            )


def _ids(entry: dict[str, Any]) -> Iterator[Any]:
    yield entry.get("tool_call_id") if isinstance(entry.get("tool_call_id"), str) else None
    calls = entry.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            yield call["id"]


def _functions(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    functions = data.get("functions")
    if not isinstance(functions, list) or not functions or data.get("tools") is not None:
        return
    if all(
        isinstance(function, dict) and isinstance(function.get("name"), str)
        for function in functions
    ):
        data.pop("tools", None)
        tools = [{"type": "function", "function": function} for function in functions]
        _replace(data, "functions", "tools", tools)
        yield Remark("functions", None, '"functions" became "tools"')


def _call_functions(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    """Calls with name and arguments at their top get an object for them."""
    for index, number, call in _calls(entries):
        is_flat = (
            isinstance(call.get("name"), str) and "arguments" in call and call.keys() <= CALL_KEYS
        )
        if is_flat and call.get("type", "function") == "function":
            function = {key: call.pop(key) for key in ("name", "arguments")}
            call["type"] = "function"
            call["function"] = function
            yield Remark(
                "call_without_function",
                index,
                f'tool call {number}: name and arguments went into "function"',
            )


def _call_types(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    for index, number, call in _calls(entries):
        if call.get("type") is None and isinstance(call.get("function"), dict):
            call["type"] = "function"
            yield Remark(
                "call_without_type", index, f'tool call {number}: "type" became "function"'
            )


def _arguments(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    for index, number, call in _calls(entries):
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
            yield Remark(
                "arguments_object", index, f"tool call {number}: the arguments became JSON text"
            )


def _tools(data: dict[str, Any], entries: _Entries, format: str) -> Iterator[Remark]:  # noqa: A002, ARG001
    tools = data.get("tools")
    inner = parsed(tools) if isinstance(tools, str) else None
    if isinstance(inner, list) and all(isinstance(tool, dict) for tool in inner):
        data["tools"] = inner
        yield Remark("tools_text", None, '"tools" became a list')


FIXES: dict[str, _Fix] = {
    "role": _roles,
    "function_call": _function_calls,
    "functions": _functions,
    "call_without_function": _call_functions,
    "call_without_type": _call_types,
    "arguments_object": _arguments,
    "tools_text": _tools,
}
"""What is corrected within records, in this order; `bom` and `crlf` are of the file."""


def _calls(entries: _Entries) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for index, entry in entries:
        calls = entry.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield index, number, call


def _replace(owner: dict[str, Any], old: str, new: str, value: Any) -> None:
    """Put another key in the place of one."""
    pairs = [
        (new, value) if key == old else (key, given) for key, given in owner.items() if key != new
    ]
    owner.clear()
    owner.update(pairs)
