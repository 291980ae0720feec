"""Samples for PyTorch: datasets, collators and a batch sampler.

Needs PyTorch (``pip install 'everyturn[torch]'``); nothing else of the package imports it.
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "everyturn.torch needs PyTorch: pip install 'everyturn[torch]'", name=error.name
    ) from error

from everyturn.torch.collators import PackingCollator, PaddingCollator
from everyturn.torch.items import Item
from everyturn.torch.sample_dataset import SampleDataset
from everyturn.torch.stream_dataset import StreamDataset
from everyturn.torch.token_batch_sampler import TokenBatchSampler
from everyturn.torch.tree_collator import TreeCollator

__all__ = [
    "Item",
    "PackingCollator",
    "PaddingCollator",
    "SampleDataset",
    "StreamDataset",
    "TokenBatchSampler",
    "TreeCollator",
]
