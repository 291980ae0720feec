"""The page that says which rule is held where names tests that there are, and every folder."""

import re

from paths import TESTS

PAGE = (TESTS / "README.md").read_text(encoding="utf-8")


def test_tests_that_are_named_are_defined() -> None:
    """Each is in the file that the page names."""
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
    assert named
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (TESTS / file).exists()
        or not re.search(rf"^def {test}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_folder_is_named() -> None:
    """A folder of tests that the page leaves out is one that nobody finds."""
    folders = {path.relative_to(TESTS).parts[0] for path in TESTS.glob("*/**/test_*.py")}
    assert {folder for folder in folders if f"`{folder}/`" not in PAGE} == set()
