"""Runs every peer on every model and corpus, and says of each target what is found.

In: models, corpora, names of peers. Out: a `Board`. Each peer has one child process, which loads one model after the
other, so that its imports are paid once. A peer that cannot do a model or dies is a cell that says so.
"""

import contextlib
import dataclasses
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from everyturn.bench.agreement import by_record, spans
from everyturn.bench.benchmark import Plan
from everyturn.bench.corpus import Corpus
from everyturn.bench.job import Job
from everyturn.bench.made import read_made
from everyturn.bench.parity.targets import Target, Targets, find, truth_job
from everyturn.bench.parity.verdicts import Cause, Verdict, verdict
from everyturn.bench.process import Child, ToolMissingError, ToolUnusableError
from everyturn.bench.tools import Made
from everyturn.bench.tools.registry import EVERYTURN
from everyturn.expander import Expander
from everyturn.wording import counted

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """What one peer does with one corpus under one model.

    Attributes:
        model: By its name on the board.
        corpus: Likewise.
        peer: Likewise.
        variant: Which of its own templates the peer chose, if it has several.
        verdicts: Of each target of the corpus, in order.
        refusals: What the peer says of records that it refuses, by its words.
        surplus: Trained stretches beyond one for each assistant message.
    """

    model: str
    corpus: str
    peer: str
    variant: str | None
    verdicts: tuple[Verdict, ...]
    refusals: Mapping[str, int]
    surplus: int

    @property
    def counts(self) -> Counter[Cause]:
        """How many targets there are of each cause."""
        return Counter(verdict.cause for verdict in self.verdicts)

    def name_of(self, target: int) -> str:
        """Return the name under which a target's difference is reproduced."""
        return f"{self.model}/{self.corpus}/{self.peer}/{target}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Board:
    """The outcome.

    Attributes:
        plans: The models, by name.
        corpora: By name.
        targets: By model and corpus.
        cells: In the order of peers, models and corpora.
        missing: Peers that are not installed, with the command that installs them.
    """

    plans: Mapping[str, Plan]
    corpora: Mapping[str, Corpus]
    targets: Mapping[tuple[str, str], Targets]
    cells: tuple[Cell, ...]
    missing: Mapping[str, str]

    @property
    def peers(self) -> tuple[str, ...]:
        """Those that were run, everyturn first."""
        return tuple(dict.fromkeys(cell.peer for cell in self.cells))

    @property
    def is_ours_equal(self) -> bool:
        """Whether everyturn trains every target as inference shows it."""
        ours = (cell for cell in self.cells if cell.peer == EVERYTURN)
        return all(cell.counts[Cause.EQUAL] == len(cell.verdicts) for cell in ours)


def run(
    plans: Mapping[str, Plan], corpora: Mapping[str, Corpus], missing: Mapping[str, str], say: Say
) -> Board:
    """Run a board.

    Raises:
        ToolMissingError: transformers cannot be imported, without which nothing can be compared.
    """
    jobs = {model: _jobs(plan) for model, plan in plans.items()}
    targets = find_targets(plans, corpora, say)
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory(prefix="everyturn-parity-") as folder:
        made_of = _Run(plans=plans, corpora=corpora, targets=targets, folder=Path(folder))
        for peer in next(iter(jobs.values())):
            say(f"{peer}: {counted(len(plans), 'model')}")
            cells += made_of.cells(peer, {model: tools[peer] for model, tools in jobs.items()})
    return Board(plans=plans, corpora=corpora, targets=targets, cells=tuple(cells), missing=missing)


def find_targets(
    plans: Mapping[str, Plan], corpora: Mapping[str, Corpus], say: Say
) -> dict[tuple[str, str], Targets]:
    """Return what inference shows, by model and corpus."""
    found = {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="everyturn-parity-"))
        child: Child | None = None
        for model, plan in plans.items():
            say(f"{model}: what inference shows")
            job = truth_job(_jobs(plan)[EVERYTURN])
            if child is None:
                child = stack.enter_context(Child(job, loads=False))
            child.load(job)
            options = {**plan.options, "layout": "per_turn", "provenance": True}
            expander = Expander(plan.renderer, **options)
            for name, corpus in corpora.items():
                found[model, name] = find(child, corpus, expander, Path(folder))
    return found


