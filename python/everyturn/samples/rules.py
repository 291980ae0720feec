"""Rules that say what tokens weigh in the loss.

In: rules, and samples that say what wrote their tokens. Out: the weight of each run of tokens. Rules are data: JSON
holds them. What comes of the weights is said in `everyturn.samples.relabel`.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError, system_words
from everyturn.options import StrPath, TrainOn, check_choice
from everyturn.samples.provenance import FACTS, KINDS, rows_of_runs

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

Own: TypeAlias = Literal["own"]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?|(-?\d+)")

Facts: TypeAlias = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the tokens weigh that all of its conditions hold for; a rule without conditions holds for all tokens.

    Of several rules that hold for a token, the last decides. Places are written as Python's slices are: ``"-3:"`` is
    the last three, ``"0"`` the first.

    >>> Rule(weight=0.5, kind="reasoning")
    Rule(weight=0.5, kind='reasoning')

    Attributes:
        weight: 0 is not trained; ``"own"`` is what the token weighed when it was expanded.
        kind: What the tokens are, one or several of `everyturn.samples.KINDS`.
        role: The role of their message, or several.
        messages: The places of messages in the conversation.
        answers: The places of answers among the assistant's messages.
        train_on: What ``train_on`` chooses of the answers.
        tool: A tool that the message calls, or whose result it is, or several.
        text: A regular expression that is found in what the message says; needs ``keep_texts``.
        result: A regular expression that is found in a result of the message's calls; needs ``keep_texts``.
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
    record: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.weight != "own":
            is_number = isinstance(self.weight, int | float) and not isinstance(self.weight, bool)
            if not (is_number and 0 <= self.weight < float("inf")):
                raise OptionsError(
                    f'weight: {self.weight!r} is neither a number from 0 up nor "own"'
                )
        for name in _several(self.kind):
            _check_known("kind", name, KINDS)
        for name in _several(self.role):
            _check_known("role", name, get_args(Role))
        for field in ("messages", "answers"):
            _slice(field, getattr(self, field))
        if self.train_on is not None:
            check_choice("train_on", self.train_on, TrainOn)
            if self.train_on == "all_tokens":
                raise OptionsError("train_on: rules choose among answers, not all tokens")
        for field in ("text", "result"):
            _compiled(field, getattr(self, field))
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
        rules = json.loads(Path(path).read_text(encoding="utf-8"))
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


def weights_of_runs(samples: "Samples", rules: Iterable[Rule]) -> npt.NDArray[np.float32]:
    """Return what the tokens of each run weigh by the rules, NaN where they keep their own, float32[R].

    Raises:
        OptionsError: A rule looks at what the samples do not have.
    """
    conversations = Conversations(samples)
    weights = np.full(len(samples.run_lengths), np.nan, dtype=np.float32)
    for rule in rules:
        holds = conversations.runs_of(rule)
        weights[holds] = np.nan if rule.weight == "own" else rule.weight
    return weights


class Conversations:
    """The messages of the records of samples, one after the other: which runs rules hold for is looked up in them."""

    def __init__(self, samples: "Samples") -> None:
        self._samples = samples
        column = samples.kept.column(FACTS)
        used, inverse = np.unique(samples.kept.rows, return_inverse=True)
        texts = b",".join(column.text(int(record)) or b"[]" for record in used)
        self._facts: list[list[Facts]] = json.loads(b"[" + texts + b"]")
        counts = [len(facts) for facts in self._facts]
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._messages: list[Facts] = [fact for facts in self._facts for fact in facts]
        rows = rows_of_runs(samples)
        of_message = samples.run_messages >= 0
        # A run of no message has the place of one that nothing holds for.
        place = self._starts[inverse.reshape(-1)[rows]] + samples.run_messages
        self._place = np.where(of_message, place, len(self._messages))
        self._rows = rows

    def runs_of(self, rule: Rule) -> npt.NDArray[np.bool_]:
        """Say of each run whether a rule holds for it, bool[R]."""
        holds = np.ones(len(self._place), dtype=np.bool_)
        if rule.kind is not None:
            numbers = [KINDS.index(kind) for kind in _several(rule.kind)]
            holds &= np.isin(self._samples.run_kinds, numbers)
        messages = [test(rule) for test in self._tests(rule)]
        if messages:
            # None of a run that is of no message.
            all_hold = np.append(np.logical_and.reduce(messages), False)
            holds &= all_hold[self._place]
        if rule.record is not None:
            holds &= self._rows_of(rule.record)[self._rows]
        return holds

    def _tests(self, rule: Rule) -> list[Callable[[Rule], npt.NDArray[np.bool_]]]:
        """The conditions about messages that a rule has."""
        tests: dict[str, Callable[[Rule], npt.NDArray[np.bool_]]] = {
            "role": self._by_role,
            "messages": lambda rule: self._by_place("messages", rule.messages, lambda _: True),
            "answers": lambda rule: self._by_place("answers", rule.answers, _is_answer),
            "train_on": self._by_train_on,
            "tool": self._by_tool,
            "text": self._by_text,
            "result": self._by_result,
        }
        return [test for name, test in tests.items() if getattr(rule, name) is not None]

    def _by_role(self, rule: Rule) -> npt.NDArray[np.bool_]:
        roles = _several(rule.role)
        return self._each(lambda fact: fact["role"] in roles)

    def _by_tool(self, rule: Rule) -> npt.NDArray[np.bool_]:
        tools = set(_several(rule.tool))
        return self._each(
            lambda fact: fact.get("tool") in tools or not tools.isdisjoint(fact.get("calls", ()))
        )

    def _by_text(self, rule: Rule) -> npt.NDArray[np.bool_]:
        pattern = _compiled("text", rule.text)
        self._check_texts("text")
        return self._each(lambda fact: pattern.search(fact.get("text", "")) is not None)

    def _by_result(self, rule: Rule) -> npt.NDArray[np.bool_]:
        pattern = _compiled("result", rule.result)
        self._check_texts("result")
        holds = np.zeros(len(self._messages), dtype=np.bool_)
        caller = None
        for at, fact in enumerate(self._messages):
            if fact["role"] != "tool":
                caller = at if "calls" in fact else None
            elif caller is not None and pattern.search(fact.get("text", "")):
                holds[caller] = True
        return holds

    def _by_place(
        self, field: str, places: str | None, counts: Callable[[Facts], bool]
    ) -> npt.NDArray[np.bool_]:
        """The messages at these places among those of their conversation that count."""
        chosen = _slice(field, places)
        holds = np.zeros(len(self._messages), dtype=np.bool_)
        for start, facts in zip(self._starts.tolist(), self._facts, strict=False):
            counted = [start + at for at, fact in enumerate(facts) if counts(fact)]
            holds[counted[chosen]] = True
        return holds

    def _by_train_on(self, rule: Rule) -> npt.NDArray[np.bool_]:
        if rule.train_on == "marked":
            return self._each(self._is_marked)
        holds = np.zeros(len(self._messages), dtype=np.bool_)
        for start, facts in zip(self._starts.tolist(), self._facts, strict=False):
            answers = [at for at, fact in enumerate(facts) if fact["role"] == "assistant"]
            if rule.train_on == "last_assistant_message":
                answers = answers[-1:]
            elif rule.train_on == "last_assistant_turn":
                users = [at for at, fact in enumerate(facts) if fact["role"] == "user"]
                answers = [at for at in answers if not users or at > users[-1]]
            holds[[start + at for at in answers]] = True
        return holds

    def _is_marked(self, fact: Facts) -> bool:
        if fact.get("is_weighted_in_part") and "weight" not in fact:
            raise OptionsError(
                'train_on="marked": a message weighs parts of itself, and which tokens these are was not kept: expand '
                'with train_on="marked" instead'
            )
        return "weight" in fact

    def _rows_of(self, record: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
        """Say of each sample whether its record has these values, bool[N]."""
        kept = self._samples.kept
        holds = np.ones(len(self._samples), dtype=np.bool_)
        for name, wanted in record.items():
            if name not in kept:
                known = ", ".join(key for key in kept if key != FACTS) or "nothing"
                raise OptionsError(
                    f'record: the samples do not keep "{name}" (they keep {known}): expand them with keep'
                )
            values = wanted if isinstance(wanted, list | tuple) else [wanted]
            holds &= np.array([value in values for value in kept[name]], dtype=np.bool_)
        return holds

    def _each(self, test: Callable[[Facts], bool]) -> npt.NDArray[np.bool_]:
        return np.fromiter(map(test, self._messages), dtype=np.bool_, count=len(self._messages))

    def _check_texts(self, field: str) -> None:
        if not self._samples.metadata["options"]["keep_texts"]:
            raise OptionsError(
                f"{field}: the samples do not carry the texts of messages: expand them with keep_texts=True "
                "(--keep-texts)"
            )


def _is_answer(fact: Facts) -> bool:
    return bool(fact["role"] == "assistant")


def _several(value: str | Sequence[str] | None) -> Sequence[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _check_known(what: str, name: object, known: Sequence[str]) -> None:
    if name not in known:
        raise OptionsError(f"{what}: {name!r} is unknown; expected one of {', '.join(known)}")


def _compiled(field: str, pattern: str | None) -> re.Pattern[str]:
    try:
        return re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise OptionsError(f"{field}: {pattern!r} is not a regular expression: {error}") from error


def _slice(field: str, places: str | None) -> slice:
    if places is None:
        return slice(None)
    found = _SLICE.fullmatch(places.strip()) if isinstance(places, str) else None
    if found is None:
        raise OptionsError(
            f'{field}: {places!r} is not a slice; "-3:" is the last three, "0" the first'
        )
    start, stop, one = (None if part is None else int(part) for part in found.groups())
    if one is not None:
        return slice(one, one + 1 or None)
    return slice(start, stop)
