"""What is trained, and in which rows: train_on, weights, layouts, and the policies for targets."""

import functools
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

import everyturn
from chats import Record, to_jsonl
from everyturn.options import TRAIN_ON_ALIASES, Layout
from paths import DEMO
from reference import (
    Ids,
    Message,
    ReferenceModel,
    Row,
    merged,
    normalise,
    row_of,
    rows_by_line,
    samples_of,
)

Expand = Callable[..., everyturn.Samples]
Shown = Callable[[str, everyturn.Samples], list[str]]

TOKENIZER = "tokenizer.json"

LAYOUTS: tuple[Layout, ...] = ("per_turn", "merged", "conversation")
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
every_exact_layout = pytest.mark.parametrize("layout", ["per_turn", "merged"])

#: Templates that render every turn alike, whatever follows it.
STABLE = ("chatml", "eos_only_at_end", "generation_tags", "llama_like", "parts")


def user(content: str, **keys: Any) -> Message:
    """Return a message of the user."""
    return {"role": "user", "content": content, **keys}


def answer(content: str, **keys: Any) -> Message:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content, **keys}


def result(content: str) -> Message:
    """Return what a tool has answered."""
    return {"role": "tool", "content": content}


def call(name: str, **arguments: Any) -> Message:
    """Return a message of the assistant that calls a tool and says nothing."""
    return answer("", tool_calls=[{"type": "function", "function": {"name": name, **arguments}}])


TWO_TURNS = [user("a"), answer("one"), user("b"), answer("two")]
THREE_TURNS = [*TWO_TURNS, user("c"), answer("three")]


@pytest.fixture(scope="module")
def folders(models: dict[str, Path]) -> dict[str, Path]:
    """The folders of the small models and of the demo."""
    return {**models, "demo": DEMO}


@pytest.fixture(scope="module")
def expand(folders: dict[str, Path]) -> Expand:
    """Return the rows of one conversation of a model."""
    renderer = functools.cache(everyturn.Renderer.from_dir)

    def expand(model: str, messages: list[Message], **options: Any) -> everyturn.Samples:
        expander = everyturn.Expander(renderer(folders[model]), **options)
        return expander.expand(to_jsonl([{"messages": messages}]))

    return expand


@pytest.fixture(scope="module")
def shown(folders: dict[str, Path]) -> Shown:
    """The rows as text, what is trained between « and »."""

    @functools.cache
    def tokenizer(name: str) -> Tokenizer:
        return Tokenizer.from_file(str(folders[name] / TOKENIZER))

    def shown(model: str, samples: everyturn.Samples) -> list[str]:
        rows = []
        for sample in samples:
            text = ""
            ids, labels = sample.input_ids.tolist(), sample.labels.tolist()
            pairs = zip(ids, labels, strict=True)
            for trained, run in itertools.groupby(pairs, lambda pair: pair[1] != -100):
                spelled = tokenizer(model).decode(
                    [number for number, _ in run], skip_special_tokens=False
                )
                text += f"«{spelled}»" if trained else spelled
            rows.append(text)
        return rows

    return shown


def targets_of(samples: everyturn.Samples) -> list[int]:
    """The messages that are trained, over all rows."""
    return sorted(samples.targets.tolist())


def chatml(*turns: str) -> str:
    """Return a ChatML text of turns such as `user a` and `assistant «one`, trained from the «."""
    text = ""
    for turn in turns:
        role, content = turn.split(" ", 1)
        closed = "»" if content.startswith("«") else ""
        text += f"<|im_start|>{role}\n{content}<|im_end|>{closed}\n"
    return text


# --------------------------------------------------------------------------------------------
# train_on
# --------------------------------------------------------------------------------------------

