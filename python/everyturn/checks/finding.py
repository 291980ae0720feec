"""What is found, where, and what was changed."""

import dataclasses
import functools
import json
from typing import NamedTuple

from everyturn.diagnostics.kind import Severity
from everyturn.faults import place_of
from everyturn.wording import shortened


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an input, or worth knowing, and where.

    Attributes:
        file: The input's name.
        line: 1-based.
        message_index: 0-based, as in ``targets``; None for the record or file as a whole.
        kind: A stable name; ``everyturn explain`` gives the reason and what to do.
        severity: An ``error`` costs the record or a target, a ``warning`` is refused elsewhere or loses something, a
            ``note`` is worth knowing.
        text: A sentence, without the location.
        fixable: A corrected copy does not have it.
    """

    file: str
    line: int
    message_index: int | None
    kind: str
    severity: Severity
    text: str
    fixable: bool = False

    @property
    def place(self) -> str:
        """The location: file, line and message."""
        return place_of(self.file, self.line, self.message_index)

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.kind}: {self.text}"


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One thing that a corrected copy has otherwise.

    Attributes:
        file: The input's name.
        line: 1-based.
        message_index: 0-based; None for the record or file as a whole.
        kind: The finding that it resolves.
        text: What was changed.
    """

    file: str
    line: int
    message_index: int | None
    kind: str
    text: str

    def __str__(self) -> str:
        place = place_of(self.file, self.line, self.message_index)
        return f"{place}: fixed: {self.kind}: {self.text}"


class Remark(NamedTuple):
    """What a rule says of a record, without file and line.

    Attributes:
        kind: A name of the catalogue.
        message_index: 0-based, or None.
        text: A sentence.
        once: What is to be said once a file, under this name.
        fixable: A corrected copy does not have it.
    """

    kind: str
    message_index: int | None
    text: str
    once: str | None = None
    fixable: bool = False


def quoted(text: str, most: int = 60) -> str:
    """Return a short, escaped, quoted view of a text: contents are private and may be long."""
    return _escaped(shortened(text, most))


@functools.lru_cache(maxsize=1024)
def _escaped(short: str) -> str:
    # The same names of keys come with every record.
    return json.dumps(short, ensure_ascii=not short.isprintable())
