"""Records: what is read of a source, without a model, and what comes of records whose locations are given."""

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import to_jsonl
from everyturn.io.inputs import Share
from everyturn.io.records import Record, Records

EXPANDER = everyturn.Expander("demo", layout="per_turn", on_error="skip")
CHAT = {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]}
SHAREGPT = {"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}
LINE = to_jsonl([CHAT]).removesuffix(b"\n")
MARK = b"\xef\xbb\xbf"


def rows_of(samples: everyturn.Samples) -> list[tuple[Any, ...]]:
    """What a row is and where it comes from."""
    return [
        (row.file, row.line, row.conversation_id, row.targets.tolist(), row.input_ids.tolist())
        for row in samples
    ]


def test_records_are_what_expanding_reads(data: Path) -> None:
    """File, line, format and bytes: expanded from there, real files give the same rows and faults."""
    paths = sorted((data / "chats").glob("*.jsonl*"))
    assert paths
    for path in paths:
        records = list(islice(Records(str(path)), 25))
        samples, _ = EXPANDER.expand_records(records)
        whole = EXPANDER.expand(str(path), limit=25)
        assert rows_of(samples) == rows_of(whole), path
        assert samples.report.faults == whole.report.faults, path
        assert samples.report.records_read == len(records), path


def test_a_line_that_is_too_long_has_no_text() -> None:
    """It keeps its position among the others, and is the fault that it is in a file."""
    source = LINE + b"\n\n" + b"x" * 500 + b"\n" + LINE
    records = list(Records(source, max_line_bytes=400))
    assert [(record.line, record.text) for record in records] == [(1, LINE), (3, None), (4, LINE)]
    expander = everyturn.Expander("demo", on_error="skip", max_line_bytes=400)
    samples, of_records = expander.expand_records(records)
    assert samples.report.faults == expander.expand(source).report.faults
    assert of_records.tolist() == [0, 2]


@given(
    st.lists(
        st.sampled_from(
            [b'{"messages": []}\n', b'{"conversations": 1}\n', b"\n", b"[1\n", b"\xef\xbb\xbf{}\n"]
        ),
        max_size=8,
    ),
    st.integers(1, 10),
)
def test_a_file_that_is_read_from_a_line_on_keeps_its_format(parts: list[bytes], line: int) -> None:
    """Records are those of the whole from there, and only the blank lines from there are counted."""
    source = b"".join(parts)
    rest = Records(Share(source, index=0, count=1, from_line=line))
    assert list(rest) == [record for record in Records(source) if record.line >= line]
    assert rest.blank_lines == parts[line - 1 :].count(b"\n")


def test_what_comes_before_a_shard_tells_its_format() -> None:
    """A resumed run reads a line as an uninterrupted run does."""
    source = to_jsonl([CHAT, SHAREGPT, CHAT])
    whole = EXPANDER.expand(source)
    rest = EXPANDER.expand(Share(source, index=0, count=1, from_line=2))
    assert rest.report.faults == whole.report.faults
    assert rows_of(rest) == rows_of(whole)[1:]
    assert (rest.report.records_read, rest.report.blank_lines) == (2, 0)


@pytest.mark.parametrize("start", [MARK, gzip.compress(b"")[:4], b"BZh"])
def test_a_record_is_its_own_text(start: bytes) -> None:
    """What looks like the mark or the compression of a file is none at the start of a record."""
    samples, _ = EXPANDER.expand_records([Record("a.jsonl", 3, "messages", start + LINE)])
    (fault,) = samples.report.faults
    assert (fault.file, fault.line) == ("a.jsonl", 3)
    assert fault.kind in {"json", "json_utf8"}


def test_places_are_those_that_are_given() -> None:
    """Of samples, of faults and of the error that ends a run."""
    bad = json.dumps({"messages": [{"role": "bot", "content": "x"}]}).encode()
    records = [
        Record("b.jsonl", 9, "messages", LINE + b"\r"),
        Record("a.jsonl", 2, None, to_jsonl([SHAREGPT]).strip()),
        Record("c.jsonl", 1, None, b" \r"),
        Record("b.jsonl", 7, None, bad),
        Record("b.jsonl", 7, None, LINE),
    ]
    samples, of_records = EXPANDER.expand_records(records)
    assert [(row.file, row.line) for row in samples] == [
        ("b.jsonl", 9),
        ("a.jsonl", 2),
        ("b.jsonl", 7),
    ]
    assert samples[0].conversation_id == samples[2].conversation_id
    assert of_records.tolist() == [0, 1, 4]
    (fault,) = samples.report.faults
    assert fault.text.startswith("b.jsonl:7: message 0: ")
    assert samples.report.blank_lines == 1
    with pytest.raises(everyturn.ConversationError, match=r"^b\.jsonl:7: message 0: ") as caught:
        everyturn.Expander("demo").expand_records(records)
    assert (caught.value.file, caught.value.line, caught.value.message_index) == ("b.jsonl", 7, 0)
    assert str(caught.value) == f"b.jsonl:7: message 0: {caught.value.reason}"
