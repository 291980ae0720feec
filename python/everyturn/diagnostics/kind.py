"""The explanation of a kind of error, warning or finding."""

import dataclasses
from typing import Literal, TypeAlias

from everyturn.wording import flag

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclasses.dataclass(frozen=True, slots=True)
class Cure:
    """An option that resolves some errors of a kind.

    Attributes:
        option: Its name, of an `Expander`, or ``serve``.
        value: What it is set to.
        is_last_resort: It trains what inference does not show.
    """

    option: str
    value: str
    is_last_resort: bool = False

    @property
    def flag(self) -> str:
        """As it is written on the command line.

        >>> Cure("prompt_mismatch", "splice").flag
        '--prompt-mismatch splice'
        """
        return f"{flag(self.option)} {self.value}"


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
        cures: Options that keep what the error costs in some cases and not in others: each is tried before it is named.
        resort: The option that is left where none of these works.
    """

    name: str
    severity: Severity | None
    summary: str
    reason: str
    remedy: str
    hint: str | None = None
    cures: tuple[Cure, ...] = ()
    resort: str | None = None
