"""Samples as arrays: rows, slices, concatenation, the names of conversations."""

import json
import re
import typing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import everyturn
from chats import Record, named_chat, to_jsonl
from everyturn.samples.columns import COLUMNS as DECLARED
from everyturn.samples.columns import DEFAULTS, OFFSETS, TREE_COLUMNS
from everyturn.torch import SampleDataset
from sample_rows import CHATS, WEIGHTED, columns_of, rows_of


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
        "depth_from_end": (np.int32, (targets,)),
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


def test_every_declared_column_is_a_typed_field() -> None:
    """The core declares columns; `Samples` documents each, and one per token is in packs and batches, too."""
    hints = typing.get_type_hints(everyturn.Samples)
    others = {"files", "report", "metadata", "kept", "renderer", *OFFSETS.values()}
    assert set(hints) - others == {column.name for column in DECLARED}
    for column in DECLARED:
        array = npt.NDArray[column.dtype.base.type]  # type: ignore[name-defined]
        assert hints[column.name] == (array | None if column.is_optional else array)
        assert column.is_optional == (column.name in DEFAULTS or column in TREE_COLUMNS)
        assert f"{column.name}: {column.dtype.base.name}[" in str(everyturn.Samples.__doc__)
        if column.per == "token":
            # Trees are not padded: batches of them have more than that.
            padded = () if column in TREE_COLUMNS else (everyturn.Batch,)
            for rows in (*padded, everyturn.Packed, everyturn.PackedRow):
                assert column.name in typing.get_type_hints(rows)


def test_origins_are_told_for_each_row(samples: everyturn.Samples) -> None:
    """Lines count from 1, messages from 0; rows come in the order of their targets."""
    assert samples.line.tolist() == [1, 1, 2, 3, 3, 3]
    assert samples.targets.tolist() == [1, 3, 1, 1, 3, 5]
    assert samples.target_offsets.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert list(samples.files) == ["<bytes>"]
    assert samples.file.tolist() == [0] * 6


def test_labels_are_the_ids_unshifted_or_minus_100(samples: everyturn.Samples) -> None:
    """A label is at the position of its own token; a sample ends with what is trained."""
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
    """An empty table has no first sample, and selecting none gives none."""
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
        Path(path).write_bytes(to_jsonl([named_chat(path, 1)]))
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
    """Other options and other models are refused; the number of threads is not such a difference."""
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
        with pytest.raises(ValueError, match="cannot concatenate"):
            everyturn.Samples.concatenate([samples, other.expand(jsonl)])
    alike = everyturn.Expander("demo", layout="per_turn", num_threads=1)
    assert len(everyturn.Samples.concatenate([samples, alike.expand(jsonl)])) == 12
    with pytest.raises(ValueError, match="nothing"):
        everyturn.Samples.concatenate([])


# --------------------------------------------------------------------------------------------
# The identity of a conversation
# --------------------------------------------------------------------------------------------


def test_conversations_are_named_by_what_they_say(expander: everyturn.Expander) -> None:
    """Equal conversations have equal ids wherever they stand; one letter makes another id."""
    ada, bob, zoe = (to_jsonl([record]) for record in CHATS)
    louder = ada.replace(b"of Ada?", b"of ADA?")
    assert louder != ada
    ids = expander.expand(ada + bob + ada + louder + zoe).conversation_id
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
    """However it comes in, it is the same conversation."""
    records = [*CHATS, named_chat('"quoted" \\ 你好 👋', 1)]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path = tmp_path / "chats.jsonl"
    path.write_text(lines, encoding="utf-8")
    ids = expander.expand(records).conversation_id
    assert len(set(ids)) == 4
    assert ids == expander.expand(path).conversation_id
    assert ids == expander.expand(lines.encode()).conversation_id


# --------------------------------------------------------------------------------------------
# The depth of targets
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_the_depth_of_a_target_counts_the_later_ones_of_its_conversation(layout: Any) -> None:
    """All samples of the conversation count, and only what is trained; a selection changes nothing."""
    records = [*CHATS, named_chat("Eve", 3, weight=0)]
    made = everyturn.Expander("demo", layout=layout, normalize="conversation")
    samples = made.expand(to_jsonl(records))
    assert samples.depth_from_end.tolist() == [1, 0, 0, 2, 1, 0, 1, 0]
    assert samples[-1].depth_from_end.tolist()[-1] == 0
    picked = samples.select([len(samples) - 1, 0])
    assert picked[1].depth_from_end.tolist() == samples[0].depth_from_end.tolist()
    twice = everyturn.Samples.concatenate([samples, samples])
    assert twice.depth_from_end.tolist() == 2 * samples.depth_from_end.tolist()
    assert twice.deduplicate().depth_from_end.tolist() == samples.depth_from_end.tolist()


def test_the_depth_is_saved_and_stands_in_files_and_items(
    samples: everyturn.Samples, tmp_path: Path
) -> None:
    """A folder, a table, and a tensor of an item have it."""
    depths = [1, 0, 0, 2, 1, 0]
    samples.save(tmp_path / "saved")
    assert everyturn.Samples.load(tmp_path / "saved").depth_from_end.tolist() == depths
    names = samples.to_arrow().column_names
    assert names[names.index("targets") + 1] == "depth_from_end"
    items = list(SampleDataset(samples))
    assert [item["depth_from_end"].tolist() for item in items] == [[depth] for depth in depths]
    assert str(items[0]["depth_from_end"].dtype) == "torch.int64"
