"""Rule: a prompt with a window is what a server with that window sends, rendered anew for each target.

The reference goes through the exchanges of a conversation one by one: it leaves out the oldest, renders what is left
with transformers, counts the tokens, and repeats until they fit.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from as_template import template_renderer
from chats import talk, to_jsonl
from reference import (
    IGNORE_INDEX,
    Conversation,
    Message,
    ReferenceModel,
    Result,
    Target,
    assert_same_samples,
    conversations_of,
    expected_samples,
    read_lines,
    samples_of,
    targets,
)

PINNED = {"system", "developer"}


# --------------------------------------------------------------------------------------------
# The reference
# --------------------------------------------------------------------------------------------


def exchange_starts(messages: Sequence[Message]) -> list[int]:
    """Where exchanges start: at the first user message after an answer, unless a result of a tool comes next."""
    said = [(place, m["role"]) for place, m in enumerate(messages) if m["role"] not in PINNED]
    starts = []
    for number, (place, role) in enumerate(said):
        is_first = number == 0
        after_answer = not is_first and said[number - 1][1] != "user"
        following = [later for _, later in said[number:] if later != "user"]
        before_result = following[:1] == ["tool"]
        if is_first or (role == "user" and after_answer and not before_result):
            starts.append(place)
    return starts


def without_oldest(messages: Sequence[Message], dropped: int, until: int) -> list[int]:
    """What is left of the first messages; system messages stay."""
    starts = [start for start in exchange_starts(messages) if start < until]
    first = starts[dropped] if dropped else 0
    return [place for place in range(until) if place >= first or messages[place]["role"] in PINNED]


@dataclasses.dataclass(frozen=True)
class Window:
    """The options of a window."""

    history_turns: int | None = None
    max_prompt_tokens: int | None = None
    #: With ``overflow="shrink_history"``.
    max_length: int | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of the product."""
        overflow = "error" if self.max_length is None else "shrink_history"
        return {**dataclasses.asdict(self), "overflow": overflow}

    def fits(self, result: Result) -> bool:
        """Whether prompt and sample are short enough."""
        if result.fault is not None:
            return False
        length = len(result.prompt_ids) + len(result.completion_ids)
        return len(result.prompt_ids) <= (self.max_prompt_tokens or 10**9) and length <= (
            self.max_length or 10**9
        )

    def expect(
        self, model: ReferenceModel, conversation: Conversation, line: int, target: Target
    ) -> Result | None:
        """Return the target with the most history that fits; None if none does."""
        index = target.message_index
        before = len([start for start in exchange_starts(conversation.messages) if start < index])
        least = 0 if self.history_turns is None else max(0, before - self.history_turns)
        for dropped in range(least, max(before, least + 1)):
            kept = [*without_oldest(conversation.messages, dropped, index), index]
            shown = dataclasses.replace(
                conversation, messages=[conversation.messages[place] for place in kept]
            )
            result = model.expect(shown, line, Target(len(kept) - 1, target.weight))
            if self.fits(result):
                return dataclasses.replace(result, message_index=index)
            if result.fault is not None and dropped == least:
                # A fault of the first try does not depend on length.
                return None
        return None


# --------------------------------------------------------------------------------------------
# Parity
# --------------------------------------------------------------------------------------------

WINDOWS = [
    Window(history_turns=1),
    Window(history_turns=3),
    Window(max_prompt_tokens=300),
    Window(max_length=400),
    Window(history_turns=4, max_prompt_tokens=350, max_length=380),
]
CHATS = {
    "sgd_train.jsonl.gz": 6,
    "mt_bench_more_en_ja_zh_ru.jsonl.gz": 5,
    "tau_bench_gpt4o_airline.jsonl.gz": 2,
    "oasst_en_100_trees_threads.jsonl.gz": 10,
    "tinker_cookbook_conversations.jsonl": 10,
}


