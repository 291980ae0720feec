"""Which tokens rules hold for, and what they weigh.

In: rules, and samples that say what wrote their tokens. Out: the runs of the samples, each with its weight; rules about
parts of messages split runs. What comes of the weights is said in `everyturn.samples.relabel`.
"""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.samples.keep_option import FACTS
from everyturn.samples.kept import Texts
from everyturn.samples.provenance import KINDS
from everyturn.samples.ragged import to_offsets
from everyturn.samples.rules import FAR, Rule, compiled, several, to_slice
from everyturn.samples.spans import Spelled

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

Facts: TypeAlias = Mapping[str, Any]
Flags: TypeAlias = npt.NDArray[np.bool_]

_KEPT = float("nan")
"""The weight of a run that weighs what it did when it was expanded."""

_ROLES: Sequence[str] = _core.ROLES


def weigh_runs(
    samples: "Samples", rules: Sequence[Rule], *, allow_context: bool
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of runs by name, with ``run_weights``, float32[R], which has NaN where a run keeps its weight.

    Raises:
        OptionsError: A rule looks at what the samples do not have.
    """
    conversations = Conversations(samples)
    if all(rule.span is None for rule in rules):
        weights = np.full(len(samples.run_lengths), _KEPT, dtype=np.float32)
        for rule in rules:
            np.copyto(weights, _weight(rule), where=conversations.runs_of(rule))
        return _runs(samples) | {"run_weights": weights}
    spelled = Spelled(samples)
    lengths = samples.run_lengths
    of_tokens = np.full(len(samples.input_ids), _KEPT, dtype=np.float32)
    for rule in rules:
        runs = conversations.runs_of(rule)
        if rule.span is None:
            tokens = np.repeat(runs, lengths)
        else:
            looked_at = runs if allow_context else runs & samples.run_answers
            tokens = spelled.matches(compiled("span", rule.span), looked_at)
        of_tokens[tokens] = _weight(rule)
    return _split(samples, of_tokens)


def _weight(rule: Rule) -> float:
    return _KEPT if rule.weight == "own" else rule.weight


def _runs(samples: "Samples") -> dict[str, npt.NDArray[Any]]:
    names = ("run_lengths", "run_kinds", "run_messages", "run_answers", "run_offsets")
    return {name: getattr(samples, name) for name in names}


def _split(samples: "Samples", weights: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[Any]]:
    """Return runs whose tokens weigh the same."""
    starts = np.zeros(len(weights), dtype=np.bool_)
    starts[to_offsets(samples.run_lengths)[:-1]] = True
    # Bits: NaN does not equal itself.
    bits = weights.view(np.int32)
    starts[1:] |= bits[1:] != bits[:-1]
    at = np.flatnonzero(starts)
    run = np.repeat(np.arange(len(samples.run_lengths)), samples.run_lengths)[at]
    columns = {
        name: column[run] for name, column in _runs(samples).items() if name != "run_offsets"
    }
    return columns | {
        "run_lengths": np.diff(np.append(at, len(weights))).astype(np.int32),
        "run_offsets": np.searchsorted(at, samples.offsets).astype(np.int64),
        "run_weights": weights[at],
    }


def _is_one_of(values: list[Any], value: Any) -> bool:
    return _comparable(value) in values


def _comparable(value: Any) -> Any:
    """Return what is equal for equal JSON values: ``true`` is not 1, and a key that is null is as none.

    Arrow gives all objects of a column all keys.
    """
    if isinstance(value, Mapping):
        return {key: _comparable(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_comparable(inner) for inner in value]
    return (bool, value) if isinstance(value, bool) else value


class Conversations:
    """The messages of the records of samples, one after the other: which runs rules hold for is looked up in them."""

    def __init__(self, samples: "Samples") -> None:
        self._samples = samples
        self._run_counts = np.diff(samples.run_offsets)
        column = samples.kept.column(FACTS)
        is_used = np.zeros(len(column.offsets) - 1, dtype=np.bool_)
        is_used[samples.kept.rows] = True
        self._texts: Texts = column if is_used.all() else column.select(np.flatnonzero(is_used))
        self._record_of_row = (np.cumsum(is_used) - 1)[samples.kept.rows]

    @functools.cached_property
    def _columns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], Flags, Flags]:
        """Where the messages of each record start; their roles; whether they are weighted, and whether in part."""
        return _core.message_columns(self._texts.data, self._texts.offsets)

    @functools.cached_property
    def _message_of_run(self) -> npt.NDArray[np.int64]:
        """The place of each run's message among all; a run of no message has one that nothing holds for."""
        starts, roles, *_ = self._columns
        messages = self._samples.run_messages
        places = np.repeat(starts[self._record_of_row], self._run_counts)
        places += messages
        places[messages < 0] = len(roles)
        return places

    def runs_of(self, rule: Rule) -> Flags:
        """Say of each run whether a rule holds for it, but for its ``span``, bool[R]."""
        holds = np.ones(len(self._samples.run_kinds), dtype=np.bool_)
        if rule.kind is not None:
            of_kinds = np.array([kind in several(rule.kind) for kind in KINDS])
            holds &= of_kinds[self._samples.run_kinds]
        messages = [test(rule) for test in self._tests(rule)]
        if messages:
            # None of a run that is of no message.
            all_hold = np.append(np.logical_and.reduce(messages), False)
            holds &= all_hold[self._message_of_run]
        if rule.record is not None:
            holds &= np.repeat(self._rows_of(rule.record), self._run_counts)
        return holds

    def _tests(self, rule: Rule) -> list[Callable[[Rule], Flags]]:
        """The conditions about messages that a rule has."""
        tests: dict[str, Callable[[Rule], Flags]] = {
            "role": lambda rule: self._of_role(*several(rule.role)),
            "messages": self._by_message,
            "answers": self._by_answer,
            "train_on": self._by_train_on,
            "tool": self._by_tool,
            "text": self._by_text,
            "result": self._by_result,
        }
        return [test for name, test in tests.items() if getattr(rule, name) is not None]

    def _of_role(self, *roles: str) -> Flags:
        _, numbers, *_ = self._columns
        of_roles = np.array([role in roles for role in _ROLES])
        holds: Flags = of_roles[numbers]
        return holds

    def _by_message(self, rule: Rule) -> Flags:
        _, numbers, *_ = self._columns
        every: Flags = np.ones(len(numbers), dtype=np.bool_)
        return self._at(to_slice("messages", rule.messages), every)

    def _by_answer(self, rule: Rule) -> Flags:
        return self._at(to_slice("answers", rule.answers), self._of_role("assistant"))

    def _by_train_on(self, rule: Rule) -> Flags:
        answers = self._of_role("assistant")
        match rule.train_on:
            case "marked":
                _, _, is_weighted, is_weighted_in_part = self._columns
                if np.any(is_weighted_in_part & ~is_weighted):
                    raise OptionsError(
                        'train_on="marked": a message weighs parts of itself, and which tokens these are was not '
                        'kept: expand with train_on="marked" instead'
                    )
                return is_weighted
            case "last_assistant_message":
                return self._at(slice(-1, None), answers)
            case "last_assistant_turn":
                number, total = self._numbered(self._of_role("user"))
                after_users: Flags = number == total
                return np.logical_and(answers, after_users)
            case _:
                return answers

    def _at(self, places: slice, counts: Flags) -> Flags:
        """The messages at these places among those of their conversation that count."""
        number, total = self._numbered(counts)
        start, stop = (
            np.minimum(place, total) if place >= 0 else np.maximum(total + place, 0)
            for place in (places.start or 0, FAR if places.stop is None else places.stop)
        )
        holds: Flags = counts & (start <= number) & (number < stop)
        return holds

    def _numbered(self, counts: Flags) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return for each message how many that count come before it in its conversation, and how many there are."""
        starts, *_ = self._columns
        record = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        counted = to_offsets(counts.view(np.uint8))
        at_start = counted[starts]
        return counted[:-1] - at_start[record], np.diff(at_start)[record]

    def _by_tool(self, rule: Rule) -> Flags:
        tools = set(several(rule.tool))
        return self._each(
            lambda fact: fact.get("tool") in tools or not tools.isdisjoint(fact.get("calls", ()))
        )

    def _by_text(self, rule: Rule) -> Flags:
        pattern = compiled("text", rule.text)
        self._check_texts("text")
        return self._each(lambda fact: pattern.search(fact.get("text", "")) is not None)

    def _by_result(self, rule: Rule) -> Flags:
        pattern = compiled("result", rule.result)
        self._check_texts("result")
        holds = np.zeros(len(self._facts), dtype=np.bool_)
        starts, *_ = self._columns
        of_messages = np.repeat(starts[:-1], np.diff(starts)).tolist()
        for start, fact in zip(of_messages, self._facts, strict=True):
            if "caller" in fact and pattern.search(fact.get("text", "")):
                holds[start + fact["caller"]] = True
        return holds

    def _rows_of(self, record: Mapping[str, Any]) -> Flags:
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
            is_one = functools.partial(_is_one_of, [_comparable(value) for value in values])
            holds &= np.array([is_one(value) for value in kept[name]], dtype=np.bool_)
        return holds

    @functools.cached_property
    def _facts(self) -> list[Facts]:
        """What is known of each message; few rules look at more than the columns say."""
        count = len(self._texts.offsets) - 1
        texts = (self._texts.text(record) or b"[]" for record in range(count))
        records: list[list[Facts]] = json.loads(b"[" + b",".join(texts) + b"]")
        return [fact for facts in records for fact in facts]

    def _each(self, test: Callable[[Facts], bool]) -> Flags:
        return np.fromiter(map(test, self._facts), dtype=np.bool_, count=len(self._facts))

    def _check_texts(self, field: str) -> None:
        if not self._samples.metadata["options"]["keep_texts"]:
            raise OptionsError(
                f"{field}: the samples do not carry the texts of messages: expand them with keep_texts=True "
                "(--keep-texts)"
            )
