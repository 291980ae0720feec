"""Corrected copies: each correction is exact, and nothing else changes."""

import io
import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import everyturn
from chats import Record, to_jsonl
from checked_chats import (
    ANSWER,
    FLAT,
    GOOD,
    GOOD_CALL,
    LINES,
    ODD_RECORDS,
    OLD_CALL,
    SUM,
    USER,
    call,
    calling,
    chat,
    copied,
    found,
    result,
    said,
    without,
)
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding
from everyturn.checks.rules import FIXES
from paths import EXAMPLE_CHATS

NEW_CALL: Record = {"role": "assistant", "content": None}
NAMES = [f"call_{number}" for number in range(40)]
MANY_CALLS = calling(*({**call(), "id": name} for name in NAMES))
MANY_RESULTS = [result(tool_call_id=name) for name in NAMES]

#: What each correction makes of a record.
FIXED: dict[str, tuple[Record, Record]] = {
    "role": (
        {"messages": [said("a", " Human"), said("b", "bot"), said("c", "narrator")]},
        {"messages": [said("a", "user"), said("b"), said("c", "narrator")]},
    ),
    "role of an entry": (
        {"conversations": [{"from": "prompter", "value": "a"}, {"from": "AI", "value": "b"}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    ),
    "function_call": (
        {"messages": [USER, OLD_CALL, {"role": "function", "name": "f", "content": "3"}, ANSWER]},
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "name": "f", "content": "3", "tool_call_id": "call_1"},
                ANSWER,
            ]
        },
    ),
    "function_call of an entry": (
        {
            "conversations": [
                {"from": "human", "value": "Question?"},
                {"from": "gpt", "value": "", "function_call": {"name": "f", "arguments": "{}"}},
                {"from": "observation", "value": "3"},
                {"from": "gpt", "value": "Answer."},
            ]
        },
        {
            "conversations": [
                {"from": "human", "value": "Question?"},
                {"from": "gpt", "value": "", "tool_calls": [{**call("f"), "id": "call_1"}]},
                {"from": "observation", "value": "3", "tool_call_id": "call_1"},
                {"from": "gpt", "value": "Answer."},
            ]
        },
    ),
    "function_call with the id of its result": (
        {"messages": [USER, OLD_CALL, result(tool_call_id="x"), ANSWER]},
        {
            "messages": [
                USER,
                {**NEW_CALL, "tool_calls": [{**call("f"), "id": "x"}]},
                result(tool_call_id="x"),
                ANSWER,
            ]
        },
    ),
    "function_call beside many ids": (
        {"messages": [USER, MANY_CALLS, *MANY_RESULTS, OLD_CALL]},
        {
            "messages": [
                USER,
                MANY_CALLS,
                *MANY_RESULTS,
                {**NEW_CALL, "tool_calls": [{**call("f"), "id": "call_42"}]},
            ]
        },
    ),
    "functions": (
        {"messages": [USER, ANSWER], "functions": [{"name": "f"}]},
        {"messages": [USER, ANSWER], "tools": [{"type": "function", "function": {"name": "f"}}]},
    ),
    "call_without_function": (
        {"messages": [USER, calling(without(FLAT, "type"))]},
        {"messages": [USER, calling(call())]},
    ),
    "call_without_type": (
        {"messages": [USER, calling(without(call(), "type"))]},
        {"messages": [USER, calling(call())]},
    ),
    "arguments_object": (
        {"messages": [USER, calling(call(arguments={"a": [1.5, "é"], "b": 12345678901234567890}))]},
        {
            "messages": [
                USER,
                calling(call(arguments='{"a": [1.5, "é"], "b": 12345678901234567890}')),
            ]
        },
    ),
    "tools_text": (
        {"messages": [USER, ANSWER], "tools": json.dumps([SUM])},
        {"messages": [USER, ANSWER], "tools": [SUM]},
    ),
}

#: Messages in which the kind stays: what nobody can guess.
LEFT = {"role": [2]}


def test_every_correction_is_made_here() -> None:
    """A new correction is one that a test has seen."""
    assert {name.partition(" ")[0] for name in FIXED} == set(FIXES)


