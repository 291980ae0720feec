"""Samples and packs under the names that torchtune's recipes use.

In: samples or packs. Out: map-style datasets. Items of samples hold ``tokens`` and ``labels``, as torchtune's
``padded_collate_sft`` and ``PackedDataset`` take them; items of packs hold ``input_pos`` and ``seq_lens`` too, as
``padded_collate_packed`` takes them. Labels are unshifted: the recipes shift them. torchtune itself is not imported.

Needs PyTorch (``pip install 'everyturn[torch]'``).
"""

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from everyturn.samples import Samples
from everyturn.samples.labels import IGNORE_INDEX, check_no_trees, check_unweighted
from everyturn.samples.packing import Packed
from everyturn.samples.padding import check_token_id

_HOLDER = "torchtune's items"


class Item(TypedDict):
    """One sample.

    Attributes:
        tokens: The ids.
        labels: The id where the token is trained, else -100; unshifted.
    """

    tokens: list[int]
    labels: list[int]


class PackedItem(TypedDict):
    """Samples side by side, padded to the packs' ``max_length``, here L.

    Attributes:
        tokens: int64[L], the padding's id where padded.
        labels: int64[L], -100 where not trained, where padded and at the first token of each sample; unshifted.
        input_pos: int64[L], counted from 0 in each sample; it continues where padded.
        seq_lens: int64, the lengths of the samples, and last that of the padding if there is some: L together.
    """

    tokens: torch.Tensor
    labels: torch.Tensor
    input_pos: torch.Tensor
    seq_lens: torch.Tensor


class SampleDataset(Dataset[Item]):
    """Samples by index.

    >>> from everyturn import Expander
    >>> chat = {
    ...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    ... }
    >>> sorted(SampleDataset(Expander("demo").expand([chat]))[0])
    ['labels', 'tokens']

    Raises:
        SampleError: A trained token has a weight other than 1: torchtune has none.
    """

    def __init__(self, samples: Samples) -> None:
        check_unweighted(samples, holder=_HOLDER)
        check_no_trees(samples, holder=_HOLDER)
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Item:
        sample = self._samples[index]
        return {"tokens": sample.input_ids.tolist(), "labels": sample.labels.tolist()}

    def __iter__(self) -> Iterator[Item]:
        return (self[index] for index in range(len(self)))


class PackedDataset(Dataset[PackedItem]):
    """Packs by index, each padded to the packs' ``max_length``.

    Args:
        packed: The rows.
        pad_token_id: The padding of ``tokens``.

    Raises:
        OptionsError: The id is none.
        SampleError: A trained token has a weight other than 1: torchtune has none.
    """

    def __init__(self, packed: Packed, *, pad_token_id: int) -> None:
        check_token_id("pad_token_id", pad_token_id)
        check_unweighted(packed, holder=_HOLDER)
        check_no_trees(packed, holder=_HOLDER)
        self._packed = packed
        self._pad_token_id = pad_token_id

    def __len__(self) -> int:
        return len(self._packed)

    def __getitem__(self, index: int) -> PackedItem:
        row = self._packed[index]
        empty = self._packed.max_length - len(row.input_ids)
        # torchtune's own packs continue the last sample's positions, within the model's.
        after = np.minimum(
            np.arange(1, empty + 1) + row.position_ids[-1], self._packed.max_length - 1
        )
        lengths = [*row.seq_lengths.tolist(), *([empty] if empty else [])]
        return {
            "tokens": _padded(row.input_ids, np.full(empty, self._pad_token_id)),
            "labels": _padded(row.labels, np.full(empty, IGNORE_INDEX)),
            "input_pos": _padded(row.position_ids, after),
            "seq_lens": torch.tensor(lengths, dtype=torch.int64),
        }

    def __iter__(self) -> Iterator[PackedItem]:
        return (self[index] for index in range(len(self)))


def _padded(values: npt.NDArray[np.int32], padding: npt.NDArray[np.int64]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([values.astype(np.int64), padding]))
