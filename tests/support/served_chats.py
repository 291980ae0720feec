"""Chats as clients post them, one for each thing that servers do to a chat before its template sees it.

Each is the body of a request to `/v1/chat/completions`, as plain JSON: what is asked for is the prompt of the next
answer. They are small, so that every preset can be compared on every template with all of them. A server may refuse
one; that is an answer, too.
"""

import dataclasses
import functools
from typing import Any

Json = Any
Message = dict[str, Json]

#: What a message or a call has where the key is not there.
ABSENT: Any = object()


@dataclasses.dataclass(frozen=True, slots=True)
class ServedChat:
    """What is posted."""

    messages: list[Message]
    tools: list[Json] | None = None
    variables: dict[str, Json] | None = None

    def body(self) -> dict[str, Json]:
        """The body of the request, without the name of the model."""
        found: dict[str, Json] = {"messages": self.messages}
        if self.tools is not None:
            found["tools"] = self.tools
        if self.variables is not None:
            found["chat_template_kwargs"] = self.variables
        return found


@functools.lru_cache(maxsize=1)
def served_chats() -> dict[str, ServedChat]:
    """Return every chat by its name; the word before the first space is what it tries."""
    groups = (
        _orders(),
        _developers(),
        _names(),
        _texts(),
        _parts(),
        _calls(),
        _arguments(),
        _results(),
        _reasonings(),
        _tools(),
        _last_messages(),
        _variables(),
    )
    found: dict[str, ServedChat] = {}
    for group in groups:
        assert not found.keys() & group.keys()
        found |= group
    return found


def bodies() -> dict[str, Json]:
    """Return what is posted for every chat, by its name."""
    return {name: chat.body() for name, chat in served_chats().items()}


# --------------------------------------------------------------------------------------------
# Words
# --------------------------------------------------------------------------------------------


def _without_absent(**keys: Json) -> dict[str, Json]:
    return {key: value for key, value in keys.items() if value is not ABSENT}


def _say(role: str, content: Json = ABSENT, **more: Json) -> Message:
    return _without_absent(role=role, content=content, **more)


def _user(content: Json = "Where?", **more: Json) -> Message:
    return _say("user", content, **more)


def _answer(content: Json = "Here.", **more: Json) -> Message:
    return _say("assistant", content, **more)


def _system(content: Json = "Be kind.", **more: Json) -> Message:
    return _say("system", content, **more)


def _developer(content: Json = "Be brief.", **more: Json) -> Message:
    return _say("developer", content, **more)


def _text(text: Json, **more: Json) -> dict[str, Json]:
    return {"type": "text", "text": text, **more}


def _call(arguments: Json = '{"at":"here"}', number: int = 1, **more: Json) -> dict[str, Json]:
    function = _without_absent(name="look", arguments=arguments)
    return _without_absent(
        **{"id": f"call0000{number}", "type": "function", "function": function, **more}
    )


def _result(content: Json = "It is here.", number: int = 1, **more: Json) -> Message:
    return _say("tool", content, **{"tool_call_id": f"call0000{number}", **more})


def _calling(*calls: Json, content: Json = "", **more: Json) -> Message:
    return _answer(content, tool_calls=list(calls), **more)


PARAMETERS = {
    "type": "object",
    "properties": {"at": {"type": "string", "description": "Where."}},
    "required": ["at"],
}


def _function(**more: Json) -> dict[str, Json]:
    return _without_absent(
        **{"name": "look", "description": "Looks.", "parameters": PARAMETERS, **more}
    )


def _tool(**more: Json) -> dict[str, Json]:
    return {"type": "function", "function": _function(**more)}


