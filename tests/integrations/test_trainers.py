"""Real trainers train from the files as they are, and the loss is the one that the samples mean.

TRL's `SFTTrainer` and transformers' `Trainer` train a tiny model of random weights on the CPU, all rows in each step.
By hand means: each row of the `per_turn` samples alone, without padding, mask or positions, and the losses of its
trained tokens summed in float64. transformers computes losses in float32, hence the tolerances.

Packed rows are kept apart by positions that begin anew: without an attention mask, transformers finds the samples by
them and masks each from the others (`sdpa` attention, as on the CPU; flash attention takes their bounds).
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import datasets
import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    DataCollatorWithFlattening,
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from trl import SFTConfig, SFTTrainer

import everyturn
from everyturn.torch import TreeCollator
from paths import DEMO, EXAMPLE_CHATS

STEPS = 3
RATE = 0.2
PAD = 0
LONGEST_SAMPLE = 200
LONGEST_ROW = 700

Rows: TypeAlias = datasets.Dataset
Losses: TypeAlias = dict[str, float]


def tiny_model() -> LlamaForCausalLM:
    """Return a model whose weights are large enough that each token before it changes the loss of a token."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=4096,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        initializer_range=0.5,
        tie_word_embeddings=True,
        use_cache=False,
    )
    return LlamaForCausalLM(config).double()


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Small tensors gain nothing from threads that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def expanded(layout: str) -> everyturn.Samples:
    """The example chats, except those with a long sample, which would make the padded rectangles large."""

    def expand(layout: Any) -> everyturn.Samples:
        return everyturn.Expander("demo", layout=layout).expand(EXAMPLE_CHATS)

    samples, merged = expand(layout), expand("merged")
    long = merged.line[merged.lengths > LONGEST_SAMPLE]
    return samples.select(np.flatnonzero(~np.isin(samples.line, long)))


# --------------------------------------------------------------------------------------------
# By hand
# --------------------------------------------------------------------------------------------


def token_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of each token, float64[T]; 0 where it has no label. Each is predicted from the position before."""
    chances = logits[:-1].double().log_softmax(dim=-1)
    wanted = labels[1:]
    chosen = chances.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
    return torch.cat([torch.zeros(1), -chosen * (wanted != -100)])


def loss_by_hand(model: LlamaForCausalLM, sample: everyturn.Sample) -> torch.Tensor:
    """The summed loss of one row, alone."""
    ids = torch.from_numpy(sample.input_ids.astype(np.int64))
    labels = torch.from_numpy(sample.labels.astype(np.int64))
    return token_losses(model(input_ids=ids[None]).logits[0], labels).sum()


def losses_by_conversation(model: LlamaForCausalLM, samples: everyturn.Samples) -> Losses:
    """The summed losses of the rows of each conversation."""
    losses: Losses = defaultdict(float)
    with torch.no_grad():
        for sample in samples:
            losses[sample.conversation_id] += float(loss_by_hand(model, sample))
    return losses


@dataclasses.dataclass(frozen=True)
class Training:
    """What training by hand gives: the loss over the trained tokens of each step, and the model after the last."""

    losses: list[float]
    model: LlamaForCausalLM


@pytest.fixture(scope="module")
def per_turn() -> everyturn.Samples:
    """A row for each target."""
    return expanded("per_turn")


@pytest.fixture(scope="module")
def by_hand(per_turn: everyturn.Samples) -> Training:
    """A few steps of gradient descent on the mean loss of all trained tokens."""
    model = tiny_model()
    trained = int((per_turn.labels != -100).sum())
    losses = []
    for _ in range(STEPS):
        model.zero_grad()
        total = 0.0
        for sample in per_turn:
            loss = loss_by_hand(model, sample) / trained
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        losses.append(total)
        with torch.no_grad():
            for weight in model.parameters():
                assert weight.grad is not None
                weight.sub_(RATE * weight.grad)
    return Training(losses, model)


# --------------------------------------------------------------------------------------------
# Trainers
# --------------------------------------------------------------------------------------------


class Recorder(TrainerCallback):
    """Keeps the losses that a trainer logs."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the loss of a step."""
        del args, state, control
        if "loss" in kwargs["logs"]:
            self.losses.append(kwargs["logs"]["loss"])


def options(rows: Rows, folder: Path) -> dict[str, Any]:
    """Plain gradient descent over all rows in each step."""
    return {
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": len(rows),
        "max_steps": STEPS,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "optim": "sgd",
        "max_grad_norm": 0,
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "dataloader_pin_memory": False,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "remove_unused_columns": "subtree_end" not in rows.column_names,
    }


def with_trl(rows: Rows, folder: Path, *, padding_free: bool) -> Trainer:
    """TRL's trainer, with the flag that the samples are prepared."""
    arguments = SFTConfig(
        **options(rows, folder),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        padding_free=padding_free,
    )
    trainer: Trainer = SFTTrainer(
        model=tiny_model(),
        args=arguments,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(DEMO),
        data_collator=tree_collator(rows),
    )
    return trainer


def tree_collator(rows: Rows) -> TreeCollator | None:
    """What makes batches of trees; trainers have their own for other rows."""
    return TreeCollator(pad_token_id=PAD) if "subtree_end" in rows.column_names else None


def with_transformers(rows: Rows, folder: Path, *, padding_free: bool, **more: Any) -> Trainer:
    """The trainer of transformers, with the collator that pads or the one that packs."""
    arguments: Any = options(rows, folder) | more
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    flattening: Any = DataCollatorWithFlattening
    collator: Any = flattening() if padding_free else DataCollatorForSeq2Seq(tokenizer)
    collator = tree_collator(rows) or collator
    return Trainer(
        model=tiny_model(),
        args=TrainingArguments(**arguments),
        train_dataset=rows,
        data_collator=collator,
    )


