"""What is made of samples of the layout `tree`: they stay trees."""

import io
import itertools
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import everyturn
import everyturn.arrow
from chats import Record, to_jsonl
from everyturn.io import shards
from reference import rows_by_line, samples_of
from torch_samples import CHATS, WEIGHTED, expanded

TREE_COLUMNS = ("position_ids", "subtree_end", "shift_labels")


def arrays_of(samples: everyturn.Samples) -> dict[str, Any]:
    """All arrays, as plain lists."""
    names = ("input_ids", "labels", "offsets", "loss_weights", "targets", *TREE_COLUMNS)
    arrays = {name: getattr(samples, name) for name in names}
    return {name: None if array is None else array.tolist() for name, array in arrays.items()}


def trees(records: list[Record], **options: Any) -> Any:
    """Samples of the layout `tree`, whose columns are there."""
    return expanded(records, layout="tree", **options)


def paths(samples: everyturn.Samples) -> Counter[Any]:
    """What is trained, after what, with which weights, by the product."""
    return Counter(
        (
            int(samples.line[one.sample]),
            *(getattr(one, name).tobytes() for name in ("prompt", "completion", "loss_weights")),
        )
        for one in samples.unroll()
    )


@pytest.mark.parametrize("records", [CHATS, WEIGHTED], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"history_turns": 1},
        {"history_turns": 2},
        {"max_prompt_tokens": 80},
        {"max_length": 120, "overflow": "shrink_history"},
        {"max_length": 120, "overflow": "truncate_prompt"},
        {"max_length": 120, "overflow": "drop"},
        {"normalize": "conversation"},
        {"train_on": "last_assistant_turn"},
    ],
    ids=str,
)
def test_a_tree_trains_what_rows_of_their_own_train(
    records: list[Record], options: dict[str, Any]
) -> None:
    """Whatever prompts are shown, and however rows are cut: prompt, target and weight are those of `per_turn`."""
    tree = trees(records, **options)
    per_turn = expanded(records, layout="per_turn", **options)
    assert samples_of(tree) == samples_of(per_turn)
    assert paths(tree) == paths(per_turn) == paths(expanded(records, layout="merged", **options))
    assert tree.report.targets_trained == per_turn.report.targets_trained
    assert sorted(tree.targets.tolist()) == sorted(per_turn.targets.tolist())
    assert len(tree.input_ids) == tree.report.tokens <= per_turn.report.tokens
    assert (tree.labels != -100).sum() == (tree.shift_labels != -100).sum()


def test_a_long_tree_is_cut_into_rows_that_fit() -> None:
    """Each target is trained in one of them; those whose paths have much in common stay together."""
    whole = trees(CHATS)
    longest = int(expanded(CHATS, layout="per_turn").lengths.max())
    assert whole.lengths.max() > longest
    cut = trees(CHATS, max_length=longest)
    assert cut.lengths.max() <= longest
    assert len(cut) > len(whole) == len(CHATS)
    assert samples_of(cut) == samples_of(whole)


def test_parts_of_a_message_weigh_what_they_weigh() -> None:
    """Weights within a target are at the positions that predict its tokens."""
    parts = [
        {"type": "text", "text": "First this. ", "weight": 0},
        {"type": "text", "text": "Then that.", "weight": 0.5},
    ]
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": parts}]
    messages += [{"role": "user", "content": "!"}, {"role": "assistant", "content": "Done."}]
    options: dict[str, Any] = {"input_format": "messages"}
    tree = trees([{"messages": messages}], **options)
    per_turn = expanded([{"messages": messages}], layout="per_turn", **options)
    assert paths(tree) == paths(per_turn)
    assert tree.loss_weights is not None
    assert {0.0, 0.5, 1.0} == set(tree.loss_weights.tolist())


def test_two_answers_after_one_prompt_repeat_its_last_position() -> None:
    """A position has one label: no answer loses its first token, and the report counts the position."""
    messages = []
    for word in ("yes", "no", "yes"):
        messages.append({"role": "user", "content": "Again?"})
        messages.append({"role": "assistant", "content": word})
    options: dict[str, Any] = {"history_turns": 1}
    tree = trees([{"messages": messages}], **options)
    per_turn = expanded([{"messages": messages}], layout="per_turn", **options)
    assert samples_of(tree) == samples_of(per_turn)
    assert sum(samples_of(tree).values()) == 3
    assert tree.report.warnings["positions_repeated"] == 2
    prompt = len(next(iter(tree.unroll())).prompt)
    assert tree.report.tokens == prompt + 2 + tree.report.trained_tokens


def test_columns_are_those_of_the_layout() -> None:
    """Other layouts have none of them; a table without samples has the layout's, too."""
    for layout in ("per_turn", "merged", "conversation"):
        samples = expanded(CHATS, layout=layout)
        assert all(getattr(samples, name) is None for name in TREE_COLUMNS)
        assert not set(TREE_COLUMNS) & set(samples.to_arrow().column_names)
    for samples in (trees([]), everyturn.Expander("demo", layout="tree").empty()):
        for name in TREE_COLUMNS:
            assert getattr(samples, name).dtype == np.int32
        assert set(TREE_COLUMNS) < set(samples.to_arrow().column_names)


def test_all_tokens_are_a_tree_without_branches() -> None:
    """One rendering is one path; its first token is predicted by nothing."""
    samples = trees(CHATS[:1], train_on="all_tokens")
    assert samples.position_ids.tolist() == list(range(len(samples.input_ids)))
    assert set(samples.subtree_end.tolist()) == {len(samples.input_ids)}
    assert samples.shift_labels.tolist() == [*samples.input_ids.tolist()[1:], -100]


