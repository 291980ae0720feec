"""everyturn, as a user calls it for files that memory does not hold: `Expander.stream` from a path, chunk by chunk."""

from everyturn.bench.job import Job
from everyturn.bench.tools.everyturn_itself import Everyturn


class Stream(Everyturn):
    """The expander of the job, streaming."""

    def take(self, path: str) -> str:
        """Return the path: nothing is read before its time."""
        return path

    def expand(self, source: bytes | str) -> int:
        """Go through the input and return the number of tokens."""
        return sum(len(samples.input_ids) for samples in self._expander.stream(source))


def load(job: Job) -> Stream:
    """Load the model."""
    return Stream(job)
