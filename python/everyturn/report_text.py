"""A report in words.

In: a report, and what else is known of some of its faults. Out: lines of text, for a terminal, a log or a page. Each
kind of fault and each warning is a line, with the places below it where it occurs first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from everyturn.faults import Cause, Fault, Notes
from everyturn.wording import counted, percent, unread_argument

if TYPE_CHECKING:
    from everyturn.report import Report

SHOWN_NAMES = 20
"""The most keys, arguments and control tokens that are named."""

SHOWN_CAUSES = 5
"""The most causes that are named of a kind of fault."""

SHOWN_PLACES = 2
"""The most places that are named of a warning."""

WARNING = "warning: "
"""How lines begin that are worth a colour."""

NOTE = "note: "
"""How lines begin that say what was done as it was asked for."""


def summary(report: "Report") -> str:
    """Return the report's one line."""
    share = percent(report.trained_tokens, report.tokens)
    return (
        f"{report.train_on}: {counted(report.targets_trained, 'target')} in {counted(report.rows, 'sample')} "
        f"from {counted(report.records_kept, 'conversation')}; "
        f"{report.trained_tokens:,} of {counted(report.tokens, 'token')} trained ({share}); "
        f"prompts of {report.server or 'the template'}"
    )


def report_lines(report: "Report", notes: Notes) -> Iterator[str]:
    """Return the one line, then what was dropped and what is worth knowing."""
    yield summary(report)
    yield from why_nothing_is_trained(report)
    yield from _dropped(report, notes)
    yield from _warnings(report)
    yield from _unread(report)
    if report.now is not None:
        yield f"the template shows the date: {report.now}"
    if report.control_tokens:
        tokens = [f"{token} {count:,}" for token, count in report.control_tokens.items()]
        if left := _left(report.control_tokens, report.control_tokens_omitted):
            tokens[SHOWN_NAMES:] = [f"others {left:,}"]
        yield f"control tokens in text: {', '.join(tokens)}"


WHY_NO_TARGET = {
    "all_assistant_messages": "no assistant message, or each has the weight 0",
    "last_assistant_message": "no assistant message, or the last one has the weight 0",
    "last_assistant_turn": "no assistant message after the last user message, or each has the weight 0",
    "marked": 'no message has a weight of its own above 0, and train_on="marked" takes no others',
}
"""Why a record has no target, by what is chosen."""


def why_nothing_is_trained(report: "Report") -> Iterator[str]:
    """Return the causes with their counts; nothing where a token is trained."""
    if report.trained_tokens:
        return
    if not report.records_read:
        blank = f", only {counted(report.blank_lines, 'blank line')}" if report.blank_lines else ""
        yield f"nothing is trained: there is no record{blank}"
        return
    yield f"nothing is trained of {counted(report.records_read, 'record')}:"
    for noun, counts in (("record", report.records_dropped), ("target", report.targets_dropped)):
        for kind, count in counts.items():
            yield f"  {counted(count, noun)}: {_cause(report, kind)}"
    if report.rows:
        yield f"  {counted(report.rows, 'sample')}: no token has a label"


def _cause(report: "Report", kind: str) -> str:
    from everyturn.catalogue import KINDS

    if kind == "no_target" and report.train_on in WHY_NO_TARGET:
        return WHY_NO_TARGET[report.train_on]
    return KINDS[kind].summary


def first_faults(faults: Iterable[Fault], notes: Notes) -> list[Fault]:
    """Return the faults that the lines of a report name."""
    found = notes.causes(faults).values()
    return [cause.first for of_kind in found for cause in of_kind[:SHOWN_CAUSES]]


def _dropped(report: "Report", notes: Notes) -> Iterator[str]:
    found = notes.causes(report.faults)
    for noun, counts in (("record", report.records_dropped), ("target", report.targets_dropped)):
        for kind, count in counts.items():
            causes = found.pop(kind, ())
            why = "" if causes else f": {_cause(report, kind)}"
            yield f"dropped {counted(count, noun)}: {kind}{why}"
            yield from cause_lines(causes, notes)
    for kind, others in found.items():
        yield f"fault: {kind}"
        yield from cause_lines(others, notes)
    if report.faults_omitted:
        count = len(report.faults) + report.faults_omitted
        yield f"only the first {len(report.faults):,} of {counted(count, 'fault')} are listed"


def cause_lines(found: Sequence[Cause], notes: Notes) -> Iterator[str]:
    """Return the causes of one kind of fault, each with its first place; how often where there are several."""
    for cause in found[:SHOWN_CAUSES]:
        often = f"{cause.count:,} times" if len(found) > 1 and cause.count > 1 else ""
        where = ", ".join(filter(None, (cause.circumstances, often)))
        first = "first " if cause.count > 1 else ""
        yield f"  {f'{where}: ' if where else ''}{first}{cause.first.text}"
        yield from (f"    {line}" for line in notes.lines.get(cause.first, ()))
    if left := found[SHOWN_CAUSES:]:
        yield f"  and {counted(len(left), 'other cause')}"


def _warnings(report: "Report") -> Iterator[str]:
    for name, count in report.warnings.items():
        yield warning_line(name, count)
        places = report.warning_places.get(name, ())
        yield from (f"  {place.text}" for place in places[:SHOWN_PLACES])


def warning_line(name: str, count: int) -> str:
    """Say what a warning means, and how often it was given.

    >>> warning_line("empty_thinking", 2)
    'warning: empty_thinking, 2 times: a target without reasoning is trained to write an empty block of thinking'
    """
    from everyturn.catalogue import KINDS

    kind = KINDS[name]
    mark = NOTE if kind.severity == "note" else WARNING
    often = "once" if count == 1 else f"{count:,} times"
    return f"{mark}{name}, {often}: {kind.summary}"


def _unread(report: "Report") -> Iterator[str]:
    if names := _named(report.unread_keys, report.unread_keys_omitted, "message"):
        yield f"{NOTE}unread_keys: the template never reads these keys of messages: {names}"
    if names := _named(report.unread_record_keys, report.unread_record_keys_omitted, "record"):
        yield f"{NOTE}unread_record_keys: nothing reads these keys of records: {names}"
    for name, count in _shown(report.unread_arguments):
        text = unread_argument(name, report.template_arguments)
        yield f"{WARNING}unread_arguments: {counted(count, 'record')}: {text}"
    if left := _left(report.unread_arguments, report.unread_arguments_omitted):
        yield f"{WARNING}unread_arguments: others: {counted(left, 'time')}"


def _named(keys: Mapping[str, int], omitted: int, noun: str) -> str:
    """Name keys for one line, each with what has it; empty where there is none."""
    names = [f"{key} ({counted(count, noun)})" for key, count in _shown(keys)]
    if left := _left(keys, omitted):
        names.append(f"others ({counted(left, 'time')})")
    return ", ".join(names)


def _shown(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return list(counts.items())[:SHOWN_NAMES]


def _left(counts: Mapping[str, int], omitted: int) -> int:
    """How often there is a name that is not shown."""
    return sum(list(counts.values())[SHOWN_NAMES:]) + omitted
