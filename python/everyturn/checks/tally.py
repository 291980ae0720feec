"""How many findings there are of each kind, and where each is first.

In: findings, one after the other. Out: counts. Memory does not grow with them.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from everyturn.catalogue import KINDS
from everyturn.checks.finding import Finding

SEVERITIES = ("error", "warning", "note")

MARK = "[*]"
"""What marks findings that are corrected."""

WHAT_MARKED_IS = f"{MARK} `everyturn check --fix -o FILE` corrects it"

SHOWN_PLACES = 5
"""The most findings that are kept of each kind."""


@dataclasses.dataclass(slots=True)
class Count:
    """The findings of one kind: how many, and the first of them."""

    shown: list[Finding] = dataclasses.field(default_factory=list)
    count: int = 0
    fixable: int = 0

    @property
    def first(self) -> Finding:
        """The first one."""
        return self.shown[0]

    @property
    def mark(self) -> str:
        """The mark if a corrected copy has none of them; of some, how many it does not have."""
        if self.fixable == self.count:
            return MARK
        return f"{self.fixable:,} {MARK}" if self.fixable else ""

    def to_dict(self) -> dict[str, Any]:
        """The count as plain JSON types."""
        kind, severity = self.first.kind, self.first.severity
        return {
            "kind": kind,
            "severity": severity,
            "summary": KINDS[kind].summary,
            "count": self.count,
            "fixable": self.fixable,
            "first": dataclasses.asdict(self.first),
        }


class Tally:
    """Counts findings."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    def add(self, finding: Finding) -> None:
        """Count one."""
        count = self._counts.setdefault(finding.kind, Count())
        count.count += 1
        count.fixable += finding.fixable
        if len(count.shown) < SHOWN_PLACES:
            count.shown.append(finding)

    def counts(self) -> dict[str, int]:
        """How many there are of each kind, in the order in which they were found."""
        return {kind: count.count for kind, count in self._counts.items()}

    def gravest_first(self) -> list[Count]:
        """Errors first, then the most frequent."""
        return sorted(
            self._counts.values(),
            key=lambda each: (SEVERITIES.index(each.first.severity), -each.count),
        )

    def most_frequent_first(self) -> list[Count]:
        """The most frequent first, then by name."""
        return sorted(self._counts.values(), key=lambda each: (-each.count, each.first.kind))


def statistics_lines(tally: Tally) -> Iterator[str]:
    """Return a line a kind: how often, how grave, whether it can be corrected, and where it is first."""
    counts = tally.most_frequent_first()
    numbers = max((len(f"{each.count:,}") for each in counts), default=0)
    names = max((len(each.first.kind) for each in counts), default=0)
    for each in counts:
        first = each.first
        mark = MARK if each.mark == MARK else "[ ]"
        some = f", {each.mark}" if each.mark and each.mark != MARK else ""
        yield f"{each.count:>{numbers},}  {first.severity:<7}  {mark} {first.kind:<{names}}  first {first.place}{some}"
    yield from legend(counts)


def grouped_lines(tally: Tally) -> Iterator[str]:
    """Return the kinds, the gravest first, each with its first findings below it."""
    counts = tally.gravest_first()
    for each in counts:
        kind = each.first.kind
        yield f"{headline(each)}: {KINDS[kind].summary}"
        for finding in each.shown:
            text = "" if finding.text == KINDS[kind].summary else f": {finding.text}"
            mark = f" {MARK}" if finding.fixable and each.mark != MARK else ""
            yield f"  {finding.place}{text}{mark}"
        if left := each.count - len(each.shown):
            yield f"  and {left:,} more"
    yield from legend(counts)


def headline(count: Count) -> str:
    """Return the severity, the kind, how many there are, and which of them are corrected."""
    mark = count.mark
    of_all = f" {mark}" if mark == MARK else ""
    of_some = f", {mark}" if mark and mark != MARK else ""
    return f"{count.first.severity}: {count.first.kind}{of_all}: {count.count:,}{of_some}"


def legend(counts: Iterable[Count]) -> Iterator[str]:
    """Return what the mark means, if it is there."""
    if any(each.fixable for each in counts):
        yield WHAT_MARKED_IS
