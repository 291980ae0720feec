"""Files for tools that cannot be installed with the tests: each is read by the tool's own code.

The modules in `readers` run that code in processes of their own; their docstrings say which of it runs, and what of the
tool is not there.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

import everyturn
import everyturn.torchtune
from everyturn import hf, megatron
from paths import DEMO, EXAMPLE_CHATS, ROOT
from readers import isolation

HERE = Path(__file__).parent
PAD, EOS = 4087, 4089
ROW = 600
SECONDS = 300

Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Run a reader and return what it read."""
    if not isolation.FOLDER.is_dir():
        pytest.fail(f"{isolation.FOLDER} is absent: run tools/get_readers.py", pytrace=False)

    def run(reader: str, *arguments: object) -> Any:
        answer = tmp_path / "answer.json"
        paths = [os.fspath(HERE), os.environ.get("PYTHONPATH", "")]
        result = subprocess.run(
            [sys.executable, "-m", f"readers.{reader}", *map(str, arguments), str(answer)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(answer.read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="module")
def samples() -> everyturn.Samples:
    """The example chats, 16 rows."""
    return everyturn.Expander("demo").expand(EXAMPLE_CHATS)


@pytest.fixture(scope="module")
def weighted() -> everyturn.Samples:
    """A row whose target has half a weight."""
    answer = {"role": "assistant", "content": "Hey", "weight": 0.5}
    return everyturn.Expander("demo").expand(
        [{"messages": [{"role": "user", "content": "Hi"}, answer]}]
    )


def columns_of(samples: everyturn.Samples) -> dict[str, list[list[int]]]:
    """What trainers are to read."""
    return {
        "input_ids": [sample.input_ids.tolist() for sample in samples],
        "attention_mask": [[1] * len(sample.input_ids) for sample in samples],
        "labels": [sample.labels.tolist() for sample in samples],
    }


def padded(rows: list[list[int]], padding: int) -> list[list[int]]:
    """The rows, filled up on the right to the length of the longest."""
    length = max(map(len, rows))
    return [row + [padding] * (length - len(row)) for row in rows]


def padded_columns(samples: everyturn.Samples) -> dict[str, list[list[int]]]:
    """The batch that collators make of all rows."""
    columns = columns_of(samples)
    paddings = {"input_ids": PAD, "attention_mask": 0, "labels": -100}
    return {name: padded(columns[name], padding) for name, padding in paddings.items()}


# --------------------------------------------------------------------------------------------
# Folders of Hugging Face's datasets
# --------------------------------------------------------------------------------------------


def test_axolotl_takes_a_folder_as_tokenized(
    samples: everyturn.Samples, read: Read, tmp_path: Path
) -> None:
    """With the page's settings, axolotl 0.21.0 finds both parts, and pads and packs their rows as they are."""
    parts = samples.split({"train": 0.7, "test": 0.3})
    hf.save_to_disk(parts, tmp_path / "prepared")
    page = (ROOT / "docs" / "use-with" / "axolotl.md").read_text(encoding="utf-8")
    settings = yaml.safe_load(page.split("```yaml")[1].split("```")[0])
    assert settings["sample_packing"] is True
    answer = read("read_axolotl", json.dumps(settings), DEMO, tmp_path / "work")
    assert answer["train"] == columns_of(parts["train"])
    assert answer["test"] == columns_of(parts["test"])
    assert answer["steps"] == len(parts["train"])
    batch = padded_columns(parts["train"])
    width = len(batch["labels"][0])
    for name, wanted in batch.items():
        assert [row[:width] for row in answer["batch"][name]] == wanted
    expected = {tuple(sample.input_ids): sample for sample in parts["train"]}
    for rows in answer["packs"]:
        pack = {name: np.array(values[0]) for name, values in rows.items()}
        assert len(pack["input_ids"]) <= 1024
        for number in np.unique(pack["attention_mask"][pack["attention_mask"] > 0]):
            part = pack["attention_mask"] == number
            sample = expected.pop(tuple(pack["input_ids"][part]))
            assert pack["labels"][part].tolist() == sample.labels.tolist()
            assert pack["position_ids"][part].tolist() == list(range(len(sample.input_ids)))
    assert not expected


def test_llama_factory_takes_a_folder_as_tokenized(
    samples: everyturn.Samples, read: Read, tmp_path: Path
) -> None:
    """LLaMA-Factory 0.9.5 loads both parts as they are and collates the rows."""
    parts = samples.split({"train": 0.7, "validation": 0.3})
    hf.save_to_disk(parts, tmp_path / "data")
    answer = read("read_llama_factory", tmp_path / "data", DEMO)
    assert answer["train"] == columns_of(parts["train"])
    assert answer["eval"] == columns_of(parts["validation"])
    batch = padded_columns(parts["train"])
    width = len(batch["labels"][0])
    for name, wanted in batch.items():
        assert [row[:width] for row in answer["batch"][name]] == wanted


def test_samples_alone_are_a_dataset_that_knows_its_origin(
    samples: everyturn.Samples, tmp_path: Path
) -> None:
    """Without parts the folder is a `Dataset`; its description has the metadata; other columns come on request."""
    columns = ["input_ids", "labels", "conversation_id", "line"]
    hf.save_to_disk(samples, tmp_path / "data", columns=columns)
    dataset = datasets.load_from_disk(str(tmp_path / "data"))
    assert isinstance(dataset, datasets.Dataset)
    assert dataset.column_names == columns
    assert dataset["conversation_id"][:] == samples.conversation_id
    assert json.loads(dataset.info.description) == samples.metadata
    assert hf.to_dataset(samples).to_dict() == columns_of(samples)
    kinds = {
        name: feature.feature.dtype for name, feature in hf.to_dataset(samples).features.items()
    }
    assert kinds == {"input_ids": "int32", "attention_mask": "int8", "labels": "int32"}


def test_a_folder_appears_when_it_is_whole(
    samples: everyturn.Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any file in a folder makes it a finished one for axolotl: what fails leaves none, and nothing is replaced."""
    whole = datasets.Dataset.save_to_disk

    def fail(dataset: datasets.Dataset, path: Path, **more: Any) -> None:
        whole(dataset, path, **more)
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(datasets.Dataset, "save_to_disk", fail)
        with pytest.raises(OSError, match="disk full"):
            hf.save_to_disk(samples, tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
    hf.save_to_disk(samples, tmp_path / "data")
    with pytest.raises(FileExistsError, match="data"):
        hf.save_to_disk(samples, tmp_path / "data")


def test_a_dataset_refuses_what_it_would_lose(weighted: everyturn.Samples) -> None:
    """Weights need their column, and columns that are not there are named."""
    with pytest.raises(everyturn.SampleError, match=r"3 of 3 trained tokens .*\(such as 0\.5\)"):
        hf.to_dataset(weighted)
    dataset = hf.to_dataset(weighted, columns=[*hf.COLUMNS, "loss_weights"])
    assert weighted.loss_weights is not None
    assert dataset["loss_weights"][0] == weighted.loss_weights.tolist()
    with pytest.raises(everyturn.OptionsError, match=r"columns: 'label' is unknown; .*labels"):
        hf.to_dataset(weighted, columns=["label"])


def test_parts_have_the_same_columns_where_one_has_weights(
    weighted: everyturn.Samples, samples: everyturn.Samples
) -> None:
    """A part of weights 0 and 1 gets the column as well."""
    columns = [*hf.COLUMNS, "loss_weights"]
    features = [hf.to_dataset(part, columns=columns).features for part in (weighted, samples)]
    assert features[0] == features[1]


# --------------------------------------------------------------------------------------------
# Packs in Parquet, and Megatron-Bridge
# --------------------------------------------------------------------------------------------


def test_packs_in_parquet_hold_what_packs_hold(
    samples: everyturn.Samples, weighted: everyturn.Samples, tmp_path: Path
) -> None:
    """Columns, types and metadata, with weights only where there are some."""
    for some in (samples, weighted, samples.select([])):
        packed = some.pack(ROW, strategy="sequential")
        packed.to_parquet(tmp_path / "packs.parquet")
        table = pq.read_table(tmp_path / "packs.parquet")
        lists = pa.list_(pa.field("element", pa.int32()))
        kinds = dict(zip(table.column_names, table.schema.types, strict=True))
        weights = kinds.pop("loss_weights", None)
        assert (weights is None) is (packed.loss_weights is None)
        assert kinds == {
            "input_ids": lists,
            "labels": lists,
            "seq_lengths": lists,
            "length": pa.int32(),
            "n_trained": pa.int32(),
        }
        assert table.schema.equals(packed.to_arrow().schema)
        metadata = json.loads(table.schema.metadata[b"everyturn"])
        packing = {"max_length": ROW, "strategy": "sequential", "keep_conversations": False}
        assert metadata == some.metadata | {"packing": packing} == packed.metadata
        assert table.num_rows == len(packed)
        for read_row, row in zip(table.to_pylist(), packed, strict=True):
            if row.loss_weights is not None:
                assert read_row.pop("loss_weights") == row.loss_weights.tolist()
            assert read_row == {
                "input_ids": row.input_ids.tolist(),
                "labels": row.labels.tolist(),
                "seq_lengths": row.seq_lengths.tolist(),
                "length": len(row.input_ids),
                "n_trained": int((row.labels != -100).sum()),
            }


def test_megatron_bridge_trains_the_same_tokens_behind_the_same_prompts(
    samples: everyturn.Samples, read: Read, tmp_path: Path
) -> None:
    """Megatron-Bridge 0.6.2 takes all tokens of a sample but the last as inputs, and all but the first as labels."""
    packed = samples.pack(ROW)
    megatron.to_parquet(packed, tmp_path / "train.idx.parquet", eos_token_id=EOS)
    answer = read("read_megatron_bridge", tmp_path / "train.idx.parquet", EOS, ROW)
    assert len(answer["rows"]) == len(packed)
    batch = {name: np.array(rows) for name, rows in answer["batch"].items()}
    for number, row in enumerate(packed):
        held = [samples[index] for index in row.samples]
        wanted = {
            "tokens": [sample.input_ids[:-1] for sample in held],
            "labels": [sample.input_ids[1:] for sample in held],
            "loss_mask": [sample.labels[1:] != -100 for sample in held],
            "position_ids": [np.arange(len(sample.input_ids) - 1) for sample in held],
        }
        length = len(row.input_ids) - len(held)
        for name, parts in wanted.items():
            assert batch[name][number, :length].tolist() == np.concatenate(parts).tolist(), name
        assert not batch["loss_mask"][number, length:].any()
        bounds = np.cumsum([0, *(len(sample.input_ids) - 1 for sample in held)])
        assert batch["cu_seqlens_q"][number, : len(bounds)].tolist() == bounds.tolist()
    assert int(batch["loss_mask"].sum()) == int((samples.labels != -100).sum())


def test_rows_lie_in_groups_of_500(samples: everyturn.Samples, tmp_path: Path) -> None:
    """The reader keeps one group in memory; the column types are those that its documentation names."""
    many = samples.select([12] * 1_100).pack(int(samples.lengths[12]))
    megatron.to_parquet(many, tmp_path / "train.idx.parquet", eos_token_id=EOS)
    file = pq.ParquetFile(tmp_path / "train.idx.parquet")
    groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert groups == [500, 500, 100]
    kinds = {field.name: field.type.value_type for field in file.schema_arrow}
    assert kinds == {"input_ids": pa.int32(), "loss_mask": pa.int8(), "seq_start_id": pa.int32()}


def test_megatron_files_refuse_what_they_would_lose(
    samples: everyturn.Samples, weighted: everyturn.Samples, tmp_path: Path
) -> None:
    """Weights; a token trained after the end-of-sequence token, whose loss the reader takes off; another name."""
    path = tmp_path / "train.idx.parquet"
    with pytest.raises(everyturn.SampleError, match="loss weight other than 1"):
        megatron.to_parquet(weighted.pack(ROW), path, eos_token_id=EOS)
    first_trained = int(samples[3].input_ids[np.flatnonzero(samples[3].labels != -100)[0]])
    with pytest.raises(everyturn.SampleError, match=r"the first in sample 3;"):
        megatron.to_parquet(
            samples.select([0, 1, 2, 3]).pack(ROW), path, eos_token_id=first_trained
        )
    everything = everyturn.Expander("demo", train_on="all_tokens").expand(EXAMPLE_CHATS)
    with pytest.raises(everyturn.SampleError, match=f"follow the token {EOS}"):
        megatron.to_parquet(everything.pack(ROW), path, eos_token_id=EOS)
    with pytest.raises(everyturn.OptionsError, match=r"must end in \.idx\.parquet"):
        megatron.to_parquet(samples.pack(ROW), tmp_path / "train.parquet", eos_token_id=EOS)
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------
# torchtune
# --------------------------------------------------------------------------------------------


def test_torchtune_collates_samples_and_packs(
    samples: everyturn.Samples, read: Read, tmp_path: Path
) -> None:
    """The collators of torchtune 0.6.1 take both; its own packing of the samples gives the same packs in sequence."""
    sequential = samples.pack(ROW, strategy="sequential")
    items: dict[str, list[Any]] = {
        "samples": list(everyturn.torchtune.SampleDataset(samples)),
        "packs": list(everyturn.torchtune.PackedDataset(sequential, pad_token_id=PAD)),
    }
    torch.save(items, tmp_path / "items.pt")
    answer = read("read_torchtune", tmp_path / "items.pt", PAD, ROW)
    batch = padded_columns(samples)
    assert answer["padded"] == {"tokens": batch["input_ids"], "labels": batch["labels"]}
    assert answer["packed"] == answer["repacked"]
    assert answer["seq_lens"] == [item["seq_lens"].tolist() for item in items["packs"]]
    for number, row in enumerate(sequential):
        packed = {name: np.array(rows[number]) for name, rows in answer["packed"].items()}
        for start, end in zip(row.cu_seqlens, row.cu_seqlens[1:], strict=False):
            mask = packed["mask"][start:end]
            assert (mask[:, start:end] == np.tri(end - start, dtype=bool)).all()
            assert mask.sum() == np.tri(end - start).sum()


def test_torchtune_has_no_weights(weighted: everyturn.Samples) -> None:
    """So samples with some are refused."""
    with pytest.raises(everyturn.SampleError, match="torchtune's items cannot hold it"):
        everyturn.torchtune.SampleDataset(weighted)
    with pytest.raises(everyturn.SampleError, match="torchtune's items cannot hold it"):
        everyturn.torchtune.PackedDataset(weighted.pack(ROW), pad_token_id=PAD)
