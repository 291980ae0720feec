"""Samples in PyTorch: equal losses however they are arranged, and each sample once in any loader."""

import gc
import io
import itertools
import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.distributed
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader
from transformers import DataCollatorWithFlattening, LlamaConfig, LlamaForCausalLM

import everyturn
import everyturn.torch
from chats import Record, to_jsonl
from everyturn.torch import (
    Item,
    PackingCollator,
    PaddingCollator,
    SampleDataset,
    StreamDataset,
    TokenBatchSampler,
)

PAD = 3
SECONDS = 60


def chat(number: int, turns: int, **keys: Any) -> Record:
    """Return a conversation with reasoning, which the built-in model's template drops from history."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {number}?"})
        thought = {"reasoning_content": f"Thought {turn}."} if number % 2 else {}
        words = f"Answer {turn} to {number}. " * (1 + (number + turn) % 3)
        messages.append({"role": "assistant", "content": words, **thought})
    messages[-1] |= keys
    return {"messages": messages}


CHATS = [chat(number, 1 + number % 4) for number in range(8)]
WEIGHTED = [*CHATS, chat(8, 3, weight=0.5), chat(9, 2, weight=0.25)]


def expanded(records: Iterable[Record], **options: Any) -> everyturn.Samples:
    """Expand with the built-in model."""
    return everyturn.Expander("demo", **options).expand(to_jsonl(records))


@pytest.fixture(scope="module")
def samples() -> everyturn.Samples:
    """A row for each target."""
    return expanded(CHATS, layout="per_turn")


def test_the_public_names_are_these() -> None:
    """What can be imported is listed and documented, and nothing else is listed."""
    names = {
        "Item",
        "PackingCollator",
        "PaddingCollator",
        "SampleDataset",
        "StreamDataset",
        "TokenBatchSampler",
    }
    assert set(everyturn.torch.__all__) == names
    for name in names:
        documented = getattr(everyturn.torch, name).__doc__
        assert documented
        assert not documented.startswith(f"{name}(")


# --------------------------------------------------------------------------------------------
# Losses
# --------------------------------------------------------------------------------------------

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
        """The summed loss over the tokens with labels, each predicted from the place before it."""
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
    """Each trained token alone, behind nothing but the ids before it."""
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
            # Padding on the right: positions run from the start, and padding is behind everything.
            batch["position_ids"] = torch.arange(mask.shape[1]).expand_as(mask)
        total += model.loss(**batch)
    return total


@pytest.mark.parametrize("records", [CHATS, WEIGHTED], ids=["plain", "weighted"])
def test_the_loss_is_the_same_in_every_arrangement(records: list[Record]) -> None:
    """Rows per turn, merged rows, padded and packed batches train the same tokens behind the same tokens."""
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


# --------------------------------------------------------------------------------------------
# Workers
# --------------------------------------------------------------------------------------------

#: More lines than chunks hold, one of them blank, rows of several turns.
LINES = to_jsonl(chat(number, 1 + number % 3) for number in range(30)) + b"\n"
LINES += to_jsonl(chat(number, 2) for number in range(30, 40))
EXPANDER = everyturn.Expander("demo", layout="per_turn")


def keys_of(items: Iterable[Item]) -> list[tuple[int, tuple[int, ...]]]:
    """Line and targets of each item."""
    return [(item["line"], tuple(item["targets"])) for item in items]


EXPECTED = keys_of(StreamDataset(EXPANDER, LINES))


def as_they_come(items: list[Item]) -> list[Item]:
    """Leave a batch as it is."""
    return items


def in_batches(dataset: Any, **options: Any) -> list[Item]:
    """All that a loader gives."""
    loader: Any = DataLoader(dataset, collate_fn=as_they_come, timeout=_timeout(options), **options)
    return [item for batch in loader for item in batch]


def _timeout(options: dict[str, Any]) -> int:
    return SECONDS if options.get("num_workers") else 0


def test_a_stream_gives_what_an_expansion_gives() -> None:
    """The same samples in the same order, whatever the size of a chunk."""
    assert keys_of(StreamDataset(EXPANDER, LINES, chunk_bytes=500)) == EXPECTED
    samples = EXPANDER.expand(LINES)
    assert keys_of(SampleDataset(samples)) == EXPECTED
    first = next(iter(StreamDataset(EXPANDER, LINES)))
    assert first["input_ids"].tolist() == samples[0].input_ids.tolist()


@pytest.mark.filterwarnings("ignore:This DataLoader will create .* worker processes")
@pytest.mark.parametrize("num_workers", range(5))
@pytest.mark.parametrize("world_size", range(1, 5))
def test_each_sample_is_streamed_once(world_size: int, num_workers: int) -> None:
    """For any number of ranks and workers: all samples, none twice, and each share in order."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for rank in range(world_size):
        dataset = StreamDataset(
            EXPANDER, LINES, chunk_bytes=2_000, rank=rank, world_size=world_size
        )
        found += keys_of(in_batches(dataset, num_workers=num_workers, batch_size=4))
    assert Counter(found) == Counter(EXPECTED)


