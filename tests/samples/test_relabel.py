"""Rules applied to samples give what an expansion with these weights gives, bit for bit."""

import functools
import itertools
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import everyturn
from chats import Record, answer, named_chat, user
from everyturn import OptionsError, Rule
from everyturn.options import TrainOn
from everyturn.samples import KINDS
from layouts import LAYOUTS, every_layout
from reference import read_lines
from same_samples import assert_same_samples

MODES: tuple[TrainOn, ...] = (
    "all_assistant_messages",
    "last_assistant_message",
    "last_assistant_turn",
    "marked",
)
CHATS = ("sgd_train", "mt_bench_en", "tau_bench_gpt4o_airline", "nemo_gym_rollouts")
RULE_SETS = 40


def chats_of(data: Path, name: str, count: int) -> list[Record]:
    """The first records of a file of real chats."""
    path = next((data / "chats").glob(f"{name}*"))
    return [json.loads(line) for _, line in itertools.islice(read_lines(path), count)]


def with_marks(records: list[Record]) -> list[Record]:
    """The same with weights on some messages, as people mark them."""
    chosen = random.Random(1)  # noqa: S311 - chats, not secrets
    marked = []
    for record in records:
        messages = [
            {**message, "weight": chosen.choice([0, 1, 0.5])}
            if message["role"] == "assistant" and chosen.random() < 0.4
            else message
            for message in record["messages"]
        ]
        marked.append({**record, "messages": messages})
    return marked


@pytest.fixture(scope="module")
def renderer_of(tokenizer_folder: Callable[[str], Path]) -> Callable[[str], everyturn.Renderer]:
    """A model by name, loaded once."""
    return functools.cache(lambda name: everyturn.Renderer.from_dir(tokenizer_folder(name)))


@every_layout
@pytest.mark.parametrize("name", ["qwen3", "llama-3.1"])
@pytest.mark.parametrize("mode", MODES)
def test_every_train_on_is_a_rule(
    data: Path, renderer_of: Callable[[str], everyturn.Renderer], layout: Any, name: str, mode: Any
) -> None:
    """What was expanded for all answers gives the samples of any choice among them."""
    expander = everyturn.Expander(
        renderer_of(name), layout=layout, provenance=True, on_error="skip"
    )
    for chats in CHATS:
        records = with_marks(chats_of(data, chats, 12))
        relabelled = expander.expand(records).relabel(
            [Rule(weight=0), Rule(weight="own", train_on=mode)]
        )
        assert_same_samples(relabelled, expander.replace(train_on=mode).expand(records))


# --------------------------------------------------------------------------------------------
# The rules once more, one message at a time
# --------------------------------------------------------------------------------------------

TOOLS = ("book", "search", "cancel")


def conversation(chosen: random.Random) -> Record:
    """A chat with calls, results, errors and several answers in a row of exchanges."""
    messages: list[Any] = []
    if chosen.random() < 0.5:
        messages.append({"role": "system", "content": "Help."})
    for number in range(chosen.randint(1, 4)):
        messages.append(user(f"Question {number} {chosen.choice(['now', 'later'])}?"))
        for _ in range(chosen.randint(0, 2)):
            tool = chosen.choice(TOOLS)
            call = {
                "id": "1",
                "type": "function",
                "function": {"name": tool, "arguments": {"n": 1}},
            }
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
            result = chosen.choice(["done", "Error: none", "error 5"])
            messages.append({"role": "tool", "tool_call_id": "1", "content": result})
        messages.append(answer(f"Answer {number} {chosen.choice(['yes', 'no', 'maybe'])}."))
    weight = chosen.choice([None, None, 1, 0.5, 0])
    if weight is not None:
        messages[-1]["weight"] = weight
    return {"messages": messages, "source": chosen.choice(["a", "b"])}


