"""Tool arguments in the form that a template takes: objects for some, JSON text for others."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, Route
from reference import (
    ReferenceModel,
    assert_same_samples,
    detect_format,
    expected_samples,
    normalise,
    samples_of,
)

STOP = "<|im_end|>"


def template(call: str, content: str = "(message.content or '')") -> str:
    """Return a template that writes each call like this; `tool` is the function, or the bare call."""
    return (
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ " + content + " -}}"
        "{%- for call in message.tool_calls or [] -%}"
        "{%- set tool = call.function or call -%}" + call + "{%- endfor -%}"
        "{{- '<|im_end|>\\n' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )


AS_JSON = "{{- tool.name ~ tool.arguments | tojson -}}"
ONE_BY_ONE = (
    "{{- tool.name -}}"
    "{%- for key, value in tool.arguments.items() -%}{{- ' ' ~ key ~ '=' ~ value -}}{%- endfor -%}"
)
ONE_BY_ONE_OR_TEXT = (
    "{%- if tool.arguments is string -%}{{- tool.name ~ tool.arguments -}}{%- else -%}"
    + ONE_BY_ONE
    + "{%- endif -%}"
)
ADDED = "{{- tool.name + tool.arguments -}}"
JOINED = "{{- tool.name ~ tool.arguments -}}"
AS_IS_OR_AS_JSON = (
    "{{- tool.name ~ (tool.arguments if tool.arguments is string else tool.arguments | tojson) -}}"
)
NAME_ALONE = "{{- tool.name -}}"

#: Each way to write a call, and the form of arguments that it writes right.
WAYS: dict[str, tuple[str, str]] = {
    "as JSON": (AS_JSON, "object"),
    "the whole call as JSON": ("{{- tool | tojson -}}", "object"),
    "one by one": (ONE_BY_ONE, "object"),
    "one by one, or the text": (ONE_BY_ONE_OR_TEXT, "object"),
    "added to text": (ADDED, "text"),
    "joined to text": (JOINED, "text"),
    "as it is, or as JSON": (AS_IS_OR_AS_JSON, "either"),
    "the name alone": (NAME_ALONE, "either"),
}

OBJECT = {"city": "Lisbon", "days": 3}
NESTED = {
    "where": {"city": 'the "old" town', "at": [1.5, None, {"é": True}]},
    "n": 2**70,
    "x": 1e-5,
}
#: What is not a JSON object stays as it is.
NO_OBJECTS = ["", "{", "null", "[1, 2]", '"text"', "3", '{"a": 1} and more', "look"]

Both = Callable[..., tuple[everyturn.Renderer, ReferenceModel]]


@pytest.fixture(scope="module")
def both(models: dict[str, Path]) -> Both:
    """A template in the product and in the reference."""

    @functools.cache
    def made(source: str) -> tuple[everyturn.Renderer, ReferenceModel]:
        renderer = template_renderer(models["chatml"], chat_template=source)
        return renderer, ReferenceModel(models["chatml"], source, STOP)

    return made


def function(arguments: Any, name: str = "look") -> Record:
    """Return a function with its arguments."""
    return {"name": name, "arguments": arguments}


def call(arguments: Any, name: str = "look") -> Record:
    """Return a call as OpenAI writes it."""
    return {"type": "function", "function": function(arguments, name)}


def calling(*calls: Any, **more: Any) -> Record:
    """Return a record whose answer calls tools."""
    question = {"role": "user", "content": "Well?"}
    return {
        "messages": [
            question,
            {"role": "assistant", "content": "", "tool_calls": list(calls), **more},
        ]
    }


def trained(renderer: everyturn.Renderer, *records: Record) -> tuple[list[str], everyturn.Report]:
    """Return what is trained of some records, with the report."""
    samples = everyturn.Expander(renderer, layout="per_turn", on_error="skip").expand(records)
    return [renderer.decode(sample.trained_ids) for sample in samples], samples.report


@pytest.mark.parametrize("way", WAYS)
def test_the_reference_knows_the_form_that_a_template_takes(both: Both, way: str) -> None:
    """What a person reads from these templates is what the reference finds with transformers."""
    source, form = WAYS[way]
    assert both(template(source))[1].arguments_form == form


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arguments", [OBJECT, NESTED, {}], ids=["flat", "nested", "empty"])
def test_arguments_are_given_in_the_form_that_the_template_takes(
    both: Both, route: Route, way: str, arguments: Any
) -> None:
    """An object and its JSON text are trained alike, as transformers writes the right form.

    Only what was changed is counted. A template that takes both gets what the record has.
    """
    source, form = WAYS[way]
    renderer, model = both(template(source))
    text = json.dumps(arguments, ensure_ascii=False)
    records = [calling(call(arguments)), calling(call(text))]
    expander = everyturn.Expander(renderer, layout="per_turn")
    samples = expander.expand(route(records))
    expected = [
        result
        for line, record in enumerate(records, start=1)
        for result in model.expand(normalise(record, "messages"), line)
    ]
    assert_same_samples(samples_of(samples), expected_samples(expected))
    texts = [renderer.decode(sample.trained_ids) for sample in samples]
    if form != "either":
        assert texts[0] == texts[1]
    converted = samples.report.warnings.get("arguments_converted", 0)
    assert converted == {"object": 1, "text": 1, "either": 0}[form]


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"the name alone"}))
def test_arguments_are_never_json_within_json(both: Both, way: str) -> None:
    """Whatever the record has, no quote of the arguments' own JSON is escaped, and no Python is written."""
    renderer, _ = both(template(WAYS[way][0]))
    texts, _ = trained(renderer, calling(call(OBJECT)), calling(call(json.dumps(OBJECT))))
    assert len(texts) == 2
    for text in texts:
        assert "Lisbon" in text
        assert '\\"' not in text
        assert "{'" not in text


