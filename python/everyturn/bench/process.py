"""The parent's side of a child process: start it, give orders, hear answers, end it.

A child gets as many threads as its job says, by every name that libraries look for, no network and no accelerator.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from types import TracebackType
from typing import IO, Any

from everyturn.bench.job import Job

QUIET = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "PYTHONSAFEPATH": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
THREAD_VARIABLES = (
    "RAYON_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ARROW_IO_THREADS",
)
GRACE_SECONDS = 5


class ToolMissingError(Exception):
    """A module that the tool imports is not there."""


class ToolUnusableError(Exception):
    """The tool cannot handle this model or these records."""


class Child(AbstractContextManager["Child"]):
    """A process with one loaded tool; the context ends it, whatever it is doing.

    Args:
        job: What it runs first.
        loads: Whether that is loaded at once; else `load` does it.

    Attributes:
        job: What it runs.
        load_seconds: How long imports and the model took.
        variant: Which renderer the tool chose, if it has several.
    """

    def __init__(self, job: Job, *, loads: bool = True) -> None:
        self.job = job
        self._loads = loads
        self.load_seconds = 0.0
        self.variant: str | None = None

    def __enter__(self) -> "Child":
        self._words: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "everyturn.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            env=_environment(self.job.threads),
            text=True,
            encoding="utf-8",
        )
        if self._loads:
            try:
                self.load(self.job)
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._words):
            if pipe is not None:
                pipe.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def load(self, job: Job) -> None:
        """Have it load a tool, in place of the one before; its imports are done but once."""
        self.job = job
        answer = self._ask("load", job=job.to_dict())
        self.load_seconds = answer["load_seconds"]
        self.variant = answer["variant"]

    def read(self, path: str) -> None:
        """Have it take a corpus and warm up."""
        self._ask("read", path=path)

    def check(self, path: str, out: str) -> None:
        """Have it write what it makes of a corpus."""
        self._ask("check", path=path, out=out)

    def round(self, seconds: float) -> dict[str, Any]:
        """Have it expand for about this many seconds; returns passes and the seconds they took."""
        return self._ask("round", seconds=seconds)

    def stages(self) -> dict[str, float]:
        """Return the seconds of each stage of a pass; empty if the tool does not know them."""
        stages: dict[str, float] = self._ask("stages")["stages"]
        return stages

    def written(self) -> dict[str, float]:
        """Return the CPU-seconds of a pass into a Parquet file; empty if the tool writes none."""
        written: dict[str, float] = self._ask("written")["written"]
        return written

    def peak_bytes(self) -> int | None:
        """Return the most memory that it has held; None where the system does not tell it."""
        peak: int | None = self._ask("peak")["peak_bytes"]
        return peak

    def _ask(self, order: str, **fields: Any) -> dict[str, Any]:
        pipes = self._process
        assert pipes.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert pipes.stdout is not None  # noqa: S101 - likewise
        try:
            pipes.stdin.write(json.dumps({"order": order, **fields}) + "\n")
            pipes.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        line = pipes.stdout.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        for name, kind in (
            ("missing", ToolMissingError),
            ("unusable", ToolUnusableError),
            ("failed", ToolUnusableError),
        ):
            if name in answer:
                raise kind(f"{self.job.tool}: {answer[name]}")
        return answer

    def _died(self) -> ToolUnusableError:
        code = self._process.wait()
        self._words.seek(0)
        words = self._words.read().decode("utf-8", "replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        return ToolUnusableError(f"{self.job.tool}: its process ended ({code}): {last}")


def _environment(threads: int) -> dict[str, str]:
    return {
        **os.environ,
        **QUIET,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        # The child finds every module where its parent does.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
