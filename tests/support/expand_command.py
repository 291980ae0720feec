"""`everyturn expand` run in this process or another, and what it writes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import everyturn
from chats import Record

Row = dict[str, Any]
Command = Callable[..., "Done"]

#: The columns of every file; weights come where there are any.
COLUMNS = everyturn.Expander("demo").empty().to_arrow().column_names
BROKEN = b'{"messages": [\n'
every_format = pytest.mark.parametrize("suffix", ["parquet", "jsonl"])


def chat(name: str, turns: int = 1, **keys: Any) -> Record:
    """Return a conversation; the keys go to its last answer."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {name}?"})
        messages.append({"role": "assistant", "content": f"Answer {turn} to {name}."})
    messages[-1] |= keys
    return {"messages": messages}


CHATS = [chat("Ada", 2), chat("Bob"), chat("Zoë", 3)]


@dataclass(frozen=True)
class Done:
    """What a command has done."""

    code: int
    out: str
    err: str


def rows_of(samples: everyturn.Samples) -> list[Row]:
    """The rows of samples, as the columns of a file hold them."""
    rows: list[Row] = samples.to_arrow().to_pylist()
    return rows


def expanded(source: Any, model: Any = "demo", **options: Any) -> list[Row]:
    """What the Python API makes of the same input."""
    return rows_of(everyturn.Expander(model, **options).expand(source))


def read(path: Path) -> list[Row]:
    """The rows of an output file."""
    if path.suffix == ".parquet":
        rows: list[Row] = pq.read_table(path).to_pylist()
        return rows
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> list[Row]:
    """The rows of JSON lines."""
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def in_files(folder: Path, contents: list[bytes]) -> list[str]:
    """Write a file of each content; return their paths in order."""
    paths = [folder / f"{number}.jsonl" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def command() -> list[str]:
    """The installed command, or the module where the command is not installed."""
    found = shutil.which("everyturn", path=str(Path(sys.executable).parent))
    return [found] if found else [sys.executable, "-m", "everyturn"]


def start(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `everyturn expand` with the demo model in its own process."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    line = [*command(), "expand", "--model", "demo", *map(str, arguments)]
    return subprocess.run(line, check=False, timeout=60, **streams)
