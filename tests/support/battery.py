"""Conversations that try every branch a chat template is known to have, as plain data.

`cases()` names them. What they cover: who speaks and in which order, reasoning under each of its
names, tool calls and tool results of every shape, tools and documents, contents that are text,
parts, null, missing or no text at all, texts that trip engines (control white space, quotes,
control tokens, numbers that JSON and Python print each in its own way), and the variables that
published templates ask for. A template need not make sense of a case: raising is an answer, too.
"""

import functools
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """What one rendering is given."""

    messages: list[Message]
    tools: list[Any] | None = None
    documents: list[Any] | None = None
    variables: dict[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=1)
def cases() -> dict[str, Case]:
    """Return every case by its name."""
    groups = (
        _orders(),
        _contents(),
        _texts(),
        _reasonings(),
        _calls(),
        _results(),
        _tools(),
        _variables(),
    )
    found: dict[str, Case] = {}
    for group in groups:
        assert not found.keys() & group.keys()
        found |= group
    return found


# --------------------------------------------------------------------------------------------
# Words
# --------------------------------------------------------------------------------------------


def _say(role: str, content: Any, **more: Any) -> Message:
    return {"role": role, "content": content, **more}


def _system(content: Any, **more: Any) -> Message:
    return _say("system", content, **more)


def _user(content: Any = "What is 2 + 2?", **more: Any) -> Message:
    return _say("user", content, **more)


def _answer(content: Any = "It is 4.", **more: Any) -> Message:
    return _say("assistant", content, **more)


def _result(content: Any, **more: Any) -> Message:
    return _say("tool", content, **more)


def _call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def _calling(*calls: Any, content: Any = "", **more: Any) -> Message:
    return _answer(content, tool_calls=list(calls), **more)


PARIS = _call("get_weather", {"city": "Paris", "days": 2}, id="call_1")
OSLO = _call("get_weather", {"city": "Oslo", "days": 1}, id="call_2")
TEMPERATURE = '{"temperature": 21.5, "unit": "C"}'

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name"},
                "days": {"type": "integer", "description": "How many days", "default": 1},
            },
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": 'Adds "two" numbers: a & b, if a < b > 0.\nSays it\'s done.',
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
        },
        "return": {"type": "number", "description": "The sum"},
    },
}
#: Every way in which a schema says what a value may be.
SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches.",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": ["string", "null"], "description": "Words to look for"},
                "order": {"type": "string", "enum": ["newest", "oldest", "élan"]},
                "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
                "score": {"oneOf": [{"type": "number"}, {"type": "string"}], "minimum": 1e-7},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                "exact": {"type": "boolean", "default": False},
                "kind": {"const": "page"},
                "anything": {},
                "level": {"type": "integer", "enum": [1, 2, 3]},
            },
            "required": ["text", "order"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
NESTED = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books a journey",
        "parameters": {
            "type": "object",
            "properties": {
                "traveller": {
                    "type": "object",
                    "description": "Who travels",
                    "properties": {
                        "name": {"type": "string"},
                        "home": {
                            "type": "object",
                            "properties": {"zip": {"type": "string"}, "no": {"type": "integer"}},
                            "required": ["zip"],
                        },
                    },
                    "required": ["name", "home"],
                },
                "legs": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
                    },
                },
                "grid": {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "number"}},
                },
                "$ref": {"$ref": "#/$defs/other"},
            },
            "$defs": {"other": {"type": "string"}},
        },
        "response": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
    },
}
DOCUMENTS = [
    {"title": "Bread", "text": "Flour, water,\nsalt."},
    {"title": "Ümlaut & <tag>", "text": 'It\'s "quoted".', "id": 7, "source": None},
    {"doc_id": "x", "content": "No title", "contents": "here"},
]

# --------------------------------------------------------------------------------------------
# Who speaks, and in which order
# --------------------------------------------------------------------------------------------


