"""Items are the samples as tensors; collators make the batches that models take."""

import itertools
from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
import torch.distributed
from transformers import DataCollatorWithFlattening

import everyturn
import everyturn.torch
from chats import Record
from everyturn.torch import (
    PackingCollator,
    PaddingCollator,
    SampleDataset,
)
from torch_samples import CHATS, PAD, WEIGHTED, expanded


def test_the_public_names_are_these() -> None:
    """What can be imported is listed and documented, and nothing else is listed."""
    names = {
        "Item",
        "PackingCollator",
        "PaddingCollator",
        "SampleDataset",
        "StreamDataset",
        "TokenBatchSampler",
        "TreeCollator",
    }
    assert set(everyturn.torch.__all__) == names
    for name in names:
        documented = getattr(everyturn.torch, name).__doc__
        assert documented
        assert not documented.startswith(f"{name}(")


# --------------------------------------------------------------------------------------------
# Items and collators
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", [CHATS, WEIGHTED], ids=["plain", "weighted"])
def test_items_are_the_samples(records: list[Record]) -> None:
    """Tensors of 64 bits, and where they come from."""
    samples = expanded(records)
    dataset = SampleDataset(samples)
    assert len(dataset) == len(samples)
    assert dataset.lengths.tolist() == samples.lengths.tolist()
    for index, sample in enumerate(samples):
        for item in (dataset[index], dataset.__getitems__([index])[0]):
            assert item["input_ids"].dtype == item["labels"].dtype == torch.int64
            assert item["input_ids"].tolist() == sample.input_ids.tolist()
            assert item["labels"].tolist() == sample.labels.tolist()
            assert item["conversation_id"] == sample.conversation_id
            assert (item["line"], item["targets"]) == (sample.line, sample.targets.tolist())
            if sample.loss_weights is None:
                assert "loss_weights" not in item
            else:
                assert item["loss_weights"].dtype == torch.float32
                assert item["loss_weights"].tolist() == sample.loss_weights.tolist()
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_changing_an_item_does_not_change_the_samples(samples: everyturn.Samples) -> None:
    """Tensors are copies."""
    dataset = SampleDataset(samples)
    dataset[0]["labels"].fill_(7)
    assert dataset[0]["labels"].tolist() == samples[0].labels.tolist()


def test_the_padding_collator_pads_as_samples_do() -> None:
    """The same batch as `Samples.pad` makes, with positions where the left is padded."""
    samples = expanded(WEIGHTED)
    items = list(SampleDataset(samples))
    for side, multiple_of in itertools.product(("right", "left"), (1, 64)):
        options: dict[str, Any] = {"side": side, "multiple_of": multiple_of}
        collated = PaddingCollator(pad_token_id=PAD, **options)(items)
        batch = samples.pad(pad_token_id=PAD, **options)
        assert ("position_ids" in collated) is (side == "left")
        for name, values in collated.items():
            expected = getattr(batch, name)
            assert values.numpy().dtype == expected.dtype
            assert values.tolist() == expected.tolist(), name


def test_the_packing_collator_gives_what_transformers_gives(samples: everyturn.Samples) -> None:
    """The same names, types and values as transformers' own collator for flash attention."""
    items = SampleDataset(samples).__getitems__([3, 0, 5])
    features = [{name: item[name] for name in ("input_ids", "labels")} for item in items]
    for kwargs in (False, True):
        flattening: Any = DataCollatorWithFlattening
        expected = flattening(return_flash_attn_kwargs=kwargs)(features)
        batch = PackingCollator(flash_attention_kwargs=kwargs)(items)
        assert batch.keys() == expected.keys()
        for name, value in expected.items():
            if isinstance(value, torch.Tensor):
                assert batch[name].dtype == value.dtype, name
                assert batch[name].tolist() == value.tolist(), name
            else:
                assert batch[name] == value, name


def test_first_tokens_are_not_trained_in_a_packed_batch() -> None:
    """Labels are -100 and weights 0 where a sample begins, and the items keep theirs."""
    samples = expanded(WEIGHTED, train_on="all_tokens")
    items = SampleDataset(samples).__getitems__(range(len(samples)))
    batch = PackingCollator()(items)
    starts = samples.offsets[:-1]
    assert set(batch["labels"][0, starts].tolist()) == {-100}
    assert set(batch["loss_weights"][0, starts].tolist()) == {0.0}
    assert int((batch["labels"] == -100).sum()) == len(samples)
    assert all(int(item["labels"][0]) != -100 for item in items)


def test_items_with_and_without_weights_go_together(samples: everyturn.Samples) -> None:
    """Items of several datasets in one batch: labels mean weights of one."""
    plain = SampleDataset(samples)[0]
    weighted = SampleDataset(expanded(WEIGHTED))[0]
    for collator in (PaddingCollator(pad_token_id=PAD), PackingCollator()):
        batch = cast("Callable[..., dict[str, Any]]", collator)([plain, weighted])
        assert batch["loss_weights"].dtype == torch.float32
        assert float(batch["loss_weights"].sum()) == pytest.approx(
            float((plain["labels"] != -100).sum() + weighted["loss_weights"].sum())
        )


def test_collators_cut_nothing(samples: everyturn.Samples) -> None:
    """What is longer than it may be is an error."""
    items = SampleDataset(samples).__getitems__([0, 1])
    with pytest.raises(everyturn.SampleError, match=r"line 1: .*more than max_length \(8\)"):
        PaddingCollator(pad_token_id=PAD, max_length=8)(items)
    with pytest.raises(everyturn.OptionsError, match="TokenBatchSampler"):
        PackingCollator(max_length=8)(items)
    for bad in ({"pad_token_id": -1}, {"side": "top"}, {"multiple_of": 0}, {"max_length": 0}):
        with pytest.raises(everyturn.OptionsError, match=next(iter(bad))):
            PaddingCollator(**{"pad_token_id": PAD, **bad})  # type: ignore[arg-type]
