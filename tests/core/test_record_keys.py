"""Keys of a record beside its messages: each is used, carried, refused or counted by name."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import everyturn
from as_template import template_renderer
from chats import Record, answer, chat_of, to_jsonl, user
from record_formats import SHOWING_TEMPLATE

CHAT = [user("Air in Bonn?"), answer("Fine.")]
SYSTEM = {"role": "system", "content": "Be brief."}

#: One conversation in every format that has messages beside which something can stand.
FORMATS: dict[str, Record] = {
    "messages": {"messages": CHAT},
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "Air in Bonn?"},
            {"from": "gpt", "value": "Fine."},
        ]
    },
    "alpaca": {"instruction": "Air in Bonn?", "output": "Fine."},
    "prompt and completion": {"prompt": "Air in Bonn?", "completion": "Fine."},
    "lists": {"prompt": CHAT[:1], "completion": CHAT[1:]},
    "JSON text": {"messages": json.dumps(CHAT)},
}


@pytest.fixture(scope="module")
def showing(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return template_renderer(models["chatml"], chat_template=SHOWING_TEMPLATE)


def texts(showing: everyturn.Renderer, record: Record, **options: Any) -> list[str]:
    """Return the texts of a record's samples."""
    samples = everyturn.Expander(showing, **options).expand([record])
    return [showing.decode(sample.input_ids.tolist()) for sample in samples]


