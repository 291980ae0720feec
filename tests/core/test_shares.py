"""Shards: the lines of a source in equal shares."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import Record, to_jsonl
from everyturn.io.inputs import Share

EXPANDER = everyturn.Expander("demo", layout="per_turn", on_error="skip", max_line_bytes=1_000)


def chat(number: int, turns: int = 2) -> Record:
    """Return a distinct conversation."""
    messages = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {number}?"})
        messages.append({"role": "assistant", "content": f"Answer {turn}."})
    return {"messages": messages}


RECORDS = [chat(number, 1 + number % 3) for number in range(7)]
LINES = to_jsonl(RECORDS)


def rows_of(samples: everyturn.Samples) -> list[tuple[Any, ...]]:
    """What a row is and where it comes from."""
    return [
        (row.file, row.line, row.conversation_id, row.targets.tolist(), row.input_ids.tolist())
        for row in samples
    ]


def in_shards(source: Any, count: int) -> list[tuple[Any, ...]]:
    """The rows of all shards, in the order of the source."""
    rows = []
    for index in range(count):
        rows += rows_of(EXPANDER.expand(Share(source, index=index, count=count)))
    return sorted(rows, key=lambda row: (row[0], row[1], row[3]))


@pytest.mark.parametrize("count", [1, 2, 3, 20])
@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, bz2.compress, zstandard.compress],
    ids=["plain", "gzip", "bzip2", "zstd"],
)
def test_shards_are_the_whole(
    tmp_path: Path, compress: Callable[[bytes], bytes], count: int
) -> None:
    """Every row is in one share, under the file and the line that it has in the whole."""
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(compress(LINES))
    source = str(tmp_path / "*.jsonl")
    assert in_shards(source, count) == rows_of(EXPANDER.expand(source))


@pytest.mark.parametrize("source", [LINES, RECORDS], ids=["bytes", "dicts"])
def test_any_source_can_be_sharded(source: Any) -> None:
    """Bytes and dicts take the same way as files."""
    assert in_shards(source, 3) == rows_of(EXPANDER.expand(source))


@given(
    st.lists(
        st.sampled_from([to_jsonl([chat(0)]), b"\n", b" \r\n", b"{bad\n", b"x" * 1_500 + b"\n"])
    ),
    st.integers(1, 4),
)
def test_faults_stay_where_they_are(lines: list[bytes], count: int) -> None:
    """Blank, broken and overlong lines keep their numbers, and each is counted by one share."""
    source = b"\xef\xbb\xbf" + b"".join(lines)
    whole = EXPANDER.expand(source).report
    reports = [
        EXPANDER.expand(Share(source, index=index, count=count)).report for index in range(count)
    ]
    assert sum(report.records_read for report in reports) == whole.records_read
    faults = [fault for report in reports for fault in report.faults]
    assert sorted(faults, key=lambda fault: fault.line) == list(whole.faults)
    assert in_shards(source, count) == rows_of(EXPANDER.expand(source))


def test_a_shard_can_begin_at_a_line(tmp_path: Path) -> None:
    """Files and lines before it are left out, and the others keep their names and numbers."""
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(LINES)
    source = str(tmp_path / "*.jsonl")
    names = sorted(str(path) for path in tmp_path.iterdir())
    for from_file, from_line in ((0, 1), (0, 4), (1, 2), (2, 7), (2, 99)):
        for index in range(2):
            whole = EXPANDER.expand(Share(source, index=index, count=2))
            rest = EXPANDER.expand(
                Share(source, index=index, count=2, from_file=from_file, from_line=from_line)
            )
            start = names[from_file], from_line
            assert rows_of(rest) == [row for row in rows_of(whole) if row[:2] >= start]


@pytest.mark.parametrize(
    "options",
    [
        {"index": 2, "count": 2},
        {"index": -1, "count": 2},
        {"index": 0, "count": 0},
        {"index": 0, "count": 1, "from_file": -1},
        {"index": 0, "count": 1, "from_line": 0},
    ],
    ids=str,
)
def test_a_shard_that_is_none_is_refused(options: dict[str, int]) -> None:
    """Shards and files are counted from 0, lines from 1."""
    with pytest.raises(everyturn.OptionsError):
        Share(LINES, **options)


def test_what_cannot_be_read_is_the_same_error() -> None:
    """A file that is missing, or broken, is named as usual."""
    with pytest.raises(everyturn.InputError, match="not_there"):
        EXPANDER.expand(Share("not_there.jsonl", index=0, count=1))
    with pytest.raises(everyturn.InputError, match=r"<bytes>:\d+: the compressed data ends"):
        EXPANDER.expand(Share(gzip.compress(LINES)[:-20], index=1, count=2))
