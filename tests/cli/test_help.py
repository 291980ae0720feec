"""Help that teaches: hints, the tour, examples that run."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import everyturn.cli
from chats import Record, to_jsonl
from commands import parsers
from everyturn.cli import COMMANDS, TOUR, main
from paths import EXAMPLE_CHATS, ROOT

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
    """A line after the error."""
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
    _, hint = capsys.readouterr().err.splitlines()
    assert hint.startswith("hint: tried on this record: ")
    policy, *_ = re.findall(r"--prompt-mismatch (\w+)", hint)
    assert main([*arguments, "--prompt-mismatch", policy]) == 0


@pytest.mark.parametrize(
    "record",
    [
        {"dialog": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"messages": [{"role": "human", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"prompt": "a", "chosen": "b", "rejected": "c"},
    ],
)
def test_options_that_an_error_names_are_hinted_at_as_flags(
    record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With them the same command works."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([record]))
    arguments = ["expand", str(path), "--model", "demo"]
    assert main(arguments) == 1
    _, hint = capsys.readouterr().err.splitlines()
    flags = hint.removeprefix("hint: on the command line ").partition(";")[0]
    assert main([*arguments, *shlex.split(flags)]) == 0


def runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command as it is shown, in a folder with some chats and samples, and with the built-in model."""
    chats = shutil.copy(EXAMPLE_CHATS, tmp_path)
    (tmp_path / "chats").mkdir()
    shutil.copy(chats, tmp_path / "chats" / "one.jsonl.zst")
    shutil.copy(ROOT / "python/everyturn/models/demo/chat_template.jinja", tmp_path)
    samples = everyturn.Expander("demo", provenance=True, keep_texts=True).expand(chats)
    samples.to_parquet(tmp_path / "all.parquet")
    (tmp_path / "rules.json").write_text('[{"weight": 0.5, "kind": "reasoning"}]')
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command, comments=True)
    assert words[0] == "everyturn"
    return main(["demo" if word == "path/to/model" else word for word in words[1:]])


@pytest.mark.parametrize("line", [line for line in TOUR.splitlines() if "COMMAND" not in line])
def test_the_tour_is_of_commands_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """Each succeeds in a folder with some chats."""
    assert runs(re.split(r"\s{3,}", line.strip())[0], tmp_path, monkeypatch) == 0


def test_without_a_command_the_tour_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Five lines after the first, each of a command that there is."""
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
    """Those of `bench` take their time, those of `verify` a server: their flags are known, and their tests run them."""
    example = example.partition(" > ")[0]
    if example.startswith(("everyturn bench", "everyturn verify")):
        everyturn.cli.parser().parse_args(shlex.split(example)[1:])
    else:
        assert runs(example, tmp_path, monkeypatch) == 0
