"""Samples as Arrow tables and as Parquet files."""

import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import everyturn
import everyturn.samples.parquet
import everyturn.samples.writer
from chats import Record, named_chat, to_jsonl
from everyturn.exceptions import InputError
from sample_rows import CHATS, WEIGHTED, Row, rows_of


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """A row for each target."""
    return everyturn.Expander("demo", layout="per_turn")


@pytest.fixture(scope="module")
def samples(expander: everyturn.Expander) -> everyturn.Samples:
    """Six rows without weights."""
    return expander.expand(to_jsonl(CHATS))


@pytest.fixture(scope="module")
def weighted(expander: everyturn.Expander) -> everyturn.Samples:
    """Three rows, the first with half a weight."""
    return expander.expand(to_jsonl(WEIGHTED))


# --------------------------------------------------------------------------------------------
# Arrow
# --------------------------------------------------------------------------------------------

COLUMNS: dict[str, Any] = {
    "input_ids": pa.list_(pa.int32()),
    "labels": pa.list_(pa.int32()),
    "length": pa.int32(),
    "n_trained": pa.int32(),
    "conversation_id": pa.string(),
    "file": pa.string(),
    "line": pa.int64(),
    "targets": pa.list_(pa.int32()),
    "depth_from_end": pa.list_(pa.int32()),
}
WEIGHTS: dict[str, Any] = {"loss_weights": pa.list_(pa.float32())}


def types_of(table: Any) -> dict[str, Any]:
    """The columns of a table with their types, in order."""
    return {field.name: field.type for field in table.schema}


@pytest.mark.parametrize("records", [CHATS, WEIGHTED, []], ids=["plain", "weighted", "empty"])
def test_a_table_has_the_documented_columns(
    expander: everyturn.Expander, records: list[Record]
) -> None:
    """Names, order and types are fixed; weights are a column only where they say something."""
    samples = expander.expand(to_jsonl(records))
    has_weights = records is WEIGHTED
    table = samples.to_arrow()
    expected = {**COLUMNS, **WEIGHTS} if has_weights else COLUMNS
    assert types_of(table) == expected
    assert list(types_of(table)) == list(expected)
    assert table.to_pylist() == rows_of(samples, with_weights=has_weights)


def test_weights_of_0_and_1_make_no_column(expander: everyturn.Expander) -> None:
    """They say no more than the labels do."""
    records = [
        named_chat("Ada", 2, weight=0),
        named_chat("Bob", 1, weight=1.0),
        named_chat("Eve", 1, train=True),
        named_chat("Kim", 2, loss=False),
    ]
    assert types_of(expander.expand(to_jsonl(records)).to_arrow()) == COLUMNS


def test_the_metadata_says_how_samples_were_made(expander: everyturn.Expander) -> None:
    """Version, fingerprint and every option that changes a row travel in the schema."""
    made = everyturn.Expander(expander.renderer, layout="per_turn", train_on="marked", max_length=9)
    metadata = json.loads(made.expand(b"").to_arrow().schema.metadata[b"everyturn"])
    assert metadata == {
        "version": everyturn.__version__,
        "fingerprint": expander.renderer.fingerprint,
        "serve": "vllm",
        "server": "vLLM 0.33.0",
        "content_format": expander.renderer.content_format,
        "stop_token": None,
        "tokenizer": "file",
        "now": None,
        "options": {
            "train_on": "marked",
            "layout": "per_turn",
            "max_length": 9,
            "overflow": "error",
            "history_turns": None,
            "max_prompt_tokens": None,
            "prompt_mismatch": "error",
            "header": "as_rendered",
            "thinking": "as_rendered",
            "control_tokens": "warn",
            "normalize": "none",
            "deduplicate": False,
            "keep": {},
            "keep_texts": False,
            "provenance": False,
            "input_format": "auto",
            "map": None,
            "roles": None,
            "undesired": "error",
            "media": "error",
            "non_finite": "error",
            "on_error": "raise",
        },
    }


