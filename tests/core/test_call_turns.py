"""Tool calls that are entries of their own: together with a text before them they are one turn."""

import json
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, answer, result, user
from record_formats import SHOWING_TEMPLATE


@pytest.fixture(scope="module")
def showing(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return template_renderer(models["chatml"], chat_template=SHOWING_TEMPLATE)


def written(*cities: str) -> list[str]:
    """Return calls as entries hold them."""
    return [json.dumps({"name": "aqi", "arguments": {"city": city}}) for city in cities]


def called(content: str, *cities: str, **more: Any) -> Record:
    """Return the message that calls and a text are."""
    calls = [{"type": "function", "function": json.loads(each)} for each in written(*cities)]
    return answer(content, **more, tool_calls=calls)


def samples(showing: everyturn.Renderer, record: Record) -> list[tuple[list[int], list[int], Any]]:
    """Return ids, labels and weights of a record's samples."""
    expanded = everyturn.Expander(showing, layout="per_turn").expand([record])
    return [
        (
            sample.input_ids.tolist(),
            sample.labels.tolist(),
            None if sample.loss_weights is None else sample.loss_weights.tolist(),
        )
        for sample in expanded
    ]


def sharegpt(*entries: tuple[str, str], **more: Any) -> Record:
    """Return a record of entries."""
    return {"conversations": [{"from": role, "value": text, **more} for role, text in entries]}


BONN, KIEL = written("Bonn", "Kiel")

ONE_TURN: dict[str, tuple[Record, list[Record]]] = {
    "two calls": (
        sharegpt(
            ("human", "Air?"), ("function_call", BONN), ("function_call", KIEL), ("gpt", "Fine.")
        ),
        [user("Air?"), called("", "Bonn", "Kiel"), answer("Fine.")],
    ),
    "a text and a call": (
        sharegpt(("human", "Air?"), ("gpt", "Let me look."), ("function_call", BONN)),
        [user("Air?"), called("Let me look.", "Bonn")],
    ),
    "a list and a call": (
        sharegpt(
            ("human", "Air?"), ("function_call", f"[{BONN}, {KIEL}]"), ("function_call", BONN)
        ),
        [user("Air?"), called("", "Bonn", "Kiel", "Bonn")],
    ),
    "roles of ms-swift": (
        {
            "messages": [
                user("Air?"),
                {"role": "tool_call", "content": BONN},
                {"role": "tool_call", "content": KIEL},
                {"role": "tool_response", "content": "10"},
                answer("Fine."),
            ]
        },
        [user("Air?"), called("", "Bonn", "Kiel"), result("10"), answer("Fine.")],
    ),
    "ms-swift in ShareGPT": (
        sharegpt(("human", "Air?"), ("tool_call", BONN), ("tool_response", "10"), ("gpt", "Fine.")),
        [user("Air?"), called("", "Bonn"), result("10"), answer("Fine.")],
    ),
    "reasoning before the JSON": (
        sharegpt(("human", "Air?"), ("function_call", f"<think>\nTo see.\n</think>\n\n{BONN}")),
        [user("Air?"), called("", "Bonn", reasoning_content="To see.")],
    ),
    "a text before the JSON": (
        sharegpt(("human", "Air?"), ("function_call", f"I look it up.\n{BONN}")),
        [user("Air?"), called("I look it up.", "Bonn")],
    ),
    "brackets in a text before the JSON": (
        sharegpt(
            ("human", "Air?"), ("function_call", f'As [1] and {{"a": 1}} say, {{so}}: {BONN}')
        ),
        [user("Air?"), called('As [1] and {"a": 1} say, {so}:', "Bonn")],
    ),
    "a call on each line": (
        sharegpt(("human", "Air?"), ("function_call", f"{BONN}\n{KIEL}\n")),
        [user("Air?"), called("", "Bonn", "Kiel")],
    ),
    "calls with nothing between them": (
        sharegpt(("human", "Air?"), ("function_call", f"So: {BONN}{KIEL}[{BONN}]")),
        [user("Air?"), called("So:", "Bonn", "Kiel", "Bonn")],
    ),
}

BROKEN = {
    "cut off in an object": BONN[:-1],
    "cut off in a list": f"[{BONN}, {KIEL}",
    "cut off in the arguments": '{"name": "aqi", "arguments": {"cities": []',
    "cut off after a text": f"I look it up. {BONN[:-1]}",
    "a comma between calls": f"{BONN}, {KIEL}",
    "a text after the call": f"{BONN} Done.",
    "the second one is cut off": f"{BONN}\n{KIEL[:-1]}",
    "no JSON within": BONN.replace('"Bonn"', "Bonn"),
}


@pytest.mark.parametrize("name", ONE_TURN)
def test_calls_are_one_turn_with_the_text_before_them(
    showing: everyturn.Renderer, name: str
) -> None:
    """As the same turn in OpenAI's form."""
    record, messages = ONE_TURN[name]
    assert samples(showing, record) == samples(showing, {"messages": messages})


@pytest.mark.parametrize("role", ["function_call", "tool_call"])
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_the_broken_json_of_a_call_is_no_text(
    showing: everyturn.Renderer, text: str, role: str
) -> None:
    """Neither it nor a smaller object within it is trained."""
    record = sharegpt(("human", "Air?"), (role, text))
    with pytest.raises(everyturn.ConversationError, match="not JSON") as caught:
        everyturn.Expander(showing).expand([record])
    assert (caught.value.kind, caught.value.message_index) == ("tools", 1)


@pytest.mark.parametrize("name", ["parameters", "input", "args", "kwargs"])
def test_arguments_under_another_name_are_refused(showing: everyturn.Renderer, name: str) -> None:
    """Templates do not read it: the call would be trained without arguments."""
    function = {"name": "aqi", name: {"city": "Bonn"}}
    records: list[Record] = [
        sharegpt(("human", "Air?"), ("function_call", json.dumps(function))),
        {"messages": [user("Air?"), answer("", tool_calls=[function])]},
        {
            "messages": [
                user("Air?"),
                answer("", tool_calls=[{"type": "function", "function": function}]),
            ]
        },
    ]
    for record in records:
        with pytest.raises(everyturn.ConversationError, match=f'under "{name}"') as caught:
            everyturn.Expander(showing).expand([record])
        assert caught.value.kind == "tools"
    nothing: Record = {"name": "aqi", "arguments": {}, name: None}
    record = {"messages": [user("Air?"), answer("", tool_calls=[nothing])]}
    assert len(everyturn.Expander(showing).expand([record])) == 1


def test_weights_of_the_parts_of_a_turn_that_differ_hold_for_each(
    models: dict[str, Path],
) -> None:
    """What has weight 0 in the record has it in the sample."""
    template = (
        "{%- for message in messages -%}{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content -}}"
        "{%- for call in message.tool_calls or [] -%}{{- '[' ~ call.function.name -}}"
        "{{- call.function.arguments | tojson -}}{{- ']' -}}{%- endfor -%}"
        "{{- '<|im_end|>\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
    )
    renderer = template_renderer(models["chatml"], chat_template=template)

    def trained(first: int, second: int) -> str:
        turn = [
            {"from": "gpt", "value": "Let me look.", "weight": first},
            {"from": "function_call", "value": BONN, "weight": second},
        ]
        record = {"conversations": [{"from": "human", "value": "Air?"}, *turn]}
        sample = everyturn.Expander(renderer).expand([record])[0]
        weights = sample.loss_weights
        kept = sample.labels != -100
        if weights is not None:
            kept &= weights > 0
        return renderer.decode(sample.input_ids[kept].tolist())

    assert trained(1, 1) == 'Let me look.[aqi{"city": "Bonn"}]<|im_end|>'
    assert "Bonn" not in trained(1, 0)
    assert "Let me look." in trained(1, 0)
    assert "Let me look." not in trained(0, 1)
    assert "Bonn" in trained(0, 1)


# --------------------------------------------------------------------------------------------
# What is most likely a fault
# --------------------------------------------------------------------------------------------


def test_consecutive_answers_are_named(showing: everyturn.Renderer) -> None:
    """By expand as by check; a text after a call is a turn of its own."""
    record = sharegpt(("human", "Air?"), ("function_call", BONN), ("gpt", "Fine."))
    report = everyturn.Expander(showing, on_error="skip").expand([record]).report
    assert report.warnings["consecutive_assistants"] == 1
    (place,) = report.warning_places["consecutive_assistants"]
    assert (place.message_index, place.line) == (2, 1)
    assert "message 1 is the assistant's, too" in place.text


def test_a_mismatch_after_another_answer_says_so(data: Path) -> None:
    """The prompt of a server is not what the template writes there."""
    expander = everyturn.Expander(data / "tokenizers" / "qwen3", prompt_mismatch="match_thinking")
    record = {"messages": [user("Price?"), called("", "Bonn"), answer("Two.")]}
    with pytest.raises(everyturn.SampleError, match="message 1 is the assistant's, too"):
        expander.expand([record])


def test_every_mismatch_after_another_answer_says_so(data: Path) -> None:
    """However many there are of them in one conversation."""
    expander = everyturn.Expander(
        data / "tokenizers" / "qwen3", prompt_mismatch="match_thinking", on_error="skip"
    )
    turn = [user("Price?"), called("", "Bonn"), answer("Two.")]
    faults = expander.expand([{"messages": turn * 8}]).report.faults
    assert len(faults) == 8
    for number, fault in enumerate(faults):
        assert f"message {3 * number + 1} is the assistant's, too" in fault.text


@pytest.mark.parametrize(
    "arguments", ['{"x": "unfin', "", "[1]", "{x: 1}", None, ["a"], 5, '"{}"', ...]
)
def test_arguments_that_are_not_an_object_are_named(
    showing: everyturn.Renderer, arguments: Any
) -> None:
    """Whatever the template makes of them."""
    function = {"name": "f"} | ({} if arguments is ... else {"arguments": arguments})
    message = answer("", tool_calls=[{"type": "function", "id": "c", "function": function}])
    report = (
        everyturn.Expander(showing, on_error="skip")
        .expand([{"messages": [user("Go."), message]}])
        .report
    )
    if report.records_dropped.keys() <= {"all_targets_dropped"}:
        assert report.warnings["arguments_not_json"] == 1
    else:
        assert report.faults


def test_a_template_that_cannot_print_missing_arguments_is_explained(
    models: dict[str, Path],
) -> None:
    """Its own words are about a type of the engine."""
    template = (
        "{%- for message in messages -%}{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content -}}"
        "{%- for call in message.tool_calls or [] -%}{{- call.function.arguments | tojson -}}"
        "{%- endfor -%}{{- '<|im_end|>\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
    )
    renderer = template_renderer(models["chatml"], chat_template=template)
    message = answer("", tool_calls=[{"type": "function", "function": {"name": "f"}}])
    with pytest.raises(
        everyturn.TemplateError, match="message 1: tool call 0: the arguments are not"
    ):
        everyturn.Expander(renderer).expand([{"messages": [user("Go."), message]}])


CITY = {"city": "Bonn"}


def calling(function: Record, **more: Any) -> Record:
    """Return a record whose answer is that call."""
    entry = {"id": "c1", "type": "function", "function": function, **more}
    return {"messages": [user("Air?"), answer("", tool_calls=[entry])]}


@pytest.mark.parametrize("name", ["input", "args", "kwargs", "parameters"])
@pytest.mark.parametrize("arguments", [{}, {"at": 1}, "{}", '{"at": 1}'])
def test_other_arguments_beside_the_arguments_are_refused(
    showing: everyturn.Renderer, name: str, arguments: Any
) -> None:
    """An empty or another call would be trained in place of the one that is meant."""
    with pytest.raises(everyturn.ConversationError, match=f'"{name}"') as caught:
        samples(showing, calling({"name": "aqi", "arguments": arguments, name: CITY}))
    assert caught.value.kind == "tools"


@pytest.mark.parametrize("nothing", [{}, "", "{}", None, []])
def test_other_arguments_that_say_nothing_or_the_same_are_none(nothing: Any) -> None:
    """As text, too."""
    demo = everyturn.Renderer.from_dir("demo")
    expected = samples(demo, calling({"name": "aqi", "arguments": CITY}))
    for other in (nothing, CITY, json.dumps(CITY)):
        record = calling({"name": "aqi", "arguments": CITY, "input": other})
        assert samples(demo, record) == expected


@pytest.mark.parametrize("name", ["args", "kwargs", "parameters"])
def test_calls_of_other_apis_have_their_arguments_under_their_own_name(name: str) -> None:
    """A block of Anthropic, and an item of Responses."""
    block = {"type": "tool_use", "id": "c1", "name": "aqi", name: CITY}
    item = {"type": "function_call", "call_id": "c1", "name": "aqi", name: CITY}
    for record in (
        {"messages": [user("Air?"), answer([block])]},
        {"input": "Air?", "output": [item]},
        {"input": "Air?", "output": [{**item, "input": CITY, name: None}]},
    ):
        with pytest.raises(everyturn.ConversationError, match="has its arguments under") as caught:
            everyturn.Expander("demo").expand([record])
        assert caught.value.kind == "tools"


@pytest.mark.parametrize("name", ["arguments", "input", "args", "kwargs", "parameters"])
@pytest.mark.parametrize("more", [{}, {"arguments": {}}])
def test_arguments_beside_the_function_are_refused(
    showing: everyturn.Renderer, name: str, more: Record
) -> None:
    """Nothing reads them there."""
    with pytest.raises(everyturn.ConversationError, match='beside "function') as caught:
        samples(showing, calling({"name": "aqi", **more}, **{name: CITY}))
    assert f'"{name}"' in str(caught.value)


@pytest.mark.parametrize("role", ["tool_call", "function_call"])
def test_an_entry_that_is_a_call_has_no_other_calls(showing: everyturn.Renderer, role: str) -> None:
    """Only one of both would be trained."""
    own = {"type": "function", "function": json.loads(KIEL)}
    for key, text in (("messages", "content"), ("conversations", "value")):
        entry = {"from" if key == "conversations" else "role": role, text: BONN}
        if (key, role) == ("messages", "function_call"):
            continue
        with pytest.raises(everyturn.ConversationError, match="both in its content"):
            samples(showing, {key: [user("Air?"), {**entry, "tool_calls": [own]}]})
        assert samples(showing, {key: [user("Air?"), {**entry, "tool_calls": []}]}) == samples(
            showing, {"messages": [user("Air?"), called("", "Bonn")]}
        )


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_a_written_call_keeps_its_id(*, is_wrapped: bool) -> None:
    """Whether the function stands by itself or in a call; no id is made up."""
    function = {"name": "aqi", "arguments": CITY}
    written = (
        {"id": "call_9", "type": "function", "function": function}
        if is_wrapped
        else {"id": "call_9", **function}
    )
    observation = {"from": "observation", "value": "Fine", "tool_call_id": "call_9"}
    entries = sharegpt(("human", "Air?"), ("function_call", json.dumps(written)))["conversations"]
    record = {"conversations": [*entries, observation, {"from": "gpt", "value": "Fine."}]}
    template = SHOWING_TEMPLATE.replace(
        "{{- '<|im_end|>\\n' -}}",
        "{%- for call in message.tool_calls or [] %}{{ call.id }}{% endfor %}{{- '<|im_end|>\\n' -}}",
    )
    renderer = everyturn.Renderer.from_dir("demo", chat_template=template)
    samples = everyturn.Expander(renderer).expand([record])
    assert "call_9" in renderer.decode(samples[0].trained_ids)
    assert "call_ids_made_up" not in samples.report.warnings
    assert "call_1" not in renderer.decode(samples[0].input_ids)
