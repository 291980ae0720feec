"""Rules that say what tokens weigh in the loss.

In: what a user writes. Out: rules that are checked. Rules are data: JSON holds them. Which tokens they hold for is said
in `everyturn.samples.matching`, and what comes of it in `everyturn.samples.relabel`.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from everyturn.exceptions import OptionsError, system_words
from everyturn.io.json_lines import loads
from everyturn.options import StrPath, TrainOn, check_choice
from everyturn.samples.provenance import KINDS

Own: TypeAlias = Literal["own"]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?|(-?\d+)")
FAR = 2**62
"""A place that is after all messages, or as far before them."""
_SINGLE = np.finfo(np.float32)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the tokens weigh that all of its conditions hold for; a rule without conditions holds for all tokens.

    Of several rules that hold for a token, the last decides. Places are written as Python's slices are: ``"-3:"`` is
    the last three, ``"0"`` the first.

    >>> Rule(weight=0.5, kind="reasoning")
    Rule(weight=0.5, kind='reasoning')

    Attributes:
        weight: 0 is not trained; ``"own"`` is what the token weighs in the samples that are relabelled.
        kind: What the tokens are, one or several of `everyturn.samples.KINDS`.
        role: The role of their message, or several.
        messages: The places of messages in the conversation.
        answers: The places of answers among the assistant's messages.
        train_on: What ``train_on`` chooses of the answers.
        tool: A tool that the message calls, or whose result it is, or several.
        text: A regular expression that is found in what the message says; needs ``keep_texts``.
        result: A regular expression that is found in a result of the message's calls; needs ``keep_texts``.
        span: A regular expression: the tokens that spell a match, or a part of one. It is looked for in what the tokens
            spell that all other conditions hold for, message by message, control tokens included.
        record: Kept keys of the record with the value that each has, or a list of values.
    """

    weight: float | Own
    kind: str | Sequence[str] | None = None
    role: Role | Sequence[Role] | None = None
    messages: str | None = None
    answers: str | None = None
    train_on: TrainOn | None = None
    tool: str | Sequence[str] | None = None
    text: str | None = None
    result: str | None = None
    span: str | None = None
    record: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        for field in ("kind", "role", "tool"):
            _check_names(field, getattr(self, field))
        for name in several(self.kind):
            _check_known("kind", name, KINDS)
        for name in several(self.role):
            _check_known("role", name, get_args(Role))
        for field in ("messages", "answers"):
            to_slice(field, getattr(self, field))
        if self.train_on is not None:
            check_choice("train_on", self.train_on, TrainOn)
            if self.train_on == "all_tokens":
                raise OptionsError("train_on: rules choose among answers, not all tokens")
        for field in ("text", "result", "span"):
            compiled(field, getattr(self, field))
        if self.span == "":
            raise OptionsError("span: an empty expression matches no token: leave it out")
        if self.record is not None and not isinstance(self.record, Mapping):
            raise OptionsError(f"record: expected kept keys with their values, not {self.record!r}")

    def __repr__(self) -> str:
        return f"Rule({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as JSON has it, without the conditions that it does not have."""
        fields = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: _plain(value) for name, value in fields if value is not None}

    @staticmethod
    def from_dict(plain: Mapping[str, Any]) -> "Rule":
        """Return the rule that a JSON object is.

        Raises:
            OptionsError: The text names the field that is wrong or unknown.
        """
        if not isinstance(plain, Mapping):
            raise OptionsError(f"a rule is an object with a weight and conditions, not {plain!r}")
        known = [field.name for field in dataclasses.fields(Rule)]
        for name in plain:
            _check_known("a field of a rule", name, known)
        if "weight" not in plain:
            raise OptionsError("a rule needs a weight")
        return Rule(**plain)


Rules: TypeAlias = Sequence[Rule | Mapping[str, Any]]


def checked(rules: Rules) -> tuple[Rule, ...]:
    """Return rules that may be given as JSON has them.

    Raises:
        OptionsError: One is wrong; the text has its number.
    """
    return tuple(_checked(number, rule) for number, rule in enumerate(rules))


def _checked(number: int, rule: Rule | Mapping[str, Any]) -> Rule:
    try:
        return rule if isinstance(rule, Rule) else Rule.from_dict(rule)
    except OptionsError as error:
        raise OptionsError(f"rule {number}: {error}") from error


def read_rules(path: StrPath) -> tuple[Rule, ...]:
    """Return the rules of a JSON file, which holds a list of them.

    Raises:
        OptionsError: The file cannot be read, or a rule is wrong.
    """
    try:
        rules = loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionsError(f"{path}: {system_words(error)}") from error
    except ValueError as error:
        raise OptionsError(f"{path}: not JSON: {error}") from error
    if not isinstance(rules, list):
        raise OptionsError(f"{path}: expected a list of rules")
    try:
        return checked(rules)
    except OptionsError as error:
        raise OptionsError(f"{path}: {error}") from error


def several(value: str | Sequence[str] | None) -> Sequence[str]:
    """Return what a field has that may be one or several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _check_weight(value: Any) -> None:
    """Refuse what is no weight, and what would become infinite, or 0, as a 32-bit float."""
    least, most = (float(bound) for bound in (_SINGLE.smallest_subnormal, _SINGLE.max))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value == "own" or (is_number and (value == 0 or least <= value <= most)):
        return
    # Python prints no integer of more than 4,300 digits.
    shown = "an integer" if isinstance(value, int) and abs(value) > FAR else repr(value)
    raise OptionsError(
        f'weight: {shown} is neither a number from 0 up that a 32-bit float holds nor "own"'
    )


def _check_names(field: str, value: object) -> None:
    is_list = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    if not (value is None or isinstance(value, str) or is_list):
        raise OptionsError(f"{field}: expected a name or a list of names, not {value!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _check_known(what: str, name: object, known: Sequence[str]) -> None:
    if name not in known:
        raise OptionsError(f"{what}: {name!r} is unknown; expected one of {', '.join(known)}")


def compiled(field: str, pattern: str | None) -> re.Pattern[str]:
    """Return a field's regular expression.

    Raises:
        OptionsError: It is none.
    """
    try:
        return re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise OptionsError(f"{field}: {pattern!r} is not a regular expression: {error}") from error


def to_slice(field: str, places: str | None) -> slice:
    """Return the places that a field names, which are all where it names none.

    Raises:
        OptionsError: They are not written as a slice.
    """
    if places is None:
        return slice(None)
    found = _SLICE.fullmatch(places.strip()) if isinstance(places, str) else None
    if found is None:
        raise OptionsError(
            f'{field}: {places!r} is not a slice; "-3:" is the last three, "0" the first'
        )
    start, stop, one = (None if part is None else _place(part) for part in found.groups())
    if one is not None:
        return slice(one, one + 1 or None)
    return slice(start, stop)


def _place(digits: str) -> int:
    """Return a place, or one that is as far from all messages."""
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    digits = digits.lstrip("0") or "0"
    far = len(digits) > len(str(FAR)) or int(digits) > FAR
    return int(sign + (str(FAR) if far else digits))
