"""Phrases that reports, findings and commands share."""

import difflib
from collections.abc import Iterable

MOST_NAMES = 5
"""The most names that a sentence lists."""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; the plural is given where it has another form than an added ``s``.

    >>> counted(1, "target"), counted(1204, "target"), counted(2, "copy", "copies")
    ('1 target', '1,204 targets', '2 copies')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(names: Iterable[str]) -> str:
    """Return the first names, and whether there are more.

    >>> listed("abc"), listed("abcdefg")
    ('a, b, c', 'a, b, c, d, e, ..')
    """
    known = list(names)
    return ", ".join([*known[:MOST_NAMES], ".."] if len(known) > MOST_NAMES else known)


def unread_argument(name: str, read: Iterable[str]) -> str:
    """Say that a template does not read an argument, and which ones it reads: the most similar names first.

    >>> unread_argument("enable_thinkin", ["add_bos", "enable_thinking"])
    "the template does not read the argument 'enable_thinkin'; it reads enable_thinking, add_bos"
    """
    names = sorted(read, key=lambda known: -difflib.SequenceMatcher(None, name, known).ratio())
    reads = f"it reads {listed(names)}" if names else "it reads no arguments"
    return f"the template does not read the argument {name!r}; {reads}"
