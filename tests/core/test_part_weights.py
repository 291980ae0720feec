"""Weights of parts of a message hold for the tokens whose bytes come from the part, and are never guessed."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import answer, user
from everyturn.options import Layout
from layouts import Expand, every_exact_layout, every_layout

PLAIN = (
    "{%- for message in messages -%}<|im_start|>{{ message.role }}\n"
    "{%- if message.reasoning_content is defined %}<think>{{ message.reasoning_content }}</think>{% endif -%}"
    "{{ BODY }}"
    "{%- for call in message.tool_calls or [] %}<tool_call>{{ call.function.name }}"
    "{{ call.function.arguments | tojson }}</tool_call>{% endfor -%}"
    "<|im_end|>\n{%- endfor -%}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{%- endif -%}"
)


def weights(
    models: dict[str, Path],
    message: dict[str, Any],
    body: str = "message.content",
    *,
    template: str = PLAIN,
    **options: Any,
) -> list[tuple[str, float]]:
    """Return the completion of an answer in stretches of one weight; 0 for what is not trained."""
    renderer = template_renderer(models["chatml"], chat_template=template.replace("BODY", body))
    expander = everyturn.Expander(renderer, **{"layout": "per_turn", **options})
    samples = expander.expand([{"messages": [user("Q"), message]}])
    (sample,) = samples
    tokenizer = renderer
    weighed = (
        sample.loss_weights if sample.loss_weights is not None else (sample.labels != -100) * 1.0
    )
    start = len(renderer.encode(renderer.render([user("Q")], add_generation_prompt=True)))
    found: list[tuple[list[int], float]] = []
    for at in range(start, len(sample.input_ids)):
        weight = float(weighed[at]) if sample.labels[at] != -100 else 0.0
        if found and found[-1][1] == weight:
            found[-1][0].append(int(sample.input_ids[at]))
        else:
            found.append(([int(sample.input_ids[at])], weight))
    return [(tokenizer.decode(ids), weight) for ids, weight in found]


@pytest.mark.parametrize("key", ["weight", "loss", "train", "trainable", "loss_weight"])
def test_a_part_of_a_content_is_left_out(models: dict[str, Path], key: str) -> None:
    """The text around it is trained, and so is the stop."""
    parts = [
        {"type": "text", "text": "I searched:"},
        {"type": "text", "text": "RESULT", key: 0},
        {"type": "text", "text": "so yes."},
    ]
    found = weights(models, answer(parts))
    assert [text for text, weight in found if weight == 0] == ["RESULT"]
    assert "".join(text for text, _ in found) == "I searched:\nRESULT\nso yes.<|im_end|>"


def test_parts_that_a_template_prints_one_by_one_are_told_apart(models: dict[str, Path]) -> None:
    """Equal texts are different parts."""
    parts = [
        {"type": "text", "text": "a b "},
        {"type": "text", "text": "a b ", "weight": 0.5},
        {"type": "text", "text": "a b"},
    ]
    body = "message.content if message.content is string else message.content | map(attribute='text') | join('|')"
    found = weights(models, answer(parts), body)
    assert "".join(text for text, _ in found) == "a b |a b |a b<|im_end|>"
    (half,) = [text for text, weight in found if weight == 0.5]
    assert half.strip() == "a b"


def test_reasoning_has_a_weight_of_its_own(models: dict[str, Path]) -> None:
    """As a key of the message, and as that of a part of the content; the tags around it are the template's."""
    for message in (
        answer("A", reasoning_content="to be sure", reasoning_weight=0),
        answer(
            [
                {"type": "thinking", "thinking": "to be sure", "loss_weight": 0},
                {"type": "text", "text": "A"},
            ]
        ),
    ):
        found = weights(models, message)
        assert [text for text, weight in found if weight == 0] == ["to be sure"]


