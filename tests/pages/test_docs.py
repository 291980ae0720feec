"""What the pages of `docs` show is what happens: their code, their commands, their pictures."""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from everyturn.cli import main
from paths import EXAMPLE_CHATS, ROOT

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
#: What drawings may name: nothing is fetched from there.
ADDRESSES = {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
PAGES = [
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("check", "inspect", "keep-and-split", "masks", "stats", "trees")
    ),
    *sorted((ROOT / "docs" / "use-with").glob("*.md")),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder with the example chats."""
    shutil.copy(EXAMPLE_CHATS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
# What Ray says of its own settings, and of its own files when it ends.
@pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning:ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_the_page_says(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks, run one after the other in a folder with some chats, print the text blocks after them."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert any(kind == "python" for kind, _ in blocks)
    namespace: dict[str, Any] = {}
    printed = ""
    for kind, text in blocks:
        if kind == "python":
            assert printed == "", "a block that prints is followed by what it prints"
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(text, page.name, "exec"), namespace)  # noqa: S102 - our own page
            printed = output.getvalue()
        elif kind == "text":
            assert printed == text
            printed = ""
    assert printed == ""


@pytest.mark.parametrize(
    ("page", "says", "written"),
    [
        ("inspect", "≠ assistant 1: what is trained differ", "report.html"),
        ("stats", "Samples of at most 4,096 tokens", "stats.html"),
    ],
)
def test_the_commands_of_a_page_run(
    page: str, says: str, written: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the example chats and the built-in model."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    (commands,) = (block for kind, block in BLOCK.findall(text) if kind == "sh")
    for command in commands.splitlines():
        program, *arguments = shlex.split(command.replace("path/to/model", "demo"))
        assert program == "everyturn"
        assert main(arguments) == 0
    assert says in capsys.readouterr().out
    assert (folder / written).exists()


def test_the_pictures_of_the_pages_are_there_and_load_nothing() -> None:
    """Each is on some page; drawings hold no address but that of their language."""
    pictures = ROOT / "docs" / "pictures"
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    named = re.findall(r"\(pictures/([^)]*)\)", pages)
    assert sorted(named) == sorted(path.name for path in pictures.iterdir())
    for path in pictures.glob("*.svg"):
        found = set(re.findall(r"https?://[^\s\"<]*", path.read_text(encoding="utf-8")))
        assert found <= ADDRESSES


def test_the_table_of_servers_is_that_of_the_presets() -> None:
    """docs/serving.md is what tools/make_serving_table.py prints."""
    command = [sys.executable, str(ROOT / "tools" / "make_serving_table.py")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
