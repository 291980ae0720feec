"""What is known of a fault beside its text: where in the conversation it is, and which options resolve it.

In: faults of an expansion whose records can be read again. Out: notes on them. An option is named only where it was
tried on that very record and gives it the sample that was lost.
"""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from everyturn import _core
from everyturn.catalogue import KINDS
from everyturn.checks import records as outlines
from everyturn.checks.checker import Checker
from everyturn.diagnostics import errors
from everyturn.diagnostics.kind import Cure
from everyturn.exceptions import EveryturnError
from everyturn.expander import OPTION_NAMES, Expander, options_with
from everyturn.faults import Fault, Notes
from everyturn.io.records import Record, Records
from everyturn.options import Serve
from everyturn.report_text import first_faults
from everyturn.wording import counted

LOCATED = frozenset(
    {kind.name for kind in errors.TARGET} | {name for name, kind in KINDS.items() if kind.cures}
)
"""Kinds of which there is more to know than their texts."""

MOST = 1_000
"""The most faults that are looked at."""

MAKE_IDS = "`everyturn check --fix --model DIR`, which makes ids of calls that the template takes"

AFTER = {
    "assistant": "another assistant message",
    "user": "a user's message",
    "tool": "a tool's result",
    "system": "a system message",
    "developer": "a developer's message",
}


def notes_on(expander: Expander, faults: Iterable[Fault], known: Iterable[Record] = ()) -> Notes:
    """Return what is known of the first faults; nothing of those whose record cannot be read again.

    Args:
        expander: Whose faults they are.
        faults: As its report has them.
        known: Records that were read already.
    """
    wanted = [fault for fault in faults if fault.kind in LOCATED][:MOST]
    records = {(record.file, record.line): record for record in known}
    records |= _read_again(
        expander, {(fault.file, fault.line) for fault in wanted} - records.keys()
    )
    looked_at = {
        fault: record
        for fault in wanted
        if (record := records.get((fault.file, fault.line))) is not None
    }
    reader = _reader(expander)
    found = Notes(
        {fault: _circumstances(reader, record, fault) for fault, record in looked_at.items()}
    )
    named = [fault for fault in first_faults(wanted, found) if fault in looked_at]
    if not named:
        return found
    trials = Trials(expander)
    lines = {fault: list(trials.trial(looked_at[fault], fault).lines()) for fault in named}
    return dataclasses.replace(found, lines=lines)


def _read_again(expander: Expander, places: set[tuple[str, int]]) -> dict[tuple[str, int], Record]:
    """Return the records of these lines; of what is no file, none."""
    found: dict[tuple[str, int], Record] = {}
    for file in sorted({file for file, _ in places if Path(file).is_file()}):
        last = max(line for name, line in places if name == file)
        records = Records(file, **expander.reading())
        with contextlib.suppress(EveryturnError):
            for record in records:
                if (file, record.line) in places:
                    found[file, record.line] = record
                if record.line >= last:
                    break
    return found


def _reader(expander: Expander) -> _core.Checker:
    """What reads records as an expander does, without its model."""
    options = {name: getattr(expander, name) for name in options_with("reading")}
    return Checker(**options).core


def _circumstances(reader: _core.Checker, record: Record, fault: Fault) -> str:
    if record.text is None or fault.message_index is None:
        return ""
    outline = reader.check_record(record.text, record.format)[5]
    return "" if outline is None else circumstances(outlines.read(outline), fault.message_index)


def circumstances(record: outlines.Record, index: int) -> str:
    """Say where in a conversation a message stands, and what it holds beside text; nothing of one that is not there.

    >>> record = outlines.read(
    ...     '{"format": "messages", "unread": [], "others": {}, "messages": ['
    ...     '{"role": "assistant", "fields": {"content": "Hi"}},'
    ...     ' {"role": "assistant", "fields": {"content": "So.", "reasoning": "Hm."}}]}'
    ... )
    >>> circumstances(record, 1)
    'after another assistant message, with reasoning'
    """
    if index >= len(record.messages):
        return ""
    message = record.messages[index]
    before = record.messages[index - 1].role if index else None
    words = [] if index else ["at the start"]
    if before in AFTER:
        words.append(f"after {AFTER[before]}")
    if message.calls:
        words.append(f"with {counted(len(message.calls), 'tool call')}")
    inline = "</think>" in (message.text or "")
    words.append("with reasoning" if message.reasons or inline else "without reasoning")
    return ", ".join(words)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """What was tried on the record of a fault.

    Attributes:
        cures: What gives it the sample that was lost.
        last_resorts: What gives it a sample that inference does not show.
        failures: What gives it none.
    """

    cures: Sequence[str] = ()
    last_resorts: Sequence[str] = ()
    failures: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Return it in words."""
        if self.cures:
            verb = "resolves" if len(self.cures) == 1 else "resolve"
            yield f"tried on this record: {' or '.join(self.cures)} {verb} it"
        elif self.last_resorts:
            known = " or ".join(self.last_resorts)
            yield f"tried on this record: {known} trains it, but not as inference shows it"
        elif self.failures:
            yield f"tried on this record without success: {', '.join(self.failures)}"


class Trials:
    """Tries what resolves faults of an expander."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander
        options = expander.options()
        del options["on_error"]
        self._checker = Checker(expander.renderer, **options)

    def trial(self, record: Record, fault: Fault) -> Trial:
        """Try what resolves some faults of that kind; what costs something else only where nothing else works."""
        works: dict[str, bool] = {}
        last_resorts: list[str] = []
        for cure in KINDS[fault.kind].cures:
            if self._is_set(cure) or (cure.is_last_resort and any(works.values())):
                continue
            if (is_cure := self._works(record, fault, cure)) and cure.is_last_resort:
                last_resorts.append(cure.flag)
            else:
                works[cure.flag] = is_cure
        if fault.kind == "template" and record.text is not None:
            found = self._checker.core.check_record(record.text, record.format)
            if self._checker.with_ids_taken(record.text, found) is not None:
                works[MAKE_IDS] = True
        return Trial(
            [flag for flag, is_cure in works.items() if is_cure],
            last_resorts,
            [flag for flag, is_cure in works.items() if not is_cure],
        )

    def _is_set(self, cure: Cure) -> bool:
        owner = self._expander if cure.option in OPTION_NAMES else self._expander.renderer
        return bool(getattr(owner, cure.option) == cure.value)

    def _works(self, record: Record, fault: Fault, cure: Cure) -> bool:
        try:
            trial = self._with(cure)
        except EveryturnError:
            # The options do not go together, or the model cannot be loaded so.
            return False
        samples, _ = trial.expand_records([record])
        left = {fault.message_index for fault in samples.report.faults}
        return len(samples) > 0 and fault.message_index not in left

    def _with(self, cure: Cure) -> Expander:
        if cure.option in OPTION_NAMES:
            return self._expander.replace(**{cure.option: cure.value}, on_error="skip")
        renderer = self._expander.renderer.for_server(cast("Serve", cure.value))
        return Expander(renderer, **{**self._expander.options(), "on_error": "skip"})