@pytest.mark.parametrize("most", [1, 60, 150])
def test_lists_beyond_32_bit_offsets_are_split_into_chunks(
    samples: everyturn.Samples,
    weighted: everyturn.Samples,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """No chunk holds more elements than offsets can address, save one of a single row; rows stay."""
    both = everyturn.Samples.concatenate([samples, weighted])
    expected = both.to_arrow()
    monkeypatch.setattr(everyturn.samples.parquet, "_MAX_LIST_ELEMENTS", most)
    table = both.to_arrow()
    assert table.to_pylist() == expected.to_pylist()
    assert types_of(table) == types_of(expected)
    for name in ("input_ids", "labels", "loss_weights"):
        chunks = table[name].chunks
        assert len(chunks) > 1
        for chunk in chunks:
            assert len(chunk) == 1 or len(chunk.flatten()) <= most
            assert len(chunk) > 0


# --------------------------------------------------------------------------------------------
# Parquet
# --------------------------------------------------------------------------------------------


def read(path: Path) -> list[Row]:
    """The rows of a Parquet file."""
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


@pytest.mark.parametrize("records", [CHATS, WEIGHTED, []], ids=["plain", "weighted", "empty"])
def test_a_file_holds_the_table(
    expander: everyturn.Expander, tmp_path: Path, records: list[Record]
) -> None:
    """Columns, types, rows and metadata come back; nothing else lies in the folder."""
    samples = expander.expand(to_jsonl(records))
    path = tmp_path / "rows.parquet"
    samples.to_parquet(path)
    table = pq.read_table(path)
    assert types_of(table) == types_of(samples.to_arrow())
    assert table.to_pylist() == rows_of(samples, with_weights=records is WEIGHTED)
    assert table.schema.metadata[b"everyturn"] == samples.to_arrow().schema.metadata[b"everyturn"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("records", [CHATS, WEIGHTED], ids=["plain", "weighted"])
def test_datasets_loads_the_file_as_it_is(
    expander: everyturn.Expander, tmp_path: Path, records: list[Record]
) -> None:
    """What trainers load with has the same columns and the same rows."""
    samples = expander.expand(to_jsonl(records))
    samples.to_parquet(tmp_path / "rows.parquet")
    loaded = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "rows.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded.to_list() == rows_of(samples, with_weights=records is WEIGHTED)
    assert list(loaded.features) == list(types_of(samples.to_arrow()))


@pytest.mark.parametrize("order", ["plain first", "weighted first", "empty first"])
def test_weights_are_right_for_rows_of_earlier_and_later_parts(
    expander: everyturn.Expander,
    samples: everyturn.Samples,
    weighted: everyturn.Samples,
    tmp_path: Path,
    order: str,
) -> None:
    """However the parts come, the file is that of all of them at once."""
    parts = {
        "plain first": [samples, samples, weighted, samples, weighted],
        "weighted first": [weighted, samples],
        "empty first": [expander.expand(b""), samples, weighted],
    }[order]
    path = tmp_path / "rows.parquet"
    with everyturn.samples.writer.Writer(path) as writer:
        for part in parts:
            writer.write(part)
    expected = [row for part in parts for row in rows_of(part, with_weights=True)]
    assert read(path) == expected
    assert types_of(pq.read_table(path)) == {**COLUMNS, **WEIGHTS}
    assert list(tmp_path.iterdir()) == [path]


def test_parts_without_weights_make_no_column(samples: everyturn.Samples, tmp_path: Path) -> None:
    """The column is there only where a part needs it."""
    path = tmp_path / "rows.parquet"
    with everyturn.samples.writer.Writer(path) as writer:
        writer.write(samples)
        writer.write(samples)
    assert read(path) == rows_of(samples) * 2


@pytest.mark.parametrize("most", [1, 100])
def test_row_groups_change_no_row(
    samples: everyturn.Samples,
    weighted: everyturn.Samples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """A file in many groups holds the same rows, also where weights come late."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", most)
    path = tmp_path / "rows.parquet"
    with everyturn.samples.writer.Writer(path) as writer:
        writer.write(samples)
        writer.write(weighted)
    assert read(path) == [
        *rows_of(samples, with_weights=True),
        *rows_of(weighted, with_weights=True),
    ]
    with pq.ParquetFile(path) as file:
        groups = [file.read_row_group(group) for group in range(file.num_row_groups)]
    assert len(groups) > 2
    for group in groups:
        assert len(group) == 1 or sum(group["length"].to_pylist()) <= most


class BrokenOffError(Exception):
    """What goes wrong while a file is written."""


def write_and_break_off(path: Path, parts: list[everyturn.Samples]) -> None:
    """Write some parts, and then fail."""
    with everyturn.samples.writer.Writer(path) as writer:
        for part in parts:
            writer.write(part)
        raise BrokenOffError


@pytest.mark.parametrize("parts", [0, 1, 2, 3])
def test_a_file_that_is_not_whole_is_not_there(
    samples: everyturn.Samples, weighted: everyturn.Samples, tmp_path: Path, parts: int
) -> None:
    """An exception leaves the folder as it was, before and after weights have come."""
    fresh, old = tmp_path / "fresh.parquet", tmp_path / "old.parquet"
    samples.to_parquet(old)
    before = old.read_bytes()
    for path in (fresh, old):
        with pytest.raises(BrokenOffError):
            write_and_break_off(path, [samples, weighted, samples][:parts])
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == before


def test_a_file_replaces_an_older_one_when_it_is_whole(
    samples: everyturn.Samples, weighted: everyturn.Samples, tmp_path: Path
) -> None:
    """Until then, whoever reads the name reads the older file."""
    path = tmp_path / "rows.parquet"
    samples.to_parquet(path)
    with everyturn.samples.writer.Writer(path) as writer:
        writer.write(weighted)
        assert read(path) == rows_of(samples)
    assert read(path) == rows_of(weighted, with_weights=True)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_get_its_name_leaves_nothing(
    samples: everyturn.Samples, tmp_path: Path
) -> None:
    """Where a folder has the name, that is an error and no other file stays."""
    (tmp_path / "rows.parquet").mkdir()
    with pytest.raises(OSError, match="rows"):
        samples.to_parquet(tmp_path / "rows.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]
    assert list((tmp_path / "rows.parquet").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["labels", "targets", "run_kinds", "message_facts", "subtree_end", "conversation_id"]
)
def test_a_file_that_lacks_a_column_of_its_samples_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever tool has left it out."""
    expander = everyturn.Expander("demo", layout="tree", provenance=True)
    table = expander.expand(to_jsonl(CHATS)).to_arrow()
    pq.write_table(table.drop([name]), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=f"lacks columns that its samples have: {name}"):
        everyturn.Samples.from_parquet(tmp_path / "rows.parquet")
