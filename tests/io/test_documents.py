"""JSON that is not a record a line: lists, objects of many lines, lists within an object, lists of messages."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, chat_of, to_jsonl
from everyturn import Expander
from everyturn.checks.checker import Checker
from everyturn.cli import main
from everyturn.io.inputs import Share
from everyturn.io.records import Records
from killed_runs import assert_resumed

EXPANDER = Expander("demo", layout="per_turn")
CHATS = [chat_of(f"Question {number}?", f"Answer {number}.") for number in range(1, 8)]
MESSAGES: list[Any] = [chat["messages"] for chat in CHATS]
SHAREGPT: list[Any] = [
    [{"from": "human", "value": f"Question {number}?"}, {"from": "gpt", "value": "Yes."}]
    for number in range(1, 8)
]


def pretty(value: object) -> bytes:
    """JSON as programs write it for people."""
    return json.dumps(value, indent=2).encode()


def compact(value: object) -> bytes:
    """JSON on one line."""
    return json.dumps(value).encode()


def rows_of(samples: everyturn.Samples) -> list[tuple[Any, ...]]:
    """Rows without their places and the hashes of their text."""
    return [(row.targets.tolist(), row.input_ids.tolist(), row.labels.tolist()) for row in samples]


DOCUMENTS: dict[str, Callable[[list[Any]], bytes]] = {
    "one line": compact,
    "pretty": pretty,
    "a line each": lambda records: b"[\n" + b",\n".join(map(compact, records)) + b"\n]\n",
    "objects": lambda records: b"\n".join(map(pretty, records)),
    "without spaces": lambda records: b"".join(map(compact, records)),
    "data": lambda records: pretty({"version": "1.0", "data": records, "more": {"a": [1]}}),
    "one line of data": lambda records: compact({"data": records}),
    "several lists": lambda records: compact(records[:3]) + b"\n" + pretty(records[3:]),
    "texts": lambda records: b"\n".join(compact(json.dumps(record)) for record in records),
    "a list of texts": lambda records: pretty([json.dumps(record) for record in records]),
}
every_document = pytest.mark.parametrize("write", DOCUMENTS.values(), ids=DOCUMENTS.keys())


@every_document
@pytest.mark.parametrize("records", [CHATS, MESSAGES, SHAREGPT], ids=["chats", "messages", "from"])
def test_documents_are_the_lines_of_their_records(
    write: Callable[[list[Any]], bytes], records: list[Any]
) -> None:
    """However records are written, they give the samples of the same records as lines, compressed or as a stream."""
    expected = rows_of(EXPANDER.expand(to_jsonl(records)))
    assert len(expected) == len(records)
    document = write(records)
    for source in (document, gzip.compress(document), io.BytesIO(document)):
        assert rows_of(EXPANDER.expand(source)) == expected
    pieces = list(EXPANDER.stream(document, chunk_bytes=10))
    assert [row for piece in pieces for row in rows_of(piece)] == expected


def test_lists_of_messages_are_records_as_objects_are() -> None:
    """A list around messages is read as the record that holds it under the key of its format."""
    assert rows_of(EXPANDER.expand(to_jsonl(MESSAGES))) == rows_of(EXPANDER.expand(to_jsonl(CHATS)))
    objects = [{"conversations": messages} for messages in SHAREGPT]
    assert rows_of(EXPANDER.expand(SHAREGPT)) == rows_of(EXPANDER.expand(objects))


def test_lines_are_where_records_start() -> None:
    """In a document of one line they count the records, so that each still has its own."""
    assert EXPANDER.expand(compact(CHATS)).line.tolist() == [1, 2, 3, 4, 5, 6, 7]
    document = pretty(CHATS[:2])
    starts = [n for n, line in enumerate(document.split(b"\n"), start=1) if line == b"  {"]
    samples = EXPANDER.expand(document)
    assert samples.line.tolist() == starts
    report = samples.report
    assert report.records_read + report.blank_lines == document.count(b"\n") + 1


@every_document
@given(count=st.integers(1, 4), from_line=st.integers(1, 40))
def test_shares_of_documents_are_the_whole(
    write: Callable[[list[Any]], bytes], count: int, from_line: int
) -> None:
    """Each record is in one share, under its line; a share can begin at a line."""
    document = write(CHATS)
    whole = list(Records(document))
    parts = [list(Records(Share(document, index=index, count=count))) for index in range(count)]
    assert sorted((record for part in parts for record in part), key=lambda r: r.line) == whole
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    rest = Records(Share(document, index=0, count=1, from_line=from_line))
    assert list(rest) == [record for record in whole if record.line >= from_line]


@every_document
def test_a_killed_run_over_a_document_is_resumed(
    write: Callable[[list[Any]], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of a run that was killed after each of them are those of a run that was not."""
    path = tmp_path / "chats.json"
    path.write_bytes(write(CHATS))
    assert_resumed(EXPANDER, path, tmp_path, monkeypatch)


