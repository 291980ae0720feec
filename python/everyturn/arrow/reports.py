"""Reports of batches that are expanded by many processes, in a folder that all of them see.

In: the report of a batch and what distinguishes it from others. Out: a file a process, a line a batch, and their sum. A
batch that is expanded twice leaves two lines of one identity, and counts once.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from everyturn.arrow.origins import Origins
from everyturn.exceptions import InputError
from everyturn.io.json_lines import loads
from everyturn.options import StrPath
from everyturn.report import Report

_PROCESS = {"id": os.getpid(), "name": uuid.uuid4().hex}
"""The name of this process's file; a forked child takes another."""


def identity(lines: Iterable[bytes], origins: Origins) -> str:
    """Return a hash over a batch's records and their origins."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line + b"\n")
    for column in (origins.file, origins.line):
        digest.update(repr(None if column is None else column.to_pylist()).encode())
    return digest.hexdigest()


def write(folder: StrPath, batch: str, report: Report) -> None:
    """Append the report of a batch."""
    if _PROCESS["id"] != os.getpid():
        _PROCESS.update(id=os.getpid(), name=uuid.uuid4().hex)
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"batch": batch, "report": report.to_dict()})
    # In one write: threads of this process append to the file, too.
    with (path / f"{_PROCESS['name']}.jsonl").open("ab", buffering=0) as file:
        # The line before may be half a line: the disk was full when it was written.
        file.write(f"\n{line}\n".encode())


def read(folder: StrPath) -> Report:
    """Add up the reports of all batches, each once."""
    batches: dict[str, Report] = {}
    for path in sorted(Path(folder).glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            try:
                entry = loads(line)
            except ValueError:
                # A process was killed while it wrote, or the disk was full: the batch was not finished, and was done
                # again. Or the line is empty.
                continue
            batches[entry["batch"]] = Report.from_dict(entry["report"])
    if not batches:
        raise InputError.in_file(folder, "holds no report")
    reports = [batches[batch] for batch in sorted(batches)]
    return sum(reports[1:], reports[0])
