"""Columns as records: Parquet, Arrow, CSV, saved data sets, and tables in memory, by the same door as JSON lines."""

import bz2
import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import everyturn
from chats import Record, chat_of, to_jsonl
from everyturn import Expander
from everyturn.checks.checker import check
from everyturn.cli import main
from everyturn.io import shards
from everyturn.io.inputs import Share, resolve, size_of
from everyturn.io.records import Records
from killed_runs import assert_resumed

EXPANDER = Expander("demo", layout="per_turn")


def call(name: str, arguments: Record) -> Record:
    """Return a chat that calls a tool, with two tools that have other parameters."""
    tools = [
        {
            "type": "function",
            "function": {
                "name": tool,
                "description": tool,
                "parameters": {
                    "type": "object",
                    "properties": {parameter: {"type": "integer"} for parameter in parameters},
                },
            },
        }
        for tool, parameters in (("move", ("x", "y")), ("say", ("text",)))
    ]
    entry = {"type": "function", "function": {"name": name, "arguments": arguments}}
    messages = [
        {"role": "user", "content": f"{name}!"},
        {"role": "assistant", "content": "", "tool_calls": [entry]},
    ]
    return {"id": name, "messages": messages, "tools": tools}


CHATS: list[Record] = [
    {"id": "a", **chat_of("Ping?", "Pong.")},
    call("move", {"x": 1, "y": 2}),
    call("say", {"text": 3}),
    {"id": "é", **chat_of("One?", "1", "Two?", "2 “quoted”,\nnew line")},
]
TABLE = pa.Table.from_pylist(CHATS, schema=pa.Table.from_pylist(CHATS[1:] + CHATS[:1]).schema)


def to_parquet(path: Path) -> Path:
    """Write Parquet in several row groups."""
    pq.write_table(TABLE, path, row_group_size=3)
    return path


def to_arrow_file(path: Path) -> Path:
    """Write Arrow's file format in several batches."""
    with pa.ipc.new_file(path, TABLE.schema) as file:
        file.write_table(TABLE, max_chunksize=2)
    return path


def to_arrow_stream(path: Path) -> Path:
    """Write Arrow's stream format in several batches."""
    with pa.ipc.new_stream(path, TABLE.schema) as stream:
        stream.write_table(TABLE, max_chunksize=2)
    return path


def to_folder(path: Path) -> Path:
    """Save as Hugging Face datasets does."""
    datasets.Dataset(TABLE).save_to_disk(path)
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "parquet": to_parquet,
    "arrow_file": to_arrow_file,
    "arrow_stream": to_arrow_stream,
    "saved data set": to_folder,
}
every_file = pytest.mark.parametrize("write", FILES.values(), ids=FILES.keys())

TABLES: dict[str, Callable[[], Any]] = {
    "pyarrow": lambda: TABLE,
    "reader": TABLE.to_reader,
    "batch": lambda: TABLE.combine_chunks().to_batches()[0],
    "pandas": lambda: pd.DataFrame(CHATS),
    "polars": lambda: pl.from_arrow(TABLE),
    "datasets": lambda: datasets.Dataset(TABLE),
    "datasets of dicts": lambda: datasets.Dataset.from_list(
        [{"tools": None, **chat} for chat in CHATS]
    ),
    "streamed datasets": lambda: datasets.Dataset(TABLE).to_iterable_dataset(),
}
every_table = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES.keys())


def rows_of(samples: everyturn.Samples) -> list[tuple[Any, ...]]:
    """Rows without their files and the hashes of their text."""
    return [
        (row.line, row.targets.tolist(), row.input_ids.tolist(), row.labels.tolist())
        for row in samples
    ]


EXPECTED = rows_of(EXPANDER.expand(to_jsonl(CHATS)))