#: The assistant speaks at 1, at 3 and, after a tool, at 5.
ASKED_LAST = [user("a"), answer("one"), user("b"), answer("two"), result("t"), answer("three")]
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
    # Only an assistant's message can be a target; a user that asks for it is told.
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
    """Nobody can tell which of them is meant."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("chatml", [user("a"), answer("one"), user("b"), answer("two", **keys)])
    assert (caught.value.kind, caught.value.message_index) == ("weight", 3)


def test_weights_that_agree_are_one(expand: Expand) -> None:
    """1, 1.0 and true say the same; null says nothing."""
    keys = {"weight": 1, "loss": 1.0, "train": True, "trainable": None}
    samples = expand("chatml", [user("a"), answer("one", **keys)], train_on="marked")
    assert targets_of(samples) == [1]


@pytest.mark.parametrize("value", [-1, -0.5, "1", "false", [], {}, 1e300])
@pytest.mark.parametrize("key", KEYS)
def test_what_is_no_weight_is_refused(expand: Expand, key: str, value: object) -> None:
    """A weight is true, false or a number from 0 up that a 32-bit float can hold."""
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


# --------------------------------------------------------------------------------------------
# Layouts
# --------------------------------------------------------------------------------------------

#: In every turn something is thought; in the first and the third a tool is called as well.
THOUGHTFUL = [
    user("a"),
    {**call("look", arguments={"at": 1}), "reasoning_content": "to see"},
    result("seen"),
    answer("one", reasoning_content="so"),
    user("b"),
    answer("two", reasoning_content="hm"),
    user("c"),
    {**call("look", arguments={"at": 2}), "reasoning_content": "again"},
    result("seen"),
    answer("three"),
]


def reference_rows(folder: Path, stop: str, messages: list[Message]) -> list[Row]:
    """The rows of `per_turn` by the reference."""
    conversation = normalise({"messages": messages}, "messages")
    expected = ReferenceModel(folder, stop=stop).expand(conversation, 1)
    return [row_of(target) for target in expected]


def rows_in(samples: everyturn.Samples) -> list[Row]:
    """The rows of the one conversation."""
    return [row for row, _ in rows_by_line(samples)[1]]


@pytest.mark.parametrize(
    ("model", "stop", "messages", "row_counts"),
    [
        ("chatml", "<|im_end|>", THREE_TURNS, (3, 1)),
        ("llama_like", "<|eot|>", THREE_TURNS, (3, 1)),
        ("eos_only_at_end", "<|end|>", THREE_TURNS, (3, 1)),
        ("demo", "<|im_end|>", THREE_TURNS, (3, 1)),
        # What was thought is rendered only behind the last user: a row for each user turn.
        ("demo", "<|im_end|>", THOUGHTFUL, (5, 3)),
    ],
)
def test_rows_are_those_of_the_reference(
    *,
    expand: Expand,
    folders: dict[str, Path],
    model: str,
    stop: str,
    messages: list[Message],
    row_counts: tuple[int, int],
) -> None:
    """`per_turn` has a row for each target, `merged` the fewest that carry the same pairs."""
    rows = reference_rows(folders[model], stop, messages)
    per_turn = expand(model, messages, layout="per_turn")
    fewest = expand(model, messages, layout="merged")
    assert (len(per_turn), len(fewest)) == row_counts
    assert rows_in(per_turn) == rows
    assert rows_in(fewest) == merged(rows)
    assert samples_of(fewest) == samples_of(per_turn)


def test_merged_rows_share_what_a_turn_shares(expand: Expand) -> None:
    """The tool call and the answer after it stand in one row, as history has not changed."""
    samples = expand("demo", THOUGHTFUL, layout="merged")
    assert [sample.targets.tolist() for sample in samples] == [[1, 3], [5], [7, 9]]


@pytest.mark.parametrize("model", STABLE)
@pytest.mark.parametrize("messages", [TWO_TURNS, ASKED_LAST, THREE_TURNS])
def test_one_rendering_is_exact_where_history_stays(
    expand: Expand, folders: dict[str, Path], model: str, messages: list[Message]
) -> None:
    """The row is the whole rendering; it starts with the merged row and trains the same."""
    whole = expand(model, messages, layout="conversation")
    fewest = expand(model, messages, layout="merged")
    assert samples_of(whole) == samples_of(fewest)
    assert "inexact_targets" not in whole.report.warnings
    (row,), (merged_row,) = rows_in(whole), rows_in(fewest)
    behind = len(row.ids) - len(merged_row.ids)
    assert row.ids[: len(merged_row.ids)] == merged_row.ids
    assert row.labels == merged_row.labels + (-100,) * behind
    assert row.targets == merged_row.targets
    conversation = normalise({"messages": messages}, "messages")
    reference = ReferenceModel(folders[model], stop="none")
    text = reference.full_text(conversation, len(messages) - 1)
    assert row.ids == reference.encode(text)


def test_one_rendering_equals_the_merged_row_where_nothing_stands_behind_the_stop(
    expand: Expand,
) -> None:
    """Then the two layouts have the same arrays."""
    whole = expand("llama_like", THREE_TURNS, layout="conversation")
    fewest = expand("llama_like", THREE_TURNS, layout="merged")
    assert whole.input_ids.tolist() == fewest.input_ids.tolist()
    assert whole.labels.tolist() == fewest.labels.tolist()


def test_one_rendering_of_rewritten_history_is_counted(expand: Expand, shown: Shown) -> None:
    """Answers whose thoughts are gone are trained as they are rendered, and are inexact."""
    samples = expand("demo", THOUGHTFUL, layout="conversation")
    calls = '<tool_call>\n{{"name": "look", "arguments": {{"at": {}}}}}\n</tool_call>'.format
    seen = "tool <tool_response>\nseen\n</tool_response>"
    assert shown("demo", samples) == [
        chatml("user a", "assistant «" + calls(1), seen)
        + chatml("assistant «one", "user b", "assistant «two", "user c")
        + chatml("assistant «<think>\nagain\n</think>\n\n" + calls(2), seen, "assistant «three")
    ]
    assert targets_of(samples) == [1, 3, 5, 7, 9]
    # The two behind the last user have the history and the thoughts that inference shows.
    assert samples.report.warnings["inexact_targets"] == 3
    assert samples.report.targets_trained == 5


def test_one_rendering_has_the_end_of_text_at_its_end(expand: Expand, shown: Shown) -> None:
    """What the template writes behind the last turn is context, never a target."""
    samples = expand("eos_only_at_end", TWO_TURNS, layout="conversation")
    (row,) = shown("eos_only_at_end", samples)
    first = "<|user|>\na<|end|>\n<|assistant|>\n«one<|end|>»\n"
    assert row == first + "<|user|>\nb<|end|>\n<|assistant|>\n«two<|end|>»\n<|endoftext|>"
    assert "inexact_targets" not in samples.report.warnings


def test_one_rendering_shows_what_no_prompt_fits(expand: Expand, shown: Shown) -> None:
    """Where prompts begin otherwise than turns, each target is inexact and still found."""
    samples = expand("prefills_thinking", TWO_TURNS, layout="conversation")
    assert shown("prefills_thinking", samples) == [
        chatml("user a", "assistant «one", "user b", "assistant «two")
    ]
    assert samples.report.warnings["inexact_targets"] == 2
    assert targets_of(samples) == [1, 3]


@pytest.mark.parametrize("content", ["", "A", "Z", "AeveryturnA", "one<|im_end|>", "two", "ü"])
def test_an_inexact_target_is_found_whatever_it_says(
    expand: Expand, shown: Shown, content: str
) -> None:
    """No word of a message misleads the search for it."""
    messages = [user(content or "a"), answer(content), user("b"), answer(content)]
    samples = expand("prefills_thinking", messages, layout="conversation", control_tokens="allow")
    turns = ("user " + (content or "a"), "assistant «" + content)
    last = ("user b", "assistant «" + content)
    assert shown("prefills_thinking", samples) == [chatml(*turns, *last)]


#: Leaves out what says "hide".
HIDES = (
    "{%- for message in messages if message.content != 'hide' -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


@every_layout
def test_a_target_that_the_template_leaves_out_is_lost_and_counted(
    folders: dict[str, Path], layout: Layout
) -> None:
    """What is not in the text cannot be trained, and is not said to be."""
    renderer = everyturn.Renderer.from_dir(folders["chatml"], chat_template=HIDES)
    expander = everyturn.Expander(renderer, layout=layout, on_error="skip")
    messages = [user("a"), answer("hide"), user("b"), answer("two")]
    samples = expander.expand(to_jsonl([{"messages": messages}]))
    assert targets_of(samples) == [3]
    assert samples.report.targets_trained == 1
    assert sum(samples.report.targets_dropped.values()) == 1


# --------------------------------------------------------------------------------------------
# Every token
# --------------------------------------------------------------------------------------------


@every_layout
def test_all_tokens_have_labels(expand: Expand, layout: Layout) -> None:
    """The whole rendering is one row in any layout, and nothing of it is left out."""
    samples = expand("demo", THOUGHTFUL, layout=layout, train_on="all_tokens")
    assert len(samples) == 1
    assert samples.labels.tolist() == samples.input_ids.tolist()
    whole = expand("demo", THOUGHTFUL, layout="conversation")
    assert samples.input_ids.tolist() == whole.input_ids.tolist()
    assert samples.loss_weights is None
    assert targets_of(samples) == [1, 3, 5, 7, 9]
    assert samples.report.trained_tokens == samples.report.tokens == len(samples.labels)


def test_all_tokens_leave_out_messages_without_weight(expand: Expand, shown: Shown) -> None:
    """The words of a message of weight 0, and the stop of an answer, have no labels."""
    messages = [user("a", weight=0), answer("one", train=False), user("b"), answer("two")]
    samples = expand("chatml", messages, train_on="all_tokens")
    (row,) = shown("chatml", samples)
    first = "«<|im_start|>user\n»a«<|im_end|>\n<|im_start|>assistant\n»one<|im_end|>"
    assert row == first + "«\n" + chatml("user b", "assistant two") + "»"
    assert targets_of(samples) == [3]
    assert samples.loss_weights is None


def test_all_tokens_weigh_what_the_messages_weigh(expand: Expand) -> None:
    """A message's weight is that of its tokens; all else weighs 1."""
    messages = [user("a"), answer("one", weight=0.5), user("b", weight=0), answer("two")]
    samples = expand("chatml", messages, train_on="all_tokens")
    assert samples.loss_weights is not None
    weights = Counter(samples.loss_weights.tolist())
    assert set(weights) == {0.0, 0.5, 1.0}
    assert weights[0.0] == 1, "the letter b is one token"
    half = samples.input_ids[samples.loss_weights == 0.5]
    alone = expand("chatml", [user("a"), answer("one")], train_on="last_assistant_message")
    assert half.tolist() == alone[0].trained_ids.tolist()


