"""Inputs to findings.

In: a source as `Expander.expand` takes it. Out: findings in the order of the lines, and a corrected copy where one is
asked for. The core reads, cuts lines, reports what it refuses, and expands where there is a model; rules check the
rest. Memory holds a few chunks, and a hash for each record.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from everyturn import _core
from everyturn.checks.file_check import (
    FileCheck,
    Taken,
    of_core,
    of_rules,
    record_of,
    refused_targets,
)
from everyturn.checks.finding import Change, Finding, Remark
from everyturn.checks.fixes import fixed, with_made_ids
from everyturn.checks.records import Record, read
from everyturn.checks.rules import FIXED_FINDERS, call_ids
from everyturn.checks.selection import reported
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander, check_options, options_with
from everyturn.io.inputs import CoreSource, Source, resolve
from everyturn.options import StrPath, check_optional_count
from everyturn.renderer import Renderer
from everyturn.samples.keep_option import stated

if TYPE_CHECKING:
    from everyturn._core import _Found as Found


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

    def with_ids_taken(self, text: bytes, found: "Found") -> Taken | None:
        """Return a record with ids of tool calls that the template takes, where it refuses those that it has."""
        outline = found[5]
        refusals = refused_targets(found)
        if outline is None or refusals == 0 or call_ids.CALL_IDS_REFUSED.name not in self.reported:
            return None
        made, changes = with_made_ids(text, read(outline))
        if not changes:
            return None
        left = self.core.check_record(made, found[0])
        return Taken(made, changes, left) if refused_targets(left) < refusals else None

    def left(self, text: bytes, form: str | None, record: Record) -> set[Remark] | None:
        """Return what is found of kinds that are corrected once a record is; None if nothing of it is."""
        corrected, changes = fixed(text, record, self.reported, is_written=False)
        if not changes:
            return None
        found = self._reader.check_record(corrected, form)
        return {*of_core(found), *of_rules(record_of(found), FIXED_FINDERS)}

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
            file = FileCheck(self, name, first_seen, output)
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
