"""What the pages of `docs` show is what happens: their code, their commands, their pictures."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
import yaml
import zstandard

from doc_blocks import PAGES, assert_printed_as_shown, blocks_of, commands_of, pages_with
from everyturn.cli import main, parser
from paths import DEMO, EXAMPLE_CHATS, ROOT

#: What drawings may name: nothing is fetched from there.
ADDRESSES = {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
#: Commands that take minutes; tests of their own run them.
LONG = ["bench"]
DOCS = ROOT / "docs"


def named(page: Path) -> str:
    """The name of a test on a page."""
    return str(page.relative_to(ROOT).with_suffix(""))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder with the example chats, a corpus of them, a template and rules."""
    shutil.copy(EXAMPLE_CHATS, tmp_path)
    shutil.copy(DEMO / "chat_template.jinja", tmp_path)
    (tmp_path / "rules.json").write_text('[{"weight": 0.5, "kind": "reasoning"}]')
    (tmp_path / "corpus").mkdir()
    packed = zstandard.ZstdCompressor().compress(EXAMPLE_CHATS.read_bytes())
    (tmp_path / "corpus" / "chats.jsonl.zst").write_bytes(packed)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
# What Ray says of its own settings, and of its own files when it ends.
@pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning:ray")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    "page", [page for page in pages_with("python") if DOCS in page.parents], ids=named
)
def test_the_code_of_a_page_prints_what_the_page_says(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python blocks, run one after the other in a folder with some chats, print the text blocks after them."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    assert_printed_as_shown(blocks_of(page), page.name)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "page", [page for page in pages_with("sh") if DOCS in page.parents], ids=named
)
def test_the_commands_of_a_page_run(page: Path) -> None:
    """With the example chats and the built-in model; those that take minutes are understood."""
    for program, command, *arguments in commands_of(page):
        assert program == "everyturn"
        words = [command, *(word.replace("path/to/model", "demo") for word in arguments)]
        if command in LONG:
            parser().parse_args(words)
        else:
            assert main(words) == 0, words


@pytest.mark.usefixtures("folder")
def test_what_pages_say_of_their_commands_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of `inspect`, `stats` and `lint`."""
    assert main(["inspect", "chats.jsonl:8", "--model", "demo", "--compare", "conversation"]) == 0
    assert "≠ assistant 1: the completion differs" in capsys.readouterr().out
    assert main(["stats", "chats.jsonl", "--model", "demo", "--max-length", "4096"]) == 0
    assert "Samples of at most 4,096 tokens" in capsys.readouterr().out
    assert main(["lint", "--model", "demo"]) == 0
    (shown,) = (block.text for block in blocks_of(DOCS / "lint.md") if block.kind == "text")
    assert capsys.readouterr().out.startswith(shown)


def test_the_notebook_shows_what_its_cells_give() -> None:
    """Run cell by cell, as `tools/run_notebook.py` has written it."""
    tool, notebook = ROOT / "tools" / "run_notebook.py", ROOT / "examples" / "first_look.ipynb"
    command = [sys.executable, str(tool), "--check", str(notebook)]
    assert subprocess.run(command, check=False).returncode == 0


def test_every_block_is_run_or_at_least_understood() -> None:
    """Those of Spark, which tests do not have, compile, and settings of other tools are YAML."""
    run = {"python", "text", "sh", "console"}
    read = {"", "{toctree}", "{eval-rst}"}
    for page in PAGES:
        for kind, text in blocks_of(page):
            if kind == "py":
                compile(text, page.name, "exec")
            elif kind == "yaml":
                assert yaml.safe_load(text)
            else:
                assert kind in run | read, f"{page}: {kind}"


@pytest.mark.usefixtures("data")
def test_the_recipes_are_those_of_the_published_templates() -> None:
    """docs/recipes is what tools/make_recipes.py makes."""
    command = [sys.executable, str(ROOT / "tools" / "make_recipes.py"), "--check"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_links_of_pages_lead_somewhere() -> None:
    """To files, and to headings in them."""
    pages = [
        *DOCS.rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
    dead = []
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            if "://" in link:
                continue
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert dead == []


def anchors(page: Path) -> set[str]:
    """The names of the headings of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


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
