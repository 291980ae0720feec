"""everyturn and its peers on the same records: first who makes which ids, then how fast.

In: a `Plan` and a corpus. Out: a `Comparison`. What it prints is the business of `tables` and the command line.
"""

import dataclasses
import functools
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from everyturn.bench.agreement import Agreement, compare
from everyturn.bench.corpus import Corpus
from everyturn.bench.job import PROBE, Job, ProbeRow
from everyturn.bench.made import read_made
from everyturn.bench.measure import Result, measure
from everyturn.bench.process import Child, ToolMissingError, ToolUnusableError
from everyturn.bench.tools import Made, made_of
from everyturn.bench.tools.registry import EVERYTURN, OURS, PEERS, Spec
from everyturn.exceptions import OptionsError, SampleError
from everyturn.expander import Expander
from everyturn.model_sources import Sources
from everyturn.renderer import Renderer

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be compared.

    Attributes:
        sources: What the model is loaded from, here and in every child.
        renderer: The model.
        options: Those of everyturn that are timed.
        peers: Names of `PEERS`.
        threads: The numbers of threads, for tools that take any.
        seconds: About how long each tool is timed.
        writes: Whether a pass into a Parquet file is measured, too.
    """

    sources: Sources
    renderer: Renderer
    options: Mapping[str, Any]
    peers: tuple[str, ...]
    threads: tuple[int, ...]
    seconds: float
    writes: bool = False

    def jobs(self) -> dict[str, Job]:
        """Return a job for each tool, everyturn first, with one thread."""
        probe = self.expander().expand([{"messages": PROBE}])
        rows = tuple(
            ProbeRow(sample.input_ids.tolist(), len(sample.input_ids) - len(sample.trained_ids))
            for sample in probe
        )
        tools: dict[str, Spec] = {EVERYTURN: OURS, **{name: PEERS[name] for name in self.peers}}
        return {
            name: Job(
                tool=name,
                module=spec.module,
                sources=self.sources,
                stop_ids=self.renderer.stop_token_ids,
                options=self.options,
                threads=1,
                probe=rows,
                settings=spec.settings,
            )
            for name, spec in tools.items()
        }

    def expander(self) -> Expander:
        """Return the expander that says what is right: a sample for each target."""
        return Expander(self.renderer, **{**self.options, "layout": "per_turn", "num_threads": 1})

    def timed(self, jobs: Mapping[str, Job]) -> list[Job]:
        """Return the jobs to time: those that take threads once for each number of them."""
        return [
            dataclasses.replace(job, threads=threads)
            for name, job in jobs.items()
            for threads in (self.threads if spec_of(name).takes_threads else (1,))
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Checked:
    """What a tool made of the corpus.

    Attributes:
        agreement: With everyturn's row for each target.
        tokens: Of its rows, by record.
        failures: The records that it could not do, with the reason.
        variant: Which of its own renderers it chose.
    """

    agreement: Agreement
    tokens: Mapping[int, int]
    failures: Mapping[int, str]
    variant: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """The outcome.

    Attributes:
        corpus: The records.
        timed: Those that every tool can do, by number.
        checked: By tool.
        left_out: Peers that could not take part, with the reason.
        results: In the order in which they took turns.
    """

    corpus: Corpus
    timed: tuple[int, ...]
    checked: Mapping[str, Checked]
    left_out: Mapping[str, str]
    results: tuple[Result, ...]

    @functools.cached_property
    def timed_corpus(self) -> Corpus:
        """The records that were timed."""
        return self.corpus.select(self.timed)

    def is_equal(self, tool: str) -> bool:
        """Whether a tool trains what everyturn trains."""
        return self.checked[tool].agreement.is_equal

    def ours(self, result: Result) -> Result:
        """Return everyturn's result that another is set against: as many threads, else the fewest."""
        mine = [each for each in self.results if each.tool == EVERYTURN]
        same = [each for each in mine if each.threads == result.threads]
        return same[0] if same else min(mine, key=lambda each: each.threads)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        results = []
        for result in self.results:
            ours = self.ours(result)
            ratios = {"cpu": result.cpu / ours.cpu, "wall": result.wall / ours.wall}
            entry = {**result.to_dict(), **self.rates(result), "ratio": ratios}
            results.append({**entry, "is_equal": self.is_equal(result.tool)})
        agreements = {
            name: {**dataclasses.asdict(each.agreement), "variant": each.variant}
            for name, each in self.checked.items()
        }
        return {
            "agreement": agreements,
            "timed_conversations": len(self.timed),
            "timed_bytes": len(self.timed_corpus.data),
            "left_out": dict(self.left_out),
            "results": results,
        }

    def rates(self, result: Result) -> dict[str, float]:
        """Return what a tool does in a second, by the wall and by CPU-second."""
        tokens = self.checked[result.tool].tokens
        amounts: dict[str, float] = {
            "megabytes": len(self.timed_corpus.data) / 1e6,
            "conversations": len(self.timed),
            "tokens": sum(tokens.get(record, 0) for record in self.timed),
        }
        return {
            f"{name}_per_{unit}": amount / seconds
            for name, amount in amounts.items()
            for unit, seconds in (("second", result.wall), ("cpu_second", result.cpu))
        }


