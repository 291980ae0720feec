"""`everyturn check`: every rule finds what it is for and nothing else, and says where; copies are corrected exactly."""

import bz2
import dataclasses
import gzip
import io
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
import everyturn.checks.records
from chats import Record, to_jsonl
from everyturn import _core
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding
from everyturn.checks.fixes import fixed
from everyturn.checks.records import ROLES, SPEAKERS
from everyturn.checks.rules import FIXES, RULES
from everyturn.checks.rules.rule import Rule
from everyturn.cli import main
from everyturn.cli.findings import WRITERS
from everyturn.diagnostics.catalogue import KINDS, severity_of
from paths import EXAMPLE_CHATS

USER: Record = {"role": "user", "content": "Question?"}
ANSWER: Record = {"role": "assistant", "content": "Answer."}
SHAPE_ERRORS = {
    *("line_too_long", "json", "json_utf8", "json_surrogate", "json_number", "json_depth"),
    *("not_an_object", "unknown_format", "shape", "role", "tools", "weight", "template_kwargs"),
}
"""Kinds for which a record is refused before it is expanded."""


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

#: A line that triggers each kind, the message that is named, and a line much like it that does not trigger it.
CASES: dict[str, tuple[bytes, int | None, bytes]] = {
    "compression": (gzip.compress(GOOD)[:-9], None, gzip.compress(GOOD)),
    "json": (b'{"messages": [}\n', None, GOOD),
    "json_utf8": (b'{"messages": "\xff"}\n', None, GOOD),
    "json_surrogate": (b'{"messages": "\\ud800"}\n', None, chat(USER, said("\U0001f600"))),
    "json_number": (b'{"messages": NaN}\n', None, GOOD),
    "json_depth": (b"[" * 200 + b"]" * 200, None, GOOD),
    "not_an_object": (b'"messages"\n', None, GOOD),
    "unknown_format": (b'{"text": "x"}\n', None, GOOD),
    "shape": (chat(USER, {"role": "assistant"}), 1, GOOD),
    "role": (chat(USER, said("x", "bot")), 1, GOOD),
    "tools": (chat(USER, ANSWER, tools=5), None, GOOD_CALL),
    "weight": (chat(USER, said("x", weight="1")), 1, chat(USER, said("x", weight=1))),
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
    "mixed_formats": (GOOD + b'{"instruction": "a", "output": "b"}\n', None, GOOD + GOOD_CALL),
    "bom": (b"\xef\xbb\xbf" + GOOD, None, chat(said("\ufeff", "user"), ANSWER)),
    "crlf": (GOOD.replace(b"\n", b"\r\n"), None, chat(USER, said("a\r\nb"))),
}
#: Those that need a model, an option, or end the run.
ELSEWHERE = {
    *("line_too_long", "internal", "control_token", "unread_keys"),
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


def found(source: Any, **options: Any) -> list[Finding]:
    """Return all findings."""
    return list(everyturn.check(source, **options))


def kinds(source: Any, **options: Any) -> set[str]:
    """Return the kinds that are found."""
    return {finding.kind for finding in found(source, **options)}


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
    """Exact bytes count: a blank more is another record."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(b"\n" + GOOD)
    second.write_bytes(GOOD.replace(b": ", b":  ", 1) + GOOD)
    (finding,) = found([first, second])
    assert (finding.file, finding.line, finding.kind) == (str(second), 2, "duplicate")
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
    format_of_it = Checker().core.check_record(to_jsonl([record]), None)[1]
    assert format_of_it is not None
    messages = everyturn.checks.records.read(record, format_of_it).messages
    assert "".join((message.role or "-")[0] for message in messages) == roles
    samples = everyturn.Expander("demo", layout="per_turn").expand([record])
    expected = [m.position for m in messages if m.role == "assistant" and not m.is_context]
    assert samples.targets.tolist() == expected


@pytest.mark.parametrize("name", sorted({*SPEAKERS, "bot", "Human", "narrator", ""}))
def test_the_core_takes_the_names_that_rules_know(name: str) -> None:
    """Tables of names here and in the core are the same."""
    as_role = kinds(chat(USER, {"role": name, "content": "{}"}, ANSWER))
    entry = {"from": name, "value": '{"name": "f"}'}
    as_speaker = kinds(to_jsonl([{"conversations": [entry, {"from": "gpt", "value": "x"}]}]))
    assert ("role" not in as_role) == (name in ROLES)
    assert ("role" not in as_speaker) == (name in SPEAKERS)


def test_calls_answered_in_any_order_are_answered() -> None:
    """Several calls of a message have their results in the messages behind it."""
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


# --------------------------------------------------------------------------------------------
# Against the expansion
# --------------------------------------------------------------------------------------------

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 0.5, "", "x", "tool", [], {}, [{}], [1], "[1]", {"name": "f"}]
)
MESSAGES = st.dictionaries(
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
            "reasoning",
        ]
    ),
    st.one_of(ODD, st.sampled_from(["user", "assistant", "gpt", "human", "bot", "function_call"])),
    max_size=5,
)
SOUND = st.sampled_from(
    [USER, ANSWER, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
)
LISTS = st.one_of(ODD, st.lists(st.one_of(SOUND, SOUND, MESSAGES, ODD), max_size=4))
RECORDS = st.one_of(
    ODD,
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


def shape_faults(source: Any, **options: Any) -> list[tuple[int, int | None, str, str]]:
    """Return the first shape fault of each line, by `Expander`."""
    report = everyturn.Expander("demo", on_error="skip", **options).expand(source).report
    return [
        (fault.line, fault.message_index, fault.kind, fault.text)
        for fault in report.faults
        if fault.kind in SHAPE_ERRORS
    ]


@given(
    st.lists(LINES, max_size=6),
    st.sampled_from(["auto", "messages", "sharegpt", "alpaca", "prompt_completion"]),
)
def test_check_has_an_error_exactly_where_expand_drops_a_record_for_its_shape(
    lines: list[bytes], input_format: Any
) -> None:
    """The same lines, and among the errors of a line the very one that expand names."""
    source = b"\n".join(lines)
    options: dict[str, Any] = {"input_format": input_format, "max_line_bytes": 350}
    expected = shape_faults(source, **options)
    findings = found(source, **options)
    assert {f.line for f in findings if f.kind in SHAPE_ERRORS} == {line for line, *_ in expected}
    named = {(f.line, f.message_index, f.kind) for f in findings}
    assert {fault[:3] for fault in expected} <= named
    texts = {(f.line, f.text) for f in findings}
    for line, _, _, text in expected:
        assert any(text.endswith(said) for number, said in texts if number == line)


@given(st.lists(LINES, max_size=6))
def test_with_a_model_the_faults_are_those_of_the_expansion(lines: list[bytes]) -> None:
    """Every fault that on_error="skip" names is a finding at its place; what more there is has a shape."""
    source = b"\n".join(lines)
    report = everyturn.Expander("demo", on_error="skip").expand(source).report
    errors = {
        (f.line, f.message_index, f.kind)
        for f in found(source, renderer="demo")
        if f.kind in _core.ERROR_KINDS
    }
    named = {(fault.line, fault.message_index, fault.kind) for fault in report.faults}
    assert named <= errors
    assert {kind for *_, kind in errors - named} <= SHAPE_ERRORS


TOLD = (
    chat(USER, {**ANSWER, "reasoning_content": "Because."}),
    chat(USER, said("a<|im_end|>b")),
    chat(USER, said("")),
    chat({**USER, "weight": 1}, ANSWER),
    chat({"role": "user", "content": [{"type": "text", "text": "a"}]}, ANSWER),
    chat(USER, calling(call()), result(), ANSWER),
    chat(USER, calling(call(arguments={"a": 1})), result(), ANSWER),
    chat(USER, without(calling(call()), "content"), result(), ANSWER),
    chat(USER, {**ANSWER, "weight": 0}),
    chat(ANSWER),
    chat(USER, ANSWER, USER, ANSWER),
)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("demo", {}),
        ("chatml", {}),
        ("drops_reasoning", {}),
        ("parts", {}),
        ("string_arguments", {}),
        ("strict_alternation", {}),
        ("prefills_thinking", {"prompt_mismatch": "splice"}),
        ("prefills_thinking", {"prompt_mismatch": "common_prefix"}),
        ("prefills_thinking", {"prompt_mismatch": "error"}),
        ("demo", {"max_length": 12}),
        ("demo", {"control_tokens": "reject"}),
        ("demo", {"train_on": "all_tokens"}),
        ("demo", {"layout": "conversation"}),
    ],
)
def test_what_an_expansion_counts_is_found_at_its_line(
    models: dict[str, Path], model: str, options: dict[str, Any]
) -> None:
    """Line by line: warnings, control tokens, unread keys, dropped records and faults of the report."""
    renderer = everyturn.Renderer.from_dir(models.get(model, model))
    for line in TOLD:
        report = everyturn.Expander(renderer, on_error="skip", **options).expand(line).report
        named = kinds(line, renderer=renderer, **options)
        expected = {*report.warnings, *(fault.kind for fault in report.faults)}
        expected |= {"unread_keys"} if report.unread_keys else set()
        expected |= {"no_target"} & set(report.records_dropped)
        # What is no matter of one record.
        expected -= {"stop_not_in_generation_config"}
        assert expected <= named
        about_expansion = {*_core.WARNINGS, *_core.ERROR_KINDS, "no_target", "unread_keys"}
        # Rules name what looks like a token of any model, and answers that are empty before the template.
        assert named & about_expansion - {"control_tokens", "empty_targets"} <= expected


def test_all_shared_chats_are_checked_as_they_are_expanded(data: Path) -> None:
    """No internal error, and errors of shape at the places that expand names."""
    for path in sorted((data / "chats").glob("*.jsonl*")):
        findings = found(path)
        assert "internal" not in {finding.kind for finding in findings}
        places = {(f.line, f.message_index, f.kind) for f in findings if f.kind in SHAPE_ERRORS}
        assert {fault[:3] for fault in shape_faults(path)} <= places
        assert {line for line, *_ in places} == {line for line, *_ in shape_faults(path)}


# --------------------------------------------------------------------------------------------
# Sources and options
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_compressed_input_is_read_as_expand_reads_it(pack: Callable[[bytes], bytes]) -> None:
    """Plain, gzip and bzip2, as bytes and as files."""
    line = chat(USER, said("x", "bot"))
    assert kinds(pack(line)) == kinds(io.BytesIO(pack(line))) == {"role"}


def test_broken_compression_is_a_finding_behind_those_of_the_lines_before(tmp_path: Path) -> None:
    """The next input is read all the same."""
    cut = tmp_path / "a.jsonl.gz"
    cut.write_bytes(gzip.compress(chat(USER, ANSWER, USER))[:-9])
    whole = tmp_path / "b.jsonl"
    whole.write_bytes(chat(USER, said("x", "bot")))
    assert [(f.file, f.kind) for f in found([cut, whole]) if f.severity == "error"] == [
        (str(cut), "compression"),
        (str(whole), "role"),
    ]


class Endless(io.RawIOBase):
    """Lines without end."""

    def __init__(self) -> None:
        self.count = itertools.count()

    def read(self, size: int = -1, /) -> bytes:
        """Return as many as are asked for, none of them twice."""
        lines: list[bytes] = []
        while sum(map(len, lines)) < size:
            lines.append(chat(USER, said(f"x {next(self.count)}", "bot")))
        return b"".join(lines)


def test_findings_come_while_the_input_is_read() -> None:
    """An input without end gives its first findings."""
    first = list(itertools.islice(everyturn.check(Endless()), 3))
    assert [finding.line for finding in first] == [1, 2, 3]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_limit_takes_the_first_records_of_all_inputs(tmp_path: Path, limit: int) -> None:
    """Each record here has one finding."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_bytes(
            chat(USER, said(path.name, "bot")) + chat(USER, said(path.name * 2, "bot"))
        )
    assert len(found(paths, limit=limit)) == limit


