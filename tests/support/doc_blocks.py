"""The blocks of code in the pages that people read, and how they are run."""

import contextlib
import io
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from paths import ROOT

BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block(NamedTuple):
    """A fenced block: what it is of, and its text."""

    kind: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def pages_with(*kinds: str) -> list[Path]:
    """Return the pages that have a block of these kinds."""
    return [page for page in PAGES if any(block.kind in kinds for block in blocks_of(page))]


def commands_of(page: Path) -> Iterator[list[str]]:
    """Return the words of the commands in the blocks of a page that are for a shell."""
    for block in blocks_of(page):
        if block.kind == "sh":
            lines = block.text.replace("\\\n", " ").splitlines()
            yield from (shlex.split(line, comments=True) for line in lines if line.strip())


def assert_printed_as_shown(blocks: Iterable[Block], name: str) -> None:
    """Run the Python blocks one after the other: a text block after one that prints is what it prints."""
    namespace: dict[str, Any] = {}
    printed = ""
    for kind, text in blocks:
        if kind == "python":
            assert printed == "", "a block that prints is followed by what it prints"
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(text, name, "exec"), namespace)  # noqa: S102 - our own page
            printed = output.getvalue()
        elif kind == "text" and printed:
            assert printed == text
            printed = ""
    assert printed == ""