def test_an_object_is_written_as_pythons_json(both: Both) -> None:
    """Where an object becomes text, it is what `json.dumps(..., ensure_ascii=False)` gives."""
    renderer, _ = both(template(ADDED))
    texts, report = trained(renderer, calling(call(NESTED)))
    assert texts == [f"look{json.dumps(NESTED, ensure_ascii=False)}<|im_end|>"]
    assert report.warnings == {"arguments_converted": 1}


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_text_that_is_no_json_object_is_left_as_it_stands(both: Both, text: str) -> None:
    """Nothing is counted; the template shows it, or says what is wrong."""
    for way in ("as JSON", "added to text", "as it is, or as JSON"):
        renderer, model = both(template(WAYS[way][0]))
        record = calling(call(text))
        texts, report = trained(renderer, record)
        shown = json.dumps(text, ensure_ascii=False) if way == "as JSON" else text
        assert texts == [f"look{shown}<|im_end|>"]
        assert "arguments_converted" not in report.warnings
        assert model.adapted(normalise(record, "messages")).messages == record["messages"]
    renderer, _ = both(template(ONE_BY_ONE))
    texts, report = trained(renderer, calling(call(text)), calling(call("{}")))
    assert texts == ["look<|im_end|>"]
    assert report.targets_dropped == {"template": 1}


@pytest.mark.parametrize("wrapped", [call, function], ids=["function wrapper", "bare call"])
def test_every_call_is_converted_and_counted(both: Both, wrapped: Callable[..., Record]) -> None:
    """Each call of each message counts once, wrapped in `function` or not."""
    renderer, _ = both(template(AS_JSON))
    text = json.dumps(OBJECT)
    record = calling(wrapped(text, "one"), wrapped(OBJECT, "two"), wrapped(text, "three"))
    record["messages"] += [
        {"role": "tool", "content": "Sunny."},
        *calling(wrapped(text))["messages"],
    ]
    texts, report = trained(renderer, record)
    shown = json.dumps(OBJECT)
    assert texts == [f"one{shown}two{shown}three{shown}<|im_end|>", f"look{shown}<|im_end|>"]
    assert report.warnings == {"arguments_converted": 3}


@pytest.mark.parametrize("way", ["as JSON", "added to text"])
def test_calls_of_context_messages_are_converted_too(both: Both, way: str) -> None:
    """A prompt is what a server renders: the calls before a target are written right as well."""
    source, form = WAYS[way]
    renderer, _ = both(template(source))
    given: Any = OBJECT if form == "text" else json.dumps(OBJECT)
    record = calling(call(given), weight=0)
    record["messages"] += [
        {"role": "tool", "content": "Sunny."},
        {"role": "assistant", "content": "It is sunny."},
    ]
    samples = everyturn.Expander(renderer).expand([record])
    prompt = renderer.decode(samples[0].input_ids)
    assert f"look{json.dumps(OBJECT)}<|im_end|>" in prompt
    assert samples.report.warnings == {"arguments_converted": 1}


