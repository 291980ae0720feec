"""Ids of tool calls that a model's template refuses.

Which ids a template takes is seen by rendering alone: `everyturn.checks.checker` tries it, and offers the correction
where a record is refused with its own ids and taken with those that are made here.

In: a record that is refused. Out: the same one with ids of one form, a call and its result alike.
"""

import hashlib
import re
import string
from collections.abc import Iterator, Sequence
from typing import Any

from everyturn import _core
from everyturn.checks.finding import Remark, quoted
from everyturn.checks.rules.edits import insert_first
from everyturn.checks.rules.results import answered
from everyturn.checks.rules.rule import Draft, Rule
from everyturn.diagnostics.kind import Kind

CALL_IDS_REFUSED = Kind(
    name="call_ids_refused",
    severity="error",
    summary="the template refuses the ids of tool calls, and takes others",
    reason="Some templates take ids of one form only, Mistral's those of nine letters and digits. Ids that other "
    "services made (`call_` and 24 letters) are refused, here and by a server with the same template.",
    remedy="`everyturn check --fix --model DIR` makes ids that the template takes, the same for a call and for its "
    "result.",
    hint="`everyturn check --fix --model DIR -o FIXED` makes ids that the template takes",
)

DIGITS = string.digits + string.ascii_letters
LENGTH = 9
FORM = re.compile(f"[0-9A-Za-z]{{{LENGTH}}}")
"""The ids that are made: no template of a public model that looks at ids refuses them."""


def refused(changes: Sequence[Remark]) -> Remark:
    """What is said of a record that the template refuses as it is, and takes with these changes."""
    text = "the template refuses the ids of the calls, and takes those that --fix makes"
    return Remark(CALL_IDS_REFUSED.name, changes[0].message_index, text)


def make_ids(draft: Draft) -> Iterator[Remark]:
    """Every call gets an id of the form that templates ask for, and the result that answers it the same one.

    Ids that have the form stay, unless another call has the same. The others are made of the old ones, so that records
    that begin alike still do.
    """
    ids = _Ids(draft)
    roles = _core.ROLE_NAMES[draft.format]
    waiting: list[tuple[str | None, str]] = []
    for index, fields, role_key in draft.entries:
        if roles.get(str(fields.get(role_key))) == "tool":
            yield from _answer(index, fields, waiting, ids)
            continue
        waiting.clear()
        calls = fields.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            if not isinstance(call, dict):
                continue
            old = _text(call.get("id"))
            new = ids.of_call(old, f"message {index} call {number}")
            waiting.append((old, new))
            if call.get("id") != new:
                insert_first(call, "id", new)
                yield _changed(
                    index, f"tool call {number}: {_named('id', old)} became {quoted(new)}"
                )


def _answer(
    index: int, fields: dict[str, Any], waiting: list[tuple[str | None, str]], ids: "_Ids"
) -> Iterator[Remark]:
    """Give a result the id of the call that it answers; one that answers none gets an id that is of no call."""
    old = _text(fields.get("tool_call_id"))
    at = answered([known for known, _ in waiting], old)
    if at is None and old is None and waiting:
        at = 0
    if at is not None:
        _, new = waiting.pop(at)
    elif old is not None:
        new = ids.of_result(old)
    else:
        return
    if fields.get("tool_call_id") != new:
        fields["tool_call_id"] = new
        yield _changed(index, f"{_named('tool_call_id', old)} became {quoted(new)}")


class _Ids:
    """Ids for a conversation, each once."""

    def __init__(self, draft: Draft) -> None:
        # An id that stays is never made for another call.
        self._kept = {old for old in _ids(draft) if FORM.fullmatch(old)}
        self._given: set[str] = set()
        self._new: dict[str, str] = {}

    def of_call(self, old: str | None, name: str) -> str:
        """Return the id of a call, made of its old one, or of its name where it has none."""
        stays = old in self._kept and old not in self._given
        new = old if old is not None and stays else self._made(old or name)
        if old is not None:
            self._new[old] = new
        self._given.add(new)
        return new

    def of_result(self, old: str) -> str:
        """Return the id of a result that answers no call that waits: the same one wherever the old one is the same."""
        if old not in self._new:
            self._new[old] = old if old in self._kept else self._made(old)
            self._given.add(self._new[old])
        return self._new[old]

    def _made(self, seed: str) -> str:
        new = _digits(seed)
        while new in self._kept or new in self._given:
            new = _digits(f"{seed} {new}")
        return new


def _digits(seed: str) -> str:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    return "".join(DIGITS[number // len(DIGITS) ** place % len(DIGITS)] for place in range(LENGTH))


def _ids(draft: Draft) -> Iterator[str]:
    for _, fields, _ in draft.entries:
        calls = fields.get("tool_calls")
        found = (
            [call.get("id") for call in calls or () if isinstance(call, dict)]
            if isinstance(calls, list)
            else []
        )
        yield from (known for known in map(_text, [*found, fields.get("tool_call_id")]) if known)


def _text(given: Any) -> str | None:
    """An id as text, numbers too; None where there is none."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given)
    return given if isinstance(given, str) and given else None


def _named(key: str, old: str | None) -> str:
    return f'no "{key}"' if old is None else f'the "{key}" {quoted(old)}'


def _changed(index: int, text: str) -> Remark:
    return Remark(CALL_IDS_REFUSED.name, index, text)


RULES = (Rule(kinds=(CALL_IDS_REFUSED,)),)
