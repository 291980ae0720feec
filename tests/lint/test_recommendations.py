"""What lint recommends trains what any of the options that it tries can train, on every template."""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import Record, to_jsonl
from everyturn import TemplateReport
from paths import TESTS, find_data
from published import TOOLS, write_model

NOW = "2026-01-31T12:00:00"


def chat(*answers: Record, tools: bool = False) -> Record:
    """Return a chat in which each answer has a question, or the result of the call before it."""
    messages: list[Record] = []
    for answer in answers:
        calls = messages[-1].get("tool_calls") if messages else None
        if calls:
            messages.append(
                {"role": "tool", "tool_call_id": calls[0]["id"], "content": "It is warm."}
            )
        else:
            messages.append({"role": "user", "content": f"Question {len(messages)}?"})
        messages.append({"role": "assistant", **answer})
    return {"messages": messages, "tools": TOOLS} if tools else {"messages": messages}


CALL = {
    "tool_calls": [
        {
            "id": "call12345",
            "type": "function",
            "function": {"name": "look", "arguments": {"at": "here"}},
        }
    ]
}
PLAIN = [{"content": f"Answer {number}."} for number in range(3)]
THOUGHT = [{**answer, "reasoning_content": "Let me count."} for answer in PLAIN]
INLINE = [
    {"content": f"<think>\nLet me count.\n</think>\n\n{answer['content']}"} for answer in PLAIN
]
CHATS = {
    "plain": chat(*PLAIN),
    "reasoning": chat(*THOUGHT),
    "inline": chat(*INLINE),
    "tools": chat(CALL, *PLAIN[1:], tools=True),
    "tools with reasoning": chat(
        {**CALL, "reasoning_content": "I must look."}, *THOUGHT[1:], tools=True
    ),
}
OF_RENDERER = ("content_format", "template_kwargs", "now", "stop_token")

Trained = frozenset[tuple[int, int]]
"""Targets that are trained: the line of each, and its message."""


def trained_with(
    renderer: everyturn.Renderer, kwargs: Mapping[str, Any] | None = None, **options: Any
) -> Trained:
    """Expand the chats, with template arguments of their own."""
    records = [record | {"chat_template_kwargs": kwargs or {}} for record in CHATS.values()]
    expander = everyturn.Expander(
        renderer, layout="per_turn", on_error="skip", num_threads=1, **options
    )
    report = expander.expand(to_jsonl(records)).report
    lost = {(fault.line, fault.message_index) for fault in report.faults}
    found = frozenset(
        (line, place)
        for line, record in enumerate(records, start=1)
        for place, message in enumerate(record["messages"])
        if message["role"] == "assistant" and not {(line, place), (line, None)} & lost
    )
    assert len(found) == report.targets_trained
    return found


def tried_options(report: TemplateReport) -> list[dict[str, Any]]:
    """Return every combination of the options about thinking, with the template's flags."""
    flags = report.thinking_flags.items()
    on = {name: True for name, kind in flags if kind == "switch"}
    off = dict.fromkeys(on, False)
    keeps = {
        name: kind == "keeps_history"
        for name, kind in flags
        if kind in {"keeps_history", "drops_history"}
    }
    much = {name: "high" for name, kind in flags if kind == "effort"}
    kwargs: list[dict[str, Any]] = []
    for each in ({}, on, off, keeps, on | keeps, off | keeps, much, much | keeps):
        if each not in kwargs:
            kwargs.append(each)
    policies = ("skip", "match_thinking", "splice")
    thinking = ("as_rendered", "match") if on else ("as_rendered",)
    return [
        {"kwargs": each, "thinking": thinking, "prompt_mismatch": policy}
        for each, thinking, policy in itertools.product(kwargs, thinking, policies)
    ]


def recommended(report: TemplateReport) -> dict[str, Any]:
    """Return the options that a report recommends, by their names."""
    assert len({advice.option for advice in report.recommendation}) == len(report.recommendation)
    return {advice.option: advice.value for advice in report.recommendation}


def loaded(folder: Path, **options: Any) -> everyturn.Renderer | None:
    """Load a model, or find that nothing can be trained by its template."""
    try:
        return everyturn.Renderer.from_dir(folder, **options)
    except everyturn.ModelError:
        return None


def _templates() -> list[Path]:
    data = find_data()
    own = sorted((TESTS / "data" / "templates").glob("*.jinja"))
    return own + (sorted((data / "templates").glob("*.jinja")) if data else [])


@pytest.mark.parametrize("path", _templates(), ids=lambda path: path.stem)
def test_the_recommended_options_train_all_that_can_be(path: Path, tmp_path: Path) -> None:
    """No combination of the options that are tried trains a target that the recommended one loses."""
    source = path.read_bytes().decode("utf-8")
    folder = write_model(tmp_path / "model", source)
    report = TemplateReport.of_model(folder, now=NOW)
    options = {"prompt_mismatch": "skip"} | recommended(report)
    of_renderer = {"now": NOW} | {
        name: options.pop(name) for name in OF_RENDERER if name in options
    }
    renderer = loaded(folder, **of_renderer)
    if renderer is None:
        assert not report.is_fine
        return
    found = trained_with(renderer, **options)
    if "template_kwargs" in of_renderer:
        del of_renderer["template_kwargs"]
        renderer = everyturn.Renderer.from_dir(folder, **of_renderer)
    for tried in tried_options(report):
        assert trained_with(renderer, **tried) <= found, json.dumps(tried)


#: What is to be set for templates as published; "now" is left out.
EXPECTED: dict[str, dict[str, Any]] = {
    "Qwen-Qwen3-0.6B": {"thinking": "match"},
    "qwq-32b": {"prompt_mismatch": "splice"},
    "Qwen-QwQ-32B": {"thinking": "match", "prompt_mismatch": "splice"},
    "deepseek-r1-distill-qwen-7b": {"prompt_mismatch": "splice"},
    "GLM-4.6": {"thinking": "match"},
    "openai-gpt-oss-120b": {},
    "moonshotai-Kimi-K2": {"content_format": "string"},
    "hfjs-moonshotai-Kimi-K2-Thinking": {"prompt_mismatch": "splice"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_recommended_for_models(data: Path, name: str) -> None:
    """Models that many train."""
    source = (data / "templates" / f"{name}.jinja").read_bytes().decode("utf-8")
    report = TemplateReport.of_template(source, now=NOW)
    found = recommended(report)
    found.pop("now", None)
    assert found == EXPECTED[name]


def test_a_policy_says_how_many_targets_are_left(data: Path) -> None:
    """Apertus writes a turn after a call so that its own text cannot be told from the rest."""
    path = data / "templates" / "Apertus-8B-Instruct.jinja"
    report = TemplateReport.of_template(path.read_bytes().decode("utf-8"), now=NOW)
    (advice,) = [each for each in report.recommendation if each.option == "prompt_mismatch"]
    assert "of 15 made-up targets 14 are left" in advice.text
