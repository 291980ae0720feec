"""Which kinds of findings are wanted.

In: names of kinds, or what their names begin with. Out: the kinds. Where a kind is both selected and ignored, the
longer name decides, and of equal ones that which ignores, as with Ruff.
"""

from collections.abc import Iterable

from everyturn.catalogue import KINDS, near
from everyturn.exceptions import OptionsError

ALL = "ALL"
"""Selects every kind."""


def reported(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    """Return the kinds that are reported; without a selection, all that are not ignored.

    >>> sorted(reported(["call_without", "role"], ["call_without_id"]))
    ['call_without_function', 'call_without_name', 'call_without_result', 'call_without_type', 'role']
    """
    chosen = _weights("select", select) or _weights("select", [ALL])
    ignored = _weights("ignore", ignore)
    return frozenset(kind for kind, weight in chosen.items() if weight > ignored.get(kind, -1))


def _weights(option: str, names: Iterable[str]) -> dict[str, int]:
    """The kinds that are meant, each with the length of the longest name that means it."""
    if isinstance(names, str):
        raise OptionsError(f"{option}: expected a list of kinds, found the text {names!r}")
    weights: dict[str, int] = {}
    for name in names:
        for kind in _meant(option, name):
            weights[kind] = max(weights.get(kind, 0), 0 if name == ALL else len(name))
    return weights


def _meant(option: str, name: str) -> list[str]:
    if name == ALL:
        return list(KINDS)
    if name in KINDS:
        return [name]
    if meant := [kind for kind in KINDS if name and kind.startswith(name)]:
        return meant
    similar = near(name)
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    raise OptionsError(f"{option}: {name!r} is not a kind of finding{hint}")
