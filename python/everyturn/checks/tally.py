"""How many findings there are of each kind, and where each is first.

In: findings, one after the other. Out: counts. Memory does not grow with them.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from everyturn.catalogue import KINDS
from everyturn.checks.finding import Finding
from everyturn.checks.rules import FIXABLE

SEVERITIES = ("error", "warning", "note")

MARK = "[*]"
"""What marks a kind that can be corrected."""

WHAT_MARKED_IS = f"{MARK} `everyturn check --fix -o FILE` corrects those that have one right answer"

SHOWN_PLACES = 5
"""The most findings that are kept of each kind."""


@dataclasses.dataclass(slots=True)
class Count:
    """The findings of one kind: how many, and the first of them."""

    shown: list[Finding] = dataclasses.field(default_factory=list)
    count: int = 0

    @property
    def first(self) -> Finding:
        """The first one."""
        return self.shown[0]

    @property
    def is_fixable(self) -> bool:
        """Whether a corrected copy has those otherwise that have one right answer."""
        return self.first.kind in FIXABLE

    def to_dict(self) -> dict[str, Any]:
        """The count as plain JSON types."""
        kind, severity = self.first.kind, self.first.severity
        return {
            "kind": kind,
            "severity": severity,
            "summary": KINDS[kind].summary,
            "count": self.count,
            "fixable": self.is_fixable,
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
        mark = MARK if each.is_fixable else "[ ]"
        yield f"{each.count:>{numbers},}  {first.severity:<7}  {mark} {first.kind:<{names}}  first {first.place}"
    yield from legend(counts)


def grouped_lines(tally: Tally) -> Iterator[str]:
    """Return the kinds, the gravest first, each with its first findings below it."""
    counts = tally.gravest_first()
    for each in counts:
        kind = each.first.kind
        mark = f" {MARK}" if each.is_fixable else ""
        yield f"{each.first.severity}: {kind}{mark}: {each.count:,}: {KINDS[kind].summary}"
        for finding in each.shown:
            text = "" if finding.text == KINDS[kind].summary else f": {finding.text}"
            yield f"  {finding.place}{text}"
        if left := each.count - len(each.shown):
            yield f"  and {left:,} more"
    yield from legend(counts)


def legend(counts: Iterable[Count]) -> Iterator[str]:
    """Return what the mark means, if it is there."""
    if any(each.is_fixable for each in counts):
        yield WHAT_MARKED_IS
