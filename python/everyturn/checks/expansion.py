"""What an expansion counted of one record, or reading alone, as remarks.

In: the counts of the core's report. Out: a remark for each that is worth one. Faults are not among them: the core hands
these over with their locations.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from everyturn.catalogue import KINDS
from everyturn.checks.finding import Remark
from everyturn.checks.rules.content import unread_arguments, unread_keys
from everyturn.wording import counted

if TYPE_CHECKING:
    from everyturn._core import _Counts as Counts

NO_TARGET = "no_target"
"""The one cause for which a record is dropped without a fault."""

BY_OPTIONS = (NO_TARGET, "weight_ignored")
"""What rules can only guess without the options of an expansion."""


def with_expansion(
    remarks: list[Remark], counts: "Counts", template_arguments: Sequence[str]
) -> list[Remark]:
    """Add what is new to what rules have said: they name the message, so their word is not repeated.

    What is trained depends on options, so there the expansion has the last word.
    """
    warnings, _, causes, _, keys, arguments = counts
    of_expansion = {*warnings, *causes}
    remarks = [
        remark for remark in remarks if remark.kind not in BY_OPTIONS or remark.kind in of_expansion
    ]
    if NO_TARGET in causes and all(remark.kind != NO_TARGET for remark in remarks):
        remarks.append(Remark(NO_TARGET, None, KINDS[NO_TARGET].summary))
    unread = (*unread_keys(*keys), *unread_arguments(*arguments, template_arguments))
    return [*with_warnings(remarks, counts), *unread]


def with_warnings(remarks: list[Remark], counts: "Counts") -> list[Remark]:
    """Add the warnings of kinds that rules have not spoken of."""
    warnings, places, _, control_tokens, _, _ = counts
    said = {remark.kind for remark in remarks}
    remarks = list(remarks)
    for kind, count in warnings.items():
        if kind in said:
            continue
        if kind in places:
            remarks += [Remark(kind, message, text) for message, text in places[kind]]
            if left := count - len(places[kind]):
                text = f"{KINDS[kind].summary}: {counted(left, 'more time')}"
                remarks.append(Remark(kind, None, text))
        else:
            text = KINDS[kind].summary
            if kind == "control_tokens":
                text += ": " + ", ".join(control_tokens)
            remarks.append(
                Remark(kind, None, text if count == 1 else f"{text} ({counted(count, 'time')})")
            )
    return remarks
