"""The rows of samples as the columns of a Parquet file, and the chats that make them."""

from typing import Any

import everyturn
from chats import named_chat

Row = dict[str, Any]

#: Two targets, one, three: as many rows in the layout `per_turn`.
CHATS = [named_chat("Ada", 2), named_chat("Bob", 1), named_chat("Zoë", 3)]
WEIGHTED = [named_chat("Eve", 1, weight=0.5), named_chat("Kim", 2)]


def columns_of(sample: everyturn.Sample, *, with_weights: bool = False) -> Row:
    """The row of a Parquet file that a sample has to be."""
    row: Row = {
        "input_ids": sample.input_ids.tolist(),
        "labels": sample.labels.tolist(),
        "length": len(sample.input_ids),
        "n_trained": sum(label != -100 for label in sample.labels.tolist()),
        "conversation_id": sample.conversation_id,
        "file": sample.file,
        "line": sample.line,
        "targets": sample.targets.tolist(),
        "depth_from_end": sample.depth_from_end.tolist(),
    }
    if with_weights:
        weights = sample.loss_weights
        row["loss_weights"] = (
            [float(label != -100) for label in row["labels"]]
            if weights is None
            else weights.tolist()
        )
    return row


def rows_of(samples: everyturn.Samples, *, with_weights: bool = False) -> list[Row]:
    """All rows of some samples."""
    return [columns_of(sample, with_weights=with_weights) for sample in samples]
