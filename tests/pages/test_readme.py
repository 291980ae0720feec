"""What the README shows is what happens."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import everyturn
from doc_blocks import assert_printed_as_shown, blocks_of, commands_of
from everyturn.cli import main
from paths import EXAMPLE_CHATS, ROOT

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_says() -> None:
    """The Python blocks, run as they are, print the text blocks after them."""
    assert [block.kind for block in blocks_of(README)].count("python") == 1
    assert_printed_as_shown(blocks_of(README), "README.md")


def test_the_commands_of_the_readme_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the example chats and the built-in model in their places; `inspect` prints what is shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats.jsonl").write_bytes(EXAMPLE_CHATS.read_bytes())
    named = re.findall(r"`(everyturn (?!bench)[a-z]+ [^`]*)`", TEXT)
    assert [command.split()[1] for command in named] == ["stats", "lint", "expand", "inspect"]
    for command in named:
        words = re.sub(r"path/to/\w+|MODEL", "demo", command)
        assert main(shlex.split(words)[1:]) == 0
    assert (tmp_path / "train.parquet").is_file()
    printed = "\n".join(line.rstrip() for line in capsys.readouterr().out.splitlines())
    (shown,) = (block.text for block in blocks_of(README) if "┃" in block.text)
    assert shown in printed


def test_the_measured_share_is_what_the_command_counts(
    data: Path, tokenizer_folder: Callable[[str], Path]
) -> None:
    """Answers of the data set that is named, with Qwen3: rendered once, so many lose their reasoning."""
    shown = re.search(r"`(\w+)`, \*\*(\d+) % of the answers\*\* \((\d+) of (\d+)\)", TEXT)
    assert shown is not None
    name, share, inexact, of = shown.groups()
    chats = data / "chats" / f"llamafactory_{name}.jsonl"
    stats = everyturn.Expander(tokenizer_folder("qwen3"), layout="conversation").stats(chats)
    report = stats.variant.report
    assert report.targets_trained == int(of)
    assert report.warnings["inexact_targets"] == int(inexact)
    assert report.warnings["reasoning_dropped"] == int(inexact)
    assert round(100 * int(inexact) / int(of)) == int(share)


def test_figures_are_those_of_the_pages_that_are_named() -> None:
    """The rows of the benchmark with its command and versions, and what trees save."""
    benchmark = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (.+) \| (.+) \| (.+) \| (\d+x) \| (.+) \| (\d+x) \|$", benchmark, re.MULTILINE
    )
    assert len(rows) == 7
    for chats, ours, by_hand, ratio, newer, newer_ratio in rows:
        assert f"| {chats} | {ours} | {by_hand} ({ratio}) | {newer} ({newer_ratio}) |" in TEXT
    (command,) = re.findall(r"`(everyturn bench --data FILE [^`]*)`", " ".join(TEXT.split()))
    assert f"`{command}`" in " ".join(benchmark.split())
    versions = r"(?:Python|transformers|tokenizers) \d+(?:\.\w+)+(?: and \d+(?:\.\w+)+)?"
    assert set(re.findall(versions, TEXT)) <= set(re.findall(versions, benchmark))
    trees = (ROOT / "docs" / "trees.md").read_text(encoding="utf-8")
    saved = re.findall(r"\| ([\d.]+) \|$", trees, re.MULTILINE)
    assert f"{min(saved, key=float)} to {max(saved, key=float)} times fewer tokens" in " ".join(
        TEXT.split()
    )


def test_the_make_targets_of_the_readme_exist() -> None:
    """Each `make` command that the README names is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = [words[1] for words in commands_of(README) if words[0] == "make"]
    assert named == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_files_that_the_readme_links_are_there() -> None:
    """Pages, pictures, folders."""
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", TEXT)]
    assert [link for link in links if not os.path.exists(ROOT / link)] == []  # noqa: PTH110
