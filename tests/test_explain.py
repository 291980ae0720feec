"""Help that teaches: explanations of every kind, hints, examples that run, and completion."""

import argparse
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import everyturn.cli
from everyturn import _core
from everyturn.cli import COMMANDS, TOUR, main
from everyturn.diagnostics import CHAPTERS, KINDS, Kind, near

ROOT = Path(__file__).resolve().parent.parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"`(everyturn [^`]+)`")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    for action in everyturn.cli.parser()._actions:  # noqa: SLF001 - argparse tells it in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            return dict(action.choices)
    raise AssertionError("there are commands")


def flags() -> set[str]:
    """Every flag of every command."""
    return {
        flag
        for parser in parsers().values()
        for action in parser._actions  # noqa: SLF001 - likewise
        for flag in action.option_strings
    }


# --------------------------------------------------------------------------------------------
# Explanations
# --------------------------------------------------------------------------------------------


def test_every_name_of_the_core_is_explained() -> None:
    """Errors, warnings and causes of dropped records; and no error or warning is explained that there is not."""
    assert {kind.name for kind in CHAPTERS["Errors"]} == set(_core.ERROR_KINDS)
    counted = {kind.name for kind in CHAPTERS["Warnings and causes of a report"]}
    assert counted == {*_core.WARNINGS, *_core.DROP_CAUSES}


def test_every_kind_is_explained_once() -> None:
    """Errors stand in the order of the core."""
    names = [kind.name for kinds in CHAPTERS.values() for kind in kinds]
    assert len(names) == len(set(names)) == len(KINDS)
    assert [kind.name for kind in CHAPTERS["Errors"]] == _core.ERROR_KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_an_explanation_says_why_and_what_to_do(kind: Kind) -> None:
    """Sentences; flags and commands that they name exist."""
    assert re.fullmatch(r"[a-z0-9_]+", kind.name)
    assert not kind.summary.endswith(".")
    assert kind.reason.endswith(".")
    assert kind.cure.endswith(".")
    texts = f"{kind.reason} {kind.cure} {kind.hint or ''}"
    commands = COMMAND.findall(texts)
    assert {command.split()[1] for command in commands} <= {*COMMANDS, "COMMAND"}
    assert set(FLAG.findall(texts)) <= flags()


def test_hints_name_values_that_their_flags_take() -> None:
    """A flag and the word behind it are taken by `expand`, where they are no words of the sentence."""
    expand = parsers()["expand"]._actions  # noqa: SLF001 - likewise
    actions = {flag: action for action in expand for flag in action.option_strings}
    seen = 0
    for kind in KINDS.values():
        for flag, word in re.findall(r"(--[a-z-]+) (\w+)", kind.hint or ""):
            choices = actions[flag].choices if flag in actions else None
            if choices is not None and word not in ("names", "sets"):
                assert word in choices, (kind.name, flag, word)
                seen += 1
    assert seen > 10


def test_explain_prints_reason_and_cure(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that is known, as text and as JSON."""
    kind = KINDS["prompt_mismatch"]
    assert main(["explain", kind.name]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert all(text in printed for text in (kind.summary, kind.reason, kind.cure, kind.hint or ""))
    assert main(["explain", kind.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cure"] == kind.cure


def test_explain_alone_lists_all_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """In text and in JSON."""
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for kind in KINDS.values():
        (line,) = [line for line in lines if line.split()[:1] == [kind.name]]
        assert line.endswith(kind.summary)
    assert main(["explain", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == list(KINDS)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("prompt-mismatch", "prompt_mismatch"), ("rolle", "role"), ("too long", "too_long")],
)
def test_an_unknown_kind_is_answered_with_near_ones(
    capsys: pytest.CaptureFixture[str], name: str, meant: str
) -> None:
    """Misspelt, or with other signs between its words."""
    assert meant in near(name)
    assert main(["explain", name]) == 2
    assert meant in capsys.readouterr().err


def test_a_kind_that_is_like_no_other_is_answered_with_the_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is near it."""
    assert main(["explain", "zebra"]) == 2
    assert "everyturn explain" in capsys.readouterr().err


def test_the_page_is_made_of_the_explanations() -> None:
    """docs/errors.md is what tools/make_error_page.py prints."""
    command = [sys.executable, str(ROOT / "tools" / "make_error_page.py")]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.decode() == (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


# --------------------------------------------------------------------------------------------
# Hints, the tour, examples
# --------------------------------------------------------------------------------------------

#: A record that fails, flags, the kind, and what the hint names.
FAILING: list[tuple[bytes, list[str], str, str]] = [
    (b'{"messages": [}\n', [], "json", "--on-error skip"),
    (b'{"text": "x"}\n', [], "unknown_format", "--input-format"),
    (
        b'{"prompt": "a", "completion": "b"}\n',
        ["--max-length", "1"],
        "too_long",
        "--overflow drop",
    ),
    (
        b'{"prompt": "a<|im_end|>", "completion": "b"}\n',
        ["--control-tokens", "reject"],
        "control_token",
        "--control-tokens literal",
    ),
]


@pytest.mark.parametrize("failing", FAILING, ids=[row[2] for row in FAILING])
def test_an_error_is_followed_by_the_option_that_resolves_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], failing: tuple[bytes, list[str], str, str]
) -> None:
    """A line behind the error."""
    line, given, kind, hint = failing
    path = tmp_path / "chats.jsonl"
    path.write_bytes(line)
    assert main(["expand", str(path), "--model", "demo", *given]) == 1
    error, hinted = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert hinted.startswith("hint: ")
    assert hint in hinted
    assert hinted.endswith(f"`everyturn explain {kind}`")


