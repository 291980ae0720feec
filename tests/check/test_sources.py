"""What is checked: any source, as it is read, with any options."""

import bz2
import dataclasses
import gzip
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from checked_chats import (
    ANSWER,
    LINES,
    USER,
    chat,
    found,
    kinds,
    said,
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_compressed_input_is_read_as_expand_reads_it(pack: Callable[[bytes], bytes]) -> None:
    """Plain, gzip and bzip2, as bytes and as files."""
    line = chat(USER, said("x", "bot"))
    assert kinds(pack(line)) == kinds(io.BytesIO(pack(line))) == {"role"}


def test_broken_compression_is_a_finding_behind_those_of_the_lines_before(tmp_path: Path) -> None:
    """The next input is read all the same."""
    cut = tmp_path / "a.jsonl.gz"
    cut.write_bytes(gzip.compress(chat(USER, ANSWER, USER))[:-9])
    whole = tmp_path / "b.jsonl"
    whole.write_bytes(chat(USER, said("x", "bot")))
    assert [(f.file, f.kind) for f in found([cut, whole]) if f.severity == "error"] == [
        (str(cut), "compression"),
        (str(whole), "role"),
    ]


class Endless(io.RawIOBase):
    """Lines without end."""

    def __init__(self) -> None:
        self.count = itertools.count()

    def read(self, size: int = -1, /) -> bytes:
        """Return as many as are asked for, none of them twice."""
        lines: list[bytes] = []
        while sum(map(len, lines)) < size:
            lines.append(chat(USER, said(f"x {next(self.count)}", "bot")))
        return b"".join(lines)


def test_findings_come_while_the_input_is_read() -> None:
    """An input without end gives its first findings."""
    first = list(itertools.islice(everyturn.check(Endless()), 3))
    assert [finding.line for finding in first] == [1, 2, 3]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_limit_takes_the_first_records_of_all_inputs(tmp_path: Path, limit: int) -> None:
    """Each record here has one finding."""
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_bytes(
            chat(USER, said(path.name, "bot")) + chat(USER, said(path.name * 2, "bot"))
        )
    assert len(found(paths, limit=limit)) == limit


def test_ignored_kinds_are_left_out() -> None:
    """The others stay."""
    bad = chat(USER, USER, ANSWER)
    assert kinds(bad) == {"consecutive_users", "identical_messages"}
    assert kinds(bad, ignore=["consecutive_users"]) == {"identical_messages"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ignore": ["consecutive_usrs"]}, "consecutive_users"),
        ({"select": "role"}, "select: expected a list of kinds"),
        ({"select": ["rolle"]}, "select: 'rolle' is not a kind of finding; did you mean role"),
        ({"max_length": 5}, "max_length needs a model"),
        ({"max_lenght": 5}, "max_lenght is not an option; did you mean max_length"),
        ({"ignor": "bom"}, "did you mean ignore"),
        ({"on_error": "raise"}, "on_error: a check never ends at a fault"),
        ({"renderer": "demo", "on_error": "raise"}, "on_error: a check never ends at a fault"),
        ({"renderer": "demo", "max_lenght": 5}, "did you mean max_length"),
        ({"input_format": "xml"}, "xml"),
        ({"limit": -1}, "limit"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_read(options: Any, text: str) -> None:
    """The text says what is wrong, and names what is meant."""
    with pytest.raises(everyturn.OptionsError, match=text):
        everyturn.check(b"", **options)


@given(st.lists(LINES, max_size=6), st.integers(1, 60))
def test_findings_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes], size: int) -> None:
    """Any pieces of the input give the same."""
    source = b"\n".join(lines)

    class Dribble(io.RawIOBase):
        def __init__(self) -> None:
            self.rest = io.BytesIO(source)

        def read(self, _size: int = -1, /) -> bytes:
            return self.rest.read(size)

    whole = [dataclasses.replace(f, file="") for f in found(source) if f.kind != "duplicate"]
    assert [
        dataclasses.replace(f, file="") for f in found(Dribble()) if f.kind != "duplicate"
    ] == whole