@every_file
def test_files_of_columns_are_the_lines_of_their_rows(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Samples, rows counted from 1, and names are those of the same records as JSON lines, without Arrow's nulls."""
    path = write(tmp_path / "no_name")
    samples = EXPANDER.expand(path)
    assert rows_of(samples) == EXPECTED
    assert all(name.startswith(str(path)) for name in samples.files)
    assert "null_arguments" not in samples.report.warnings
    pieces = list(EXPANDER.stream(path, chunk_bytes=100))
    assert len(pieces) > 1
    assert [row for piece in pieces for row in rows_of(piece)] == EXPECTED


@every_table
def test_tables_in_memory_are_the_lines_of_their_rows(make: Callable[[], Any]) -> None:
    """Every library's tables, by the interface that they share; nothing of Arrow's nulls is trained."""
    assert rows_of(EXPANDER.expand(make())) == EXPECTED
    assert "null_arguments" not in EXPANDER.expand(make()).report.warnings


def test_a_chosen_order_of_a_data_set_is_its_order() -> None:
    """A data set that was filtered or shuffled keeps its table and has an index: its rows are those of the index."""
    chosen = datasets.Dataset(TABLE).select([3, 0])
    assert rows_of(EXPANDER.expand(chosen)) == rows_of(EXPANDER.expand([CHATS[3], CHATS[0]]))


def test_a_dict_of_data_sets_is_refused_with_its_parts() -> None:
    """Training and test data are never read as one."""
    parts = datasets.DatasetDict({"train": datasets.Dataset(TABLE)})
    with pytest.raises(TypeError, match="DatasetDict: name one of its parts, 'train'"):
        EXPANDER.expand(parts)


def test_a_folder_of_several_data_sets_is_refused_with_their_names(tmp_path: Path) -> None:
    """Each is a folder of its own."""
    parts = {"train": datasets.Dataset(TABLE), "test": datasets.Dataset(TABLE)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "chats")
    with pytest.raises(everyturn.InputError, match="holds several data sets: name one of"):
        EXPANDER.expand(tmp_path / "chats")
    assert rows_of(EXPANDER.expand(tmp_path / "chats" / "train")) == EXPECTED


@pytest.mark.parametrize("name", ["state.json", "dataset_dict.json"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", "null", '{"splits": 1, "_data_files": [1]}'])
def test_a_damaged_data_set_is_named_with_its_file(tmp_path: Path, name: str, content: str) -> None:
    """Whatever the file holds that is to say what there is."""
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(everyturn.InputError, match=f"its {name} cannot be used") as caught:
        EXPANDER.expand(tmp_path)
    assert caught.value.file == str(tmp_path)


def test_a_folder_of_files_is_refused_with_a_pattern(tmp_path: Path) -> None:
    """A folder may hold several sets: which files are meant is said by their names."""
    to_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        everyturn.InputError, match=r"is a folder; name its files, e\.g\. .*/\*\.parquet"
    ):
        EXPANDER.expand(tmp_path)
    assert rows_of(EXPANDER.expand(tmp_path / "*.parquet")) == EXPECTED


@every_file
def test_everything_reads_files_of_columns(write: Callable[[Path], Path], tmp_path: Path) -> None:
    """`check`, `stats`, records, shares and shards come through the same door as `expand`."""
    path = write(tmp_path / "chats")
    assert [record.line for record in Records(path)] == [1, 2, 3, 4]
    findings = [(one.line, one.kind) for one in check(path)]
    assert findings == [(one.line, one.kind) for one in check(to_jsonl(CHATS))]
    assert EXPANDER.stats(path).conversations == len(CHATS)
    parts = [rows_of(EXPANDER.expand(Share(path, index=index, count=2))) for index in range(2)]
    assert sorted(parts[0] + parts[1]) == EXPECTED
    taken: list[int] = []
    written = shards.expand(
        EXPANDER, path, tmp_path / "shards", shard_tokens=40, chunk_bytes=100, on_bytes=taken.append
    )
    assert len(written.shards) > 1
    names = resolve(path)[1]
    assert taken == sorted(taken)
    assert taken[-1] == sum(size_of(name) or 0 for name in names)


def test_the_command_reads_files_of_columns(tmp_path: Path) -> None:
    """The command line names rows as lines."""
    path = to_parquet(tmp_path / "chats.parquet")
    arguments = [sys.executable, "-m", "everyturn", "expand", str(path), "--model", "demo"]
    out = tmp_path / "out.parquet"
    subprocess.run([*arguments, "-o", str(out)], check=True, capture_output=True, timeout=60)
    assert pq.read_table(out)["line"].to_pylist() == [1, 2, 3, 4]


def test_a_killed_run_over_columns_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards are those of a run that was not killed."""
    path = to_parquet(tmp_path / "chats.parquet")
    assert_resumed(EXPANDER, path, tmp_path, monkeypatch)


@every_file
def test_a_file_that_is_cut_off_is_an_error_with_its_name(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    """Never an end of the data."""
    path = write(tmp_path / "chats")
    data = next(path.glob("*.arrow")) if path.is_dir() else path
    content = data.read_bytes()
    data.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(everyturn.InputError, match=rf"{data.name}: the \w+ \w+ cannot be read: "):
        EXPANDER.expand(path)


# --------------------------------------------------------------------------------------------
# Text of columns
# --------------------------------------------------------------------------------------------

PROMPTS = [
    {"prompt": "Ping?", "completion": "Pong."},
    {"prompt": 'A "quoted", text\nof two lines', "completion": "007"},
    {"prompt": "é", "completion": "x" * 200_000},
]


def to_csv(rows: list[Record], **style: Any) -> bytes:
    """Write rows as text."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), **style)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", to_csv(PROMPTS)),
        ("no_name", to_csv(PROMPTS)),
        ("a.jsonl", to_csv(PROMPTS, delimiter=";")),
        ("a.tsv", to_csv(PROMPTS, delimiter="\t")),
        ("quoted", to_csv(PROMPTS, quoting=csv.QUOTE_ALL)),
        ("marked", b"\xef\xbb\xbf" + to_csv(PROMPTS)),
        ("a.csv.gz", gzip.compress(to_csv(PROMPTS))),
        ("a.bz2", bz2.compress(to_csv(PROMPTS))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_text_of_columns_is_the_lines_of_its_rows(
    tmp_path: Path, name: str, content: bytes
) -> None:
    """Known by a header that shows a format; every cell is text."""
    path = tmp_path / name
    path.write_bytes(content)
    assert rows_of(EXPANDER.expand(path)) == rows_of(EXPANDER.expand(PROMPTS))


def test_messages_in_a_cell_are_json_text(tmp_path: Path) -> None:
    """A column of lists is text in CSV."""
    path = tmp_path / "chats.csv"
    path.write_bytes(
        to_csv([{"id": chat["id"], "messages": json.dumps(chat["messages"])} for chat in CHATS])
    )
    plain = [{"messages": chat["messages"]} for chat in CHATS]
    assert rows_of(EXPANDER.expand(path)) == rows_of(EXPANDER.expand(plain))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            b"prompt,completion\na,b\nc,d,e\n",
            ":2: the row has 3 cells, and the header names 2 columns",
        ),
        (
            b"prompt,completion\na,b\n\nc\n",
            ":3: the row has 1 cell, and the header names 2 columns",
        ),
        (b'prompt,completion\na,"b\n', ":1: the row cannot be read: unexpected end of data"),
        (b'prompt,completion\na,"b"c\n', ":1: the row cannot be read: ',' expected after"),
        (b"prompt,completion\na,\xff\n", "can't decode byte 0xff"),
        (b"prompt,completion,prompt\n", ": two columns have the name 'prompt'"),
    ],
    ids=["long", "short", "open quote", "text after a quote", "encoding", "names"],
)
def test_text_that_is_not_clearly_columns_is_an_error(
    tmp_path: Path, content: bytes, text: str
) -> None:
    """Nothing is guessed, and nothing of a cell is lost."""
    path = tmp_path / "chats.csv"
    path.write_bytes(content)
    for read in reads(path):
        with pytest.raises(everyturn.InputError) as caught:
            read()
        assert str(caught.value).startswith(f"{path}:")
        assert text in str(caught.value)
        assert str(caught.value).count("chats.csv") == 1
        assert caught.value.file == str(path)