def _orders() -> dict[str, Case]:
    several = [
        _user("Hi"),
        _answer("Hello!"),
        _user("What is 2 + 2?"),
        _answer("It is 4."),
        _user("And 3 + 3?"),
        _answer("It is 6."),
    ]
    system = _system("You are terse.")
    return {
        "user": Case([_user()]),
        "user_assistant": Case([_user(), _answer()]),
        "system_user": Case([system, _user()]),
        "system_user_assistant": Case([system, _user(), _answer()]),
        "several_turns": Case(several),
        "several_turns_with_system": Case([system, *several]),
        "ends_with_user": Case([*several, _user("Thanks")]),
        "starts_with_assistant": Case([_answer("Hello, how can I help?"), _user(), _answer()]),
        "only_assistant": Case([_answer()]),
        "only_system": Case([system]),
        "no_messages": Case([]),
        "consecutive_users": Case([_user("First"), _user("Second"), _answer()]),
        "consecutive_assistants": Case([_user(), _answer("It"), _answer("is 4.")]),
        "two_systems": Case([system, _system("You are kind."), _user(), _answer()]),
        "system_in_the_middle": Case([_user(), _answer(), _system("Now in French."), _user()]),
        "system_at_the_end": Case([_user(), _answer(), system]),
        "developer": Case([_say("developer", "Be brief."), _user(), _answer()]),
        "system_and_developer": Case([system, _say("developer", "Be brief."), _user(), _answer()]),
        "unknown_role": Case([_user(), _say("narrator", "Meanwhile .."), _answer()]),
        "odd_role_text": Case([_say("user\n<|im_end|>", "Hi"), _answer()]),
        "function_role": Case([_user(), _say("function", "4", name="add"), _answer()]),
        "ipython_role": Case([_user(), _say("ipython", "4"), _answer()]),
        "role_missing": Case([{"content": "Hi"}, _answer()]),
        "role_null": Case([{"role": None, "content": "Hi"}, _answer()]),
        "role_of_a_number": Case([_say("user", "Hi"), {"role": 1, "content": "Hi"}]),
        "many_turns": Case([_user("Again?"), _answer("Yes.")] * 7),
    }


# --------------------------------------------------------------------------------------------
# What a content may be
# --------------------------------------------------------------------------------------------


def _contents() -> dict[str, Case]:
    def text(words: str) -> dict[str, Any]:
        return {"type": "text", "text": words}

    image = {"type": "image", "image": "https://example.org/cat.png"}
    image_url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    return {
        "user_content_null": Case([_user(None), _answer()]),
        "assistant_content_null": Case([_user(), _answer(None)]),
        "content_missing": Case([_user(), {"role": "assistant"}]),
        "user_content_missing": Case([{"role": "user"}]),
        "system_content_missing": Case([{"role": "system"}, _user()]),
        "empty_user": Case([_user(""), _answer()]),
        "empty_assistant": Case([_user(), _answer("")]),
        "empty_system": Case([_system(""), _user(), _answer()]),
        "parts_of_user": Case([_user([text("What is "), text("2 + 2?")]), _answer()]),
        "parts_of_assistant": Case([_user(), _answer([text("It is "), text("4.")]), _user("Ok")]),
        "parts_of_system": Case([_system([text("Be brief."), text(" Be kind.")]), _user()]),
        "no_parts": Case([_user([]), _answer([])]),
        "image_part": Case([_user([image, text("What is this?")]), _answer("A cat.")]),
        "image_url_part": Case([_user([text("And this?"), image_url]), _answer("A cat.")]),
        "audio_and_video": Case(
            [_user([{"type": "audio", "audio": "a.wav"}, {"type": "video", "video": "b.mp4"}])]
        ),
        "image_of_assistant": Case([_user(), _answer([image, text("Here.")])]),
        "unknown_part": Case([_user([{"type": "smell", "smell": "rose"}, text("?")]), _answer()]),
        "part_without_text": Case([_user([{"type": "text"}]), _answer()]),
        "part_text_null": Case([_user([{"type": "text", "text": None}]), _answer()]),
        "bare_string_parts": Case([_user(["What is", " 2 + 2?"]), _answer()]),
        "thinking_part": Case(
            [_user(), _answer([{"type": "thinking", "thinking": "Easy."}, text("It is 4.")])]
        ),
        "dict_content": Case([_user({"question": "2 + 2?", "hint": None}), _answer({"sum": 4})]),
        "int_content": Case([_user(42), _answer(-7)]),
        "float_content": Case([_user(1e-7), _answer(1e22)]),
        "bool_content": Case([_user(content=True), _answer(content=False)]),
        "extra_keys": Case(
            [
                _system("Be brief.", name="boss"),
                _user(name="Ann", id=17, weight=0),
                _answer(
                    name="Bot",
                    weight=1.0,
                    id="msg_1",
                    refusal=None,
                    annotations=[],
                    logprobs={"content": None},
                    finish_reason="stop",
                    prefix=False,
                    train=True,
                ),
            ]
        ),
        "keys_in_another_order": Case(
            [
                {"content": "Hi", "role": "user"},
                {"name": "a", "content": "Hello", "role": "assistant"},
            ]
        ),
    }


