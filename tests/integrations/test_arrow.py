"""Preparers: tables of records in, tables of samples out, whatever the batches and wherever they run."""

import concurrent.futures
import datetime as dt
import json
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, to_jsonl
from everyturn.arrow import Preparer, read_reports
from everyturn.arrow.lines import read_tables
from everyturn.options import Layout

SECONDS = 60


def chat(number: int) -> Record:
    """Return a distinct conversation; every third calls a tool."""
    messages: list[Record] = []
    for turn in range(1 + number % 3):
        messages.append({"role": "user", "content": f"Question {turn} of {number}?"})
        messages.append({"role": "assistant", "content": f"Answer {turn}. " * (number % 4)})
    if number % 3 == 0:
        call = {"name": "look_up", "arguments": {"place": f"{number}", "few": number % 2 == 0}}
        messages[-1]["tool_calls"] = [{"type": "function", "function": call}]
        messages.append({"role": "tool", "content": "found"})
        messages.append({"role": "assistant", "content": "Here it is."})
    return {"messages": messages}


CHATS = [chat(number) for number in range(20)]
PAIRS = [
    {
        "prompt": [{"role": "user", "content": "A"}],
        "completion": [{"role": "assistant", "content": c}],
    }
    for c in "xyz"
]
SHAREGPT = [
    {
        "conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": c}],
        "source": None,
    }
    for c in "xyz"
]
ALPACA = [{"instruction": "Do", "input": "", "output": c} for c in "xyz"]
NO_TEXT = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")]
)
BAD = {"messages": [{"role": "bot", "content": "x"}]}


def in_batches(prepare: Preparer, table: pa.Table, size: int) -> pa.Table:
    """The result of a table in batches of this many rows."""
    parts = [prepare(table.slice(start, size)) for start in range(0, len(table), size)]
    return pa.concat_tables(parts)


def without_places(table: pa.Table) -> list[Record]:
    """The rows without what a batch does not know."""
    return table.drop_columns(["file", "line"]).to_pylist()  # type: ignore[no-any-return]


def expanded(records: Any, **options: Any) -> list[Record]:
    """The rows of one process's run over the dicts."""
    return without_places(everyturn.Expander("demo", **options).expand(records).to_arrow())


def without_nulls(value: Any) -> Any:
    """The record that a row of structs is."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


# --------------------------------------------------------------------------------------------
# What comes in
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "records", [CHATS, PAIRS, SHAREGPT, ALPACA], ids=lambda records: next(iter(records[0]))
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_columns_of_structs_are_the_dicts(records: list[Record], size: int) -> None:
    """Rows, ids and order are those of one run over the dicts; nulls that Arrow filled in are not fields."""
    table = pa.Table.from_pylist(records)
    prepared = in_batches(Preparer("demo"), table, size)
    dicts = [without_nulls(row) for row in table.to_pylist()]
    assert without_places(prepared) == expanded(dicts)
    assert len(prepared) >= len(records)


def test_a_null_that_arrow_filled_in_reaches_no_template() -> None:
    """A message without a key in the file has none in a table, though its neighbours have it."""
    table = pa.Table.from_pylist(CHATS)
    assert table["messages"][1].as_py()[0]["tool_calls"] is None
    alone = Preparer("demo")(table.slice(1, 1)).to_pylist()
    assert [row["conversation_id"] for row in alone] == [
        row["conversation_id"] for row in expanded([CHATS[1]])
    ]


def test_maps_and_json_are_objects_with_their_nulls() -> None:
    """A map (as Spark has it) and Arrow's JSON type hold what they were given."""
    message = pa.struct(
        [
            ("role", pa.string()),
            ("content", pa.string()),
            ("extra", pa.map_(pa.string(), pa.string())),
        ]
    )
    row = [
        {"role": "user", "content": "A", "extra": [("b", "1"), ("a", None)]},
        {"role": "assistant", "content": "B", "extra": None},
    ]
    mapped = pa.table({"messages": pa.array([row], pa.list_(message))})
    expected = [
        {"role": "user", "content": "A", "extra": {"b": "1", "a": None}},
        {"role": "assistant", "content": "B"},
    ]
    assert without_places(Preparer("demo")(mapped)) == expanded([{"messages": expected}])
    texts = pa.array([[json.dumps(one) for one in expected]], pa.list_(pa.string()))
    as_json = pa.ListArray.from_arrays(texts.offsets, texts.values.cast(pa.json_()))
    table = pa.table({"messages": as_json})
    assert without_places(Preparer("demo")(table)) == expanded([{"messages": expected}])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_binary()])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_json_text_keeps_its_bytes(kind: pa.DataType, size: int) -> None:
    """A column of lines gives the rows, files, lines and ids of the file that they came from."""
    lines = to_jsonl(CHATS).replace(b'": ', b'" :  ').splitlines()
    lines.insert(3, b"")
    lines.insert(9, b" \r")
    table = pa.table(
        {
            "text": pa.array(lines).cast(kind),
            "name": ["<bytes>"] * len(lines),
            "number": range(1, len(lines) + 1),
        }
    )
    prepare = Preparer(
        "demo",
        json_column="text",
        file_column="name",
        line_column="number",
        input_format="messages",
    )
    whole = everyturn.Expander("demo").expand(b"\n".join(lines)).to_arrow()
    assert in_batches(prepare, table, size).to_pylist() == whole.to_pylist()