@pytest.mark.parametrize("strategy", ["bfd", "sequential"])
def test_packs_hold_whole_trees_side_by_side(strategy: Any) -> None:
    """No root sees another; every path is there with its labels and weights."""
    samples = trees(WEIGHTED)
    packed: Any = samples.pack(400, strategy=strategy)
    assert len(packed) < len(samples)
    assert packed.subtree_end is not None
    for row in packed:
        starts = [0, *np.cumsum(row.seq_lengths).tolist()]
        for place, (start, end) in enumerate(itertools.pairwise(starts)):
            sample = samples[int(row.samples[place])]
            for name in ("input_ids", "position_ids", "shift_labels", "loss_weights"):
                assert getattr(row, name)[start:end].tolist() == getattr(sample, name).tolist()
            assert (row.subtree_end[start:end] - start).tolist() == sample.subtree_end.tolist()
    table = packed.to_arrow()
    assert (
        table["subtree_end"].combine_chunks().flatten().to_numpy().tolist()
        == packed.subtree_end.tolist()
    )
    assert set(TREE_COLUMNS) < set(table.column_names)


def test_selections_and_parts_stay_trees() -> None:
    """Selecting, splitting and putting together again keep every path."""
    samples = trees(WEIGHTED)
    parts = samples.split({"train": 0.5, "eval": 0.5})
    assert all(len(part) for part in parts.values())
    again = everyturn.Samples.concatenate(list(parts.values()))
    assert sorted(map(len, (one.prompt for one in again.unroll()))) == sorted(
        len(one.prompt) for one in samples.unroll()
    )
    order = np.arange(len(samples))[::-1]
    assert arrays_of(samples.select(order).select(order)) == arrays_of(samples)
    one = samples[3]
    assert one.subtree_end.tolist() == samples.select([3]).subtree_end.tolist()
    assert one.subtree_end.max() == len(one.input_ids)


def test_copies_are_left_out() -> None:
    """A tree that is cut into several rows is one conversation."""
    samples = trees([*CHATS, *CHATS[2:5]], max_length=130, overflow="drop")
    assert samples.duplicates == 3
    alone = trees(CHATS, max_length=130, overflow="drop")
    assert arrays_of(samples.deduplicate()) == arrays_of(alone)


def test_folders_files_and_pickles_give_back_what_they_were_given(tmp_path: Path) -> None:
    """Saved, mapped, written to Parquet and pickled: the same arrays."""
    samples = trees(WEIGHTED)
    samples.save(tmp_path / "saved")
    assert arrays_of(everyturn.Samples.load(tmp_path / "saved")) == arrays_of(samples)
    assert arrays_of(pickle.loads(pickle.dumps(samples))) == arrays_of(samples)  # noqa: S301
    samples.to_parquet(tmp_path / "trees.parquet")
    table = pq.read_table(tmp_path / "trees.parquet")
    for name in (*TREE_COLUMNS, "loss_weights", "input_ids", "labels"):
        column = table[name].combine_chunks()
        assert column.flatten().to_numpy().tolist() == getattr(samples, name).tolist()
        assert column.offsets.to_numpy().tolist() == samples.offsets.tolist()


def test_weights_that_come_late_are_at_the_predicting_positions(tmp_path: Path) -> None:
    """Rows that were written before the first weight get theirs as trees have them."""
    from everyturn.samples.writer import Writer

    plain, weighted = trees(CHATS), trees(WEIGHTED)
    with Writer(tmp_path / "late.parquet") as writer:
        writer.write(plain)
        writer.write(weighted)
    table = pq.read_table(tmp_path / "late.parquet")
    weights = table["loss_weights"].combine_chunks().flatten().to_numpy()
    expected = (plain.shift_labels != -100).astype(np.float32).tolist()
    assert weights[: len(expected)].tolist() == expected
    assert weights[len(expected) :].tolist() == weighted.loss_weights.tolist()


def test_streams_shards_and_batches_of_tables_are_the_same_rows(tmp_path: Path) -> None:
    """Chunk by chunk, in a folder of shards, and prepared from tables."""
    source = to_jsonl(CHATS)
    expander = everyturn.Expander("demo", layout="tree")
    samples = expander.expand(source)
    streamed = everyturn.Samples.concatenate(
        list(expander.stream(io.BytesIO(source), chunk_bytes=200))
    )
    assert arrays_of(streamed) == arrays_of(samples)
    (tmp_path / "chats.jsonl").write_bytes(source)
    shards.expand(expander, tmp_path / "chats.jsonl", tmp_path / "shards", shard_tokens=300)
    files = sorted((tmp_path / "shards").glob("*.parquet"))
    assert len(files) > 1
    sharded = pq.read_table(files)
    expected = samples.to_arrow()
    for name in ("input_ids", *TREE_COLUMNS):
        assert sharded[name].to_pylist() == expected[name].to_pylist()
    preparer = everyturn.arrow.Preparer("demo", layout="tree")
    import pyarrow as pa

    prepared = preparer(pa.Table.from_pylist(CHATS))
    assert prepared.schema == preparer.schema
    for name in TREE_COLUMNS:
        assert prepared[name].to_pylist() == expected[name].to_pylist()


def test_what_cannot_hold_branches_refuses_them() -> None:
    """A token would see what it must not, and nobody would notice."""
    samples = trees(CHATS)
    with pytest.raises(everyturn.SampleError, match="TreeCollator"):
        samples.pad(pad_token_id=0)


def test_rows_of_a_tree_are_in_the_order_of_the_targets() -> None:
    """Pre-order, children in the order of the targets: what is trained first comes first."""
    samples = trees(CHATS)
    for rows in rows_by_line(samples).values():
        targets = [row.targets[0] for row, _ in rows]
        assert targets == sorted(targets)
