"""Training on trees: an unmodified model of transformers has the loss and the gradients of rows of their own."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

import everyturn
from everyturn.torch import (
    PackingCollator,
    PaddingCollator,
    SampleDataset,
    StreamDataset,
    TreeCollator,
)
from everyturn.torch.tree_collator import TreeAttention
from torch_samples import CHATS, LINES, PAD, WEIGHTED, expanded

IDS = 4096
SIZES: dict[str, Any] = {
    "vocab_size": IDS,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 2048,
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterable[None]:
    """Small models are faster so, and sums have one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def model_of(name: str, attention: str = "sdpa") -> Any:
    """A small model with random parameters, in float64."""
    torch.manual_seed(0)
    config = {"llama": LlamaConfig, "qwen3": Qwen3Config}[name](
        **SIZES, attn_implementation=attention
    )
    made = {"llama": LlamaForCausalLM, "qwen3": Qwen3ForCausalLM}[name](config)
    return made.double()


def trained(model: Any, batches: Iterable[dict[str, Any]], **options: Any) -> tuple[float, Any]:
    """The sum of the losses of the batches, and its gradients."""
    model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = model(**batch, use_cache=False, **options).loss
        loss.backward()
        total += float(loss.detach())
    return total, [parameter.grad.clone() for parameter in model.parameters()]


def assert_equal_training(found: tuple[float, Any], expected: tuple[float, Any]) -> None:
    """Losses to a millionth, as transformers adds them up in float32; gradients to 1e-8."""
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    for mine, theirs in zip(found[1], expected[1], strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-8)


def rows_alone(samples: everyturn.Samples) -> Iterable[dict[str, Any]]:
    """Each row as a batch of its own, as any trainer would give it."""
    for sample in samples:
        ids, labels = (
            torch.from_numpy(array.astype(np.int64))[None]
            for array in (sample.input_ids, sample.labels)
        )
        yield {"input_ids": ids, "labels": labels}


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_loss_and_gradients_are_those_of_rows_of_their_own(name: str) -> None:
    """One batch of trees, packs of trees, and a row for each target."""
    model = model_of(name)
    per_turn = expanded(CHATS, layout="per_turn")
    count = torch.tensor(int((per_turn.labels != -100).sum()))
    expected = trained(model, rows_alone(per_turn), num_items_in_batch=count)
    trees = expanded(CHATS, layout="tree")
    assert len(trees.input_ids) < 0.8 * len(expanded(CHATS, layout="merged").input_ids)
    collator = TreeCollator(pad_token_id=PAD)
    items = list(SampleDataset(trees))
    assert_equal_training(trained(model, [collator(items)]), expected)
    one_by_one = [collator([item]) for item in items]
    assert_equal_training(trained(model, one_by_one, num_items_in_batch=count), expected)
    packed = trees.pack(400)
    assert len(packed) < len(trees)
    assert_equal_training(trained(model, [collator(list(packed))]), expected)


def test_ranges_are_for_one_row() -> None:
    """Items are side by side: positions, labels and bounds are those of the items, shifted."""
    items = list(SampleDataset(expanded(WEIGHTED, layout="tree")))
    batch = TreeCollator(pad_token_id=PAD, attention="ranges")(items)
    total = sum(len(item["input_ids"]) for item in items)
    for name in ("input_ids", "position_ids", "labels", "shift_labels"):
        assert torch.equal(batch[name], torch.cat([item[name] for item in items])[None])
    assert batch["loss_weights"].shape == (1, total)
    assert batch["q_ranges"].shape == batch["k_ranges"].shape == (len(batch["is_causal"]), 2)
    seen = torch.zeros((total, total), dtype=torch.bool)
    for queries, keys, is_causal in zip(
        batch["q_ranges"].tolist(), batch["k_ranges"].tolist(), batch["is_causal"], strict=True
    ):
        part = torch.ones((queries[1] - queries[0], keys[1] - keys[0]), dtype=torch.bool)
        seen[slice(*queries), slice(*keys)] |= part.tril() if is_causal else part
    start = 0
    for item in items:
        mask = TreeCollator(pad_token_id=PAD)([item])["attention_mask"][0, 0]
        end = start + len(mask)
        assert torch.equal(seen[start:end, start:end], mask)
        seen[start:end, start:end] = False
        start = end
    assert not seen.any(), "no item sees another"


def test_every_form_of_attention_says_the_same() -> None:
    """Mask, blocks and bounds of one batch."""
    items = list(SampleDataset(expanded(CHATS, layout="tree")))
    dense = TreeCollator(pad_token_id=PAD, multiple_of=16)(items)
    flex = TreeCollator(pad_token_id=PAD, multiple_of=16, attention="flex", block=16)(items)
    bounds = TreeCollator(pad_token_id=PAD, multiple_of=16, attention="flash_mask")(items)
    length = dense["input_ids"].shape[1]
    assert length % 16 == 0
    token = torch.arange(length)
    rule = flex["attention_mask"].mask_mod
    row = torch.arange(len(items))[:, None, None]
    assert torch.equal(
        rule(row, torch.tensor(0), token[None, :, None], token[None, None, :]),
        dense["attention_mask"][:, 0],
    )
    below = token[None, :, None] < bounds["startend_row_indices"][:, 0, None, :, 0]
    shown = below & (token[:, None] >= token)
    assert torch.equal(shown, dense["attention_mask"][:, 0])