def test_formats_may_come_with_the_rows() -> None:
    """Each row is read as its format says, in the order of the rows."""
    records = [CHATS[1], SHAREGPT[0], SHAREGPT[1], CHATS[2], PAIRS[0]]
    names = ["messages", "sharegpt", "sharegpt", "messages", "prompt_completion"]
    table = pa.table({"text": [json.dumps(record) for record in records], "format": names})
    prepare = Preparer("demo", json_column="text", format_column="format")
    expected = [row for record in records for row in expanded([record])]
    for size in (1, 2, 10):
        assert without_places(in_batches(prepare, table, size)) == expected


@pytest.mark.parametrize("block_bytes", [1, 300, 1 << 20])
def test_tables_of_a_file_give_what_the_file_gives(tmp_path: Path, block_bytes: int) -> None:
    """Samples and the report: blank lines, lines that are too long, and records before one shows the format."""
    path = tmp_path / "chats.jsonl"
    lines = [b"", b'{"id": 1}', *to_jsonl([*CHATS[:5], SHAREGPT[0], BAD]).splitlines()]
    path.write_bytes(b"\n".join([*lines, b"x" * 3_000, b"{", b"", to_jsonl(CHATS[5:]), b"\n \n"]))
    options: dict[str, Any] = {"on_error": "skip", "max_line_bytes": 2_000}
    prepare = Preparer.of_lines("demo", reports=tmp_path / "reports", **options)
    tables = list(
        read_tables(str(path), input_format="auto", max_line_bytes=2_000, block_bytes=block_bytes)
    )
    whole = everyturn.Expander("demo", **options).expand(str(path))
    prepared = pa.concat_tables([in_batches(prepare, table, 7) for table in tables])
    assert prepared.to_pylist() == whole.to_arrow().to_pylist()
    total = read_reports(tmp_path / "reports").to_dict()
    expected = whole.report.to_dict()
    for report in (total, expected):
        report["faults"] = sorted(report["faults"], key=lambda fault: fault["line"])
    assert total == expected


# --------------------------------------------------------------------------------------------
# What comes out
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss_weights", [True, False])
def test_the_schema_is_that_of_the_options(*, loss_weights: bool) -> None:
    """Of an empty batch, of one without rows, of any: the same."""
    prepare = Preparer("demo", loss_weights=loss_weights)
    table = pa.Table.from_pylist(CHATS)
    none_trained = pa.Table.from_pylist(
        [{"messages": [{"role": "user", "content": "a"}]}], schema=table.schema
    )
    assert ("loss_weights" in prepare.schema.names) == loss_weights
    for batch in (table, table.slice(0, 0), none_trained):
        assert prepare(batch).schema.equals(prepare.schema, check_metadata=True)
    whole = everyturn.Expander("demo").expand(CHATS).to_arrow().schema
    assert whole.names == [name for name in prepare.schema.names if name != "loss_weights"]
    assert all(prepare.schema.field(name).type == whole.field(name).type for name in whole.names)


