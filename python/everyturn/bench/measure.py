"""Time and memory of tools that do the same work in turns.

In: jobs and a corpus on disk. Out: a `Result` for each job: what a pass takes by the wall and in CPU-seconds of all
threads, the median of rounds, and how far rounds differ. Every tool has its own process, which is alive from
the first round to the last, and the tools take turns: A B C A B C .., so that a slow minute of the machine meets all.
"""

import contextlib
import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.process import Child
from everyturn.wording import counted

ROUNDS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Round:
    """One turn of one tool.

    Attributes:
        passes: How often it expanded the corpus.
        wall: Seconds by the wall, of all passes.
        cpu: CPU-seconds of all threads, of all passes.
    """

    passes: int
    wall: float
    cpu: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one tool took with one number of threads.

    Attributes:
        tool: Its name.
        threads: How many it may use.
        load_seconds: Imports and model; not counted elsewhere.
        rounds: In order.
        peak_bytes: The most memory of its process, libraries and model included; None where the system does not tell
            it.
        stages: Seconds of each stage of a pass on one thread, for a tool that knows its own.
        written: CPU-seconds of a pass into a Parquet file, where that was asked for: ``parallel`` of threads of which
            there may be any number, ``serial`` of the others.
    """

    tool: str
    threads: int
    load_seconds: float
    rounds: tuple[Round, ...]
    peak_bytes: int | None
    stages: Mapping[str, float] = dataclasses.field(default_factory=dict)
    written: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def wall(self) -> float:
        """Seconds of a pass by the wall: the median of the rounds."""
        return statistics.median(each.wall / each.passes for each in self.rounds)

    @property
    def cpu(self) -> float:
        """CPU-seconds of a pass, of all threads: the median of the rounds."""
        return statistics.median(each.cpu / each.passes for each in self.rounds)

    @property
    def spread(self) -> float:
        """How far the slowest round is from the fastest by the wall, as a share of the median."""
        passes = [each.wall / each.passes for each in self.rounds]
        return (max(passes) - min(passes)) / self.wall

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON types, medians included."""
        return {
            **dataclasses.asdict(self),
            "wall_per_pass": self.wall,
            "cpu_per_pass": self.cpu,
            "spread": self.spread,
        }


def measure(
    jobs: Sequence[Job],
    path: str,
    *,
    seconds: float,
    say: Callable[[str], None],
    writes: bool = False,
) -> list[Result]:
    """Let the tools expand a corpus in turns, each for about `seconds` seconds in all; then write it, if `writes`."""
    with contextlib.ExitStack() as stack:
        children = []
        for job in jobs:
            say(f"{job.tool}, {_threads(job.threads)}: loading")
            child = stack.enter_context(Child(job))
            child.read(path)
            children.append(child)
        taken: list[list[Round]] = [[] for _ in jobs]
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for child, mine in zip(children, taken, strict=True):
                mine.append(Round(**child.round(seconds / ROUNDS)))
        return [
            Result(
                tool=child.job.tool,
                threads=child.job.threads,
                load_seconds=child.load_seconds,
                rounds=tuple(mine),
                peak_bytes=child.peak_bytes(),
                stages=child.stages() if child.job.threads == 1 else {},
                written=child.written() if writes else {},
            )
            for child, mine in zip(children, taken, strict=True)
        ]


def _threads(count: int) -> str:
    return counted(count, "thread")
