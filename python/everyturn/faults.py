"""Faults, and what they have in common.

In: faults of an expansion, each with its location and its text. Out: for each kind its causes, with how often each
occurs and where it occurs first. Two texts are of one cause where they differ in nothing but numbers and quotations.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

_VARYING = re.compile(r'"(?:[^"\\]|\\.)*"|\d+')
"""What a text quotes of the data, and numbers."""


def place_of(file: str, line: int, message_index: int | None = None) -> str:
    """Return a location as text: file, line and, where one is meant, the message.

    >>> place_of("a.jsonl", 7), place_of("a.jsonl", 7, 1)
    ('a.jsonl:7', 'a.jsonl:7: message 1')
    """
    place = f"{file}:{line}"
    return place if message_index is None else f"{place}: {message_of(message_index)}"


def message_of(index: int) -> str:
    """Return the name of a message in a location."""
    return f"message {index}"


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One thing that was wrong, and where.

    Attributes:
        file: The input's name.
        line: 1-based.
        message_index: 0-based, as in ``targets``; None if the record as a whole is at fault.
        kind: The stable name by which faults are counted.
        text: The sentence with the location.
    """

    file: str
    line: int
    message_index: int | None
    kind: str
    text: str

    @property
    def place(self) -> str:
        """The location: file, line and message.

        >>> Fault("a.jsonl", 7, 1, "role", "a.jsonl:7: message 1: it is unknown").place
        'a.jsonl:7: message 1'
        """
        return place_of(self.file, self.line, self.message_index)

    @property
    def reason(self) -> str:
        """The sentence without the location."""
        return self.text.removeprefix(f"{self.place}: ")


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """Faults of one kind that say the same in the same circumstances.

    Attributes:
        first: The first of them.
        count: How many there are.
        circumstances: In words; empty where nobody has looked.
    """

    first: Fault
    count: int
    circumstances: str = ""


def causes(
    faults: Iterable[Fault], circumstances: Mapping[Fault, str] = MappingProxyType({})
) -> dict[str, list[Cause]]:
    """Return the causes of each kind, the most frequent first; of equally frequent ones, the one that occurs first.

    >>> texts = ['the word "a"', "no word", 'the word "b"']
    >>> faults = [
    ...     Fault("a.jsonl", n, None, "shape", f"a.jsonl:{n}: {text}")
    ...     for n, text in enumerate(texts, 1)
    ... ]
    >>> [(cause.count, cause.first.text) for cause in causes(faults)["shape"]]
    [(2, 'a.jsonl:1: the word "a"'), (1, 'a.jsonl:2: no word')]
    """
    found: dict[str, dict[tuple[str, str], list[Fault]]] = {}
    for fault in faults:
        cause = _VARYING.sub("", fault.reason), circumstances.get(fault, "")
        found.setdefault(fault.kind, {}).setdefault(cause, []).append(fault)
    return {
        kind: sorted(
            (Cause(same[0], len(same), where) for (_, where), same in of_kind.items()),
            key=lambda cause: -cause.count,
        )
        for kind, of_kind in found.items()
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Notes:
    """What is known of faults beside their texts; see `everyturn.cures`.

    Attributes:
        circumstances: Where in their conversations they are, in words.
        lines: What else there is to say, a line each.
    """

    circumstances: Mapping[Fault, str] = dataclasses.field(default_factory=dict)
    lines: Mapping[Fault, Sequence[str]] = dataclasses.field(default_factory=dict)

    def causes(self, faults: Iterable[Fault]) -> dict[str, list[Cause]]:
        """Return the causes of each kind; see `causes`."""
        return causes(faults, self.circumstances)
