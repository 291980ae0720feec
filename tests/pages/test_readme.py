"""What the README shows is what happens."""

import contextlib
import io
import os
import re
from pathlib import Path
from typing import Any

import pytest

from everyturn.cli import main
from paths import ROOT

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the code blocks of the README, and work where it lies."""
    monkeypatch.chdir(ROOT)
    return BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_example_prints_what_the_readme_says(blocks: list[tuple[str, str]]) -> None:
    """The first Python block, run as it is, prints the text block after it; the others continue from there."""
    (_, first), (kind, printed) = blocks[0], blocks[1]
    assert kind == "text"
    output = io.StringIO()
    namespace: dict[str, Any] = {}
    with contextlib.redirect_stdout(output):
        exec(compile(first, "README.md", "exec"), namespace)  # noqa: S102 - our own README
    assert output.getvalue() == printed
    for kind, code in blocks[2:]:
        if kind == "python":
            exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102 - our own README


def test_the_command_line_of_the_readme_works(
    blocks: list[tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command, with the example's file and model in their places, writes its file."""
    command = next(text for kind, text in blocks if kind == "sh" and "everyturn expand" in text)
    output = tmp_path / "train.parquet"
    places = {
        "chats.jsonl": "examples/chats.jsonl",
        "path/to/model": "demo",
        "train.parquet": os.fspath(output),
    }
    arguments = [places.get(word, word) for word in command.split()[1:]]
    assert main(arguments) == 0
    assert output.is_file()
    assert "targets in" in capsys.readouterr().err


def test_the_make_targets_of_the_readme_exist(blocks: list[tuple[str, str]]) -> None:
    """Each `make` command that the README names is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        word
        for kind, text in blocks
        if kind == "sh"
        for word in re.findall(r"^make (\w+)", text, re.MULTILINE)
    }
    assert named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