def test_flex_attention_in_the_workers_of_a_loader() -> None:
    """They make the masks, which are sent to the process that trains."""
    dataset = SampleDataset(expanded(CHATS[:4], layout="tree"))
    collate = TreeCollator(pad_token_id=PAD, attention="flex", multiple_of=16, block=16)
    loader = DataLoader(dataset, batch_size=2, collate_fn=collate, num_workers=1)
    batches = list(loader)
    assert len(batches) > 1
    for batch, start in zip(batches, range(0, len(dataset), 2), strict=True):
        items = [dataset[at] for at in range(start, min(start + 2, len(dataset)))]
        mine = collate(items)["attention_mask"]
        assert torch.equal(batch["attention_mask"].subtree_end, mine.subtree_end)
        assert torch.equal(batch["attention_mask"].kv_indices, mine.kv_indices)


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_flex_attention_has_the_same_loss(name: str) -> None:
    """Forward, where there is no accelerator: FlexAttention has no backward on CPUs."""
    items = list(SampleDataset(expanded(CHATS[:4], layout="tree")))
    losses = []
    kinds: list[tuple[TreeAttention, str]] = [("sdpa", "sdpa"), ("flex", "flex_attention")]
    for attention, implementation in kinds:
        collator = TreeCollator(pad_token_id=PAD, attention=attention, multiple_of=128)
        with torch.no_grad():
            model = model_of(name, implementation).float()
            losses.append(float(model(**collator(items), use_cache=False).loss))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_padding_changes_nothing() -> None:
    """What is added is not trained, is seen by nobody, and sees something: no loss is NaN."""
    model = model_of("llama")
    items = list(SampleDataset(expanded(CHATS, layout="tree")))
    plain = trained(model, [TreeCollator(pad_token_id=PAD)(items)])
    padded = trained(model, [TreeCollator(pad_token_id=PAD, multiple_of=64)(items)])
    assert_equal_training(padded, plain)


def test_weights_are_where_tokens_are_predicted() -> None:
    """A batch has those of all its items, 1 for items without any; the weighted loss is that of `per_turn`."""
    items = list(SampleDataset(expanded(WEIGHTED, layout="tree")))
    plain = list(SampleDataset(expanded(CHATS[:1], layout="tree")))
    batch = TreeCollator(pad_token_id=PAD)([*items, *plain])
    unit = batch["loss_weights"][-1]
    assert torch.equal(unit, (batch["shift_labels"][-1] != -100).float())
    model = model_of("llama")

    def weighted(batch: dict[str, Any], labels: torch.Tensor, weights: torch.Tensor) -> float:
        with torch.no_grad():
            logits = model(**batch, use_cache=False).logits.flatten(0, 1)
        losses = torch.nn.functional.cross_entropy(logits, labels.flatten(), reduction="none")
        return float((losses * weights.flatten()).sum())

    batch = TreeCollator(pad_token_id=PAD)(items)
    labels, weights = batch.pop("shift_labels"), batch.pop("loss_weights")
    batch.pop("labels")
    found = weighted(batch, labels, weights)
    expected = 0.0
    for item in SampleDataset(expanded(WEIGHTED, layout="per_turn")):
        row = {"input_ids": item["input_ids"][None, :-1]}
        expected += weighted(row, item["labels"][1:], item["loss_weights"][1:])
    assert found == pytest.approx(expected, rel=1e-9)


def test_loaders_give_batches_of_trees() -> None:
    """From samples in memory and from a stream."""
    expander = everyturn.Expander("demo", layout="tree")
    loader: Any = DataLoader(
        StreamDataset(expander, LINES), batch_size=4, collate_fn=TreeCollator(pad_token_id=PAD)
    )
    samples: Any = expander.expand(LINES)
    assert sum(int((batch["shift_labels"] != -100).sum()) for batch in loader) == int(
        (samples.shift_labels != -100).sum()
    )


@pytest.mark.parametrize("collator", [PaddingCollator(pad_token_id=PAD), PackingCollator()])
def test_other_collators_refuse_trees(collator: Any) -> None:
    """Their batches would show a token what is not on its path."""
    items = list(SampleDataset(expanded(CHATS[:2], layout="tree")))
    with pytest.raises(everyturn.SampleError, match="TreeCollator"):
        collator(items)


def test_what_is_no_tree_is_refused() -> None:
    """Rows of other layouts have other collators."""
    items = list(SampleDataset(expanded(CHATS[:2])))
    with pytest.raises(everyturn.OptionsError, match="position_ids"):
        TreeCollator(pad_token_id=PAD)(items)
