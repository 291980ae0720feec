"""Rule: closed streams and signals end a command as they end any good tool, and leave nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chats import to_jsonl
from children import child
from expand_command import CHATS, chat, command, expanded, parse

SECONDS = 60


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Some chats."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS))
    return path


def _without(descriptor: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `expand` with a standard stream closed."""
    line = [*command(), "expand", *arguments, "--model", "demo"]
    closing = "import os, sys\nos.close(int(sys.argv[1]))\nos.execv(sys.argv[2], sys.argv[2:])"
    return subprocess.run(
        [sys.executable, "-c", closing, str(descriptor), *line],
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )


def test_stdout_that_is_closed_is_an_error(source: Path) -> None:
    """Rows that nobody can read are not reported as done."""
    done = _without(1, str(source))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == b"error: standard output: Bad file descriptor"


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_a_file_is_written_without_the_streams_that_it_does_not_need(
    descriptor: int, source: Path, tmp_path: Path
) -> None:
    """What is opened first does not take the place of a closed stream."""
    done = _without(descriptor, str(source), "-o", str(tmp_path / "rows.jsonl"))
    assert done.returncode == 0, done.stderr
    assert parse((tmp_path / "rows.jsonl").read_text()) == expanded(source)


def test_rows_without_a_place_for_words(source: Path) -> None:
    """Without stderr there are rows on stdout and nothing else."""
    done = _without(2, str(source))
    assert done.returncode == 0
    assert parse(done.stdout.decode()) == expanded(source)


def test_stdin_that_is_closed_is_an_error(tmp_path: Path) -> None:
    """It is not an empty input."""
    done = _without(0, "-", "-o", str(tmp_path / "rows.jsonl"))
    assert done.returncode == 2
    assert b"standard input is closed" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_command_that_is_told_to_end_leaves_nothing(
    number: signal.Signals, suffix: str, tmp_path: Path
) -> None:
    """It ends by the signal, and what it was writing is gone."""
    folder = tmp_path / "out"
    folder.mkdir()
    line = [*command(), "expand", "-", "--model", "demo", "-o", str(folder / f"rows.{suffix}")]
    with child(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        # A Parquet file begins with its first group of rows.
        process.stdin.write(to_jsonl(chat(f"number {each}", 3) for each in range(20_000)))
        process.stdin.flush()
        if suffix == "jsonl":
            _wait_for_file(folder)
        process.send_signal(number)
        assert process.wait(SECONDS) == -number
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert list(folder.iterdir()) == []


def test_what_a_killed_command_left_is_removed_by_the_next(source: Path, tmp_path: Path) -> None:
    """Of the same output, by a process that has ended; what others are writing stays."""
    folder = tmp_path / "out"
    folder.mkdir()
    line = [*command(), "expand", "--model", "demo", "-o", str(folder / "rows.jsonl")]
    with child([*line, "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(to_jsonl(chat(f"number {each}", 3) for each in range(20_000)))
        process.stdin.flush()
        _wait_for_file(folder)
        process.kill()
        process.wait(SECONDS)
    (left,) = folder.iterdir()
    mine = left.name.replace(f"-{process.pid}-", f"-{os.getpid()}-")
    (folder / mine).touch()
    subprocess.run([*line, str(source)], check=True, capture_output=True, timeout=SECONDS)
    assert sorted(path.name for path in folder.iterdir()) == sorted([mine, "rows.jsonl"])


def _wait_for_file(folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not list(folder.iterdir()):
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.01)
