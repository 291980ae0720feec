"""Characters as they can be shown: nothing that steers a terminal or a reading order gets through.

In: any text. Out: text that is safe to print, with white space made visible where that is asked for, cut to a width.
"""

import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

from everyturn.control_characters import JOINERS, shown

NEWLINE = "↵"
SPACE = "·"
TAB = "⇥"


def printable(text: str, *, spaces: bool = False) -> str:
    """Return a text on one line, as it can be shown; with all its spaces made visible if that is asked for."""
    marks = {"\n": NEWLINE, "\t": TAB} | ({" ": SPACE} if spaces else {})
    return "".join(marks.get(char) or shown(char) for char in text)


def edges_shown(text: str) -> str:
    """Return a line of a text with the spaces at its ends made visible."""
    body = text.strip(" ")
    if not body:
        return SPACE * len(text)
    before, after = len(text) - len(text.lstrip(" ")), len(text) - len(text.rstrip(" "))
    return SPACE * before + body + SPACE * after


def clusters(text: str) -> Iterator[str]:
    """Cut a text where a line may end: not before a combining character, nor next to a joiner."""
    cluster = ""
    for char in text:
        joins = unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me")
        if cluster and not (joins or char in JOINERS or cluster[-1] in JOINERS):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def width(text: str) -> int:
    """Return how many columns a text takes at most: terminals do not agree on characters that are joined."""
    return sum(
        max(cell_len(cluster), sum(cell_len(char) for char in cluster))
        for cluster in ([text] if text.isascii() else clusters(text))
    )


def cut(text: str, columns: int) -> str:
    """Return a text of at most `columns` columns; what is cut ends in an ellipsis."""
    if width(text) <= columns:
        return text
    kept, left = "", columns - 1
    for cluster in clusters(text):
        left -= width(cluster)
        if left < 0:
            break
        kept += cluster
    return kept + "…"
