"""What the tests of the command line share."""

from pathlib import Path
from typing import Any

import pytest

from chats import to_jsonl
from everyturn.cli import main
from expand_command import CHATS, Command, Done


@pytest.fixture
def expand(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `everyturn expand` with the demo model."""

    def expand(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code: Any = main(["expand", "--model", "demo", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        return Done(code, *capsys.readouterr())

    return expand


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """A file of three conversations, alone in its folder."""
    path = tmp_path / "in" / "chats.jsonl"
    path.parent.mkdir()
    path.write_bytes(to_jsonl(CHATS))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for what is written."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