BROKEN = {
    "truncated": (pretty(CHATS)[:-20], "the file ends within the record that starts on line"),
    "garbage": (pretty(CHATS) + b"\nnull and void", "found 'n', expected the end of the file"),
    "NUL bytes": (pretty(CHATS) + b"\0" * 50, "the rest of the file is NUL bytes"),
    "a bracket": (pretty(CHATS).replace(b"\n    ]", b"\n    }", 1), "found '}', expected ']'"),
    "a quote": (pretty(CHATS).replace(b'3?"', b"3?"), "the line ends within a string"),
}


@pytest.mark.parametrize(("document", "text"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_document_is_an_error_of_its_line_that_nothing_skips(
    document: bytes, text: str
) -> None:
    """The records before it are read first; ``on_error`` cannot drop what nobody has seen."""
    with pytest.raises(everyturn.JsonlError, match=r"^<bytes>:\d+: byte \d+: ") as caught:
        EXPANDER.replace(on_error="skip").expand(document)
    assert caught.value.kind == "json_document"
    assert text in str(caught.value)
    read = Records(document)
    before: list[bytes | None] = []
    with pytest.raises(everyturn.JsonlError):
        before.extend(record.text for record in read)
    expected = [record.text for record in Records(pretty(CHATS))]
    assert before == expected[: len(before)]


def test_a_record_of_a_document_is_at_fault_by_itself() -> None:
    """What its brackets still show the end of costs one record, as a broken line does."""
    document = pretty(CHATS).replace(b'"role": "user"', b'"role": user', 1)
    samples = EXPANDER.replace(on_error="skip").expand(document)
    assert samples.report.records_dropped == {"json": 1}
    assert len(samples) == len(CHATS) - 1


def test_a_record_over_the_limit_is_counted_and_the_rest_read() -> None:
    """A list of records is not one long line."""
    long = chat_of("x" * 5000, "y")
    expander = EXPANDER.replace(on_error="skip", max_line_bytes=1000)
    samples = expander.expand(compact([CHATS[0], long, CHATS[1]]))
    assert samples.line.tolist() == [1, 3]
    assert samples.report.records_dropped == {"line_too_long": 1}


def test_records_that_are_dicts_are_never_taken_apart() -> None:
    """What is handed over one by one is a record each, whatever it holds."""
    with pytest.raises(everyturn.ConversationError, match="no key of the record shows its format"):
        EXPANDER.expand([{"data": CHATS}])


def test_a_conversation_is_never_taken_apart() -> None:
    """A list of messages under another name is not a list of records."""
    record: Record = {"data": CHATS[0]["messages"]}
    with pytest.raises(everyturn.ConversationError, match='it has "data"'):
        EXPANDER.expand(compact(record))


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"train": CHATS, "test": CHATS}, 'a second list of records, "test" beside "train"'),
        ({"tools": [], "data": CHATS}, '"tools", which belongs to a record'),
        ({"data": CHATS, "system": "Be brief."}, '"system", which belongs to a record'),
    ],
    ids=["two lists", "tools before", "system after"],
)
def test_what_all_records_would_need_is_not_lost(document: Record, text: str) -> None:
    """Nothing beside a list of records is dropped that a record has, and no second list is read with the first."""
    for write in (compact, pretty):
        with pytest.raises(everyturn.JsonlError, match=r"<bytes>:\d+") as caught:
            EXPANDER.expand(write(document))
        assert text in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_other_encodings_are_named_with_what_converts_them(encoding: str) -> None:
    """Marked or not, a file of wide characters says what it looks like, once."""
    for write in (to_jsonl, pretty):
        with pytest.raises(everyturn.JsonlError, match="looks like UTF-") as caught:
            EXPANDER.replace(on_error="skip").expand(write(CHATS).decode().encode(encoding))
        assert "iconv -f UTF-" in str(caught.value)


def test_a_hint_on_a_whole_file_does_not_say_that_it_can_be_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--on-error skip` leaves out lines, in the commands that have it, where it is not given already."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS).decode().encode("utf-16"))
    for arguments in (["expand"], ["expand", "--on-error", "skip"], ["check"], ["stats"]):
        assert main([*arguments, str(path), "--model", "demo"]) == 1
        said = capsys.readouterr().err
        assert "looks like UTF-16" in said
        assert "--on-error" not in said
    path.write_bytes(b'{"messages": "\xff"}')
    assert main(["expand", str(path), "--model", "demo"]) == 1
    assert "hint: --on-error skip drops such lines" in capsys.readouterr().err


def test_corrections_of_documents_are_documents() -> None:
    """`fix` copies what is between records as it stands."""
    chats = [
        *CHATS[:2],
        {"messages": [*MESSAGES[2][:1], {"role": "assistant", "content": "Yes. "}]},
    ]
    for document in (pretty(chats), compact({"data": chats}), pretty([MESSAGES[0], MESSAGES[1]])):
        output = io.BytesIO()
        list(Checker().fix(document, output))
        assert json.loads(output.getvalue()) == json.loads(document)