def test_files_of_one_line_are_shared_out(tmp_path: Path) -> None:
    """Shards begin with another line in each file, compressed or not."""
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_bytes(to_jsonl([chat(number, 1)]))
    shares = [
        len(list(StreamDataset(EXPANDER, str(tmp_path / "*.jsonl"), rank=rank, world_size=3)))
        for rank in range(3)
    ]
    assert shares == [2, 2, 2]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Datasets, expanders and collators reach workers that share nothing; a warning there is an error."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    samples = EXPANDER.expand(LINES)
    samples.save(tmp_path / "saved")
    saved = SampleDataset(tmp_path / "saved")
    for dataset in (StreamDataset(EXPANDER, LINES), saved):
        loader: Any = DataLoader(
            dataset,
            batch_size=4,
            collate_fn=PackingCollator(),
            num_workers=1,
            multiprocessing_context=method,
            timeout=SECONDS,
        )
        ids = torch.cat([batch["input_ids"][0] for batch in loader])
        assert ids.tolist() == samples.input_ids.tolist()


def test_a_forked_worker_can_expand_after_its_parent_did() -> None:
    """Threads of the parent are not there after a fork; the worker starts its own, loader after loader."""
    EXPANDER.expand(LINES)
    for _ in range(5):
        assert len(in_batches(StreamDataset(EXPANDER, LINES), num_workers=2)) == len(EXPECTED)
        EXPANDER.expand(LINES)