def rule(chosen: random.Random) -> dict[str, Any]:
    """A rule about whole messages."""
    conditions: dict[str, Callable[[], Any]] = {
        "role": lambda: chosen.choice(["assistant", ["assistant", "tool"], "user"]),
        "messages": lambda: chosen.choice(["2:", ":-1", "0", "-3:", "1:5"]),
        "answers": lambda: chosen.choice(["-1", "-3:", "0", ":2", "1:"]),
        "train_on": lambda: chosen.choice(MODES[:3]),
        "tool": lambda: chosen.choice([*TOOLS, ["book", "cancel"]]),
        "text": lambda: chosen.choice(["yes", "^Answer [02]", "maybe|no"]),
        "result": lambda: chosen.choice(["(?i)error", "done$"]),
        "record": lambda: {"source": chosen.choice(["a", ["a", "b"], "b"])},
    }
    names = chosen.sample(sorted(conditions), chosen.randint(0, 2))
    weight = chosen.choice([0, 0, 0.5, 2.0, "own"])
    return {"weight": weight, **{name: conditions[name]() for name in names}}


def places(text: str, length: int) -> set[int]:
    """The places of a slice, the slow way."""
    if ":" not in text:
        at = int(text)
        return {at if at >= 0 else length + at} & set(range(length))
    start, stop = (int(part) if part else None for part in text.split(":"))
    return set(range(length)[start:stop])


def listed(value: Any) -> list[Any]:
    """One value, or several."""
    return value if isinstance(value, list) else [value]


def holds(rule: dict[str, Any], record: Record, at: int) -> bool:
    """Whether a rule holds for a message, condition by condition, from the record alone."""
    messages = record["messages"]
    message = messages[at]
    assistants = [i for i, one in enumerate(messages) if one["role"] == "assistant"]
    last_user = max((i for i, one in enumerate(messages) if one["role"] == "user"), default=-1)
    results = list(itertools.takewhile(lambda one: one["role"] == "tool", messages[at + 1 :]))
    calls = [call["function"]["name"] for call in message.get("tool_calls", [])]
    called = (
        messages[at - 1]["tool_calls"][0]["function"]["name"] if message["role"] == "tool" else None
    )
    tests: dict[str, Callable[[Any], bool]] = {
        "role": lambda value: message["role"] in listed(value),
        "messages": lambda value: at in places(value, len(messages)),
        "answers": lambda value: at in {assistants[i] for i in places(value, len(assistants))},
        "train_on": lambda value: {
            "all_assistant_messages": at in assistants,
            "last_assistant_message": assistants[-1:] == [at],
            "last_assistant_turn": at in assistants and at > last_user,
        }[value],
        "tool": lambda value: bool({*calls, called} & set(listed(value))),
        "text": lambda value: re.search(value, message["content"]) is not None,
        "result": lambda value: (
            bool(calls) and any(re.search(value, one["content"]) for one in results)
        ),
        "record": lambda value: record["source"] in listed(value["source"]),
    }
    return all(tests[name](value) for name, value in rule.items() if name != "weight")


def weighed(record: Record, rules: list[dict[str, Any]]) -> Record:
    """The record whose messages have the weights that the rules give them."""
    messages = []
    for at, message in enumerate(record["messages"]):
        weight = message.get("weight", 1)
        # What its record does not train, rules do not train either: they choose among what is.
        if message["role"] == "assistant" and weight != 0:
            given = [one["weight"] for one in rules if holds(one, record, at)]
            decided = given[-1] if given else "own"
            weight = weight if decided == "own" else decided
        messages.append(
            {**message, "weight": weight} if message["role"] == "assistant" else message
        )
    return {**record, "messages": messages}


@pytest.fixture(scope="module")
def rewriting(renderer_of: Callable[[str], everyturn.Renderer]) -> everyturn.Renderer:
    """A model whose template writes the last answer otherwise than the others: few rows can be merged."""
    return renderer_of("qwen3")