def reads(source: Any) -> list[Callable[[], object]]:
    """Return the ways to read an input."""
    skipping = EXPANDER.replace(on_error="skip")
    return [
        lambda: skipping.expand(source),
        lambda: list(skipping.stream(source, chunk_bytes=1)),
        lambda: skipping.stats(source),
        lambda: list(check(source)),
        lambda: list(Records(source)),
    ]


def test_a_bad_row_is_bad_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends as it does for a bad line: with 1, and the place once."""
    path = tmp_path / "chats.csv"
    path.write_bytes(b"prompt,completion\na,b\nc\n")
    for command in ("expand", "stats", "inspect"):
        assert main([command, str(path), "--model", "demo"]) == 1
        said = "error: {}:2: the row has 1 cell, and the header names 2 columns\n"
        assert capsys.readouterr().err == said.format(path)


def test_columns_are_read_from_named_files_only(tmp_path: Path) -> None:
    """CSV in memory or in an open file is refused with its name, and what to do."""
    path = tmp_path / "chats.csv"
    path.write_bytes(to_csv(PROMPTS[:2]))
    with path.open("rb") as file:
        for source, name in (
            (path.read_bytes(), "<bytes>"),
            (io.BytesIO(path.read_bytes()), "<stream>"),
            (file, str(path)),
        ):
            for read in reads(source):
                with pytest.raises(everyturn.InputError) as caught:
                    read()
                assert str(caught.value).startswith(
                    f"{name}: this is CSV, which is read from a file"
                )
                if hasattr(source, "seek"):
                    source.seek(0)


def test_columns_from_a_pipe_are_refused_with_what_to_do() -> None:
    """The hint says it, as the bytes are gone before they are known to be no JSON."""
    arguments = [sys.executable, "-m", "everyturn", "expand", "-", "--model", "demo"]
    done = subprocess.run(
        arguments, input=to_csv(PROMPTS), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert b"CSV is read from a file that is named, not from a pipe" in done.stderr


def test_the_longest_cell_of_other_readers_stays_as_it_is(tmp_path: Path) -> None:
    """Python has one limit for all readers of a process, and it is the caller's."""
    path = tmp_path / "chats.csv"
    path.write_bytes(to_csv(PROMPTS))
    before = csv.field_size_limit(10)
    try:
        assert len(EXPANDER.expand(path)) == len(PROMPTS)
        for _ in EXPANDER.stream(path, chunk_bytes=1):
            assert csv.field_size_limit() == 10
        with pytest.raises(csv.Error):
            list(csv.reader(["x" * 11]))
    finally:
        csv.field_size_limit(before)


