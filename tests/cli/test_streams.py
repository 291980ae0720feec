"""`expand` as a process: standard input and output, and readers that go away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import everyturn
from chats import to_jsonl
from expand_command import (
    BROKEN,
    CHATS,
    chat,
    command,
    expanded,
    parse,
    start,
)


def test_the_installed_command_reads_stdin_and_writes_stdout() -> None:
    """`-` is standard input, in rows and in faults; stdout is UTF-8 JSON lines."""
    done = start("-", input=to_jsonl(CHATS))
    assert done.returncode == 0
    rows = parse(done.stdout.decode("utf-8"))
    assert [row["file"] for row in rows] == ["-"] * 3
    expected = expanded(CHATS)
    for key in ("input_ids", "labels", "line", "targets"):
        assert [row[key] for row in rows] == [row[key] for row in expected]
    assert done.stderr.startswith(b"all_assistant_messages: 6 targets in 3 samples from 3 ")


def test_stdin_is_one_input_among_others(chats: Path) -> None:
    """It takes its place in the order of the inputs."""
    done = start(chats, "-", chats, input=to_jsonl([chat("Kim")]))
    assert done.returncode == 0
    files = [row["file"] for row in parse(done.stdout.decode())]
    assert files == [str(chats)] * 3 + ["-"] + [str(chats)] * 3


def test_a_fault_on_stdin_is_named_by_its_line() -> None:
    """Broken input ends the command with 1."""
    done = start("-", input=to_jsonl(CHATS) + BROKEN)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: -:4: ")


def test_the_module_is_the_command(chats: Path) -> None:
    """`python -m everyturn` does the same."""
    line = [sys.executable, "-m", "everyturn", "expand", str(chats), "--model", "demo"]
    done = subprocess.run(line, capture_output=True, check=False)
    assert done.returncode == 0
    assert parse(done.stdout.decode()) == expanded(chats)


def test_the_version_is_that_of_the_package() -> None:
    """It goes to stdout: it is what was asked for."""
    done = subprocess.run([*command(), "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == f"everyturn {everyturn.__version__}\n"


def test_a_reader_that_has_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    """`everyturn expand .. | head -1`: no traceback, and no words about a pipe."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(chat(f"number {number}", 3) for number in range(3_000)))
    line = [*command(), "expand", str(path), "--model", "demo"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(60)
    assert first["line"] == 1
    assert errors == b""


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["rows", "json"])
def test_a_reader_that_is_gone_is_no_traceback(chats: Path, out: Path, flags: list[str]) -> None:
    """Also where all that is written fits into a buffer, and the pipe breaks at the very end."""
    reading, writing = os.pipe()
    os.close(reading)
    output = ["-o", out / "rows.jsonl"] if flags else []
    try:
        done = start(chats, *output, *flags, stdout=writing)
    finally:
        os.close(writing)
    said = [line for line in done.stderr.decode().splitlines() if " targets in " not in line]
    assert said == []


def test_a_full_disk_behind_stdout_is_an_error(chats: Path) -> None:
    """Rows that could not be written are not reported as done."""
    with Path("/dev/full").open("wb") as full:
        done = start(chats, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1].startswith("error: ")
    assert b"Traceback" not in done.stderr
