"""Samples as arrays, as Arrow tables and as Parquet files."""

import json
import re
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import everyturn
import everyturn.io.parquet
from conftest import Record, to_jsonl

Row = dict[str, Any]


def chat(name: str, turns: int, **keys: Any) -> Record:
    """Return a conversation; the keys go to its last answer."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {name}?"})
        messages.append({"role": "assistant", "content": f"Answer {turn} to {name}. " * (turn + 1)})
    messages[-1] |= keys
    return {"messages": messages}


#: Two targets, one, three: as many rows in the layout `per_turn`.
CHATS = [chat("Ada", 2), chat("Bob", 1), chat("Zoë", 3)]
WEIGHTED = [chat("Eve", 1, weight=0.5), chat("Kim", 2)]


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


def columns_of(sample: everyturn.Sample, *, with_weights: bool = False) -> Row:
    """The row of a Parquet file that a sample has to be."""
    row: Row = {
        "input_ids": sample.input_ids.tolist(),
        "labels": sample.labels.tolist(),
        "length": len(sample.input_ids),
        "n_trained": sum(label != -100 for label in sample.labels.tolist()),
        "conversation_id": sample.conversation_id,
        "file": sample.file,
        "line": sample.line,
        "targets": sample.targets.tolist(),
    }
    if with_weights:
        weights = sample.loss_weights
        row["loss_weights"] = (
            [float(label != -100) for label in row["labels"]]
            if weights is None
            else weights.tolist()
        )
    return row


def rows_of(samples: everyturn.Samples, *, with_weights: bool = False) -> list[Row]:
    """All rows of some samples."""
    return [columns_of(sample, with_weights=with_weights) for sample in samples]


# --------------------------------------------------------------------------------------------
# Arrays
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("records", [CHATS, WEIGHTED, []], ids=["plain", "weighted", "empty"])
def test_arrays_have_the_documented_types_and_shapes(
    expander: everyturn.Expander, records: list[Record]
) -> None:
    """Flat arrays of tokens and targets, offsets one longer than the rows, and one entry a row."""
    samples = expander.expand(to_jsonl(records))
    rows = sum(len(record["messages"]) // 2 for record in records)
    tokens, targets = int(samples.offsets[-1]), rows
    documented = {
        "input_ids": (np.int32, (tokens,)),
        "labels": (np.int32, (tokens,)),
        "offsets": (np.int64, (rows + 1,)),
        "file": (np.int32, (rows,)),
        "line": (np.int64, (rows,)),
        "targets": (np.int32, (targets,)),
        "target_offsets": (np.int64, (rows + 1,)),
        "conversation_hashes": (np.uint8, (rows, 16)),
    }
    found = {name: getattr(samples, name) for name in documented}
    assert {name: (array.dtype.type, array.shape) for name, array in found.items()} == documented
    assert len(samples) == rows
    assert samples.offsets[0] == samples.target_offsets[0] == 0
    assert samples.target_offsets[-1] == targets
    if records is WEIGHTED:
        assert samples.loss_weights is not None
        assert samples.loss_weights.dtype == np.float32
        assert samples.loss_weights.shape == (tokens,)
    else:
        assert samples.loss_weights is None


def test_origins_are_told_for_each_row(samples: everyturn.Samples) -> None:
    """Lines count from 1, messages from 0; rows come in the order of their targets."""
    assert samples.line.tolist() == [1, 1, 2, 3, 3, 3]
    assert samples.targets.tolist() == [1, 3, 1, 1, 3, 5]
    assert samples.target_offsets.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert list(samples.files) == ["<bytes>"]
    assert samples.file.tolist() == [0] * 6


def test_labels_are_the_ids_unshifted_or_minus_100(samples: everyturn.Samples) -> None:
    """A label stands at the place of its own token; a row ends with what is trained."""
    renderer = everyturn.Renderer.from_dir("demo")
    for sample, number in zip(samples, [0, 1, 0, 0, 1, 2], strict=True):
        trained = sample.labels != -100
        assert sample.labels[trained].tolist() == sample.input_ids[trained].tolist()
        assert sample.trained_ids.tolist() == sample.input_ids[trained].tolist()
        assert trained.tolist() == sorted(trained.tolist()), "the prompt, then the completion"
        assert renderer.decode(sample.trained_ids).startswith(f"Answer {number} to ")


def test_weights_are_those_of_the_messages(weighted: everyturn.Samples) -> None:
    """0 where nothing is trained, else the weight; rows without one have ones."""
    assert weighted.loss_weights is not None
    for row, weight in enumerate([0.5, 1.0, 1.0]):
        sample = weighted[row]
        assert sample.loss_weights is not None
        expected = np.where(sample.labels == -100, 0.0, weight)
        assert sample.loss_weights.tolist() == expected.tolist()


# --------------------------------------------------------------------------------------------
# Rows
# --------------------------------------------------------------------------------------------


def test_a_row_is_found_by_its_place(samples: everyturn.Samples) -> None:
    """Places count from either end, numpy's integers included; beyond them there is nothing."""
    assert len(samples) == 6
    for row in range(6):
        start, end = samples.offsets[row], samples.offsets[row + 1]
        assert samples[row].input_ids.tolist() == samples.input_ids[start:end].tolist()
        assert samples[row].labels.tolist() == samples.labels[start:end].tolist()
        assert columns_of(samples[row - 6]) == columns_of(samples[row])
        assert columns_of(samples[np.int64(row)]) == columns_of(samples[row])
    for beyond in (6, -7):
        with pytest.raises(IndexError):
            samples[beyond]


