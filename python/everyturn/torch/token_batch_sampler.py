"""Batches of about as many tokens each."""

import heapq
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.options import check_count
from everyturn.torch.ranks import find_rank

Indices = npt.NDArray[np.int64]

_BATCHES_TOGETHER = 256
"""Batches sorted together: larger values fill batches better, smaller ones shuffle better."""


class TokenBatchSampler(Sampler[list[int]]):
    """Indices of samples in batches of at most a number of tokens; a ``batch_sampler`` of PyTorch's loaders.

    Each sample is in one batch of one rank, and all ranks have as many batches: where the number does not divide, the
    batches with the most samples are halved. The batches depend on the lengths, the options and the epoch alone.

    Resumes by `state_dict` and `load_state_dict`, which torchdata's ``StatefulDataLoader`` calls.

    >>> sampler = TokenBatchSampler(np.array([5, 1, 4, 3, 2]), max_tokens=8, shuffle=False)
    >>> list(sampler), len(sampler)
    ([[0, 3], [1, 2, 4]], 2)

    Args:
        lengths: The number of tokens of each sample, e.g. `SampleDataset.lengths`, int64[N].
        max_tokens: The most tokens of a batch.
        padded: Count a batch as what its samples take when they are padded to the longest, for `PaddingCollator`; else
            as the sum of their lengths, for `PackingCollator`.
        shuffle: Other batches in another order each epoch, see `set_epoch`.
        seed: Another seed gives other batches.
        rank: This process among those that train; asked of ``torch.distributed`` if None.
        world_size: How many they are; likewise.

    Raises:
        OptionsError: A sample is longer than ``max_tokens``, there are fewer samples than ranks, or an option has a
            value that it does not take; when batches are made, that they cannot be as many for each rank.
    """

    def __init__(
        self,
        lengths: npt.ArrayLike,
        *,
        max_tokens: int,
        padded: bool = False,
        shuffle: bool = True,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        check_count("max_tokens", max_tokens)
        if not isinstance(seed, int) or seed < 0:
            raise OptionsError(f"seed must be a whole number of at least 0, not {seed!r}")
        self._lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self._max_tokens, self._padded = max_tokens, padded
        self._shuffle, self._seed = shuffle, seed
        self._rank, self._world_size = find_rank(rank, world_size)
        self._check_lengths()
        self._epoch = self._asked_epoch = self._start = self._position = 0
        self._planned: tuple[int, list[Indices]] | None = None

    def _check_lengths(self) -> None:
        too_long = np.flatnonzero(self._lengths > self._max_tokens)
        if too_long.size:
            index = int(too_long[0])
            raise OptionsError(
                f"sample {index} has {self._lengths[index]:,} tokens, more than max_tokens ({self._max_tokens:,})"
            )
        if 0 < len(self._lengths) < self._world_size:
            raise OptionsError(
                f"{len(self._lengths)} samples cannot be shared by {self._world_size} ranks"
            )

    def __len__(self) -> int:
        """The number of batches of this rank in this epoch."""
        return len(self._plan())

    def __iter__(self) -> Iterator[list[int]]:
        self._position = self._start
        if self._start == len(self):
            # The state was that of a finished epoch: the next pass is a new one.
            self._start = 0
            self._epoch = max(self._epoch, self._asked_epoch)
            return iter(())
        return self._batches()

    def _batches(self) -> Iterator[list[int]]:
        start, self._start = self._start, 0
        for position, batch in enumerate(self._plan()[start:], start + 1):
            self._position = position
            yield batch.tolist()

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0, before its first batch is taken."""
        self._asked_epoch = epoch
        if epoch != self._epoch:
            self._epoch = epoch
            self._start = self._position = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch and how many of its batches have been taken, with what both depend on."""
        return {"epoch": self._epoch, "position": self._position, **self._identity()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises:
            OptionsError: The state is that of other samples or options.
        """
        mine = self._identity()
        other = {name: state_dict.get(name) for name in mine}
        if mine != other:
            raise OptionsError(f"the state is that of {other}, and this sampler has {mine}")
        self._epoch = state_dict["epoch"]
        self._start = self._position = state_dict["position"]

    def _identity(self) -> dict[str, Any]:
        return {
            "samples": len(self._lengths),
            "tokens": int(self._lengths.sum()),
            "max_tokens": self._max_tokens,
            "padded": self._padded,
            "shuffle": self._shuffle,
            "seed": self._seed,
            "world_size": self._world_size,
        }

    def _plan(self) -> list[Indices]:
        """Return this rank's batches of this epoch."""
        if self._planned is None or self._planned[0] != self._epoch:
            self._planned = self._epoch, self._all_batches()[self._rank :: self._world_size]
        return self._planned[1]

    def _all_batches(self) -> list[Indices]:
        order: Indices = np.arange(len(self._lengths))
        random = np.random.default_rng([self._seed, self._epoch])
        if self._shuffle:
            random.shuffle(order)
        together = self._together(order)
        make = self._padded_batches if self._padded else self._packed_batches
        batches = [batch for neighbours in together for batch in make(neighbours)]
        batches = _halved_to_multiple(batches, self._world_size)
        if not self._shuffle:
            return batches
        return [batches[i] for i in random.permutation(len(batches))]

    def _together(self, order: Indices) -> list[Indices]:
        """Cut the order into stretches of many batches."""
        ends = np.cumsum(self._lengths[order])
        stretch = ends // (_BATCHES_TOGETHER * self._max_tokens)
        cuts = np.flatnonzero(np.diff(stretch)) + 1
        return [part for part in np.split(order, cuts) if part.size]

    def _packed_batches(self, neighbours: Indices) -> list[Indices]:
        order, offsets, _ = _core.pack(self._lengths[neighbours], self._max_tokens, "bfd", None)
        return np.split(neighbours[order], offsets[1:-1])

    def _padded_batches(self, neighbours: Indices) -> list[Indices]:
        """The longest first: each batch takes as many of the next as fit when padded to its first."""
        longest_first = neighbours[np.argsort(-self._lengths[neighbours], kind="stable")]
        batches, start = [], 0
        while start < len(longest_first):
            longest = max(int(self._lengths[longest_first[start]]), 1)
            end = start + self._max_tokens // longest
            batches.append(longest_first[start:end])
            start = end
        return batches


def _halved_to_multiple(batches: list[Indices], world_size: int) -> list[Indices]:
    """Halve the batches with the most samples until their number is a multiple."""
    missing = -len(batches) % world_size
    if not missing:
        return batches
    parts = {index: [batch] for index, batch in enumerate(batches)}
    largest = [(-len(batch), index, 0) for index, batch in enumerate(batches)]
    heapq.heapify(largest)
    for _ in range(missing):
        _, index, number = heapq.heappop(largest)
        batch = parts[index][number]
        if len(batch) < 2:  # noqa: PLR2004 - what can be halved
            raise OptionsError(
                f"{sum(map(len, batches))} samples, each in a batch of its own, cannot be shared equally "
                f"by {world_size} ranks: allow more max_tokens, or leave samples out"
            )
        half = math.ceil(len(batch) / 2)
        parts[index][number] = batch[:half]
        parts[index].append(batch[half:])
        for new in (number, len(parts[index]) - 1):
            heapq.heappush(largest, (-len(parts[index][new]), index, new))
    return [part for index in range(len(batches)) for part in parts[index]]