@every_layout
@pytest.mark.parametrize("seed", range(RULE_SETS))
def test_relabelled_is_expanded_anew(rewriting: everyturn.Renderer, layout: Any, seed: int) -> None:
    """With the weights in the records, which is another way to say it."""
    chosen = random.Random(seed)  # noqa: S311
    records = [conversation(chosen) for _ in range(6)]
    rules = [rule(chosen) for _ in range(chosen.randint(1, 4))]
    expander = everyturn.Expander(
        rewriting, layout=layout, provenance=True, keep_texts=True, keep=["source"]
    )
    relabelled = expander.expand(records).relabel(rules)
    assert_same_samples(relabelled, expander.expand([weighed(one, rules) for one in records]))
    assert relabelled.metadata["rules"] == [rules]


@every_layout
def test_labels_are_the_same_with_and_without_making_rows_anew(
    rewriting: everyturn.Renderer, layout: Any
) -> None:
    """Where every answer keeps a token rows are not made anew, and do not change where another record's are."""
    chosen = random.Random(3)  # noqa: S311
    records = [conversation(chosen) | {"source": "a"} for _ in range(12)]
    other = conversation(chosen) | {"source": "b"}
    rules = [{"weight": 0.5, "answers": "0"}, {"weight": 0, "kind": "content", "tool": "book"}]
    expander = everyturn.Expander(rewriting, layout=layout, provenance=True, keep=["source"])
    samples = expander.expand(records)
    in_place = samples.relabel(rules)
    assert in_place.input_ids is samples.input_ids
    without_other = [*rules, {"weight": 0, "record": {"source": "b"}}]
    assert_same_samples(in_place, expander.expand([*records, other]).relabel(without_other))


@every_layout
@pytest.mark.parametrize("normalize", ["sample", "conversation"])
def test_weights_are_normalized_after_the_rules(
    rewriting: everyturn.Renderer, layout: Any, normalize: Any
) -> None:
    """As an expansion does."""
    chosen = random.Random(7)  # noqa: S311
    records = [conversation(chosen) for _ in range(6)]
    rules = [{"weight": 0.5, "answers": "0"}, {"weight": 0, "tool": "book"}]
    expander = everyturn.Expander(rewriting, layout=layout, provenance=True)
    relabelled = expander.expand(records).relabel(rules, normalize=normalize)
    anew = expander.replace(normalize=normalize)
    assert_same_samples(relabelled, anew.expand([weighed(one, rules) for one in records]))


@pytest.mark.parametrize("layout", [*LAYOUTS])
def test_kinds_weigh_what_their_rules_say(
    tokenizer_folder: Callable[[str], Path], layout: Any
) -> None:
    """Token by token: reasoning at half, calls not at all, the rest as it was."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": "b"}}}
    messages = [
        user("Go."),
        {"role": "assistant", "reasoning_content": "Hm.", "content": "Ok.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        {"role": "assistant", "reasoning_content": "Well.", "content": "Done.", "weight": 2},
    ]
    expander = everyturn.Expander(tokenizer_folder("qwen3"), layout=layout, provenance=True)
    samples = expander.expand([{"messages": messages}])
    relabelled = samples.relabel(
        [Rule(weight=0.5, kind="reasoning"), Rule(weight=0, kind="tool_call")]
    )
    factor = {"reasoning": 0.5, "tool_call": 0.0}
    kinds = {
        (KINDS[kind], float(weight))
        for sample in relabelled
        for kind, weight in zip(
            np.repeat(sample.run_kinds, sample.run_lengths)[sample.labels != -100],
            weights_at_tokens(sample)[sample.labels != -100],
            strict=True,
        )
    }
    assert {kind for kind, _ in kinds} >= {"reasoning", "content", "stop"}
    assert all(weight == factor.get(kind, weight) for kind, weight in kinds)
    assert ("content", 1.0) in kinds
    assert ("content", 2.0) in kinds
    assert "tool_call" not in {kind for kind, _ in kinds}


def weights_at_tokens(sample: everyturn.Sample) -> Any:
    """The weight of each trained token, wherever it is predicted."""
    assert sample.loss_weights is not None
    if sample.subtree_end is None:
        return sample.loss_weights
    weights = np.zeros(len(sample.input_ids), dtype=np.float32)
    for token in np.flatnonzero(sample.labels != -100).tolist():
        path = np.flatnonzero(sample.subtree_end[: token + 1] > token)
        weights[token] = sample.loss_weights[path[-2]]
    return weights


def test_rules_choose_among_what_the_model_must_emit(models: dict[str, Path]) -> None:
    """A user's words are trained only where that is asked for by name."""
    expander = everyturn.Expander(models["chatml"], provenance=True)
    samples = expander.expand([named_chat("Ada", 2)])
    rules = [Rule(weight=0), Rule(weight=1, role="user")]
    assert len(samples.relabel(rules)) == 0
    trained = samples.relabel(rules, allow_context=True)
    said = {
        int(m)
        for sample in trained
        for m in np.unique(
            np.repeat(sample.run_messages, sample.run_lengths)[sample.labels != -100]
        )
    }
    roles = [fact["role"] for fact in samples.kept["message_facts"][0]]
    assert {roles[message] for message in said} == {"user"}
    with pytest.raises(OptionsError, match="allow_context"):
        expander.replace(layout="tree").expand([named_chat("Ada", 2)]).relabel(
            rules, allow_context=True
        )


