"""Phrases that reports, findings and commands share."""

import difflib
from collections.abc import Iterable

MOST_NAMES = 5
"""The most names that a sentence lists."""

SHORT = 10
"""Below this many seconds tenths are told."""

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


def percent(part: float, whole: float = 1, *, digits: int = 1) -> str:
    """Return a share in percent; of nothing there is no part.

    >>> percent(1, 3), percent(0, 0), percent(0.5, digits=0)
    ('33.3 %', '0.0 %', '50 %')
    """
    return f"{100 * part / whole if whole else 0:.{digits}f} %"


def shortened(text: str, most: int) -> str:
    """Return at most so many characters of a text; an ellipsis says that there are more.

    >>> shortened("brief", 5), shortened("verbose", 4)
    ('brief', 'verb…')
    """
    return text if len(text) <= most else f"{text[:most]}…"


def flag(option: str) -> str:
    """Return an option's name as it is written on the command line.

    >>> flag("prompt_mismatch")
    '--prompt-mismatch'
    """
    return f"--{option.replace('_', '-')}"


def sized(count: int) -> str:
    """Return a number of bytes in the unit that suits it.

    >>> sized(812), sized(3_900_000), sized(21_000_000_000)
    ('812 bytes', '3.9 MB', '21.0 GB')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return counted(count, "byte")


def lasted(seconds: float) -> str:
    """Return a time in the units that suit it.

    >>> lasted(0.24), lasted(41.7), lasted(3725)
    ('0.2 s', '42 s', '1 h 2 min')
    """
    if seconds < SHORT:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


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
