"""What an expansion counted of one record, as remarks.

In: the counts of the core's report. Out: a remark for each that is worth one. Faults are not among them: the core hands
these over with their places.
"""

from collections.abc import Iterator
from typing import TypeAlias

from everyturn.checks.finding import Remark, quoted
from everyturn.kinds import KINDS

Counts: TypeAlias = tuple[dict[str, int], list[str], dict[str, int], dict[str, int]]
"""Warnings, causes for which the record is dropped, control tokens in text, keys that the template never reads."""

NO_TARGET = "no_target"
"""The one cause for which a record is dropped without a fault."""


def remarks_of(counts: Counts, said: set[str]) -> Iterator[Remark]:
    """Yield what is new: kinds that a rule has named with their message are not said again."""
    warnings, causes, control_tokens, unread_keys = counts
    for kind, count in warnings.items():
        if kind not in said:
            text = KINDS[kind].summary if kind in KINDS else kind
            if kind == "control_tokens":
                text += ": " + ", ".join(control_tokens)
            yield Remark(kind, None, text if count == 1 else f"{text} ({count} times)")
    if NO_TARGET in causes and NO_TARGET not in said:
        yield Remark(NO_TARGET, None, KINDS[NO_TARGET].summary)
    for key in unread_keys:
        yield Remark("unread_keys", None, f"the template never reads the key {quoted(key)}", key)