def test_ignored_kinds_are_left_out() -> None:
    """The others stay."""
    bad = chat(USER, USER, ANSWER)
    assert kinds(bad) == {"consecutive_users", "identical_messages"}
    assert kinds(bad, ignore=["consecutive_users"]) == {"identical_messages"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ignore": ["consecutive_user"]}, "consecutive_users"),
        ({"max_length": 5}, "max_length needs a model"),
        ({"max_lenght": 5}, "max_lenght is not an option; did you mean max_length"),
        ({"ignor": "bom"}, "did you mean ignore"),
        ({"on_error": "raise"}, "on_error: a check never ends at a fault"),
        ({"renderer": "demo", "on_error": "raise"}, "on_error: a check never ends at a fault"),
        ({"renderer": "demo", "max_lenght": 5}, "did you mean max_length"),
        ({"input_format": "xml"}, "xml"),
        ({"limit": -1}, "limit"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(options: Any, text: str) -> None:
    """The text says what is wrong, and names what is meant."""
    with pytest.raises(everyturn.OptionsError, match=text):
        everyturn.check(b"", **options)


@given(st.lists(LINES, max_size=6), st.integers(1, 60))
def test_findings_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes], size: int) -> None:
    """Any pieces of the input give the same."""
    source = b"\n".join(lines)

    class Dribble(io.RawIOBase):
        def __init__(self) -> None:
            self.rest = io.BytesIO(source)

        def read(self, _size: int = -1, /) -> bytes:
            return self.rest.read(size)

    whole = [dataclasses.replace(f, file="") for f in found(source) if f.kind != "duplicate"]
    assert [
        dataclasses.replace(f, file="") for f in found(Dribble()) if f.kind != "duplicate"
    ] == whole


