"""Which messages are trained, and with which weight: train_on, the keys of messages, pairs."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import ASKED_LAST, TWO_TURNS, answer, to_jsonl, user
from everyturn.options import TRAIN_ON_ALIASES, Layout
from layouts import Expand, Shown, chatml, every_layout, targets_of
from reference import (
    Message,
    samples_of,
)

# --------------------------------------------------------------------------------------------
# train_on
# --------------------------------------------------------------------------------------------

USER_HAS_LAST_WORD = [*ASKED_LAST, user("c")]
WITHOUT_USER = [{"role": "system", "content": "s"}, answer("one"), answer("two")]


@every_layout
@pytest.mark.parametrize(
    ("train_on", "messages", "targets"),
    [
        ("all_assistant_messages", ASKED_LAST, [1, 3, 5]),
        ("all_assistant_messages", USER_HAS_LAST_WORD, [1, 3, 5]),
        ("last_assistant_message", ASKED_LAST, [5]),
        ("last_assistant_message", USER_HAS_LAST_WORD, [5]),
        ("last_assistant_turn", ASKED_LAST, [3, 5]),
        ("last_assistant_turn", USER_HAS_LAST_WORD, []),
        ("last_assistant_turn", WITHOUT_USER, [1, 2]),
        ("marked", ASKED_LAST, []),
    ],
)
def test_train_on_chooses_the_targets(
    expand: Expand, layout: Layout, train_on: str, messages: list[Message], targets: list[int]
) -> None:
    """The chosen messages are trained, each once, and no other token is."""
    samples = expand("chatml", messages, layout=layout, train_on=train_on)
    assert targets_of(samples) == targets
    assert samples.report.targets_found == samples.report.targets_trained == len(targets)
    assert samples_of(samples).total() == len(targets)
    if not targets:
        assert samples.report.records_dropped == {"no_target": 1}


@every_layout
def test_a_last_turn_is_all_that_follows_the_last_user(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """Tool calls and what is said after their results belong to one turn."""
    samples = expand("chatml", ASKED_LAST, layout=layout, train_on="last_assistant_turn")
    head = chatml("user a", "assistant one", "user b")
    per_turn = [
        head + chatml("assistant «two"),
        head + chatml("assistant two", "tool t", "assistant «three"),
    ]
    whole = head + chatml("assistant «two", "tool t", "assistant «three")
    assert (
        shown("chatml", samples)
        == {
            "per_turn": [text.removesuffix("\n") for text in per_turn],
            "merged": [whole.removesuffix("\n")],
            "tree": [whole.removesuffix("\n")],
            "conversation": [whole],
        }[layout]
    )


#: Names of other trainers, by what they choose there.
ALIASES: dict[str, str] = {
    "all_assistant_messages": "all_assistant assistant default train_on_assistant",
    "last_assistant_message": "last_round last last_response_only mask_history only_unmask_final "
    "train_on_last",
    "last_assistant_turn": "last_turn",
    "all_tokens": "all full train_on_all train_on_input train_on_inputs train_on_prompt",
}


@pytest.mark.parametrize(
    ("alias", "meaning"),
    [(alias, meaning) for meaning, aliases in ALIASES.items() for alias in aliases.split()],
)
def test_names_of_other_trainers_are_understood(expand: Expand, alias: str, meaning: str) -> None:
    """An alias gives the rows of the choice that it names, and is reported under that name."""
    samples = expand("chatml", ASKED_LAST, train_on=alias)
    expected = expand("chatml", ASKED_LAST, train_on=meaning)
    assert samples.labels.tolist() == expected.labels.tolist()
    assert samples.report == expected.report
    assert samples.report.train_on == meaning
    assert samples.metadata["options"]["train_on"] == meaning


def test_no_alias_hides_a_choice() -> None:
    """A choice always means itself."""
    assert not set(TRAIN_ON_ALIASES) & set(ALIASES)
    assert {"marked", *ALIASES} >= set(TRAIN_ON_ALIASES.values())


# --------------------------------------------------------------------------------------------
# Weights
# --------------------------------------------------------------------------------------------

KEYS = ("weight", "trainable", "train", "loss", "loss_weight")
#: What a value of such a key says: context only, a weight, or nothing.
VALUES: list[tuple[Any, float | None]] = [
    (0, 0.0),
    (0.0, 0.0),
    (1, 1.0),
    (1.0, 1.0),
    (0.5, 0.5),
    (2, 2.0),
    (True, 1.0),
    (False, 0.0),
    (None, None),
]


@pytest.mark.parametrize("train_on", ["all_assistant_messages", "marked"])
@every_layout
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("value", "weight"), VALUES)
def test_a_message_says_whether_it_is_trained(
    *, expand: Expand, layout: Layout, train_on: str, key: str, value: object, weight: float | None
) -> None:
    """0 and false are context only, null is silence, other numbers weigh each trained token."""
    messages = [user("a"), answer("one", **{key: value}), user("b"), answer("two")]
    samples = expand("chatml", messages, layout=layout, train_on=train_on)
    silent = 1.0 if train_on == "all_assistant_messages" else None
    says = {1: silent if weight is None else weight, 3: silent}
    expected = {message: said for message, said in says.items() if said}
    assert targets_of(samples) == sorted(expected)
    found: Counter[float] = Counter()
    for _, _, completion, held in samples_of(samples).elements():
        assert len(completion) > 1
        found[held] += 1
    assert found == Counter(expected.values())
    assert (samples.loss_weights is None) == (not {*expected.values()} - {1.0})


@pytest.mark.parametrize(
    ("train_on", "weights", "targets"),
    [
        ("last_assistant_message", (1, None, None), [5]),
        ("last_assistant_message", (2, 1, 0.5), [5]),
        ("last_assistant_message", (1, 1, 0), []),
        ("last_assistant_turn", (1, None, 0), [3]),
        ("all_assistant_messages", (0, 0.5, 2), [3, 5]),
        ("marked", (0, None, 1), [5]),
        ("marked", (0.5, 2, None), [1, 3]),
        ("marked", (0, 0, None), []),
    ],
)
def test_a_weight_above_0_chooses_no_message_and_0_leaves_out_every_one(
    expand: Expand, train_on: str, weights: tuple[float | None, ...], targets: list[int]
) -> None:
    """Except with `marked`, where the weights choose; those of targets are factors of their loss."""
    given = dict(zip((1, 3, 5), weights, strict=True))
    messages = [
        message if given.get(index) is None else {**message, "weight": given[index]}
        for index, message in enumerate(ASKED_LAST)
    ]
    samples = expand("chatml", messages, layout="per_turn", train_on=train_on)
    assert targets_of(samples) == targets
    for sample in samples:
        (target,) = sample.targets
        weight = given[target] if given[target] is not None else 1
        trained = sample.labels != -100
        loss_weights = trained if sample.loss_weights is None else sample.loss_weights
        assert set(loss_weights[trained].tolist()) == {weight}


@every_layout
def test_what_has_no_weight_is_context(expand: Expand, shown: Shown, layout: Layout) -> None:
    """A message of weight 0 stays in the prompts of those that follow, untrained."""
    messages = [user("a"), answer("one", weight=0), user("b"), answer("two")]
    (row,) = shown("chatml", expand("chatml", messages, layout=layout))
    expected = chatml("user a", "assistant one", "user b", "assistant «two")
    assert row.removesuffix("\n") == expected.removesuffix("\n")


@every_layout
def test_keys_of_training_are_not_rendered_as_text(expand: Expand, layout: Layout) -> None:
    """A message with a weight has the ids of the same message without one."""
    weighed = [{**message, "weight": 1} for message in TWO_TURNS]
    plain = expand("chatml", TWO_TURNS, layout=layout)
    samples = expand("chatml", weighed, layout=layout)
    assert samples.input_ids.tolist() == plain.input_ids.tolist()
    assert samples.labels.tolist() == plain.labels.tolist()
    # Only an assistant's message can be a target; a weight of a user message is reported.
    assert samples.report.warnings == {"weight_ignored": 2}


@pytest.mark.parametrize(
    "keys",
    [
        {"weight": 1, "train": False},
        {"trainable": True, "loss": 0},
        {"weight": 0.5, "loss_weight": 1},
        {"weight": 1, "loss": None, "loss_weight": 0},
    ],
)
def test_weights_that_contradict_each_other_are_refused(
    expand: Expand, keys: dict[str, Any]
) -> None:
    """It is not known which of them is right."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("chatml", [user("a"), answer("one"), user("b"), answer("two", **keys)])
    assert (caught.value.kind, caught.value.message_index) == ("weight", 3)