@pytest.mark.parametrize("key", ["system", "system_prompt", "instructions"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_system_message_beside_the_messages_comes_first(
    showing: everyturn.Renderer, form: str, key: str
) -> None:
    """In every format, under every name; twice the same is once."""
    expected = texts(showing, {"messages": [SYSTEM, *CHAT]})
    assert texts(showing, {key: "Be brief.", **FORMATS[form]}) == expected
    assert texts(showing, {key: "", **FORMATS[form]}) == texts(showing, {"messages": CHAT})
    with_both = {key: "Be brief.", "messages": [SYSTEM, *CHAT]}
    assert texts(showing, with_both) == expected


def test_two_different_system_messages_beside_the_messages_are_refused(
    showing: everyturn.Renderer,
) -> None:
    """Which one is meant cannot be told."""
    record = {"system": "a", "system_prompt": "b", "messages": CHAT}
    with pytest.raises(everyturn.ConversationError, match='"system" and "system_prompt"'):
        texts(showing, record)


FUNCTION = {"name": "add", "parameters": {"a": 1}}
TOOL = {"type": "function", "function": FUNCTION}


@pytest.mark.parametrize(
    "keys",
    [
        {"tools": json.dumps([TOOL])},
        {"functions": [FUNCTION]},
        {"functions": json.dumps([FUNCTION])},
        {"functions": [FUNCTION], "tools": [TOOL]},
        {"tools": [TOOL], "functions": None},
    ],
)
def test_tools_are_found_wherever_they_stand(
    showing: everyturn.Renderer, keys: dict[str, Any]
) -> None:
    """Under their old name, as JSON text, or twice the same."""
    expected = texts(showing, {"messages": CHAT, "tools": [TOOL]})
    assert texts(showing, {"messages": CHAT, **keys}) == expected


@pytest.mark.parametrize("tools", [[TOOL], json.dumps([TOOL])])
@pytest.mark.parametrize("form", ["messages", "conversations"])
def test_tools_of_the_system_message_are_those_of_the_record(
    showing: everyturn.Renderer, form: str, tools: Any
) -> None:
    """Where a record keeps them there."""
    expected = texts(showing, {"messages": [SYSTEM, *CHAT], "tools": [TOOL]})
    assert texts(showing, {form: [{**SYSTEM, "tools": tools}, *CHAT]}) == expected


def test_different_tools_in_two_places_are_refused(showing: everyturn.Renderer) -> None:
    """Which are meant cannot be told."""
    other = {"type": "function", "function": {**FUNCTION, "name": "other"}}
    for record in (
        {"messages": [{**SYSTEM, "tools": [other]}, *CHAT], "tools": [TOOL]},
        {"messages": CHAT, "tools": [TOOL], "functions": [other["function"]]},
    ):
        with pytest.raises(everyturn.ConversationError, match="different"):
            texts(showing, record)


def test_tool_calls_that_are_json_text_are_calls(showing: everyturn.Renderer) -> None:
    """As the tools are."""
    calls = [{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]
    as_list = [user("Go."), answer("", tool_calls=calls)]
    as_text = [user("Go."), answer("", tool_calls=json.dumps(calls))]
    assert texts(showing, {"messages": as_text}) == texts(showing, {"messages": as_list})
    with pytest.raises(everyturn.ConversationError, match="not JSON"):
        texts(showing, {"messages": [user("Go."), answer("", tool_calls="[{")]})


# --------------------------------------------------------------------------------------------
# Undesired answers
# --------------------------------------------------------------------------------------------

UNDESIRED = [
    {"label": False},
    {"label": 0},
    {"label": "false"},
    {"kto_tag": False},
    {"rejected": "Bad."},
    {"rejected_response": "Bad."},
    {"rejected_messages": [answer("Bad.")]},
]


@pytest.mark.parametrize("keys", UNDESIRED, ids=json.dumps)
@pytest.mark.parametrize("form", FORMATS)
def test_undesired_answers_are_never_trained_as_good_ones(
    showing: everyturn.Renderer, form: str, keys: dict[str, Any]
) -> None:
    """Unless the caller says that the key means something else."""
    record = {**FORMATS[form], **keys}
    with pytest.raises(everyturn.ConversationError, match="undesired") as caught:
        texts(showing, record)
    assert caught.value.kind == "undesired"
    skipping = everyturn.Expander(showing, undesired="skip").expand([record])
    if next(iter(keys)).startswith("rejected"):
        assert skipping.report.targets_trained == 1
        assert dict(skipping.report.unread_record_keys) == {next(iter(keys)): 1}
    else:
        assert skipping.report.targets_trained == 0
        assert skipping.report.warnings["undesired_skipped"] == 1
    ignoring = everyturn.Expander(showing, undesired="ignore").expand([record])
    assert ignoring.report.targets_trained == 1
    assert list(ignoring.report.unread_record_keys) == [next(iter(keys))]


@pytest.mark.parametrize(
    "keys", [{"label": True}, {"kto_tag": True}, {"label": 1}, {"rejected": None}]
)
def test_desired_answers_are_trained(showing: everyturn.Renderer, keys: dict[str, Any]) -> None:
    """A label that says so is used; nothing that was rejected is nothing."""
    report = everyturn.Expander(showing).expand([{"messages": CHAT, **keys}]).report
    assert report.targets_trained == 1
    assert not report.unread_record_keys


def test_a_label_that_is_no_verdict_is_counted_like_any_other_key(
    showing: everyturn.Renderer,
) -> None:
    """Data of other kinds have labels, too."""
    report = everyturn.Expander(showing).expand([{"messages": CHAT, "label": "sports"}]).report
    assert dict(report.unread_record_keys) == {"label": 1}


@pytest.mark.parametrize(
    ("record", "mapping"),
    [
        ({"chosen": CHAT, "rejected": CHAT}, {"messages": "chosen"}),
        ({"prompt": CHAT[:1], "chosen": CHAT[1:], "rejected": CHAT[1:]}, {"completion": "chosen"}),
        ({"prompt": "Air?", "chosen": "Fine.", "rejected": "No."}, {"completion": "chosen"}),
    ],
)
def test_pairs_of_preferences_say_what_they_are_and_how_to_use_half_of_them(
    showing: everyturn.Renderer, record: Record, mapping: dict[str, str]
) -> None:
    """And what the error proposes works."""
    with pytest.raises(everyturn.ConversationError, match="pair of preferences") as caught:
        texts(showing, record)
    assert json.dumps(mapping) in str(caught.value)
    assert len(texts(showing, record, map=mapping, undesired="skip")) == 1


# --------------------------------------------------------------------------------------------
# Weights of records
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["weight", "trainable", "train", "loss", "loss_weight"])
def test_a_weight_of_a_record_is_that_of_all_its_answers(
    showing: everyturn.Renderer, key: str
) -> None:
    """Their own weights are multiplied by it."""
    chat = chat_of("a", "b", "c", "d")["messages"]
    untrained = everyturn.Expander(showing).expand([{"messages": chat, key: 0}]).report
    assert (untrained.targets_trained, untrained.records_dropped) == (0, {"no_target": 1})
    weighted = [chat[0], {**chat[1], "weight": 0.5}, *chat[2:]]
    samples = everyturn.Expander(showing, layout="per_turn").expand(
        [{"messages": weighted, key: 0.5}]
    )
    found = []
    for sample in samples:
        assert sample.loss_weights is not None
        found.append(set(sample.loss_weights[sample.labels != -100].tolist()))
    assert found == [{0.25}, {0.5}]


# --------------------------------------------------------------------------------------------
# Media
# --------------------------------------------------------------------------------------------

MEDIA: list[tuple[Record, str]] = [
    ({"messages": CHAT, "images": ["a.png"]}, '"images"'),
    ({"messages": CHAT, "image": "a.png"}, '"image"'),
    ({"messages": CHAT, "audios": [{"path": "a.wav"}]}, '"audios"'),
    ({"messages": [user("<image>\nWhat is it?"), answer("A duck.")]}, '"<image>"'),
    ({"messages": [user("What is it? <video>"), answer("A duck.")]}, '"<video>"'),
]


@pytest.mark.parametrize(("record", "named"), MEDIA)
def test_media_are_refused_and_let_through_as_text_on_request(
    showing: everyturn.Renderer, record: Record, named: str
) -> None:
    """Without its image, an answer about it is made up."""
    with pytest.raises(everyturn.ConversationError, match=named) as caught:
        texts(showing, record)
    assert caught.value.kind == "media"
    report = everyturn.Expander(showing, media="text").expand([record]).report
    assert report.targets_trained == 1
    assert report.warnings["media_left_out"] == 1


@pytest.mark.parametrize(
    "text",
    ["In SVG, <image> embeds one.", "<video>\n  <source>\n</video>", "a <audio controls> tag"],
)
def test_tags_of_html_are_text(showing: everyturn.Renderer, text: str) -> None:
    """A placeholder stands by itself and is not closed."""
    record = {"messages": [user(text), answer("Yes.")], "images": []}
    assert everyturn.Expander(showing).expand([record]).report.targets_trained == 1


# --------------------------------------------------------------------------------------------
# Numbers that JSON does not have
# --------------------------------------------------------------------------------------------

NOT_JSON = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@pytest.mark.parametrize("number", [*NOT_JSON, "1e999"])
def test_numbers_that_json_does_not_have_are_refused_by_key_and_read_on_request(
    showing: everyturn.Renderer, number: str
) -> None:
    """Python's json writes them, and a key that nobody reads need not cost the record."""
    line = f'{{"messages": {json.dumps(CHAT)}, "score": {number}}}'.encode()
    with pytest.raises(everyturn.JsonlError, match=r'the value of "score"'):
        everyturn.Expander(showing).expand(line)
    expander = everyturn.Expander(showing, non_finite="read", keep=["score"])
    samples = expander.expand(line)
    assert samples.report.targets_trained == 1
    assert str(samples.kept["score"]) == str([NOT_JSON.get(number, float("inf"))])
    assert [
        finding.kind for finding in everyturn.check(line, non_finite="read", keep=["score"])
    ] == []


def test_numbers_that_json_does_not_have_are_shown_as_python_writes_them(
    showing: everyturn.Renderer,
) -> None:
    """What a template is given is what Python's json reads."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"most": float("inf")}}}
    assert (
        '"most": Infinity'
        in texts(showing, {"tools": [tool], "messages": CHAT}, non_finite="read")[0]
    )


@pytest.mark.parametrize("number", NOT_JSON)
def test_no_weight_is_a_number_that_json_does_not_have(
    showing: everyturn.Renderer, number: str
) -> None:
    """A loss of NaN would end a training."""
    line = f'{{"messages": {json.dumps(CHAT)}, "weight": {number}}}'.encode()
    with pytest.raises(everyturn.ConversationError) as caught:
        everyturn.Expander(showing, non_finite="read").expand(line)
    assert caught.value.kind == "weight"


# --------------------------------------------------------------------------------------------
# Every other key
# --------------------------------------------------------------------------------------------

OTHERS = (
    "context documents tool_definitions enable_thinking reasoning_effort tool_choice Tools tool id"
)


@pytest.mark.parametrize("form", FORMATS)
def test_keys_that_nothing_reads_are_counted_by_name(
    showing: everyturn.Renderer, form: str
) -> None:
    """In the report, in its text, and by check."""
    keys = OTHERS.split()
    record = {**FORMATS[form], **dict.fromkeys(keys, "x")}
    report = everyturn.Expander(showing).expand([record] * 3).report
    assert dict(report.unread_record_keys) == dict.fromkeys(sorted(keys), 3)
    assert "enable_thinking (3 records)" in "\n".join(report.lines())
    findings = everyturn.check(to_jsonl([record]))
    named = {finding.text for finding in findings if finding.kind == "unread_record_keys"}
    assert named == {f'the key "{key}" of the record is not read' for key in keys}


USED = [
    "tools",
    "functions",
    "chat_template_kwargs",
    "system",
    "system_prompt",
    "instructions",
    "weight",
    "trainable",
    "train",
    "loss",
    "loss_weight",
    "label",
    "kto_tag",
]
KEYS = st.sampled_from(
    [*USED, *OTHERS.split(), "images", "rejected", "chosen", "prompt", "messages "]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2),
    st.text(max_size=3),
    st.just("[]"),
    st.lists(st.just("a"), max_size=1),
    st.just({}),
)


@settings(max_examples=300, deadline=None)
@given(keys=st.dictionaries(st.one_of(KEYS, st.text(max_size=4)), VALUES, max_size=4))
def test_each_key_is_used_or_refused_or_counted(keys: Record) -> None:
    """Whatever stands beside the messages."""
    record = {**keys, "messages": CHAT}
    expander = everyturn.Expander("demo", on_error="skip")
    report = expander.expand([record]).report
    assert report.records_read == 1
    if report.faults:
        return
    counted = set(report.unread_record_keys)
    given_keys = {key for key, value in keys.items() if value is not None and key != "messages"}
    assert counted == {key for key in given_keys if key not in USED} | {
        key for key in ("label", "kto_tag") if key in given_keys and not is_verdict(keys[key])
    }


def is_verdict(label: object) -> bool:
    """Whether a label says that an answer is desired."""
    return isinstance(label, bool | int) and label in (True, False)
