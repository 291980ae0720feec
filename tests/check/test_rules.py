"""Rules: each finds what it is for and nothing else, and says where."""

import dataclasses
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import everyturn
from chats import Record, to_jsonl
from checked_chats import (
    ANSWER,
    FLAT,
    GOOD,
    GOOD_CALL,
    ODD_RECORDS,
    OLD_CALL,
    SUM,
    USER,
    call,
    calling,
    chat,
    copied,
    found,
    kinds,
    result,
    said,
    without,
)
from everyturn import _core
from everyturn.catalogue import KINDS
from everyturn.checks import records
from everyturn.checks.checker import Checker
from everyturn.checks.fixes import with_made_ids
from everyturn.checks.rules import RULES
from everyturn.checks.rules.rule import Rule
from paths import EXAMPLE_CHATS

#: A line that triggers each kind, the message that is named, and a line much like it that does not trigger it.
CASES: dict[str, tuple[bytes, int | None, bytes]] = {
    "compression": (gzip.compress(GOOD)[:-9], None, gzip.compress(GOOD)),
    "json": (b'{"messages": [}\n', None, GOOD),
    "json_utf8": (b'{"messages": "\xff"}\n', None, GOOD),
    "json_surrogate": (b'{"messages": "\\ud800"}\n', None, chat(USER, said("\U0001f600"))),
    "json_number": (b'{"messages": NaN}\n', None, GOOD),
    "json_depth": (b"[" * 200 + b"]" * 200, None, GOOD),
    "json_document": (b"[" + GOOD.strip() + b",", None, b"[" + GOOD.strip() + b"]"),
    "not_an_object": (b'"messages"\n', None, GOOD),
    "unknown_format": (b'{"text": "x"}\n', None, GOOD),
    "shape": (chat(USER, {"role": "assistant"}), 1, GOOD),
    "role": (chat(USER, said("x", "bot")), 1, GOOD),
    "tools": (chat(USER, ANSWER, tools=5), None, GOOD_CALL),
    "weight": (chat(USER, said("x", weight="x")), 1, chat(USER, said("x", weight=1))),
    "undesired": (chat(USER, ANSWER, label=False), None, chat(USER, ANSWER, label=True)),
    "media": (chat(USER, ANSWER, images=["a.png"]), None, GOOD),
    "unread_record_keys": (chat(USER, ANSWER, id=1), None, GOOD),
    "template_kwargs": (
        chat(USER, ANSWER, chat_template_kwargs=1),
        None,
        chat(USER, ANSWER, chat_template_kwargs={"a": 1}),
    ),
    "no_target": (chat(USER, {**ANSWER, "weight": 0}), None, chat(USER, {**ANSWER, "weight": 1})),
    "ends_without_assistant": (chat(USER, ANSWER, USER), 2, GOOD),
    "starts_with_assistant": (chat(said("S", "system"), ANSWER, USER, ANSWER), 1, GOOD),
    "consecutive_assistants": (chat(USER, ANSWER, said("More.")), 2, GOOD_CALL),
    "consecutive_users": (chat(USER, said("More?", "user"), ANSWER), 1, GOOD),
    "system_not_first": (
        chat(USER, said("S", "system"), ANSWER),
        1,
        chat(said("S", "system"), said("D", "developer"), USER, ANSWER),
    ),
    "empty_content": (
        chat(said(" \n", "user"), ANSWER),
        0,
        chat(USER, calling(call()), result(content=""), ANSWER),
    ),
    "empty_targets": (chat(USER, said("")), 1, chat(USER, calling(call()))),
    "content_missing": (chat(USER, without(calling(call()), "content")), 1, GOOD_CALL),
    "unknown_key": (chat({**USER, "thought": "x"}, ANSWER), 0, chat({**USER, "name": "x"}, ANSWER)),
    "weight_not_binary": (chat(USER, said("x", weight=0.5)), 1, chat(USER, said("x", weight=1.0))),
    "weight_ignored": (chat({**USER, "weight": 1}, ANSWER), 0, chat({**USER, "weight": 0}, ANSWER)),
    "call_without_id": (chat(USER, calling(without(call(), "id"))), 1, GOOD_CALL),
    "call_id_repeated": (
        chat(USER, calling(call(), call())),
        1,
        chat(
            USER, calling(call(), call(id="b")), result(), result(tool_call_id="b"), calling(call())
        ),
    ),
    "call_without_type": (chat(USER, calling(without(call(), "type"))), 1, GOOD_CALL),
    "call_without_function": (chat(USER, calling(FLAT)), 1, GOOD_CALL),
    "call_without_name": (chat(USER, calling(call(name=""))), 1, GOOD_CALL),
    "arguments_not_json": (chat(USER, calling(call(arguments="a=1"))), 1, GOOD_CALL),
    "arguments_object": (chat(USER, calling(call(arguments={"a": 1}))), 1, GOOD_CALL),
    "function_call": (
        chat(USER, OLD_CALL),
        1,
        chat(USER, {**calling(call()), "function_call": None}),
    ),
    "functions": (chat(USER, ANSWER, functions=[{"name": "f"}]), None, GOOD_CALL),
    "tools_text": (chat(USER, ANSWER, tools="[]"), None, GOOD_CALL),
    "tool_definition": (chat(USER, ANSWER, tools=[{"name": "sum"}]), None, GOOD_CALL),
    "tool_not_defined": (chat(USER, calling(call("add")), tools=[SUM]), 1, GOOD_CALL),
    "tool_without_call": (chat(USER, result(), ANSWER), 1, GOOD_CALL),
    "tool_call_id_missing": (
        chat(USER, calling(call()), without(result(), "tool_call_id"), ANSWER),
        2,
        GOOD_CALL,
    ),
    "tool_call_id_unknown": (
        chat(USER, calling(call()), result(tool_call_id="b"), ANSWER),
        2,
        GOOD_CALL,
    ),
    "null_arguments": (
        chat(USER, calling(call(arguments={"a": None}))),
        1,
        chat(USER, calling(call(arguments={"a": 0}))),
    ),
    "call_without_result": (
        chat(USER, calling(call()), USER, ANSWER),
        1,
        chat(USER, calling(call())),
    ),
    "control_tokens": (
        chat(said("a<|im_end|>b", "user"), ANSWER),
        0,
        chat(said("a <|b <c|>", "user"), ANSWER),
    ),
    "leaked_end_token": (chat(USER, said("x</s>\n")), 1, chat(USER, said("</s> is a tag"))),
    "identical_messages": (chat(USER, USER, ANSWER), 1, chat(USER, ANSWER, USER, ANSWER)),
    "echoed_user": (chat(USER, said("Question?")), 1, GOOD),
    "duplicate": (GOOD * 2, None, GOOD + GOOD_CALL),
    "repeated_keys": (GOOD.replace(b'{"role"', b'{"role": "tool", "role"', 1), None, GOOD),
    "mixed_formats": (GOOD + b'{"instruction": "a", "output": "b"}\n', None, GOOD + GOOD_CALL),
    "bom": (b"\xef\xbb\xbf" + GOOD, None, chat(said("\ufeff", "user"), ANSWER)),
    "crlf": (GOOD.replace(b"\n", b"\r\n"), None, chat(USER, said("a\r\nb"))),
}
#: Those that need a model, an option, or end the run.
ELSEWHERE = {
    *("line_too_long", "internal", "control_token", "unread_keys", "refused_by_server"),
    *("unread_arguments", "call_ids_refused"),
    *(
        "empty_prompt",
        "template",
        "prompt_mismatch",
        "no_stop_token",
        "not_located",
        "too_long",
        "encode",
    ),
    *(set(_core.WARNINGS) - set(CASES)),
}