def test_one_of_several_thoughts_has_a_weight(models: dict[str, Path]) -> None:
    """Several parts are one reasoning, and their weights hold for their own bytes."""
    parts = [
        {"type": "thinking", "thinking": "first"},
        {"type": "thinking", "thinking": "second", "weight": 0},
        {"type": "text", "text": "A"},
    ]
    assert [text for text, weight in weights(models, answer(parts)) if weight == 0] == ["second"]


def test_a_tool_call_has_a_weight_of_its_own(models: dict[str, Path]) -> None:
    """The other call, and what the template writes, weigh what the message does."""
    calls = [
        {"type": "function", "function": {"name": "look", "arguments": {"at": 1}}, "weight": 0},
        {"type": "function", "function": {"name": "take", "arguments": {"at": 2}}},
    ]
    found = weights(models, answer("", tool_calls=calls))
    assert [text for text, weight in found if weight == 0] == ['look{"at": 1}']


def test_numbers_of_a_call_weigh_what_it_does(models: dict[str, Path]) -> None:
    """They have no place of their own in a text, and are known by what is printed."""
    arguments = {"n": 5, "deep": [True, None]}
    body = "message.content"
    template = PLAIN.replace("BODY", body).replace(
        "call.function.arguments | tojson", "call.function.arguments.n"
    )
    calls = [
        {"type": "function", "function": {"name": "look", "arguments": arguments}, "weight": 0},
        {"type": "function", "function": {"name": "take", "arguments": {"n": 7}}},
    ]
    found = weights(models, answer("True", tool_calls=calls), template=template)
    assert "".join(text for text, weight in found if weight == 0) == "look5"
    assert "7" in "".join(text for text, weight in found if weight == 1)


@pytest.mark.parametrize("arguments", [{"n": 5}, '{"n": 5}'])
def test_a_weight_beside_the_name_of_a_function_is_that_of_the_call(
    models: dict[str, Path], arguments: Any
) -> None:
    """In a call, and in the legacy form; it is no text of the message."""
    function = {"name": "look", "arguments": arguments, "weight": 0}
    for more in (
        {"tool_calls": [{"type": "function", "function": function}]},
        {"function_call": function},
    ):
        found = weights(models, answer("x", **more))
        assert [text for text, weight in found if weight == 0] == ['look{"n": 5}']


def test_spans_of_characters_are_read_as_axolotl_does(models: dict[str, Path]) -> None:
    """The last character belongs to the span; a message that is not trained may have spans that are."""
    details = [{"begin_offset": 2, "end_offset": 3, "train": False}]
    found = weights(models, answer("äb cd ef", train_detail=details))
    assert "".join(text for text, _ in found) == "äb cd ef<|im_end|>"
    untrained = "".join(text for text, weight in found if weight == 0)
    assert "c" in untrained
    assert not {"ä", "e", "f"} & set(untrained)
    details = [{"begin_offset": 6, "end_offset": 7, "train": True}]
    found = weights(models, answer("ab cd ef", train=False, train_detail=details))
    trained = "".join(text for text, weight in found if weight == 1)
    assert trained.strip() == "ef"


@every_exact_layout
def test_weights_of_parts_are_those_of_messages_that_hold_them(
    expand: Expand, layout: Layout
) -> None:
    """A message whose parts all weigh one thing has the weights of a message that weighs that."""
    parts = [{"type": "text", "text": "one", "weight": 0.5}]
    messages = [user("a"), answer(parts), user("b"), answer("two")]
    samples = expand("chatml", messages, layout=layout)
    assert samples.report.targets_trained == 2
    assert samples.loss_weights is not None
    assert set(samples.loss_weights.tolist()) == {0.0, 0.5, 1.0}


