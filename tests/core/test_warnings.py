"""What the report warns of: reasoning that is not rendered, answers without words."""

import pytest

import everyturn
from as_template import template_renderer
from chats import THOUGHTFUL, Record, answer, user
from everyturn import TemplateReport
from everyturn.options import Layout
from layouts import Expand, Shown, chatml, every_exact_layout, every_layout


@every_layout
def test_reasoning_that_is_not_rendered_is_counted(expand: Expand, layout: Layout) -> None:
    """The model would not learn to think; said in a key or in the content, it is noticed."""
    messages = [
        user("a"),
        answer("one", reasoning_content="I reason"),
        user("b"),
        answer("<think>\nI reason\n</think>\n\ntwo"),
        user("c"),
        answer("three"),
        user("d"),
        answer("four", reasoning_content="  "),
    ]
    samples = expand("drops_reasoning", messages, layout=layout, control_tokens="allow")
    assert samples.report.warnings["reasoning_dropped"] == 2
    assert samples.report.targets_trained == 4


@every_exact_layout
def test_reasoning_that_is_rendered_is_no_warning(expand: Expand, layout: Layout) -> None:
    """Each target is looked at as it is trained, not as history shows it."""
    assert expand("demo", THOUGHTFUL, layout=layout).report.warnings == {}


def test_an_answer_without_words_is_counted(expand: Expand, shown: Shown) -> None:
    """Its stop token alone is trained."""
    samples = expand("chatml", [user("a"), answer("")])
    assert samples.report.warnings == {"empty_targets": 1}
    assert shown("chatml", samples) == [chatml("user a", "assistant «").removesuffix("\n")]


#: Writes a block of thinking of its own before every answer, empty where the message has no reasoning.
OWN_BLOCK = (
    "{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\n' -}}"
    "{%- if m.role == 'assistant' -%}{{- '<think>' ~ (m.reasoning_content or '') ~ '</think>' -}}{%- endif -%}"
    "{{- m.content ~ '<|im_end|>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (answer("<think>so</think>one"), 1),
        (answer("\n<think>\nso\n</think>\n\none"), 1),
        (answer("so\n</think>\n\none"), 1),
        (answer("<think></think>one", reasoning_content="so"), 1),
        (answer("one", reasoning_content="so"), 0),
        (answer("one </think> two"), 1),
        (answer("<think> is a tag"), 1),
        (answer("one <think></think><think></think>"), 0),
        (answer("one"), 0),
    ],
)
def test_one_block_of_thinking_after_another_is_counted(message: Record, expected: int) -> None:
    """The template does not know the reasoning in a content, and writes a block of its own before it."""
    renderer = template_renderer("demo", chat_template=OWN_BLOCK)
    expander = everyturn.Expander(renderer, control_tokens="allow")
    report = expander.expand([{"messages": [user("a"), message]}]).report
    assert report.warnings.get("two_thinking_blocks", 0) == expected


def test_a_block_after_one_that_the_prompt_closed_is_counted() -> None:
    """The prompt asks for no thinking, and the answer thinks."""
    closed = OWN_BLOCK.replace(
        "'<think>' ~ (m.reasoning_content or '') ~ '</think>'", "'<think></think>'"
    )
    prompting = closed.replace(
        "'<|im_start|>assistant\n'", "'<|im_start|>assistant\n<think></think>'"
    )
    renderer = template_renderer("demo", chat_template=prompting)
    chats = [{"messages": [user("a"), answer(said)]} for said in ("<think>so</think>one", "one")]
    reports = [everyturn.Expander(renderer).expand([chat]).report for chat in chats]
    assert [report.warnings.get("two_thinking_blocks", 0) for report in reports] == [1, 0]


def test_lint_names_the_conversations_that_think_twice() -> None:
    """Reasoning in the content alone; in its own field it is where the template expects it."""
    found = TemplateReport.of_template(OWN_BLOCK, serve="template").findings
    texts = [each.text for each in found if each.kind == "two_thinking_blocks"]
    assert len(texts) == 1
    assert "(inline_reasoning)" in texts[0]


def test_text_around_reasoning_in_a_content_is_not_lost_in_silence(expand: Expand) -> None:
    """Before the opening tag, and between two blocks: templates that split at tags keep the end alone."""
    for content in ("BEFORE <think>hm</think>after", "<think>a</think>MIDDLE<think>c</think>after"):
        samples = expand("drops_reasoning", [user("a"), answer(content)], control_tokens="allow")
        assert samples.report.warnings["own_text_dropped"] == 1


@every_layout
def test_reasoning_that_the_one_rendering_lacks_is_counted(expand: Expand, layout: Layout) -> None:
    """What counts is what the sample shows, whatever another rendering would."""
    messages = [user("a"), answer("one", reasoning_content="I reason"), user("b"), answer("two")]
    report = expand("drops_reasoning", messages, layout=layout, control_tokens="allow").report
    assert report.warnings["reasoning_dropped"] == 1