# --------------------------------------------------------------------------------------------
# What a text may hold
# --------------------------------------------------------------------------------------------

#: Python strips the ASCII separators and U+0085, but not the zero-width characters.
BLANKS = (
    " \t\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
NOT_BLANKS = "\u200b\u200d\u2060\ufeff\u180e\x00\x08\x1b\x7f"


def _texts() -> dict[str, Case]:
    texts = {
        "blank": "   \n\t ",
        "blanks_around": "\n\n  padded \t\n",
        "unicode_blanks_around": f"{BLANKS}padded{BLANKS}",
        "information_separators": "\x1c\x1d\x1e\x1fa\x1cb\x1f\x1e\x1d\x1c",
        "next_line_and_separators": "\x85\u2028a\u2029b\u2028\x85",
        "no_blanks_around": f"{NOT_BLANKS}kept{NOT_BLANKS}",
        "carriage_returns": "\r\nwindows\r\nmac\rend\r",
        "tabs": "\tdef f():\n\t\treturn 1\t",
        "emoji": "👍🏽 👩‍👩‍👧 🇳🇴 ✨",
        "chinese": "你好，世界。“引号”「日本語」한국어",  # noqa: RUF001
        "combining": "e\u0301 a\u030a \u1e9b\u0323 \ufb01 ǆ ß İ ŉ",
        "right_to_left": "שלום \u202bمرحبا\u202c \u200fעולם",  # noqa: RUF001
        "beyond_the_basic_plane": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010ffff \ue000 \ufffd",  # noqa: RUF001
        "control_tokens": "<|im_end|>\n<|im_start|>system\n<s></s>[INST] x [/INST]<|eot_id|><eos>",
        "html": '<b class="x">1 < 2 && 3 > 2</b> &amp; it\'s',
        "quotes": '\'single\' "double" `back` \\ \\n \\" \'\'\' """',
        "template_like": "{{ 1 + 1 }} {% if x %} {# no #} ${y} {z} {0} %s %d %(a)s 100% %%",
        "json_like": '{"name": "add", "arguments": {"a": 1}}',
        "many_lines": "\n".join(f"{number}. line  \n" for number in range(20)),
    }
    return {
        f"text_{name}": Case([_system(text), _user(text), _answer(text), _user(text)])
        for name, text in texts.items()
    } | {
        "text_long": Case([_user("The quick brown fox jumps over the lazy dog. " * 120), _answer()])
    }


# --------------------------------------------------------------------------------------------
# Reasoning
# --------------------------------------------------------------------------------------------


def _reasonings() -> dict[str, Case]:
    thought = "2 and 2.\n\nThat makes 4."

    def two(first: Message, second: Message) -> Case:
        return Case([_user(), first, _user("And 3 + 3?"), second])

    found: dict[str, Case] = {}
    for key in ("reasoning_content", "thinking", "reasoning"):
        found |= {
            f"{key}_on_every_turn": two(
                _answer(**{key: "2 and 2"}), _answer("It is 6.", **{key: "3 and 3"})
            ),
            f"{key}_on_the_last_turn": two(_answer(), _answer("It is 6.", **{key: thought})),
        }
    return found | {
        "reasoning_on_the_first_turn": two(_answer(reasoning=thought), _answer("It is 6.")),
        "reasoning_mixed": two(_answer(reasoning="a"), _answer("6", reasoning_content="\nb\n")),
        "reasoning_under_two_names": two(
            _answer(reasoning="a", thinking="b"), _answer("6", reasoning="c", reasoning_content="d")
        ),
        "reasoning_empty": two(_answer(reasoning_content=""), _answer("6", thinking="")),
        "reasoning_null": two(_answer(reasoning_content=None), _answer("6", reasoning=None)),
        "reasoning_blank": two(_answer(reasoning_content="\n\n"), _answer("6", reasoning=" \x1c")),
        "reasoning_of_a_number": two(_answer(reasoning_content=1), _answer("6", reasoning=0)),
        "reasoning_without_content": Case([_user(), _answer(None, reasoning_content=thought)]),
        "reasoning_and_empty_content": Case([_user(), _answer("", reasoning=thought)]),
        "reasoning_as_parts": Case(
            [_user(), _answer(reasoning_content=[{"type": "text", "text": thought}])]
        ),
        "reasoning_of_user": Case([_user(reasoning_content="Hm."), _answer()]),
        "think_inline": two(
            _answer(f"<think>\n{thought}\n</think>\n\nIt is 4."),
            _answer("<think>\n3 and 3\n</think>\n\nIt is 6."),
        ),
        "think_inline_without_newlines": two(
            _answer("<think>2 and 2</think>It is 4."), _answer("<think>3 and 3</think>It is 6.")
        ),
        "think_inline_empty": two(
            _answer("<think>\n\n</think>\n\nIt is 4."), _answer("<think></think>")
        ),
        "think_only_closed": two(_answer("2 and 2\n</think>\n\nIt is 4."), _answer("</think>")),
        "think_only_opened": Case([_user("<think>"), _answer("<think>2 and 2")]),
        "think_twice": Case(
            [_user("a</think>b"), _answer("<think>a</think>b<think>c</think>d</think>e")]
        ),
        "think_inline_and_apart": Case(
            [_user(), _answer("<think>\nin\n</think>\n4", reasoning_content="apart")]
        ),
        "channels_inline": Case(
            [
                _user(),
                _answer("<|channel|>analysis<|message|>2 and 2<|end|><|channel|>final<|message|>4"),
            ]
        ),
        "prefilled_think": Case([_user(), _answer("<think>\n")]),
    }


# --------------------------------------------------------------------------------------------
# Tool calls
# --------------------------------------------------------------------------------------------


def _calls() -> dict[str, Case]:
    ask = _user("What is the weather in Paris?")
    done = _answer("It is 21.5 degrees.")

    def called(*messages: Message, tools: list[Any] | None = None) -> Case:
        return Case([ask, *messages], tools=[WEATHER, ADD] if tools is None else tools)

    shown = _result(TEMPERATURE, name="get_weather", tool_call_id="call_1")
    odd_values: dict[str, Any] = {
        "tiny": 1e-7,
        "huge": 1e22,
        "whole": 1.0,
        "minus_zero": -0.0,
        "third": 1 / 3,
        "beyond_64_bits": 2**70,
        "below_64_bits": -(2**65),
        "nothing": None,
        "yes": True,
        "no": False,
        "list": [1, [2.5, [None, "x"]], {}, []],
        "dict": {"b": {"a": {"c": "d"}}, "a": 1},
        "unicode": "Zürich 東京 👍 \u2028\x1f\x7f",
        "html": "<a href=\"x\">Tom & 'Jerry'</a>",
        "lines": "one\ntwo\r\n\ttabs \\ / ",
        "empty": "",
    }
    odd_names = {
        "a b": 1,
        "ünï": 2,
        "": 3,
        "items": 4,
        "keys": 5,
        "1": 6,
        "a.b": 7,
        "<k>": 8,
        "'": 9,
    }
    then = called(_calling(PARIS), shown, _user("And Oslo?"), _calling(OSLO))
    return {
        "call": called(_calling(PARIS)),
        "call_and_result": called(_calling(PARIS), shown),
        "call_and_answer": called(_calling(PARIS), shown, done),
        "call_and_answer_without_tools": Case([ask, _calling(PARIS), shown, done]),
        "call_after_call": then,
        "call_with_system": Case([_system("Be brief."), *then.messages], tools=[WEATHER]),
        "call_with_text": called(_calling(PARIS, content="Let me look."), shown, done),
        "call_content_null": called(_calling(PARIS, content=None), shown, done),
        "call_content_missing": called({"role": "assistant", "tool_calls": [PARIS]}, shown, done),
        "call_content_parts": called(
            _calling(PARIS, content=[{"type": "text", "text": "Let me look."}]), shown, done
        ),
        "calls_null": called(_answer(tool_calls=None)),
        "calls_empty": called(_answer(tool_calls=[])),
        "several_calls": called(
            _calling(PARIS, OSLO), shown, _result("12", tool_call_id="call_2"), done
        ),
        "several_calls_one_result": called(_calling(PARIS, OSLO, PARIS), shown),
        "chain_with_reasoning": called(
            _calling(PARIS, reasoning_content="I need Paris."),
            shown,
            _calling(OSLO, reasoning_content="Now Oslo.\nThen done."),
            _result("12 degrees"),
            _answer("21.5 and 12.", reasoning_content="Both known."),
        ),
        "chain_with_think_inline": called(
            _calling(PARIS, content="<think>\nI need Paris.\n</think>\n\n"),
            shown,
            _answer("<think>\nKnown.\n</think>\n\n21.5"),
        ),
        "chain_then_user": called(
            _calling(PARIS, thinking="I need Paris."),
            shown,
            done,
            _user("Thanks"),
            _answer("Sure."),
        ),
        "string_arguments": called(
            _calling(_call("get_weather", '{"city": "Paris", "days": 2}')), shown, done
        ),
        "string_arguments_unspaced": called(_calling(_call("add", '{"a":1,"b":2.50}'))),
        "string_arguments_no_json": called(_calling(_call("add", "a=1"))),
        "empty_arguments": called(_calling(_call("now", {})), _result("12:00")),
        "empty_string_arguments": called(_calling(_call("now", "")), _result("12:00")),
        "null_arguments": called(_calling(_call("now", None))),
        "arguments_missing": called(
            _calling({"type": "function", "function": {"name": "now"}}), _result("12:00")
        ),
        "list_arguments": called(_calling(_call("add", [1, 2]))),
        "odd_arguments": called(_calling(_call("add", odd_values)), _result("done")),
        "oddly_named_arguments": called(_calling(_call("add", odd_names))),
        "bare_call": called(_calling({"name": "add", "arguments": {"a": 1, "b": 2}}), _result("3")),
        "bare_call_with_parameters": called(_calling({"name": "add", "parameters": {"a": 1}})),
        "call_without_type": called(_calling({"function": {"name": "add", "arguments": {"a": 1}}})),
        "call_with_odd_name": called(_calling(_call('näme with "quotes" & <tags>\'', {"a": 1}))),
        "call_with_9_character_id": called(
            _calling(_call("add", {"a": 1, "b": 2}, id="abcdef123")),
            _result("3", tool_call_id="abcdef123", name="add"),
            done,
        ),
        "call_with_index": called(_calling(_call("add", {"a": 1}, id="x", index=0))),
        "calls_of_text": called(_answer(tool_calls="add(1, 2)")),
        "call_of_user": Case([_user(tool_calls=[PARIS]), done], tools=[WEATHER]),
        "function_call": called(
            _answer("", function_call={"name": "add", "arguments": '{"a": 1}'}), _result("1")
        ),
    }


def _results() -> dict[str, Case]:
    ask = [_user("What is the weather in Paris?"), _calling(PARIS)]
    done = _answer("It is 21.5 degrees.")

    def told(*contents: Any) -> Case:
        shown = [
            _result(content, name="get_weather", tool_call_id=f"call_{number}")
            for number, content in enumerate(contents, start=1)
        ]
        return Case([*ask, *shown, done], tools=[WEATHER])

    return {
        "result_text": told("21.5 degrees"),
        "result_json_text": told(TEMPERATURE),
        "result_dict": told({"temperature": 21.5, "unit": "C", "wind": None, "rain": False}),
        "result_list": told([21.5, "C"]),
        "result_parts": told([{"type": "text", "text": "21.5"}, {"type": "text", "text": " C"}]),
        "result_image": told([{"type": "image", "image": "x"}, {"type": "text", "text": "map"}]),
        "result_number": told(21.5),
        "result_empty": told(""),
        "result_null": told(None),
        "result_blank": told(" \n21.5\u3000\n"),
        "result_html": told("<li>Tom & 'Jerry'</li> </tool_response><|im_end|>"),
        "several_results": told("21.5", "12", "rainy"),
        "result_without_id": Case([*ask, _result("21.5"), done], tools=[WEATHER]),
        "result_of_openresponses": Case([*ask, _result({"output": "21.5"}), done]),
        "ends_with_result": Case([*ask, _result("21.5")], tools=[WEATHER]),
        "starts_with_result": Case([_result("21.5"), _user(), _answer()]),
        "only_result": Case([_result("21.5")]),
    }


# --------------------------------------------------------------------------------------------
# Tools, documents, variables
# --------------------------------------------------------------------------------------------


def _tools() -> dict[str, Case]:
    asked = [_user(), _answer(), _user("And 3 + 3?")]
    with_system = [_system("Be brief."), *asked]

    def function(**entries: Any) -> dict[str, Any]:
        return {"type": "function", "function": entries}

    bare = {"name": "now", "description": "Says the time.", "parameters": {"type": "object"}}
    return {
        "tools_unused": Case(asked, tools=[WEATHER]),
        "tools_unused_with_system": Case(with_system, tools=[WEATHER, ADD]),
        "tools_empty": Case(asked, tools=[]),
        "tools_of_every_schema": Case(asked, tools=[SEARCH]),
        "tools_nested": Case(with_system, tools=[NESTED, ADD]),
        "tools_without_parameters": Case(asked, tools=[function(name="now", description="Time")]),
        "tools_with_no_properties": Case(
            asked,
            tools=[
                function(
                    name="now", description="", parameters={"type": "object", "properties": {}}
                )
            ],
        ),
        "tools_with_null_parameters": Case(asked, tools=[function(name="now", parameters=None)]),
        "tools_without_description": Case(
            asked,
            tools=[function(name="f", parameters={"type": "object", "properties": {"a": {}}})],
        ),
        "tools_bare": Case(asked, tools=[bare]),
        "tools_without_name": Case(asked, tools=[function(description="What?")]),
        "tools_with_odd_names": Case(
            asked, tools=[function(name="dée \"q\" <x> & 'y'\n", description="%s {0} {{ x }}")]
        ),
        "tools_of_text": Case(asked, tools=["add"]),
        "tools_named_as_builtins": Case(
            asked, tools=[function(name="brave_search"), function(name="code_interpreter")]
        ),
        "documents": Case(asked, documents=DOCUMENTS),
        "documents_and_system": Case(with_system, documents=DOCUMENTS[:1]),
        "documents_and_tools": Case(with_system, tools=[WEATHER], documents=DOCUMENTS),
        "documents_empty": Case(asked, documents=[]),
        "documents_of_text": Case(asked, documents=["Bread"]),
    }


def _variables() -> dict[str, Case]:
    thinking = [
        _system("Be brief. /no_think"),
        _user("2 + 2? /think"),
        _answer("4", reasoning_content="2 and 2"),
        _user("3 + 3?"),
        _answer("6", reasoning_content="3 and 3"),
    ]
    chain = [
        *thinking,
        _user("The weather?"),
        _calling(PARIS, reasoning_content="Paris."),
        _result("21.5"),
    ]
    given: dict[str, dict[str, Any]] = {
        "thinking_on": {"enable_thinking": True, "thinking": True},
        "thinking_off": {"enable_thinking": False, "thinking": False},
        "history_kept": {
            "preserve_thinking": True,
            "clear_thinking": False,
            "truncate_history_thinking": False,
            "keep_past_thinking": True,
            "drop_thinking": False,
            "thinking": True,
        },
        "history_cleared": {
            "preserve_thinking": False,
            "clear_thinking": True,
            "truncate_history_thinking": True,
            "keep_past_thinking": False,
            "drop_thinking": True,
        },
        "effort_high": {"reasoning_effort": "high", "thinking_budget": 1024, "reasoning": True},
        "effort_none": {"reasoning_effort": "none", "thinking_budget": 0, "reasoning": False},
        "effort_low": {"reasoning_effort": "low", "low_effort": True, "thinking_mode": "chat"},
        "thinking_adaptive": {"enable_thinking": None, "thinking_mode": "adaptive"},
        "date": {"date_string": "01 Jan 2030", "current_date": "2030-01-01", "today_date": "x"},
        "builtin_tools": {
            "builtin_tools": ["wolfram_alpha", "python", "browser"],
            "tools_in_user_message": False,
            "add_vision_id": True,
        },
        "persona": {
            "model_identity": "You are Bot.",
            "system_message": "Be Bot.",
            "custom_instructions": "Rhyme.",
            "xml_tools": "<x/>",
            "python_tools": ["f"],
            "safety_mode": "strict",
            "citation_mode": "accurate",
            "skip_thinking": True,
            "available_tools": [WEATHER["function"]],
        },
        "other_tokens": {
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "image_token": "<image>",
        },
        "odd_values": {
            "enable_thinking": "yes",
            "reasoning_effort": 3,
            "date_string": 1e-7,
            "builtin_tools": {"a": None},
            "controls": {"length": 5, "images": True},
        },
    }
    found = {
        f"with_{name}": Case(thinking, variables=variables) for name, variables in given.items()
    }
    for name in ("thinking_on", "thinking_off", "history_kept", "builtin_tools", "effort_high"):
        found[f"chain_with_{name}"] = Case(chain, tools=[WEATHER, ADD], variables=given[name])
    return found
