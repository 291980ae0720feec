"""One sample as a dict of tensors: what datasets give and collators take."""

from typing import TypedDict

import numpy as np
import torch

from everyturn.samples import Sample


class _EveryItem(TypedDict):
    input_ids: torch.Tensor
    labels: torch.Tensor
    conversation_id: str
    line: int
    targets: list[int]


class Item(_EveryItem, total=False):
    """One sample.

    Attributes:
        input_ids: int64[T].
        labels: int64[T], -100 where not trained; unshifted.
        conversation_id: 32 hex digits.
        line: The 1-based line of the input.
        targets: The 0-based indices of the messages that are trained.
        loss_weights: float32[T]; absent where all weights of the samples are 0 or 1.
    """

    loss_weights: torch.Tensor


def to_item(sample: Sample) -> Item:
    """Return the sample with tensors of its own."""
    item: Item = {
        "input_ids": torch.from_numpy(sample.input_ids.astype(np.int64)),
        "labels": torch.from_numpy(sample.labels.astype(np.int64)),
        "conversation_id": sample.conversation_id,
        "line": sample.line,
        "targets": sample.targets.tolist(),
    }
    if sample.loss_weights is not None:
        item["loss_weights"] = torch.from_numpy(sample.loss_weights.copy())
    return item
