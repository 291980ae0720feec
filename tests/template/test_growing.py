"""The texts of the first messages, of more of them and so on, made in one rendering, are those of a rendering each."""

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


def _check(source: str) -> None:
    template = _core.Template(source, now=NOW)
    for name, case in cases().items():
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
