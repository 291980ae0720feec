"""The child process: loads one tool and does what its parent says, a JSON line for each order and each answer.

In: orders on stdin. Out: answers on the stdout that it was started with; what libraries print goes to stderr. Time is
taken here, around the tool's work alone, so that neither pipes nor conversions count.
"""

import gc
import importlib
import itertools
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

from everyturn.bench.job import Job
from everyturn.bench.made import write_made
from everyturn.bench.tools import Tool, Unusable, reason

WARM_UP_RECORDS = 16


class Worker:
    """One loaded tool and the records it is given."""

    def __init__(self) -> None:
        self._tool: Tool | None = None
        self._source: Any = b""

    def load(self, job: dict[str, Any]) -> dict[str, Any]:
        """Load the tool; the answer has the seconds that took."""
        start = time.perf_counter()
        module = importlib.import_module(job["module"])
        self._tool = module.load(Job.from_dict(job))
        return {"load_seconds": time.perf_counter() - start, "variant": self._tool.variant}

    def read(self, path: str) -> dict[str, Any]:
        """Take a corpus, and warm up with its first records."""
        with Path(path).open("rb") as file:
            first = b"".join(itertools.islice(file, WARM_UP_RECORDS))
        self.tool.fresh()
        self.tool.expand(first)
        self._source = self.tool.take(path)
        return {}

    def check(self, path: str, out: str) -> dict[str, Any]:
        """Expand a corpus once and write what came of it."""
        made = self.tool.made(self.tool.expand(self.tool.take(path)))
        write_made(Path(out), made)
        return {}

    def round(self, seconds: float) -> dict[str, Any]:
        """Expand the corpus until this many seconds have passed, at least once."""
        passes, wall, cpu = 0, 0.0, 0.0
        while passes == 0 or wall < seconds:
            self.tool.fresh()
            gc.collect()
            wall_before, cpu_before = time.perf_counter(), time.process_time()
            result = self.tool.expand(self._source)
            cpu += time.process_time() - cpu_before
            wall += time.perf_counter() - wall_before
            passes += 1
            del result
        return {"passes": passes, "wall": wall, "cpu": cpu}

    def stages(self) -> dict[str, Any]:
        """Return the seconds of each stage of a pass, for a tool that knows its own."""
        self.tool.fresh()
        return {"stages": self.tool.stage_times(self._source)}

    def written(self) -> dict[str, Any]:
        """Return the CPU-seconds of a pass into a Parquet file, for a tool that writes."""
        self.tool.fresh()
        return {"written": self.tool.written(self._source)}

    def peak(self) -> dict[str, Any]:
        """Return the most memory that this process has held, where that is known."""
        return {"peak_bytes": peak_bytes()}

    @property
    def tool(self) -> Tool:
        """The tool that `load` made."""
        if self._tool is None:
            raise RuntimeError("no tool is loaded")
        return self._tool


STATUS = Path("/proc/self/status")


def peak_bytes() -> int | None:
    """Return the high-water mark of this process's own memory; None on a system that does not tell it.

    Linux hands `ru_maxrss` of the parent on to a child that it starts, so the kernel's own mark is read there.
    """
    if STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text("utf-8"))):
        return int(found[1]) * 1024
    try:
        import resource
    except ModuleNotFoundError:
        # Windows has none.
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Answer orders until there are no more."""
    # The parent hears Ctrl-C and ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        _serve(Worker(), sys.stdin, answers)


def _serve(worker: Any, orders: IO[str], answers: IO[str]) -> None:
    for line in orders:
        order = json.loads(line)
        try:
            answer = getattr(worker, order.pop("order"))(**order)
        except Unusable as error:
            answer = {"unusable": str(error)}
        except ImportError as error:
            answer = {"missing": reason(error)}
        except Exception as error:  # noqa: BLE001 - the parent gets it and decides
            answer = {"failed": reason(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
