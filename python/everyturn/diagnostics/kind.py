"""The explanation of a kind of error, warning or finding."""

import dataclasses
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A name that errors, reports and findings have, explained.

    Attributes:
        name: The stable name.
        severity: How `everyturn check` reports it: an ``error`` costs the record or a target, a ``warning`` is refused
            elsewhere or loses something, a ``note`` is worth knowing. None: it is not reported there.
        summary: One line.
        reason: Why it matters.
        remedy: What to do.
        hint: The option that resolves it, for the command line; None if there is none.
    """

    name: str
    severity: Severity | None
    summary: str
    reason: str
    remedy: str
    hint: str | None = None
