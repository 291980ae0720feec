"""Inputs to findings.

In: a source as `Expander.expand` takes it. Out: findings in the order of the lines, and a corrected copy where one is
asked for. The core reads, cuts lines, reports what it refuses, and expands where there is a model; rules check the
rest. Memory holds a few chunks, and a hash for each record.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from everyturn import _core
from everyturn.catalogue import KINDS, severity_of
from everyturn.checks.expansion import with_expansion, with_warnings
from everyturn.checks.finding import Change, Finding, Remark
from everyturn.checks.fixes import fixed, with_made_ids
from everyturn.checks.records import Record, read
from everyturn.checks.rules import FINDERS, FIXED_FINDERS, FIXES, call_ids, files
from everyturn.checks.rules.rule import Finder
from everyturn.checks.selection import reported
from everyturn.diagnostics.kind import Kind
from everyturn.exceptions import EveryturnError, InputError, OptionsError
from everyturn.expander import CHUNK_BYTES, Expander, check_options, options_with
from everyturn.io.inputs import CoreSource, Source, raising_reader_errors, resolve
from everyturn.options import StrPath, check_optional_count
from everyturn.renderer import Renderer
from everyturn.samples.keep_option import stated

if TYPE_CHECKING:
    from everyturn._core import _Found as Found
    from everyturn._core import _Line as Line

ENDS_A_FILE = ("compression", "json_document")
"""Faults of a file after which nothing more of it can be read: findings, too."""

MOST_ONCE = _core.MAX_NAMES
"""The most names of a kind that are reported once per file: with more keys than this the keys are data."""


class Checker:
    """Finds what is wrong with records; see `everyturn.check` for the arguments.

    Attributes:
        records: How many records of finished inputs it has looked at.
    """

    def __init__(
        self,
        renderer: Renderer | StrPath | None = None,
        *,
        select: Iterable[str] = (),
        ignore: Iterable[str] = (),
        **options: Any,
    ) -> None:
        self.records = 0
        self.reported = reported(select, ignore)
        self.expander = _expander(renderer, options)
        self.detects_format = options.get("input_format", "auto") == "auto"
        reading = {
            field.name: options.get(field.name, field.default)
            for field in dataclasses.fields(Expander)
            if field.name in options_with("reading")
        }
        reading["keep"] = [name for name, _ in stated(reading["keep"])]
        self.renames = bool(reading["map"] or reading["roles"])
        core = None if self.expander is None else self.expander._expander  # noqa: SLF001 - its compiled part
        self.core = _core.Checker(core, **reading)
        # What a copy has is seen without a model.
        self._reader = self.core if core is None else _core.Checker(None, **reading)

    def check(self, source: Source, *, limit: int | None = None) -> Iterator[Finding]:
        """Return what is found, as an iterator; see `everyturn.check`."""
        check_optional_count("limit", limit, least=0)
        items = self._items(*resolve(source), limit, None)
        return (item for item in items if isinstance(item, Finding))

    def with_ids_taken(self, text: bytes, found: "Found") -> "_Taken | None":
        """Return a record with ids of tool calls that the template takes, where it refuses those that it has."""
        outline = found[5]
        refusals = _refusals(found)
        if outline is None or refusals == 0 or call_ids.CALL_IDS_REFUSED.name not in self.reported:
            return None
        made, changes = with_made_ids(text, read(outline))
        if not changes:
            return None
        left = self.core.check_record(made, found[0])
        return _Taken(made, changes, left) if _refusals(left) < refusals else None

    def left(self, text: bytes, form: str | None, record: Record) -> set[Remark] | None:
        """Return what is found of kinds that are corrected once a record is; None if nothing of it is."""
        corrected, changes = fixed(text, record, self.reported, is_written=False)
        if not changes:
            return None
        found = self._reader.check_record(corrected, form)
        return {*_of_core(found), *_of_rules(_record(found), FIXED_FINDERS)}

    def fix(self, source: Source, output: IO[bytes]) -> Iterator[Finding | Change]:
        """Write a corrected copy of one input; yield what was changed, and what is found of the copy.

        Raises:
            OptionsError: There are several inputs, or other names for keys and roles.
            InputError: The input cannot be copied: a line is too long, its compressed data are broken, or it holds
                trees of messages.
        """
        if self.renames:
            raise OptionsError(
                "--fix does not work with map and roles: rename the keys and roles in the input first"
            )
        inputs, files = resolve(source)
        if len(inputs) != 1:
            raise OptionsError(f"a copy is made of one input, not of {len(inputs)}")
        return self._items(inputs, files, None, output)

    def _items(
        self,
        inputs: list[CoreSource],
        files: list[str],
        limit: int | None,
        output: IO[bytes] | None,
    ) -> Iterator[Finding | Change]:
        first_seen: dict[bytes, tuple[str, int]] = {}
        for entry, name in zip(inputs, files, strict=True):
            file = _File(self, name, first_seen, output)
            yield from (item for item in file.items(entry, limit) if item.kind in self.reported)
            self.records += file.records
            if limit is not None:
                limit -= file.records


def check(
    source: Source,
    *,
    renderer: Renderer | StrPath | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    limit: int | None = None,
    **options: Any,
) -> Iterator[Finding]:
    r"""Find everything that is wrong with chats, or worth knowing.

    Every fault is reported, not only the first: several of a record where they are independent. Memory does not grow
    with the input except for a hash of each record, by which duplicates are found.

    >>> lines = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " "}]}\n'
    >>> for finding in check(lines):
    ...     print(finding)
    <bytes>:1: message 1: warning: empty_targets: the answer is empty: only its end is trained

    Args:
        source: As `Expander.expand` takes it.
        renderer: A renderer or a model folder: then what its expansion finds is reported, too.
        select: Kinds that are reported, or what their names begin with; by default, or with ``ALL``, every one.
        ignore: Kinds that are not reported, likewise. Of two names that mean the same kind the longer one decides.
        limit: Stop after this many records.
        **options: Those of `Expander` but ``on_error``, as a fault is a finding and ends nothing; without a renderer
            only those of reading do something: ``input_format``, ``map``, ``roles``, ``undesired``, ``media``,
            ``non_finite``, ``max_line_bytes`` and ``num_threads``.

    Returns:
        An iterator over findings, in the order of the lines.

    Raises:
        InputError: An input cannot be opened or read. Broken compressed data are a finding.
        OptionsError: An option or a kind is unknown, or needs a renderer.
    """
    return Checker(renderer, select=select, ignore=ignore, **options).check(source, limit=limit)


@dataclasses.dataclass(slots=True)
class _File:
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

    checker: Checker
    name: str
    first_seen: dict[bytes, tuple[str, int]]
    output: IO[bytes] | None
    said: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    can_be_copied: bool = True
    records: int = 0
    line_ends: int = 0

    def items(self, entry: CoreSource, limit: int | None) -> Iterator[Finding | Change]:
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
                yield from self._findings(number, _of_core(found))
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
        remarks = _of_core(found)
        if (taken := self.checker.with_ids_taken(text, found)) is not None:
            remarks.append(self._marked(call_ids.refused(taken.changes)))
        first = self.first_seen.setdefault(name, (self.name, number))
        if first != (self.name, number):
            remarks.append(
                Remark("duplicate", None, f"the same conversation as {first[0]}:{first[1]}")
            )
        if self.checker.detects_format and own is not None and form is not None:
            remarks += files.mixed_formats(own, form)
        if (record := _record(found)) is not None:
            remarks += _of_rules(record, FINDERS)
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


class _Taken(NamedTuple):
    """A record with other ids of calls: its text, what was changed, and what is found of it."""

    text: bytes
    changes: list[Remark]
    found: "Found"


def _refusals(found: "Found") -> int:
    """How many targets the template refuses."""
    return sum(kind == "template" for kind, *_ in found[3])


def _of_core(found: "Found") -> list[Remark]:
    return [Remark(*fault) for fault in found[3]]


def _record(found: "Found") -> Record | None:
    """The record as rules look at it, where it has messages or may have."""
    return None if found[5] is None else read(found[5])


def _of_rules(record: Record | None, finders: Iterable[Finder]) -> list[Remark]:
    if record is None or not record.messages:
        return []
    return [remark for find in finders for remark in find(record)]


def _by_message(remark: Remark) -> int:
    return -1 if remark.message_index is None else remark.message_index


def _expander(renderer: Renderer | StrPath | None, options: dict[str, Any]) -> Expander | None:
    """Build the expander whose findings are wanted, with faults that are skipped."""
    check_options(options, own=("renderer", "select", "ignore", "limit"))
    if "on_error" in options:
        raise OptionsError("on_error: a check never ends at a fault: each one is a finding")
    if renderer is not None:
        return Expander(renderer, on_error="skip", **options)
    for name in options:
        if name not in options_with("reading"):
            raise OptionsError(f"{name} needs a model")
    return None