# --------------------------------------------------------------------------------------------
# Corrected copies
# --------------------------------------------------------------------------------------------


def copied(
    source: bytes, ignore: tuple[str, ...] = ()
) -> tuple[bytes, list[Change], list[Finding]]:
    """Return the corrected copy, what was changed, and what is left."""
    output = io.BytesIO()
    items = list(Checker(ignore=ignore).fix(source, output))
    changes = [item for item in items if isinstance(item, Change)]
    return output.getvalue(), changes, [item for item in items if isinstance(item, Finding)]


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
    b'{"messages": [}\n',
    b'["human"]\n',
)


@pytest.mark.parametrize("line", UNCLEAR, ids=range(len(UNCLEAR)))
def test_what_could_be_meant_in_two_ways_is_left_alone(line: bytes) -> None:
    """Nothing is guessed."""
    assert copied(line)[:2] == (line, [])


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
    """Blanks behind separators, and escapes."""

    def line(role: str) -> bytes:
        record = {"messages": [said("né", role), ANSWER]}
        return json.dumps(record, ensure_ascii=ascii_only, separators=separators).encode()

    assert fixed(line("human"), "messages")[0] == line("user")


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


@given(st.lists(LINES, max_size=6))
def test_a_copy_is_settled_and_lets_nothing_be_lost(lines: list[bytes]) -> None:
    """No line more or less, a copy of the copy is the same, and what is left is what check says of it."""
    source = b"\n".join(lines)
    copy, changes, left = copied(source)
    assert copy.count(b"\n") == source.count(b"\n")
    assert copied(copy)[:2] == (copy, [])
    assert left == found(copy)
    assert changes or copy == source


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


