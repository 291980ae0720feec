"""The page that says what was tried names tests that there are, for each row."""

import re
from pathlib import Path

import pytest

from paths import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
TRIED = [cells for cells in ROWS if cells[0] != "tried"]


def test_every_row_has_its_columns() -> None:
    """What was tried, what happens, and tests."""
    assert len(TRIED) > 20
    assert [cells for cells in ROWS if len(cells) != 3] == []


@pytest.mark.parametrize("tests", [cells[-1] for cells in TRIED], ids=[cells[0] for cells in TRIED])
def test_the_tests_that_a_row_names_are_defined(tests: str) -> None:
    """Each in the file that the row names."""
    named = re.findall(r"`([\w/]+\.(?:py|rs))::(\w+)`", tests)
    assert len(named) == tests.count("`") // 2 > 0
    for file, test in named:
        text = Path(ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:def|fn) {test}\(", text, re.MULTILINE), f"{file}::{test}"


@pytest.mark.parametrize(
    "word",
    ["fork", "spawn", "forkserver", "threads", "interpreter", "SIGTERM", "SIGKILL", "full disk"],
)
def test_what_ends_or_shares_a_process_was_tried(word: str) -> None:
    """The page has a row for it."""
    assert any(word in cells[0] for cells in TRIED)
