"""What becomes of targets that are too long, and of prompts that do not fit or are none."""

from pathlib import Path

import pytest

import everyturn
from chats import THOUGHTFUL, THREE_TURNS, TWO_TURNS, answer, user
from everyturn.options import Layout
from layouts import (
    Expand,
    Shown,
    chatml,
    every_exact_layout,
    every_layout,
    reference_rows,
    targets_of,
)
from reference import (
    Message,
    samples_of,
)

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
    """A sample may have exactly the limit's length; what comes after a stop does not count."""
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
