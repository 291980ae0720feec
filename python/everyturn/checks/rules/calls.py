"""Rules on the form of tool calls."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from everyturn import _core
from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import Call, Record, parsed
from everyturn.checks.rules.edits import replace_key, tool_calls
from everyturn.checks.rules.rule import Draft, Entry, Rule
from everyturn.diagnostics.kind import Kind

CALL_WITHOUT_ID = Kind(
    name="call_without_id",
    severity="warning",
    summary="a tool call has no id",
    reason="Results name the call that they answer by its id; OpenAI refuses calls without one.",
    remedy="Give each call its own id, and its result the same as `tool_call_id`.",
)

CALL_ID_REPEATED = Kind(
    name="call_id_repeated",
    severity="warning",
    summary="two calls of one message have the same id",
    reason="Results name the call that they answer by its id, so nobody can tell which of the two is meant.",
    remedy="Give each call its own id, and its result the same as `tool_call_id`.",
)

CALL_WITHOUT_TYPE = Kind(
    name="call_without_type",
    severity="warning",
    summary='a tool call has no "type": "function"',
    reason="OpenAI refuses it, and some templates print it.",
    remedy='Add `"type": "function"`; `--fix` does.',
)

CALL_WITHOUT_FUNCTION = Kind(
    name="call_without_function",
    severity="warning",
    summary='a tool call has no object "function"',
    reason="Name and arguments belong in it; templates that look there print nothing or fail.",
    remedy='Write `{"id": .., "type": "function", "function": {"name": .., "arguments": '
    "..}}`; where name and arguments are in the call itself, `--fix` moves them.",
)

CALL_WITHOUT_NAME = Kind(
    name="call_without_name",
    severity="warning",
    summary="a tool call does not name its function",
    reason="The model would learn to call nothing.",
    remedy="Name the function.",
)

ARGUMENTS_NOT_JSON = "arguments_not_json"

ARGUMENTS_OBJECT = Kind(
    name="arguments_object",
    severity="note",
    summary="the arguments of a call are an object, not JSON text",
    reason="Hugging Face templates want an object; OpenAI and Mistral refuse it and take "
    "text only. Both are understood here, and turned into what the template takes.",
    remedy="Nothing needs to be done, unless the file goes there; `--fix` writes text.",
)

FUNCTION_CALL = Kind(
    name="function_call",
    severity="note",
    summary="a call in the old form, function_call",
    reason="OpenAI replaced it by `tool_calls`; it is read as a call without an id here.",
    remedy="`--fix` writes `tool_calls`, with an id that its result carries, too.",
)


def calls(record: Record) -> Iterator[Remark]:
    """A call has id, type, function and name, as OpenAI asks."""
    for message in record.messages:
        numbers: dict[str, int] = {}
        for number, call in enumerate(message.calls):
            for kind, text in _faults_of(call):
                yield Remark(kind, message.position, f"tool call {number}: {text}")
            if call.id is not None and (first := numbers.setdefault(call.id, number)) != number:
                text = f"tool call {number}: its id {quoted(call.id)} is that of tool call {first}"
                yield Remark(CALL_ID_REPEATED.name, message.position, text)


def _faults_of(call: Call) -> Iterator[tuple[str, str]]:
    if not isinstance(call.entry, dict):
        return
    if call.form == "openai":
        if call.id is None:
            yield CALL_WITHOUT_ID.name, 'no "id"'
        if call.entry.get("type") != "function":
            yield CALL_WITHOUT_TYPE.name, '"type" is not "function"'
        if not isinstance(call.entry.get("function"), dict):
            yield CALL_WITHOUT_FUNCTION.name, 'no object "function"'
    if call.form == "function_call":
        yield FUNCTION_CALL.name, 'it is under "function_call", the old name'
    if call.name is None:
        yield CALL_WITHOUT_NAME.name, "no name of a function"
    yield from _faults_of_arguments(call)


def _faults_of_arguments(call: Call) -> Iterator[tuple[str, str]]:
    arguments = call.arguments
    if isinstance(arguments, dict):
        if call.form != "other":
            yield (
                ARGUMENTS_OBJECT.name,
                "the arguments are an object; some services take JSON text only",
            )
    elif arguments is None:
        yield ARGUMENTS_NOT_JSON, "no arguments"
    elif not isinstance(arguments, str):
        yield ARGUMENTS_NOT_JSON, "the arguments are neither an object nor JSON text"
    elif isinstance(inner := parsed(arguments), str):
        yield ARGUMENTS_NOT_JSON, "the arguments are JSON text within JSON text"
    elif not isinstance(inner, dict):
        what = "JSON, but no object" if inner is not None else "no JSON"
        yield ARGUMENTS_NOT_JSON, f"the arguments are {what}: {quoted(arguments)}"


def rename_function_calls(draft: Draft) -> Iterator[Remark]:
    """Old calls become tool calls, with an id that their results carry."""
    taken = {value for entry in draft.entries for value in _ids(entry.fields)}
    for position, (index, fields, _) in enumerate(draft.entries):
        call = fields.get("function_call")
        if (
            not isinstance(call, dict)
            or not isinstance(call.get("name"), str)
            or fields.get("tool_calls")
        ):
            continue
        result = _result_at(draft, position + 1)
        given = None
        if result is not None:
            if result.fields.get("name") not in (None, call["name"]):
                # Nobody can tell what the result answers.
                continue
            given = result.fields.get("tool_call_id")
        new_ids = (f"call_{number}" for number in itertools.count(index))
        name = given if isinstance(given, str) else next(new for new in new_ids if new not in taken)
        taken.add(name)
        new = {"id": name, "type": "function", "function": call}
        replace_key(fields, "function_call", "tool_calls", [new])
        yield Remark(
            FUNCTION_CALL.name,
            index,
            f'"function_call" became "tool_calls", with the id {quoted(name)}',
        )
        if result is not None:
            yield from _give_id(draft, result, name)


def _result_at(draft: Draft, position: int) -> Entry | None:
    """The tool's result at a position, if there is one."""
    for entry in draft.entries[position : position + 1]:
        if _core.ROLE_NAMES[draft.format].get(str(entry.fields.get(entry.role_key))) == "tool":
            return entry
    return None


