"""The record formats: what a record means as messages, tools and arguments of the template."""

import json
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Route, chat_of
from record_formats import FORMATS, SHOWING_TEMPLATE, TOOL
from reference import (
    ReferenceModel,
    assert_same_samples,
    detect_format,
    expected_samples,
    normalise,
    samples_of,
)


@pytest.fixture(scope="module")
def expander(models: dict[str, Path]) -> everyturn.Expander:
    """What turns sources into rows here."""
    return everyturn.Expander(models["chatml"], layout="per_turn")


STOP = "<|im_end|>"


@pytest.fixture(scope="module")
def showing(models: dict[str, Path]) -> everyturn.Renderer:
    """A renderer that shows what the template is given."""
    return template_renderer(models["chatml"], chat_template=SHOWING_TEMPLATE)


@pytest.fixture(scope="module")
def shown(models: dict[str, Path]) -> ReferenceModel:
    """The same in the reference."""
    return ReferenceModel(models["chatml"], SHOWING_TEMPLATE, STOP)


# --------------------------------------------------------------------------------------------
# Record formats
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_means_its_messages(
    showing: everyturn.Renderer, shown: ReferenceModel, route: Route, name: str
) -> None:
    """A record of any format is trained as the messages that it means.

    It makes no difference whether the format is found or named.
    """
    record, form, messages = FORMATS[name]
    assert detect_format([record]) == form
    conversation = normalise(record, form)
    assert conversation.messages == messages
    expected = expected_samples(shown.expand(conversation, 1))
    assert expected
    forms: list[Any] = ["auto", form]
    for named in forms:
        expander = everyturn.Expander(showing, layout="per_turn", input_format=named)
        assert_same_samples(samples_of(expander.expand(route([record]))), expected)


def test_text_parts_stay_parts_where_the_template_prints_them(models: dict[str, Path]) -> None:
    """A template that prints a list of text parts gets the list; how it joins them is its own."""
    record = FORMATS["text parts"][0]
    model = ReferenceModel(models["parts"], stop=STOP)
    assert model.prints_text_parts()
    expected = model.expand(normalise(record, "messages", parts_as_list=True), 1)
    samples = everyturn.Expander(models["parts"], layout="per_turn").expand([record])
    assert_same_samples(samples_of(samples), expected_samples(expected))
    assert "OneTwo" in (expected[0].prompt_text or "")


@pytest.mark.parametrize(
    "tools",
    [[TOOL], json.dumps([TOOL]), [], "[]", "", "  \n", None],
    ids=["list", "text", "empty list", "text of an empty list", "no text", "blank text", "null"],
)
def test_tools_are_a_list_or_its_text(
    showing: everyturn.Renderer, shown: ReferenceModel, route: Route, tools: Any
) -> None:
    """Tools reach the template as a list, their keys and numbers untouched; blank is none."""
    record = {**chat_of("Hi", "Hello"), "tools": tools}
    expected = expected_samples(shown.expand(normalise(record, "messages"), 1))
    samples = everyturn.Expander(showing, layout="per_turn").expand(route([record]))
    assert_same_samples(samples_of(samples), expected)


def test_template_kwargs_of_a_record_go_over_those_of_the_renderer(
    models: dict[str, Path], shown: ReferenceModel, route: Route
) -> None:
    """`chat_template_kwargs` of a record wins where both have a key."""
    renderer = template_renderer(
        models["chatml"], chat_template=SHOWING_TEMPLATE, template_kwargs={"mode": "quiet"}
    )
    loud = {**chat_of("Hi", "Hello"), "chat_template_kwargs": {"mode": "loud"}}
    quiet = {**chat_of("Hi", "Hello"), "chat_template_kwargs": {"mode": "quiet"}}
    samples = everyturn.Expander(renderer, layout="per_turn").expand(
        route([loud, chat_of("Hi", "Hello")])
    )
    results = [
        *shown.expand(normalise(loud, "messages"), 1),
        *shown.expand(normalise(quiet, "messages"), 2),
    ]
    assert_same_samples(samples_of(samples), expected_samples(results))


def test_only_the_completion_of_a_pair_of_lists_is_trained(
    expander: everyturn.Expander, route: Route
) -> None:
    """An assistant message of the prompt is context."""
    record = FORMATS["lists of prompt and completion"][0]
    assert expander.expand(route([record])).targets.tolist() == [3, 5]