def test_a_mismatch_is_hinted_at(
    models: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policy that the hint names does away with the error."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b'{"prompt": "a", "completion": "b"}\n')
    arguments = ["expand", str(path), "--model", str(models["prefills_thinking"])]
    assert main(arguments) == 1
    assert "hint: --prompt-mismatch match_thinking" in capsys.readouterr().err
    assert main([*arguments, "--prompt-mismatch", "splice"]) == 0


def runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command as it is shown, beside some chats and with the built-in model."""
    chats = shutil.copy(ROOT / "examples" / "chats.jsonl", tmp_path)
    (tmp_path / "chats").mkdir()
    shutil.copy(chats, tmp_path / "chats" / "one.jsonl.zst")
    shutil.copy(ROOT / "python/everyturn/models/demo/chat_template.jinja", tmp_path)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command, comments=True)
    assert words[0] == "everyturn"
    return main(["demo" if word == "path/to/model" else word for word in words[1:]])


@pytest.mark.parametrize("line", [line for line in TOUR.splitlines() if "COMMAND" not in line])
def test_the_tour_is_of_commands_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Each ends well, beside some chats."""
    assert runs(re.split(r"\s{3,}", line.strip())[0], tmp_path, monkeypatch) == 0


def test_without_a_command_the_tour_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Five lines behind the first, each of a command that there is."""
    assert main([]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown == TOUR.splitlines()
    assert len(shown) == 6
    assert {line.split()[1] for line in shown[1:]} <= {*COMMANDS, "COMMAND"}
    assert all(len(line) <= 100 for line in shown)


def examples(name: str) -> Iterator[str]:
    """The examples of a command's help."""
    shown = parsers()[name].format_help().partition("examples:\n")[2]
    for line in shown.splitlines():
        if not line.startswith("  "):
            return
        yield line.strip()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples(name: str) -> None:
    """In its help."""
    assert len(list(examples(name))) >= 2


@pytest.mark.parametrize(
    "example",
    [line for name in COMMANDS for line in examples(name) if line.startswith("everyturn")],
)
def test_examples_are_commands_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    """Those of `bench` take their time: their flags are known, and its own tests run them."""
    example = example.partition(" > ")[0]
    if example.startswith("everyturn bench"):
        everyturn.cli.parser().parse_args(shlex.split(example)[1:])
    else:
        assert runs(example, tmp_path, monkeypatch) == 0


# --------------------------------------------------------------------------------------------
# Completion
# --------------------------------------------------------------------------------------------


@functools.cache
def script_of(shell: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "everyturn", "completion", shell]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def completed(*words: str) -> set[str]:
    """What bash offers for the last of some words."""
    script = (
        'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _everyturn; '
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p everyturn >&2'
    )
    command = ["/bin/bash", "-c", script, "bash", script_of("bash"), *words]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "_everyturn everyturn" in done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("everyturn", ""), {*COMMANDS, "-h", "--help", "--version"}),
        (("everyturn", "ex"), {"expand", "explain"}),
        (("everyturn", "expand", "--layout", ""), {"per_turn", "merged", "conversation"}),
        (("everyturn", "expand", "--layout", "m"), {"merged"}),
        (("everyturn", "check", "--fo"), {"--format"}),
        (("everyturn", "check", "--format", ""), {"text", "json", "sarif", "github"}),
        (("everyturn", "explain", "prompt_m"), {"prompt_mismatch"}),
        (("everyturn", "completion", ""), {"bash", "zsh", "fish", "-h", "--help"}),
        (("everyturn", "expand", "--model", ""), set()),
        (("everyturn", "expand", "cha"), set()),
    ],
)
def test_bash_completes(words: tuple[str, ...], offered: set[str]) -> None:
    """Commands, flags and values; where nothing is offered, bash completes files."""
    assert completed(*words) == offered


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_completed_in_every_shell(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The scripts hold what the parser knows, no more and no less."""
    known = {flag for action in parsers()[name]._actions for flag in action.option_strings}  # noqa: SLF001
    assert completed("everyturn", name, "-") == known
    assert main(["completion", "fish"]) == 0
    start = f"complete -c everyturn -n '__fish_seen_subcommand_from {name}' "
    mine = [line for line in capsys.readouterr().out.splitlines() if line.startswith(start)]
    words = [shlex.split(line.replace("\\'", "")) for line in mine]
    named = {f"--{word[word.index('-l') + 1]}" for word in words if "-l" in word}
    assert named == {flag for flag in known if flag.startswith("--")}
    assert main(["completion", "zsh"]) == 0
    assert "bashcompinit" in capsys.readouterr().out


@pytest.mark.parametrize("shell", [name for name in ("bash", "zsh", "fish") if shutil.which(name)])
def test_shells_that_are_here_take_their_script(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, shell: str
) -> None:
    """Its syntax is right; bash is on every machine that runs these tests."""
    assert main(["completion", shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    program = shutil.which(shell)
    assert program is not None
    done = subprocess.run([program, "-n", os.fspath(script)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
