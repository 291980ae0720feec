"""Whether rows train a target as inference shows it, and if not, what is the first that differs.

In: a `Target`, and the rows that a tool made of its record. Out: a `Verdict`. A target is trained as inference shows it
if in one row exactly the ids of its prompt come before a trained stretch, and exactly its completion is trained,
through the stop token. Where rows do otherwise, the first token at which the nearest of them departs names the cause.
"""

import dataclasses
import enum
from collections.abc import Callable, Sequence

from everyturn.bench.agreement import context, spans
from everyturn.bench.parity.targets import Target
from everyturn.bench.tools import Row
from everyturn.common_prefix import common_prefix
from everyturn.samples import IGNORE_INDEX

Decode = Callable[[Sequence[int]], str]


class Cause(enum.Enum):
    """What is found; the values are the names that the board shows, in the order of a row."""

    EQUAL = "equal"
    REFUSED = "refused"
    CUT_OFF = "cut_off"
    HISTORY_REWRITTEN = "history_rewritten"
    CONTEXT_DIFFERS = "context_differs"
    GENERATION_PROMPT_DIFFERS = "generation_prompt_differs"
    TOKENIZED_DIFFERENTLY = "tokenized_differently"
    ANSWER_REWRITTEN = "answer_rewritten"
    NOT_TRAINED = "not_trained"
    OTHER_LABELS = "other_labels"
    PARTLY_TRAINED = "partly_trained"
    END_NOT_TRAINED = "end_of_turn_not_trained"
    EXTRA_BEFORE = "extra_before"
    EXTRA_AFTER = "extra_after"


MEANINGS: dict[Cause, str] = {
    Cause.EQUAL: "the prompt and the labels are those of inference",
    Cause.REFUSED: "the tool raises an error or leaves the record out; its words are below",
    Cause.CUT_OFF: "no row of the tool reaches the answer",
    Cause.HISTORY_REWRITTEN: "an earlier answer differs from what a server sends before this one",
    Cause.CONTEXT_DIFFERS: "other text before the answer: system text, tools, a question, a header",
    Cause.GENERATION_PROMPT_DIFFERS: "the answer does not come after all that prompts end with, such as a `<think>`",
    Cause.TOKENIZED_DIFFERENTLY: "the same text in other tokens",
    Cause.ANSWER_REWRITTEN: "the answer itself differs from what the model must emit",
    Cause.NOT_TRAINED: "the answer has no labels",
    Cause.OTHER_LABELS: "labels that are not the ids at their position",
    Cause.PARTLY_TRAINED: "a part of the answer has no labels",
    Cause.END_NOT_TRAINED: "the answer is trained without its stop token",
    Cause.EXTRA_BEFORE: "more is trained before the answer: a header, a prefilled text, a question",
    Cause.EXTRA_AFTER: "more is trained after the stop token: what the template writes between turns",
}
"""In words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is found of one target.

    Attributes:
        cause: What it is.
        position: 0-based token of the row that the first difference is at; None without a row or a difference.
        message: The message in or before which a context departs; None elsewhere.
        expected: What inference has there: the text before the position, and from it on.
        found: What the tool has there.
    """

    cause: Cause
    position: int | None = None
    message: int | None = None
    expected: tuple[str, str] = ("", "")
    found: tuple[str, str] = ("", "")


def verdict(target: Target, rows: Sequence[Row], decode: Decode) -> Verdict:
    """Return what is found of a target in the rows of its record."""
    if any(_trains(target, row) for row in rows):
        return Verdict(cause=Cause.EQUAL)
    if not rows:
        return Verdict(cause=Cause.CUT_OFF)
    if not any(stretch for row in rows for stretch in spans(row.labels)):
        return Verdict(cause=Cause.NOT_TRAINED)
    shown = [row for row in rows if tuple(row.ids[: len(target.prompt)]) == target.prompt]
    if not shown:
        return _before_answer(target, rows, decode)
    found = _after_prompt(target, shown, decode)
    if found.cause is Cause.NOT_TRAINED:
        # Rows of later answers have this one in their context; its own may show another prompt.
        own = [row for row in rows if row not in shown and _has_stretch(target, row)]
        departed = _before_answer(target, own, decode) if own else found
        if departed.cause is not Cause.CUT_OFF:
            return departed
    return found


def _after_prompt(target: Target, rows: Sequence[Row], decode: Decode) -> Verdict:
    """Return how the nearest of rows departs that all show the prompt."""
    row = max(rows, key=lambda row: _nearness(target, row))
    position, cause = _in_answer(target, row, decode)
    return _told(target, row, cause, position, decode)


