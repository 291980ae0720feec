"""What a rule is: the kinds that it finds, how it finds them, and how it corrects them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record
from everyturn.diagnostics.kind import Kind


class Entry(NamedTuple):
    """A message that is an object, to be changed in place.

    Attributes:
        position: 0-based, as in ``targets``.
        fields: As they stand in the record.
        role_key: The key of its role.
    """

    position: int
    fields: dict[str, Any]
    role_key: str


class Draft(NamedTuple):
    """A record that is being corrected, in place.

    Attributes:
        data: The whole record.
        entries: Those of its messages that are objects.
        format: By which it is read.
    """

    data: dict[str, Any]
    entries: list[Entry]
    format: str


Finder: TypeAlias = Callable[[Record], Iterator[Remark]]
"""Says what it finds in a record."""

Fix: TypeAlias = Callable[[Draft], Iterator[Remark]]
"""Corrects a record, and says what was changed."""


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
    find: Finder | None = None
    fixes: Mapping[str, Fix] = dataclasses.field(default_factory=dict)
