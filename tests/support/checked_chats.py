"""Good and faulty chats for `check`, and what it finds in them."""

import io
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

import everyturn
from chats import Record, to_jsonl
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding

USER: Record = {"role": "user", "content": "Question?"}
ANSWER: Record = {"role": "assistant", "content": "Answer."}


def chat(*messages: Any, **keys: Any) -> bytes:
    """Return a line with a conversation."""
    return to_jsonl([{"messages": list(messages), **keys}])


def said(content: str, role: str = "assistant", **keys: Any) -> Record:
    """Return a message."""
    return {"role": role, "content": content, **keys}


def calling(*calls: Any, **keys: Any) -> Record:
    """Return a message that calls tools."""
    return {"role": "assistant", "content": "", "tool_calls": list(calls), **keys}


def call(name: str = "sum", arguments: Any = "{}", **keys: Any) -> Record:
    """Return a call in OpenAI's form."""
    function = {"name": name, "arguments": arguments}
    return {"id": "a", "type": "function", "function": function, **keys}


def result(**keys: Any) -> Record:
    """Return a tool's result."""
    return {"role": "tool", "tool_call_id": "a", "content": "3", **keys}


def without(entry: Record, key: str) -> Record:
    """Return the entry without a key."""
    return {name: value for name, value in entry.items() if name != key}


SUM = {"type": "function", "function": {"name": "sum", "parameters": {}}}
GOOD = chat(said("Be brief.", "system"), USER, ANSWER)
GOOD_CALL = chat(USER, calling(call()), result(), ANSWER, tools=[SUM])
FLAT = {"id": "a", "type": "function", "name": "sum", "arguments": "{}"}
OLD_CALL = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}


def found(source: Any, **options: Any) -> list[Finding]:
    """Return all findings."""
    return list(everyturn.check(source, **options))


def kinds(source: Any, **options: Any) -> set[str]:
    """Return the kinds that are found."""
    return {finding.kind for finding in found(source, **options)}


def copied(
    source: bytes, ignore: tuple[str, ...] = ()
) -> tuple[bytes, list[Change], list[Finding]]:
    """Return the corrected copy, what was changed, and what is left."""
    output = io.BytesIO()
    items = list(Checker(ignore=ignore).fix(source, output))
    changes = [item for item in items if isinstance(item, Change)]
    return output.getvalue(), changes, [item for item in items if isinstance(item, Finding)]


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 0.5, 2**70, "", "x", "tool", "[1]", '{"a": 1}'),
    *([], {}, [{}], [1], [None], [["a"]], {"name": "f"}, {"a": None}),
)
ODD: st.SearchStrategy[Any] = st.sampled_from(ODD_VALUES)

#: Records that have every key that rules read.
WHOLE: tuple[Record, ...] = (
    {
        "messages": [
            said("Be brief.", "system"),
            {**USER, "name": "Ada", "weight": 0},
            calling(call(), FLAT, reasoning_content="Hm."),
            result(),
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "b"}],
                "train": True,
            },
            USER,
            OLD_CALL,
            {"role": "function", "name": "f", "content": "3"},
            {**ANSWER, "tool_calls": None, "tool_call_id": None, "function_call": None},
        ],
        "tools": [SUM, {"name": "f", "parameters": {"a": 1}}],
        "functions": [{"name": "f"}],
        "chat_template_kwargs": {"a": 1},
        "label": True,
    },
    {
        "conversations": [
            {"from": "human", "value": "a"},
            {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
            {"from": "observation", "value": "3"},
            {"from": "gpt", "value": "b", "weight": 1},
        ],
        "system": "s",
        "tools": "[]",
    },
)


def replaced(value: Any, by: Any) -> Iterator[Any]:
    """Return copies of a value, of which each has another in the place of one of its parts, however deep that is."""
    yield by
    if not isinstance(value, dict | list):
        return
    for place, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
        for other in replaced(part, by):
            copy = value.copy()
            copy[place] = other
            yield copy


#: Records of which one value, anywhere, is of another type than it should be.
ODD_RECORDS: list[Any] = [
    record for whole in WHOLE for odd in ODD_VALUES for record in replaced(whole, odd)
]
MESSAGES = st.one_of(
    st.dictionaries(
        st.sampled_from(
            [
                "role",
                "content",
                "from",
                "value",
                "weight",
                "train",
                "tool_calls",
                "function_call",
                "tool_call_id",
                "name",
                "reasoning",
            ]
        ),
        st.one_of(
            ODD, st.sampled_from(["user", "assistant", "gpt", "human", "bot", "function_call"])
        ),
        max_size=5,
    ),
    st.builds(calling, ODD),
    st.builds(lambda given: result(tool_call_id=given), ODD),
)
SOUND = st.sampled_from(
    [USER, ANSWER, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
)
LISTS = st.one_of(ODD, st.lists(st.one_of(SOUND, SOUND, MESSAGES, ODD), max_size=4))
RECORDS = st.one_of(
    ODD,
    st.sampled_from(ODD_RECORDS),
    st.dictionaries(
        st.sampled_from(
            [
                *("messages", "conversations", "instruction", "output", "prompt", "completion"),
                *("tools", "chat_template_kwargs", "system", "history", "input"),
            ]
        ),
        LISTS,
        max_size=4,
    ),
    st.builds(lambda messages: {"messages": messages}, LISTS),
    st.builds(lambda messages: {"conversations": messages}, LISTS),
)
LINES = st.one_of(
    RECORDS.map(lambda record: json.dumps(record).encode()),
    RECORDS.map(lambda record: json.dumps(record).encode()[:-1]),
    st.sampled_from(
        [
            b"",
            b" ",
            b"\xff",
            b'"\\ud800"',
            b"NaN",
            b"\xef\xbb\xbf{}",
            b"{}\r",
            b"[" * 200,
            b"x" * 400,
        ]
    ),
)