def test_weights_that_agree_are_one(expand: Expand) -> None:
    """1, 1.0 and true mean the same; null means nothing."""
    keys = {"weight": 1, "loss": 1.0, "train": True, "trainable": None}
    samples = expand("chatml", [user("a"), answer("one", **keys)], train_on="marked")
    assert targets_of(samples) == [1]


@pytest.mark.parametrize("value", [-1, -0.5, "-1", "", "heavy", [], {}, 1e300, 1e-300])
@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_weight_is_refused(expand: Expand, key: str, value: object) -> None:
    """A weight is true, false or a number from 0 up that a 32-bit float can hold, or text that spells one."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("chatml", [user("a"), answer("one", **{key: value})])
    assert (caught.value.kind, caught.value.message_index) == ("weight", 1)


@every_layout
def test_a_pair_trains_its_completion_alone(
    folders: dict[str, Path], shown: Shown, layout: Layout
) -> None:
    """Of a prompt and a completion given as messages, answers in the prompt are context."""
    record = {"prompt": TWO_TURNS[:3], "completion": [answer("two"), user("c"), answer("three")]}
    expander = everyturn.Expander(folders["chatml"], layout=layout)
    samples = expander.expand(to_jsonl([record]))
    assert targets_of(samples) == [3, 5]
    assert samples.report.targets_found == 2
    head = chatml("user a", "assistant one", "user b")
    last = shown("chatml", samples)[-1].removesuffix("\n")
    two = "assistant two" if layout == "per_turn" else "assistant «two"
    assert last == head + chatml(two, "user c", "assistant «three").removesuffix("\n")


def test_a_pair_has_the_same_targets_where_every_token_is_trained(
    folders: dict[str, Path],
) -> None:
    """The targets of a row are those that the report counts."""
    record = {"prompt": TWO_TURNS[:3], "completion": [answer("two")]}
    expander = everyturn.Expander(folders["chatml"], train_on="all_tokens")
    samples = expander.expand(to_jsonl([record]))
    assert targets_of(samples) == [3]
    assert samples.report.targets_trained == samples.report.targets_found == 1
