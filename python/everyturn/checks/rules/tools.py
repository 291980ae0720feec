"""Rules on the tools that a record defines."""

from collections.abc import Iterator, Mapping
from typing import Any

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import Record, parsed
from everyturn.checks.rules.edits import replace_key
from everyturn.checks.rules.rule import Draft, Rule
from everyturn.diagnostics.kind import Kind

FUNCTIONS = Kind(
    name="functions",
    severity="note",
    summary="tools under their old name, functions",
    reason="OpenAI replaced it by `tools`; it is read as these here, and most other tools do not read it.",
    remedy="Nothing needs to be done, unless the file goes elsewhere; `--fix` writes `tools`.",
)

TOOLS_TEXT = Kind(
    name="tools_text",
    severity="note",
    summary="tools are JSON text, not a list",
    reason="Some loaders need all rows to have one type and keep tools as text; OpenAI takes "
    "a list only. Both are understood here.",
    remedy="Nothing needs to be done, unless the file goes there; `--fix` writes the list.",
)

TOOL_DEFINITION = Kind(
    name="tool_definition",
    severity="warning",
    summary="a tool is not defined in OpenAI's form",
    reason="Templates look for `type` and `function.name`; what is elsewhere is printed "
    "otherwise, or not at all.",
    remedy='Write `{"type": "function", "function": {"name": .., "description": .., '
    '"parameters": ..}}`.',
)


def definitions(record: Record) -> Iterator[Remark]:
    """Tools are defined in OpenAI's form."""
    if record.others.get("functions"):
        yield Remark(FUNCTIONS.name, None, 'the tools are under "functions", the old name')
    tools = record.others.get("tools")
    if isinstance(tools, str) and tools.strip():
        yield Remark(TOOLS_TEXT.name, None, '"tools" is JSON text; some services take a list only')
    for number, tool in enumerate(_tools(record)):
        if tool.get("type") != "function" or not isinstance(tool.get("function"), dict):
            text = f'tool {number}: expected "type": "function" and an object "function"'
            yield Remark(TOOL_DEFINITION.name, None, text)
        elif not isinstance(tool["function"].get("name"), str):
            yield Remark(TOOL_DEFINITION.name, None, f"tool {number}: the function has no name")


def rename_functions(draft: Draft) -> Iterator[Remark]:
    """The old form of the list of tools becomes the new one."""
    data = draft.data
    functions = data.get("functions")
    if not isinstance(functions, list) or not functions or data.get("tools") is not None:
        return
    if all(
        isinstance(function, dict) and isinstance(function.get("name"), str)
        for function in functions
    ):
        data.pop("tools", None)
        tools = [{"type": "function", "function": function} for function in functions]
        replace_key(data, "functions", "tools", tools)
        yield Remark(FUNCTIONS.name, None, '"functions" became "tools"')


def unpack_tools(draft: Draft) -> Iterator[Remark]:
    """Tools that are JSON text become a list."""
    tools = draft.data.get("tools")
    inner = parsed(tools) if isinstance(tools, str) else None
    if isinstance(inner, list) and all(isinstance(tool, dict) for tool in inner):
        draft.data["tools"] = inner
        yield Remark(TOOLS_TEXT.name, None, '"tools" became a list')


TOOL_NOT_DEFINED = Kind(
    name="tool_not_defined",
    severity="warning",
    summary="a call names a tool that the record does not define",
    reason="The model learns to call tools that its prompt does not list.",
    remedy="Define it in `tools`, or look for a misspelt name.",
)


def tool_not_defined(record: Record) -> Iterator[Remark]:
    """What is called is defined, where anything is."""
    called = [(message, call) for message in record.messages for call in message.calls if call.name]
    if not called or not (tools := _tools(record)):
        return
    known = {_name(tool) for tool in tools}
    for message, call in called:
        if call.name not in known:
            text = f"the tool {quoted(call.name or '')} is not among those that the record defines"
            yield Remark(TOOL_NOT_DEFINED.name, message.position, text)


def _tools(record: Record) -> list[Mapping[str, Any]]:
    tools = parsed(record.others.get("tools"))
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _name(tool: Mapping[str, Any]) -> Any:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else tool.get("name")
    return name if isinstance(name, str) else None


RULES = (
    Rule(
        kinds=(FUNCTIONS, TOOLS_TEXT, TOOL_DEFINITION),
        find=definitions,
        fixes={FUNCTIONS.name: rename_functions, TOOLS_TEXT.name: unpack_tools},
    ),
    Rule(kinds=(TOOL_NOT_DEFINED,), find=tool_not_defined),
)
