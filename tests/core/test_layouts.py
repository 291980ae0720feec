"""In which rows targets are trained: the layouts, and the training of every token."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import ASKED_LAST, THOUGHTFUL, THREE_TURNS, TWO_TURNS, answer, to_jsonl, user
from everyturn.options import Layout
from layouts import Expand, Shown, chatml, every_layout, reference_rows, targets_of
from reference import (
    Message,
    ReferenceModel,
    Row,
    merged,
    normalise,
    rows_by_line,
    samples_of,
)

#: Templates that render every turn alike, whatever follows it.
STABLE = ("chatml", "eos_only_at_end", "generation_tags", "llama_like", "parts")


# --------------------------------------------------------------------------------------------
# Layouts
# --------------------------------------------------------------------------------------------


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
        # What was thought is rendered only after the last user: a row for each user turn.
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
    """The tool call and the answer after it are in one sample, as history has not changed."""
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
    after = len(row.ids) - len(merged_row.ids)
    assert row.ids[: len(merged_row.ids)] == merged_row.ids
    assert row.labels == merged_row.labels + (-100,) * after
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
    # The two after the last user have the history and the thoughts that inference shows.
    assert samples.report.warnings["inexact_targets"] == 3
    assert samples.report.targets_trained == 5


def test_one_rendering_has_the_end_of_text_at_its_end(expand: Expand, shown: Shown) -> None:
    """What the template writes after the last turn is context, never a target."""
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


#: Only the header of the next message ends a turn, and of thinking only that of the last message is shown.
NEXT_HEADER = (
    "{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\\n' -}}"
    "{%- if loop.last and m.reasoning_content -%}{{- '<think>' ~ m.reasoning_content ~ '</think>' -}}"
    "{%- endif -%}{{- m.content -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
#: The same where each turn ends itself.
LAST_THOUGHT = NEXT_HEADER.replace("m.content -", "m.content ~ '<|im_end|>\\n' -")
THOUGHT_TWICE = [
    user("a"),
    answer("one", reasoning_content="so"),
    user("b"),
    answer("two", reasoning_content="hm"),
]


def rows_of_template(
    folder: Path, template: str, messages: list[Message], **options: Any
) -> everyturn.Samples:
    """Return the rows of one conversation of a model with another template, as transformers renders it."""
    renderer = everyturn.Renderer.from_dir(folder, chat_template=template, serve="transformers")
    return everyturn.Expander(renderer, **options).expand([{"messages": messages}])


@pytest.mark.parametrize("start", ["<|im_start|>", "\n## <|im_start|>"])
def test_an_inexact_target_ends_where_its_turn_does(
    folders: dict[str, Path], shown: Shown, start: str
) -> None:
    """Also where only a header ends turns, and after the last one there is none."""
    template = NEXT_HEADER.replace("<|im_start|>", start.replace("\n", "\\n"))
    samples = rows_of_template(folders["chatml"], template, THOUGHT_TWICE, layout="conversation")
    (row,) = shown("chatml", samples)
    first = f"{start}user\na{start}assistant\n«one{start}»"
    assert row == f"{first}user\nb{start}assistant\n«<think>hm</think>two{start}»"
    assert samples.report.warnings["inexact_targets"] == 1


def test_an_inexact_target_is_looked_for_in_what_is_rendered(
    folders: dict[str, Path], shown: Shown
) -> None:
    """The last message stays as it is there, with its thinking, while another is exchanged."""
    samples = rows_of_template(
        folders["chatml"], LAST_THOUGHT, THOUGHT_TWICE, layout="conversation"
    )
    assert shown("chatml", samples) == [
        chatml("user a", "assistant «one", "user b", "assistant «<think>hm</think>two")
    ]
    assert samples.report.warnings["inexact_targets"] == 1


def no_prompt_fits(told: str) -> str:
    """Return a template that writes this after each message but the last, and whose prompts are no prefixes."""
    return (
        "{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content -}}"
        f"{{%- if not loop.last -%}}{told}{{%- endif -%}}"
        "{{- '<|im_end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>' -}}{%- endif -%}"
    )


#: What was said two turns before.
ECHO = (
    "{%- if loop.index0 > 1 -%}{{- ' after ' ~ messages[loop.index0 - 2].content -}}{%- endif -%}"
)
#: How much this message and the next one say.
LENGTHS = "{{- ' ' ~ (m.content|length + loop.nextitem.content|length) -}}"


@pytest.mark.parametrize(
    ("told", "messages", "trained"),
    [(ECHO, THREE_TURNS, [3, 5]), (LENGTHS, [user("a"), answer("one"), answer("two")], [])],
)
def test_no_target_is_trained_on_what_is_another_messages(
    folders: dict[str, Path], told: str, messages: list[Message], trained: list[int]
) -> None:
    """Where exchanging a message changes words of another, or what another changes, its place is not known."""
    samples = rows_of_template(
        folders["chatml"],
        no_prompt_fits(told),
        messages,
        layout="conversation",
        on_error="skip",
    )
    assert targets_of(samples) == trained
    lost = samples.report.targets_found - len(trained)
    assert samples.report.targets_dropped == {"not_located": lost}


def test_all_tokens_leave_out_no_words_of_another_message(folders: dict[str, Path]) -> None:
    """A message without weight whose place would hold them is an error that says so."""
    messages = [user("a"), answer("one", weight=0), user("b"), answer("two"), user("c")]
    with pytest.raises(everyturn.SampleError, match="holds words of message") as caught:
        rows_of_template(folders["chatml"], no_prompt_fits(ECHO), messages, train_on="all_tokens")
    assert caught.value.kind == "not_located"


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
    renderer = template_renderer(folders["chatml"], chat_template=HIDES)
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
    """The text of a message of weight 0, and the stop of an answer, have no labels."""
    messages = [user("a", weight=0), answer("one", train=False), user("b"), answer("two")]
    samples = expand("chatml", messages, train_on="all_tokens")
    (row,) = shown("chatml", samples)
    first = "«<|im_start|>user\n»a«<|im_end|>\n<|im_start|>assistant\n»one<|im_end|>"
    assert row == first + "«\n" + chatml("user b", "assistant two") + "»"
    assert targets_of(samples) == [3]
    assert samples.loss_weights is None


@pytest.mark.parametrize("weightless", [0, 1, 2, 3])
def test_all_tokens_leave_out_one_message_where_headers_end_turns(
    folders: dict[str, Path], shown: Shown, weightless: int
) -> None:
    """What comes after a message without weight is trained, whichever it is."""
    messages = [dict(message) for message in TWO_TURNS]
    messages[weightless]["weight"] = 0
    samples = rows_of_template(folders["chatml"], NEXT_HEADER, messages, train_on="all_tokens")
    start = "<|im_start|>"
    turns = [f"{message['role']}\n{message['content']}{start}" for message in messages]
    words = messages[weightless]["content"]
    # The header that ends an answer is what the answer is stopped with.
    words += start * (weightless % 2)
    turns[weightless] = turns[weightless].replace(f"\n{words}", f"\n»{words}«")
    text = f"«{start}" + "".join(turns)
    # The last turn of the user would be followed by nothing.
    assert shown("chatml", samples) == [(text + "»").replace("«»", "")]


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
