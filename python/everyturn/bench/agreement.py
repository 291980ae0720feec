"""Whether two tools train the same: ids and labels, target by target.

In: what everyturn makes in the layout ``per_turn``, and what a tool makes in whatever layout. Out: an `Agreement`.

A target is a trained stretch together with all ids before it, so rows that carry several targets compare with rows
that carry one. A tool agrees on a target if it trains exactly these ids after exactly these ids: a header, a newline
or a blank more in the stretch is another target.
"""

import dataclasses
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from everyturn.bench.corpus import Corpus
from everyturn.bench.tools import Made, Row
from everyturn.common_prefix import common_prefix
from everyturn.samples import IGNORE_INDEX
from everyturn.wording import counted

ONLY_TOOL = "trained by it, not by everyturn"
ONLY_EVERYTURN = "trained by everyturn, not by it"
SHOWN_TOKENS = 12
"""Tokens that are shown before and after a difference."""

Target = tuple[int, tuple[int, ...]]
"""Where the trained stretch begins, and the ids through its end."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first token at which a tool does something else.

    Attributes:
        location: ``file:line`` of the record.
        target: 0-based among the targets of the record, as everyturn counts them; None if it is none of these.
        position: 0-based token of the row.
        what: In words.
        expected: The context by everyturn: text before the position, and from it on.
        found: The same by the tool.
    """

    location: str
    target: int | None
    position: int
    what: str
    expected: tuple[str, str]
    found: tuple[str, str]

    def lines(self, tool: str) -> list[str]:
        """The difference as text, for the names of everyturn and the tool."""
        which = "" if self.target is None else f", target {self.target}"
        width = max(len(tool), len("everyturn"))
        contexts = (("everyturn", self.expected), (tool, self.found))
        return [
            f"first difference: {self.location}{which}, token {self.position}: {self.what}",
            *(f"  {name:{width}}  ..{before!r} | {rest!r}.." for name, (before, rest) in contexts),
        ]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far a tool agrees with everyturn.

    Attributes:
        records: In the corpus.
        compared: Those that both can do.
        not_by_everyturn: Those in which everyturn finds a fault.
        not_by_tool: Those that the tool could not do and everyturn could.
        why_not: The first reason of the tool.
        targets: Of the records that are compared.
        equal_targets: Those on which both agree.
        extra: Stretches that the tool trains and that are not targets.
        first_difference: None if there is none.
    """

    records: int
    compared: int
    not_by_everyturn: int
    not_by_tool: int
    why_not: str | None
    targets: int
    equal_targets: int
    extra: int
    first_difference: Difference | None

    @property
    def is_equal(self) -> bool:
        """Whether both train the same wherever both can expand the record, and there is such a record."""
        return self.compared > 0 and self.first_difference is None

    @property
    def share(self) -> str:
        """The share of targets on which both agree, rounded down: 100 means all."""
        share = self.equal_targets / self.targets if self.targets else 0.0
        return f"{math.floor(1000 * share) / 10:.1f} %"

    def line(self, tool: str) -> str:
        """The agreement in one line."""
        counts = f"{self.equal_targets:,} of {counted(self.targets, 'target')}"
        text = f"{tool}: {counts} agree ({self.share})"
        if self.extra:
            extra = counted(self.extra, "trained stretch", "trained stretches")
            text += f", {extra} not of a target"
        text += f"; {self.compared:,} of {counted(self.records, 'record')} compared"
        if self.not_by_tool:
            text += f", {self.not_by_tool:,} not done by it: {self.why_not}"
        if self.not_by_everyturn:
            text += f", {self.not_by_everyturn:,} faulty to everyturn"
        return text


def compare(
    reference: Made, made: Made, corpus: Corpus, decode: Callable[[Sequence[int]], str]
) -> Agreement:
    """Compare what a tool made with what everyturn made with a sample per target."""
    expected, found = by_record(reference), by_record(made)
    targets = equal = extra = compared = 0
    first: Difference | None = None
    for record in range(len(corpus.lines)):
        if record in reference.failures or record in made.failures:
            continue
        compared += 1
        theirs = Counter(target for row in found[record] for target in _targets(row))
        ours = Counter(target for row in expected[record] for target in _targets(row))
        targets += ours.total()
        equal += (ours & theirs).total()
        extra += (theirs - ours).total()
        if ours != theirs and first is None:
            first = _difference(corpus.location(record), expected[record], found[record], decode)
    refused = [why for record, why in made.failures.items() if record not in reference.failures]
    return Agreement(
        records=len(corpus.lines),
        compared=compared,
        not_by_everyturn=len(reference.failures),
        not_by_tool=len(refused),
        why_not=refused[0] if refused else None,
        targets=targets,
        equal_targets=equal,
        extra=extra,
        first_difference=first,
    )


def spans(labels: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each trained stretch."""
    start = 0
    for trained, run in itertools.groupby(labels, key=lambda label: label != IGNORE_INDEX):
        length = sum(1 for _ in run)
        if trained:
            yield start, start + length
        start += length