def names_of_threads(_: list[Item]) -> list[str]:
    """Return the names of the expander's threads in this process."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    names = [(task / "comm").read_text(encoding="utf-8").strip() for task in tasks]
    return [name for name in names if name.startswith("everyturn")]


@pytest.mark.parametrize(("num_threads", "threads"), [(None, 1), (3, 3)])
def test_a_worker_has_one_thread_unless_told_otherwise(
    num_threads: int | None, threads: int
) -> None:
    """Workers are many already."""
    expander = everyturn.Expander("demo", num_threads=num_threads)
    loader: Any = DataLoader(
        StreamDataset(expander, LINES),
        num_workers=1,
        collate_fn=names_of_threads,
        timeout=SECONDS,
    )
    assert {len(names) for names in loader} == {threads}


def test_workers_that_stay_give_each_epoch_whole() -> None:
    """Workers that are kept between epochs begin each at the start."""
    loader: Any = DataLoader(
        StreamDataset(EXPANDER, LINES),
        num_workers=2,
        persistent_workers=True,
        collate_fn=as_they_come,
        timeout=SECONDS,
    )
    for _ in range(3):
        assert Counter(key for batch in loader for key in keys_of(batch)) == Counter(EXPECTED)


def test_a_bad_line_in_a_worker_is_the_same_error() -> None:
    """Its class and its text reach the training loop."""
    bad = LINES + b'{"messages": [{"role": "bot", "content": "x"}]}'
    with pytest.raises(everyturn.ConversationError, match=r'<bytes>:42: message 0: .*"bot"'):
        in_batches(StreamDataset(EXPANDER, bad), num_workers=1)
    # The loader lies in a cycle with its error; forked with it, later workers would wait for it.
    gc.collect()


def test_a_loader_can_be_left_at_any_time() -> None:
    """A loop that ends early leaves nothing behind that waits."""
    for _ in range(3):
        loader: Any = DataLoader(
            StreamDataset(EXPANDER, LINES, chunk_bytes=500),
            num_workers=2,
            collate_fn=as_they_come,
            timeout=SECONDS,
        )
        next(iter(loader))
        del loader


def test_a_dataset_on_disk_pickles_as_its_path(samples: everyturn.Samples, tmp_path: Path) -> None:
    """What goes to a worker is small, and reads the same."""
    samples.save(tmp_path / "saved")
    dataset = SampleDataset(tmp_path / "saved")
    pickled = pickle.dumps(dataset)
    assert len(pickled) < 1_000
    copy = pickle.loads(pickled)  # noqa: S301 - our own pickle
    assert keys_of(copy[i] for i in range(len(copy))) == keys_of(
        dataset[i] for i in range(len(copy))
    )
    assert len(pickle.dumps(StreamDataset(EXPANDER, "chats.jsonl"))) < 10_000


@pytest.mark.parametrize(
    "source",
    ["-", iter(CHATS), ["-"], io.BytesIO(LINES)],
    ids=["stdin", "iterator", "list", "file"],
)
def test_what_can_be_read_only_once_is_no_stream(source: Any) -> None:
    """Each worker reads it, and each epoch."""
    with pytest.raises(everyturn.OptionsError, match="each worker"):
        StreamDataset(EXPANDER, source)


def test_a_share_of_the_lines_shows_no_copies() -> None:
    """Leaving out copies takes all lines in their order, which no worker sees."""
    expander = everyturn.Expander(EXPANDER.renderer, deduplicate=True)
    with pytest.raises(everyturn.OptionsError, match="deduplicate sees all lines"):
        StreamDataset(expander, LINES)


def test_the_rank_is_that_of_the_process_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where training is distributed, nobody has to say which rank this is."""
    found = []
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        found += keys_of(StreamDataset(EXPANDER, LINES))
        batches = list(TokenBatchSampler(np.arange(1, 30), max_tokens=40))
        mine = TokenBatchSampler(np.arange(1, 30), max_tokens=40, rank=rank, world_size=3)
        assert batches == list(mine)
    assert Counter(found) == Counter(EXPECTED)


@pytest.mark.parametrize(("rank", "world_size"), [(2, 2), (-1, 2), (0, None), (None, 2)])
def test_a_rank_is_one_of_its_world(rank: int | None, world_size: int | None) -> None:
    """Both are given, and go together."""
    with pytest.raises(everyturn.OptionsError, match="rank"):
        StreamDataset(EXPANDER, LINES, rank=rank, world_size=world_size)
    with pytest.raises(everyturn.OptionsError, match="rank"):
        TokenBatchSampler([1, 2], max_tokens=9, rank=rank, world_size=world_size)


# --------------------------------------------------------------------------------------------
# Resuming
# --------------------------------------------------------------------------------------------


#: Of torchdata 0.11 with PyTorch 2.15.
torchdata_warns = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")


def stream_loader(num_workers: int) -> Any:
    """A loader over a stream whose state can be saved."""
    dataset = StreamDataset(EXPANDER, LINES, chunk_bytes=1_000)
    return StatefulDataLoader(
        dataset, batch_size=5, num_workers=num_workers, collate_fn=as_they_come
    )


def sampler_loader(num_workers: int) -> Any:
    """A loader over samples in batches of tokens whose state can be saved."""
    dataset = SampleDataset(EXPANDER.expand(LINES))
    sampler = TokenBatchSampler(dataset.lengths, max_tokens=500)
    return StatefulDataLoader(
        dataset, batch_sampler=sampler, num_workers=num_workers, collate_fn=as_they_come
    )


@torchdata_warns
@pytest.mark.parametrize("make", [stream_loader, sampler_loader])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_goes_on_where_its_state_was_saved(
    make: Callable[[int], Any], num_workers: int
) -> None:
    """After any number of batches, the rest is what it would have been, and the next epoch is whole."""
    whole = [keys_of(batch) for batch in make(num_workers)]
    assert sorted(key for batch in whole for key in batch) == sorted(EXPECTED)
    stops = range(len(whole) + 1) if num_workers == 0 else (0, 1, 5, len(whole) - 1, len(whole))
    for stop in stops:
        loader = make(num_workers)
        taken = [keys_of(batch) for batch in itertools.islice(loader, stop)]
        assert taken == whole[:stop]
        resumed = make(num_workers)
        resumed.load_state_dict(pickle.loads(pickle.dumps(loader.state_dict())))  # noqa: S301 - our own
        assert [keys_of(batch) for batch in resumed] == whole[stop:], stop
        if stop in {1, len(whole)}:
            assert [keys_of(batch) for batch in resumed] == whole, "the next epoch"


