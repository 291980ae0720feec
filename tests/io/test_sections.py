"""Sections of a file: each line is in one, with the number, the format and the account that the whole file gives it."""

import dataclasses
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import everyturn
from chats import numbered_chat, to_jsonl
from everyturn.io import shards
from everyturn.io.inputs import Share
from everyturn.io.records import Records
from everyturn.io.sections import Counted, Section, Span, count, cut, cut_all
from killed_runs import assert_resumed

READING: dict[str, Any] = {"input_format": "auto", "map": None, "max_line_bytes": 1000}
MESSAGES = (
    b'{"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]}'
)
SHAREGPT = b'{"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}'
TREE = (
    b'{"message_tree_id": "t", "prompt": {"message_id": "a", "text": "A", "role": "prompter", '
    b'"replies": [{"message_id": "b", "text": "B", "role": "assistant", "replies": []}]}}'
)
TREE_ROWS = [
    b'{"message_id": "a", "parent_id": null, "text": "A", "role": "prompter"}',
    b'{"message_id": "b", "parent_id": "a", "text": "B", "role": "assistant"}',
]
LINES = [
    MESSAGES,
    SHAREGPT,
    TREE,
    b"",
    b"  ",
    b'{"id": 1}',
    b"{broken",
    MESSAGES + b"\r",
    b"x" * 1200,
]


def frames(content: bytes, *, frame_bytes: int = 37) -> bytes:
    """Compress in frames, one of them to be skipped."""
    pieces = [content[at : at + frame_bytes] for at in range(0, len(content), frame_bytes)]
    compressed = [zstandard.ZstdCompressor().compress(piece) for piece in pieces]
    compressed.insert(1, b"\x57\x2a\x4d\x18\x03\0\0\0abc")
    return b"".join(compressed)


