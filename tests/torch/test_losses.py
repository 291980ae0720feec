"""The loss is the same however samples are arranged: by rows, padded, packed, collated."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.distributed
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM

import everyturn
import everyturn.torch
from chats import Record
from everyturn.torch import (
    Item,
    PackingCollator,
    PaddingCollator,
    SampleDataset,
)
from torch_samples import CHATS, PAD, WEIGHTED, expanded

KINDS = 61


class TinyModel(torch.nn.Module):
    """One layer of attention: causal, within the tokens whose positions run on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.tokens = torch.nn.Embedding(KINDS, 12)
        self.positions = torch.nn.Embedding(512, 12)
        self.mix = torch.nn.Linear(12, 36)
        self.out = torch.nn.Linear(12, KINDS)
        self.double().requires_grad_(requires_grad=False)

    def forward(self, input_ids: torch.Tensor, position_ids: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities of the next token, float64[B, T, KINDS]."""
        hidden = self.tokens(input_ids % KINDS) + self.positions(position_ids)
        query, key, value = self.mix(hidden).chunk(3, dim=-1)
        sequence = (position_ids == 0).cumsum(dim=1)
        allowed = (sequence[:, :, None] == sequence[:, None, :]).tril()
        scores = (query @ key.transpose(1, 2)).masked_fill(~allowed, -torch.inf)
        hidden = hidden + scores.softmax(dim=-1) @ value
        return cast("torch.Tensor", self.out(torch.tanh(hidden)).log_softmax(dim=-1))

    def loss(
        self,
        input_ids: torch.Tensor,
        labels: torch.Tensor,
        position_ids: torch.Tensor,
        loss_weights: torch.Tensor | None = None,
    ) -> float:
        """The summed loss over the tokens with labels, each predicted from the position before it."""
        predicted = self(input_ids, position_ids)[:, :-1]
        wanted = labels[:, 1:]
        weights = (wanted != -100).double() if loss_weights is None else loss_weights[:, 1:]
        chosen = predicted.gather(2, wanted.clamp(min=0)[..., None] % KINDS)[..., 0]
        return float(-(chosen * weights * (wanted != -100)).sum())


def tensor(array: Any) -> torch.Tensor:
    """An array of numpy as a batch of one."""
    return torch.from_numpy(np.asarray(array).astype(np.int64))[None]


def loss_by_rows(model: TinyModel, samples: everyturn.Samples) -> float:
    """Each row alone."""
    total = 0.0
    for sample in samples:
        weights = sample.loss_weights
        total += model.loss(
            tensor(sample.input_ids),
            tensor(sample.labels),
            torch.arange(len(sample.input_ids))[None],
            None if weights is None else torch.from_numpy(weights)[None],
        )
    return total


def loss_by_hand(model: TinyModel, samples: everyturn.Samples) -> float:
    """Each trained token alone, after nothing but the ids before it."""
    total = 0.0
    for sample in samples:
        weights = sample.loss_weights
        for place in np.flatnonzero(sample.labels != -100).tolist():
            before = tensor(sample.input_ids[:place])
            predicted = model(before, torch.arange(place)[None])[0, -1]
            weight = 1.0 if weights is None else float(weights[place])
            total -= weight * float(predicted[int(sample.input_ids[place]) % KINDS])
    return total


def loss_padded(model: TinyModel, samples: everyturn.Samples, **options: Any) -> float:
    """All rows as one padded batch of numpy's."""
    batch = samples.pad(pad_token_id=PAD, **options)
    weights = batch.loss_weights
    return model.loss(
        torch.from_numpy(batch.input_ids),
        torch.from_numpy(batch.labels),
        torch.from_numpy(batch.position_ids),
        None if weights is None else torch.from_numpy(weights),
    )


def loss_packed(model: TinyModel, samples: everyturn.Samples, **options: Any) -> float:
    """Several rows side by side."""
    total = 0.0
    for row in samples.pack(512, **options):
        weights = None if row.loss_weights is None else torch.from_numpy(row.loss_weights)[None]
        total += model.loss(
            tensor(row.input_ids), tensor(row.labels), tensor(row.position_ids), weights
        )
    return total


def loss_collated(
    model: TinyModel,
    samples: everyturn.Samples,
    collator: Callable[[Sequence[Item]], dict[str, Any]],
    size: int,
) -> float:
    """Batches as a loader makes them."""
    loader = DataLoader(SampleDataset(samples), batch_size=size, collate_fn=collator)
    total = 0.0
    for batch in loader:
        mask = batch.pop("attention_mask", None)
        if mask is not None and "position_ids" not in batch:
            # Padding on the right: positions run from the start, and padding is after everything.
            batch["position_ids"] = torch.arange(mask.shape[1]).expand_as(mask)
        total += model.loss(**batch)
    return total


@pytest.mark.parametrize("records", [CHATS, WEIGHTED], ids=["plain", "weighted"])
def test_the_loss_is_the_same_in_every_arrangement(records: list[Record]) -> None:
    """Rows per turn, merged rows, padded and packed batches train the same tokens after the same tokens."""
    model = TinyModel()
    per_turn = expanded(records, layout="per_turn")
    merged = expanded(records, layout="merged")
    assert len(per_turn) > len(merged) > len(records), "some turns are merged, some are not"
    losses = {"by hand": loss_by_hand(model, per_turn)}
    for name, rows in (("per turn", per_turn), ("merged", merged)):
        losses[f"{name}, rows"] = loss_by_rows(model, rows)
        for side in ("right", "left"):
            losses[f"{name}, padded {side}"] = loss_padded(model, rows, side=side, multiple_of=16)
            padding: Any = PaddingCollator(pad_token_id=PAD, side=side)
            losses[f"{name}, collated {side}"] = loss_collated(model, rows, padding, 3)
        for strategy, keep in itertools.product(("bfd", "sequential"), (False, True)):
            losses[f"{name}, packed {strategy} {keep}"] = loss_packed(
                model, rows, strategy=strategy, keep_conversations=keep
            )
        losses[f"{name}, collated packs"] = loss_collated(model, rows, PackingCollator(), 4)
    expected = losses["by hand"]
    assert expected > 100
    assert losses == pytest.approx(dict.fromkeys(losses, expected), rel=1e-5)


def test_a_model_of_transformers_sees_the_same_in_padded_and_packed_batches(
    samples: everyturn.Samples,
) -> None:
    """Its own loss over our batches: positions that begin anew keep samples apart."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=int(samples.input_ids.max()) + 1,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        pad_token_id=PAD,
        bos_token_id=0,
        eos_token_id=0,
        # With a cache, models of transformers do not look whether positions begin anew.
        use_cache=False,
    )
    model: Any = LlamaForCausalLM(config).double()
    model.eval()
    dataset = SampleDataset(samples)
    trained = int(samples.trained_lengths.sum())
    losses = []
    for collator in (
        PaddingCollator(pad_token_id=PAD),
        PaddingCollator(pad_token_id=PAD, side="left", multiple_of=8),
        PackingCollator(),
    ):
        batch = collator(dataset.__getitems__(range(len(dataset))))
        with torch.no_grad():
            losses.append(float(model(**batch, num_items_in_batch=trained).loss) * trained)
    rows = 0.0
    for item in dataset:
        ids, labels = item["input_ids"][None], item["labels"][None]
        with torch.no_grad():
            rows += float(model(input_ids=ids, labels=labels, num_items_in_batch=1).loss)
    assert losses == pytest.approx([rows] * 3, rel=1e-6)