@pytest.mark.parametrize("name", FIXED)
def test_a_correction_makes_the_one_right_record(name: str) -> None:
    """The finding is gone, the change is listed, and a second copy changes nothing."""
    before, after = FIXED[name]
    kind = name.partition(" ")[0]
    copy, changes, left = copied(to_jsonl([before]))
    assert json.loads(copy) == after
    assert {change.kind for change in changes} == {kind}
    assert all(change.line == 1 and str(change).startswith("<bytes>:1: ") for change in changes)
    assert [finding.message_index for finding in left if finding.kind == kind] == LEFT.get(name, [])
    assert copied(copy)[:2] == (copy, [])
    assert copied(to_jsonl([before]), (kind,))[:2] == (to_jsonl([before]), [])


#: What could be meant in two ways.
UNCLEAR = (
    chat(USER, said("x", "narrator")),
    chat(USER, {**OLD_CALL, "tool_calls": [call()]}),
    chat(USER, ANSWER, tools=[SUM], functions=[{"name": "f"}]),
    chat(USER, calling(call(arguments="a=1"))),
    chat(USER, calling(call(arguments=""))),
    chat(USER, calling({**FLAT, "type": "custom"})),
    chat(USER, calling({**FLAT, "more": 1})),
    chat(USER, calling(without(call(), "id"))),
    chat(USER, {**OLD_CALL, "function_call": '{"name": "f"}'}),
    chat(USER, OLD_CALL, {"role": "function", "name": "g", "content": "3"}, ANSWER),
    b'{"messages": [}\n',
    b'["human"]\n',
)


@pytest.mark.parametrize("line", UNCLEAR, ids=range(len(UNCLEAR)))
def test_what_could_be_meant_in_two_ways_is_left_alone(line: bytes) -> None:
    """Nothing is guessed."""
    assert copied(line)[:2] == (line, [])


def what(findings: Iterable[Finding]) -> Counter[tuple[int, int | None, str, str]]:
    """Count findings as they are said."""
    return Counter((each.line, each.message_index, each.kind, each.text) for each in findings)


@pytest.mark.parametrize("ignore", [(), ("call_without_function",), ("call_without_type", "role")])
def test_the_findings_that_are_marked_are_those_that_a_copy_does_not_have(
    ignore: tuple[str, ...],
) -> None:
    """One by one, whatever of their kind has one right answer, and whichever kinds are corrected."""
    records = [json.dumps(before).encode() + b"\n" for before, _ in FIXED.values()]
    lines = [
        line
        for line in (*records, *UNCLEAR, *(to_jsonl([odd]) for odd in ODD_RECORDS))
        if len(line) > 3
    ]
    source = b"".join(lines).replace(b"\n", b"\r\n", 1)
    findings = found(source, ignore=ignore)
    _, _, left = copied(source, ignore)
    of_records = [each for each in findings if each.kind in {*FIXES, "crlf"}]
    marked = what(each for each in of_records if each.fixable)
    assert what(of_records) - what(left) == marked
    assert marked
    assert not any(each.fixable for each in left)


def test_nothing_is_marked_that_cannot_be_copied() -> None:
    """Neither under other names nor in trees of messages a copy is made."""
    line = chat(USER, calling(without(call(), "type")), said("c", "bot"))
    assert any(each.fixable for each in found(line))
    assert not any(each.fixable for each in found(line, roles={"narrator": "user"}))


def test_untouched_lines_keep_their_bytes() -> None:
    """Blanks, escapes, the spelling of numbers, blank lines, and a last line without an end."""
    odd = (
        b'{ "messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}, '
        b'{"role":"assistant","content":"x","weight":1.00}]}'
    )
    bad = chat(USER, said("x", "bot"))
    source = b"\n  \n" + odd + b"\n\t\n" + bad + b"\n" + GOOD + odd
    copy, changes, _ = copied(source)
    assert copy == source.replace(b'"bot"', b'"assistant"')
    assert len(changes) == 1


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")])
def test_a_corrected_line_keeps_its_style(ascii_only: bool, separators: Any) -> None:  # noqa: FBT001 - a parameter
    """Blanks after separators, and escapes."""

    def line(role: str) -> bytes:
        record = {"messages": [said("né", role), ANSWER]}
        return json.dumps(record, ensure_ascii=ascii_only, separators=separators).encode()

    assert copied(line("human"))[0] == line("user")


