"""Records that are refused: each with its location and kind, and files that hold no chats."""

import math
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import Record, Route, answer, chat_of, to_jsonl, user
from record_formats import FORMATS
from reference import (
    RecordError,
    conversations_of,
    detect_format,
    normalise,
    read_lines,
)


@pytest.fixture(scope="module")
def expander(models: dict[str, Path]) -> everyturn.Expander:
    """What turns sources into rows here."""
    return everyturn.Expander(models["chatml"], layout="per_turn")


# --------------------------------------------------------------------------------------------
# Faults
# --------------------------------------------------------------------------------------------


def messages_with(second: Any) -> Record:
    """Return a record whose second message is the given one."""
    return {"messages": [user("Hi"), second, answer("Bye")]}


#: A record that is none, the message that is at fault (if one is), and a word of the reason.
FAULTS: dict[str, tuple[Any, int | None, str]] = {
    "role unknown": (messages_with({"role": "bot", "content": "x"}), 1, '"bot"'),
    "role missing": (messages_with({"content": "x"}), 1, "role"),
    "role no text": (messages_with({"role": 3, "content": "x"}), 1, "role"),
    "content missing": (messages_with({"role": "user"}), 1, "content"),
    "content null": (messages_with({"role": "assistant", "content": None}), 1, "content"),
    "content a number": (messages_with({"role": "user", "content": 3}), 1, "content"),
    "content an object": (messages_with({"role": "user", "content": {}}), 1, "content"),
    "message no object": (messages_with("Hello"), 1, "object"),
    "message null": (messages_with(None), 1, "object"),
    "messages no list": ({"messages": {"role": "user"}}, None, "messages"),
    "messages null": ({"messages": None}, None, "messages"),
    "messages empty": ({"messages": []}, None, "messages"),
    "part no object": (messages_with({"role": "user", "content": ["x"]}), 1, "part"),
    "part of unknown type": (
        messages_with({"role": "user", "content": [{"type": "chart", "chart": "x"}]}),
        1,
        '"chart"',
    ),
    "part that is an image": (
        messages_with({"role": "user", "content": [{"type": "image", "image": "x"}]}),
        1,
        "is an image (`image`)",
    ),
    "part without text": (
        messages_with({"role": "user", "content": [{"type": "text"}]}),
        1,
        "text",
    ),
    "tool call part no JSON": (
        messages_with(answer([{"type": "tool_call", "value": "{add"}])),
        1,
        "tool",
    ),
    "function_call no object": (messages_with(answer("", function_call="add")), 1, "function"),
    "tools no JSON": ({**chat_of("Hi", "Hello"), "tools": "[{"}, None, "tools"),
    "tools no list": ({**chat_of("Hi", "Hello"), "tools": {"name": "add"}}, None, "tools"),
    "tools text no list": ({**chat_of("Hi", "Hello"), "tools": '{"name": "add"}'}, None, "tools"),
    "tools a number": ({**chat_of("Hi", "Hello"), "tools": 3}, None, "tools"),
    "weights contradict": (messages_with(answer("x", weight=0, trainable=True)), 1, "weight"),
    "weights contradict otherwise": (
        messages_with(answer("x", train=False, loss_weight=1.0)),
        1,
        "weight",
    ),
    "weight a text": (messages_with(answer("x", weight="heavy")), 1, "weight"),
    "train a text": (messages_with(answer("x", train="maybe")), 1, "train"),
    "template kwargs no object": (
        {**chat_of("Hi", "Hello"), "chat_template_kwargs": [1]},
        None,
        "chat_template_kwargs",
    ),
    "template kwargs of ours": (
        {**chat_of("Hi", "Hello"), "chat_template_kwargs": {"add_generation_prompt": True}},
        None,
        "add_generation_prompt",
    ),
    "no known key": ({"text": "Hi"}, None, "messages"),
    "sharegpt role unknown": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "cat", "value": "x"}]},
        1,
        '"cat"',
    ),
    "sharegpt value missing": (
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt"}]},
        1,
        "value",
    ),
    "sharegpt call no JSON": (
        {"conversations": [{"from": "human", "value": "Hi"},
                           {"from": "function_call", "value": "{add"}]},
        1,
        "call",
    ),
    "alpaca without answer": ({"instruction": "Hi", "input": ""}, None, "output"),
    "alpaca answer no text": ({"instruction": "Hi", "output": 4}, None, "output"),
    "alpaca history no pairs": (
        {"instruction": "Hi", "output": "x", "history": [["One?"]]},
        None,
        "history",
    ),
    "prompt text, completion number": (
        {"prompt": "Hi", "completion": 5},
        None,
        "completion",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_said_with_its_place(
    expander: everyturn.Expander, tmp_path: Path, name: str
) -> None:
    """A record that is not a conversation is refused with file, line, message and reason.

    The reference refuses it, too.
    """
    record, message_index, word = FAULTS[name]
    form = detect_format([record])
    if form is not None:
        with pytest.raises(RecordError):
            normalise(record, form)
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n" + to_jsonl([record]))
    with pytest.raises(everyturn.ConversationError) as caught:
        expander.expand(path)
    error = caught.value
    location = f"{path}:2: " + ("" if message_index is None else f"message {message_index}: ")
    assert str(error).startswith(location)
    assert word in str(error)
    assert (error.file, error.line, error.message_index) == (str(path), 2, message_index)
    assert error.kind


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_skipped_and_is_counted(
    models: dict[str, Path], route: Route, name: str
) -> None:
    """With `on_error="skip"` the others are kept, and the fault is counted once.

    The report has it with the same location and text.
    """
    record, message_index, word = FAULTS[name]
    form = detect_format([record]) or "messages"
    sound = next(other for other, its_form, _ in FORMATS.values() if its_form == form)
    expander = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    samples = expander.expand(route([sound, record, sound]))
    assert set(samples.line.tolist()) == {1, 3}
    report = samples.report
    assert (report.records_read, report.records_kept) == (3, 2)
    (fault,) = report.faults
    assert (fault.line, fault.message_index) == (2, message_index)
    assert word in fault.text
    assert report.records_dropped == {fault.kind: 1}


def test_the_text_for_an_unknown_role_names_the_known_ones(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """A fault says what was found and what would have been right."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([FAULTS["role unknown"][0]]))
    expected = r'chats\.jsonl:1: message 1: role "bot" is unknown; expected one of .*assistant'
    with pytest.raises(everyturn.ConversationError, match=expected):
        expander.expand(path)


@pytest.mark.parametrize("weight", [math.inf, -math.inf, math.nan])
def test_a_weight_is_finite(expander: everyturn.Expander, weight: float) -> None:
    """Python objects can hold weights that JSON cannot: they are refused as well."""
    with pytest.raises(everyturn.EveryturnError):
        expander.expand([messages_with(answer("x", weight=weight))])


@pytest.mark.parametrize("line", ['"text"', "3", "null", "true"])
def test_a_line_that_is_no_object_is_refused(expander: everyturn.Expander, line: str) -> None:
    """A record is an object, and the error says so."""
    with pytest.raises(everyturn.EveryturnError, match="object") as caught:
        expander.expand(line.encode())
    assert caught.value.line == 1


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_assistant_first_has_no_prompt(
    models: dict[str, Path], route: Route, position: int
) -> None:
    """A target that nothing comes before is its own fault; the others are kept."""
    records = [chat_of("Hi", "Hello") for _ in range(3)]
    records[position] = {"messages": [answer("First"), user("Hi"), answer("Hello")]}
    with pytest.raises(everyturn.SampleError) as caught:
        everyturn.Expander(models["chatml"], layout="per_turn").expand(route(records))
    assert (caught.value.line, caught.value.message_index) == (position + 1, 0)
    skipping = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    samples = skipping.expand(route(records))
    assert samples.report.targets_dropped == {"empty_prompt": 1}
    assert samples.line.tolist() == [1, 2, 3]
    assert samples.targets.tolist() == [2 if line == position else 1 for line in range(3)]


def test_a_template_that_raises_is_a_fault_of_the_target(
    models: dict[str, Path], route: Route
) -> None:
    """What the template says to a conversation is in the error, at the location of the target."""
    records = [chat_of("Hi", "Hello"), {"messages": [user("a"), user("b"), answer("c")]}]
    model = models["strict_alternation"]
    with pytest.raises(everyturn.TemplateError, match="must alternate") as caught:
        everyturn.Expander(model, layout="per_turn").expand(route(records))
    assert (caught.value.line, caught.value.message_index) == (2, 2)
    skipping = everyturn.Expander(model, layout="per_turn", on_error="skip")
    samples = skipping.expand(route(records))
    assert samples.line.tolist() == [1]
    assert samples.report.targets_dropped == {"template": 1}


@pytest.mark.parametrize("overflow", ["error", "drop"])
def test_a_sample_that_is_too_long_is_an_error_or_dropped(
    models: dict[str, Path], route: Route, overflow: str
) -> None:
    """`max_length` bounds a row: what exceeds it is refused or left out whole, never cut."""
    records = [chat_of("Hi", "Hello"), chat_of("Hi", "word " * 100)]
    lengths = [
        len(sample.input_ids)
        for sample in everyturn.Expander(models["chatml"], layout="per_turn").expand(records)
    ]
    options: dict[str, Any] = {
        "layout": "per_turn",
        "overflow": overflow,
        "max_length": lengths[1] - 1,
    }
    expander = everyturn.Expander(models["chatml"], **options)
    if overflow == "error":
        with pytest.raises(everyturn.SampleError, match=str(lengths[1])) as caught:
            expander.expand(route(records))
        assert (caught.value.line, caught.value.message_index) == (2, 1)
    else:
        samples = expander.expand(route(records))
        assert samples.line.tolist() == [1]
        assert sum(samples.report.targets_dropped.values()) == 1
    fitting = everyturn.Expander(models["chatml"], **{**options, "max_length": lengths[1]})
    assert fitting.expand(route(records)).line.tolist() == [1, 2]


# --------------------------------------------------------------------------------------------
# Odd files
# --------------------------------------------------------------------------------------------

ODD_FILES = (
    "odd_bare_strings.oasst_en_100_text.jsonl",
    "odd_claude_code_log_edge_cases.jsonl",
    "odd_placeholder_rows.nemo_gym.jsonl",
    "torchtune_hh_rlhf_tiny.jsonl",
)


@pytest.mark.parametrize("name", ODD_FILES)
def test_files_that_hold_no_chats_are_refused_line_by_line(
    data: Path, models: dict[str, Path], name: str
) -> None:
    """Every line of a foreign file is read, dropped for a reason, and counted."""
    path = data / "chats" / name
    lines = [number for number, _ in read_lines(path)]
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    samples = expander.expand(path)
    report = samples.report
    assert len(samples) == 0
    assert report.records_read == len(lines)
    assert report.records_kept == 0
    assert report.records_read == report.records_kept + sum(report.records_dropped.values())
    assert [fault.line for fault in report.faults] == lines[: len(report.faults)]
    assert len(report.faults) + report.faults_omitted == len(lines)
    assert all(fault.text and fault.kind and fault.file == str(path) for fault in report.faults)
    with pytest.raises(everyturn.EveryturnError) as caught:
        everyturn.Expander(models["chatml"]).expand(path)
    assert caught.value.line == lines[0]


def test_pretty_objects_that_hold_no_chats_are_refused_one_by_one(
    data: Path, models: dict[str, Path]
) -> None:
    """Each at the line on which it starts."""
    path = data / "chats" / PRETTY
    starts = [
        number for number, line in enumerate(path.read_bytes().split(b"\n"), 1) if line == b"{"
    ]
    report = everyturn.Expander(models["chatml"], on_error="skip").expand(path).report
    assert dict(report.records_dropped) == {"unknown_format": len(starts)}
    assert [fault.line for fault in report.faults] == starts


PRETTY = "odd_pretty_printed_json.camel_gaia_results.jsonl"
LINES_PER_FILE = 200


def test_every_file_of_chats_is_accounted_for(data: Path, models: dict[str, Path]) -> None:
    """Over all real files, lines read are lines kept and dropped.

    The reference agrees on which are which.
    """
    expander = everyturn.Expander(models["chatml"], on_error="skip", control_tokens="allow")
    for path in sorted((data / "chats").glob("*.jsonl*")):
        if path.stat().st_size > 1_000_000 or path.name == PRETTY:
            continue
        lines = [line for _, line in read_lines(path)][:LINES_PER_FILE]
        conversations, _ = conversations_of(lines)
        report = expander.expand(path, limit=LINES_PER_FILE).report
        assert report.records_read == len(lines), path.name
        sound = report.records_kept + report.records_dropped.get("all_targets_dropped", 0)
        assert sound == len(conversations), path.name
        assert report.records_read == report.records_kept + sum(report.records_dropped.values())