@torchdata_warns
@pytest.mark.parametrize("make", [stream_loader, sampler_loader])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loader_that_had_ended_begins_anew(make: Callable[[int], Any], num_workers: int) -> None:
    """A state that was saved between two epochs is followed by a whole one."""
    loader = make(num_workers)
    whole = [keys_of(batch) for batch in loader]
    resumed = make(num_workers)
    resumed.load_state_dict(loader.state_dict())
    assert [keys_of(batch) for batch in resumed] == whole


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sampler_resumes_in_a_plain_loader(num_workers: int) -> None:
    """Loaders begin their samplers more than once before they take a batch: the position is kept until then."""
    dataset = SampleDataset(EXPANDER.expand(LINES))
    sampler = TokenBatchSampler(dataset.lengths, max_tokens=500)
    sampler.set_epoch(3)
    whole = list(sampler)
    batches = iter(sampler)
    for _ in range(2):
        next(batches)
    resumed = TokenBatchSampler(dataset.lengths, max_tokens=500)
    resumed.load_state_dict(sampler.state_dict())
    resumed.set_epoch(3)
    loader: Any = DataLoader(
        dataset,
        batch_sampler=resumed,
        num_workers=num_workers,
        collate_fn=as_they_come,
        timeout=SECONDS if num_workers else 0,
    )
    rest = [keys_of(batch) for batch in loader]
    assert rest == [keys_of(dataset.__getitems__(batch)) for batch in whole[2:]]
    assert len(list(loader)) == len(whole)


def test_a_state_is_plain_json() -> None:
    """It can be kept in any checkpoint."""
    dataset = StreamDataset(EXPANDER, LINES)
    items = iter(dataset)
    taken = keys_of(next(items) for _ in range(7))
    state = json.loads(json.dumps(dataset.state_dict()))
    other = StreamDataset(EXPANDER, LINES)
    other.load_state_dict(state)
    assert taken + keys_of(other) == EXPECTED
    sampler = TokenBatchSampler([3, 1, 2], max_tokens=3)
    next(iter(sampler))
    assert json.loads(json.dumps(sampler.state_dict())) == sampler.state_dict()


def test_a_stream_resumes_in_the_middle_of_a_conversation_and_of_files(tmp_path: Path) -> None:
    """After each sample of several files, compressed ones included, the rest is what is left."""
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(to_jsonl(chat(number, 3) for number in range(number, number + 3)))
    source = str(tmp_path / "*.jsonl")
    whole = keys_of(StreamDataset(EXPANDER, source))
    assert len(whole) == 27
    dataset = StreamDataset(EXPANDER, source, chunk_bytes=100)
    states = [(dataset.state_dict(), item["line"]) for item in dataset]
    for number, (state, _) in enumerate(states, 1):
        rest = StreamDataset(EXPANDER, source)
        rest.load_state_dict(state)
        assert keys_of(rest) == whole[number:]


def test_a_state_of_other_shards_is_refused() -> None:
    """Resuming with other ranks would lose samples and repeat some."""
    dataset = StreamDataset(EXPANDER, LINES, rank=0, world_size=2)
    next(iter(dataset))
    other = StreamDataset(EXPANDER, LINES, rank=0, world_size=3)
    other.load_state_dict(dataset.state_dict())
    with pytest.raises(everyturn.OptionsError, match="shard 0 of 2, and this is shard 0 of 3"):
        iter(other)


def test_a_state_of_another_sampler_is_refused() -> None:
    """Other lengths or options make other batches."""
    state = TokenBatchSampler([3, 1, 2], max_tokens=3).state_dict()
    for other in (
        TokenBatchSampler([3, 1, 2], max_tokens=4),
        TokenBatchSampler([3, 1, 1], max_tokens=3),
        TokenBatchSampler([3, 1, 2], max_tokens=3, seed=1),
    ):
        with pytest.raises(everyturn.OptionsError, match="the state is that of"):
            other.load_state_dict(state)


