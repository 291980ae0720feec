"""Of the chats of `served_chats`, those with tool calls, their arguments and results, and tools."""

from served_words import (
    ABSENT,
    LOOK,
    PARAMETERS,
    TAKE,
    Json,
    ServedChat,
    answer,
    asked,
    call,
    call_and_result,
    calling,
    look_function,
    look_tool,
    result,
    system,
    text_part,
    user,
)

# --------------------------------------------------------------------------------------------
# Calls and results
# --------------------------------------------------------------------------------------------


def call_chats() -> dict[str, ServedChat]:
    """Calls in every shape."""
    two = (call(number=1), call('{"at":"there"}', number=2))
    unordered = {
        "type": "function",
        "function": {"name": "look", "arguments": '{"at":"here"}'},
        "id": "call00001",
    }
    backwards = {
        "function": {"arguments": '{"at":"here"}', "name": "look"},
        "id": "call00001",
        "type": "function",
    }
    unknown = call(index=0, mood="calm")
    inner = {"name": "look", "arguments": '{"at":"here"}', "mood": "calm"}
    return {
        "call": call_and_result(call()),
        "call without tools": ServedChat(call_and_result(call()).messages),
        "call unordered": call_and_result(unordered),
        "call backwards": call_and_result(backwards),
        "call unknown keys": call_and_result(unknown),
        "call unknown keys inside": call_and_result(call(function=inner)),
        "call index null": call_and_result(call(index=None)),
        "call without id": call_and_result(call(id=ABSENT)),
        "call id null": call_and_result(call(id=None)),
        "call id number": call_and_result(call(id=7)),
        "call without type": call_and_result(call(type=ABSENT)),
        "call other type": call_and_result(call(type="custom")),
        "call without name": call_and_result(call(function={"arguments": "{}"})),
        "call flat": call_and_result({"name": "look", "arguments": '{"at":"here"}'}),
        "call text": call_and_result(call(), content="Looking."),
        "call content null": call_and_result(call(), content=None),
        "call content absent": call_and_result(call(), content=ABSENT),
        "call parts": call_and_result(call(), content=[text_part("Looking."), text_part("Wait.")]),
        "call two": asked(
            calling(*two), result(), result("Not there.", number=2), tools=[LOOK]
        ),
        "call two crossed": asked(
            calling(*two), result("Not there.", number=2), result(), tools=[LOOK]
        ),
        "call none": asked(answer(tool_calls=[]), user("Sure?")),
        "call null": asked(answer(tool_calls=None), user("Sure?")),
        "call by user": ServedChat([user(tool_calls=[call()])]),
        "call again": asked(
            calling(call(), content="Looking."), result("Not here."), calling(call('{"at":"there"}', number=2)),
            result(number=2), answer(), user("Sure?"), tools=[LOOK, TAKE],
        ),
    }  # fmt: skip


def argument_chats() -> dict[str, ServedChat]:
    """Arguments in every form."""
    texts = {
        "spaced": '{"at": "here", "depth": 2}',
        "compact": '{"at":"here","depth":2}',
        "escaped": '{"at":"caf\\u00e9 \\ud83d\\ude00"}',
        "unescaped": '{"at":"café 😀 </s> \'\\"<&>"}',
        "lone surrogate": '{"at":"\\ud83d"}',
        "white space": ' {\n  "at" : "here"\n} ',
        "empty object": "{}",
        "empty": "",
        "blank": "  ",
        "not json": '{"at": here}',
        "cut": '{"at": "he',
        "list": '["here"]',
        "number": "7",
        "null text": "null",
        "text in text": '"{\\"at\\": 1}"',
        "duplicates": '{"at":"here","depth":1,"at":"there"}',
        "numbers": '{"a":1e2,"b":1.0,"c":-0.0,"d":1E-7,"e":0.1,"f":1e16,"g":123456789.123456789}',
        "big integers": '{"a":12345678901234567890123,"b":9007199254740993,"c":18446744073709551616}',
        "infinity": '{"a":1e400}',
        "nan": '{"a":NaN,"b":-Infinity}',
        "nested": '{"a":{"b":[1,{"c":null}],"d":true},"e":[],"f":{}}',
        "unsorted": '{"z":1,"a":2,"m":{"z":1,"a":2}}',
        "control characters": '{"a":"tab\\tline\\nnul\\u0000"}',
    }
    values: dict[str, Json] = {
        "object": {"at": "here", "depth": 2},
        "null": None,
        "absent": ABSENT,
        "list of values": ["here"],
    }
    found = {f"arguments {name}": call_and_result(call(text)) for name, text in texts.items()}
    return found | {
        f"arguments {name}": call_and_result(call(value)) for name, value in values.items()
    }


