"""What attention kernels are told of trees.

In: ``subtree_end``, int64[B, L]: in each row token j sees token i exactly if ``i <= j < subtree_end[i]``. Out: the same
as a dense mask, as a rule and blocks for FlexAttention, as the bounds of FlashMask, or as ranges of queries and keys.
All but the dense mask are made in time and memory that grow with the tokens, and with the number of blocks.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn.attention.flex_attention import BlockMask

BLOCK = 128
"""Tokens of a block of FlexAttention, by default."""

MaskRule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Ranges:
    """Which queries see which keys, as rectangles and triangles; none overlaps another.

    Attributes:
        q_ranges: int32[R, 2], the first query and that after the last.
        k_ranges: int32[R, 2], likewise of keys.
        is_causal: bool[R]; in a causal one queries and keys are the same tokens, and each sees itself and those
            before it, else every query sees every key.
    """

    q_ranges: torch.Tensor
    k_ranges: torch.Tensor
    is_causal: torch.Tensor


def dense_mask(subtree_end: torch.Tensor) -> torch.Tensor:
    """Return which token (row) sees which (column), bool[B, 1, L, L], as scaled dot-product attention takes it.

    >>> dense_mask(torch.tensor([[3, 2, 3]]))[0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    """
    token = torch.arange(subtree_end.shape[1], device=subtree_end.device)
    sees = (token[None, None, :] <= token[None, :, None]) & (
        token[None, :, None] < subtree_end[:, None, :]
    )
    return sees[:, None]


def mask_rule(subtree_end: torch.Tensor) -> MaskRule:
    """Return the ``mask_mod`` of FlexAttention."""

    def sees(
        batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        del head
        return (key <= query) & (query < subtree_end[batch, key])

    return sees


class Blocks(NamedTuple):
    """Which blocks of keys each block of queries sees in part, and which as a whole: how many, and their numbers."""

    kv_num_blocks: torch.Tensor
    kv_indices: torch.Tensor
    full_kv_num_blocks: torch.Tensor
    full_kv_indices: torch.Tensor


class TreeMask(BlockMask):
    """The mask of FlexAttention for trees. It can be moved and sent to another process whole.

    ``BlockMask.to`` does not move what the rule reads, and a rule cannot be pickled.
    """

    subtree_end: torch.Tensor

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "TreeMask":
        """Return the mask on a device, with what its rule reads."""

        def moved(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        blocks = Blocks(*map(moved, self._blocks()))
        return _tree_mask(moved(self.subtree_end), blocks, self.BLOCK_SIZE, self.seq_lengths)

    def __reduce__(self) -> tuple[Callable[..., "TreeMask"], tuple[Any, ...]]:
        return _tree_mask, (self.subtree_end, self._blocks(), self.BLOCK_SIZE, self.seq_lengths)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> "TreeMask":
        adjusted: TreeMask = super()._adjust(new_q_len, new_kv_len)
        adjusted.subtree_end = self.subtree_end
        return adjusted

    def _blocks(self) -> Blocks:
        return Blocks(*(getattr(self, name) for name in Blocks._fields))


def _tree_mask(
    subtree_end: torch.Tensor,
    blocks: Blocks,
    block_size: tuple[int, int],
    seq_lengths: tuple[int, int],
) -> TreeMask:
    mask: TreeMask = TreeMask.from_kv_blocks(
        *blocks,
        BLOCK_SIZE=block_size,
        mask_mod=mask_rule(subtree_end),
        seq_lengths=seq_lengths,
    )
    mask.subtree_end = subtree_end
    return mask


def block_mask(subtree_end: torch.Tensor, *, block: int = BLOCK) -> TreeMask:
    """Return the mask of FlexAttention: what ``create_block_mask`` makes of `mask_rule`, without looking at each pair.

    A block of keys is seen by one of queries if one of its subtrees reaches into it, and wholly if all reach its end.

    Args:
        subtree_end: int64[B, L].
        block: Tokens of a block.
    """
    rows, length = subtree_end.shape
    count = -(-length // block)
    missing = count * block - length

    def of_blocks(padding: int) -> torch.Tensor:
        padded = torch.nn.functional.pad(subtree_end, (0, missing), value=padding)
        return padded.view(rows, count, block)

    number = torch.arange(count, device=subtree_end.device)
    first = number * block
    is_before = number[None, :] < number[:, None]
    furthest, nearest = of_blocks(0).amax(-1), of_blocks(0).amin(-1)
    reached = (is_before & (furthest[:, None, :] > first[:, None])) | torch.eye(
        count, dtype=torch.bool, device=subtree_end.device
    )
    # A block of queries that is cut off by the end of the row is seen by none as a whole.
    whole = is_before & (nearest[:, None, :] >= first[:, None] + block)
    whole &= (first + block <= length)[:, None]
    partial_count, partial = _ordered(reached & ~whole)
    whole_count, whole_index = _ordered(whole)
    blocks = Blocks(partial_count, partial, whole_count, whole_index)
    return _tree_mask(subtree_end, blocks, (block, block), (length, length))


def flash_mask(subtree_end: torch.Tensor) -> torch.Tensor:
    """Return the ``startend_row_indices`` of a causal FlashMask: from where each key is not seen, int32[B, 1, L, 1]."""
    return subtree_end.to(torch.int32)[:, None, :, None]


def ranges(subtree_end: torch.Tensor) -> Ranges:
    """Return the ranges of one row, two at most for each stretch of tokens with the same end.

    >>> found = ranges(torch.tensor([3, 2, 3]))
    >>> found.q_ranges.tolist(), found.k_ranges.tolist(), found.is_causal.tolist()
    ([[0, 1], [1, 2], [2, 3], [1, 3]], [[0, 1], [1, 2], [2, 3], [0, 1]], [True, True, True, False])

    Args:
        subtree_end: int64[L].
    """
    length = len(subtree_end)
    if not length:
        empty = torch.zeros((0, 2), dtype=torch.int32)
        return Ranges(q_ranges=empty, k_ranges=empty, is_causal=torch.zeros(0, dtype=torch.bool))
    inner = torch.nonzero(subtree_end[1:] != subtree_end[:-1])[:, 0] + 1
    edge = subtree_end.new_zeros(1)
    starts = torch.cat([edge, inner])
    stops = torch.cat([inner, edge + length])
    ends = subtree_end[starts]
    own = torch.stack([starts, stops], dim=1)
    goes_on = ends > stops
    later = torch.stack([stops, ends], dim=1)[goes_on]
    is_causal = torch.zeros(len(own) + len(later), dtype=torch.bool)
    is_causal[: len(own)] = True
    return Ranges(
        q_ranges=torch.cat([own, later]).to(torch.int32),
        k_ranges=torch.cat([own, own[goes_on]]).to(torch.int32),
        is_causal=is_causal,
    )


def _ordered(blocks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how many blocks of keys each block of queries has, and their numbers, then those of the others."""
    counts = blocks.sum(-1, dtype=torch.int32)
    order = blocks.to(torch.int8).argsort(dim=-1, descending=True, stable=True).to(torch.int32)
    return counts[:, None], order[:, None]
