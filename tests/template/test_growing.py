"""The texts of the first messages, of more of them and so on, made in one rendering, are those of a rendering each."""

import random
from pathlib import Path
from typing import Any

import pytest

from battery import Case, cases
from everyturn import _core
from everyturn.exceptions import EveryturnError
from paths import TESTS, find_data
from template_reference import NOW, SPECIAL_TOKENS

SMALL = [path.relative_to(TESTS).as_posix() for path in sorted(TESTS.glob("data/templates/*"))]


def _published() -> list[Any]:
    data = find_data()
    if data is None:
        return [pytest.param("", id="no-data")]
    return sorted(path.relative_to(data).as_posix() for path in data.glob("templates/*.jinja"))


def _apart(template: _core.Template, case: Case, count: int, *, prompting: bool) -> str:
    try:
        return template.apply(
            case.messages[:count],
            tools=case.tools,
            documents=case.documents,
            add_generation_prompt=prompting,
            variables={**SPECIAL_TOKENS, **case.variables},
        )
    except EveryturnError as error:
        return f"error: {error}"


def _together(
    template: _core.Template, case: Case, counts: list[int], *, prompting: bool
) -> list[str]:
    try:
        return template.apply_each(
            case.messages,
            counts,
            tools=case.tools,
            documents=case.documents,
            add_generation_prompt=prompting,
            variables={**SPECIAL_TOKENS, **case.variables},
        )
    except EveryturnError as error:
        # What the template is given is refused, whatever the number of messages.
        return [f"error: {error}"] * len(counts)


def _long(seed: int) -> Case:
    """Return a long conversation of questions, answers with and without reasoning, calls and results."""
    chance, messages = random.Random(seed), list[dict[str, Any]]()  # noqa: S311
    if seed % 2:
        messages.append({"role": "system", "content": "Be brief."})
    while len(messages) < 40:
        messages.append({"role": "user", "content": f"Question {len(messages)}?"})
        for _ in range(chance.choice([0, 0, 0, 1, 3])):
            calls = [
                {
                    "type": "function",
                    "id": "call_123",
                    "function": {"name": "f", "arguments": {"n": n}},
                }
                for n in range(chance.choice([1, 1, 2]))
            ]
            messages.append({"role": "assistant", "content": "", "tool_calls": calls})
            if chance.random() < 0.5:
                messages[-1]["reasoning_content"] = f"A call, {len(messages)}."
            messages += [
                {
                    "role": "tool",
                    "tool_call_id": "call_123",
                    "name": "f",
                    "content": f"{len(messages)}",
                }
                for _ in calls
            ]
        messages.append({"role": "assistant", "content": f"Answer {len(messages)}."})
        if chance.random() < 0.7:
            messages[-1]["reasoning_content"] = f"Thought {len(messages)}."
    return Case(messages)


LONG = {f"long {seed}": _long(seed) for seed in range(4)}
"""Long enough for a text to begin with much that the one before it began with."""


def _check(source: str) -> None:
    template = _core.Template(source, now=NOW)
    for name, case in (cases() | LONG).items():
        counts = list(range(1, len(case.messages) + 1))
        for prompting in (False, True):
            together = _together(template, case, counts, prompting=prompting)
            apart = [_apart(template, case, count, prompting=prompting) for count in counts]
            assert together == apart, (name, prompting)


@pytest.mark.parametrize("path", SMALL)
def test_own_templates(path: str) -> None:
    """The templates that the project wrote."""
    _check((TESTS / path).read_bytes().decode())


@pytest.mark.parametrize("path", _published())
def test_published_templates(path: str, data: Path) -> None:
    """Every published template on the whole battery, errors included."""
    _check((data / path).read_bytes().decode())