# --------------------------------------------------------------------------------------------
# Batches of tokens
# --------------------------------------------------------------------------------------------


def all_ranks(lengths: Sequence[int], world_size: int, epoch: int = 0, **options: Any) -> Any:
    """The batches of each rank."""
    batches = []
    for rank in range(world_size):
        sampler = TokenBatchSampler(lengths, rank=rank, world_size=world_size, **options)
        sampler.set_epoch(epoch)
        batches.append(list(sampler))
        assert len(sampler) == len(batches[-1])
    return batches


@given(
    lengths=st.lists(st.integers(1, 50), min_size=4, max_size=80),
    room=st.integers(0, 100),
    world_size=st.integers(1, 4),
    padded=st.booleans(),
    shuffle=st.booleans(),
)
def test_each_sample_is_in_one_batch_of_one_rank(
    lengths: list[int], room: int, world_size: int, *, padded: bool, shuffle: bool
) -> None:
    """No batch is too large, none is empty, and all ranks have as many."""
    max_tokens = max(lengths) + room
    options: dict[str, Any] = {"max_tokens": max_tokens, "padded": padded, "shuffle": shuffle}
    ranks = all_ranks(lengths, world_size, **options)
    assert len({len(batches) for batches in ranks}) == 1
    assert sorted(i for batches in ranks for batch in batches for i in batch) == list(
        range(len(lengths))
    )
    for batch in itertools.chain.from_iterable(ranks):
        of_batch = [lengths[i] for i in batch]
        size = len(of_batch) * max(of_batch) if padded else sum(of_batch)
        assert 0 < size <= max_tokens
    assert ranks == all_ranks(lengths, world_size, **options)


def test_epochs_differ_and_can_be_repeated() -> None:
    """The epoch and the seed make the batches."""
    lengths = [1 + i % 17 for i in range(300)]
    first, second, again = (all_ranks(lengths, 2, epoch, max_tokens=64) for epoch in (0, 1, 0))
    assert first == again != second
    assert first != all_ranks(lengths, 2, max_tokens=64, seed=1)
    fixed = [all_ranks(lengths, 2, epoch, max_tokens=64, shuffle=False) for epoch in (0, 1)]
    assert fixed[0] == fixed[1]


def test_batches_are_full() -> None:
    """Few tokens are missing, and few are padding where lengths vary."""
    random = np.random.default_rng(0)
    lengths = random.integers(20, 2_000, 5_000)
    packed = TokenBatchSampler(lengths, max_tokens=8_192)
    assert lengths.sum() / (len(packed) * 8_192) > 0.985
    padded = TokenBatchSampler(lengths, max_tokens=8_192, padded=True)
    room = sum(len(batch) * max(lengths[i] for i in batch) for batch in padded)
    assert lengths.sum() / room > 0.95


def test_a_sample_longer_than_a_batch_is_refused() -> None:
    """It would fit nowhere."""
    with pytest.raises(everyturn.OptionsError, match="sample 1 has 9 tokens"):
        TokenBatchSampler([1, 9], max_tokens=8)


def test_fewer_samples_than_ranks_are_refused() -> None:
    """A rank would have nothing to do, and the others would wait for it."""
    with pytest.raises(everyturn.OptionsError, match="2 samples cannot be shared by 3 ranks"):
        TokenBatchSampler([1, 1], max_tokens=8, rank=0, world_size=3)
    assert list(TokenBatchSampler([], max_tokens=8, rank=0, world_size=3)) == []


def test_a_finished_epoch_is_followed_by_the_one_that_was_chosen() -> None:
    """A state from the end of an epoch does not undo `set_epoch`."""
    lengths = [1 + i % 7 for i in range(50)]
    done = TokenBatchSampler(lengths, max_tokens=20)
    list(done)
    resumed = TokenBatchSampler(lengths, max_tokens=20)
    resumed.set_epoch(1)
    resumed.load_state_dict(done.state_dict())
    assert list(resumed) == []
    fresh = TokenBatchSampler(lengths, max_tokens=20)
    fresh.set_epoch(1)
    assert list(resumed) == list(fresh)
