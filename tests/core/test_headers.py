"""Rule: a header that no prompt has is trained and said so, unless it is to belong to the prompt."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import THREE_TURNS, answer, call, chat_of, result, user
from everyturn import TemplateReport
from everyturn.options import Layout
from layouts import every_exact_layout, every_layout

UNPROMPTED = (
    "{%- for m in messages -%}{{- '<|im_start|>' + m.role + '\n' + m.content -}}"
    "{%- for c in m.tool_calls or [] -%}{{- '<tool_call>' ~ c.function.name -}}{%- endfor -%}"
    "{{- '<|im_end|>\n' -}}{%- endfor -%}"
)
HEADER = "<|im_start|>assistant\n"
WRITES_HEADER = "{{- '<|im_start|>assistant\n' -}}"


def expand(
    template: str, messages: list[dict[str, Any]], **options: Any
) -> tuple[list[str], everyturn.Samples]:
    """Return what is trained in each sample."""
    renderer = template_renderer("demo", chat_template=template)
    samples = everyturn.Expander(renderer, **options).expand([{"messages": messages}])
    return [renderer.decode(sample.trained_ids) for sample in samples], samples


def test_a_header_that_no_prompt_has_is_counted() -> None:
    """The model would have to write it: that is what the template shows, and nobody may overlook it."""
    texts, samples = expand(UNPROMPTED, THREE_TURNS, layout="per_turn")
    assert texts == [f"{HEADER}{said}<|im_end|>" for said in ("one", "two", "three")]
    assert samples.report.warnings == {"header_trained": 3}


@every_layout
def test_a_header_can_belong_to_the_prompt(layout: Layout) -> None:
    """The same ids, trained from behind the header on."""
    _, as_rendered = expand(UNPROMPTED, THREE_TURNS, layout=layout)
    _, moved = expand(UNPROMPTED, THREE_TURNS, layout=layout, header="context")
    assert moved.input_ids.tolist() == as_rendered.input_ids.tolist()
    assert moved.report.warnings == {"header_in_prompt": 3}
    renderer = template_renderer("demo")
    trained = renderer.decode(moved.labels[moved.labels != -100])
    assert trained == "one<|im_end|>two<|im_end|>three<|im_end|>"


@every_exact_layout
def test_targets_are_those_of_the_template_that_prompts(layout: str) -> None:
    """Moved into the prompt, the header is where a template with a generation prompt has it."""
    prompting = UNPROMPTED + "{%- if add_generation_prompt -%}" + WRITES_HEADER + "{%- endif -%}"
    chat = [user("a"), call("look", arguments={"at": 1}), result("seen"), answer("one")]
    _, expected = expand(prompting, chat, layout=layout)
    _, moved = expand(UNPROMPTED, chat, layout=layout, header="context")
    assert moved.labels.tolist() == expected.labels.tolist()
    assert moved.input_ids.tolist() == expected.input_ids.tolist()
    assert "header_trained" not in expected.report.warnings


def test_a_prompt_that_is_always_written_lacks_no_header() -> None:
    """The header is there with the flag and without, so that nothing of it is trained."""
    always = UNPROMPTED + WRITES_HEADER
    texts, samples = expand(always, THREE_TURNS)
    assert "header_trained" not in samples.report.warnings
    assert HEADER not in "".join(texts)
    with pytest.raises(everyturn.OptionsError, match="header"):
        expand(always, THREE_TURNS, header="context")


def test_where_prompts_have_the_header_nothing_is_moved() -> None:
    """The option is for those that lack it."""
    chats = [{"messages": THREE_TURNS}]
    usual = everyturn.Expander("demo").expand(chats)
    moved = everyturn.Expander("demo", header="context").expand(chats)
    assert moved.labels.tolist() == usual.labels.tolist()
    assert moved.report.warnings == usual.report.warnings


@pytest.mark.parametrize("model", ["inst_metaspace", "inst_prepend"])
def test_brackets_around_a_question_leave_no_header(folders: dict[str, Path], model: str) -> None:
    """White space before an answer is no header, though no prompt has it."""
    renderer = template_renderer(folders[model])
    report = everyturn.Expander(renderer).expand([chat_of("a", "one")]).report
    assert "header_trained" not in report.warnings


def test_words_that_read_like_the_header_are_words() -> None:
    """An answer may begin with what the template writes before answers."""
    plain = (
        "{%- for m in messages -%}{{- m.role ~ ': ' ~ m.content ~ '<|im_end|>' -}}{%- endfor -%}"
    )
    prompting = plain + "{%- if add_generation_prompt -%}{{- 'assistant: ' -}}{%- endif -%}"
    _, samples = expand(prompting, [user("a"), answer("assistant: one")])
    assert "header_trained" not in samples.report.warnings


def test_a_prompt_that_lacks_the_header_in_some_places_is_counted_there() -> None:
    """A template that prompts after a question, and not after the result of a tool."""
    last = "add_generation_prompt and messages[-1].role == 'user'"
    template = UNPROMPTED + "{%- if " + last + " -%}" + WRITES_HEADER + "{%- endif -%}"
    chat = [user("a"), call("look", arguments={"at": 1}), result("seen"), answer("one")]
    texts, samples = expand(template, chat, layout="per_turn")
    assert samples.report.warnings["header_trained"] == 1
    assert [text.startswith(HEADER) for text in texts] == [False, True]
    texts, samples = expand(template, chat, layout="per_turn", header="context")
    assert samples.report.warnings["header_in_prompt"] == 1
    assert texts[1] == "one<|im_end|>"
    found = TemplateReport.of_template(template, serve="template").findings
    assert ("warning", "header_trained") in {(each.severity, each.kind) for each in found}


def test_thinking_is_no_part_of_a_header() -> None:
    """A block that the template opens before every answer is for the model to write."""
    template = UNPROMPTED.replace(
        "m.content", "('<think>\n\n</think>\n\n' if m.role[0] == 'a' else '') + m.content"
    )
    texts, _ = expand(template, [user("a"), answer("one")], header="context")
    assert texts == ["<think>\n\n</think>\n\none<|im_end|>"]


def test_every_token_has_no_prompt_to_put_a_header_into() -> None:
    """Where all is trained, the header is, too."""
    with pytest.raises(everyturn.OptionsError, match="header"):
        expand(UNPROMPTED, THREE_TURNS, header="context", train_on="all_tokens")


def test_lint_names_a_missing_generation_prompt() -> None:
    """With the header, and with the option that moves it."""
    report = TemplateReport.of_template(UNPROMPTED, serve="template")
    found = [found for found in report.findings if found.kind == "header_trained"]
    assert [each.severity for each in found] == ["error"]
    assert "<|im_start|>assistant" in found[0].text
    assert ("header", "context") in {(each.option, each.value) for each in report.recommendation}
    assert not report.is_fine
    prompting = UNPROMPTED + "{%- if add_generation_prompt -%}" + WRITES_HEADER + "{%- endif -%}"
    kinds = {found.kind for found in TemplateReport.of_template(prompting).findings}
    assert "header_trained" not in kinds