def test_all_tokens_need_no_prompt(expand: Expand, shown: Shown) -> None:
    """A conversation may start with the assistant, and may have none."""
    samples = expand("chatml", [answer("one")], train_on="all_tokens")
    assert shown("chatml", samples) == ["«<|im_start|>assistant\none<|im_end|>\n»"]
    samples = expand("chatml", [user("a")], train_on="all_tokens")
    assert shown("chatml", samples) == ["«<|im_start|>user\na<|im_end|>\n»"]


# --------------------------------------------------------------------------------------------
# Length
# --------------------------------------------------------------------------------------------


def needed_lengths(folder: Path, messages: list[Message]) -> dict[int, int]:
    """By target, the tokens of its prompt and its completion."""
    rows = reference_rows(folder, "<|im_end|>", messages)
    return {row.targets[0]: len(row.ids) for row in rows}


@every_layout
@pytest.mark.parametrize(
    ("model", "messages"), [("chatml", THREE_TURNS), ("demo", THREE_TURNS), ("demo", THOUGHTFUL)]
)
def test_too_long_targets_are_dropped_whole(
    expand: Expand,
    folders: dict[str, Path],
    layout: Layout,
    model: str,
    messages: list[Message],
) -> None:
    """No row is longer than asked for, no target is cut, and each that is lost is counted."""
    needed = needed_lengths(folders[model], messages)
    everything = samples_of(expand(model, messages, layout=layout))
    for most in range(1, max(needed.values()) + 2):
        samples = expand(model, messages, layout=layout, max_length=most, overflow="drop")
        report = samples.report
        assert max(samples.lengths, default=0) <= most
        assert not samples_of(samples) - everything
        kept = targets_of(samples)
        # One rendering of rewritten history is shorter than what each target needs.
        if layout != "conversation" or messages is THREE_TURNS:
            assert kept == [target for target, length in needed.items() if length <= most]
        assert report.targets_trained == len(kept) == samples_of(samples).total()
        lost = len(needed) - len(kept)
        assert report.targets_dropped == ({"too_long": lost} if lost else {})
        assert [fault.message_index for fault in report.faults] == sorted(set(needed) - set(kept))


