"""everyturn, as a user calls it: `Expander.expand` from bytes to arrays."""

import json
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Made, Row, Tool
from everyturn.expander import Expander
from everyturn.renderer import Renderer, Sources
from everyturn.samples import Samples


class Everyturn(Tool):
    """The expander of the job."""

    def __init__(self, job: Job) -> None:
        sources = Sources(
            folder=job.folder,
            chat_template=job.chat_template,
            template_kwargs=json.dumps(job.template_kwargs),
            now=job.now,
        )
        self._renderer = Renderer(sources)
        self._options = {**job.options, "num_threads": job.threads}
        self.fresh()

    def fresh(self) -> None:
        """Take a new expander, so that no pass profits from the one before; its threads are started."""
        self._expander = Expander(self._renderer, **self._options)
        self._expander.expand([])

    def expand(self, source: bytes) -> Any:
        """Turn JSON lines into arrays."""
        return self._expander.expand(source)

    def made(self, result: Samples) -> Made:
        """Return the rows one by one."""
        return made_of(result)


def made_of(samples: Samples) -> Made:
    """Return samples in the common form; a record with a fault is none that everyturn can do."""
    made = Made(failures={fault.line - 1: fault.text for fault in samples.report.faults})
    made.rows += [
        Row(sample.line - 1, sample.input_ids.tolist(), sample.labels.tolist())
        for sample in samples
    ]
    return made


def load(job: Job) -> Everyturn:
    """Load the model."""
    return Everyturn(job)