Make = Callable[..., Trainer]
TREES = [
    pytest.param(with_trl, "tree", False, id="trl-tree"),
    pytest.param(with_transformers, "tree", False, id="transformers-tree"),
]
FILES = [
    pytest.param(with_trl, "per_turn", False, id="trl-per_turn"),
    pytest.param(with_trl, "merged", False, id="trl-merged"),
    pytest.param(with_trl, "merged", True, id="trl-padding_free"),
    pytest.param(with_trl, "packed", True, id="trl-packed"),
    pytest.param(with_transformers, "per_turn", False, id="transformers-per_turn"),
    pytest.param(with_transformers, "merged", False, id="transformers-merged"),
    pytest.param(with_transformers, "merged", True, id="transformers-flattened"),
]


def written(kind: str, folder: Path) -> tuple[Rows, list[list[str]]]:
    """The rows of a file of this kind, as `datasets` reads them, and the conversations side by side in each."""
    file = folder / "train.parquet"
    samples = expanded("merged" if kind == "packed" else kind)
    if kind == "packed":
        packed = samples.pack(LONGEST_ROW)
        assert 1 < len(packed) < len(samples)
        packed.to_parquet(file)
        names = [[samples[int(index)].conversation_id for index in row.samples] for row in packed]
    else:
        samples.to_parquet(file)
        names = [[name] for name in samples.conversation_id]
    rows = datasets.load_dataset(
        "parquet", data_files=str(file), split="train", cache_dir=str(folder / "cache")
    )
    return rows, names


@pytest.mark.parametrize(("make", "kind", "padding_free"), [*FILES, *TREES])
def test_training_from_a_file_is_training_on_every_target(
    make: Make, kind: str, *, padding_free: bool, by_hand: Training, tmp_path: Path
) -> None:
    """Each step's loss is that by hand over `per_turn` samples, and so are the weights after the last step."""
    rows, _ = written(kind, tmp_path)
    trainer = make(rows, tmp_path, padding_free=padding_free)
    recorder = Recorder()
    trainer.add_callback(recorder)
    trainer.train()
    assert recorder.losses == pytest.approx(by_hand.losses, rel=1e-5)
    assert by_hand.losses[-1] < 0.99 * by_hand.losses[0]
    model = trainer.model
    assert isinstance(model, LlamaForCausalLM)
    start = dict(tiny_model().named_parameters())
    for name, weight in by_hand.model.named_parameters():
        moved = (weight - start[name]).abs().max().detach()
        assert moved > 0
        torch.testing.assert_close(
            model.get_parameter(name), weight, rtol=0, atol=float(moved) * 1e-4
        )


@pytest.mark.parametrize(("make", "kind", "padding_free"), FILES)
def test_each_conversation_has_its_loss(
    make: Make, kind: str, *, padding_free: bool, per_turn: everyturn.Samples, tmp_path: Path
) -> None:
    """What a trainer's collator makes of each row has the losses of its conversations, one by one."""
    rows, conversations = written(kind, tmp_path)
    trainer = make(rows, tmp_path, padding_free=padding_free)
    columns = rows.select_columns(
        [name for name in ("input_ids", "labels", "seq_lengths") if name in rows.column_names]
    )
    model = tiny_model()
    losses: Losses = defaultdict(float)
    for row, names in zip(columns, conversations, strict=True):
        lengths = row.get("seq_lengths", [len(row["input_ids"])])
        batch = trainer.data_collator([row])
        assert batch["input_ids"].tolist() == [row["input_ids"]]
        with torch.no_grad():
            by_token = token_losses(model(**batch).logits[0], batch["labels"][0])
        for name, part in zip(names, torch.split(by_token, lengths), strict=True):
            losses[name] += float(part.sum())
    wanted = losses_by_conversation(model, per_turn)
    assert len(wanted) > 5
    assert losses == pytest.approx(wanted, rel=1e-6)


def test_packed_rows_without_their_lengths_have_another_loss(
    per_turn: everyturn.Samples, tmp_path: Path
) -> None:
    """Where positions do not begin anew, samples see those before them: so equal losses mean something."""
    rows, _ = written("packed", tmp_path)
    model = tiny_model()
    collator = with_trl(rows, tmp_path, padding_free=True).data_collator
    total = 0.0
    for row in rows.select_columns(["input_ids", "labels"]):
        batch = collator([row])
        with torch.no_grad():
            total += float(token_losses(model(**batch).logits[0], batch["labels"][0]).sum())
    wanted = sum(losses_by_conversation(model, per_turn).values())
    assert abs(total / wanted - 1) > 1e-3


@pytest.mark.parametrize("counts_itself", [True, False])
def test_rows_are_grouped_by_length(tmp_path: Path, *, counts_itself: bool) -> None:
    """Training starts with the longest row: by its ids, or by the column `length` where no column is taken away.

    transformers 5.23 takes unknown columns away before its sampler looks for the column.
    """
    rows, _ = written("merged", tmp_path)
    backwards = rows.remove_columns("length").add_column("length", rows["length"][::-1])
    for some in (rows, backwards):
        trainer = with_transformers(
            some,
            tmp_path,
            padding_free=True,
            train_sampling_strategy="group_by_length",
            per_device_train_batch_size=2,
            remove_unused_columns=counts_itself,
        )
        lengths = [len(ids) for ids in some["input_ids"]] if counts_itself else some["length"]
        longest = some[int(np.argmax(lengths))]["input_ids"]
        first = next(iter(trainer.get_train_dataloader()))
        assert first["input_ids"][0, : len(longest)].tolist() == longest
