"""How cost grows: with the turns of a conversation, and with the size of a file.

In: a plan and how far to go. Out: a `Series` for each tool. A growth of 2 at each doubling is linear, 4 is quadratic.

``turns``: made-up conversations of 1, 2, 4, .. turns of equal size; the cost is that of one conversation.
``size``: files of 1, 2, 4, .. MB that `Expander.stream` reads, each in its own process, so that each has
its own peak of memory; the cost is that of the file.
"""

import contextlib
import dataclasses
import itertools
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from everyturn.bench import synthetic
from everyturn.bench.benchmark import Plan, Say, check
from everyturn.bench.corpus import Corpus, of_records
from everyturn.bench.job import Job
from everyturn.bench.measure import Round
from everyturn.bench.process import Child
from everyturn.bench.tools.registry import EVERYTURN
from everyturn.wording import counted

TURNS_OF_A_STEP = 200
"""About how many turns each step of the sweep has in all, so that it takes a measurable time."""

CHECKED_TURNS = 4
STREAM = "everyturn.bench.tools.everyturn_stream"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step.

    Attributes:
        amount: Turns of a conversation, or megabytes of the file.
        conversations: In the input.
        wall: Seconds by the wall for one conversation (turns) or the file (size).
        cpu: CPU-seconds likewise.
        peak_bytes: The most memory of the process; None where one process does all steps, or the system does not tell
            it.
        growth: The factor in CPU-seconds since the step before, for a doubling; None at the first.
    """

    amount: float
    conversations: int
    wall: float
    cpu: float
    peak_bytes: int | None
    growth: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The steps of one tool.

    Attributes:
        tool: Its name.
        threads: How many it may use.
        is_equal: Whether it trains what everyturn trains; None where only everyturn runs.
        points: From the smallest step to the largest.
    """

    tool: str
    threads: int
    is_equal: bool | None
    points: tuple[Point, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The outcome of a sweep.

    Attributes:
        kind: ``turns`` or ``size``.
        layout: Everyturn's; a row for each target has a quadratic number of tokens.
        series: In the order of the tools.
        left_out: Peers that could not take part, with the reason.
    """

    kind: str
    layout: str
    series: tuple[Series, ...]
    left_out: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return dataclasses.asdict(self)


def steps(most: float) -> list[float]:
    """Return 1, 2, 4, .. and the most itself.

    >>> steps(5)
    [1, 2, 4, 5]
    """
    powers = list(itertools.takewhile(lambda step: step < most, (2**n for n in itertools.count())))
    return [*powers, most]


def turns(plan: Plan, most: int, say: Say) -> Sweep:
    """Expand conversations of more and more turns."""
    amounts = steps(most)
    with tempfile.TemporaryDirectory(prefix="everyturn-bench-") as folder:
        small = _even(min(CHECKED_TURNS, most))
        path = Path(folder) / "corpus.jsonl"
        path.write_bytes(small.data)
        jobs, checked, left_out = check(plan, small, path, say, lambda *_: None)
        corpora = [_even(int(amount)) for amount in amounts]
        paths = [Path(folder) / f"{amount}.jsonl" for amount in amounts]
        for each, corpus in zip(paths, corpora, strict=True):
            each.write_bytes(corpus.data)
        series = []
        for job in plan.timed(jobs):
            rounds = _rounds(job, paths, plan.seconds / len(paths), say)
            counts = [len(corpus.lines) for corpus in corpora]
            points = _points(amounts, counts, rounds, counts, [None] * len(rounds))
            equal = checked[job.tool].agreement.is_equal
            series.append(Series(tool=job.tool, threads=job.threads, is_equal=equal, points=points))
    return Sweep(
        kind="turns", layout=plan.options["layout"], series=tuple(series), left_out=left_out
    )


def size(plan: Plan, most: float, say: Say, corpus: Corpus | None) -> Sweep:
    """Stream larger and larger files; without a corpus they are made up, without a repeated record."""
    job = dataclasses.replace(plan.jobs()[EVERYTURN], module=STREAM)
    amounts = steps(most)
    series = []
    with tempfile.TemporaryDirectory(prefix="everyturn-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        for threads in plan.threads:
            rounds, counts, peaks = [], [], list[int | None]()
            for amount in amounts:
                say(f"{EVERYTURN}, {counted(threads, 'thread')}: {amount} MB")
                counts.append(_write(path, amount, corpus))
                with Child(dataclasses.replace(job, threads=threads)) as child:
                    child.read(str(path))
                    rounds.append(Round(**child.round(0)))
                    peaks.append(child.peak_bytes())
            points = _points(amounts, [1] * len(amounts), rounds, counts, peaks)
            series.append(Series(tool=EVERYTURN, threads=threads, is_equal=None, points=points))
    return Sweep(kind="size", layout=plan.options["layout"], series=tuple(series), left_out={})


def _even(turn_count: int) -> Corpus:
    count = max(1, TURNS_OF_A_STEP // turn_count)
    return of_records(synthetic.even_chats(count, turn_count), f"<{turn_count} turns>")


def _rounds(job: Job, paths: Sequence[Path], seconds: float, say: Say) -> list[Round]:
    rounds = []
    with contextlib.ExitStack() as stack:
        child = stack.enter_context(Child(job))
        for path in paths:
            say(f"{job.tool}, {counted(job.threads, 'thread')}: {path.stem} turns")
            child.read(str(path))
            rounds.append(Round(**child.round(seconds)))
    return rounds


def _points(
    amounts: Sequence[float],
    shares: Sequence[int],
    rounds: Sequence[Round],
    conversations: Sequence[int],
    peaks: Sequence[int | None],
) -> tuple[Point, ...]:
    """Put the steps together; the cost of a pass is divided by its share."""
    points: list[Point] = []
    for amount, share, taken, count, peak in zip(
        amounts, shares, rounds, conversations, peaks, strict=True
    ):
        cpu = taken.cpu / taken.passes / share
        points.append(
            Point(
                amount=amount,
                conversations=count,
                wall=taken.wall / taken.passes / share,
                cpu=cpu,
                peak_bytes=peak,
                growth=_growth(points[-1], amount, cpu) if points else None,
            )
        )
    return tuple(points)


def _growth(before: Point, amount: float, cpu: float) -> float:
    """Return the factor of a doubling; the last step may be less than one."""
    doublings = math.log2(amount / before.amount)
    return float((cpu / before.cpu) ** (1 / doublings))


def _write(path: Path, megabytes: float, corpus: Corpus | None) -> int:
    """Write a file of about this many megabytes and return its number of records."""
    count = 0
    left = int(megabytes * 1e6)
    with path.open("wb") as file:
        for line in _endless(corpus):
            file.write(line + b"\n")
            count += 1
            left -= len(line) + 1
            if left <= 0:
                return count
    raise AssertionError("the records never end")


def _endless(corpus: Corpus | None) -> Iterator[bytes]:
    if corpus is not None:
        yield from itertools.cycle(corpus.lines)
    for part in itertools.count():
        yield from of_records(synthetic.mixed_chats(100, seed=part), "").lines
