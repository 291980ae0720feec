"""The pictures of docs/inspect.md and docs/stats.md: screens of a page in Chromium, and of a terminal.

python tools/make_pictures.py
"""

import io
import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import Browser  # noqa: E402 - found beside the tests
from everyturn import Expander  # noqa: E402
from everyturn.inspect import compare, pick, terminal  # noqa: E402
from everyturn.inspect.inspection import inspect_record  # noqa: E402
from everyturn.inspect.page.conversations import conversations_page  # noqa: E402
from everyturn.stats.page.data_set import data_set_page  # noqa: E402

CHATS = Path("chats.jsonl")
PICTURES = ROOT / "docs" / "pictures"
LINE = 8
"""A conversation in which the demo template cuts earlier reasoning."""

COLUMNS = 80


def main() -> None:
    """Make them all."""
    PICTURES.mkdir(exist_ok=True)
    os.chdir(ROOT / "examples")  # The pictures show no folder.
    expander = Expander("demo")
    line = pick.records_at(expander, str(CHATS), LINE)[0]
    explanation = inspect_record(expander, line)
    _terminal(
        "inspect-terminal.svg",
        f"everyturn inspect chats.jsonl:{LINE} --model demo",
        terminal.inspection_lines(explanation, COLUMNS),
    )
    _, comparisons = compare.compare(expander, line)
    _terminal(
        "inspect-compare.svg",
        f"everyturn inspect chats.jsonl:{LINE} --model demo --compare conversation",
        terminal.comparison_lines(comparisons, explanation.messages, COLUMNS),
    )
    _pages(expander)
    _data_set(Expander("demo", max_length=512))


def _terminal(name: str, command: str, lines: Iterable[Text]) -> None:
    console = Console(width=COLUMNS, record=True, force_terminal=True, file=io.StringIO())
    for line in lines:
        console.print(line, soft_wrap=True)
    picture = console.export_svg(title=command, unique_id=Path(name).stem)
    # Whoever looks at it takes a font of their own; nothing is fetched.
    picture = re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL)
    (PICTURES / name).write_text(picture, encoding="utf-8")


def _pages(expander: Expander) -> None:
    lines, count = pick.random_records(expander, str(CHATS), 20, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        text = conversations_page(expander, lines, model="demo", of=count)
        path.write_text(text, encoding="utf-8")
        for name, dark, view in (
            ("inspect-page.png", False, "text"),
            ("inspect-next.png", True, "next"),
        ):
            with Browser(width=1180, height=860, dark=dark) as browser:
                browser.open(path)
                browser.run(
                    f"""(() => {{ const select = document.getElementById("conversation");
                    select.value = "{LINE - 1}"; select.dispatchEvent(new Event("change"));
                    document.querySelector('#views [data-choice="{view}"]').click();
                    document.querySelector(".trained .cell").focus({{ preventScroll: true }}); }})()"""
                )
                browser.picture(PICTURES / name)


def _data_set(expander: Expander) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stats.html"
        text = data_set_page(expander.stats(CHATS), source=str(CHATS), model="demo")
        path.write_text(text, encoding="utf-8")
        for name, dark in (("stats-light.png", False), ("stats-dark.png", True)):
            with Browser(width=1180, height=1120, dark=dark) as browser:
                browser.open(path)
                browser.picture(PICTURES / name)


if __name__ == "__main__":
    main()