def result_chats() -> dict[str, ServedChat]:
    """Results in every form."""
    two = [text_part("It is here."), text_part("Quite near.")]
    return {
        "result parts": call_and_result(call(), result(two)),
        "result part": call_and_result(call(), result([text_part("It is here.")])),
        "result parts none": call_and_result(call(), result([])),
        "result unknown keys": call_and_result(
            call(), result([text_part("It is here.", at=1)], mood="calm")
        ),
        "result object": call_and_result(call(), result({"at": "here"})),
        "result list": call_and_result(call(), result([{"at": "here"}])),
        "result empty": call_and_result(call(), result("")),
        "result null": call_and_result(call(), result(None)),
        "result absent": call_and_result(call(), result(ABSENT)),
        "result json": call_and_result(call(), result('{"at":"here"}')),
        "result without id": call_and_result(call(), result(tool_call_id=ABSENT)),
        "result without call": asked(result(), tools=[LOOK]),
    }


# --------------------------------------------------------------------------------------------
# Tools
# --------------------------------------------------------------------------------------------


def tool_chats() -> dict[str, ServedChat]:
    """Tools in every shape."""
    function = look_function()
    backwards = {"parameters": PARAMETERS, "description": "Looks.", "name": "look"}
    types = {
        "type": "object",
        "properties": {
            "id": {"type": "int"},
            "name": {"type": "varchar", "description": "Its name."},
            "kind": {"type": "enum", "enum": ["a", "b"]},
            "list": {"type": "list", "items": {"type": "str"}},
            "either": {"type": ["string", "null"]},
            "rest": {"anyOf": [{"type": "dict"}, {"type": "bool"}]},
        },
    }
    alone = {
        "complete": LOOK,
        "name only": {"type": "function", "function": {"name": "look"}},
        "without description": look_tool(description=ABSENT),
        "description null": look_tool(description=None),
        "description empty": look_tool(description=""),
        "without parameters": look_tool(parameters=ABSENT),
        "parameters null": look_tool(parameters=None),
        "parameters empty": look_tool(parameters={}),
        "description first": {"type": "function", "function": dict(sorted(function.items()))},
        "backwards": {"function": backwards, "type": "function"},
        "strict true": look_tool(strict=True),
        "strict false": look_tool(strict=False),
        "strict null": look_tool(strict=None),
        "strict first": {
            "type": "function",
            "function": {"name": "look", "strict": False, "parameters": PARAMETERS},
        },
        "unknown keys": {
            "type": "function",
            "function": look_function(mood="calm"),
            "mood": "calm",
        },
        "returns": look_tool(**{"return": {"type": "string"}}),
        "deferred": {**LOOK, "defer_loading": True},
        "deferred inside": look_tool(defer_loading=False),
        "without type": {"function": function},
        "other type": {"type": "web_search", "function": function},
        "flat": {"type": "function", **function},
        "bare": function,
        "types": look_tool(parameters=types),
        "wrong schema": look_tool(
            parameters={"type": "object", "properties": {"at": {"type": "thing"}}}
        ),
        "parameters text": look_tool(parameters='{"type":"object"}'),
        "unescaped": look_tool(description="Looks: <a> & \"b\" 'c' é 😀\nTwice."),
        "without name": {"type": "function", "function": {"description": "Looks."}},
    }
    found = {f"tool {name}": ServedChat([system(), user()], [tool]) for name, tool in alone.items()}
    return found | {
        "tools two": ServedChat([user()], [TAKE, LOOK]),
        "tools none": ServedChat([user()], []),
        "tools of both kinds": ServedChat(
            [user()], [{"type": "function", "function": {"name": "take"}}, LOOK]
        ),
    }
