"""Phrases that reports, findings and commands share."""

import difflib
from collections.abc import Iterable

MOST_NAMES = 5
"""The most names that a sentence lists."""

NEARLY = 0.1
"""How much less similar than the most similar name others may be that are suggested with it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question about the most similar names, to end a sentence with; nothing where none is similar.

    >>> did_you_mean("merge", ["per_turn", "merged"]), did_you_mean("packed", ["tree", "merged"])
    ('; did you mean merged?', '')
    """
    near = difflib.get_close_matches(word, [*known])

    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, word, name).ratio()

    likely = [name for name in near if likeness(name) > likeness(near[0]) - NEARLY]
    return f"; did you mean {' or '.join(likely)}?" if likely else ""


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
