"""What the option ``keep`` says: which keys of records samples carry along, and in which types.

In: names, names with types, or the text of the flag. Out: names with their types, or an error that says what is wrong.
What types the values of keys without one show, `everyturn.samples.kept_types` finds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from everyturn.exceptions import OptionsError
from everyturn.io.json_lines import loads
from everyturn.samples.columns import ARRAYS

Keep: TypeAlias = tuple[tuple[str, str | None], ...]
"""The names of kept keys in their order, each with the type that is stated for it, or None."""

Keys: TypeAlias = Sequence[str] | Mapping[str, str | None] | Keep
"""What ``keep`` takes: names, or names with types (None: as its values show)."""

Type: TypeAlias = Any
"""A name of `NAMES`, or a list or an object of types; see `everyturn.samples.kept_types`."""

Scalar: TypeAlias = Literal["bool", "int64", "float64", "string", "json"]
NAMES: tuple[str, ...] = get_args(Scalar)
"""What can be stated, also as ``list<..>``; ``json`` holds any value, as its JSON text."""

FACTS = "message_facts"
"""The kept column that has, of each record, a JSON list with an object for each message: ``role``; ``calls``, the names
of the tools that it calls; ``tool``, that of the tool whose result it is; ``caller``, the place of the message whose
call that answers; ``weight``, where the record gives it one; ``is_weighted_in_part`` where that is true; with
``keep_texts`` its ``text``, which is its content."""

TAKEN = frozenset(
    {
        FACTS,
        *ARRAYS,
        "length",
        "n_trained",
        "conversation_id",
        "seq_lengths",
        "attention_mask",
    }
)
"""The names of columns that samples, packs and items have themselves."""

_PAIR = 2


def stated(keep: Keys) -> Keep:
    """Return the names with their types.

    >>> stated(["id"]), stated({"id": None, "score": "float64"})
    ((('id', None),), (('id', None), ('score', 'float64')))

    Raises:
        OptionsError: A name is not text, comes twice or is that of a column of samples; a type is unknown.
    """
    if isinstance(keep, str) or not isinstance(keep, Sequence | Mapping):
        raise OptionsError(f"keep: expected a list of keys, or keys with types, not {keep!r}")
    entries: Iterable[Any] = keep.items() if isinstance(keep, Mapping) else keep
    pairs: Keep = tuple(
        entry if isinstance(entry, tuple) and len(entry) == _PAIR else (entry, None)
        for entry in entries
    )
    names = [name for name, _ in pairs]
    for name, type_ in pairs:
        if not isinstance(name, str):
            raise OptionsError(f"keep: a key is text, not {name!r}")
        if name in TAKEN:
            raise OptionsError(
                f"keep: {name!r} is a column of the samples: give the key another name in the records"
            )
        if names.count(name) > 1:
            raise OptionsError(f"keep: {name!r} is named twice")
        if type_ is not None:
            parsed(name, type_)
    return pairs


def parsed(name: str, type_: str) -> Type:
    """Return the type that is stated for a column.

    >>> parsed("scores", "list<float64>")
    {'list': 'float64'}

    Raises:
        OptionsError: There is no such type.
    """
    if not isinstance(type_, str):
        raise OptionsError(f"keep: {name!r}: a type is named by a text, not by {type_!r}")
    inner = type_[5:-1] if type_.startswith("list<") and type_.endswith(">") else None
    if inner is not None:
        return {"list": parsed(name, inner)}
    if type_ not in NAMES:
        raise OptionsError(
            f"keep: {name!r}: {type_!r} is not a type; expected one of {', '.join(NAMES)} or list<..>"
        )
    return type_


def from_flag(text: str) -> dict[str, str | None]:
    """Read what ``--keep`` is given: ``id,score:float64``, or a JSON object where names have commas or colons.

    >>> from_flag("id,score:float64"), from_flag('{"a:b": null}')
    ({'id': None, 'score': 'float64'}, {'a:b': None})

    Raises:
        OptionsError: The text is neither.
    """
    if text.startswith("{"):
        try:
            keys: dict[str, str | None] = loads(text)
        except ValueError as error:
            raise OptionsError(f"not JSON: {error}") from error
        return keys
    pairs = [entry.partition(":") for entry in text.split(",") if entry]
    return {name: type_ or None for name, _, type_ in pairs}