@every_layout
def test_a_row_as_long_as_allowed_is_kept(
    expand: Expand, folders: dict[str, Path], layout: Layout
) -> None:
    """The limit is a length that a row may have; what stands behind a stop counts for nothing."""
    longest = max(needed_lengths(folders["chatml"], THREE_TURNS).values())
    samples = expand("chatml", THREE_TURNS, layout=layout, max_length=longest)
    assert targets_of(samples) == [1, 3, 5]
    assert max(samples.lengths) == longest


@every_layout
def test_a_target_that_is_too_long_is_an_error(
    expand: Expand, folders: dict[str, Path], layout: Layout
) -> None:
    """Unless it is to be dropped, the first that does not fit ends the run and is named."""
    needed = needed_lengths(folders["chatml"], THREE_TURNS)
    with pytest.raises(everyturn.SampleError) as caught:
        expand("chatml", THREE_TURNS, layout=layout, max_length=needed[3] - 1)
    assert (caught.value.kind, caught.value.line) == ("too_long", 1)
    assert caught.value.message_index == 3
    assert str(needed[3] - 1) in str(caught.value)


def test_a_conversation_without_room_for_any_target_is_dropped(expand: Expand) -> None:
    """The record is counted with its cause."""
    samples = expand("chatml", TWO_TURNS, max_length=3, overflow="drop")
    assert len(samples) == 0
    assert samples.report.records_dropped == {"all_targets_dropped": 1}


