"""Rules on tools, calls and results."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import Call, Message, Record, parsed


def calls(record: Record) -> Iterator[Remark]:
    """A call has id, type, function and name, as OpenAI asks."""
    for message in record.messages:
        for number, call in enumerate(message.calls):
            for kind, text in _faults_of(call):
                yield Remark(kind, message.position, f"tool call {number}: {text}")


def _faults_of(call: Call) -> Iterator[tuple[str, str]]:
    if not isinstance(call.entry, dict):
        return
    if call.form == "openai":
        if call.id is None:
            yield "call_without_id", 'no "id"'
        if call.entry.get("type") != "function":
            yield "call_without_type", '"type" is not "function"'
        if not isinstance(call.entry.get("function"), dict):
            yield "call_without_function", 'no object "function"'
    if call.form == "function_call":
        yield "function_call", 'it stands under "function_call", the old name'
    if call.name is None:
        yield "call_without_name", "no name of a function"
    yield from _faults_of_arguments(call)


def _faults_of_arguments(call: Call) -> Iterator[tuple[str, str]]:
    arguments = call.arguments
    if isinstance(arguments, dict):
        if call.form != "other":
            yield (
                "arguments_object",
                "the arguments are an object; some services take JSON text only",
            )
    elif arguments is None:
        yield "arguments_not_json", "no arguments"
    elif not isinstance(arguments, str):
        yield "arguments_not_json", "the arguments are neither an object nor JSON text"
    elif isinstance(inner := parsed(arguments), str):
        yield "arguments_not_json", "the arguments are JSON text within JSON text"
    elif not isinstance(inner, dict):
        what = "JSON, but no object" if inner is not None else "no JSON"
        yield "arguments_not_json", f"the arguments are {what}: {quoted(arguments)}"


@dataclasses.dataclass(slots=True)
class _Open:
    """Calls that wait for their results."""

    calls: list[tuple[int, Call]] = dataclasses.field(default_factory=list)
    seen: set[str] = dataclasses.field(default_factory=set)

    def add(self, message: Message) -> None:
        self.calls += ((message.position, call) for call in message.calls)
        self.seen |= {call.id for call in message.calls if call.id is not None}

    def take(self, message: Message) -> Iterator[Remark]:
        """Find the call that a result answers."""
        given = message.fields.get("tool_call_id")
        for place, (_, call) in enumerate(self.calls):
            if call.id == given or call.id is None:
                del self.calls[place]
                return
        if not self.calls and given not in self.seen:
            yield Remark(
                "tool_without_call", message.position, "no call before it waits for a result"
            )
        elif given is None:
            yield Remark(
                "tool_call_id_missing",
                message.position,
                'no "tool_call_id", and the calls have ids',
            )
            del self.calls[0]
        else:
            why = "has its result already" if given in self.seen else "is of no call before it"
            text = f'"tool_call_id" {quoted(str(given))} {why}'
            yield Remark("tool_call_id_unknown", message.position, text)

    def leave(self) -> Iterator[Remark]:
        """Give up those that wait still."""
        for index, call in self.calls:
            yield Remark(
                "call_without_result", index, f"the call of {quoted(call.name or '')} has no result"
            )
        self.calls.clear()


def results(record: Record) -> Iterator[Remark]:
    """Every call has its result, and every result its call; a call may be the end."""
    if not any(message.calls or message.role == "tool" for message in record.messages):
        return
    waiting = _Open()
    for message in record.messages:
        if message.role == "tool":
            yield from waiting.take(message)
            continue
        if message.role is not None:
            yield from waiting.leave()
        waiting.add(message)
    if record.messages[-1].role == "tool":
        yield from waiting.leave()


def definitions(record: Record) -> Iterator[Remark]:
    """Tools are defined in OpenAI's form."""
    if record.data.get("functions"):
        yield Remark("functions", None, '"functions" is read by nothing: the name is "tools"')
    tools = record.data.get("tools")
    if isinstance(tools, str) and tools.strip():
        yield Remark("tools_text", None, '"tools" is JSON text; some services take a list only')
    for number, tool in enumerate(_tools(record)):
        if tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
            text = f'tool {number}: expected "type": "function" and an object "function"'
            yield Remark("tool_definition", None, text)
        elif not isinstance(tool["function"].get("name"), str):
            yield Remark("tool_definition", None, f"tool {number}: the function has no name")


def tool_not_defined(record: Record) -> Iterator[Remark]:
    """What is called is defined, where anything is."""
    called = [(message, call) for message in record.messages for call in message.calls if call.name]
    if not called or not (tools := _tools(record)):
        return
    known = {_name(tool) for tool in tools}
    for message, call in called:
        if call.name not in known:
            text = f"the tool {quoted(call.name or '')} is not among those that the record defines"
            yield Remark("tool_not_defined", message.position, text)


def _tools(record: Record) -> list[Mapping[str, Any]]:
    tools = parsed(record.data.get("tools"))
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _name(tool: Mapping[str, Any]) -> Any:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else tool.get("name")
    return name if isinstance(name, str) else None


RULES = (calls, results, definitions, tool_not_defined)
