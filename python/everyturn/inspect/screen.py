"""A sample as lines for a screen of fixed width.

In: a sample, its messages, and a number of columns. Out: lines of pieces, each with a style, and a margin that says the
same without colour. A line is never of two kinds: it ends where training begins or ends, and where another message
speaks.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from everyturn.inspect.characters import NEWLINE, clusters, edges_shown, printable, width
from everyturn.inspect.inspection import Message, Run, Sample

StyleName: TypeAlias = Literal[
    "system", "developer", "user", "assistant", "tool", "tools", "record",
    "template", "control", "trained", "trained template", "stop", "mark",
]  # fmt: skip
"""What pieces differ in: who wrote them, or how they are trained."""

TRAINED = "T"
"""Stands in the margin of what is trained."""

BARS = {True: "┃", False: "│"}


@dataclasses.dataclass(frozen=True)
class StyledText:
    """Text of one style that can be shown as it is."""

    text: str
    style: StyleName


@dataclasses.dataclass(frozen=True)
class ScreenLine:
    """A line: its margin, then its pieces.

    Attributes:
        trained: Whether it is trained.
        label: Who speaks; empty where the line continues the one before.
        pieces: What is said.
    """

    trained: bool
    label: str
    pieces: tuple[StyledText, ...]

    def margin(self, columns: int) -> str:
        """Return what stands before the pieces."""
        mark = TRAINED if self.trained else " "
        return f"{mark} {self.label:<{columns}} {BARS[self.trained]} "


def label_of(run: Run, messages: Sequence[Message]) -> str:
    """Return who speaks."""
    if run.owner is not None:
        return f"{messages[run.owner].role} {run.owner}"
    return "" if run.origin == "template" else run.origin


def style_of(run: Run, messages: Sequence[Message]) -> StyleName:
    """Return the style of a run."""
    if run.is_stop:
        return "stop"
    if run.trained:
        return "trained" if run.kind == "words" else "trained template"
    if run.kind == "control":
        return "control" if run.origin == "template" else "mark"
    if run.message is not None:
        role: StyleName = messages[run.message].role  # type: ignore[assignment]
        return role
    return "template" if run.origin == "message" else run.origin


def wrapped_lines(sample: Sample, messages: Sequence[Message], columns: int) -> list[ScreenLine]:
    """Cut a sample into lines; the pieces of each take at most `columns` columns."""
    return lines_of_runs(sample.runs, messages, columns)


def lines_of_runs(
    runs: Iterable[Run], messages: Sequence[Message], columns: int
) -> list[ScreenLine]:
    """Cut the text of some runs into lines; `messages` has at least those that the runs name."""
    shown: list[ScreenLine] = []
    before = ""
    for line in _lines(runs, messages):
        label = line.label or before
        for at, pieces in enumerate(wrapped(line.pieces, columns)):
            first = at == 0 and label != before
            shown.append(ScreenLine(line.trained, label if first else "", pieces))
        before = label
    return shown


def _lines(runs: Iterable[Run], messages: Sequence[Message]) -> Iterator[ScreenLine]:
    pieces: list[StyledText] = []
    trained, label = False, ""
    for run in runs:
        speaks = label_of(run, messages)
        if pieces and (run.trained != trained or (speaks and label and speaks != label)):
            yield ScreenLine(trained, label, tuple(pieces))
            pieces, label = [], ""
        trained, label = run.trained, label or speaks
        for part, ends in _parts(run.text):
            pieces.append(StyledText(part, style_of(run, messages)))
            if ends:
                yield ScreenLine(trained, label, tuple(pieces))
                pieces, label = [], ""
    if pieces:
        yield ScreenLine(trained, label, tuple(pieces))


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


def wrapped(pieces: Sequence[StyledText], columns: int) -> Iterator[tuple[StyledText, ...]]:
    """Cut a line into lines of at most `columns` columns, at a space where one is near."""
    line: list[tuple[str, StyleName]] = []
    used = 0
    for piece in pieces:
        for cluster in _clusters(piece, columns):
            needed = width(cluster)
            if line and used + needed > columns:
                rest = _after_last_space(line)
                yield _joined(line[: len(line) - len(rest)])
                line, used = rest, sum(width(text) for text, _ in rest)
            line.append((cluster, piece.style))
            used += needed
    yield _joined(line)


def _clusters(piece: StyledText, columns: int) -> Iterable[str]:
    """What may not be cut; that is a control token, too."""
    is_token = piece.style in ("control", "stop", "mark") and width(piece.text) <= columns
    return [piece.text] if is_token and piece.text else clusters(piece.text)


def _after_last_space(line: list[tuple[str, StyleName]]) -> list[tuple[str, StyleName]]:
    """Return the end of a full line that may as well begin the next one: a word that is not too long."""
    spaces = [at for at, (text, _) in enumerate(line) if text == " "]
    if spaces and spaces[-1] > len(line) // 2:
        return line[spaces[-1] + 1 :]
    return []


def _joined(line: Sequence[tuple[str, StyleName]]) -> tuple[StyledText, ...]:
    pieces: list[StyledText] = []
    for text, style in line:
        if pieces and pieces[-1].style == style:
            pieces[-1] = StyledText(pieces[-1].text + text, style)
        else:
            pieces.append(StyledText(text, style))
    return tuple(pieces)