@pytest.mark.parametrize("room", [-1, 0])
def test_all_tokens_are_kept_or_dropped_together(expand: Expand, room: int) -> None:
    """A row of every token is never shortened."""
    whole = expand("chatml", TWO_TURNS, train_on="all_tokens")
    most = int(whole.lengths[0]) + room
    samples = expand("chatml", TWO_TURNS, train_on="all_tokens", max_length=most, overflow="drop")
    assert len(samples) == 1 + room
    assert samples.report.targets_dropped == ({} if room == 0 else {"too_long": 2})


# --------------------------------------------------------------------------------------------
# Prompts that do not fit, or are none
# --------------------------------------------------------------------------------------------


@every_exact_layout
def test_a_prompt_that_does_not_fit_is_an_error(expand: Expand, layout: Layout) -> None:
    """The error names the first such message, and shows where the two texts part."""
    with pytest.raises(everyturn.SampleError) as caught:
        expand("prefills_thinking", TWO_TURNS, layout=layout)
    assert (caught.value.kind, caught.value.message_index) == ("prompt_mismatch", 1)
    assert "<think>" in str(caught.value)
    assert "one" in str(caught.value)


@every_exact_layout
def test_a_prompt_that_does_not_fit_can_be_skipped(expand: Expand, layout: Layout) -> None:
    """Then its target is lost, and every one that is lost is counted."""
    samples = expand("prefills_thinking", TWO_TURNS, layout=layout, prompt_mismatch="skip")
    assert len(samples) == 0
    report = samples.report
    assert report.targets_dropped == {"prompt_mismatch": 2}
    assert report.records_dropped == {"all_targets_dropped": 1}
    assert [fault.message_index for fault in report.faults] == [1, 3]


@every_layout
def test_an_answer_to_nothing_has_no_prompt(expand: Expand, layout: Layout) -> None:
    """A conversation that starts with the assistant is at fault at its first message."""
    with pytest.raises(everyturn.SampleError) as caught:
        expand("chatml", [answer("hello"), *TWO_TURNS], layout=layout)
    assert (caught.value.kind, caught.value.message_index) == ("empty_prompt", 0)


