"""One input of a check, from its bytes to findings.

In: the chunks that the core cuts an input into, with what it has found of each line. Out: findings in the order of the
lines; with an output, a corrected copy of the bytes and what was changed. Which kinds are reported, `checker` says.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, NamedTuple

from everyturn import _core
from everyturn.catalogue import KINDS, severity_of
from everyturn.checks.expansion import with_expansion, with_warnings
from everyturn.checks.finding import Change, Finding, Remark
from everyturn.checks.fixes import fixed
from everyturn.checks.records import Record, read
from everyturn.checks.rules import FINDERS, FIXES, call_ids, files
from everyturn.checks.rules.rule import Finder
from everyturn.diagnostics.kind import Kind
from everyturn.exceptions import EveryturnError, InputError
from everyturn.expander import CHUNK_BYTES
from everyturn.faults import place_of
from everyturn.io.inputs import CoreSource, raising_reader_errors

if TYPE_CHECKING:
    from everyturn._core import _Found as Found
    from everyturn._core import _Line as Line
    from everyturn.checks.checker import Checker

ENDS_A_FILE = ("compression", "json_document")
"""Faults of a file after which nothing more of it can be read: findings, too."""

MOST_ONCE = _core.MAX_NAMES
"""The most names of a kind that are reported once per file: with more keys than this the keys are data."""


@dataclasses.dataclass(slots=True)
class FileCheck:
    """One input on its way.

    Attributes:
        checker: What looks.
        name: As findings show it.
        first_seen: Where each record was first, over all inputs.
        output: Where the corrected copy goes.
        said: The names of each kind that are said once a file, and were.
        can_be_copied: A corrected copy can be made of it.
        records: Lines that are not blank, so far.
        line_ends: CR LF that were written as LF.
    """

    checker: "Checker"
    name: str
    first_seen: dict[bytes, tuple[str, int]]
    output: IO[bytes] | None
    said: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    can_be_copied: bool = True
    records: int = 0
    line_ends: int = 0

    def items(self, entry: CoreSource, limit: int | None) -> Iterator[Finding | Change]:
        """Yield what is found, and what the copy has otherwise, in the order of the lines."""
        stream = self.checker.core.open([entry], CHUNK_BYTES, limit)
        is_first = True
        while True:
            try:
                with raising_reader_errors():
                    chunk = stream.next_chunk()
            except EveryturnError as error:
                if error.kind not in ENDS_A_FILE or self.output is not None:
                    raise
                yield self._finding(
                    error.line or 1, Remark(error.kind, None, error.reason or str(error))
                )
                return
            if chunk is None:
                break
            yield from self._chunk(*chunk, is_first)
            is_first = False
        if self.line_ends:
            yield self._change(1, files.line_ends_changed(self.line_ends))

    def _chunk(
        self,
        data: bytes,
        lines: "list[Line]",
        is_made: bool,  # noqa: FBT001 - private
        is_first: bool,  # noqa: FBT001 - private
    ) -> Iterator[Finding | Change]:
        if is_made and self.output is not None:
            raise InputError.in_file(
                self.name, "it holds trees of messages, of which no corrected copy is made"
            )
        self.can_be_copied = not is_made and not self.checker.renames
        has_mark = is_first and data.startswith(files.BYTE_ORDER_MARK)
        if has_mark:
            yield from self._mark()
        written = len(files.BYTE_ORDER_MARK) if has_mark and self._fixes(files.BOM) else 0
        for number, start, stop, found in lines:
            self.records += 1
            if start is None or stop is None:
                if self.output is not None:
                    raise InputError(
                        f"{self.name}:{number}: {found[3][0][2]}: the line cannot be copied"
                    )
                yield from self._findings(number, of_core(found))
                continue
            if self.output is None:
                ends = [self._marked(remark) for remark in files.line_end(data, stop)]
                yield from self._findings(number, ends)
                yield from self._findings(number, self._remarks(number, data[start:stop], found))
            else:
                self._copy(data[written:start])
                written = stop
                yield from self._corrected(self.output, number, data, (start, stop), found)
        if self.output is not None:
            self._copy(data[written:])

    def _mark(self) -> Iterator[Finding | Change]:
        if self.output is None:
            yield self._finding(1, self._marked(files.byte_order_mark()))
        elif self._fixes(files.BOM):
            yield self._change(1, files.byte_order_mark_taken_off())

    def _marked(self, remark: Remark) -> Remark:
        """Say whether a copy has something otherwise that is always corrected."""
        return remark._replace(fixable=self.can_be_copied)

    def _all_marked(
        self, remarks: list[Remark], text: bytes, form: str | None, record: Record
    ) -> list[Remark]:
        """Say what of a record a copy has otherwise: that depends on each call, role and list."""
        kinds = FIXES.keys() & self.checker.reported
        if not self.can_be_copied or kinds.isdisjoint(remark.kind for remark in remarks):
            return remarks
        left = self.checker.left(text, form, record)
        if left is None:
            return remarks
        return [
            remark._replace(fixable=True) if remark.kind in kinds and remark not in left else remark
            for remark in remarks
        ]

    def _fixes(self, kind: Kind) -> bool:
        return kind.name in self.checker.reported

    def _copy(self, between: bytes) -> None:
        """Write what is between two records: the end of a line, and blank lines."""
        if self.output is None:
            return
        if self._fixes(files.CRLF):
            between, count = files.with_line_feeds(between)
            self.line_ends += count
        self.output.write(between)

    def _corrected(
        self, output: IO[bytes], number: int, data: bytes, span: tuple[int, int], found: "Found"
    ) -> Iterator[Finding | Change]:
        before = data[slice(*span)]
        text, remarks = before, list[Remark]()
        if data.startswith(files.CR_LF, span[1]) and self._fixes(files.CRLF):
            text = text.rstrip(b"\r")
        if (outline := found[5]) is not None:
            text, remarks = fixed(text, read(outline), self.checker.reported)
        left = found if text == before else self.checker.core.check_record(text, found[0])
        if (taken := self.checker.with_ids_taken(text, left)) is not None:
            text, left = taken.text, taken.found
            remarks += taken.changes
        output.write(text)
        for remark in remarks:
            yield self._change(number, remark)
        yield from self._findings(number, self._remarks(number, text, left))

    def _remarks(self, number: int, text: bytes, found: "Found") -> list[Remark]:
        form, own, name, _, counts, _ = found
        remarks = of_core(found)
        if (taken := self.checker.with_ids_taken(text, found)) is not None:
            remarks.append(self._marked(call_ids.refused(taken.changes)))
        first = self.first_seen.setdefault(name, (self.name, number))
        if first != (self.name, number):
            remarks.append(
                Remark("duplicate", None, f"the same conversation as {place_of(*first)}")
            )
        if self.checker.detects_format and own is not None and form is not None:
            remarks += files.mixed_formats(own, form)
        if (record := record_of(found)) is not None:
            remarks += of_rules(record, FINDERS)
            remarks = self._all_marked(remarks, text, form, record)
        if counts is None:
            return remarks
        if self.checker.expander is None:
            return with_warnings(remarks, counts)
        arguments = self.checker.expander.renderer.template_arguments
        return with_expansion(remarks, counts, arguments)

    def _findings(self, number: int, remarks: list[Remark]) -> Iterator[Finding]:
        remarks.sort(key=_by_message)
        for remark in remarks:
            if remark.once is None or self._is_new(remark.kind, remark.once):
                yield self._finding(number, self._without_name(remark))

    def _is_new(self, kind: str, name: str) -> bool:
        names = self.said.setdefault(kind, set())
        if name in names or len(names) > MOST_ONCE:
            return False
        names.add(name)
        return True

    def _change(self, number: int, remark: Remark) -> Change:
        return Change(self.name, number, remark.message_index, remark.kind, remark.text)

    def _without_name(self, remark: Remark) -> Remark:
        """Say that there are more names, instead of the first beyond the limit."""
        if not remark.once or len(self.said[remark.kind]) <= MOST_ONCE:
            return remark
        text = f"{KINDS[remark.kind].summary}: more than {MOST_ONCE} names, and the others are not listed"
        return remark._replace(text=text)

    def _finding(self, number: int, remark: Remark) -> Finding:
        kind = remark.kind
        return Finding(
            self.name,
            number,
            remark.message_index,
            kind,
            severity_of(kind),
            remark.text,
            remark.fixable,
        )


class Taken(NamedTuple):
    """A record with other ids of calls: its text, what was changed, and what is found of it."""

    text: bytes
    changes: list[Remark]
    found: "Found"


def refused_targets(found: "Found") -> int:
    """How many targets the template refuses."""
    return sum(kind == "template" for kind, *_ in found[3])


def of_core(found: "Found") -> list[Remark]:
    """Return the faults that the core has found."""
    return [Remark(*fault) for fault in found[3]]


def record_of(found: "Found") -> Record | None:
    """The record as rules look at it, where it has messages or may have."""
    return None if found[5] is None else read(found[5])


def of_rules(record: Record | None, finders: Iterable[Finder]) -> list[Remark]:
    """Return what rules find in a record that has messages."""
    if record is None or not record.messages:
        return []
    return [remark for find in finders for remark in find(record)]


def _by_message(remark: Remark) -> int:
    return -1 if remark.message_index is None else remark.message_index
