"""Values of records that samples carry along."""

import datetime as dt
import decimal
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, named_chat, to_jsonl
from everyturn.arrow import Preparer
from everyturn.cli import main
from everyturn.cli.outputs import writer_of
from everyturn.io import shards
from everyturn.samples import keep_option, kept_types
from everyturn.samples.writer import Writer

KEEP = ("id", "score", "meta", "tags", "nowhere")


def records(count: int) -> list[Record]:
    """Chats of one to three turns with an id, a number, an object and a list beside them."""
    return [
        {
            "id": f"chat {number}",
            **named_chat(number, 1 + number % 3),
            "score": number if number % 2 else number + 0.5,
            "meta": {"lang": "en", "n": number} if number % 3 else None,
            **({"tags": ["a"] * (number % 4)} if number % 5 else {}),
        }
        for number in range(count)
    ]


def expander(**options: Any) -> everyturn.Expander:
    """A row for each target: several rows a record."""
    return everyturn.Expander("demo", **{"layout": "per_turn", "keep": KEEP, **options})


def expected(chats: list[Record], lines: Any) -> dict[str, list[Any]]:
    """The slow reference: what each line's record has."""
    return {name: [chats[line - 1].get(name) for line in lines] for name in KEEP}


# --------------------------------------------------------------------------------------------
# In memory
# --------------------------------------------------------------------------------------------


def test_each_sample_has_what_its_record_has() -> None:
    """A missing key is None, and so is null."""
    chats = records(20)
    samples = expander().expand(chats)
    assert dict(samples.kept) == expected(chats, samples.line)
    for sample in samples:
        assert sample.kept == {name: chats[sample.line - 1].get(name) for name in KEEP}


def test_values_go_through_everything_that_is_made_of_samples(tmp_path: Path) -> None:
    """Selections, parts, copies left out, tables put together, packs and folders."""
    chats = records(20)
    samples = expander().expand(chats)
    backward = samples.select(np.arange(len(samples))[::-1])
    assert dict(backward.kept) == expected(chats, backward.line)
    for part in samples.split({"a": 0.5, "b": 0.5}).values():
        assert dict(part.kept) == expected(chats, part.line)
    twice = everyturn.Samples.concatenate([samples, backward])
    assert dict(twice.kept) == expected(chats, twice.line)
    assert dict(twice.deduplicate().kept) == dict(samples.kept)
    some = samples[3:9]
    some.save(tmp_path / "saved")
    for mmap in (True, False):
        assert dict(everyturn.Samples.load(tmp_path / "saved", mmap=mmap).kept) == dict(some.kept)
    packed = samples.pack(256)
    for row in packed:
        assert row.kept == expected(chats, samples.line[row.samples])
    assert dict(pickle.loads(pickle.dumps(samples)).kept) == dict(samples.kept)  # noqa: S301


def test_copies_on_the_way_leave_the_first_ones_values() -> None:
    """A value belongs to the record that is kept."""
    chats = [{"id": at, **named_chat(at % 2)} for at in range(6)]
    samples = everyturn.Expander("demo", keep=["id"], deduplicate=True).expand(chats)
    assert samples.kept["id"] == [0, 1]


def test_columns_are_typed_as_their_values_show() -> None:
    """Whole numbers beside floats are floats; objects are structs with the keys of all; nothing is null."""
    table = expander().expand(records(20)).to_arrow()
    assert table.schema.field("id").type == pa.string()
    assert table.schema.field("score").type == pa.float64()
    assert table.schema.field("meta").type == pa.struct([("lang", pa.string()), ("n", pa.int64())])
    assert table.schema.field("tags").type == pa.list_(pa.string())
    assert table.schema.field("nowhere").type == pa.null()
    packed = expander().expand(records(20)).pack(256).to_arrow()
    assert packed.schema.field("score").type == pa.list_(pa.float64())
    assert packed["id"][0].as_py()[0] == "chat 0"


def test_items_of_pytorch_have_the_values() -> None:
    """Under their own keys; collators leave them out."""
    torch_side = pytest.importorskip("everyturn.torch")
    samples = expander().expand(records(4))
    items = list(torch_side.SampleDataset(samples))
    assert [item["id"] for item in items] == samples.kept["id"]
    assert "id" not in torch_side.PaddingCollator(pad_token_id=0)(items)
    streamed = torch_side.StreamDataset(expander(num_threads=1), to_jsonl(records(4)))
    assert [item["score"] for item in streamed] == samples.kept["score"]


