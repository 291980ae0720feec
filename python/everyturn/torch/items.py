"""One sample as a dict of tensors: what datasets give and collators take."""

from typing import Any, TypedDict, cast

import torch

from everyturn.samples import Sample
from everyturn.samples.columns import COLUMNS, RUN_COLUMNS, for_models


class _EveryItem(TypedDict):
    input_ids: torch.Tensor
    labels: torch.Tensor
    conversation_id: str
    line: int
    targets: list[int]
    depth_from_end: torch.Tensor


class Item(_EveryItem, total=False):
    """One sample.

    Attributes:
        input_ids: int64[T].
        labels: int64[T], -100 where not trained; unshifted.
        conversation_id: 32 hex digits.
        line: The 1-based line of the input.
        targets: The 0-based indices of the messages that are trained.
        depth_from_end: int64[M], how many targets of the conversation come after each.
        loss_weights: float32[T]; absent where all weights of the samples are 0 or 1.
        position_ids: int64[T], the depth of each token; absent but in the layout ``tree``, as the next two.
        subtree_end: int64[T], where what follows each token ends.
        shift_labels: int64[T], the id that the position predicts where that is trained, else -100.
        run_lengths: int64[R], the tokens of each run that the same wrote; absent but with ``provenance``, as the next
            three, see `everyturn.samples.Samples`.
        run_kinds: uint8[R].
        run_messages: int64[R].
        run_answers: bool[R].

    What is kept of the records stands under its own keys, as the values that JSON has; collators leave it out.
    """

    loss_weights: torch.Tensor
    position_ids: torch.Tensor
    subtree_end: torch.Tensor
    shift_labels: torch.Tensor
    run_lengths: torch.Tensor
    run_kinds: torch.Tensor
    run_messages: torch.Tensor
    run_answers: torch.Tensor


_TENSORS = tuple(
    (column.name, for_models(column))
    for column in COLUMNS
    if column.per != "row" and column.name != "targets"
)
"""What becomes a tensor, and of which type."""

_RUNS = frozenset(column.name for column in RUN_COLUMNS)
"""There is at least one run, or nobody asked what wrote the tokens."""


def to_item(sample: Sample) -> Item:
    """Return the sample as an item of tensors, which are copies."""
    item: dict[str, Any] = {
        **sample.kept,
        "conversation_id": sample.conversation_id,
        "line": sample.line,
    }
    for name, dtype in _TENSORS:
        array = getattr(sample, name)
        if array is not None and not (name in _RUNS and not array.size):
            item[name] = torch.from_numpy(array.astype(dtype))
    item["targets"] = sample.targets.tolist()
    return cast("Item", item)
