"""Steps that corrections of records share."""

from collections.abc import Iterator
from typing import Any

from everyturn.checks.rules.rule import Draft


def tool_calls(draft: Draft) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield each tool call with the number of its message and its own."""
    for index, fields, _ in draft.entries:
        calls = fields.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield index, number, call


def replace_key(owner: dict[str, Any], old: str, new: str, value: Any) -> None:
    """Replace a key by another."""
    pairs = [
        (new, value) if key == old else (key, given) for key, given in owner.items() if key != new
    ]
    owner.clear()
    owner.update(pairs)


def insert_first(owner: dict[str, Any], key: str, value: Any) -> None:
    """Set a key; one that is new comes first."""
    if key in owner:
        owner[key] = value
        return
    pairs = [(key, value), *owner.items()]
    owner.clear()
    owner.update(pairs)