def test_json_is_json_whatever_its_name(tmp_path: Path) -> None:
    """The name of a file counts for nothing that its content shows."""
    for name in ("a.csv", "a.parquet", "a.arrow"):
        (tmp_path / name).write_bytes(to_jsonl(CHATS))
        assert rows_of(EXPANDER.expand(tmp_path / name)) == EXPECTED


def test_columns_that_show_no_format_are_named(tmp_path: Path) -> None:
    """The error says what was found."""
    pq.write_table(pa.table({"question": ["a"], "answer": ["b"]}), tmp_path / "qa.parquet")
    with pytest.raises(
        everyturn.ConversationError, match="no column of this Parquet file"
    ) as caught:
        EXPANDER.expand(tmp_path / "qa.parquet")
    assert 'the row has "question", "answer"' in str(caught.value)
    mapped = EXPANDER.replace(map={"prompt": "question", "completion": "answer"})
    assert len(mapped.expand(tmp_path / "qa.parquet")) == 1


# --------------------------------------------------------------------------------------------
# Types
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array(["x"], pa.string_view()), "x"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array([b"x"]), "x"),
        (pa.array([["x"]], pa.large_list(pa.string())), ["x"]),
        (pa.array([["x", None]], pa.list_view(pa.string())), ["x", None]),
        (pa.array([{"a": None, "b": 1}]), {"b": 1}),
        (pa.array([[("k", None)]], pa.map_(pa.string(), pa.string())), {"k": None}),
        (pa.array([1.5]).cast(pa.decimal128(5, 2)), "1.50"),
        (pa.array([0], pa.timestamp("us")), "1970-01-01T00:00:00"),
        (pa.array([0], pa.date32()), "1970-01-01"),
        (pa.array([None], pa.null()), None),
        (pa.array([2**63], pa.uint64()), 2**63),
        (pa.array(['{"a": null}'], pa.json_()), {"a": None}),
    ],
    ids=str,
)
def test_values_of_every_type_are_json(values: pa.Array, expected: Any) -> None:
    """What a type means in JSON is the same in a file and in memory."""
    table = pa.table({"messages": ["[]"], "extra": values})
    (record,) = Records(table)
    assert json.loads(record.text or b"").get("extra") == expected


