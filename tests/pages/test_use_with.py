"""What the pages with code show is what happens."""

import contextlib
import io
import re
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest

from paths import EXAMPLE_CHATS, ROOT

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
PAGES = [
    ROOT / "docs" / "masks.md",
    ROOT / "docs" / "stats.md",
    *sorted((ROOT / "docs" / "use-with").glob("*.md")),
]


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
# What Ray says of its own settings, and of its own files when it ends.
@pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning:ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks, run one after the other beside some chats, print the text blocks behind them."""
    shutil.copy(EXAMPLE_CHATS, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
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
