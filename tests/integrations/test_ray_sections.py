"""Sections of one file on several raylets: the bytes of one machine, whichever node or driver dies."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import numbered_chat, to_jsonl
from everyturn.io import sections, shards
from paths import TESTS

SECTION_BYTES = 100_000
SHARD_TOKENS = 20_000
WAIT_SECONDS = 180


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of several sections, plain text."""
    path = tmp_path_factory.mktemp("one_file") / "chats.jsonl"
    path.write_bytes(to_jsonl(numbered_chat(number) for number in range(6000)))
    return path


@pytest.fixture(scope="module")
def of_one_machine(
    chats: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[everyturn.Report, dict[str, bytes]]:
    """What one process makes of all sections, one after the other."""
    folder = tmp_path_factory.mktemp("one_machine")
    expander = everyturn.Expander("demo")
    parts = sections.cut(str(chats), section_bytes=SECTION_BYTES, **expander.reading())
    assert len(parts) >= 5
    report = expander.empty().report
    for number, part in enumerate(parts):
        own = folder / f"00000-{number:05d}-chats.jsonl"
        report += shards.expand(expander, part, own, shard_tokens=SHARD_TOKENS).report
    return report, _files(folder)


def _files(folder: Path) -> dict[str, bytes]:
    parts = [path for path in folder.glob("*/*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in parts}


class _Run:
    """A cluster that expands the chats in a process of its own; it ends with all that it has started."""

    def __init__(self, chats: Path, folder: Path, *, raylets: int = 2, halt: str = "none") -> None:
        self._result = folder.with_suffix(".result.json")
        arguments = {
            "paths": str(chats),
            "model": "demo",
            "folder": str(folder),
            "concurrency": raylets,
            "shard_tokens": SHARD_TOKENS,
            "section_bytes": SECTION_BYTES,
        }
        task = {
            "raylets": raylets,
            "halt": halt,
            "arguments": arguments,
            "result": str(self._result),
        }
        self._errors = folder.with_suffix(".errors.txt")
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "data" / "expand_on_raylets.py"), json.dumps(task)],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *raised: object) -> None:
        self.kill()

    def errors(self) -> str:
        """What the run has said."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """Kill it and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def result(self) -> tuple[everyturn.Report, bool]:
        """Return the report at its end, and whether a raylet was killed."""
        assert self.process.wait(timeout=WAIT_SECONDS) == 0, self.errors()
        said: dict[str, Any] = json.loads(self._result.read_text(encoding="utf-8"))
        return everyturn.Report.from_dict(said["report"]), said["killed"]


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_free(folder: Path) -> bool:
    """Whether no process writes to it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def test_a_raylet_that_dies_loses_and_doubles_nothing(
    chats: Path, of_one_machine: tuple[everyturn.Report, dict[str, bytes]], tmp_path: Path
) -> None:
    """Its sections are expanded by the others, and every file is that of one process."""
    folder = tmp_path / "out"
    with _Run(chats, folder, raylets=3, halt="one") as run:
        report, was_killed = run.result()
    assert was_killed
    assert (report, _files(folder)) == of_one_machine


def test_a_driver_that_dies_is_run_again(
    chats: Path, of_one_machine: tuple[everyturn.Report, dict[str, bytes]], tmp_path: Path
) -> None:
    """Killed with all its processes after the first shard, it goes on with what is there."""
    folder = tmp_path / "out"
    with _Run(chats, folder, halt="all") as run:
        _wait_until(lambda: any(folder.glob("*/part-*.parquet")) or run.process.poll() is not None)
        assert run.process.poll() is None, run.errors()
        run.kill()
        assert set(_files(folder)) != set(of_one_machine[1])
        # Workers outlive their raylet by a little.
        _wait_until(lambda: all(map(_is_free, filter(Path.is_dir, folder.iterdir()))))
    with _Run(chats, folder) as again:
        report, _ = again.result()
    assert (report, _files(folder)) == of_one_machine