# --------------------------------------------------------------------------------------------
# The command line
# --------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command has done."""

    code: int
    out: str
    err: str


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `everyturn check`."""

    def check(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code: Any = main(["check", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        return Done(code, *capsys.readouterr())

    return check


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A file with an error, a warning and a note."""
    path = tmp_path / "some chats, 100%.jsonl"
    path.write_bytes(chat(USER, said("x", "bot")) + chat(USER, USER, calling(call(arguments={}))))
    return path


def test_findings_are_lines_and_the_summary_is_on_stderr(
    check: Callable[..., Done], bad: Path
) -> None:
    """What the Python function gives, in its words; the gravest kinds first."""
    done = check(bad)
    assert done.out.splitlines() == [str(finding) for finding in found(bad)]
    assert done.err.splitlines() == [
        "error: role: 1",
        "warning: consecutive_users: 1",
        "warning: identical_messages: 1",
        "note: arguments_object: 1",
    ]
    assert done.code == 1


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 1),
        (["--ignore", "role"], 0),
        (["--ignore", "role", "--strict"], 1),
        (["--ignore", "role,consecutive_users,identical_messages", "--strict"], 0),
        (["--ignore", "rolle"], 2),
        (["--json", "--format", "text"], 2),
        (["--max-length", "5"], 2),
        (["--now", "2026-01-01"], 2),
        (["--fix"], 2),
        (["-o", "x.jsonl"], 2),
        (["--fix", "-o", "-"], 2),
        (["--fix", "-o", "x.jsonl", "--limit", "1"], 2),
        (["--fix", "-o", "x.jsonl.gz"], 2),
    ],
)
def test_the_exit_code_says_whether_there_are_errors(
    check: Callable[..., Done], bad: Path, flags: list[str], code: int
) -> None:
    """0 without errors, 1 with some, 2 for wrong use."""
    assert check(bad, *flags).code == code


