"""Expanded samples as a dataset with random access."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from everyturn.options import StrPath
from everyturn.samples import Samples
from everyturn.torch.items import Item, to_item


class SampleDataset(Dataset[Item]):
    """Samples by index, from memory or from a folder that `Samples.save` wrote.

    A folder is mapped into memory, and the dataset pickles as its path: workers share the pages of one copy, however
    they are started. Samples in memory are shared with forked workers, and pickled to others as a whole.

    >>> from everyturn import Expander
    >>> chat = {
    ...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    ... }
    >>> dataset = SampleDataset(Expander("demo").expand([chat]))
    >>> len(dataset), dataset[0]["targets"], dataset[0]["input_ids"].dtype
    (1, [1], torch.int64)

    Attributes:
        samples: What the items are made of.
    """

    def __init__(self, samples_or_path: Samples | StrPath) -> None:
        given = samples_or_path
        self._path = None if isinstance(given, Samples) else given
        self.samples = given if isinstance(given, Samples) else Samples.load(given)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of tokens of each item, int64[N]."""
        return self.samples.lengths

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Item:
        return to_item(self.samples[index])

    def __iter__(self) -> Iterator[Item]:
        return (self[index] for index in range(len(self)))

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Return the items of a batch; PyTorch's loaders ask for them so."""
        return [to_item(self.samples[index]) for index in indices]

    def __repr__(self) -> str:
        where = "" if self._path is None else f"{os.fspath(self._path)!r}, "
        return f"SampleDataset({where}{self.samples!r})"

    def __reduce__(self) -> tuple[type["SampleDataset"], tuple[Samples | StrPath]]:
        return SampleDataset, (self.samples if self._path is None else self._path,)