# --------------------------------------------------------------------------------------------
# What is asked for
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keep", "text"),
    [
        ("id", "expected a list of keys"),
        (["line"], "'line' is a column of the samples"),
        (["input_ids"], "'input_ids' is a column of the samples"),
        (["message_facts"], "'message_facts' is a column of the samples"),
        (["seq_lengths"], "'seq_lengths' is a column of the samples"),
        (["id", "id"], "'id' is named twice"),
        ([1], "a key is text, not 1"),
        ({"id": "text"}, "'text' is not a type; expected one of bool, int64"),
        ({"id": "list<list<text>>"}, "'text' is not a type"),
    ],
)
def test_what_cannot_be_kept_is_refused(keep: Any, text: str) -> None:
    """The text names the key."""
    with pytest.raises(everyturn.OptionsError, match=text):
        everyturn.Expander("demo", keep=keep)


def test_ways_to_say_the_same() -> None:
    """Names, names with types, and what an expander has itself; it goes into metadata and back."""
    ways: list[Any] = [{"id": None, "score": "float64"}, [("id", None), ("score", "float64")]]
    for keep in ways:
        made = everyturn.Expander("demo", keep=keep)
        assert made.kept_keys == (("id", None), ("score", "float64"))
        assert made.replace().kept_keys == made.kept_keys
        assert pickle.loads(pickle.dumps(made)).kept_keys == made.kept_keys  # noqa: S301
        assert made.metadata()["options"]["keep"] == {"id": None, "score": "float64"}


def test_kept_keys_are_not_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports and checks name what nothing reads or carries."""
    chats = [{"id": 1, "other": 2, **named_chat("Ada")}]
    report = everyturn.Expander("demo", keep=["id"]).expand(chats).report
    assert dict(report.unread_record_keys) == {"other": 1}
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(chats))
    for model in ([], ["--model", "demo"]):
        main(["check", str(path), "--keep", "id", *model])
        out = capsys.readouterr().out
        assert '"other"' in out
        assert '"id"' not in out


def test_nothing_is_kept_without_being_asked_for() -> None:
    """No column is added, and none is there."""
    samples = everyturn.Expander("demo").expand(records(3))
    assert dict(samples.kept) == {}
    assert "id" not in samples.to_arrow().column_names
    with pytest.raises(KeyError):
        samples.kept["id"]


# --------------------------------------------------------------------------------------------
# Types in files
# --------------------------------------------------------------------------------------------


def test_the_file_does_not_depend_on_chunks_or_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first conversations show the types, in whatever parts they come."""
    monkeypatch.setattr(kept_types, "SHOWN_BY", 7)
    source = to_jsonl(records(40))
    written = set()
    for number, chunk_bytes in enumerate([1, 300, 5_000, 1 << 20]):
        path = tmp_path / f"{number}.parquet"
        write(path, expander(num_threads=1 + number % 3).stream(source, chunk_bytes=chunk_bytes))
        written.add(path.read_bytes())
    assert len(written) == 1
    table = pq.read_table(tmp_path / "0.parquet")
    lines = table["line"].to_pylist()
    for name in ("id", "score", "meta"):
        assert table[name].to_pylist() == expected(records(40), lines)[name]


def write(path: Path, parts: Iterable[everyturn.Samples]) -> None:
    """Write a file part by part."""
    with Writer(path) as writer:
        for samples in parts:
            writer.write(samples)