def _jobs(plan: Plan) -> dict[str, Job]:
    """Return the job of each tool; one that would train nothing is to be seen to do so."""
    return {name: dataclasses.replace(job, shows_all=True) for name, job in plan.jobs().items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Run:
    """What the cells of every peer are made of."""

    plans: Mapping[str, Plan]
    corpora: Mapping[str, Corpus]
    targets: Mapping[tuple[str, str], Targets]
    folder: Path

    def cells(self, peer: str, jobs: Mapping[str, Job]) -> Iterator[Cell]:
        """Yield those of one peer: a child loads one model after the other, a fresh one after a death."""
        child: Child | None = None
        with contextlib.ExitStack() as stack:
            for model, job in jobs.items():
                if child is None or not child.is_alive:
                    child = stack.enter_context(Child(job, loads=False))
                try:
                    child.load(job)
                except (ToolMissingError, ToolUnusableError) as error:
                    yield from (self._refused(peer, model, name, error) for name in self.corpora)
                else:
                    yield from (self._cell(peer, model, name, child) for name in self.corpora)

    def _cell(self, peer: str, model: str, name: str, child: Child) -> Cell:
        corpus, targets = self.corpora[name], self.targets[model, name].known
        try:
            made = self._made(child, corpus)
        except ToolUnusableError as error:
            return self._refused(peer, model, name, error)
        verdicts = (*judge(targets, made, self.plans[model].renderer.decode),)
        return Cell(
            model=model,
            corpus=name,
            peer=peer,
            variant=child.variant,
            verdicts=verdicts,
            refusals=_refusals(targets, verdicts, made),
            surplus=_surplus(corpus, made),
        )

    def _made(self, child: Child, corpus: Corpus) -> Made:
        path, out = self.folder / "corpus.jsonl", self.folder / "made.npz"
        path.write_bytes(corpus.data)
        child.check(str(path), str(out))
        return read_made(out)

    def _refused(self, peer: str, model: str, name: str, error: Exception) -> Cell:
        count = len(self.targets[model, name].known)
        return Cell(
            model=model,
            corpus=name,
            peer=peer,
            variant=None,
            verdicts=(Verdict(cause=Cause.REFUSED),) * count,
            refusals={str(error).removeprefix(f"{peer}: "): count} if count else {},
            surplus=0,
        )


def judge(
    targets: Sequence[Target], made: Made, decode: Callable[[Sequence[int]], str]
) -> Iterator[Verdict]:
    """Yield what is found of each target in what a tool made of a corpus."""
    rows = by_record(made)
    for target in targets:
        found = verdict(target, rows[target.record], decode)
        # A tool may do some answers of a record and refuse others, which are context in the rows of the former.
        is_missing = found.cause in {Cause.CUT_OFF, Cause.NOT_TRAINED}
        is_refused = target.record in made.failures and is_missing
        yield Verdict(cause=Cause.REFUSED) if is_refused else found


def _refusals(targets: Sequence[Target], verdicts: Sequence[Verdict], made: Made) -> dict[str, int]:
    """Count the targets that a tool refuses, by its words."""
    words = [
        made.failures[target.record]
        for target, verdict in zip(targets, verdicts, strict=True)
        if verdict.cause is Cause.REFUSED
    ]
    return dict(Counter(words).most_common())


def _surplus(corpus: Corpus, made: Made) -> int:
    stretches = Counter[int]()
    for row in made.rows:
        stretches[row.record] += sum(1 for _ in spans(row.labels))
    return sum(
        max(0, count - _answers(corpus.lines[record])) for record, count in stretches.items()
    )


def _answers(line: bytes) -> int:
    messages = json.loads(line)["messages"]
    return sum(message.get("role") == "assistant" for message in messages)
