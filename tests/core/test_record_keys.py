"""Keys of a record beside its messages: each is used, carried, refused or counted by name."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import everyturn
from as_template import template_renderer
from chats import Record, answer, chat_of, to_jsonl, user
from everyturn.options import Serve
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


def served(serve: Serve) -> everyturn.Renderer:
    """Return the demo model as that server prompts it."""
    return everyturn.Renderer.from_dir("demo", serve=serve)


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
    for content in ("Be brief.", [{"type": "text", "text": "Be brief."}]):
        with_both = {key: content, "messages": [SYSTEM, *CHAT]}
        assert texts(showing, with_both) == expected


def test_two_different_system_messages_beside_the_messages_are_refused(
    showing: everyturn.Renderer,
) -> None:
    """Which one is meant cannot be told."""
    said = {"from": "system", "value": "b"}
    exchange = {"system": "b", "human": "Air in Bonn?", "assistant": "Fine."}
    for record, named in (
        ({"system": "a", "system_prompt": "b", "messages": CHAT}, '"system" and "system_prompt"'),
        ({"system": "a", "messages": [SYSTEM, *CHAT]}, '"system" and the first of the messages'),
        (
            {"system": "a", "conversations": [said, *FORMATS["sharegpt"]["conversations"]]},
            '"system" and the first of the messages',
        ),
        (
            {"system_prompt": "a", "conversation": [exchange]},
            '"system_prompt" and the first of the messages',
        ),
    ):
        with pytest.raises(everyturn.ConversationError, match=named) as caught:
            texts(showing, record)
        assert caught.value.kind == "shape"
        assert any(named in str(finding) for finding in everyturn.check([record]))


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


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "web_search"},
        {"type": "custom", "name": "code", "format": {"type": "text"}},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("serve", ["template", "vllm", "sglang"])
def test_tools_that_an_api_has_itself_are_refused(tool: Record, serve: Serve) -> None:
    """They are not functions, and nothing says what their parameters are."""
    described = {"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}
    for tools in ([described, tool], json.dumps([described, tool])):
        record = {"tools": tools, "messages": CHAT}
        with pytest.raises(everyturn.ConversationError, match=tool["type"]) as caught:
            everyturn.Expander(served(serve)).expand([record])
        assert caught.value.kind == "tools"
    custom = {**described, "type": "custom"}
    report = everyturn.Expander("demo").expand([{"tools": [custom], "messages": CHAT}]).report
    assert report.targets_trained == 1


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
    {"label": "FALSE "},
    {"label": "0"},
    {"label": "0.0"},
    {"label": "no"},
    {"kto_tag": False},
    {"kto_tag": "0"},
    {"desirable": "F"},
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
    "keys",
    [
        {"label": True},
        {"kto_tag": True},
        {"label": 1},
        {"label": "1"},
        {"label": "1.0"},
        {"kto_tag": "True"},
        {"desirable": "good"},
        {"rejected": None},
    ],
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


@pytest.mark.parametrize("value", ["maybe", "2", -1, 0.5, [False], {}])
@pytest.mark.parametrize("key", ["kto_tag", "desirable"])
def test_a_key_of_nothing_but_verdicts_holds_one(
    showing: everyturn.Renderer, key: str, value: Any
) -> None:
    """Else it is not known whether the answers are good ones."""
    record = {"messages": CHAT, key: value}
    for undesired in ("error", "skip"):
        with pytest.raises(
            everyturn.ConversationError, match=f'"{key}" is .*expected true'
        ) as caught:
            texts(showing, record, undesired=undesired)
        assert caught.value.kind == "undesired"
    assert len(texts(showing, record, undesired="ignore")) == 1


def test_cells_of_csv_label_and_weigh_as_values_of_json_do(tmp_path: Path) -> None:
    """Every cell is text."""
    expander = everyturn.Expander("demo", on_error="skip")
    rows = [("label", "1", "0"), ("kto_tag", "True", "False"), ("label", "1.0", "0.0")]
    for key, good, bad in rows:
        table = f"instruction,output,{key}\nq,good,{good}\nq,bad,{bad}\n".encode()
        (tmp_path / "rows.csv").write_bytes(table)
        report = expander.expand(tmp_path / "rows.csv").report
        assert (report.targets_trained, report.records_dropped) == (1, {"undesired": 1})
    for key in ("weight", "trainable", "train", "loss", "loss_weight"):
        table = f"instruction,output,{key}\nq,a,1\nq,b,0\nq,c,0.5\nq,d,false\nq,e,x\n".encode()
        (tmp_path / "rows.csv").write_bytes(table)
        samples = expander.expand(tmp_path / "rows.csv")
        assert samples.report.targets_trained == 2
        assert samples.report.records_dropped == {"no_target": 2, "weight": 1}
        found = set()
        for sample in samples:
            assert sample.loss_weights is not None
            found |= set(sample.loss_weights[sample.labels != -100].tolist())
        assert found == {0.5, 1.0}


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"messages": CHAT, "weight": 1e39}, '"weight" is "1e\\+39", and weights are floats of 32'),
        ({"messages": CHAT, "weight": 1e-50}, '"weight" is "1e-50", and weights are floats of 32'),
        (
            {"messages": CHAT, "weight": "1e39"},
            '"weight" is "1e\\+39", and weights are floats of 32',
        ),
        (
            {"messages": [CHAT[0], {**CHAT[1], "weight": 1e30}], "weight": 1e30},
            "product of the weights .* is out of range",
        ),
        (
            {"messages": [CHAT[0], {**CHAT[1], "weight": 1e-30}], "weight": 1e-30},
            "product of the weights .* is out of range",
        ),
        ({"messages": CHAT, "weight": "inf"}, 'is "inf", expected true'),
        ({"messages": CHAT, "weight": "nan"}, 'is "nan", expected true'),
        ({"messages": CHAT, "weight": -1}, 'is "-1", expected true'),
    ],
)
def test_weights_that_32_bits_do_not_hold_are_refused_as_that(record: Record, named: str) -> None:
    """Nothing weighs infinitely much, and what weighs something is trained."""
    with pytest.raises(everyturn.ConversationError, match=named) as caught:
        everyturn.Expander("demo").expand([record])
    assert caught.value.kind == "weight"


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


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b', "x": "\\ud83d\\ude00"',
        b', "y": 36893488147419103232',
        pytest.param(b', "z": "' + b"z" * (2 << 20) + b'"', id="long"),
    ],
)
@pytest.mark.parametrize("non_finite", ["error", "read"])
def test_a_key_that_is_there_twice_is_named(more: bytes, non_finite: Any) -> None:
    """By whichever of the two readers reads the line; the last value counts, as for Python."""
    line = (
        b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", '
        b'"content": "c"}], "weight": 0, "weight": 1' + more + b"}"
    )
    expander = everyturn.Expander("demo", non_finite=non_finite, on_error="skip")
    report = expander.expand(line).report
    assert report.warnings["repeated_keys"] == 2
    assert [place.text for place in report.warning_places["repeated_keys"]] == [
        f'<bytes>:1: an object has the key "{key}" twice: the last value counts'
        for key in ("content", "weight")
    ]
    once = expander.expand(line.replace(b'"content": "b", ', b"").replace(b'"weight": 0, ', b""))
    assert "repeated_keys" not in once.report.warnings
    assert once[0].labels.tolist() == expander.expand(line)[0].labels.tolist()


# --------------------------------------------------------------------------------------------
# Weights of records
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["weight", "trainable", "train", "loss", "loss_weight", "output_with_loss"]
)
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


def test_a_weight_of_a_record_is_that_of_all_its_tokens_where_all_are_trained() -> None:
    """Those of the template and of users, too; a record of weight 0, or of undesired answers, has no sample."""
    expander = everyturn.Expander("demo", train_on="all_tokens", undesired="skip")
    chat = chat_of("a", "b", "c", "d")["messages"]
    weighted = [{**chat[0], "weight": 0.5}, {**chat[1], "weight": 0}, *chat[2:]]
    (half,) = expander.expand([{"messages": weighted, "weight": 0.5}])
    (whole,) = expander.expand([{"messages": weighted}])
    assert half.loss_weights is not None
    assert whole.loss_weights is not None
    assert half.loss_weights.tolist() == (whole.loss_weights * 0.5).tolist()
    assert set(whole.loss_weights.tolist()) == {0, 0.5, 1}
    for record in (
        {"messages": chat, "weight": 0},
        {"prompt": "a", "completion": "b", "label": False},
    ):
        report = expander.expand([record]).report
        assert (report.rows, report.records_dropped) == (0, {"no_target": 1})


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


def _escaped(text: str) -> str:
    return json.dumps(text)


#: Lines with a number in a text that is read as JSON, and the key that is named.
IN_TEXTS: dict[str, tuple[Callable[[str], str], str]] = {
    "arguments": (
        lambda number: chat_that_calls(_escaped(f'{{"a": 1, "b": [{number}]}}')),
        "tool_calls[0].arguments.b[0]",
    ),
    "arguments of a flat call": (
        lambda number: chat_that_calls(_escaped(f'{{"b": {number}}}'), flat=True),
        "tool_calls[0].arguments.b",
    ),
    "calls": (
        lambda number: (
            f'{{"messages": [{{"role": "user", "content": "q"}}, {{"role": "assistant", "content": "", "tool_calls": '
            f"{_escaped(CALLS % number)}}}]}}"
        ),
        "tool_calls[0].function.arguments.b",
    ),
    "messages": (
        lambda number: (
            '{"messages": '
            + _escaped(
                f'[{{"role": "user", "content": "q"}}, {{"role": "assistant", "content": "a", "n": {number}}}]'
            )
            + "}"
        ),
        '"n"',
    ),
    "tools": (
        lambda number: (
            f'{{"messages": {json.dumps(CHAT)}, "tools": '
            + _escaped(f'[{{"name": "g", "parameters": {{"most": {number}}}}}]')
            + "}"
        ),
        "tools[0].parameters.most",
    ),
    "a call of ShareGPT": (
        lambda number: (
            '{"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": '
            + _escaped(f'{{"name": "f", "arguments": {{"b": {number}}}}}')
            + "}]}"
        ),
        "tool_calls[0].function.arguments.b",
    ),
    "the line": (
        lambda number: _escaped(f'{{"messages": {json.dumps(CHAT)}, "score": [{number}]}}'),
        "score[0]",
    ),
}
CALLS = '[{"type": "function", "function": {"name": "f", "arguments": {"b": %s}}}]'


def chat_that_calls(arguments: str, *, flat: bool = False) -> str:
    """Return a line with a call whose arguments are that JSON."""
    function = f'{{"name": "f", "arguments": {arguments}}}'
    call = function if flat else f'{{"type": "function", "function": {function}}}'
    return (
        '{"messages": [{"role": "user", "content": "q"}, '
        f'{{"role": "assistant", "content": "", "tool_calls": [{call}]}}]}}'
    )


@pytest.mark.parametrize("serve", ["vllm", "template"])
@pytest.mark.parametrize("number", [*NOT_JSON, "1e999", "9" * 400 + ".0"])
@pytest.mark.parametrize("where", IN_TEXTS)
def test_texts_that_are_read_as_json_are_held_to_the_same_numbers(
    where: str, number: str, serve: Serve
) -> None:
    """Refused by their key, and read on request as Python reads them."""
    line, key = IN_TEXTS[where]
    data = line(number).encode()
    with pytest.raises(everyturn.JsonlError, match=re.escape(key)) as caught:
        everyturn.Expander(served(serve)).expand(data)
    assert caught.value.kind == "json_number"
    assert "json_number" in {finding.kind for finding in everyturn.check(data)}
    samples = everyturn.Expander(served(serve), non_finite="read").expand(data)
    assert samples.report.targets_trained == 1
    assert "json_number" not in {
        finding.kind for finding in everyturn.check(data, non_finite="read")
    }


def test_arguments_that_are_no_json_are_not_held_to_its_numbers() -> None:
    """They stay the text that they are, and are counted."""
    data = chat_that_calls('"look: 1e999, NaN"').encode()
    report = everyturn.Expander("demo", on_error="skip").expand(data).report
    assert report.warnings["arguments_not_json"] == 1
    assert "json_number" not in report.records_dropped


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
    if isinstance(label, str):
        return label.strip().lower() in ("1", "t", "y", "on", "yes", "1.", "1e0", "01", "+1")
    return isinstance(label, bool | int) and label in (True, False)


TWICE = '{"name": "x", "name": "f", "arguments": {}}'


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [user("a"), answer("", tool_calls=[{"id": "c", "type": "function", "function": {
            "name": "f", "arguments": '{"name": 1, "name": 2}'}}])]},
        {"messages": '[{"role": "user", "name": "x", "name": "y", "content": "a"}, '
                     '{"role": "assistant", "content": "b"}]'},
        {"conversations": '[{"from": "human", "name": "x", "name": "y", "value": "a"}, '
                          '{"from": "gpt", "value": "b"}]'},
        {"messages": CHAT, "tools": f'[{{"type": "function", "function": {TWICE}}}]'},
        {"messages": CHAT, "functions": f"[{TWICE}]"},
        {"messages": [{**SYSTEM, "tools": f"[{TWICE}]"}, *CHAT]},
        {"messages": [user("a"), answer("", tool_calls=f'[{{"type": "function", "function": {TWICE}}}]')]},
        {"messages": [user("a"), answer("", function_call=TWICE)]},
        {"messages": [user("a"), answer([{"type": "tool_call", "value": TWICE}])]},
        {"messages": [user("a"), {"role": "tool_call", "content": TWICE}]},
        {"messages": [user("a"), {"role": "tool_call", "content": f'{TWICE} {{"name": "g"}}'}]},
        {"messages": [user("a"), {"role": "tool_call", "content": TWICE},
                      {"role": "tool_call", "content": '{"name": "g"}'}]},
        {"prompt": '[{"role": "user", "name": "x", "name": "y", "content": "a"}]', "completion": "b"},
    ],
)  # fmt: skip
def test_a_key_that_is_there_twice_is_named_in_texts_that_are_read_as_json(record: Record) -> None:
    """As in the record itself, which may be such a text, too."""
    for line in (record, json.dumps(json.dumps(record)).encode()):
        report = (
            everyturn.Expander("demo").expand([line] if isinstance(line, dict) else line).report
        )
        assert report.warnings["repeated_keys"] == 1
        (place,) = report.warning_places["repeated_keys"]
        assert 'the key "name" twice: the last value counts' in place.text
    (finding,) = [
        finding for finding in everyturn.check([record]) if finding.kind == "repeated_keys"
    ]
    assert '"name"' in str(finding)


def test_a_record_that_is_text_names_what_it_has_twice() -> None:
    """The line is a text of JSON, and what that holds has a key twice."""
    text = json.dumps({"messages": CHAT}).replace('"Fine."', '"x", "content": "Fine."')
    report = everyturn.Expander("demo").expand(json.dumps(text).encode()).report
    assert report.warnings["repeated_keys"] == 1


@pytest.mark.parametrize("key", ["images", "audio", "videos"])
def test_media_of_a_message_are_those_of_its_record(key: str) -> None:
    """An error that names the message, and left out on request."""
    record = {"messages": [user("Hi", **{key: ["x.png"]}), answer("Hello")]}
    with pytest.raises(everyturn.ConversationError, match=f'"{key}" holds media') as caught:
        everyturn.Expander("demo").expand([record])
    assert caught.value.kind == "media"
    assert caught.value.message_index == 0
    report = everyturn.Expander("demo", media="text").expand([record]).report
    assert report.warnings["media_left_out"] == 1
    assert report.unread_keys == {key: 1}
    empty = {"messages": [user("Hi", **{key: []}), answer("Hello")]}
    assert "media_left_out" not in everyturn.Expander("demo").expand([empty]).report.warnings


@pytest.mark.parametrize("label", [{"kto_tag": False}, {"label": 0}, {"desirable": "no"}])
def test_an_undesired_answer_is_never_trained_as_a_good_one(label: Record) -> None:
    """Whatever is said of the answers of a record can be said of one."""
    record = {"messages": [user("a"), answer("bad", **label), user("b"), answer("good")]}
    (key,) = label
    with pytest.raises(everyturn.ConversationError, match=f'message 1: "{key}" says') as caught:
        everyturn.Expander("demo").expand([record])
    assert caught.value.kind == "undesired"
    skipped = everyturn.Expander("demo", undesired="skip").expand([record])
    assert everyturn.Renderer.from_dir("demo").decode(skipped[0].trained_ids) == "good<|im_end|>"
    assert skipped.report.warnings["undesired_skipped"] == 1
    ignored = everyturn.Expander("demo", undesired="ignore").expand([record])
    assert ignored.report.targets_trained == 2
    assert ignored.report.unread_keys == {key: 1}


def test_a_turn_with_an_undesired_part_is_undesired() -> None:
    """Whichever of its entries the label stands on."""
    text = {"from": "gpt", "value": "Let me look.", "label": True}
    called = {"from": "function_call", "value": '{"name": "f", "arguments": {}}', "label": False}
    record = {"conversations": [{"from": "human", "value": "a"}, text, called]}
    with pytest.raises(everyturn.ConversationError, match='"label" says'):
        everyturn.Expander("demo").expand([record])


def test_a_label_of_a_message_that_is_no_verdict_is_a_key_like_any_other() -> None:
    """As one of a record is; and one of a question says nothing of an answer."""
    messages = [user("a", label=False), answer("b", label="cat", kto_tag=True)]
    report = everyturn.Expander("demo").expand([{"messages": messages}]).report
    assert report.targets_trained == 1
    assert report.unread_keys == {"label": 2}
    with pytest.raises(everyturn.ConversationError, match='"kto_tag" is "maybe"'):
        everyturn.Expander("demo").expand([{"messages": [user("a"), answer("b", kto_tag="maybe")]}])
