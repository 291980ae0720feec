"""How many findings there are of each kind, and where each is first.

In: findings, one after the other. Out: counts. Memory does not grow with them.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from everyturn.catalogue import KINDS
from everyturn.checks.finding import Finding
from everyturn.checks.rules import FIXABLE

SEVERITIES = ("error", "warning", "note")


@dataclasses.dataclass(slots=True)
class Count:
    """The findings of one kind."""

    first: Finding
    count: int = 0

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
        self._counts.setdefault(finding.kind, Count(finding)).count += 1

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
        mark = "[*]" if each.is_fixable else "[ ]"
        yield f"{each.count:>{numbers},}  {first.severity:<7}  {mark} {first.kind:<{names}}  first {first.place}"
    if any(each.is_fixable for each in counts):
        yield "[*] `everyturn check --fix -o FILE` corrects those that have one right answer"