LOOK = _tool()
TAKE = {
    "type": "function",
    "function": {
        "name": "take",
        "description": "Takes.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def _asked(*messages: Message, tools: list[Json] | None = None) -> ServedChat:
    """A chat that starts with a question."""
    return ServedChat([_user(), *messages], tools)


def _round(call: Json, *results: Message, **more: Json) -> ServedChat:
    """A question, a call, its result."""
    return _asked(_calling(call, **more), *(results or (_result(),)), tools=[LOOK])


# --------------------------------------------------------------------------------------------
# Who speaks
# --------------------------------------------------------------------------------------------


def _orders() -> dict[str, ServedChat]:
    return {
        "plain": ServedChat([_user()]),
        "system": ServedChat([_system(), _user()]),
        "turns": ServedChat(
            [_system(), _user(), _answer(), _user("Sure?"), _answer("Yes."), _user("Why?")]
        ),
        "system twice": ServedChat([_system(), _system("Be brief."), _user()]),
        "system late": ServedChat([_user(), _answer(), _system(), _user("Sure?")]),
        "system billed": ServedChat(
            [_system("x-anthropic-billing-header: a=1; cch=2;\nBe kind."), _user()]
        ),
        "user twice": ServedChat([_user(), _user("Now?")]),
        "assistant twice": ServedChat([_user(), _answer(), _answer("There."), _user("Sure?")]),
        "assistant first": ServedChat([_answer("Hello."), _user()]),
        "roles capital": ServedChat([_say("System", "Be kind."), _say("User", "Where?")]),
        "roles own": ServedChat([_user(), _say("critic", "Not so."), _user("Sure?")]),
        "roles function": _asked(_say("function", "It is here.", name="look")),
        "roles latest reminder": _asked(_say("latest_reminder", "Be quick.")),
        "roles none": ServedChat([{"content": "Where?"}]),
    }


def _developers() -> dict[str, ServedChat]:
    parts = [_text("Be brief."), _text("Be kind.")]
    return {
        "developer": ServedChat([_developer(), _user()]),
        "developer twice": ServedChat([_developer(), _developer("Be kind."), _user()]),
        "developer before system": ServedChat([_developer(), _system(), _user()]),
        "developer after system": ServedChat([_system(), _developer(), _user()]),
        "developer late": ServedChat([_system(), _user(), _answer(), _developer(), _user("Sure?")]),
        "developer late alone": ServedChat([_user(), _answer(), _developer(), _user("Sure?")]),
        "developer empty": ServedChat([_developer(""), _system(), _user()]),
        "developer parts": ServedChat([_developer(parts), _user()]),
        "developer parts twice": ServedChat(
            [_developer(parts), _system(parts, name="rules"), _user()]
        ),
        "developer tools": ServedChat([_developer(tools=[LOOK]), _user()]),
        "developer name": ServedChat([_developer(name="rules"), _user()]),
    }


def _names() -> dict[str, ServedChat]:
    return {
        "name user": ServedChat([_user(name="ann")]),
        "name system": ServedChat([_system(name="rules"), _user()]),
        "name assistant": ServedChat([_user(), _answer(name="bob"), _user("Sure?")]),
        "name tool": _round(_call(), _result(name="look")),
        "name null": ServedChat([_user(name=None)]),
    }


# --------------------------------------------------------------------------------------------
# Contents
# --------------------------------------------------------------------------------------------


def _texts() -> dict[str, ServedChat]:
    return {
        "content empty user": ServedChat([_user("")]),
        "content empty assistant": _asked(_answer(""), _user("Sure?")),
        "content null user": ServedChat([_user(None)]),
        "content null system": ServedChat([_system(None), _user()]),
        "content null assistant": _asked(_answer(None), _user("Sure?")),
        "content absent user": ServedChat([_user(ABSENT)]),
        "content absent system": ServedChat([_system(ABSENT), _user()]),
        "content absent assistant": _asked(_answer(ABSENT), _user("Sure?")),
        "content number": ServedChat([_user(7)]),
        "content object": ServedChat([_user({"text": "Where?"})]),
        "content refusal": _asked(_answer(None, refusal="No."), _user("Sure?")),
        "content function call": _asked(
            _answer(None, function_call={"name": "look", "arguments": '{"at":"here"}'}),
            _say("function", "It is here.", name="look"),
        ),
        "content unknown keys": ServedChat(
            [_user(weight=1, mood="calm"), _answer(weight=0, mood="calm"), _user("Sure?")]
        ),
        "content white space": ServedChat(
            [_system("  Be kind. \n"), _user("\n Where? "), _answer(" Here.\n"), _user()]
        ),
    }


def _parts() -> dict[str, ServedChat]:
    two = [_text("Where is it?"), _text("Tell me.")]

    def of_user(*parts: Json) -> ServedChat:
        return ServedChat([_user(list(parts))])

    def of_assistant(*parts: Json) -> ServedChat:
        return _asked(_answer(list(parts)), _user("Sure?"))

    return {
        "parts one": of_user(_text("Where?")),
        "parts user": of_user(*two),
        "parts system": ServedChat([_system(two), _user()]),
        "parts assistant": of_assistant(*two),
        "parts none": ServedChat([_user([])]),
        "parts none assistant": _asked(_answer([]), _user("Sure?")),
        "parts unknown keys": of_user(
            _text("Where?", cache_control={"type": "ephemeral"}, at=1), _text("Tell me.")
        ),
        "parts empty text": of_user(_text(""), _text("Where?")),
        "parts null text": of_user(_text(None), _text("Where?")),
        "parts no text": of_user({"type": "text"}, _text("Where?")),
        "parts strings": of_user("Where?", "Tell me."),
        "parts without type": of_user({"text": "Where?"}),
        "parts refusal": of_assistant({"type": "refusal", "refusal": "No."}),
        "parts thinking": of_assistant({"type": "thinking", "thinking": "Look."}, _text("Here.")),
        "parts thinking user": of_user({"type": "thinking", "thinking": "Look."}, _text("Here.")),
        "parts thinking text": of_assistant({"type": "thinking", "text": "Look."}, _text("Here.")),
        "parts reasoning": of_assistant({"type": "reasoning", "text": "Look."}, _text("Here.")),
        "parts input text": of_user({"type": "input_text", "text": "Where?"}),
        "parts output text": of_assistant({"type": "output_text", "text": "Here."}),
        "parts other type": of_user({"type": "note", "text": "Where?"}),
        "parts system billed": ServedChat(
            [_system([_text("x-anthropic-billing-header: a=1;"), _text("Be kind.")]), _user()]
        ),
    }


# --------------------------------------------------------------------------------------------
# Calls and results
# --------------------------------------------------------------------------------------------


def _calls() -> dict[str, ServedChat]:
    two = (_call(number=1), _call('{"at":"there"}', number=2))
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
    unknown = _call(index=0, mood="calm")
    inner = {"name": "look", "arguments": '{"at":"here"}', "mood": "calm"}
    return {
        "call": _round(_call()),
        "call without tools": ServedChat(_round(_call()).messages),
        "call unordered": _round(unordered),
        "call backwards": _round(backwards),
        "call unknown keys": _round(unknown),
        "call unknown keys inside": _round(_call(function=inner)),
        "call index null": _round(_call(index=None)),
        "call without id": _round(_call(id=ABSENT)),
        "call id null": _round(_call(id=None)),
        "call id number": _round(_call(id=7)),
        "call without type": _round(_call(type=ABSENT)),
        "call other type": _round(_call(type="custom")),
        "call without name": _round(_call(function={"arguments": "{}"})),
        "call flat": _round({"name": "look", "arguments": '{"at":"here"}'}),
        "call text": _round(_call(), content="Looking."),
        "call content null": _round(_call(), content=None),
        "call content absent": _round(_call(), content=ABSENT),
        "call parts": _round(_call(), content=[_text("Looking."), _text("Wait.")]),
        "call two": _asked(
            _calling(*two), _result(), _result("Not there.", number=2), tools=[LOOK]
        ),
        "call two crossed": _asked(
            _calling(*two), _result("Not there.", number=2), _result(), tools=[LOOK]
        ),
        "call none": _asked(_answer(tool_calls=[]), _user("Sure?")),
        "call null": _asked(_answer(tool_calls=None), _user("Sure?")),
        "call by user": ServedChat([_user(tool_calls=[_call()])]),
        "call again": _asked(
            _calling(_call(), content="Looking."), _result("Not here."), _calling(_call('{"at":"there"}', number=2)),
            _result(number=2), _answer(), _user("Sure?"), tools=[LOOK, TAKE],
        ),
    }  # fmt: skip


def _arguments() -> dict[str, ServedChat]:
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
    found = {f"arguments {name}": _round(_call(text)) for name, text in texts.items()}
    return found | {f"arguments {name}": _round(_call(value)) for name, value in values.items()}


def _results() -> dict[str, ServedChat]:
    two = [_text("It is here."), _text("Quite near.")]
    return {
        "result parts": _round(_call(), _result(two)),
        "result part": _round(_call(), _result([_text("It is here.")])),
        "result parts none": _round(_call(), _result([])),
        "result unknown keys": _round(_call(), _result([_text("It is here.", at=1)], mood="calm")),
        "result object": _round(_call(), _result({"at": "here"})),
        "result list": _round(_call(), _result([{"at": "here"}])),
        "result empty": _round(_call(), _result("")),
        "result null": _round(_call(), _result(None)),
        "result absent": _round(_call(), _result(ABSENT)),
        "result json": _round(_call(), _result('{"at":"here"}')),
        "result without id": _round(_call(), _result(tool_call_id=ABSENT)),
        "result without call": _asked(_result(), tools=[LOOK]),
    }


def _reasonings() -> dict[str, ServedChat]:
    def of(**keys: Json) -> ServedChat:
        return _asked(_answer(**keys), _user("Sure?"))

    return {
        "reasoning content": of(reasoning_content="Look."),
        "reasoning": of(reasoning="Look."),
        "reasoning both": of(reasoning="Look.", reasoning_content="Listen."),
        "reasoning both other order": of(reasoning_content="Listen.", reasoning="Look."),
        "reasoning empty and content": of(reasoning="", reasoning_content="Look."),
        "reasoning empty": of(reasoning=""),
        "reasoning content empty": of(reasoning_content=""),
        "reasoning null": of(reasoning=None, reasoning_content=None),
        "reasoning thinking": of(thinking="Look."),
        "reasoning inline": of(content="<think>\nLook.\n</think>\n\nHere."),
        "reasoning by user": ServedChat([_user(reasoning_content="Look.")]),
        "reasoning beside calls": _round(_call(), reasoning_content="Look.", content="Looking."),
        "reasoning beside calls alone": _round(_call(), reasoning="Look.", content=None),
        "reasoning list": of(reasoning_content=["Look."]),
    }


# --------------------------------------------------------------------------------------------
# Tools
# --------------------------------------------------------------------------------------------


def _tools() -> dict[str, ServedChat]:
    function = _function()
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
        "without description": _tool(description=ABSENT),
        "description null": _tool(description=None),
        "description empty": _tool(description=""),
        "without parameters": _tool(parameters=ABSENT),
        "parameters null": _tool(parameters=None),
        "parameters empty": _tool(parameters={}),
        "description first": {"type": "function", "function": dict(sorted(function.items()))},
        "backwards": {"function": backwards, "type": "function"},
        "strict true": _tool(strict=True),
        "strict false": _tool(strict=False),
        "strict null": _tool(strict=None),
        "strict first": {
            "type": "function",
            "function": {"name": "look", "strict": False, "parameters": PARAMETERS},
        },
        "unknown keys": {"type": "function", "function": _function(mood="calm"), "mood": "calm"},
        "returns": _tool(**{"return": {"type": "string"}}),
        "deferred": {**LOOK, "defer_loading": True},
        "deferred inside": _tool(defer_loading=False),
        "without type": {"function": function},
        "other type": {"type": "web_search", "function": function},
        "flat": {"type": "function", **function},
        "bare": function,
        "types": _tool(parameters=types),
        "wrong schema": _tool(
            parameters={"type": "object", "properties": {"at": {"type": "thing"}}}
        ),
        "parameters text": _tool(parameters='{"type":"object"}'),
        "unescaped": _tool(description="Looks: <a> & \"b\" 'c' é 😀\nTwice."),
        "without name": {"type": "function", "function": {"description": "Looks."}},
    }
    found = {
        f"tool {name}": ServedChat([_system(), _user()], [tool]) for name, tool in alone.items()
    }
    return found | {
        "tools two": ServedChat([_user()], [TAKE, LOOK]),
        "tools none": ServedChat([_user()], []),
        "tools of both kinds": ServedChat(
            [_user()], [{"type": "function", "function": {"name": "take"}}, LOOK]
        ),
    }


# --------------------------------------------------------------------------------------------
# What a prompt ends with, and what a request sets
# --------------------------------------------------------------------------------------------


def _last_messages() -> dict[str, ServedChat]:
    return {
        "last assistant": _asked(_answer()),
        "last assistant twice": _asked(_answer(), _answer("There.")),
        "last assistant parts": _asked(_answer([_text("Here."), _text("Or there.")])),
        "last assistant reasoning": _asked(_answer(reasoning_content="Look.", name="bob")),
        "last assistant call": _asked(_calling(_call(), content="Looking."), tools=[LOOK]),
        "last assistant call alone": _asked(_calling(_call(), content=None), tools=[LOOK]),
        "last system": ServedChat([_system()]),
        "last nothing": ServedChat([]),
    }


def _variables() -> dict[str, ServedChat]:
    asked = [_user(), _answer(reasoning_content="Look."), _user("Sure?")]
    values: dict[str, dict[str, Json]] = {
        "thinking off": {"enable_thinking": False},
        "thinking on": {"enable_thinking": True},
        "effort": {"reasoning_effort": "low"},
        "null": {"enable_thinking": None, "reasoning_effort": None},
        "auto": {"enable_thinking": "auto", "reasoning_effort": "auto"},
        "unknown": {"mood": "calm"},
        "messages": {"bos_token": "<b>", "date_string": "1 May 2020"},
    }
    return {f"variables {name}": ServedChat(asked, None, value) for name, value in values.items()}