@pytest.mark.parametrize(
    "values", [pa.array([b"\xff"]), pa.array([1], pa.duration("s"))], ids=["bytes", "duration"]
)
def test_what_is_not_json_is_named_by_its_column(tmp_path: Path, values: pa.Array) -> None:
    """An image, for example."""
    table = pa.table({"messages": ["[]"], "extra": values})
    pq.write_table(table, tmp_path / "chats.parquet")
    for source, name in ((table, "<Table>"), (tmp_path / "chats.parquet", "parquet")):
        with pytest.raises(everyturn.InputError, match=rf"{name}(:1)?: the column 'extra' holds"):
            EXPANDER.expand(source)


def test_a_value_that_is_not_json_is_named_by_its_row(tmp_path: Path) -> None:
    """Wherever it is in the file."""
    path = tmp_path / "chats.parquet"
    for bad in (1, 2, 511, 512, 513, 1500):
        values = [b"\xff" if row == bad else b"x" for row in range(1, 1601)]
        table = pa.table({"messages": ["[]"] * len(values), "extra": values})
        pq.write_table(table, path, row_group_size=700)
        for source, name in ((table, "<Table>"), (path, str(path))):
            for read in reads(source):
                with pytest.raises(everyturn.InputError) as caught:
                    read()
                assert str(caught.value).startswith(f"{name}:{bad}: the column 'extra' holds")
                assert (caught.value.file, caught.value.line) == (name, bad)


def test_labels_of_rows_are_not_of_the_records(tmp_path: Path) -> None:
    """Pandas writes them beside the columns."""
    frame = pd.DataFrame(PROMPTS, index=["x", "y", "z"])
    frame.to_parquet(tmp_path / "chats.parquet")
    for source in (frame, tmp_path / "chats.parquet"):
        keys = [set(json.loads(record.text or b"")) for record in Records(source)]
        assert keys == [{"prompt", "completion"}] * 3


def test_nulls_that_were_written_to_json_are_named(tmp_path: Path) -> None:
    """Where a null may be meant it stays, and is counted with its place."""
    path = tmp_path / "exported.jsonl"
    path.write_bytes(to_jsonl(TABLE.to_pylist()))
    for source in (path, TABLE.to_pylist()):
        report = EXPANDER.expand(source).report
        assert report.warnings["null_arguments"] == 6
        texts = [place.text for place in report.warning_places["null_arguments"]]
        assert 'tool call 0: "text" is null' in texts[0]
        found = [one.text for one in check(source) if one.kind == "null_arguments"]
        assert {'tool call 0: "text" is null', 'tool 0: "text" is null'} <= set(found)
        assert len(found) == 6


def test_pyarrow_is_imported_for_columns_only(tmp_path: Path) -> None:
    """JSON is read without it."""
    path = tmp_path / "chats.jsonl.gz"
    path.write_bytes(gzip.compress(to_jsonl(CHATS)))
    program = (
        "import everyturn, sys; everyturn.Expander('demo').expand(sys.argv[1]); "
        "sys.exit('pyarrow' in sys.modules or 'pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
