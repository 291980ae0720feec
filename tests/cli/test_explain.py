"""Explanations of every kind, on the command line and on the page."""

import json
import re
import subprocess
import sys

import pytest

from commands import COMMAND, FLAG, flags, parsers
from everyturn import _core
from everyturn.catalogue import CHAPTERS, KINDS, near
from everyturn.cli import COMMANDS, main
from everyturn.diagnostics.kind import Kind
from paths import ROOT


def test_every_name_of_the_core_is_explained() -> None:
    """Errors, warnings, causes of dropped records and findings of lint; and none is explained that there is not."""
    assert {kind.name for kind in CHAPTERS["Errors"]} == set(_core.ERROR_KINDS)
    counted = {kind.name for kind in CHAPTERS["Warnings and causes of a report"]}
    assert counted == {*_core.WARNINGS, *_core.DROP_CAUSES}
    assert [kind.name for kind in CHAPTERS["Findings of lint"]] == _core.LINT_FINDINGS


def test_every_kind_is_explained_once() -> None:
    """Errors are in the order of the core."""
    names = [kind.name for kinds in CHAPTERS.values() for kind in kinds]
    assert len(names) == len(set(names)) == len(KINDS)
    assert [kind.name for kind in CHAPTERS["Errors"]] == _core.ERROR_KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_an_explanation_says_why_and_what_to_do(kind: Kind) -> None:
    """Sentences; flags and commands that they name exist."""
    assert re.fullmatch(r"[a-z0-9_]+", kind.name)
    assert not kind.summary.endswith(".")
    assert kind.reason.endswith(".")
    assert kind.remedy.endswith(".")
    texts = f"{kind.reason} {kind.remedy} {kind.hint or ''}"
    commands = COMMAND.findall(texts)
    assert {command.split()[1] for command in commands} <= {*COMMANDS, "COMMAND"}
    assert set(FLAG.findall(texts)) <= flags()


def test_hints_name_values_that_their_flags_take() -> None:
    """A flag and the word after it are taken by `expand`, where they are not words of the sentence."""
    expand = parsers()["expand"]._actions  # noqa: SLF001 - likewise
    actions = {flag: action for action in expand for flag in action.option_strings}
    seen = 0
    for kind in KINDS.values():
        for flag, word in re.findall(r"(--[a-z-]+) (\w+)", kind.hint or ""):
            choices = actions[flag].choices if flag in actions else None
            if choices is not None and word not in ("names", "sets"):
                assert word in choices, (kind.name, flag, word)
                seen += 1
    assert seen > 10


def test_explain_prints_reason_and_cure(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that is known, as text and as JSON."""
    kind = KINDS["prompt_mismatch"]
    assert main(["explain", kind.name]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert all(
        text in printed for text in (kind.summary, kind.reason, kind.remedy, kind.hint or "")
    )
    assert main(["explain", kind.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["remedy"] == kind.remedy


def test_explain_alone_lists_all_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """In text and in JSON."""
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for kind in KINDS.values():
        (line,) = [line for line in lines if line.split()[:1] == [kind.name]]
        assert line.endswith(kind.summary)
    assert main(["explain", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == list(KINDS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("prompt-mismatch", "prompt_mismatch"), ("rolle", "role"), ("too long", "too_long")],
)
def test_an_unknown_kind_is_answered_with_near_ones(
    capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    """Misspelt, or with other signs between its words."""
    assert meant in near(name)
    assert main(["explain", name]) == 2
    assert meant in capsys.readouterr().err


def test_a_kind_that_is_like_no_other_is_answered_with_the_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is near it."""
    assert main(["explain", "zebra"]) == 2
    assert "everyturn explain" in capsys.readouterr().err


def test_the_page_is_made_of_the_explanations() -> None:
    """docs/errors.md is what tools/make_error_page.py prints."""
    command = [sys.executable, str(ROOT / "tools" / "make_error_page.py")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
