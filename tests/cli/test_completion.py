"""Completion of commands, flags and values in shells."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import parsers
from everyturn.cli import COMMANDS, completion, main


@functools.cache
def script_of(shell: str) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "everyturn", "completion", shell]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def completed(*words: str, folder: Path | None = None) -> set[str]:
    """What bash offers for the last of some words."""
    script = (
        'eval "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_shtab_everyturn everyturn "${@: -1}" "${@: -2:1}"; '
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p everyturn >&2'
    )
    command = ["/bin/bash", "-c", script, "bash", script_of("bash"), *words]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=folder)
    assert "_shtab_everyturn everyturn" in done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("everyturn", ""), {*COMMANDS}),
        (("everyturn", "-"), {"-h", "--help", "--version"}),
        (("everyturn", "ex"), {"expand", "explain"}),
        (("everyturn", "expand", "--layout", ""), {"per_turn", "merged", "tree", "conversation"}),
        (("everyturn", "expand", "--layout", "m"), {"merged"}),
        (("everyturn", "check", "--fo"), {"--format"}),
        (("everyturn", "check", "--format", ""), {"text", "grouped", "json", "sarif", "github"}),
        (("everyturn", "explain", "prompt_m"), {"prompt_mismatch"}),
        (("everyturn", "completion", ""), {"bash", "zsh", "fish"}),
        (("everyturn", "expand", "cha"), {"chats.jsonl"}),
        (("everyturn", "check", "chats.jsonl", "-o", ""), {"chats.jsonl", "model"}),
        (("everyturn", "expand", "chats.jsonl", "--model", ""), {"model"}),
    ],
)
def test_bash_completes(tmp_path: Path, words: tuple[str, ...], offered: set[str]) -> None:
    """Commands, flags, their values, files and folders."""
    (tmp_path / "chats.jsonl").touch()
    (tmp_path / "model").mkdir()
    assert completed(*words, folder=tmp_path) == offered


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_completed(name: str) -> None:
    """The script holds what the parser knows, no more and no less."""
    known = {flag for action in parsers()[name]._actions for flag in action.option_strings}  # noqa: SLF001
    assert completed("everyturn", name, "-") == known


PATHS = ("FILE", "PATH", "DIR", "INPUT", "TEMPLATE")
"""How help calls what is a path."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_path_is_completed(name: str) -> None:
    """Whatever takes a file or a folder offers those that there are."""
    taking = [
        action
        for action in parsers()[name]._actions  # noqa: SLF001
        if str(action.metavar).startswith(PATHS)
    ]
    assert bool(taking) == (name not in ("explain", "completion"))
    without = [action.dest for action in taking if action not in completion._completers]  # noqa: SLF001
    assert not without


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
