"""A run in which nothing is trained fails, and says why."""

from pathlib import Path

import pytest

from chats import answer, to_jsonl, user
from everyturn.cli import main

CHAT = {"messages": [user("Ping?"), answer("Pong.")]}
UNTRAINED = {"messages": [user("Ping?"), answer("Pong.", weight=0)]}

CASES: dict[str, tuple[bytes, list[str], str]] = {
    "empty": (b"", [], "nothing is trained: there is no record\n"),
    "blank": (b"\n \n", [], "nothing is trained: there is no record, only 2 blank lines\n"),
    "weights of 0": (
        to_jsonl([UNTRAINED] * 3),
        [],
        "  3 records: no assistant message, or each has the weight 0\n",
    ),
    "no marks": (
        to_jsonl([CHAT] * 2),
        ["--train-on", "marked"],
        '  2 records: no message has a weight of its own above 0, and train_on="marked" takes no others\n',
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("command", ["expand", "shards", "stats"])
def test_it_fails_with_its_causes(
    case: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file, in a folder (found finished, too), and counted alone."""
    source, flags, text = CASES[case]
    path = tmp_path / "chats.jsonl"
    path.write_bytes(source)
    out = {"expand": ["-o", f"{tmp_path}/out.parquet"], "shards": ["-o", f"{tmp_path}/out/"]}
    name = "stats" if command == "stats" else "expand"
    for _ in range(2):
        assert main([name, str(path), "--model", "demo", *flags, *out.get(command, [])]) == 1
        said = capsys.readouterr()
        assert text in said.out + said.err


@pytest.mark.parametrize("command", ["check", "inspect", "stats", "expand"])
def test_all_commands_agree_on_empty_files(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to train, to count, to look at or to check."""
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    assert main([command, str(path), "--model", "demo"]) == 1
    said = capsys.readouterr()
    assert "no record" in said.out + said.err


def test_one_trained_token_is_enough(tmp_path: Path) -> None:
    """What is dropped beside it is counted, as ever."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([UNTRAINED, CHAT]))
    for command in ("expand", "stats", "check"):
        arguments = ["-o", f"{tmp_path}/out.jsonl"] if command == "expand" else []
        code = main([command, str(path), "--model", "demo", *arguments])
        assert code == (1 if command == "check" else 0)
