"""Items to batches.

In: the items of a batch. Out: a dict of tensors that models of transformers take as keyword arguments. Both collators
give the same losses on the same items.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from everyturn.exceptions import OptionsError, SampleError
from everyturn.options import PaddingSide, check_choice, check_optional_count
from everyturn.samples.columns import DEFAULTS, NOT_TRAINED, TOKEN_COLUMNS
from everyturn.samples.padding import check_token_id, padded_length, padding_of
from everyturn.torch.items import Item


@dataclasses.dataclass(frozen=True, kw_only=True)
class PaddingCollator:
    """Pads items to one length.

    The batch has ``input_ids``, ``attention_mask`` and ``labels``, int64[B, L]; ``position_ids`` where the padding
    is on the left; and ``loss_weights`` float32[B, L] where an item has them.

    Attributes:
        pad_token_id: The padding of ``input_ids``.
        side: Where rows are padded, ``right`` or ``left``.
        multiple_of: The length is a multiple of this.
        max_length: The length of all rows; None is that of the longest item, up to a multiple.
    """

    pad_token_id: int
    side: PaddingSide = "right"
    multiple_of: int = 1
    max_length: int | None = None

    def __post_init__(self) -> None:
        check_token_id("pad_token_id", self.pad_token_id)
        check_choice("side", self.side, PaddingSide)
        padded_length(
            np.zeros(0, dtype=np.int64), multiple_of=self.multiple_of, max_length=self.max_length
        )

    def __call__(self, items: Sequence[Item]) -> dict[str, torch.Tensor]:
        """Return the batch.

        Raises:
            SampleError: An item is longer than ``max_length``; nothing is cut. Or it is a tree, for `TreeCollator`.
        """
        _check_no_trees(items)
        lengths = torch.tensor([len(item["input_ids"]) for item in items], dtype=torch.int64)
        if self.max_length is not None:
            _check_lengths(items, self.max_length)
        length = padded_length(
            lengths.numpy(), multiple_of=self.multiple_of, max_length=self.max_length
        )
        columns = torch.arange(length)
        first = (length - lengths if self.side == "left" else torch.zeros_like(lengths))[:, None]
        holds = (columns >= first) & (columns < first + lengths[:, None])

        def fill(values: list[torch.Tensor], padding: int) -> torch.Tensor:
            # The mask is walked row by row, which is the order of the values.
            flat = torch.cat(values)
            return torch.full(holds.shape, padding, dtype=flat.dtype).masked_scatter_(holds, flat)

        padding = padding_of(self.pad_token_id)
        batch = {name: fill(values, padding.get(name, 0)) for name, values in _token_columns(items)}
        batch["attention_mask"] = holds.to(torch.int64)
        if self.side == "left":
            batch["position_ids"] = (columns - first).clamp_(min=0)
        return batch


@dataclasses.dataclass(frozen=True, kw_only=True)
class PackingCollator:
    """Concatenates items in one row, without padding.

    The batch has ``input_ids``, ``labels`` and ``position_ids``, int64[1, T], and ``loss_weights`` float32[1, T] where
    an item has them. Positions restart with each item, and its first token has the label -100. There is no
    ``attention_mask``: with one, transformers' flash attention would look across items.

    Attributes:
        flash_attention_kwargs: Add ``cu_seq_lens_q`` and ``cu_seq_lens_k``, int32[K + 1], and ``max_length_q`` and
            ``max_length_k``, int, as transformers hands them to flash attention.
        max_length: The most tokens of a batch, or None.
    """

    flash_attention_kwargs: bool = False
    max_length: int | None = None

    def __post_init__(self) -> None:
        check_optional_count("max_length", self.max_length)

    def __call__(self, items: Sequence[Item]) -> dict[str, Any]:
        """Return the batch.

        Raises:
            OptionsError: The items together are longer than ``max_length``.
            SampleError: An item is a tree, for `TreeCollator`.
        """
        _check_no_trees(items)
        lengths = torch.tensor([len(item["input_ids"]) for item in items])
        ends = lengths.cumsum(0)
        starts, total = ends - lengths, int(lengths.sum())
        if self.max_length is not None and total > self.max_length:
            raise OptionsError(
                f"a batch of {total:,} tokens does not fit into max_length ({self.max_length:,}); "
                "let TokenBatchSampler make the batches"
            )
        batch: dict[str, Any] = {}
        for name, values in _token_columns(items):
            column = torch.cat(values)
            if name in NOT_TRAINED:
                column[starts] = NOT_TRAINED[name]
            batch[name] = column[None]
        batch["position_ids"] = (torch.arange(total) - starts.repeat_interleave(lengths))[None]
        if self.flash_attention_kwargs:
            bounds = torch.nn.functional.pad(ends, (1, 0)).to(torch.int32)
            longest = int(lengths.max())
            batch |= {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds}
            batch |= {"max_length_q": longest, "max_length_k": longest}
        return batch


def _token_columns(items: Sequence[Item]) -> Iterator[tuple[str, list[torch.Tensor]]]:
    """The columns of tokens that an item has; in the others an absent one is what that means."""
    for column in TOKEN_COLUMNS:
        name = column.name
        values: list[Any] = [item.get(name) for item in items]
        if all(value is None for value in values):
            continue
        for index, item in enumerate(items):
            if values[index] is None:
                values[index] = torch.from_numpy(DEFAULTS[name](item["labels"].numpy()))
        yield name, values


def _check_no_trees(items: Sequence[Item]) -> None:
    if any("subtree_end" in item for item in items):
        raise SampleError(
            'these items are trees (layout="tree"), whose branches must not see each other: '
            "make batches of them with TreeCollator"
        )


def _check_lengths(items: Sequence[Item], max_length: int) -> None:
    for item in items:
        length = len(item["input_ids"])
        if length > max_length:
            raise SampleError.in_file(
                None,
                f"the sample that trains the messages {item['targets']} has {length:,} tokens, more than max_length "
                f"({max_length:,})",
                line=item["line"],
                kind="too_long",
            )
