"""What a rule is: the kinds that it finds, how it finds them, and how it corrects them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record
from everyturn.diagnostics.kind import Kind

Entries: TypeAlias = list[tuple[int, dict[str, Any]]]
"""The messages of a record that are objects, each with its number; to be changed in place."""

Fix: TypeAlias = Callable[[dict[str, Any], Entries, str], Iterator[Remark]]
"""Corrects a record in place, by its messages and its format, and says what was changed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that `everyturn check` looks for.

    Attributes:
        kinds: What it finds and nothing else does, explained.
        shared: Names of errors and warnings of an expansion that it finds, or corrects, without one.
        find: Says what it finds in a record; None if others than records are looked at.
        fixes: For each kind that has one right answer, what makes it right.
    """

    kinds: tuple[Kind, ...] = ()
    shared: tuple[str, ...] = ()
    find: Callable[[Record], Iterator[Remark]] | None = None
    fixes: Mapping[str, Fix] = dataclasses.field(default_factory=dict)
