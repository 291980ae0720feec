"""Rules on which call a tool's result answers."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import Call, Message, Record
from everyturn.checks.rules.rule import Rule
from everyturn.diagnostics.kind import Kind

TOOL_WITHOUT_CALL = Kind(
    name="tool_without_call",
    severity="warning",
    summary="a tool's result without a call before it",
    reason="Nothing asked for it. OpenAI and several templates refuse it; the call may have "
    "been lost.",
    remedy="Restore the call, or remove the result.",
)

TOOL_CALL_ID_MISSING = Kind(
    name="tool_call_id_missing",
    severity="warning",
    summary="a tool's result does not say which call it answers",
    reason="The calls have ids, and the result has no `tool_call_id`: OpenAI refuses it.",
    remedy="Write the id of the call.",
)

TOOL_CALL_ID_UNKNOWN = Kind(
    name="tool_call_id_unknown",
    severity="warning",
    summary="a tool's result answers a call that is not open",
    reason="No call before it has that id, or the call has its result already.",
    remedy="Write the id of the call that it answers.",
)

CALL_WITHOUT_RESULT = Kind(
    name="call_without_result",
    severity="warning",
    summary="a tool call has no result",
    reason="The conversation continues without it; the model learns to call and to know the "
    "answer itself. OpenAI refuses it. A call at the end of a conversation is fine.",
    remedy="Restore the result, or end the conversation with the call.",
)


def results(record: Record) -> Iterator[Remark]:
    """Every call has its result, and every result its call; a call may be the end."""
    if not any(message.calls or message.role == "tool" for message in record.messages):
        return
    waiting = _Open()
    for message in record.messages:
        if message.role == "tool":
            yield from waiting.take(message)
            continue
        if message.role is not None:
            yield from waiting.leave()
        waiting.add(message)
    if record.messages[-1].role == "tool":
        yield from waiting.leave()


def answered(waiting: Sequence[str | None], given: object) -> int | None:
    """Return which of the calls that wait, known by their ids, a result with this id answers.

    >>> answered(["a", "b"], "b"), answered(["a", None], "c"), answered(["a"], "c")
    (1, 1, None)
    """
    same = (at for at, known in enumerate(waiting) if known is not None and known == given)
    nameless = (at for at, known in enumerate(waiting) if known is None)
    return next(itertools.chain(same, nameless), None)


@dataclasses.dataclass(slots=True)
class _Open:
    """Calls that wait for their results."""

    calls: list[tuple[int, Call]] = dataclasses.field(default_factory=list)
    seen: set[str] = dataclasses.field(default_factory=set)

    def add(self, message: Message) -> None:
        self.calls += ((message.position, call) for call in message.calls)
        self.seen |= {call.id for call in message.calls if call.id is not None}

    def take(self, message: Message) -> Iterator[Remark]:
        """Find the call that a result answers."""
        given = message.fields.get("tool_call_id")
        was_seen = isinstance(given, str) and given in self.seen
        position = answered([call.id for _, call in self.calls], given)
        if position is not None:
            del self.calls[position]
        elif not self.calls and not was_seen:
            yield Remark(
                TOOL_WITHOUT_CALL.name, message.position, "no call before it waits for a result"
            )
        elif given is None:
            yield Remark(
                TOOL_CALL_ID_MISSING.name,
                message.position,
                'no "tool_call_id", and the calls have ids',
            )
            del self.calls[0]
        else:
            shown = quoted(given) if isinstance(given, str) else "is not text, and"
            why = "has its result already" if was_seen else "is of no call before it"
            text = f'"tool_call_id" {shown} {why}'
            yield Remark(TOOL_CALL_ID_UNKNOWN.name, message.position, text)

    def leave(self) -> Iterator[Remark]:
        """Give up those that wait still."""
        for index, call in self.calls:
            yield Remark(
                CALL_WITHOUT_RESULT.name,
                index,
                f"the call of {quoted(call.name or '')} has no result",
            )
        self.calls.clear()


RULES = (
    Rule(
        kinds=(TOOL_WITHOUT_CALL, TOOL_CALL_ID_MISSING, TOOL_CALL_ID_UNKNOWN, CALL_WITHOUT_RESULT),
        find=results,
    ),
)