def test_a_missing_file_is_wrong_use(check: Callable[..., Done], tmp_path: Path) -> None:
    """As with every command."""
    assert check(tmp_path / "none.jsonl").code == 2


def test_model_flags_reach_the_expansion(check: Callable[..., Done], bad: Path) -> None:
    """What only an expansion knows is found."""
    done = check(bad, "--model", "demo", "--max-length", 3)
    assert ": error: too_long: " in done.out


def test_json_is_one_object_with_everything(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Findings, changes and counts; an empty input is an object, too."""
    for flags in (["--json"], ["--format", "json"]):
        whole = json.loads(check(bad, *flags).out)
        assert whole["findings"] == [dataclasses.asdict(finding) for finding in found(bad)]
        assert whole["counts"]["role"] == 1
        assert whole["changes"] == []
    whole = json.loads(check(bad, "--json", "--fix", "-o", tmp_path / "fixed.jsonl").out)
    assert [change["kind"] for change in whole["changes"]] == ["role", "arguments_object"]
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    assert json.loads(check(empty, "--json").out) == {"findings": [], "changes": [], "counts": {}}


def test_sarif_has_what_its_schema_requires(check: Callable[..., Done], bad: Path) -> None:
    """Version, driver, rules, and results that name a rule by its place, a level, a text and a location."""
    log = json.loads(check(bad, "--format", "sarif").out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "everyturn"
    names = [rule["id"] for rule in driver["rules"]]
    assert len(set(names)) == len(names)
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] == severity_of(rule["id"])
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for shown, finding in zip(run["results"], found(bad), strict=True):
        assert names[shown["ruleIndex"]] == shown["ruleId"] == finding.kind
        assert shown["level"] == finding.severity
        assert shown["message"]["text"] == finding.text
        (place,) = shown["locations"]
        assert place["physicalLocation"]["region"]["startLine"] == finding.line
        assert place["physicalLocation"]["artifactLocation"]["uri"] == bad.as_uri()


def test_commands_for_github_are_escaped(check: Callable[..., Done], bad: Path) -> None:
    """Percent signs everywhere, commas and colons in properties; a command is a line."""
    lines = check(bad, "--format", "github").out.splitlines()
    assert len(lines) == len(found(bad))
    name = str(bad).replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    assert lines[0].startswith(f"::error file={name},line=1,title=role::message 1: ")
    assert lines[-1].startswith(f"::notice file={name},line=2,title=arguments_object::message 2: ")
    out = io.StringIO()
    writer = WRITERS["github"](out)
    writer.write(Finding("a\nb", 1, None, "role", "error", "100 %\r\nof it"))
    assert out.getvalue() == "::error file=a%0Ab,line=1,title=role::100 %25%0D%0Aof it\n"


def test_texts_with_odd_names_stay_one_line(check: Callable[..., Done], tmp_path: Path) -> None:
    """What comes from the data is quoted and escaped."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        chat({**USER, "a\nb": 1}, said("x", "bo\nt"))
        + chat(USER, calling(call("x\u2028y", "\n{")), tools=[SUM])
    )
    done = check(path)
    assert len(done.out.splitlines()) == len(found(path))