def all_of(source: Any) -> tuple[list[tuple[Any, ...]], int]:
    """What is read of a source."""
    records = Records(source, **READING)
    return [tuple(record) for record in records], records.blank_lines


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=12),
    around=st.sampled_from([(b"", b""), (b"", b"\n"), (b"\xef\xbb\xbf", b"")]),
    section_bytes=st.integers(1, 400),
    compress=st.sampled_from([bytes, frames]),
)
def test_sections_give_what_the_file_gives(
    lines: list[bytes],
    around: tuple[bytes, bytes],
    section_bytes: int,
    compress: Callable[[bytes], bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Records, their lines and formats, and the number of blank lines."""
    path = tmp_path_factory.mktemp("sections") / "chats"
    content = b"\n".join(lines).join(around)
    path.write_bytes(compress(content))
    parts = cut(str(path), section_bytes=section_bytes, **READING)
    read = [all_of(part) for part in parts]
    expected = all_of(str(path))
    assert [record for records, _ in read for record in records] == expected[0]
    assert sum(blank for _, blank in read) == expected[1]
    if len(parts) > 1:
        assert all(isinstance(part, Section) for part in parts)
        assert sum(part.bytes for part in parts if isinstance(part, Section)) == len(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.json", b"[" + b",\n".join([MESSAGES] * 9) + b"]"),
        ("chats.jsonl.gz", gzip.compress(b"\n".join([MESSAGES] * 99))),
        ("chats.csv", b"prompt,completion\n" + b"A,B\n" * 99),
        ("one_frame.zst", zstandard.compress(b"\n".join([MESSAGES] * 999))),
        (
            "rows.jsonl",
            b"\n".join(TREE_ROWS),
        ),
    ],
)
def test_a_file_that_cannot_be_cut_stays_whole(name: str, content: bytes, tmp_path: Path) -> None:
    """Lists, other compression, one frame, tables, and records that are made of several lines."""
    path = tmp_path / name
    path.write_bytes(content)
    assert cut(str(path), section_bytes=50, **READING) == [str(path)]
    assert len(everyturn.Expander("demo").expand(path)) > 0


def test_a_section_can_be_shared_and_resumed(tmp_path: Path) -> None:
    """A share of a section, and lines from one on, are those of the file with these numbers."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(numbered_chat(number) for number in range(20)))
    parts = cut(str(path), section_bytes=700, **READING)
    assert len(parts) > 2
    expander = everyturn.Expander("demo")
    of_shares = [
        line
        for part in parts
        for index in range(3)
        for line in expander.expand(Share(part, index=index, count=3)).line.tolist()
    ]
    assert sorted(of_shares) == list(range(1, 21))
    second = parts[1]
    assert isinstance(second, Section)
    later = Share(second, index=0, count=1, from_line=second.first_line + 1)
    whole = expander.expand(second).line.tolist()
    assert expander.expand(later).line.tolist() == whole[1:]


def test_shards_of_sections_are_the_rows_of_the_file_in_order(tmp_path: Path) -> None:
    """Each section has a folder of its own."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(numbered_chat(number) for number in range(40)))
    expander = everyturn.Expander("demo")
    parts = cut(str(path), section_bytes=1500, **READING)
    rows = []
    for number, part in enumerate(parts):
        folder = tmp_path / f"{number}"
        written = shards.expand(expander, part, folder, shard_tokens=100)
        assert len(written.shards) > 1
        rows += [
            row
            for shard in written.shards
            for row in pq.read_table(folder / shard.name).to_pylist()
        ]
        assert shards.expand(expander, part, folder, shard_tokens=100).was_done
    assert rows == expander.expand(path).to_arrow().to_pylist()
    with pytest.raises(everyturn.OptionsError, match="cut at other places"):
        shards.expand(expander, parts[1], tmp_path / "0", shard_tokens=100)
    path.touch()
    again = cut(str(path), section_bytes=1500, **READING)
    assert shards.expand(expander, again[0], tmp_path / "0", shard_tokens=100).was_done


def test_a_killed_run_over_a_section_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any shard, with what the section begins and ends with."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\n".join([MESSAGES, b"", MESSAGES, b" ", MESSAGES] * 9))
    expander = everyturn.Expander("demo")
    for number, part in enumerate(cut(str(path), section_bytes=900)):
        (tmp_path / f"{number}").mkdir()
        assert_resumed(expander, part, tmp_path / f"{number}", monkeypatch)


@pytest.mark.parametrize("change", ["longer", "shorter", "rewritten"])
def test_a_file_that_was_changed_since_it_was_cut_is_refused(change: str, tmp_path: Path) -> None:
    """Its lines are no longer where they were: nothing is lost without a word."""
    path = tmp_path / "chats.jsonl"
    content = to_jsonl(numbered_chat(number) for number in range(20))
    path.write_bytes(content)
    parts = cut(str(path), section_bytes=1000)
    changed = {"longer": content + MESSAGES, "shorter": content[:1000], "rewritten": content[::-1]}
    path.write_bytes(changed[change])
    os.utime(path, ns=(1, 1))
    for part in parts:
        with pytest.raises(
            everyturn.InputError, match=r"chats\.jsonl: it was changed since it was cut"
        ):
            everyturn.Expander("demo", on_error="skip").expand(part)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    """What the section lacks is not taken for its end."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(numbered_chat(number) for number in range(20)))
    last = cut(str(path), section_bytes=1000)[-1]
    assert isinstance(last, Section)
    longer = dataclasses.replace(last, bytes=last.bytes + 1)
    with pytest.raises(everyturn.InputError, match="fewer bytes than when it was cut"):
        everyturn.Expander("demo").expand(longer)


def test_a_pipe_is_left_to_who_reads_it(tmp_path: Path) -> None:
    """It can be opened once."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert cut(str(path), section_bytes=1) == [str(path)]


def test_sections_without_end_are_refused(tmp_path: Path) -> None:
    """A wrong unit would make millions of them."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(MESSAGES * 2000)
    with pytest.raises(everyturn.OptionsError, match="section_bytes must be larger"):
        cut(str(path), section_bytes=1)
    with pytest.raises(everyturn.OptionsError, match="section_bytes"):
        cut(str(path), section_bytes=0)


def test_all_spans_are_counted_at_once(tmp_path: Path) -> None:
    """Those of all files, so that many workers count them; the files are cut as each alone."""
    paths = []
    for number in range(3):
        paths.append(str(tmp_path / f"{number}.jsonl"))
        content = to_jsonl(numbered_chat(number) for number in range(10 * number))
        Path(paths[-1]).write_bytes(content)
    asked: list[int] = []

    def count_all(spans: list[Span]) -> list[Counted]:
        asked.append(len(spans))
        return [count(span) for span in spans]

    found = cut_all(paths, section_bytes=1000, count_all=count_all)
    assert found == [cut(path, section_bytes=1000) for path in paths]
    assert asked == [sum(len(parts) for parts in found if len(parts) > 1)]
    with pytest.raises(ValueError, match="zip"):
        cut_all(paths, section_bytes=1000, count_all=lambda spans: count_all(spans)[:-1])


def test_an_unknown_kind_of_records_is_refused(tmp_path: Path) -> None:
    """A section says what its records are."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(numbered_chat(number) for number in range(20)))
    first = cut(str(path), section_bytes=1000)[0]
    assert isinstance(first, Section)
    with pytest.raises(ValueError, match="nonsense"):
        everyturn.Expander("demo").expand(dataclasses.replace(first, kind=("nonsense", 1)))


def test_a_damaged_frame_is_named_when_lines_are_counted(tmp_path: Path) -> None:
    """The error says which file it is."""
    path = tmp_path / "chats.zst"
    content = bytearray(
        frames(to_jsonl(numbered_chat(number) for number in range(40)), frame_bytes=600)
    )
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(everyturn.InputError, match=r"chats\.zst: the compressed data is damaged"):
        cut(str(path), section_bytes=500, **READING)
    with pytest.raises(everyturn.InputError, match=r"chats\.zst"):
        list(Records(str(path), **READING))


def test_counting_says_what_is_between_two_places(tmp_path: Path) -> None:
    """Bytes, newlines, and whether the last byte is one."""
    path = tmp_path / "lines"
    path.write_bytes(b"a\nbb\n\nc")
    assert count(Span(str(path), 0, 3)) == (3, 1, False)
    assert count(Span(str(path), 3, 6)) == (3, 2, True)
    assert count(Span(str(path), 6, None)) == (1, 0, False)
    with pytest.raises(everyturn.InputError, match="gone"):
        count(Span(str(tmp_path / "gone"), 0, None))
