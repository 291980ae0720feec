"""Trees to batches.

In: items of samples, or packs, of the layout ``tree``. Out: a dict that an unmodified causal model of transformers
takes as keyword arguments: its loss is that of each target in a row of its own.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from everyturn.exceptions import OptionsError
from everyturn.options import check_choice, check_count
from everyturn.samples.columns import DEFAULTS, WEIGHTS
from everyturn.samples.packing import PackedRow
from everyturn.samples.padding import check_token_id, padded_length, padding_of
from everyturn.torch import tree_masks
from everyturn.torch.items import Item

TreeAttention: TypeAlias = Literal["sdpa", "flex", "flash_mask", "ranges"]

_COLUMNS = ("input_ids", "position_ids", "labels", "shift_labels")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TreeCollator:
    """Makes batches of trees: ``model(**batch)`` gives the mean loss over the trained tokens, each after its own path.

    The batch has ``input_ids``, ``position_ids`` (the depth in the tree), ``labels`` and ``shift_labels``, int64[B, L];
    ``loss_weights`` float32[B, L], at the predicting positions, where an item has them (models of transformers do not
    look at them); and what attention needs:

    - ``sdpa``: ``attention_mask`` bool[B, 1, L, L], for ``attn_implementation="sdpa"`` (``"eager"`` adds masks up and
      does not take this one);
    - ``flex``: ``attention_mask``, a ``BlockMask``, for ``attn_implementation="flex_attention"``;
    - ``flash_mask``: ``startend_row_indices`` int32[B, 1, L, 1], for a causal FlashMask;
    - ``ranges``: ``q_ranges`` and ``k_ranges`` int32[R, 2] and ``is_causal`` bool[R], for kernels that take ranges
      of queries and keys, such as MagiAttention; the items are side by side in one row, B is 1.

    >>> from everyturn import Expander
    >>> from everyturn.torch import SampleDataset
    >>> chat = {
    ...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    ... }
    >>> items = SampleDataset(Expander("demo", layout="tree").expand([chat]))
    >>> batch = TreeCollator(pad_token_id=0)([items[0]])
    >>> batch["attention_mask"].dtype, batch["attention_mask"].ndim
    (torch.bool, 4)

    Attributes:
        pad_token_id: The padding of ``input_ids``. What is added sees itself alone and is not trained.
        attention: What the batch has for attention.
        multiple_of: The length is a multiple of this.
        block: Tokens of a block of FlexAttention.
    """

    pad_token_id: int
    attention: TreeAttention = "sdpa"
    multiple_of: int = 1
    block: int = tree_masks.BLOCK

    def __post_init__(self) -> None:
        check_token_id("pad_token_id", self.pad_token_id)
        check_choice("attention", self.attention, TreeAttention)
        check_count("multiple_of", self.multiple_of)
        check_count("block", self.block)

    def __call__(self, items: Sequence[Item | PackedRow | Mapping[str, Any]]) -> dict[str, Any]:
        """Return the batch.

        Args:
            items: Items of `SampleDataset` or `StreamDataset`, rows of `Samples.pack`, or rows of a Parquet file.

        Raises:
            OptionsError: An item is not of the layout ``tree``.
        """
        rows = [_columns_of(item) for item in items]
        if self.attention == "ranges":
            rows = [_side_by_side(rows)]
        lengths = np.array([len(row["input_ids"]) for row in rows])
        length = padded_length(lengths, multiple_of=self.multiple_of, max_length=None)
        ends = torch.arange(1, length + 1).repeat(len(rows), 1)
        for end, row in zip(ends, rows, strict=True):
            end[: len(row["subtree_end"])] = row["subtree_end"]
        padding = padding_of(self.pad_token_id)
        batch: dict[str, Any] = {
            name: _padded([row[name] for row in rows], length, padding.get(name, 0))
            for name in _COLUMNS
        }
        weights = _weights_of(rows)
        if weights is not None:
            batch[WEIGHTS] = _padded(weights, length, 0)
        return {**batch, **self._for_attention(ends)}

    def _for_attention(self, ends: torch.Tensor) -> dict[str, Any]:
        match self.attention:
            case "sdpa":
                return {"attention_mask": tree_masks.dense_mask(ends)}
            case "flex":
                return {"attention_mask": tree_masks.block_mask(ends, block=self.block)}
            case "flash_mask":
                return {"startend_row_indices": tree_masks.flash_mask(ends)}
            case "ranges":
                found = tree_masks.ranges(ends[0])
                return {
                    field.name: getattr(found, field.name) for field in dataclasses.fields(found)
                }


def _columns_of(item: Any) -> dict[str, torch.Tensor]:
    """Return the columns of tokens as tensors, int64, and the weights, where there are any, float32."""
    names = (*_COLUMNS, "subtree_end", WEIGHTS)
    given = item if isinstance(item, Mapping) else {name: getattr(item, name) for name in names}
    columns = {}
    for name in (*_COLUMNS, "subtree_end"):
        values = given.get(name)
        if values is None:
            raise OptionsError(
                f'an item has no {name}: TreeCollator takes samples of layout="tree"'
                " with all of their columns"
            )
        columns[name] = torch.as_tensor(values, dtype=torch.int64)
    if given.get(WEIGHTS) is not None:
        columns[WEIGHTS] = torch.as_tensor(given[WEIGHTS], dtype=torch.float32)
    return columns


def _side_by_side(rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Put trees into one row; they do not see each other."""
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    starts = lengths.cumsum(0) - lengths
    ends = [row["subtree_end"] + start for row, start in zip(rows, starts, strict=True)]
    joined = {name: torch.cat([row[name] for row in rows]) for name in _COLUMNS}
    weights = _weights_of(rows)
    if weights is not None:
        joined[WEIGHTS] = torch.cat(weights)
    return {**joined, "subtree_end": torch.cat(ends)}


def _weights_of(rows: Sequence[dict[str, torch.Tensor]]) -> list[torch.Tensor] | None:
    """Return the weights of all rows if one has them: those of the others are 1 where a token is predicted."""
    if not any(WEIGHTS in row for row in rows):
        return None
    return [
        row[WEIGHTS]
        if WEIGHTS in row
        else torch.from_numpy(DEFAULTS[WEIGHTS](row["shift_labels"].numpy()))
        for row in rows
    ]


def _padded(values: Sequence[torch.Tensor], length: int, padding: int) -> torch.Tensor:
    """Return rows of one length, padded on the right: what is added comes after every subtree."""
    padded = values[0].new_full((len(values), length), padding)
    for row, one in zip(padded, values, strict=True):
        row[: len(one)] = one
    return padded