def test_an_empty_list_of_rules_changes_nothing(rewriting: everyturn.Renderer) -> None:
    """Nor does a rule that leaves what is."""
    for layout in LAYOUTS:
        expander = everyturn.Expander(rewriting, layout=layout, provenance=True)
        samples = expander.expand([named_chat("Ada", 3), named_chat("Eve", 2, weight=0.5)])
        assert_same_samples(samples.relabel([]), samples)
        assert_same_samples(samples.relabel([Rule(weight="own")]), samples)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "rule 0: a rule needs a weight"),
    ({"weight": -1}, "weight: -1 is neither"),
    ({"weight": 1e39}, "weight: 1e\\+39 is neither a number from 0 up that a 32-bit float holds"),
    ({"weight": 1e-50}, "weight: 1e-50 is neither"),
    ({"weight": 10**5000}, "weight: an integer is neither"),
    ({"weight": float("nan")}, "weight: nan is neither"),
    ({"weight": True}, "weight: True is neither"),
    ({"weight": 1, "span": ""}, "span: an empty expression matches no token"),
    ({"weight": 1, "tool": 5}, "tool: expected a name or a list of names, not 5"),
    ({"weight": 1, "kind": 5}, "kind: expected a name or a list of names, not 5"),
    ({"weight": 1, "role": ["user", None]}, "role: expected a name or a list of names"),
    ({"weight": 1, "tool": [["air"]]}, "tool: expected a name or a list of names"),
    ({"weight": 1, "kinds": "x"}, "'kinds' is unknown; expected one of weight, kind"),
    ({"weight": 1, "kind": "word"}, "kind: 'word' is unknown; expected one of template"),
    ({"weight": 1, "role": "bot"}, "role: 'bot' is unknown"),
    ({"weight": 1, "answers": "last"}, "answers: 'last' is not a slice"),
    ({"weight": 1, "text": "("}, "text: '\\(' is not a regular expression"),
    ({"weight": 1, "train_on": "all_tokens"}, "train_on: rules choose among answers"),
    ({"weight": 1, "record": {"id": 1}}, 'record: the samples do not keep "id"'),
    ({"weight": 1, "text": "x"}, "text: the samples do not carry the texts of messages"),
]


@pytest.mark.parametrize(("rule", "text"), WRONG)
def test_a_wrong_rule_is_named(models: dict[str, Path], rule: dict[str, Any], text: str) -> None:
    """With its number, and what is wrong with which field."""
    samples = everyturn.Expander(models["chatml"], provenance=True).expand([named_chat("Ada", 1)])
    with pytest.raises(OptionsError, match=text):
        samples.relabel([rule])


@pytest.mark.parametrize(("places", "left"), [("1" * 5000 + ":", []), ("-" + "9" * 30 + ":", [1])])
def test_places_may_be_far_from_all_messages(
    models: dict[str, Path], places: str, left: list[int]
) -> None:
    """As in slices of lists."""
    samples = everyturn.Expander(models["chatml"], provenance=True).expand([named_chat("Ada", 1)])
    kept = samples.relabel([Rule(weight=0), Rule(weight=1, messages=places)])
    assert kept.targets.tolist() == left