def test_rows_are_iterated_in_order(samples: everyturn.Samples) -> None:
    """A loop sees each row once, and sees the same again."""
    assert rows_of(samples) == [columns_of(samples[row]) for row in range(6)]
    assert rows_of(samples) == rows_of(samples)


@pytest.mark.parametrize(
    "wanted", [slice(1, 4), slice(None, None, -2), slice(-2, None), slice(4, 2), slice(0, 99)]
)
def test_a_slice_is_samples(samples: everyturn.Samples, wanted: slice) -> None:
    """What a slice of a list would be, a slice of samples is."""
    cut = samples[wanted]
    assert isinstance(cut, everyturn.Samples)
    assert rows_of(cut) == rows_of(samples)[wanted]


@pytest.mark.parametrize("wanted", [[], [3], [4, 0, 2], [1, 1, 1], [-1, 5, -6], list(range(6))])
def test_select_takes_rows_in_the_order_that_is_asked_for(
    samples: everyturn.Samples, weighted: everyturn.Samples, wanted: list[int]
) -> None:
    """Rows may be repeated or left out; the report stays that of the expansion."""
    both = everyturn.Samples.concatenate([samples, weighted]).select(range(1, 7))
    for whole in (samples, both):
        for rows in (wanted, np.array(wanted, dtype=np.int32)):
            chosen = whole.select(rows)
            assert len(chosen) == len(wanted)
            assert rows_of(chosen) == [rows_of(whole)[row] for row in wanted]
            assert chosen.report == whole.report
            assert chosen.conversation_id == [whole.conversation_id[row] for row in wanted]


@pytest.mark.parametrize("wanted", [[6], [-7], [0, 1, 6]])
def test_select_refuses_rows_that_are_not_there(
    samples: everyturn.Samples, wanted: list[int]
) -> None:
    """No row is made up."""
    with pytest.raises(IndexError):
        samples.select(wanted)


def test_nothing_can_be_taken_from_no_samples(expander: everyturn.Expander) -> None:
    """Without rows there is no first, and choosing none of them gives none."""
    empty = expander.expand(b"")
    assert rows_of(empty) == []
    assert empty.conversation_id == []
    assert rows_of(empty.select([])) == rows_of(empty[:]) == []
    for place in (0, -1):
        with pytest.raises(IndexError):
            empty[place]


# --------------------------------------------------------------------------------------------
# Concatenation
# --------------------------------------------------------------------------------------------


def test_concatenation_puts_rows_behind_rows(
    samples: everyturn.Samples, weighted: everyturn.Samples, expander: everyturn.Expander
) -> None:
    """All rows in order; parts without weights get the weights that they mean."""
    empty = expander.expand(b"")
    both = everyturn.Samples.concatenate([samples, empty, weighted, samples])
    assert both.loss_weights is not None
    assert both.loss_weights.dtype == np.float32
    assert rows_of(both, with_weights=True) == [
        *rows_of(samples, with_weights=True),
        *rows_of(weighted, with_weights=True),
        *rows_of(samples, with_weights=True),
    ]
    without = everyturn.Samples.concatenate([samples, samples])
    assert without.loss_weights is None
    assert rows_of(without) == rows_of(samples) * 2


def test_concatenation_merges_files(expander: everyturn.Expander, tmp_path: Path) -> None:
    """A file that occurs in several parts is named once, and rows still name their own."""
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
    for path in paths:
        Path(path).write_bytes(to_jsonl([chat(path, 1)]))
    first, second, third = paths
    parts = [expander.expand([first, second]), expander.expand([third, first])]
    both = everyturn.Samples.concatenate(parts)
    assert list(both.files) == paths
    assert both.file.tolist() == [0, 1, 2, 0]
    assert both.file.dtype == np.int32
    assert [sample.file for sample in both] == [first, second, third, first]


def test_concatenation_adds_reports(expander: everyturn.Expander, tmp_path: Path) -> None:
    """The parts of a stream add up to the report of the whole, faults included."""
    contents = [CHATS, [*WEIGHTED, {"messages": []}], CHATS]
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for path, records in zip(paths, contents, strict=True):
        path.write_bytes(b"\n{\n" + to_jsonl(records))
    skipping = everyturn.Expander(expander.renderer, layout="per_turn", on_error="skip")
    parts = list(skipping.stream(paths))
    assert sum(len(part) > 0 for part in parts) == 3
    both, whole = everyturn.Samples.concatenate(parts), skipping.expand(paths)
    assert both.report == whole.report
    assert both.report.records_read == 12
    assert both.report.records_dropped == {"json": 3, "shape": 1}
    assert both.report.blank_lines == 3
    assert both.report.rows == len(both) == 15
    assert [(Path(fault.file).name, fault.line) for fault in both.report.faults] == [
        ("0.jsonl", 2),
        ("1.jsonl", 2),
        ("1.jsonl", 5),
        ("2.jsonl", 2),
    ]
    assert rows_of(both, with_weights=True) == rows_of(whole, with_weights=True)