#: One call in every format that has calls.
INPUTS: dict[str, Callable[[Any], Record]] = {
    "tool_calls": lambda arguments: calling(call(arguments)),
    "bare tool_calls": lambda arguments: calling(function(arguments)),
    "function_call": lambda arguments: {
        "messages": [
            {"role": "user", "content": "Well?"},
            {"role": "assistant", "content": "", "function_call": function(arguments)},
        ]
    },
    "tool call part": lambda arguments: {
        "messages": [
            {"role": "user", "content": "Well?"},
            {"role": "assistant",
             "content": [{"type": "tool_call", "value": json.dumps(function(arguments))}]},
        ]
    },
    "sharegpt": lambda arguments: {
        "conversations": [
            {"from": "human", "value": "Well?"},
            {"from": "function_call", "value": json.dumps(function(arguments))},
        ]
    },
    "sharegpt, no text": lambda arguments: {
        "conversations": [
            {"from": "human", "value": "Well?"},
            {"from": "function_call", "value": [function(arguments)]},
        ]
    },
    "prompt and completion": lambda arguments: {
        "prompt": [{"role": "user", "content": "Well?"}],
        "completion": calling(call(arguments))["messages"][1:],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("way", ["as JSON", "one by one", "added to text"])
def test_every_input_format_is_converted_alike(
    both: Both, route: Route, name: str, way: str
) -> None:
    """Wherever a format has its calls, their arguments arrive in the form that the template takes."""
    source, _ = WAYS[way]
    renderer, model = both(template(source))
    found = set()
    for arguments in (OBJECT, json.dumps(OBJECT)):
        record = INPUTS[name](arguments)
        form = detect_format([record]) or ""
        expected = expected_samples(model.expand(normalise(record, form), 1))
        assert expected.total() == 1
        samples = everyturn.Expander(renderer, layout="per_turn").expand(route([record]))
        assert_same_samples(samples_of(samples), expected)
        found.add(renderer.decode(samples[0].trained_ids))
    assert len(found) == 1


def test_render_adapts_nothing(both: Both) -> None:
    """`Renderer.render` is `apply_chat_template`: text stays text, and what is missing is missing."""
    for source in (template(AS_JSON), template(ADDED), template(AS_JSON, "message.content + ''")):
        renderer, model = both(source)
        for arguments in (OBJECT, json.dumps(OBJECT)):
            for more in ({"content": ""}, {}):
                answer = {"role": "assistant", "tool_calls": [call(arguments)], **more}
                messages: list[Record] = [{"role": "user", "content": "Well?"}, answer]
                try:
                    expected = model.render(messages)
                except Exception:  # noqa: BLE001 - the product is to raise as well
                    with pytest.raises(everyturn.TemplateError):
                        renderer.render(messages)
                else:
                    assert renderer.render(messages) == expected


def test_arguments_of_other_keys_are_left_alone(both: Both) -> None:
    """Only the `arguments` of calls are converted: neither other keys, nor messages without calls."""
    source = template(AS_JSON + "{{- tool.note | tojson -}}")
    renderer, _ = both(source)
    noted = {"type": "function", "function": {**function(OBJECT), "note": '{"a": 1}'}}
    record = calling(noted)
    record["messages"].insert(0, {"role": "user", "content": '{"a": 1}', "arguments": '{"a": 1}'})
    texts, report = trained(renderer, record)
    assert texts == [f'look{json.dumps(OBJECT)}"{{\\"a\\": 1}}"<|im_end|>']
    assert report.warnings == {}


# --------------------------------------------------------------------------------------------
# Contents
# --------------------------------------------------------------------------------------------

#: How a template writes the content, and whether it fails where there is none.
CONTENTS = {
    "or nothing": ("(message.content or '')", False),
    "printed": ("message.content", False),
    "added": ("(message.content + '')", True),
    "trimmed": ("message.content.strip()", True),
}


def without_content(**more: Any) -> Record:
    """Return a record whose answer calls a tool without text."""
    record = calling(call(OBJECT), **more)
    if not more:
        del record["messages"][1]["content"]
    return record


@pytest.mark.parametrize("way", ["as JSON", "added to text"])
@pytest.mark.parametrize("name", CONTENTS)
def test_a_content_is_filled_where_the_template_fails_without(
    both: Both, route: Route, name: str, way: str
) -> None:
    """A message that calls tools gets an empty content only where that is needed, and is counted."""
    content, needed = CONTENTS[name]
    renderer, model = both(template(WAYS[way][0], content))
    assert model.needs_content == needed
    for record in (without_content(), without_content(content=None)):
        expected = expected_samples(model.expand(normalise(record, "messages"), 1))
        assert expected.total() == 1
        samples = everyturn.Expander(renderer, layout="per_turn").expand(route([record]))
        assert_same_samples(samples_of(samples), expected)
        assert samples.report.warnings.get("content_filled", 0) == needed
        if needed:
            assert renderer.decode(samples[0].trained_ids) == f"look{json.dumps(OBJECT)}{STOP}"


def test_a_content_that_is_there_is_not_filled(both: Both) -> None:
    """Neither an empty one nor words count, nor a message without calls."""
    renderer, _ = both(template(AS_JSON, "message.content.strip()"))
    said = calling(call(OBJECT), content="Looking: ")
    texts, report = trained(renderer, calling(call(OBJECT)), said)
    assert texts == [f"{said}look{json.dumps(OBJECT)}{STOP}" for said in ("", "Looking:")]
    assert "content_filled" not in report.warnings


def test_a_message_without_content_and_calls_is_not_filled(both: Both) -> None:
    """Where nothing is called, a missing content is the template's to judge."""
    renderer, _ = both(template(AS_JSON, "message.content.strip()"))
    thought = {"role": "assistant", "reasoning_content": "Hm."}
    record = {"messages": [{"role": "user", "content": "Well?"}, thought]}
    texts, report = trained(renderer, record)
    assert texts == []
    assert report.targets_dropped == {"template": 1}
    assert "content_filled" not in report.warnings


def test_contents_of_context_messages_are_filled_too(both: Both) -> None:
    """Each message counts once, however often it is rendered."""
    renderer, _ = both(template(AS_JSON, "message.content.strip()"))
    record = without_content()
    result = {"role": "tool", "content": "Sunny."}
    record["messages"] += [result, record["messages"][1], result]
    record["messages"].append({"role": "assistant", "content": "It is sunny."})
    texts, report = trained(renderer, record)
    assert [text.endswith(STOP) for text in texts] == [True] * 3
    assert report.warnings["content_filled"] == 2