def test_samples_that_cannot_be_relabelled_say_why(models: dict[str, Path]) -> None:
    """What would be guessed is refused."""
    chats = [named_chat("Ada", 1)]
    refused: list[tuple[dict[str, Any], str]] = [
        ({}, "provenance=True"),
        ({"provenance": True, "train_on": "all_tokens"}, "all_tokens"),
        ({"provenance": True, "normalize": "sample"}, "normalized already"),
    ]
    for options, text in refused:
        with pytest.raises(OptionsError, match=text):
            everyturn.Expander(models["chatml"], **options).expand(chats).relabel([])


def call(key: str | None, name: str) -> dict[str, Any]:
    """A tool call, with its id if it has one."""
    made = {"type": "function", "function": {"name": name, "arguments": {}}}
    return made if key is None else {"id": key, **made}


def test_results_are_of_the_calls_that_have_their_ids() -> None:
    """Wherever in the conversation these were made."""
    first, second = [call("x", "air")], [call("y", "rain")]
    apart = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "A", "tool_calls": first},
        {"role": "user", "content": "wait"},
        {"role": "assistant", "content": "B", "tool_calls": second},
        {"role": "tool", "tool_call_id": "x", "content": "error: bad"},
        {"role": "tool", "tool_call_id": "y", "content": "fine"},
        {"role": "assistant", "content": "C"},
    ]
    expander = everyturn.Expander("demo", provenance=True, keep_texts=True)
    samples = expander.expand([{"messages": apart}])
    assert samples.relabel([Rule(weight=0, result="error")]).targets.tolist() == [3, 6]
    assert samples.relabel([Rule(weight=0, result="fine")]).targets.tolist() == [1, 6]
    context = [Rule(weight=0), Rule(weight=1, tool="air", role="tool")]
    trained = samples.relabel(context, allow_context=True)
    assert expander.renderer.decode(trained[0].trained_ids).strip().startswith("error: bad")


VALUES: list[tuple[Any, Any, bool]] = [
    ({"a": 1}, {"a": 1}, True),
    ({"a": 1}, {"a": 1, "b": None}, True),
    ({"b": 2}, {"a": 1}, False),
    (1, True, False),
    (True, True, True),
    (1, 1.0, True),
]


@pytest.mark.parametrize(("value", "wanted", "is_equal"), VALUES)
def test_values_of_records_are_compared_as_json_has_them(
    tmp_path: Path, value: Any, wanted: Any, *, is_equal: bool
) -> None:
    """The same in memory and in files, whose columns give all objects all keys."""
    records = [{**named_chat("Ada", 1), "key": value}, named_chat("Eve", 1)]
    if isinstance(value, dict):
        records[1]["key"] = {"c": 0}
    samples = everyturn.Expander("demo", provenance=True, keep=["key"]).expand(records)
    samples.to_parquet(tmp_path / "rows.parquet")
    rules = [Rule(weight=0), Rule(weight=1, record={"key": wanted})]
    for one in (samples, everyturn.Samples.from_parquet(tmp_path / "rows.parquet")):
        assert one.relabel(rules).line.tolist() == ([1] if is_equal else [])


def test_a_relabelled_selection_is_counted_as_it_is(models: dict[str, Path]) -> None:
    """Not as all that it was selected from."""
    samples = everyturn.Expander(models["chatml"], provenance=True, layout="per_turn").expand(
        [named_chat("Ada", 2), named_chat("Eve", 2)]
    )
    chosen = samples[np.array([True, False, True, True])].relabel([Rule(weight=0, messages="1")])
    report = chosen.report
    assert (report.rows, report.targets_trained, report.records_kept) == (1, 1, 1)
    assert (report.tokens, report.trained_tokens) == (
        len(chosen.input_ids),
        int(chosen.trained_lengths.sum()),
    )
