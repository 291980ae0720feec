"""Weights by row or by conversation, whatever the number of targets."""

from typing import Any

import numpy as np
import pytest

import everyturn
from chats import talk, to_jsonl
from reference import (
    IGNORE_INDEX,
    samples_of,
)


def expand(records: list[Any], **options: Any) -> everyturn.Samples:
    """Expand with the built-in model."""
    return everyturn.Expander("demo", **options).expand(to_jsonl(records))


# --------------------------------------------------------------------------------------------
# Weights
# --------------------------------------------------------------------------------------------


def weighted() -> list[Any]:
    """Conversations of different lengths, one with its own weights."""
    half = talk(2)
    for message in half["messages"]:
        message["weight"] = 0.5
    return [talk(1), talk(4, words=3), half]


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_rows_or_conversations_weigh_alike(layout: Any) -> None:
    """The weights of a row, or of all rows of a conversation, add up to what its record says."""
    by_row = expand(weighted(), layout=layout, normalize="sample")
    assert by_row.loss_weights is not None
    for row in by_row:
        assert row.loss_weights is not None
        assert row.loss_weights.sum() == pytest.approx(0.5 if row.line == 3 else 1.0, rel=1e-5)
        assert set(np.unique(row.loss_weights[row.labels == IGNORE_INDEX])) <= {0.0}
    by_conversation = expand(weighted(), layout=layout, normalize="conversation")
    assert by_conversation.loss_weights is not None
    lines = np.repeat(by_conversation.line, by_conversation.lengths)
    for line, total in ((1, 1.0), (2, 1.0), (3, 0.5)):
        share = by_conversation.loss_weights[lines == line].sum()
        assert share == pytest.approx(total, rel=1e-5)
    assert np.array_equal(by_row.labels, expand(weighted(), layout=layout).labels)


def test_conversations_weigh_alike_in_every_layout() -> None:
    """Weights by conversation are those of the pairs, however they are arranged."""
    apart = samples_of(expand(weighted(), layout="per_turn", normalize="conversation"))
    assert apart == samples_of(expand(weighted(), layout="merged", normalize="conversation"))