def _before_answer(target: Target, rows: Sequence[Row], decode: Decode) -> Verdict:
    """Return how the nearest of rows departs from the prompt."""
    row = max(rows, key=lambda row: common_prefix(target.prompt, row.ids))
    position = common_prefix(target.prompt, row.ids)
    cause, message = _in_context(target, row, position, decode)
    return _told(target, row, cause, position, decode, message=message)


def _has_stretch(target: Target, row: Row) -> bool:
    """Return whether exactly the completion is trained somewhere in a row."""
    return any(tuple(row.ids[start:end]) == target.completion for start, end in spans(row.labels))


def _trains(target: Target, row: Row) -> bool:
    start, end = len(target.prompt), len(target.prompt) + len(target.completion)
    return (
        tuple(row.ids[:end]) == target.prompt + target.completion
        and tuple(row.labels[start:end]) == target.completion
        and (start, end) in set(spans(row.labels))
    )


def _nearness(target: Target, row: Row) -> tuple[bool, int]:
    """Return what makes a row the one in which a tool meant to train a target: labels there, then equal ids."""
    start = len(target.prompt)
    is_trained = any(label != IGNORE_INDEX for label in row.labels[start : start + 1])
    return is_trained, common_prefix(target.completion, row.ids[start:])


def _in_answer(target: Target, row: Row, decode: Decode) -> tuple[int, Cause]:
    """Return where a row departs that shows the prompt, and how."""
    start, end = len(target.prompt), len(target.prompt) + len(target.completion)
    equal = start + common_prefix(target.completion, row.ids[start:])
    ends = equal == len(row.ids)
    if equal < end and not (ends and equal > start):
        if ends:
            return equal, Cause.CUT_OFF
        is_same = decode(row.ids[start:]).startswith(decode(target.completion))
        return equal, Cause.TOKENIZED_DIFFERENTLY if is_same else Cause.ANSWER_REWRITTEN
    position, cause = _in_labels(row, start, equal, stop_token=end - 1)
    if cause not in (None, Cause.EXTRA_AFTER):
        return position, cause
    if equal < end:
        return equal, Cause.END_NOT_TRAINED if equal == end - 1 else Cause.CUT_OFF
    if cause is None:
        raise ValueError("the row trains the target")
    return position, cause


def _in_labels(row: Row, start: int, end: int, *, stop_token: int) -> tuple[int, Cause | None]:
    """Return where the labels of a row are not those of a stretch whose ids it has, and how."""
    labels = row.labels[start:end]
    trained = [label != IGNORE_INDEX for label in labels]
    if not any(trained):
        return start, Cause.NOT_TRAINED
    for position, label in enumerate(labels, start):
        if label not in (IGNORE_INDEX, row.ids[position]):
            return position, Cause.OTHER_LABELS
    if not all(trained):
        first = start + trained.index(False)
        return first, Cause.END_NOT_TRAINED if first == stop_token else Cause.PARTLY_TRAINED
    begin, stop = next((begin, stop) for begin, stop in spans(row.labels) if begin <= start < stop)
    if begin < start:
        return begin, Cause.EXTRA_BEFORE
    return end, Cause.EXTRA_AFTER if stop > end else None


def _in_context(
    target: Target, row: Row, position: int, decode: Decode
) -> tuple[Cause, int | None]:
    """Return how a row departs from the prompt, and in or before which message."""
    if position == len(row.ids):
        return Cause.CUT_OFF, None
    if decode(row.ids).startswith(decode(target.prompt)):
        return Cause.TOKENIZED_DIFFERENTLY, None
    message = target.wrote[position] if target.wrote else None
    if message is None:
        return Cause.CONTEXT_DIFFERS, None
    if message == target.message:
        return Cause.GENERATION_PROMPT_DIFFERS, message
    is_answer = target.role_of[message] == "assistant"
    return (Cause.HISTORY_REWRITTEN if is_answer else Cause.CONTEXT_DIFFERS), message


def _told(
    target: Target,
    row: Row,
    cause: Cause,
    position: int,
    decode: Decode,
    *,
    message: int | None = None,
) -> Verdict:
    shown = _tokens(decode) if cause is Cause.TOKENIZED_DIFFERENTLY else decode
    return Verdict(
        cause=cause,
        position=position,
        message=message,
        expected=context(target.prompt + target.completion, position, shown),
        found=context(row.ids, position, shown),
    )


def _tokens(decode: Decode) -> Decode:
    """Return what shows ids one by one: their whole text would be the same."""

    def shown(ids: Sequence[int]) -> str:
        return "\N{MIDDLE DOT}".join(decode([each]) for each in ids)

    return shown