def test_a_value_that_does_not_fit_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, line, key, what was found, and the cure; nothing is left behind."""
    monkeypatch.setattr(kept_types, "SHOWN_BY", 2)
    chats = [{"score": value, **named_chat(value)} for value in (1, 2, 3, "n/a")]
    source = to_jsonl(chats)
    path = tmp_path / "out.parquet"
    parts = everyturn.Expander("demo", keep=["score"]).stream(source, chunk_bytes=1)
    with pytest.raises(everyturn.OptionsError) as caught:
        write(path, parts)
    assert str(caught.value).startswith(
        "<bytes>:4: the kept key 'score' is \"n/a\", and its column holds int64"
    )
    assert "--keep score:json" in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("<bytes>", 4)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(everyturn.OptionsError, match=r"<bytes>:4: .* int64"):
        everyturn.Expander("demo", keep=["score"]).expand(source).to_arrow()
    as_json = everyturn.Expander("demo", keep={"score": "json"}).expand(source).to_arrow()
    assert as_json["score"].to_pylist() == ["1", "2", "3", '"n/a"']


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        ("int64", 2**63 - 1, True),
        ("int64", 2**63, False),
        ("int64", True, False),
        ("int64", 1.0, False),
        ("float64", 1, True),
        ("float64", 2**53 + 1, False),
        ("float64", 2**60, True),
        ("float64", 2**70, True),
        ("float64", 2**70 + 1, False),
        ("float64", 2**1024, False),
        ("list<float64>", [2**70, None, -(2**63)], True),
        ("list<float64>", [2**70 + 1], False),
        ("float64", "1", False),
        ("string", 1, False),
        ("bool", 0, False),
        ("list<int64>", [1, None, 2], True),
        ("list<int64>", [1, "2"], False),
        ("list<json>", [1, "2", {}], True),
        ("json", {}, True),
    ],
)
def test_a_stated_type_holds_exactly_its_values(
    tmp_path: Path,
    kind: str,
    value: Any,
    held: bool,  # noqa: FBT001
) -> None:
    """Nothing is cut or turned into something else, whatever is written."""
    chats = [{"value": value, **named_chat("Ada")}, {"value": None, **named_chat("Bob")}]
    keeping = everyturn.Expander("demo", keep={"value": kind})
    samples = keeping.expand(chats)
    if not held:
        for write in writings(keeping, chats, tmp_path):
            with pytest.raises(everyturn.OptionsError, match=r"<\w+>:1: the kept key 'value'"):
                write()
        return
    for write in writings(keeping, chats, tmp_path):
        write()
    found, missing = samples.to_arrow()["value"].to_pylist()
    if kind == "list<json>":
        assert [json.loads(text) for text in found] == value
    else:
        assert (json.loads(found) if kind == "json" else found) == value
    assert missing is None


def writings(
    keeping: everyturn.Expander, chats: list[Record], folder: Path
) -> list[Callable[[], object]]:
    """Return the ways to write samples with what is kept."""
    samples = keeping.expand(chats)

    def lines() -> None:
        with writer_of(folder / "lines.jsonl") as writer:
            writer.write(samples)

    return [
        samples.to_arrow,
        lambda: samples.to_parquet(folder / "samples.parquet"),
        lines,
        lambda: shards.expand(keeping, chats, folder / "shards"),
    ]


@pytest.mark.parametrize("first", [[], [0.5]])
def test_whole_numbers_beside_floats_are_the_floats_that_equal_them(first: list[float]) -> None:
    """Those that a float equals, however large, and no others; stated or shown."""
    for value, kind in ((2**60, None), (-(2**63), None), (2**70, "float64")):
        chats = [{"value": each, **named_chat("Ada")} for each in (0.25, *first, value)]
        samples = everyturn.Expander("demo", keep={"value": kind}).expand(chats)
        assert samples.to_arrow()["value"].to_pylist() == [0.25, *first, float(value)]


@pytest.mark.parametrize(
    "inside", [lambda n: {"x": n}, lambda n: [{"x": [n]}, None], lambda n: [n]]
)
def test_numbers_inside_of_lists_and_objects_are_held_as_others_are(
    inside: Callable[[float], Any],
) -> None:
    """A large whole number that a float equals is it there, too."""
    chats = [{"value": inside(each), **named_chat("Ada")} for each in (0.5, 2**60)]
    samples = everyturn.Expander("demo", keep=["value"]).expand(chats)
    held = samples.to_arrow()["value"].to_pylist()
    assert held == [inside(0.5), inside(2**60)]
    assert samples.pack(256).to_arrow()["value"].to_pylist() == [held]


@pytest.mark.parametrize("kind", [None, *keep_option.NAMES, "list<float64>"])
def test_a_number_that_python_does_not_read_is_named(kind: str | None, tmp_path: Path) -> None:
    """It refuses whole numbers of more than 4,300 digits, which JSON may have."""
    line = to_jsonl([{"value": [0, 1], **named_chat("Ada")}])
    source = line + line.replace(b"[0, 1]", b"[" + b"1" * 5_000 + b"]")
    keeping = everyturn.Expander("demo", keep={"value": kind}, on_error="skip")
    samples = keeping.expand(source)[1:]
    text = "the kept key 'value' has a whole number of too many digits"
    for show in (lambda: samples.kept["value"], lambda: samples[0]):
        with pytest.raises(everyturn.OptionsError, match=text):
            show()
    with writer_of(tmp_path / "lines.jsonl") as writer, pytest.raises(everyturn.OptionsError):
        writer.write(samples)
    with pytest.raises(everyturn.OptionsError, match=f"<bytes>:2: {text}") as caught:
        samples.to_arrow()
    assert (caught.value.file, caught.value.line) == ("<bytes>", 2)


def test_objects_without_keys_have_no_type() -> None:
    """Parquet cannot hold them; as JSON text they stay."""
    chats = [{"meta": {}, **named_chat("Ada")}]
    with pytest.raises(everyturn.OptionsError, match="an object without keys"):
        everyturn.Expander("demo", keep=["meta"]).expand(chats).to_arrow()
    samples = everyturn.Expander("demo", keep={"meta": "json"}).expand(chats)
    assert samples.to_arrow()["meta"].to_pylist() == ["{}"]


@pytest.mark.parametrize("inner", [1, {"a": 1}])
def test_values_that_are_too_deep_for_files_have_no_type(inner: Any, tmp_path: Path) -> None:
    """Parquet has a limit; as JSON text they stay."""
    held = kept_types.DEEPEST - isinstance(inner, dict)
    for depth in (held, held + 1):
        value = inner
        for _ in range(depth):
            value = [value]
        chats = [{"value": value, **named_chat("Ada")}]
        samples = everyturn.Expander("demo", keep=["value"]).expand(chats)
        if depth == held:
            samples.to_parquet(tmp_path / "samples.parquet")
            assert everyturn.Samples.from_parquet(tmp_path / "samples.parquet").kept["value"] == [
                value
            ]
            samples.pack(256).to_parquet(tmp_path / "packs.parquet")
            assert pq.read_table(tmp_path / "packs.parquet")["value"].to_pylist()[0][0] == value
        else:
            with pytest.raises(everyturn.OptionsError, match="which Parquet does not hold"):
                samples.to_parquet(tmp_path / "samples.parquet")
        as_text = everyturn.Expander("demo", keep={"value": "json"}).expand(chats)
        assert as_text.to_arrow()["value"].to_pylist() == [json.dumps(value)]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(-1e6, 1e6)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(values=st.lists(json_values, min_size=1, max_size=6))
def test_what_is_kept_comes_back_or_is_refused(values: list[Any]) -> None:
    """In memory as it was; in a table as it was, but for fields that structs fill up with nulls."""
    chats = [{"value": value, **named_chat(at)} for at, value in enumerate(values)]
    samples = everyturn.Expander("demo", keep=["value"]).expand(to_jsonl(chats))
    assert samples.kept["value"] == values
    try:
        column = samples.to_arrow()["value"].to_pylist()
    except everyturn.OptionsError:
        return
    assert [without_nulls(value) for value in column] == [without_nulls(value) for value in values]


def without_nulls(value: Any) -> Any:
    """Leave out fields that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(of) for key, of in value.items() if of is not None}
    return [without_nulls(of) for of in value] if isinstance(value, list) else value