def test_a_weight_needs_its_column() -> None:
    """Without it, the record that has one is named."""
    weighted = [chat(1), chat(2)]
    weighted[1]["messages"][-1]["weight"] = 0.25
    table = pa.Table.from_pylist(weighted)
    with pytest.raises(everyturn.OptionsError, match=r"<table>:2: a token has the weight 0\.25"):
        Preparer("demo")(table)
    rows = Preparer("demo", loss_weights=True)(table).to_pylist()
    assert {weight for row in rows for weight in row["loss_weights"]} == {0.0, 0.25, 1.0}


def test_weights_that_an_option_makes_have_their_column() -> None:
    """`normalize` makes a weight of every trained token, in every batch."""
    prepare = Preparer("demo", normalize="conversation")
    table = pa.Table.from_pylist(CHATS)
    assert "loss_weights" in prepare(table.slice(0, 0)).schema.names
    dicts = [without_nulls(row) for row in table.to_pylist()]
    assert without_places(in_batches(prepare, table, 3)) == expanded(
        dicts, normalize="conversation"
    )


def test_columns_are_kept() -> None:
    """A record's kept columns are next to each of its samples, and are not part of the record."""
    table = pa.Table.from_pylist(CHATS).append_column("id", pa.array(range(100, 120), pa.int16()))
    prepared = Preparer("demo", layout="per_turn", keep=["id"])(table)
    assert prepared.schema.field("id").type == pa.int16()
    plain = Preparer("demo", layout="per_turn")(table.drop_columns(["id"]))
    assert without_places(prepared.drop_columns(["id"])) == without_places(plain)
    of_id = {row["id"]: row["conversation_id"] for row in prepared.to_pylist()}
    assert list(of_id) == list(range(100, 120))
    assert len(set(of_id.values())) == len(of_id)


@pytest.mark.parametrize("json_column", [None, "json"])
def test_provenance_comes_along(json_column: str | None) -> None:
    """What samples say of their tokens and messages is in no column of the records."""
    records = [chat(number) for number in range(4)]
    options: dict[str, Any] = {"provenance": True, "keep_texts": True, "input_format": "messages"}
    rows = records if json_column is None else [{"json": json.dumps(record)} for record in records]
    prepare = Preparer("demo", json_column=json_column, **options)
    found = in_batches(prepare, pa.Table.from_pylist(rows), 3)
    expected = everyturn.Expander("demo", **options).expand(records).to_arrow()
    for name in ("run_lengths", "run_kinds", "run_messages", "run_answers", "message_facts"):
        assert found[name].to_pylist() == expected[name].to_pylist(), name


def test_record_batches_are_expanded_as_spark_calls_it() -> None:
    """An iterator of batches in, one of batches out, each of the schema."""
    table = pa.Table.from_pylist(CHATS)
    prepare = Preparer("demo")
    batches: Iterator[pa.RecordBatch] = prepare.batches(iter(table.to_batches(max_chunksize=3)))
    collected = list(batches)
    assert all(batch.schema.equals(prepare.schema) for batch in collected)
    whole = pa.Table.from_batches(collected, prepare.schema)
    assert whole.to_pylist() == prepare(table).to_pylist()
    assert pa.Table.from_batches(prepare.batches(iter([])), prepare.schema).num_rows == 0


