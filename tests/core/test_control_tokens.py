"""Control tokens in what somebody wrote: found, counted, refused."""

from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import THOUGHTFUL, TWO_TURNS, Record, answer, call, result, to_jsonl, user
from everyturn.options import Layout
from layouts import Expand, every_exact_layout, every_layout, targets_of

SPIKED = [
    user("a <|im_end|> b <|im_end|>"),
    answer("one"),
    user("c"),
    answer("two</think>"),
]


@every_layout
def test_control_tokens_in_text_are_counted(expand: Expand, layout: Layout) -> None:
    """Each occurrence is counted under its token, and the conversation once; no sample changes."""
    samples = expand("demo", SPIKED, layout=layout, control_tokens="warn")
    assert samples.report.control_tokens == {"<|im_end|>": 2, "</think>": 1}
    assert samples.report.warnings["control_tokens"] == 1
    allowed = expand("demo", SPIKED, layout=layout, control_tokens="allow")
    assert allowed.report.control_tokens == {}
    assert "control_tokens" not in allowed.report.warnings
    assert samples.input_ids.tolist() == allowed.input_ids.tolist()
    assert samples.labels.tolist() == allowed.labels.tolist()


def test_what_the_template_writes_is_no_control_token_in_text(expand: Expand) -> None:
    """Headers, thinking and tool calls of the template are not counted."""
    report = expand("demo", THOUGHTFUL, control_tokens="warn").report
    assert (report.control_tokens, report.warnings) == ({}, {})


@every_layout
def test_control_tokens_in_text_can_be_refused(expand: Expand, layout: Layout) -> None:
    """The error names the first message that holds one, and the token."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("demo", SPIKED, layout=layout, control_tokens="reject")
    assert (caught.value.kind, caught.value.message_index) == ("control_token", 0)
    assert "<|im_end|>" in str(caught.value)
    rest = [user("a"), answer("one"), *SPIKED[2:]]
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("demo", rest, layout=layout, control_tokens="reject")
    assert caught.value.message_index == 3


@every_exact_layout
@pytest.mark.parametrize(
    ("text", "shown", "targets", "dropped"),
    [
        ("<|im_end|>", "message.content", [], 0),
        ("<|IM_END|>", "message.content", [1, 3], 0),
        ("<|IM_END|>", "message.content | lower", [1], 1),
    ],
)
def test_a_text_refuses_its_record_and_a_rendering_its_targets(
    layout: Layout, text: str, shown: str, targets: list[int], dropped: int
) -> None:
    """A token in a text is dropped with all that is beside it; one that the template makes, with what shows it."""
    template = (
        "{%- for message in messages -%}{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
        f"{{{{- ({shown}) if message.role == 'user' else message.content -}}}}"
        "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )
    renderer = template_renderer("demo", chat_template=template)
    refusing = everyturn.Expander(renderer, layout=layout, control_tokens="reject", on_error="skip")
    messages = [user("a"), answer("one"), user(text), answer("two")]
    samples = refusing.expand([{"messages": messages}])
    assert targets_of(samples) == targets
    report = samples.report
    assert report.records_dropped == ({} if targets else {"control_token": 1})
    assert report.targets_dropped == ({"control_token": dropped} if dropped else {})


@pytest.mark.parametrize("options", [{"train_on": "all_tokens"}, {"layout": "conversation"}])
@pytest.mark.parametrize("place", [0, 2])
def test_tokens_that_the_template_makes_are_seen_where_all_is_rendered_once(
    models: dict[str, Path], options: dict[str, Any], place: int
) -> None:
    """Also in messages that no target is shown."""
    template = (
        "{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\n' ~ m.name ~ m.content -}}"
        "{{- '<|im_end|>\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
    )
    renderer = template_renderer(models["chatml"], chat_template=template)
    messages = [user("a", name="b"), answer("one", name=""), user("b", name="c")]
    messages[place] |= {"name": "<|im_", "content": "end|>"}
    report = everyturn.Expander(renderer, **options).expand([{"messages": messages}]).report
    assert report.control_tokens == {"<|im_end|>": 1}
    assert report.warnings["control_tokens"] == 1
    with pytest.raises(everyturn.ConversationError, match="makes the control token") as caught:
        everyturn.Expander(renderer, control_tokens="reject", **options).expand(
            [{"messages": messages}]
        )
    assert caught.value.kind == "control_token"


@pytest.mark.parametrize(
    "record",
    [
        {"messages": TWO_TURNS, "tools": [{"type": "function", "function": {"name": "<think>"}}]},
        {"messages": [user("a"), call("f", arguments={"x": ["<think>"]})]},
        {"messages": [user("a"), call("f", arguments={"<think>": 1})]},
        {"messages": [user("a"), answer("one", reasoning_content="<think>")]},
        {"messages": [user("a"), answer("one"), {**result("t"), "name": "<think>"}]},
    ],
    ids=["tools", "argument", "key of an argument", "reasoning", "name"],
)
def test_control_tokens_are_found_wherever_text_comes_from(record: Record) -> None:
    """Tools, arguments and thoughts were written by somebody, too."""
    lines = to_jsonl([record])
    report = everyturn.Expander("demo").expand(lines).report
    assert report.control_tokens == {"<think>": 1}
    with pytest.raises(everyturn.ConversationError, match="<think>"):
        everyturn.Expander("demo", control_tokens="reject").expand(lines)
    skipping = everyturn.Expander("demo", control_tokens="reject", on_error="skip")
    report = skipping.expand(lines + to_jsonl([{"messages": TWO_TURNS}])).report
    assert report.records_dropped == {"control_token": 1}
    assert report.records_kept == 1


def sound(text: str = "a") -> dict[str, Any]:
    """Return a record that gives one row."""
    return {"messages": [user(text), answer("b")]}


def test_control_tokens_across_parts_and_in_template_arguments_are_seen(
    models: dict[str, Path],
) -> None:
    """Parts are printed back to back; a record's template arguments are somebody's words too."""
    expander = everyturn.Expander(models["chatml"], control_tokens="reject")
    parts = [{"type": "text", "text": "<|im_"}, {"type": "text", "text": "end|>"}]
    for record in (
        {"messages": [{"role": "user", "content": parts}, answer("b")]},
        {**sound(), "chat_template_kwargs": {"persona": "<|im_end|>"}},
    ):
        with pytest.raises(everyturn.ConversationError, match="control token"):
            expander.expand([record])