# --------------------------------------------------------------------------------------------
# Rules
# --------------------------------------------------------------------------------------------


def test_every_kind_that_is_reported_is_triggered_here() -> None:
    """A new kind is one that a test has seen."""
    reported = {name for name, kind in KINDS.items() if kind.severity is not None}
    assert reported == {*CASES, *ELSEWHERE} - {"stop_not_in_generation_config"}
    assert not {*CASES} & ELSEWHERE


@pytest.mark.parametrize("kind", CASES)
def test_a_kind_is_found_where_it_is_and_nowhere_else(kind: str) -> None:
    """Once in the bad line, at its message, and not in the good one."""
    bad, message, good = CASES[kind]
    places = [finding.message_index for finding in found(bad) if finding.kind == kind]
    assert places == [message]
    assert kind not in kinds(good)


def test_good_chats_have_no_findings() -> None:
    """Nothing is wrong with them, so nothing is said."""
    assert found(GOOD + GOOD_CALL) == []
    assert {finding.severity for finding in found(EXAMPLE_CHATS)} <= {"note"}


def test_several_faults_of_a_record_are_all_named() -> None:
    """Messages, tools and template arguments are independent of each other."""
    line = chat(said("x", "bot"), 5, ANSWER, said("y", weight=-1), tools=1, chat_template_kwargs=2)
    errors = [(f.kind, f.message_index) for f in found(line) if f.severity == "error"]
    assert errors == [
        ("tools", None),
        ("template_kwargs", None),
        ("role", 0),
        ("shape", 1),
        ("weight", 3),
    ]