def test_datasets_maps_with_it(tmp_path: Path) -> None:
    """Hugging Face datasets calls it batch by batch, in its own processes if asked to."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(to_jsonl(CHATS))
    loaded = datasets.load_dataset(
        "json", data_files=str(source), split="train", cache_dir=str(tmp_path / "cache")
    )
    whole = expanded(CHATS)
    for num_proc in (None, 2):
        mapped = loaded.with_format("arrow").map(
            Preparer("demo"),
            batched=True,
            batch_size=3,
            remove_columns=loaded.column_names,
            num_proc=num_proc,
        )
        assert without_places(mapped.with_format("arrow")[:]) == whole


# --------------------------------------------------------------------------------------------
# Other processes
# --------------------------------------------------------------------------------------------


def prepare_in_child(prepare: Preparer, table: pa.Table) -> pa.Table:
    """Expand in a child."""
    return prepare(table)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_preparer_works_in_any_process(method: str) -> None:
    """Its pickle is small, loads nothing, and gives the same rows, also after the parent has used it."""
    table = pa.Table.from_pylist(CHATS)
    prepare = Preparer("demo", layout="per_turn", keep=[], loss_weights=True)
    expected = prepare(table)
    assert len(pickle.dumps(prepare)) < 10_000
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        task = pool.submit(prepare_in_child, prepare, table)
        assert task.result(SECONDS).equals(expected, check_metadata=True)
        failing = pool.submit(prepare_in_child, prepare, pa.Table.from_pylist([CHATS[1], BAD]))
        with pytest.raises(
            everyturn.ConversationError, match=r"<table>:2: message 0: .*bot"
        ) as caught:
            failing.result(SECONDS)
    assert (caught.value.file, caught.value.line, caught.value.message_index) == ("<table>", 2, 0)


def test_equal_preparers_have_equal_pickles(models: dict[str, Path]) -> None:
    """So caches know them again; a clock counts where the template shows it."""
    assert pickle.dumps(Preparer("demo")) == pickle.dumps(Preparer("demo"))
    dated = Preparer(everyturn.Renderer.from_dir(models["dated"], now="2021-02-03"))
    copy: Preparer = pickle.loads(pickle.dumps(dated))  # noqa: S301 - our own pickle
    assert copy.expander.metadata()["now"] == "2021-02-03T00:00:00"


def test_a_copy_refuses_another_model(models: dict[str, Path], tmp_path: Path) -> None:
    """A worker with a different model folder refuses to run."""
    folder = models["chatml"].rename(tmp_path / "model")
    try:
        sent = pickle.dumps(Preparer(folder))
        template = folder / "chat_template.jinja"
        text = template.read_text(encoding="utf-8")
        template.write_text(text + " ", encoding="utf-8")
        copy: Preparer = pickle.loads(sent)  # noqa: S301 - our own pickle
        with pytest.raises(
            everyturn.ModelError, match="not the one that this renderer was made from"
        ):
            copy(pa.Table.from_pylist(CHATS))
        template.write_text(text, encoding="utf-8")
    finally:
        folder.rename(models["chatml"])


# --------------------------------------------------------------------------------------------
# What is wrong
# --------------------------------------------------------------------------------------------


def test_an_error_names_the_record_where_the_columns_say() -> None:
    """File and line of the source, or else the row of the table."""
    lines = [*(json.dumps(record) for record in CHATS[:3]), json.dumps(BAD)]
    table = pa.table({"json": lines, "file": ["a.jsonl"] * 4, "line": [7, 8, 9, 12]})
    by_place = Preparer(
        "demo",
        json_column="json",
        input_format="messages",
        file_column="file",
        line_column="line",
    )
    with pytest.raises(everyturn.ConversationError, match=r"^a\.jsonl:12: message 0: ") as caught:
        by_place(table)
    assert (caught.value.file, caught.value.line, caught.value.kind) == (
        "a.jsonl",
        12,
        "role",
    )


@pytest.mark.parametrize("size", [1, 2, 100])
def test_reports_of_all_batches_are_the_report_of_the_run(tmp_path: Path, size: int) -> None:
    """Nothing is lost uncounted: the reports that processes leave add up, a batch that ran twice once."""
    lines = [*to_jsonl(CHATS[:5]).splitlines(), json.dumps(BAD).encode(), b"{", b"", b" "]
    lines += to_jsonl(CHATS[5:]).splitlines()
    numbers = range(1, len(lines) + 1)
    table = pa.table({"json": lines, "file": ["<bytes>"] * len(lines), "line": numbers})
    prepare = Preparer(
        "demo",
        json_column="json",
        file_column="file",
        line_column="line",
        input_format="messages",
        on_error="skip",
        reports=tmp_path / "reports",
    )
    whole = everyturn.Expander("demo", input_format="messages", on_error="skip").expand(
        b"\n".join(lines)
    )
    for _ in range(2):
        assert in_batches(prepare, table, size).to_pylist() == whole.to_arrow().to_pylist()
    total = read_reports(tmp_path / "reports")
    by_line = sorted(total.faults, key=lambda fault: fault.line)
    assert by_line == list(whole.report.faults)
    counts = {**total.to_dict(), "faults": 0}
    assert counts == {**(total + Preparer("demo").expander.empty().report).to_dict(), "faults": 0}
    assert counts == {**whole.report.to_dict(), "faults": 0}


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b", "\u2029"])
def test_a_report_is_one_line_whatever_names_have(tmp_path: Path, separator: str) -> None:
    """Names of keys stand in it, and may have what some take for the end of a line."""
    table = pa.Table.from_pylist([{**chat, f"a{separator}b": "x"} for chat in CHATS])
    prepare = Preparer("demo", on_error="skip", reports=tmp_path)
    in_batches(prepare, table, 2)
    assert read_reports(tmp_path).records_read == len(CHATS)


def test_a_line_that_was_cut_off_is_no_report(tmp_path: Path) -> None:
    """A process that was killed while it wrote has not finished its batch."""
    table = pa.Table.from_pylist(CHATS)
    Preparer("demo", reports=tmp_path)(table)
    path = next(tmp_path.iterdir())
    before = read_reports(tmp_path)
    (tmp_path / "other.jsonl").write_bytes(path.read_bytes()[:-30])
    assert read_reports(tmp_path) == before
    path.unlink()
    with pytest.raises(everyturn.InputError, match="holds no report"):
        read_reports(tmp_path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_lenght": 5}, "max_lenght is not an option"),
        ({"layout": "rows"}, "layout"),
        ({"on_error": "skip"}, "needs reports=FOLDER"),
        ({"json_column": "text"}, "input_format: state the format of the JSON text"),
        ({"deduplicate": True}, "deduplicate needs all records"),
        ({"keep": ["line"]}, "keep: 'line' is a column of the samples"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], text: str) -> None:
    """Where the preparer is made, not where it works."""
    with pytest.raises(everyturn.OptionsError, match=text):
        Preparer("demo", **options)


@pytest.mark.parametrize(
    ("columns", "options", "text"),
    [
        (
            {"messages": [[]], "completion": ["x"]},
            {},
            "input_format: name it, .*messages, prompt_completion",
        ),
        (
            {"messages": [[]]},
            {"json_column": "text", "input_format": "messages"},
            "no column 'text'",
        ),
        ({"messages": [[]]}, {"line_column": "line"}, "no column 'line'"),
        ({"messages": [[]]}, {"file_column": "file"}, "no column 'file'"),
        ({"messages": [[]]}, {"format_column": "kind"}, "no column 'kind'"),
        ({"messages": [[]]}, {"keep": ["id"]}, "no column 'id'"),
        ({"messages": [[]], "of": [["a"]]}, {"line_column": "of"}, "'of' holds no int64"),
        ({"messages": [[]], "of": [["a"]]}, {"file_column": "of"}, "'of' holds no string"),
        ({"messages": [[]], "of": [["a"]]}, {"format_column": "of"}, "'of' holds no string"),
        ({"messages": [[]], "of": NO_TEXT}, {"file_column": "of"}, "'of' holds no string"),
        (
            {"text": NO_TEXT},
            {"json_column": "text", "input_format": "messages"},
            "'text' holds no text",
        ),
        (
            {"messages": [CHATS[1]["messages"]], "took": [dt.timedelta(1)]},
            {"keep": ["took"]},
            r"keep: 'took' is duration\[us\] in the table, which samples cannot carry",
        ),
        ({"text": ["{}"], "line": ["a"]}, {"line_column": "line"}, "'line' holds no int64"),
        (
            {"text": ["{\n}"]},
            {"json_column": "text", "input_format": "messages"},
            ":1: .* one line",
        ),
        (
            {"text": [5]},
            {"json_column": "text", "input_format": "messages"},
            "int64, expected text",
        ),
        ({"messages": [b"x"]}, {}, "<table>:1: .* not JSON"),
    ],
)
def test_tables_that_hold_no_records_are_refused(
    columns: dict[str, Any], options: dict[str, Any], text: str
) -> None:
    """The text says what is missing."""
    with pytest.raises(everyturn.EveryturnError, match=text):
        Preparer("demo", **options)(pa.table(columns))


@pytest.mark.parametrize("option", ["file_column", "line_column", "format_column", "json_column"])
def test_a_column_that_a_table_has_twice_is_refused(option: str) -> None:
    """Whichever option names it, and where it is of the records."""
    options: dict[str, Any] = {option: "twice", "input_format": "messages"}
    table = pa.table([[1], [2], [CHATS[1]["messages"]]], names=["twice", "twice", "messages"])
    for prepare in (
        Preparer("demo", **options),
        Preparer("demo"),
        everyturn.Expander("demo").expand,
    ):
        with pytest.raises(everyturn.InputError, match="two columns have the name 'twice'"):
            prepare(table)


def test_what_is_suggested_for_an_option_is_one() -> None:
    """Also where the name of what is set inside would be more like it."""
    with pytest.raises(everyturn.OptionsError) as caught:
        Preparer("demo", too_long_colum="x")
    assert "too_long_column" not in str(caught.value)


def test_a_batch_that_fails_leaves_no_report(tmp_path: Path) -> None:
    """Its records are not said to be done."""
    table = pa.Table.from_pylist([{**CHATS[1], "id": "a"}])
    with pytest.raises(everyturn.OptionsError, match="'id' is string in the table, and not int64"):
        Preparer("demo", keep={"id": "int64"}, reports=tmp_path)(table)
    assert not list(tmp_path.iterdir())


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_content = st.one_of(st.none(), _texts)
_keys = st.fixed_dictionaries(
    {"role": st.just("user"), "content": _texts}, optional={"name": _content}
)


@given(st.lists(st.tuples(_keys, _texts), min_size=1, max_size=5), st.integers(1, 3))
def test_any_structs_are_the_dicts_without_nulls(
    pairs: list[tuple[Record, str]], size: int
) -> None:
    """A table of any records gives what the dicts of its rows give."""
    records = [
        {"messages": [question, {"role": "assistant", "content": answer + "."}]}
        for question, answer in pairs
    ]
    table = pa.Table.from_pylist(records)
    dicts = [without_nulls(row) for row in table.to_pylist()]
    options: dict[str, Any] = {"control_tokens": "literal"}
    prepared = in_batches(Preparer("demo", **options), table, size)
    assert without_places(prepared) == expanded(dicts, **options)


@pytest.mark.parametrize("layout", ["per_turn", "merged", "tree"])
def test_tables_without_places_are_samples_again(tmp_path: Path, layout: Layout) -> None:
    """Records whose place a table does not say are numbered in their order, copies too."""
    records = [chat(number) for number in (0, 0, 1, 1, 0)]
    table = Preparer("demo", layout=layout, provenance=True)(pa.Table.from_pylist(records))
    pq.write_table(table, tmp_path / "rows.parquet")
    read = everyturn.Samples.from_parquet(tmp_path / "rows.parquet")
    expected = everyturn.Expander("demo", layout=layout, provenance=True).expand(records)
    assert read.files == ("<table>",)
    assert read.line.tolist() == expected.line.tolist()
    rules = [everyturn.Rule(weight=0, answers="0")]
    assert read.relabel(rules).input_ids.tolist() == expected.relabel(rules).input_ids.tolist()
