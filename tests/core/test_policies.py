"""Every published template, every way to think and every place of a target: what each policy gives.

The prompt is transformers'. What is trained is what the reference says that the model has to write: its own reasoning
once, its own words once, white space as the template writes it. Nothing is lost without a warning.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from battery import Case
from paths import find_data
from published import TOOLS, write_model
from reference.policies import Chat, Message, Template, matches_some_flags, spliced
from template_reference import NOW, reference_apply, stopped_clock

#: Without `--whole`, one template of so many.
SAMPLED = 12
GROUPS = 8
POLICIES = ("skip", "match_thinking", "splice", "common_prefix")
#: Templates that are given other messages than transformers gives them, and why.
ADAPTED = {"vllm-tool_phi4_mini.jinja": "it takes arguments of calls as text alone"}

THINKS = ("none", "field", "inline")
CALL = {
    "id": "abcdefghi",
    "type": "function",
    "function": {"name": "look", "arguments": {"at": "here"}},
}


def say(think: str, answer: str, reasoning: str, **more: Any) -> Message:
    """Return an answer with its reasoning in a field, in its content or left out."""
    content = answer
    if think == "inline":
        content = f"<think>\n{reasoning}\n</think>\n\n{answer}"
    message: Message = {"role": "assistant", "content": content, **more}
    return {**message, "reasoning_content": reasoning} if think == "field" else message


def ask(text: str) -> Message:
    """Return a question."""
    return {"role": "user", "content": text}


def chats(think: str) -> dict[str, Chat]:
    """Return a chat for each place of a target: the last message."""
    result = {
        "role": "tool",
        "name": "look",
        "tool_call_id": "abcdefghi",
        "content": "Painted blue.",
    }
    call = say(think, "", "Must look.", tool_calls=[CALL])
    told = say(think, "Wait please.", "Must look.", tool_calls=[CALL])
    first = say(think, "Not prime, that.", "Two divides.")
    blue = say(think, "Blue, clearly.", "Result says so.")

    def chat(messages: list[Message], reasoning: str, answer: str, *others: str) -> Chat:
        thought = "" if think == "none" else reasoning
        return Chat(messages, thought, answer, others, think == "inline")

    return {
        "first": chat([ask("Is 4 odd?"), first], "Two divides.", "Not prime, that.", "Is 4 odd?"),
        "later": chat(
            [ask("Is 4 odd?"), first, ask("And 7?"), say(think, "Seven is.", "Nothing divides.")],
            "Nothing divides.", "Seven is.", "Is 4 odd?", "And 7?",
        ),
        "call": chat([ask("Which colour?"), call], "Must look.", "", "Which colour?"),
        "after a call": chat(
            [ask("Which colour?"), call, result, blue],
            "Result says so.", "Blue, clearly.", "Which colour?", "Painted blue.",
        ),
        "after words and a call": chat(
            [ask("Which colour?"), told, result, blue],
            "Result says so.", "Blue, clearly.", "Which colour?", "Wait please.", "Painted blue.",
        ),
    }  # fmt: skip


def rendered_by(source: str, tools: list[Any] | None) -> Template:
    """Return what transformers makes of messages by a template."""

    def text(messages: Sequence[Message], flags: dict[str, bool], *, prompting: bool) -> str | None:
        case = Case(list(messages), tools=tools, variables=dict(flags))
        found = reference_apply(source, case, prompting=prompting)
        return found if isinstance(found, str) else None

    return Template(
        functools.partial(text, prompting=True), functools.partial(text, prompting=False)
    )


@functools.cache
def _sources(*, whole: bool) -> dict[str, str]:
    data = find_data()
    assert data is not None
    found = sorted((data / "templates").glob("*.jinja"))[:: 1 if whole else SAMPLED]
    return {path.name: path.read_bytes().decode("utf-8") for path in found}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_policy_gives_what_the_model_has_to_write(
    tmp_path: Path, request: pytest.FixtureRequest, group: int
) -> None:
    """For each target a row that is right, or none; what a row lacks is warned of."""
    sources = _sources(whole=request.config.getoption("--whole"))
    wrong: list[str] = []
    ways: Counter[str] = Counter()
    with stopped_clock():
        for name in list(sources)[group::GROUPS]:
            if name in ADAPTED:
                continue
            try:
                folder = write_model(tmp_path / name, sources[name])
                renderer = template_renderer(folder, now=NOW)
            except everyturn.ModelError:
                continue
            for think in THINKS:
                for place, chat in chats(think).items():
                    wrong += [
                        f"{name}, {think}, {place}, {policy}: {text}"
                        for policy in POLICIES
                        if (text := _wrong_with(renderer, sources[name], chat, policy, ways))
                    ]
    assert ways["exact"]
    assert not wrong, "\n".join([f"{len(wrong)} are wrong: {dict(ways)}", *wrong[:40]])


def _wrong_with(
    renderer: everyturn.Renderer, source: str, chat: Chat, policy: str, ways: Counter[str]
) -> str | None:
    tools = TOOLS if any("tool_calls" in message for message in chat.messages) else None
    template = rendered_by(source, tools)
    prompt, full = template.prompt(chat.messages[:-1], {}), template.text(chat.messages, {})
    if prompt is None or full is None:
        return None
    row = _row(renderer, chat, tools, policy)
    if isinstance(row, str):
        # The last word on it is the caller's: nothing is trained, and it is counted.
        certain = policy == "splice" and row == "prompt_mismatch" and spliced(template, chat)
        ways["none"] += 1
        return f"no row, expected {certain!r}" if certain else None
    if full.startswith(prompt):
        ways["exact"] += 1
        return None if row[0] == prompt else "the prompt is not that of a server"
    ways[policy] += 1
    return (
        _lost(chat, row[1][0], row[2])
        or (_wrong_splice(template, chat, row[0], row[1]) if policy == "splice" else None)
        or (_wrong_flags(template, chat, row[0], row[1]) if policy == "match_thinking" else None)
        or (_wrong_prefix(prompt, full, row[0], row[1]) if policy == "common_prefix" else None)
    )


def _wrong_splice(
    template: Template, chat: Chat, before: str, trained: tuple[str, str]
) -> str | None:
    if before != template.prompt(chat.messages[:-1], {}):
        return "the prompt is not that of a server"
    expected = spliced(template, chat)
    if expected is None:
        return f"a row that is not certain: {trained[0]!r}"
    return None if _ends_alike(*trained, expected) else f"{trained[0]!r}, expected {expected!r}"


def _wrong_flags(
    template: Template, chat: Chat, before: str, trained: tuple[str, str]
) -> str | None:
    fits = matches_some_flags(template, chat, before, _words(*trained))
    return None if fits else f"no flags give {before[-60:]!r} and {trained[0]!r}"


def _wrong_prefix(prompt: str, full: str, before: str, trained: tuple[str, str]) -> str | None:
    if not full.startswith(before + _words(*trained)):
        return f"not of the rendering: {trained[0]!r}"
    shared = re.sub(r"\s", "", before)
    return None if re.sub(r"\s", "", prompt).startswith(shared) else f"a header in {trained[0]!r}"


def _words(text: str, stop: str) -> str:
    """Return a completion without what ends it: the next header may, and can start with white space."""
    return text.removesuffix(stop).rstrip()


def _ends_alike(text: str, stop: str, expected: str) -> bool:
    """Whether a completion is what is expected through the stop token, which the next header may write."""
    return expected.startswith(text) or expected.rstrip() == _words(text, stop)


def _lost(chat: Chat, text: str, warnings: dict[str, int]) -> str | None:
    """What is trained twice, or is missing without a warning."""
    for what, words in (("reasoning", chat.reasoning), ("own_text", chat.answer)):
        count = text.count(words) if words else 1
        if count > 1:
            return f"{what} is trained {count} times: {text!r}"
        if count == 0 and f"{what}_dropped" not in warnings:
            return f"{what} is lost without a warning: {text!r}"
    calls = "tool_calls" in chat.messages[-1]
    if calls and "look" not in text and "tool_calls_dropped" not in warnings:
        return f"a call is lost without a warning: {text!r}"
    return None


def _row(
    renderer: everyturn.Renderer, chat: Chat, tools: list[Any] | None, policy: str
) -> tuple[str, tuple[str, str], dict[str, int]] | str:
    """Return prompt, completion with its stop token, and warnings; or the kind of the fault."""
    record: dict[str, Any] = {"messages": chat.messages}
    if tools:
        record["tools"] = tools
    expander = everyturn.Expander(
        renderer,
        train_on="last_assistant_message",
        layout="per_turn",
        prompt_mismatch=policy,  # type: ignore[arg-type]
        control_tokens="allow",
        on_error="skip",
        num_threads=1,
    )
    samples = expander.expand([record])
    if len(samples) == 0:
        return next(iter(samples.report.targets_dropped), "record")
    sample = samples[0]
    length = len(sample.input_ids) - len(sample.trained_ids)
    trained = sample.trained_ids
    texts = renderer.decode(trained), renderer.decode(trained[-1:])
    return renderer.decode(sample.input_ids[:length]), texts, dict(samples.report.warnings)
