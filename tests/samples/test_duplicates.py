"""Conversations that occur more than once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, named_chat, talk, to_jsonl


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """A row for each target: several rows a conversation."""
    return everyturn.Expander("demo", layout="per_turn")


# --------------------------------------------------------------------------------------------
# Duplicates
# --------------------------------------------------------------------------------------------


def names_of(samples: everyturn.Samples) -> list[tuple[int, list[int]]]:
    """Line and targets of each row."""
    return [(row.line, row.targets.tolist()) for row in samples]


def check_account(report: everyturn.Report, samples: everyturn.Samples) -> None:
    """Every record and every target is accounted for, and counts are those of the rows."""
    assert report.records_read == report.records_kept + sum(report.records_dropped.values())
    assert report.targets_found == report.targets_trained + sum(report.targets_dropped.values())
    assert report.rows == len(samples)
    assert report.tokens == len(samples.input_ids)
    assert report.trained_tokens == int((samples.labels != -100).sum())
    assert report.targets_trained == len(samples.targets)


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_the_first_of_equal_conversations_is_kept(layout: Any) -> None:
    """All rows of the copies go, and the report counts them as duplicates."""
    records = [
        named_chat("Ada", 3),
        named_chat("Bob"),
        named_chat("Ada", 3),
        named_chat("Zoë"),
        named_chat("Ada", 3),
    ]
    samples = everyturn.Expander("demo", layout=layout).expand(to_jsonl(records))
    kept = samples.deduplicate()
    assert names_of(kept) == [name for name in names_of(samples) if name[0] in {1, 2, 4}]
    assert samples.duplicates == 2
    assert kept.duplicates == 0
    assert kept.report.records_dropped == {"duplicate": 2}
    assert kept.report.targets_dropped == {"duplicate": 6}
    check_account(kept.report, kept)


def test_rows_that_train_no_message_are_deduplicated_too() -> None:
    """Where all tokens are trained, a conversation is a row."""
    records = [named_chat("Ada"), named_chat("Bob"), named_chat("Ada")]
    samples = everyturn.Expander("demo", train_on="all_tokens").expand(to_jsonl(records))
    assert samples.duplicates == 1
    assert samples.deduplicate().line.tolist() == [1, 2]


def test_the_same_expansion_twice_is_itself_once(expander: everyturn.Expander) -> None:
    """Copies are recognized wherever they come from."""
    once = expander.expand(to_jsonl([named_chat("Ada", 3), named_chat("Bob")]))
    twice = everyturn.Samples.concatenate([once, once])
    kept = twice.deduplicate()
    assert twice.duplicates == 2
    assert names_of(kept) == names_of(once)
    check_account(kept.report, kept)


def test_a_conversation_with_more_turns_is_no_copy(expander: everyturn.Expander) -> None:
    """One turn more is another conversation, and nothing is left out."""
    records: Sequence[Record] = [named_chat("Ada", 1), named_chat("Ada", 2)]
    samples = expander.expand(to_jsonl(records))
    assert samples.duplicates == 0
    assert samples.deduplicate() is samples
    empty = expander.expand(b"")
    assert empty.deduplicate() is empty


@pytest.mark.parametrize("layout", ["per_turn", "merged"])
def test_a_copy_that_trains_something_else_is_a_copy(layout: Any) -> None:
    """What is rendered decides; what the first record trains holds, on the way as well as afterwards."""
    first, other = named_chat("Ada", 3), named_chat("Ada", 3)
    first["messages"][3]["weight"] = first["messages"][5]["weight"] = 0
    other["messages"][1]["weight"] = 0
    source = to_jsonl([first, other, named_chat("Bob"), {**first, "id": 7}])
    samples = everyturn.Expander("demo", layout=layout).expand(source)
    streamed = everyturn.Expander("demo", layout=layout, deduplicate=True).expand(source)
    kept = samples.deduplicate()
    assert samples.duplicates == 2
    assert names_of(kept) == names_of(streamed)
    assert kept.report == streamed.report
    assert set(kept.line.tolist()) == {1, 3}


@given(
    st.lists(st.integers(0, 4), max_size=12),
    st.sampled_from([1, 100, 1 << 20]),
    st.integers(1, 3),
)
def test_copies_are_left_out_on_the_way(
    which: list[int], chunk_bytes: int, num_threads: int
) -> None:
    """It is what `Samples.deduplicate` leaves, whatever the chunks and threads."""
    renderer = everyturn.Renderer.from_dir("demo")
    source = to_jsonl([talk(1 + number) for number in which])
    options: dict[str, Any] = {"history_turns": 1, "num_threads": num_threads}
    streamed = everyturn.Expander(renderer, deduplicate=True, **options)
    parts = [*streamed.stream(source, chunk_bytes=chunk_bytes), streamed.empty()]
    samples = everyturn.Samples.concatenate(parts)
    expected = everyturn.Expander(renderer, **options).expand(source).deduplicate()
    assert np.array_equal(samples.input_ids, expected.input_ids)
    assert np.array_equal(samples.line, expected.line)
    assert samples.report == expected.report