def test_a_finding_names_file_line_and_message(tmp_path: Path) -> None:
    """Lines count from 1 with blank ones, messages from 0, and the text says it once."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(GOOD + b"\n \n" + chat(USER, said("x", "bot")))
    (finding,) = found(path)
    assert dataclasses.astuple(finding)[:5] == (str(path), 4, 1, "role", "error")
    assert str(finding) == f"{path}:4: message 1: error: role: {finding.text}"
    assert str(path) not in finding.text


def test_a_copy_names_the_first_place_over_all_inputs(tmp_path: Path) -> None:
    """What is rendered counts: blanks between keys do not, a blank in a text does."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(b"\n" + GOOD)
    second.write_bytes(GOOD.replace(b": ", b":  ", 1) + GOOD.replace(b"Answer.", b"Answer. "))
    (finding,) = found([first, second])
    assert (finding.file, finding.line, finding.kind) == (str(second), 1, "duplicate")
    assert finding.text.endswith(f"{first}:2")


def test_what_is_said_once_a_file_is_said_once() -> None:
    """A key that every message has is one finding, and so are line ends."""
    lines = b"".join(chat({**USER, "thought": str(i)}, {**ANSWER, "mood": 1}) for i in range(5))
    assert [f.kind for f in found(lines.replace(b"\n", b"\r\n"))] == [
        "crlf",
        "unknown_key",
        "unknown_key",
    ]


def test_a_record_has_the_hash_that_its_samples_have() -> None:
    """Byte for byte."""
    line = chat(USER, ANSWER).strip()
    samples = everyturn.Expander("demo").expand(line)
    hashed = Checker().core.check_record(line, None)[2]
    assert hashed == samples.conversation_hashes[0].tobytes()
    assert hashed.hex() == samples.conversation_id[0]


@pytest.mark.parametrize(
    ("record", "roles"),
    [
        (
            {
                "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
                "system": "s",
            },
            "sua",
        ),
        ({"instruction": "a", "output": "b", "history": [["c", "d"]], "system": "s"}, "suaua"),
        ({"prompt": "a", "completion": "b"}, "ua"),
        ({"prompt": [USER], "completion": [ANSWER, USER, ANSWER]}, "uaua"),
        (
            {
                "conversations": [
                    USER,
                    {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
                ]
            },
            "ua",
        ),
    ],
)
def test_messages_are_numbered_as_the_core_numbers_them(record: Record, roles: str) -> None:
    """A mark on each assistant message comes back as the targets of the expansion."""
    messages = looked_at(to_jsonl([record])).messages
    assert "".join((message.role or "-")[0] for message in messages) == roles
    samples = everyturn.Expander("demo", layout="per_turn").expand([record])
    expected = [m.position for m in messages if m.role == "assistant" and not m.is_context]
    assert samples.targets.tolist() == expected


def test_calls_answered_in_any_order_are_answered() -> None:
    """Several calls of a message have their results in the messages after it."""
    calls = [call(id="a"), call(id="b")]
    ordered = [result(tool_call_id="b"), result(tool_call_id="a")]
    assert found(chat(USER, calling(*calls), *ordered, ANSWER)) == []
    assert kinds(chat(USER, calling(*calls), ordered[0], ANSWER)) == {"call_without_result"}
    assert kinds(chat(USER, calling(*calls), *ordered, ordered[0], ANSWER)) == {
        "tool_call_id_unknown"
    }


def test_records_of_a_wrong_format_are_looked_at_by_their_own() -> None:
    """The core refuses it as a shape, and rules still see its messages."""
    alpaca = to_jsonl([{"instruction": "a", "output": ""}])
    errors = [f.kind for f in found(GOOD + alpaca) if f.line == 2]
    assert errors == ["shape", "mixed_formats", "empty_targets"]
    assert kinds(GOOD + alpaca, input_format="messages") == {"shape", "empty_targets"}


#: A record of each format that is fine but for an empty answer, and the message that this is.
EMPTY_ANSWERS: dict[str, tuple[Record, int]] = {
    "messages": ({"messages": [USER, said("")]}, 1),
    "sharegpt": (
        {
            "system": "s",
            "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": ""}],
        },
        2,
    ),
    "alpaca": ({"instruction": "a", "history": [["b", "c"]], "output": ""}, 3),
    "prompt_completion": ({"prompt": [USER], "completion": [said("")]}, 1),
    "query_response": ({"query": "a", "response": ""}, 1),
    "exchanges": ({"conversation": [{"human": "a", "assistant": ""}]}, 1),
    "responses": ({"input": "a", "output": [{"type": "message", **said("")}]}, 1),
}