@every_layout
def test_an_answer_to_nothing_is_context_of_what_follows(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """Skipped, the greeting stays in the prompts of the other targets."""
    messages = [answer("hello"), user("a"), answer("one")]
    samples = expand("chatml", messages, layout=layout, on_error="skip")
    (row,) = shown("chatml", samples)
    expected = chatml("assistant hello", "user a", "assistant «one")
    assert row.removesuffix("\n") == expected.removesuffix("\n")
    assert samples.report.targets_dropped == {"empty_prompt": 1}
    assert samples.report.records_kept == 1


# --------------------------------------------------------------------------------------------
# Warnings
# --------------------------------------------------------------------------------------------


@every_layout
def test_reasoning_that_is_not_rendered_is_counted(expand: Expand, layout: Layout) -> None:
    """The model would not learn to think; said in a key or in the content, it is noticed."""
    messages = [
        user("a"),
        answer("one", reasoning_content="I reason"),
        user("b"),
        answer("<think>\nI reason\n</think>\n\ntwo"),
        user("c"),
        answer("three"),
        user("d"),
        answer("four", reasoning_content="  "),
    ]
    samples = expand("drops_reasoning", messages, layout=layout, control_tokens="allow")
    assert samples.report.warnings["reasoning_dropped"] == 2
    assert samples.report.targets_trained == 4


@every_exact_layout
def test_reasoning_that_is_rendered_is_no_warning(expand: Expand, layout: Layout) -> None:
    """Each target is looked at as it is trained, not as history shows it."""
    assert expand("demo", THOUGHTFUL, layout=layout).report.warnings == {}


@every_exact_layout
def test_a_border_inside_of_a_token_is_forced_and_counted(
    expand: Expand, shown: Shown, folders: dict[str, Path], layout: Layout
) -> None:
    """The prompt has the server's ids even where a merge would run over its end."""
    messages = [user("a"), answer("\nhello"), user("b"), answer("two")]
    reference = ReferenceModel(folders["demo"], stop="<|im_end|>")
    prompt = reference.encode(chatml("user a") + "<|im_start|>assistant\n")
    joined = reference.encode(chatml("user a") + "<|im_start|>assistant\n\nhello")
    assert joined[: len(prompt)] != prompt, "the tokenizer merges the two newlines"
    samples = expand("demo", messages, layout=layout)
    assert samples.report.warnings == {"border_merges": 1}
    assert shown("demo", samples)[0].startswith(chatml("user a", "assistant «\nhello")[:-1])
    first: Ids = tuple(samples[0].input_ids.tolist())
    completion = reference.encode_continuation("\nhello<|im_end|>")
    assert first[: len(prompt) + len(completion)] == prompt + completion


def test_an_answer_without_words_is_counted(expand: Expand, shown: Shown) -> None:
    """Its stop token alone is trained."""
    samples = expand("chatml", [user("a"), answer("")])
    assert samples.report.warnings == {"empty_targets": 1}
    assert shown("chatml", samples) == [chatml("user a", "assistant «").removesuffix("\n")]


# --------------------------------------------------------------------------------------------
# Stop tokens
# --------------------------------------------------------------------------------------------


def test_a_template_without_an_end_of_turn_cannot_be_loaded(folders: dict[str, Path]) -> None:
    """A model trained with it would never learn to stop: that is said at load."""
    with pytest.raises(everyturn.ModelError, match="control token") as caught:
        everyturn.Renderer.from_dir(folders["no_terminator"])
    assert str(folders["no_terminator"]) in str(caught.value)


@every_layout
def test_the_next_header_ends_a_turn_that_has_no_end(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """Behind an answer the model emits the user's header: it is trained once per target."""
    samples = expand("header_is_stop", TWO_TURNS, layout=layout)
    first = "<|start|><|user|>\na<|assistant|>\n"
    per_turn = [
        first + "«one<|user|>»",
        first + "one<|user|>\nb<|assistant|>\n«two<|user|>»",
    ]
    whole = [first + "«one<|user|>»\nb<|assistant|>\n«two<|user|>»"]
    expected = per_turn if layout == "per_turn" else whole
    assert shown("header_is_stop", samples) == expected


@every_layout
def test_the_header_of_a_result_ends_a_tool_call(
    expand: Expand, shown: Shown, layout: Layout
) -> None:
    """Behind a call the model emits the observation's header, and the user's behind an answer."""
    messages = [user("a"), call("f", arguments='{"x": 1}'), result("r"), answer("z"), user("b")]
    samples = expand("header_is_stop", messages, layout=layout)
    first = "<|start|><|user|>\na<|assistant|>\n"
    made = '<|call|>f\n{"x": 1}<|observation|>'
    per_turn = [
        first + f"«{made}»",
        first + made + "\nr<|assistant|>\n«z<|user|>»",
    ]
    whole = first + f"«{made}»\nr<|assistant|>\n«z<|user|>»"
    expected = {"per_turn": per_turn, "merged": [whole], "conversation": [whole + "\nb"]}
    assert shown("header_is_stop", samples) == expected[layout]


def test_the_headers_that_end_turns_are_the_stop_tokens(folders: dict[str, Path]) -> None:
    """Both are found by looking at what the template writes."""
    renderer = everyturn.Renderer.from_dir(folders["header_is_stop"])
    tokenizer = Tokenizer.from_file(str(folders["header_is_stop"] / TOKENIZER))
    expected = {tokenizer.token_to_id(text) for text in ("<|user|>", "<|observation|>")}
    assert set(renderer.stop_token_ids) == expected


# --------------------------------------------------------------------------------------------
# Control tokens in text
# --------------------------------------------------------------------------------------------

SPIKED = [
    user("a <|im_end|> b <|im_end|>"),
    answer("one"),
    user("c"),
    answer("two</think>"),
]


@every_layout
def test_control_tokens_in_text_are_counted(expand: Expand, layout: Layout) -> None:
    """Each place is counted under its token, and the conversation once; no row changes."""
    samples = expand("demo", SPIKED, layout=layout, control_tokens="warn")
    assert samples.report.control_tokens == {"<|im_end|>": 2, "</think>": 1}
    assert samples.report.warnings["control_tokens"] == 1
    allowed = expand("demo", SPIKED, layout=layout, control_tokens="allow")
    assert allowed.report.control_tokens == {}
    assert "control_tokens" not in allowed.report.warnings
    assert samples.input_ids.tolist() == allowed.input_ids.tolist()
    assert samples.labels.tolist() == allowed.labels.tolist()


def test_what_the_template_writes_is_no_control_token_in_text(expand: Expand) -> None:
    """Headers, thinking and tool calls of the template are not counted."""
    report = expand("demo", THOUGHTFUL, control_tokens="warn").report
    assert (report.control_tokens, report.warnings) == ({}, {})


@every_layout
def test_control_tokens_in_text_can_be_refused(expand: Expand, layout: Layout) -> None:
    """The error names the first message that holds one, and the token."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("demo", SPIKED, layout=layout, control_tokens="reject")
    assert (caught.value.kind, caught.value.message_index) == ("control_token", 0)
    assert "<|im_end|>" in str(caught.value)
    rest = [user("a"), answer("one"), *SPIKED[2:]]
    with pytest.raises(everyturn.ConversationError) as caught:
        expand("demo", rest, layout=layout, control_tokens="reject")
    assert caught.value.message_index == 3


@pytest.mark.parametrize(
    "record",
    [
        {"messages": TWO_TURNS, "tools": [{"type": "function", "function": {"name": "<think>"}}]},
        {"messages": [user("a"), call("f", arguments={"x": ["<think>"]})]},
        {"messages": [user("a"), call("f", arguments={"<think>": 1})]},
        {"messages": [user("a"), answer("one", reasoning_content="<think>")]},
        {"messages": [user("a"), answer("one"), {**result("t"), "name": "<think>"}]},
    ],
    ids=["tools", "argument", "key of an argument", "reasoning", "name"],
)
def test_control_tokens_are_found_wherever_text_comes_from(record: Record) -> None:
    """Tools, arguments and thoughts were written by somebody, too."""
    lines = to_jsonl([record])
    report = everyturn.Expander("demo").expand(lines).report
    assert report.control_tokens == {"<think>": 1}
    with pytest.raises(everyturn.ConversationError, match="<think>"):
        everyturn.Expander("demo", control_tokens="reject").expand(lines)
    skipping = everyturn.Expander("demo", control_tokens="reject", on_error="skip")
    report = skipping.expand(lines + to_jsonl([{"messages": TWO_TURNS}])).report
    assert report.records_dropped == {"control_token": 1}
    assert report.records_kept == 1