def test_a_corrected_copy_appears_beside_an_input_that_stays(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Changes are listed, and the findings are those of the copy."""
    before = bad.read_bytes()
    copy = tmp_path / "fixed.jsonl"
    done = check(bad, "--fix", "-o", copy)
    assert bad.read_bytes() == before
    assert copy.read_bytes() == copied(before)[0]
    assert done.code == 0
    assert 'message 1: fixed: role: the role "bot" became "assistant"' in done.out
    assert done.err.startswith("fixed 2\n")
    assert {finding.kind for finding in found(copy)} == {"consecutive_users", "identical_messages"}


def test_an_input_is_never_overwritten(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Under whatever name."""
    before = bad.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(bad)
    for name in (bad, link):
        done = check(bad, "--fix", "-o", name)
        assert done.code == 2
        assert "never overwritten" in done.err
    assert bad.read_bytes() == before
    assert check(bad, bad, "--fix", "-o", tmp_path / "x.jsonl").code == 2
    assert not (tmp_path / "x.jsonl").exists()


def test_a_copy_that_cannot_be_whole_does_not_appear(
    check: Callable[..., Done], tmp_path: Path
) -> None:
    """A line over the limit, and broken compression."""
    long = tmp_path / "long.jsonl"
    long.write_bytes(chat(USER, said("x" * 500)) + GOOD)
    assert check(long, "--fix", "-o", tmp_path / "x.jsonl", "--max-line-bytes", 300).code == 2
    assert kinds(long, max_line_bytes=300) == {"line_too_long"}
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(GOOD)[:-9])
    assert check(cut, "--fix", "-o", tmp_path / "x.jsonl").code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.gz", "long.jsonl"]


def test_stdin_is_an_input() -> None:
    """Under the name of a dash."""
    command = [sys.executable, "-m", "everyturn", "check", "-"]
    done = subprocess.run(
        command, input=chat(USER, said("x", "bot")), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"-:1: message 1: error: role: ")


def test_rules_see_every_format_of_the_core() -> None:
    """Each has a reader of its messages and the keys of its records."""
    formats = {name for name in _core.CHOICES["input_format"] if name != "auto"}
    assert set(everyturn.checks.records.READERS) == formats
    assert set(everyturn.checks.records.RECORD_KEYS) == formats


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_it_declares(rule: Rule) -> None:
    """Kinds of its own or of an expansion, and no others, in every chat of this file."""
    declared = {*(kind.name for kind in rule.kinds), *rule.shared}
    assert declared <= KINDS.keys()
    assert rule.fixes.keys() <= declared
    if rule.find is None:
        return
    found = {remark.kind for record in _records() for remark in rule.find(record)}
    assert found == declared


def _records() -> Iterator[everyturn.checks.records.Record]:
    for bad, _, good in CASES.values():
        for line in (bad + good).splitlines():
            try:
                data = json.loads(line)
            except ValueError:
                continue
            forms = map(_core.format_told_by, data) if isinstance(data, dict) else ()
            if (form := next(filter(None, forms), None)) is not None:
                record = everyturn.checks.records.read(data, form)
                if record.messages:
                    yield record
