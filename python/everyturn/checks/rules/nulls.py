"""The rule on nulls that a table has put into calls and tools.

The kind is that of an expansion, explained in `everyturn.diagnostics.warnings`; the core finds the same.
"""

import json
from collections.abc import Container, Iterator
from typing import Any

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record, parsed
from everyturn.checks.rules.rule import Rule

NULL_ARGUMENTS = "null_arguments"

_VALUES = frozenset({"default", "const", "example", "examples"})
"""Keys of a JSON Schema under which null is a value of the parameter."""


def nulls(record: Record) -> Iterator[Remark]:
    """A key of arguments, or of a tool's parameters, is not null."""
    for message in record.messages:
        for number, call in enumerate(message.calls):
            if (key := _null_key(call.arguments)) is not None:
                text = f"tool call {number}: {json.dumps(key)} is null"
                yield Remark(NULL_ARGUMENTS, message.position, text)
    tools = parsed(record.others.get("tools"))
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        parameters = function.get("parameters") if isinstance(function, dict) else None
        if (key := _null_key(parameters, _VALUES)) is not None:
            yield Remark(NULL_ARGUMENTS, None, f"tool {number}: {json.dumps(key)} is null")


def _null_key(value: Any, without: Container[str] = ()) -> str | None:
    """The first key that holds null: nulls in lists are values."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in without:
                found = key if item is None else _null_key(item, without)
                if found is not None:
                    return str(found)
    if isinstance(value, list):
        return next(filter(None, (_null_key(item, without) for item in value)), None)
    return None


RULES = (Rule(shared=(NULL_ARGUMENTS,), find=nulls),)