@every_layout
def test_what_cannot_be_told_is_an_error(models: dict[str, Path], layout: Layout) -> None:
    """A template that changes a text does not say which bytes of it are where."""
    details = [{"begin_offset": 0, "end_offset": 1, "train": False}]
    with pytest.raises(everyturn.EveryturnError, match="weight of its own") as caught:
        weights(
            models,
            answer("ab cd", train_detail=details),
            "message.content | replace('b', 'bb')",
            layout=layout,
        )
    assert (caught.value.kind, caught.value.message_index) == ("weight", 1)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"reasoning_weight": 0}, "no reasoning"),
        (
            {"train_detail": [{"begin_offset": 0, "end_offset": 99, "train": True}]},
            "not within the content",
        ),
        ({"train_detail": [{"begin_offset": 0, "end_offset": 0}]}, 'no "train"'),
        ({"train_detail": "all"}, "expected a list"),
        (
            {
                "train_detail": [
                    {"begin_offset": 0, "end_offset": 1, "train": True},
                    {"begin_offset": 1, "end_offset": 2, "train": False},
                ]
            },
            "overlaps a span",
        ),
    ],
)
def test_weights_of_nothing_are_refused(expand: Expand, more: dict[str, Any], text: str) -> None:
    """They would be silently without effect."""
    with pytest.raises(everyturn.ConversationError, match=text):
        expand("chatml", [user("a"), answer("one", **more)])


def test_all_tokens_cannot_follow_weights_of_parts(expand: Expand) -> None:
    """Said before anything is trained."""
    parts = [{"type": "text", "text": "one", "weight": 0.5}]
    with pytest.raises(everyturn.ConversationError, match="all_tokens"):
        expand("chatml", [user("a"), answer(parts)], layout="conversation", train_on="all_tokens")


def test_what_is_not_marked_of_a_marked_message_is_context(expand: Expand) -> None:
    """With `marked`, a part that is marked is trained, and what stands around it is not."""
    parts = [{"type": "text", "text": "one", "weight": 1}, {"type": "text", "text": "two"}]
    samples = expand(
        "chatml", [user("a"), answer(parts), user("b"), answer("three")], train_on="marked"
    )
    assert samples.report.targets_trained == 1
    assert samples.report.trained_tokens == len(samples[0].labels[samples[0].labels != -100]) > 0


def test_a_message_of_which_nothing_is_trained_is_an_error(models: dict[str, Path]) -> None:
    """Its one part with a weight is left out by the template."""
    template = PLAIN.replace("{%- if message.reasoning_content is defined %}", "{%- if false %}")
    message = answer("A", reasoning_content="why", reasoning_weight=1, weight=0)
    with pytest.raises(everyturn.ConversationError, match="nothing of the message"):
        weights(models, message, template=template)


def test_a_part_of_reasoning_of_responses_has_its_own_weight() -> None:
    """As a block of thinking has."""
    renderer = everyturn.Renderer.from_dir("demo")
    cases: list[tuple[list[dict[str, Any]], list[str]]] = [
        ([{"text": "alone", "weight": 0}], ["alone"]),
        ([{"text": "first", "weight": 0}, {"text": "second"}], ["first"]),
    ]
    for parts, context in cases:
        summary = [{"type": "summary_text", **part} for part in parts]
        output = [{"type": "reasoning", "summary": summary}, answer("A")]
        (sample,) = everyturn.Expander(renderer).expand([{"input": "Q", "output": output}])
        shown, said = renderer.decode(sample.input_ids), renderer.decode(sample.trained_ids)
        for part in parts:
            assert part["text"] in shown
            assert (part["text"] in said) == (part["text"] not in context)
        assert "A" in said


def test_a_part_of_the_system_message_beside_the_messages_has_its_own_weight() -> None:
    """Refused where the weights of parts cannot be followed, as in a message."""
    record = {
        "system": [{"type": "text", "text": "Rules.", "weight": 0}],
        "messages": [user("a"), answer("one")],
    }
    with pytest.raises(everyturn.ConversationError, match="all_tokens"):
        everyturn.Expander("demo", train_on="all_tokens").expand([record])
    assert len(everyturn.Expander("demo").expand([record])) == 1
