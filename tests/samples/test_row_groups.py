"""Row groups that are encoded on their own, and the files that they are put into."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyturn.samples import row_groups, thrift
from everyturn.samples.row_groups import RowGroupFile
from everyturn.samples.thrift import Field, Items, Struct, WireType

# --------------------------------------------------------------------------------------------
# Thrift
# --------------------------------------------------------------------------------------------

_SCALARS: dict[WireType, st.SearchStrategy[Any]] = {
    WireType.I8: st.binary(min_size=1, max_size=1),
    WireType.I16: st.integers(-(2**15), 2**15 - 1),
    WireType.I32: st.integers(-(2**31), 2**31 - 1),
    WireType.I64: st.integers(-(2**63), 2**63 - 1),
    WireType.DOUBLE: st.binary(min_size=8, max_size=8),
    WireType.BINARY: st.binary(max_size=300),
}


def values(wire_type: WireType, structs: st.SearchStrategy[Struct]) -> st.SearchStrategy[Any]:
    """The values of a type."""
    if wire_type == WireType.STRUCT:
        return structs
    if wire_type in (WireType.LIST, WireType.SET):
        types = st.sampled_from([*_SCALARS, WireType.STRUCT])
        return types.flatmap(
            lambda inner: st.lists(values(inner, structs), max_size=20).map(
                lambda items: Items(inner, items)
            )
        )
    return st.none() if wire_type in (WireType.TRUE, WireType.FALSE) else _SCALARS[wire_type]


def fields(structs: st.SearchStrategy[Struct]) -> st.SearchStrategy[Struct]:
    """Structs of fields in any order of their numbers."""
    field = st.sampled_from(list(WireType)).flatmap(
        lambda wire_type: values(wire_type, structs).map(lambda value: Field(wire_type, value))
    )
    return st.dictionaries(st.integers(1, 2**15 - 1), field, max_size=5)


@given(st.recursive(st.just({}), fields, max_leaves=8))
def test_a_struct_is_what_was_written(struct: Struct) -> None:
    """Every type, far and near numbers, nested."""
    assert thrift.read_struct(thrift.write_struct(struct)) == struct


def footer_of(data: bytes) -> bytes:
    """The description at the end of a Parquet file."""
    return data[-8 - int.from_bytes(data[-8:-4], "little") : -8]


def table(first: int, rows: int) -> pa.Table:
    """Columns of many types, some of them null."""
    numbers = range(first, first + rows)
    return pa.table(
        {
            "input_ids": pa.array([[n, n + 1] * (n % 5) for n in numbers], pa.list_(pa.int32())),
            "labels": pa.array([[-100, n] for n in numbers], pa.list_(pa.int32())),
            "text": pa.array([None if n % 3 else f"text {n}" for n in numbers], pa.string()),
            "score": pa.array([n / 7 for n in numbers], pa.float64()),
            "flag": pa.array([n % 2 == 0 for n in numbers], pa.bool_()),
            "nested": pa.array(
                [{"a": [{"b": n}], "c": None} for n in numbers],
                pa.struct({"a": pa.list_(pa.struct({"b": pa.int64()})), "c": pa.null()}),
            ),
        }
    ).replace_schema_metadata({"everyturn": "{}"})


@pytest.mark.parametrize("options", [{}, {"write_page_index": True, "version": "1.0"}])
def test_what_others_have_written_stays_byte_for_byte(options: dict[str, Any]) -> None:
    """Fields whose meaning is not known here are kept."""
    out = io.BytesIO()
    pq.write_table(table(0, 50), out, row_group_size=7, **options)
    footer = footer_of(out.getvalue())
    assert thrift.write_struct(thrift.read_struct(footer)) == footer


# --------------------------------------------------------------------------------------------
# Files
# --------------------------------------------------------------------------------------------


def write(path: Path, parts: list[pa.Table]) -> None:
    """Write each table as a row group."""
    file = RowGroupFile(path)
    for part in parts:
        file.append(row_groups.encode(part))
    file.end()
    file.close()


def test_a_file_is_what_one_writer_makes_of_the_same_groups(tmp_path: Path) -> None:
    """Byte for byte: bodies are moved, and their descriptions name the places where they are now."""
    parts = [table(0, 40), table(40, 1), table(41, 0), table(41, 25)]
    write(tmp_path / "moved.parquet", parts)
    schema = parts[0].schema
    settings = row_groups.settings(schema)
    with pq.ParquetWriter(tmp_path / "one.parquet", schema, **settings) as writer:
        for part in parts:
            writer.write_table(part, row_group_size=max(len(part), 1))
    assert (tmp_path / "moved.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()


def test_groups_of_other_columns_are_refused(tmp_path: Path) -> None:
    """A file has one schema."""
    file = RowGroupFile(tmp_path / "rows.parquet")
    file.append(row_groups.encode(table(0, 3)))
    with pytest.raises(ValueError, match="one schema"):
        file.append(row_groups.encode(table(0, 3).drop_columns(["text"])))
    file.close()


def test_every_reader_finds_each_group(tmp_path: Path) -> None:
    """The whole, one group, and one column of one group."""
    polars = pytest.importorskip("polars")
    parts = [table(10 * number, 10) for number in range(4)]
    path = tmp_path / "groups.parquet"
    write(path, parts)
    whole = pa.concat_tables(parts)
    assert pq.read_table(path).to_pylist() == whole.to_pylist()
    assert polars.read_parquet(path, columns=["input_ids", "text"]).to_dicts() == (
        whole.select(["input_ids", "text"]).to_pylist()
    )
    with pq.ParquetFile(path) as file:
        assert file.num_row_groups == len(parts)
        assert file.read_row_group(2).to_pylist() == parts[2].to_pylist()
        assert file.read_row_group(3, columns=["score"]).to_pylist() == (
            parts[3].select(["score"]).to_pylist()
        )


def test_ids_have_neither_a_dictionary_nor_statistics(tmp_path: Path) -> None:
    """They cost time and bytes there; other columns keep both."""
    write(tmp_path / "one.parquet", [table(0, 40)])
    group = pq.read_metadata(tmp_path / "one.parquet").row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    for name in ("input_ids", "labels"):
        assert not columns[f"{name}.list.element"].has_dictionary_page
        assert not columns[f"{name}.list.element"].is_stats_set
    for path in ("text", "nested.a.list.element.b"):
        assert columns[path].has_dictionary_page
        assert columns[path].is_stats_set


@pytest.mark.parametrize("rows", [1, 300_000])
def test_a_full_disk_is_an_error(rows: int) -> None:
    """Whether it is full at a row group or at the end."""

    def write_to_full_disk() -> None:
        with contextlib.closing(RowGroupFile(Path("/dev/full"))) as file:
            file.append(row_groups.encode(table(0, rows)))
            file.end()

    with pytest.raises(OSError, match="No space left on device"):
        write_to_full_disk()
