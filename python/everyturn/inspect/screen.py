"""A sample as lines for a screen of fixed width.

In: a sample, its messages, and a number of columns. Out: lines of pieces, each with a look, and a margin that says the
same without colour. A line is never of two kinds: it ends where training begins or ends, and where another message
speaks.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from everyturn.inspect.characters import NEWLINE, clusters, edges_shown, printable, width
from everyturn.inspect.explanation import Message, Run, Sample

Look: TypeAlias = Literal[
    "system", "developer", "user", "assistant", "tool", "tools", "record",
    "template", "control", "trained", "trained template", "stop", "mark",
]  # fmt: skip
"""What pieces differ in: who wrote them, or how they are trained."""

TRAINED = "T"
"""Stands in the margin of what is trained."""

BARS = {True: "┃", False: "│"}


@dataclasses.dataclass(frozen=True)
class Piece:
    """Text of one look that can be shown as it is."""

    text: str
    look: Look


@dataclasses.dataclass(frozen=True)
class ShownLine:
    """A line: its margin, then its pieces.

    Attributes:
        trained: Whether it is trained.
        label: Who speaks; empty where the line goes on as the one before.
        pieces: What is said.
    """

    trained: bool
    label: str
    pieces: tuple[Piece, ...]

    def margin(self, columns: int) -> str:
        """Return what stands before the pieces."""
        mark = TRAINED if self.trained else " "
        return f"{mark} {self.label:<{columns}} {BARS[self.trained]} "


def label_of(run: Run, messages: Sequence[Message]) -> str:
    """Return who speaks."""
    if run.of is not None:
        return f"{messages[run.of].role} {run.of}"
    return "" if run.origin == "template" else run.origin


def look_of(run: Run, messages: Sequence[Message]) -> Look:
    """Return how a run looks."""
    if run.is_stop:
        return "stop"
    if run.trained:
        return "trained" if run.kind == "words" else "trained template"
    if run.kind == "control":
        return "control" if run.origin == "template" else "mark"
    if run.message is not None:
        role: Look = messages[run.message].role  # type: ignore[assignment]
        return role
    return "template" if run.origin == "message" else run.origin


def lines_of(sample: Sample, messages: Sequence[Message], columns: int) -> list[ShownLine]:
    """Cut a sample into lines; the pieces of each take so many columns at most."""
    shown: list[ShownLine] = []
    before = ""
    for line in _lines(sample.runs, messages):
        label = line.label or before
        for at, pieces in enumerate(wrapped(line.pieces, columns)):
            first = at == 0 and label != before
            shown.append(ShownLine(line.trained, label if first else "", pieces))
        before = label
    return shown


def _lines(runs: Iterable[Run], messages: Sequence[Message]) -> Iterator[ShownLine]:
    pieces: list[Piece] = []
    trained, label = False, ""
    for run in runs:
        speaks = label_of(run, messages)
        if pieces and (run.trained != trained or (speaks and label and speaks != label)):
            yield ShownLine(trained, label, tuple(pieces))
            pieces, label = [], ""
        trained, label = run.trained, label or speaks
        for part, ends in _parts(run.text):
            pieces.append(Piece(part, look_of(run, messages)))
            if ends:
                yield ShownLine(trained, label, tuple(pieces))
                pieces, label = [], ""
    if pieces:
        yield ShownLine(trained, label, tuple(pieces))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Cut the text of a run at its newlines, which are shown at its borders and where a line has nothing else."""
    body = text.strip("\n")
    first, last = len(text) - len(text.lstrip("\n")), len(text) - len(text.rstrip("\n"))
    parts = text.split("\n")
    for at, part in enumerate(parts):
        ends = at < len(parts) - 1
        is_border = not body or at < first or at >= len(parts) - 1 - last
        is_edge = at in (0, len(parts) - 1) or part.rstrip(" ") != part
        safe = printable(edges_shown(part) if is_edge else part)
        if ends and (is_border or not part):
            safe += NEWLINE
        if safe or ends:
            yield safe, ends


def wrapped(pieces: Sequence[Piece], columns: int) -> Iterator[tuple[Piece, ...]]:
    """Cut a line into lines of so many columns at most, at a space where one is near."""
    line: list[tuple[str, Look]] = []
    used = 0
    for piece in pieces:
        for cluster in _clusters(piece, columns):
            needed = width(cluster)
            if line and used + needed > columns:
                rest = _behind_space(line)
                yield _joined(line[: len(line) - len(rest)])
                line, used = rest, sum(width(text) for text, _ in rest)
            line.append((cluster, piece.look))
            used += needed
    yield _joined(line)


def _clusters(piece: Piece, columns: int) -> Iterable[str]:
    """What may not be cut; that is a control token, too."""
    is_token = piece.look in ("control", "stop", "mark") and width(piece.text) <= columns
    return [piece.text] if is_token and piece.text else clusters(piece.text)


def _behind_space(line: list[tuple[str, Look]]) -> list[tuple[str, Look]]:
    """Return the end of a full line that may as well begin the next one: a word that is not too long."""
    spaces = [at for at, (text, _) in enumerate(line) if text == " "]
    if spaces and spaces[-1] > len(line) // 2:
        return line[spaces[-1] + 1 :]
    return []


def _joined(line: Sequence[tuple[str, Look]]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for text, look in line:
        if pieces and pieces[-1].look == look:
            pieces[-1] = Piece(pieces[-1].text + text, look)
        else:
            pieces.append(Piece(text, look))
    return tuple(pieces)
