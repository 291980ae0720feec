"""everyturn, as a user calls it: `Expander.expand` from bytes to arrays."""

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Made, Tool, made_of
from everyturn.exceptions import ModelError
from everyturn.expander import Expander
from everyturn.model_sources import Sources
from everyturn.renderer import Renderer
from everyturn.samples import Samples

WARM_UP = {
    "messages": [
        {"role": "user", "content": "Ready?"},
        {"role": "assistant", "content": "Ready, steady, go."},
    ]
}
"""A chat that is in no corpus."""

WARM_UPS = 64
"""So many a thread that each gets some."""


class Everyturn(Tool):
    """The expander of the job."""

    def __init__(self, job: Job) -> None:
        self._renderer = _loaded(job.sources)
        self._options = {**job.options, "num_threads": job.threads}
        self.fresh()

    def fresh(self) -> None:
        """Take a new expander, so that no pass profits from the one before; its threads are ready to encode."""
        self._expander = Expander(self._renderer, **self._options)
        threads = self._options["num_threads"] or 1
        self._expander.expand([WARM_UP] * (threads * WARM_UPS))

    def expand(self, source: bytes) -> Any:
        """Turn JSON lines into arrays."""
        return self._expander.expand(source)

    def stage_times(self, source: bytes) -> dict[str, float]:
        """Return the seconds of each stage of the core, in the order of the data."""
        return dict(self._expander._expander.stage_times(source))  # noqa: SLF001 - the core's own account

    def written(self, source: bytes) -> dict[str, float]:
        """Return the CPU-seconds of a pass into a Parquet file: of the pool's threads, and of all others."""
        from everyturn.samples.writer import Writer

        workers = self._expander.workers()
        with tempfile.TemporaryDirectory(prefix="everyturn-bench-") as folder:
            path = Path(folder) / "samples.parquet"
            # Libraries are loaded.
            self._expander.empty().to_parquet(path)
            all_before, pool_before = time.process_time(), workers.cpu_seconds()
            with Writer(path, workers=workers) as writer:
                for samples in self._expander.stream(source):
                    writer.write(samples)
            parallel = workers.cpu_seconds() - pool_before
            return {"serial": time.process_time() - all_before - parallel, "parallel": parallel}

    def made(self, result: Samples) -> Made:
        """Return the samples one by one."""
        return made_of(result)


def _loaded(sources: Sources) -> Renderer:
    """Load the model with all that it will use: what loads later would be counted as work."""
    if sources.engine != "auto":
        return Renderer(sources)
    try:
        return Renderer(dataclasses.replace(sources, engine="fast"))
    except ModelError:
        return Renderer(sources)


def load(job: Job) -> Everyturn:
    """Load the model."""
    return Everyturn(job)