def _give_id(draft: Draft, result: Entry, name: str) -> Iterator[Remark]:
    """Let a result name its call, under the role that has replaced the role "function"."""
    index, fields, role_key = result
    changes = []
    if fields[role_key] == "function":
        fields[role_key] = _core.name_of_role(draft.format, role_key, "tool")
        changes.append(f'the role "function" became {quoted(fields[role_key])}')
    if fields.get("tool_call_id") != name:
        fields["tool_call_id"] = name
        changes.append(f"the result got the id {quoted(name)}")
    if changes:
        yield Remark(FUNCTION_CALL.name, index, ", ".join(changes))


def _ids(fields: dict[str, Any]) -> Iterator[Any]:
    yield fields.get("tool_call_id") if isinstance(fields.get("tool_call_id"), str) else None
    calls = fields.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict) and isinstance(call.get("id"), str):
            yield call["id"]


FLAT_CALL_KEYS = frozenset({"id", "type", "name", "arguments"})


def nest_functions(draft: Draft) -> Iterator[Remark]:
    """Calls with name and arguments at their top get an object for them."""
    for index, number, call in tool_calls(draft):
        is_flat = (
            isinstance(call.get("name"), str)
            and "arguments" in call
            and call.keys() <= FLAT_CALL_KEYS
        )
        if is_flat and call.get("type", "function") == "function":
            function = {key: call.pop(key) for key in ("name", "arguments")}
            call["type"] = "function"
            call["function"] = function
            yield Remark(
                CALL_WITHOUT_FUNCTION.name,
                index,
                f'tool call {number}: name and arguments went into "function"',
            )


def add_types(draft: Draft) -> Iterator[Remark]:
    """Calls get the one type that there is."""
    for index, number, call in tool_calls(draft):
        if call.get("type") is None and isinstance(call.get("function"), dict):
            call["type"] = "function"
            yield Remark(
                CALL_WITHOUT_TYPE.name, index, f'tool call {number}: "type" became "function"'
            )


def write_arguments(draft: Draft) -> Iterator[Remark]:
    """Arguments that are an object become JSON text."""
    for index, number, call in tool_calls(draft):
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
            yield Remark(
                ARGUMENTS_OBJECT.name, index, f"tool call {number}: the arguments became JSON text"
            )


RULES = (
    Rule(
        kinds=(
            CALL_WITHOUT_ID,
            CALL_ID_REPEATED,
            CALL_WITHOUT_TYPE,
            CALL_WITHOUT_FUNCTION,
            CALL_WITHOUT_NAME,
            ARGUMENTS_OBJECT,
            FUNCTION_CALL,
        ),
        shared=(ARGUMENTS_NOT_JSON,),
        find=calls,
        fixes={
            FUNCTION_CALL.name: rename_function_calls,
            CALL_WITHOUT_FUNCTION.name: nest_functions,
            CALL_WITHOUT_TYPE.name: add_types,
            ARGUMENTS_OBJECT.name: write_arguments,
        },
    ),
)