# --------------------------------------------------------------------------------------------
# Shards, tables, the command line
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_all_shards_have_the_types_of_the_first_conversations(
    tmp_path: Path, chunk_bytes: int
) -> None:
    """The first float comes after the first shard."""
    chats = [{"score": 1 if at < 9 else 0.5, **named_chat(at)} for at in range(12)]
    source = to_jsonl(chats)
    folder = tmp_path / "shards"
    made = everyturn.Expander("demo", keep=["score"])
    shards.expand(made, source, folder, shard_tokens=100, chunk_bytes=chunk_bytes)
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    assert len(tables) > 2
    assert {table.schema.field("score").type for table in tables} == {pa.float64()}
    assert [value for table in tables for value in table["score"].to_pylist()] == [
        chat["score"] for chat in chats
    ]


def test_a_resumed_run_has_the_types_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the input would show others."""
    monkeypatch.setattr(kept_types, "SHOWN_BY", 4)
    chats = [{"score": 0.5 if at < 4 else 1, **named_chat(at)} for at in range(12)]
    source, folder = to_jsonl(chats), tmp_path / "shards"
    made = everyturn.Expander("demo", keep=["score"])
    whole = tmp_path / "whole"
    shards.expand(made, source, whole, shard_tokens=100)
    with monkeypatch.context() as patched:
        patched.setattr(shards._Run, "_end_of_input", lambda _: 1 / 0)  # noqa: SLF001
        with pytest.raises(ZeroDivisionError):
            shards.expand(made, source, folder, shard_tokens=100)
    shards.expand(made, source, folder, shard_tokens=100)
    for path in whole.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_a_table_keeps_its_columns_and_the_keys_of_its_json_text() -> None:
    """A column has its own type; a key's type is stated, as no batch shows all values."""
    chats = records(4)
    table = pa.table(
        {
            "text": [json.dumps(chat) for chat in chats],
            "id": pa.array([1, 2, 3, 4], pa.int8()),
        }
    )
    options: dict[str, Any] = {"json_column": "text", "input_format": "messages"}
    prepared = Preparer("demo", keep={"id": None, "score": "float64"}, **options)(table)
    assert prepared.schema.field("id").type == pa.int8()
    assert prepared["id"].to_pylist() == [1, 2, 3, 4]
    assert prepared["score"].to_pylist() == [chat["score"] for chat in chats]
    with pytest.raises(everyturn.OptionsError, match="state the type of 'score'"):
        Preparer("demo", keep=["score"], **options)(table)
    with pytest.raises(everyturn.OptionsError, match="no column 'nowhere'"):
        Preparer("demo", keep=["nowhere"])(pa.table({"messages": [named_chat("A")["messages"]]}))