def test_only_like_samples_go_together(
    expander: everyturn.Expander, samples: everyturn.Samples
) -> None:
    """Other options and other models are refused; the number of threads is no such difference."""
    jsonl = to_jsonl(CHATS)
    others = [
        everyturn.Expander(expander.renderer, layout="merged"),
        everyturn.Expander(expander.renderer, layout="per_turn", train_on="last_assistant_message"),
        everyturn.Expander(
            everyturn.Renderer.from_dir("demo", template_kwargs={"enable_thinking": False}),
            layout="per_turn",
        ),
    ]
    for other in others:
        with pytest.raises(ValueError, match="do not go together"):
            everyturn.Samples.concatenate([samples, other.expand(jsonl)])
    alike = everyturn.Expander("demo", layout="per_turn", num_threads=1)
    assert len(everyturn.Samples.concatenate([samples, alike.expand(jsonl)])) == 12
    with pytest.raises(ValueError, match="nothing"):
        everyturn.Samples.concatenate([])


# --------------------------------------------------------------------------------------------
# The identity of a conversation
# --------------------------------------------------------------------------------------------


def test_conversations_are_named_by_their_bytes(expander: everyturn.Expander) -> None:
    """Equal records have equal ids wherever they stand; one byte makes another id."""
    ada, bob, zoe = (to_jsonl([record]) for record in CHATS)
    spaced = ada.replace(b'{"messages": [', b'{"messages":  [')
    ids = expander.expand(ada + bob + ada + spaced + zoe).conversation_id
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in ids)
    # Per conversation: 2, 1, 2, 2, 3 rows.
    assert ids[0] == ids[1] == ids[3] == ids[4]
    assert ids[5] == ids[6]
    assert ids[7] == ids[8] == ids[9]
    assert len({ids[0], ids[2], ids[5], ids[7]}) == 4
    assert expander.expand(b"\n" + zoe + ada).conversation_id == [ids[7]] * 3 + [ids[0]] * 2


def test_a_conversation_has_the_same_id_as_a_dict_and_as_a_line(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """The bytes of a dict are those that `json.dumps` writes without escapes."""
    records = [*CHATS, chat('"quoted" \\ 你好 👋', 1)]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path = tmp_path / "chats.jsonl"
    path.write_text(lines, encoding="utf-8")
    ids = expander.expand(records).conversation_id
    assert len(set(ids)) == 4
    assert ids == expander.expand(path).conversation_id
    assert ids == expander.expand(lines.encode()).conversation_id


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
        chat("Ada", 2, weight=0),
        chat("Bob", 1, weight=1.0),
        chat("Eve", 1, train=True),
        chat("Kim", 2, loss=False),
    ]
    assert types_of(expander.expand(to_jsonl(records)).to_arrow()) == COLUMNS


def test_the_metadata_says_how_samples_were_made(expander: everyturn.Expander) -> None:
    """Version, fingerprint and every option that changes a row travel in the schema."""
    made = everyturn.Expander(expander.renderer, layout="per_turn", train_on="marked", max_length=9)
    metadata = json.loads(made.expand(b"").to_arrow().schema.metadata[b"everyturn"])
    assert metadata == {
        "version": everyturn.__version__,
        "fingerprint": expander.renderer.fingerprint,
        "now": None,
        "options": {
            "train_on": "marked",
            "layout": "per_turn",
            "max_length": 9,
            "overflow": "error",
            "history_turns": None,
            "max_prompt_tokens": None,
            "prompt_mismatch": "error",
            "control_tokens": "warn",
            "normalize": "none",
            "deduplicate": False,
            "input_format": "auto",
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
    """No chunk holds more elements than offsets can tell, save one of a single row; rows stay."""
    both = everyturn.Samples.concatenate([samples, weighted])
    expected = both.to_arrow()
    monkeypatch.setattr(everyturn.io.parquet, "_MAX_LIST_ELEMENTS", most)
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
    with everyturn.io.parquet.Writer(path) as writer:
        for part in parts:
            writer.write(part)
    expected = [row for part in parts for row in rows_of(part, with_weights=True)]
    assert read(path) == expected
    assert types_of(pq.read_table(path)) == {**COLUMNS, **WEIGHTS}
    assert list(tmp_path.iterdir()) == [path]


def test_parts_without_weights_make_no_column(samples: everyturn.Samples, tmp_path: Path) -> None:
    """The column is there only where a part needs it."""
    path = tmp_path / "rows.parquet"
    with everyturn.io.parquet.Writer(path) as writer:
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
    monkeypatch.setattr(everyturn.io.parquet, "_ROW_GROUP_TOKENS", most)
    path = tmp_path / "rows.parquet"
    with everyturn.io.parquet.Writer(path) as writer:
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
    with everyturn.io.parquet.Writer(path) as writer:
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
    with everyturn.io.parquet.Writer(path) as writer:
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
