"""Rule: whichever system call fails, nothing appears under its name that is not whole, and the next run completes it.

For each kind of output, calls that touch one of its files fail: alone, and as on a disk that stays full.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import everyturn
from everyturn.arrow import reports
from outputs import OUTPUTS
from paths import TESTS

SECONDS = 300
CALLS_OF_A_NAME = 3
"""How many calls of each name fail, unless the whole is asked for."""
PROGRAM = TESTS / "data" / "fail_at_each_call.py"
CALLS = TESTS / "data" / "failing_calls.c"
NAMED = "shards/.progress.json"
"""What is written again with each shard: it is of the run, not of its result."""

Run = dict[str, Any]


@pytest.fixture(scope="module")
def failing_calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library whose calls fail."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("library") / "failing_calls.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(CALLS), "-ldl"]
    subprocess.run(words, check=True, timeout=SECONDS)
    return library


@pytest.mark.parametrize("kind", OUTPUTS)
def test_whatever_fails_no_result_is_half_written(
    kind: str, failing_calls: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """There is the older file, the whole new one or none; an error says so; the next run writes the same bytes."""
    environment = {
        **os.environ,
        "LD_PRELOAD": str(failing_calls),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    most = 1_000_000 if pytestconfig.getoption("whole") else CALLS_OF_A_NAME
    arguments = (PROGRAM, failing_calls, kind, tmp_path / "work", most)
    words = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        words, check=True, capture_output=True, timeout=SECONDS, env=environment, text=True
    )
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    failed = {run["failed"] for run in runs}
    assert {"open", "write", "fsync", "rename", "close"} <= failed
    for run in runs:
        _check(run)


def _check(run: Run) -> None:
    run["states"].pop(NAMED, None)
    states = set(run["states"].values())
    if run["ended"] == 0:
        assert states == {"whole"}, run
    else:
        assert run["ended"] == 1, run
        assert states <= {"absent", "older", "whole", "temporary"}, run
        assert "Traceback" not in run["said"], run
    # A file that cannot be removed stays: the next run removes it.
    assert "temporary" not in states or run["failed"] == "unlink", run
    if "after" in run:
        assert set(run["after"].values()) == {"whole"}, run


def test_a_report_after_half_a_line_is_not_lost(tmp_path: Path) -> None:
    """A full disk leaves half a line; the process goes on, and its next batch counts."""
    report = everyturn.Expander("demo").empty().report
    reports.write(tmp_path, "first", report)
    (file,) = tmp_path.iterdir()
    with file.open("a") as half:
        half.write('{"batch": "second", "rep')
    reports.write(tmp_path, "third", report)
    batches = [
        json.loads(line)["batch"] for line in file.read_text().split("\n") if '"report"' in line
    ]
    assert batches == ["first", "third"]