def run(plan: Plan, corpus: Corpus, say: Say, show: Callable[[str, Checked], None]) -> Comparison:
    """Check every tool, then time those that can do the model.

    Args:
        plan: What is compared.
        corpus: On which records.
        say: Called with progress messages.
        show: Told of each tool that was checked, before anything is timed.

    Raises:
        OptionsError: A module that a peer needs cannot be imported.
        SampleError: There is no record that everyturn, or that every tool, can expand.
    """
    with tempfile.TemporaryDirectory(prefix="everyturn-bench-") as folder:
        path = Path(folder) / "corpus.jsonl"
        path.write_bytes(corpus.data)
        jobs, checked, left_out = check(plan, corpus, path, say, show)
        timed = _done_by_all(corpus, checked)
        path.write_bytes(corpus.select(timed).data)
        results = measure(
            plan.timed(jobs), str(path), seconds=plan.seconds, say=say, writes=plan.writes
        )
    return Comparison(
        corpus=corpus,
        timed=timed,
        checked=checked,
        left_out=left_out,
        results=tuple(results),
    )


def check(
    plan: Plan, corpus: Corpus, path: Path, say: Say, show: Callable[[str, Checked], None]
) -> tuple[dict[str, Job], dict[str, Checked], dict[str, str]]:
    """Return the jobs of the tools that can handle the model, what each made, and why others are skipped."""
    reference = made_of(plan.expander().expand(corpus.data))
    if len(reference.failures) == len(corpus.lines):
        raise SampleError(f"everyturn can expand none of the records: {reference.failures[0]}")
    jobs: dict[str, Job] = {}
    checked: dict[str, Checked] = {}
    left_out: dict[str, str] = {}
    for name, job in plan.jobs().items():
        say(f"{name}: comparing ids and labels")
        try:
            found = _check(job, corpus, path, reference, plan.renderer)
        except ToolMissingError as error:
            raise OptionsError(f"{error}; {spec_of(name).pip}") from error
        except ToolUnusableError as error:
            if name == EVERYTURN:
                raise SampleError(str(error)) from error
            left_out[name] = str(error)
            continue
        if len(found.failures) == len(corpus.lines):
            left_out[name] = f"{name}: it can do none of the records: {found.failures[0]}"
            continue
        jobs[name] = dataclasses.replace(job, variant=found.variant)
        checked[name] = found
        show(name, found)
    return jobs, checked, left_out


def spec_of(name: str) -> Spec:
    """Return what a tool is."""
    return OURS if name == EVERYTURN else PEERS[name]


def _check(job: Job, corpus: Corpus, path: Path, reference: Made, renderer: Renderer) -> Checked:
    out = path.with_name("made.npz")
    with Child(job) as child:
        child.check(str(path), str(out))
    made = read_made(out)
    tokens: Counter[int] = Counter()
    for row in made.rows:
        tokens[row.record] += len(row.ids)
    return Checked(
        agreement=compare(reference, made, corpus, renderer.decode),
        tokens=tokens,
        failures=made.failures,
        variant=child.variant,
    )


def _done_by_all(corpus: Corpus, checked: Mapping[str, Checked]) -> tuple[int, ...]:
    """Return the records that every tool can do, so that none has less to do than another."""
    failed = {record for each in checked.values() for record in each.failures}
    timed = tuple(record for record in range(len(corpus.lines)) if record not in failed)
    if not timed:
        raise SampleError("no record works with all tools: compare fewer tools at a time")
    return timed