@pytest.mark.parametrize("chats", CHATS)
@pytest.mark.parametrize("name", ["qwen3", "llama-3.1", "minimind"])
def test_targets_see_what_a_server_with_that_window_sends(
    name: str, chats: str, data: Path, tokenizer_folder: Callable[[str], Path]
) -> None:
    """Prompts and completions are those of the slow reference, and what does not fit is a fault."""
    folder = tokenizer_folder(name)
    renderer, model = template_renderer(folder), ReferenceModel(folder)
    lines = [line for _, line in read_lines(data / "chats" / chats)]
    lines = sorted(lines, key=len)[len(lines) // 3 :][: CHATS[chats]]
    conversations, _ = conversations_of(lines, parts_as_list=model.prints_text_parts())
    for window in WINDOWS:
        results = [
            window.expect(model, model.adapted(conversation), line, target)
            for line, conversation in conversations.items()
            for target in targets(model.adapted(conversation))
        ]
        expected = expected_samples(result for result in results if result is not None)
        for layout in ("per_turn", "merged"):
            expander = everyturn.Expander(
                renderer, layout=layout, on_error="skip", control_tokens="allow", **window.options()
            )
            samples = expander.expand(b"\n".join(lines))
            assert_same_samples(samples_of(samples), expected)
            assert samples.report.targets_found == len(results)


@pytest.mark.parametrize("name", ["qwen3", "llama-3.1"])
def test_the_serving_side_sends_what_was_trained(
    name: str, data: Path, tokenizer_folder: Callable[[str], Path]
) -> None:
    """`window` leaves of the messages before an answer what the answer's prompt was made of."""
    renderer = template_renderer(tokenizer_folder(name))
    lines = [line for _, line in read_lines(data / "chats" / "sgd_train.jsonl.gz")][:8]
    for history_turns, max_prompt_tokens in [(2, None), (None, 250), (4, 200)]:
        samples = everyturn.Expander(
            renderer,
            layout="per_turn",
            history_turns=history_turns,
            max_prompt_tokens=max_prompt_tokens,
        ).expand(b"\n".join(lines))
        for sample in samples:
            record = json.loads(lines[sample.line - 1])
            sent = everyturn.window(
                record["messages"][: sample.targets[0]],
                history_turns=history_turns,
                max_prompt_tokens=max_prompt_tokens,
                renderer=renderer,
                tools=record.get("tools"),
            )
            text = renderer.render(sent, tools=record.get("tools"), add_generation_prompt=True)
            prompt = sample.input_ids[sample.labels == IGNORE_INDEX]
            assert np.array_equal(prompt, renderer.encode(text))


# --------------------------------------------------------------------------------------------
# Which messages
# --------------------------------------------------------------------------------------------

ROLES = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool"}


def chat(roles: str) -> list[Message]:
    """Messages whose contents are their indices."""
    return [{"role": ROLES[role], "content": f"m{place}"} for place, role in enumerate(roles)]


def kept_by(messages: list[Message], history_turns: int) -> str:
    """The indices that are left."""
    left = everyturn.window(messages, history_turns=history_turns)
    return " ".join(message["content"][1:] for message in left)


@pytest.mark.parametrize(
    ("roles", "history_turns", "kept"),
    [
        ("suauau", 1, "0 5"),
        ("suauau", 2, "0 3 4 5"),
        ("suauau", 9, "0 1 2 3 4 5"),
        ("suatatauatat", 1, "0 7 8 9 10 11"),
        ("uuauu", 1, "3 4"),
        ("uasuadu", 1, "2 5 6"),
        ("auau", 2, "1 2 3"),
        ("auau", 3, "0 1 2 3"),
        ("uauta", 1, "0 1 2 3 4"),
        ("s", 1, "0"),
        ("", 1, ""),
    ],
)
def test_whole_exchanges_are_left_out(roles: str, history_turns: int, kept: str) -> None:
    """System and developer messages stay, tool results stay with their calls."""
    assert kept_by(chat(roles), history_turns) == kept


@given(st.text(alphabet="suatd", max_size=12), st.integers(1, 5))
def test_windows_are_those_of_the_reference(roles: str, history_turns: int) -> None:
    """Any order of roles, sensible or not."""
    messages = chat(roles)
    before = len(exchange_starts(messages))
    dropped = max(0, before - history_turns)
    expected = " ".join(map(str, without_oldest(messages, dropped, len(messages))))
    assert kept_by(messages, history_turns) == expected


def test_the_last_exchange_has_to_fit() -> None:
    """There is nothing left that could be left out."""
    renderer = template_renderer("demo")
    messages = [*chat("sua"), {"role": "user", "content": "long " * 200}]
    with pytest.raises(everyturn.SampleError, match="more than max_prompt_tokens") as caught:
        everyturn.window(messages, max_prompt_tokens=100, renderer=renderer)
    assert caught.value.kind == "too_long"
    with pytest.raises(everyturn.OptionsError, match="needs a renderer"):
        everyturn.window(messages, max_prompt_tokens=100)
    with pytest.raises(everyturn.OptionsError, match="history_turns"):
        everyturn.window(messages, history_turns=0)


# --------------------------------------------------------------------------------------------
# Overflow, counts
# --------------------------------------------------------------------------------------------


def expand(records: list[Any], **options: Any) -> everyturn.Samples:
    """Expand with the built-in model."""
    return everyturn.Expander("demo", **options).expand(to_jsonl(records))


def completions(samples: everyturn.Samples) -> Counter[tuple[int, tuple[int, ...]]]:
    """What is trained: line and ids."""
    return Counter({(line, ids): n for (line, _, ids, _), n in samples_of(samples).items()})


@pytest.mark.parametrize("layout", ["per_turn", "merged"])
@pytest.mark.parametrize("overflow", ["shrink_history", "truncate_prompt"])
def test_every_target_is_trained_once_and_whole(layout: Any, overflow: Any) -> None:
    """Whatever a prompt loses, its target loses nothing, and no row is too long."""
    whole = expand([talk(12)], layout=layout)
    samples = expand([talk(12)], layout=layout, overflow=overflow, max_length=200)
    assert completions(samples) == completions(whole)
    assert samples.lengths.max() <= 200 < whole.lengths.max()
    report = samples.report
    shortened = {"shrink_history": "history_shrunk", "truncate_prompt": "prompt_truncated"}
    rows = expand([talk(12)], layout="per_turn")
    assert report.warnings[shortened[overflow]] == int((rows.lengths > 200).sum())
    assert report.targets_trained == report.targets_found == 12


def test_a_truncated_prompt_is_the_end_of_the_whole_one() -> None:
    """The prompt's first tokens go, and nothing else."""
    whole = expand([talk(9)], layout="per_turn")
    cut = expand([talk(9)], layout="per_turn", overflow="truncate_prompt", max_length=150)
    for long, short in zip(whole, cut, strict=True):
        assert np.array_equal(short.input_ids, long.input_ids[-150:])
        assert np.array_equal(short.labels, long.labels[-150:])
    limit = expand([talk(9)], layout="per_turn", overflow="truncate_prompt", max_prompt_tokens=20)
    for long, short in zip(whole, limit, strict=True):
        assert (short.labels == IGNORE_INDEX).sum() == min(20, (long.labels == IGNORE_INDEX).sum())
        assert np.array_equal(short.trained_ids, long.trained_ids)


def test_rows_with_a_window_still_merge() -> None:
    """In one exchange with calls of tools the window stays: its targets share a row."""
    call = {"type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = talk(4)["messages"]
    for step in range(5):
        messages.append({"role": "assistant", "content": f"step {step}", "tool_calls": [call]})
        messages.append({"role": "tool", "content": f"result {step}"})
    messages[-10:-10] = [{"role": "user", "content": "Do it."}]
    record = {"messages": messages}
    merged = expand([record], history_turns=2)
    apart = expand([record], history_turns=2, layout="per_turn")
    assert samples_of(merged) == samples_of(apart)
    assert [row.targets.tolist() for row in merged][-1] == [10, 12, 14, 16, 18]


@pytest.mark.parametrize("overflow", ["error", "drop", "shrink_history", "truncate_prompt"])
def test_a_target_that_cannot_fit_is_a_fault(overflow: Any) -> None:
    """A target is never cut: it is dropped by name where that is asked for, else the run ends."""
    record = talk(2, words=100)
    if overflow == "drop":
        samples = expand([record], overflow=overflow, max_length=60)
        assert samples.report.targets_dropped == {"too_long": 2}
        return
    with pytest.raises(everyturn.SampleError, match="more than max_length") as caught:
        expand([record], overflow=overflow, max_length=60)
    assert (caught.value.kind, caught.value.line, caught.value.message_index) == ("too_long", 1, 2)


def test_a_prompt_that_cannot_fit_is_a_fault() -> None:
    """The exchange that is answered stays whole."""
    with pytest.raises(everyturn.SampleError, match="even without earlier exchanges, more than"):
        expand([talk(3, words=100)], max_prompt_tokens=60)
    samples = expand([talk(3, words=100)], max_prompt_tokens=60, overflow="drop")
    assert samples.report.targets_dropped == {"too_long": 3}


@pytest.mark.parametrize(
    "options",
    [
        {"history_turns": 2},
        {"max_prompt_tokens": 9},
        {"overflow": "shrink_history"},
        {"overflow": "truncate_prompt"},
    ],
    ids=str,
)
@pytest.mark.parametrize("whole", [{"layout": "conversation"}, {"train_on": "all_tokens"}], ids=str)
def test_one_rendering_has_no_window(options: dict[str, Any], whole: dict[str, Any]) -> None:
    """Where the conversation is rendered once there is no prompt to shorten: that is said, not ignored."""
    with pytest.raises(everyturn.OptionsError, match="made target by target"):
        everyturn.Expander("demo", **options, **whole)


def test_keys_that_some_window_reads_are_read() -> None:
    """The report names the keys that no rendering has looked at, each message once."""
    record = talk(5)
    for message in record["messages"]:
        message["mood"] = "fine"
    for options in ({}, {"history_turns": 1}, {"max_prompt_tokens": 80}):
        report = expand([record], **options).report
        assert report.unread_keys == {"mood": 11}