def by_record(made: Made) -> Mapping[int, list[Row]]:
    """Return the rows of each record; of one that has none, an empty list."""
    rows: defaultdict[int, list[Row]] = defaultdict(list)
    for row in made.rows:
        rows[row.record].append(row)
    return rows


def _targets(row: Row) -> Iterator[Target]:
    """Yield the targets of a row; a label that is not the id there is its own mistake, kept as its negative."""
    for start, end in spans(row.labels):
        ids = tuple(row.ids[:end])
        if tuple(row.labels[start:end]) != ids[start:]:
            ids = (*ids[:start], *(-1 - label for label in row.labels[start:end]))
        yield start, ids


def _difference(
    location: str, expected: list[Row], found: list[Row], decode: Callable[[Sequence[int]], str]
) -> Difference:
    """Say where the first target that only one of both has departs from the nearest sample of the other."""
    theirs = {target for row in found for target in _targets(row)}
    for number, row in enumerate(expected):
        (target,) = _targets(row)
        if target not in theirs:
            nearest = max(found, key=lambda other: common_prefix(row.ids, other.ids), default=None)
            position, what = _departure(target, nearest)
            empty = Row(row.record, (), ())
            return Difference(
                location=location,
                target=number,
                position=position,
                what=what,
                expected=context(row.ids, position, decode),
                found=context((nearest or empty).ids, position, decode),
            )
    start, row = _first_extra(expected, found)
    return Difference(
        location=location,
        target=None,
        position=start,
        what=ONLY_TOOL,
        expected=("", ""),
        found=context(row.ids, start, decode),
    )


def _first_extra(expected: list[Row], found: list[Row]) -> tuple[int, Row]:
    """Return where the first stretch begins that is not a target, or repeats one."""
    left = Counter(target for row in expected for target in _targets(row))
    for row in found:
        for target in _targets(row):
            if not left[target]:
                return target[0], row
            left[target] -= 1
    raise ValueError("every stretch is a target")


def _departure(target: Target, row: Row | None) -> tuple[int, str]:
    """Return the first token at which a sample does something else than a target asks, and what."""
    start, ids = target
    if row is None:
        return 0, "it made no sample"
    equal = common_prefix(ids, row.ids)
    if equal < len(ids):
        return equal, "other ids" if equal < len(row.ids) else "its sample ends here"
    for begin, end in spans(row.labels):
        if begin < len(ids) and end > start:
            if begin != start:
                return min(begin, start), ONLY_TOOL if begin < start else ONLY_EVERYTURN
            if end != len(ids):
                return min(end, len(ids)), ONLY_TOOL if end > len(ids) else ONLY_EVERYTURN
            return start, "labels that are not the ids at their position"
    return start, ONLY_EVERYTURN


def context(
    ids: Sequence[int], position: int, decode: Callable[[Sequence[int]], str]
) -> tuple[str, str]:
    """Return the text of the tokens before a position, and from it on."""
    before = ids[max(0, position - SHOWN_TOKENS) : position]
    return decode(before), decode(ids[position : position + SHOWN_TOKENS])