def test_a_mark_and_line_ends_are_corrected() -> None:
    """Carriage returns within a record stay; a second copy changes nothing."""
    line = chat(USER, said("a\r\nb"))
    source = (
        b"\xef\xbb\xbf"
        + line.replace(b"\n", b"\r\n")
        + b" \r\n"
        + GOOD.replace(b"\n", b"\r\r\n")
        + GOOD_CALL[:-1]
    )
    copy, changes, left = copied(source)
    assert copy == line + b" \n" + GOOD + GOOD_CALL[:-1]
    assert [change.kind for change in changes] == ["bom", "crlf"]
    assert left == []
    assert copied(source, ("bom", "crlf"))[0] == source


@pytest.mark.parametrize(
    "rest",
    [
        '"n": 123456789012345678901234567890.5',
        '"n": 0.1000000000000000000001',
        '"n": [{"m": -1e-400}]',
        '"n": 1, "n": 2',
        f'"n": {"9" * 5000}',
    ],
    ids=range(5),
)
def test_a_record_that_python_would_change_otherwise_is_left_alone(rest: str) -> None:
    """Numbers that no float is, and keys that an object has twice, are neither rounded nor dropped."""
    line = chat(USER, said("x", "bot")).replace(b"{", f"{{{rest}, ".encode(), 1)
    assert copied(line)[:2] == (line, [])
    assert not any(each.fixable for each in found(line))


@pytest.mark.parametrize("number", ["1.00", "1E5", "-0.0", "0.1", "1e22", "12345678901234567890"])
def test_a_corrected_record_keeps_its_numbers(number: str) -> None:
    """Their values, not their spelling."""
    line = chat(USER, said("x", "bot")).replace(b"{", f'{{"n": {number}, '.encode(), 1)
    copy, changes, _ = copied(line)
    assert len(changes) == 1
    assert Decimal(repr(json.loads(copy)["n"])) == Decimal(number)


@given(st.lists(LINES, max_size=6))
def test_a_copy_is_settled_and_lets_nothing_be_lost(lines: list[bytes]) -> None:
    """No line more or less, a copy of the copy is the same, and what is left is what check says of it."""
    source = b"\n".join(lines)
    # What is one broken document, and not lines, cannot be copied.
    assume(all(finding.kind != "json_document" for finding in found(source)))
    copy, changes, left = copied(source)
    assert copy.count(b"\n") == source.count(b"\n")
    assert copied(copy)[:2] == (copy, [])
    assert left == found(copy)
    assert changes or copy == source
    assert {finding.kind for finding in left} <= {finding.kind for finding in found(source)}


def test_a_copy_trains_the_same(data: Path) -> None:
    """Where a record could be expanded before, its copy gives the same ids: corrections are of form alone."""
    expander = everyturn.Expander("demo", on_error="skip")
    changed = 0
    for path in [*sorted((data / "chats").glob("*tool*")), EXAMPLE_CHATS]:
        output = io.BytesIO()
        items = list(Checker(ignore=["functions"]).fix(path, output))
        changed += sum(isinstance(item, Change) for item in items)
        before, after = expander.expand(path), expander.expand(output.getvalue())
        assert before.input_ids.tolist() == after.input_ids.tolist()
        assert before.line.tolist() == after.line.tolist()
    assert changed > 0


BOT = {"messages": [USER, {"role": "bot", "content": "b"}]}
FIXED_BOT = {"messages": [USER, {"role": "assistant", "content": "b"}]}


@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_records_within_json_text_are_corrected_there(style: dict[str, Any]) -> None:
    """Messages that are JSON text, and lines that are, stay such, in their style."""

    def lines(record: Record) -> list[bytes]:
        text = json.dumps(record["messages"], **style)
        return [
            json.dumps({"messages": text, "id": "é"}).encode(),
            json.dumps(json.dumps(record, **style)).encode(),
            json.dumps(json.dumps({"messages": text})).encode(),
        ]

    copy, changes, _ = copied(b"\n".join(lines(BOT)))
    assert copy == b"\n".join(lines(FIXED_BOT))
    assert [change.kind for change in changes] == ["role"] * len(lines(BOT))