def test_a_kept_column_of_a_table_is_still_in_its_records() -> None:
    """What is kept can be what is rendered; a column that JSON does not have is no hindrance."""
    table = pa.table(
        {
            "messages": [named_chat("Ada")["messages"]],
            "when": pa.array([0], pa.timestamp("s")),
            "score": [float("nan")],
        }
    )
    prepared = Preparer("demo", keep=["messages", "when", "score"])(
        table.rename_columns(["messages", "when", "score"])
    )
    assert prepared["messages"].to_pylist() == table["messages"].to_pylist()
    assert prepared.schema.field("when").type == pa.timestamp("s")


DAY = dt.datetime(2024, 2, 29, 12, 30)  # noqa: DTZ001 - tables have such times


@pytest.mark.parametrize(
    "column",
    [
        pa.array([DAY], pa.timestamp("us")),
        pa.array([DAY], pa.timestamp("ms", "UTC")),
        pa.array([DAY.date()]),
        pa.array([DAY.time()]),
        pa.array([decimal.Decimal("1.50")]),
        pa.array([b"text"]),
        pa.array([[DAY]]),
        pa.array([{"at": DAY, "in": ["a"]}]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array(["a"]).dictionary_encode(),
        pa.array(['{"a": null}']).cast(pa.json_()),
    ],
    ids=lambda column: str(column.type),
)
@pytest.mark.parametrize("kind", [None, "json"])
def test_a_kept_column_of_a_table_is_read_as_its_records_are(
    column: pa.Array, kind: str | None, tmp_path: Path
) -> None:
    """Whatever its own type is: as samples of the table that are expanded at once have it."""
    table = pa.table({"messages": [named_chat("Ada")["messages"]], "value": column})
    keep = {"value": kind}
    expected = everyturn.Expander("demo", keep=keep).expand(table)
    pq.write_table(Preparer("demo", keep=keep)(table), tmp_path / "rows.parquet")
    read = everyturn.Samples.from_parquet(tmp_path / "rows.parquet")
    assert read.kept["value"] == expected.kept["value"]


@pytest.mark.parametrize("value", [DAY, DAY.date(), DAY.time()])
def test_a_time_is_stated_to_be_the_text_that_records_have(value: Any) -> None:
    """Not as Arrow would spell it."""
    table = pa.table({"messages": [named_chat("Ada")["messages"]], "value": [value]})
    prepared = Preparer("demo", keep={"value": "string"})(table)
    assert prepared["value"].to_pylist() == [value.isoformat()]


def test_the_command_line_keeps_too(tmp_path: Path) -> None:
    """In Parquet typed, in JSON lines as the record has it; from stdin as well."""
    source = to_jsonl(records(5))
    path = tmp_path / "chats.jsonl"
    path.write_bytes(source)
    out = tmp_path / "out.parquet"
    assert (
        main(["expand", str(path), "--model", "demo", "--keep", "id,score:float64", "-o", str(out)])
        == 0
    )
    assert pq.read_table(out).schema.field("score").type == pa.float64()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "everyturn",
            "expand",
            "-",
            "--model",
            "demo",
            "--keep",
            "id,score,meta",
        ],
        input=source,
        capture_output=True,
        check=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        chat = records(5)[row["line"] - 1]
        assert (row["id"], row["score"], row["meta"]) == (chat["id"], chat["score"], chat["meta"])
