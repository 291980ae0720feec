"""What attention kernels are told of trees: the same, whatever the kernel."""

import pickle
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from accelerate.utils import send_to_device
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from everyturn.torch import tree_masks
from random_trees import random_tree


def ends_of(*lengths: int, branching: float, seed: int) -> torch.Tensor:
    """Several random trees of one length."""
    random = np.random.default_rng(seed)
    return torch.from_numpy(
        np.stack([random_tree(random, length, branching=branching)[0] for length in lengths])
    )


def seen(ends: torch.Tensor) -> torch.Tensor:
    """Which token sees which: itself, and what the one sees that it follows."""
    rows, length = ends.shape
    found = torch.zeros((rows, length, length), dtype=torch.bool)
    for row in range(rows):
        path: list[int] = []
        for token in range(length):
            while path and ends[row, path[-1]] <= token:
                path.pop()
            path.append(token)
            found[row, token, path] = True
    return found


@pytest.mark.parametrize("branching", [0.0, 0.02, 0.3])
def test_a_dense_mask_shows_the_path(branching: float) -> None:
    """A token sees the tokens on its path and no others."""
    ends = ends_of(40, 40, branching=branching, seed=1)
    assert torch.equal(tree_masks.dense_mask(ends)[:, 0], seen(ends))


@pytest.mark.parametrize("branching", [0.0, 0.05, 0.5])
def test_ranges_cover_each_pair_once(branching: float) -> None:
    """Rectangles and triangles do not overlap, and together are the mask; there are few."""
    ends = ends_of(60, branching=branching, seed=2)
    found = tree_masks.ranges(ends[0])
    counts = torch.zeros((60, 60), dtype=torch.int64)
    for queries, keys, is_causal in zip(
        found.q_ranges.tolist(), found.k_ranges.tolist(), found.is_causal.tolist(), strict=True
    ):
        part = torch.ones((queries[1] - queries[0], keys[1] - keys[0]), dtype=torch.int64)
        assert not is_causal or queries == keys
        counts[slice(*queries), slice(*keys)] += part.tril() if is_causal else part
    assert torch.equal(counts, seen(ends)[0].long())
    assert len(found.q_ranges) <= 2 * (1 + int((ends[0, 1:] != ends[0, :-1]).sum()))


def test_flash_mask_names_the_row_from_which_a_key_is_not_seen() -> None:
    """Below the diagonal a key is masked from there on, as a causal FlashMask reads it."""
    ends = ends_of(30, 30, branching=0.2, seed=3)
    bounds = tree_masks.flash_mask(ends)
    assert (bounds.shape, bounds.dtype) == ((2, 1, 30, 1), torch.int32)
    row, column = torch.arange(30)[:, None], torch.arange(30)[None]
    shown = (row >= column) & ~(row >= bounds[:, 0, None, :, 0])
    assert torch.equal(shown, seen(ends))


def rule_of(mask: tree_masks.TreeMask) -> list[torch.Tensor]:
    """What the rule of a mask reads."""
    cells = getattr(mask.mask_mod, "__closure__", None) or ()
    return [cell.cell_contents for cell in cells]


@pytest.mark.parametrize(
    "move", [lambda mask: mask.to("meta"), lambda mask: send_to_device(mask, "meta")]
)
def test_a_mask_moves_with_what_its_rule_reads(
    move: Callable[[tree_masks.TreeMask], tree_masks.TreeMask],
) -> None:
    """A kernel on one device cannot read what is on another; trainers move what has `to`."""
    mask = tree_masks.block_mask(ends_of(40, branching=0.2, seed=4), block=16)
    moved = move(mask)
    tensors = [moved.kv_indices, moved.kv_num_blocks, moved.subtree_end, *rule_of(moved)]
    assert len(tensors) == 4
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert {tensor.device.type for tensor in rule_of(mask)} == {"cpu"}


def test_a_mask_that_was_adjusted_moves_likewise() -> None:
    """To a shorter row, as its users are told to where lengths differ."""
    mask = tree_masks.block_mask(ends_of(40, branching=0.2, seed=6), block=16)
    adjusted = mask._adjust(32, 32)  # noqa: SLF001 - as an error of PyTorch tells its users to
    moved = adjusted.to("cpu")
    assert_equal_masks(moved, adjusted)
    assert moved.seq_lengths == (32, 32)


def test_a_mask_is_sent_whole() -> None:
    """From the worker of a DataLoader, for example."""
    mask = tree_masks.block_mask(ends_of(40, 40, branching=0.2, seed=5), block=16)
    sent = pickle.loads(pickle.dumps(mask))  # noqa: S301
    assert_equal_masks(sent, mask)
    assert torch.equal(rule_of(sent)[0], rule_of(mask)[0])


def by_pairs(ends: torch.Tensor, block: int) -> BlockMask:
    """The mask as PyTorch makes it, from a look at each pair of tokens."""
    rows, length = ends.shape
    rule = tree_masks.mask_rule(ends)
    return create_block_mask(rule, rows, None, length, length, device="cpu", BLOCK_SIZE=block)


def assert_equal_masks(found: BlockMask, expected: BlockMask) -> None:
    """All that a kernel reads of the two is equal."""
    assert found.shape == expected.shape
    assert found.BLOCK_SIZE == expected.BLOCK_SIZE
    for name in ("kv", "full_kv", "q", "full_q"):
        counts = getattr(found, f"{name}_num_blocks")
        assert torch.equal(counts, getattr(expected, f"{name}_num_blocks")), name
        indices = getattr(found, f"{name}_indices")
        is_used = torch.arange(indices.shape[-1]) < counts[..., None]
        other = getattr(expected, f"{name}_indices")
        assert torch.equal(indices[is_used], other[is_used]), name
    assert torch.equal(found.to_dense(), expected.to_dense())


def test_block_masks_are_those_of_pytorch(pytestconfig: pytest.Config) -> None:
    """On 100 random trees (1,000 with `--whole`), of any length, with any number of branches."""
    random = np.random.default_rng(4)
    for seed in range(1000 if pytestconfig.getoption("--whole") else 100):
        length = int(random.integers(1, 90))
        block = int(random.choice([4, 8, 16]))
        branching = float(random.choice([0.0, 0.03, 0.2, 0.6]))
        ends = ends_of(*[length] * int(random.integers(1, 3)), branching=branching, seed=seed)
        assert_equal_masks(tree_masks.block_mask(ends, block=block), by_pairs(ends, block))


def test_a_block_mask_of_a_long_row_is_made_at_once(pytestconfig: pytest.Config) -> None:
    """At 32,768 tokens (with `--whole`, else at 8,192) at least 20 times faster than by pairs, and equal."""
    length = 32_768 if pytestconfig.getoption("--whole") else 8_192
    ends = ends_of(length, branching=0.005, seed=5)
    tries = []
    for _ in range(5):
        before = time.perf_counter()
        found = tree_masks.block_mask(ends)
        tries.append(time.perf_counter() - before)
    before = time.perf_counter()
    expected = by_pairs(ends, tree_masks.BLOCK)
    by_pairs_seconds = time.perf_counter() - before
    assert_equal_masks(found, expected)
    assert by_pairs_seconds > 20 * min(tries)