@pytest.mark.parametrize("name", [name for name in _core.CHOICES["input_format"] if name != "auto"])
def test_rules_see_every_format_of_the_core(name: str) -> None:
    """The messages, the keys, and, where something of the record is refused, the messages still."""
    record, position = EMPTY_ANSWERS[name]
    assert [(f.kind, f.message_index) for f in found(to_jsonl([record]))] == [
        ("empty_targets", position)
    ]
    refused = {**record, "tools": 5, "extra": 1}
    assert [(f.kind, f.message_index) for f in found(to_jsonl([refused]))] == [
        ("tools", None),
        ("unread_record_keys", None),
        ("empty_targets", position),
    ]


@pytest.mark.parametrize("name", sorted(_core.ROLE_NAMES))
def test_the_core_takes_the_names_that_it_hands_to_rules(name: str) -> None:
    """And a role that is written anew gets one of them."""
    record, _ = EMPTY_ANSWERS[name]
    for message in looked_at(to_jsonl([record])).messages:
        if message.place is None:
            continue
        names = _core.ROLE_NAMES[name]
        key, index, role_key = message.place
        for role in {*names, "bot", "Human", "narrator", ""}:
            again = json.loads(json.dumps(record))
            again[key][index][role_key] = role
            seen = looked_at(to_jsonl([again])).messages[message.position]
            assert (seen.role, seen.place) == (names.get(role), message.place)
        for role in names.values():
            assert names[_core.name_of_role(name, role_key, role)] == role


def test_the_input_of_an_instruction_is_looked_at() -> None:
    """It is part of what the user says, as samples have it."""
    record = {"instruction": "a", "input": "<|im_end|>", "output": "b"}
    assert kinds(to_jsonl([record])) == {"control_tokens"}
    assert kinds(to_jsonl([{**record, "instruction": "", "input": "c"}])) == set()


def test_no_value_is_too_odd_for_the_rules() -> None:
    """Values of every type of JSON in every place: each is a finding or is fine, and a copy can be made."""
    lines = to_jsonl(ODD_RECORDS)
    assert {finding.severity for finding in found(lines)} == {"error", "warning", "note"}
    copy, _, _ = copied(lines)
    assert copy.count(b"\n") == len(ODD_RECORDS)
    core = Checker().core
    for line in lines.splitlines():
        if (outline := core.check_record(line, None)[5]) is not None:
            with_made_ids(line, records.read(outline))


@pytest.mark.parametrize("given", [[1], {"a": None}, True, 5])
def test_an_id_that_is_no_text_is_of_no_call(given: object) -> None:
    """Whatever the ids of the calls are."""
    line = chat(USER, calling(call(id="5")), result(tool_call_id=given), ANSWER)
    texts = [f.text for f in found(line) if f.kind == "tool_call_id_unknown"]
    assert texts == ['"tool_call_id" is not text, and is of no call before it']


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_it_declares(rule: Rule) -> None:
    """Its own kinds or those of an expansion, and no others, in every chat of this file."""
    declared = {*(kind.name for kind in rule.kinds), *rule.shared}
    assert declared <= KINDS.keys()
    assert rule.fixes.keys() <= declared
    if rule.find is None:
        return
    found = {remark.kind for record in _records() for remark in rule.find(record)}
    assert found == declared


def looked_at(line: bytes, form: str | None = None) -> records.Record:
    """Return a record as rules see it."""
    outline = Checker().core.check_record(line, form)[5]
    assert outline is not None
    return records.read(outline)


def _records() -> Iterator[records.Record]:
    core = Checker().core
    for bad, _, good in CASES.values():
        for line in (bad + good).splitlines():
            outline = core.check_record(line, None)[5]
            if outline is not None and (record := records.read(outline)).messages:
                yield record
