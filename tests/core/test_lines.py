"""Which bytes are a line, and what its number is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import everyturn
from value_reader import VALUE_TEMPLATE, Reader, chat


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_lines_end_with_a_newline(reader: Reader, ending: bytes) -> None:
    """A carriage return before the newline belongs to the line's end.

    A newline after the last line makes no further one.
    """
    jsonl = ending.join([chat("one"), chat("two"), chat("three")])
    expected = [(1, "one"), (2, "two"), (3, "three")]
    assert reader.said(jsonl) == expected
    assert reader.said(jsonl + ending) == expected


def test_blank_lines_are_counted_and_keep_the_numbers(reader: Reader) -> None:
    """Lines of JSON white space are not records, and later lines keep their numbers."""
    jsonl = b"\n \t\n" + chat("one") + b"\n\r\n\n" + chat("two") + b"\n\n"
    assert reader.said(jsonl) == [(3, "one"), (6, "two")]
    report = reader.expand(jsonl).report
    assert (report.records_read, report.blank_lines) == (2, 5)


@pytest.mark.parametrize("jsonl", [b"", b"\n", b"\n\n\n", b"  \r\n\t", b"\xef\xbb\xbf"])
def test_nothing_gives_no_rows(reader: Reader, jsonl: bytes) -> None:
    """An input without records is not an error."""
    samples = reader.expand(jsonl)
    assert len(samples) == 0
    assert samples.report.records_read == 0
    assert samples.offsets.tolist() == [0]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\u00a0", "\ufeff"])
def test_only_a_newline_separates(reader: Reader, character: str) -> None:
    """Characters that other readers take for line ends stay in the text."""
    text = f"one{character}two"
    assert reader.said(chat(text) + b"\n" + chat("x")) == [(1, text), (2, "x")]


@pytest.mark.parametrize("character", [b"\x0b", b"\x0c", b"\xc2\x85", b"\xe2\x80\xa8", b"\xc2\xa0"])
def test_only_json_white_space_is_blank(reader: Reader, character: bytes) -> None:
    """A line of any other white space is a record, and none."""
    with pytest.raises(everyturn.JsonlError) as caught:
        reader.expand(chat("one") + b"\n" + character + b"\n")
    assert caught.value.line == 2


def test_a_byte_order_mark_opens_a_file_and_nothing_else(reader: Reader) -> None:
    """The mark is taken at the first byte, and refused before any other line."""
    mark = b"\xef\xbb\xbf"
    assert reader.said(mark + chat("one")) == [(1, "one")]
    with pytest.raises(everyturn.JsonlError) as caught:
        reader.expand(chat("one") + b"\n" + mark + chat("two"))
    assert caught.value.line == 2
    with pytest.raises(everyturn.JsonlError):
        reader.expand(mark + mark + chat("one"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_refused(reader: Reader, encoding: str) -> None:
    """JSONL is UTF-8; nothing is guessed."""
    with pytest.raises(everyturn.JsonlError):
        reader.expand(chat("one").decode().encode(encoding))


def _cuts(line: bytes) -> Iterator[bytes]:
    for length in range(1, len(line)):
        yield line[:length]


def test_a_cut_last_line_is_never_taken(reader: Reader) -> None:
    """A record cut anywhere is refused, with the number of its line."""
    for cut in _cuts(chat("é")):
        with pytest.raises(everyturn.JsonlError) as caught:
            reader.expand(chat("one") + b"\n" + cut)
        assert caught.value.line == 2


@pytest.mark.parametrize("after", [b"x", b"}", b",", b"\x00", b" 1", b"#"])
def test_nothing_may_follow_a_record_on_its_line(reader: Reader, after: bytes) -> None:
    """One line is one value."""
    with pytest.raises(everyturn.JsonlError):
        reader.expand(chat("one") + after)


def test_an_error_names_file_and_line(reader: Reader, tmp_path: Path) -> None:
    """The location is in the text and in the attributes."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(chat("one") + b"\n\n{nope}\n")
    with pytest.raises(everyturn.JsonlError, match=r"chats\.jsonl:3: ") as caught:
        reader.expand(path)
    assert (caught.value.file, caught.value.line) == (str(path), 3)
    assert caught.value.message_index is None


def test_a_line_may_be_as_long_as_the_limit(models: dict[str, Path]) -> None:
    """`max_line_bytes` bounds a line; the error names the limit, and other lines are kept."""
    long = chat("a" * 1000)
    renderer = everyturn.Renderer.from_dir(models["chatml"], chat_template=VALUE_TEMPLATE)
    exact = everyturn.Expander(renderer, max_line_bytes=len(long))
    below = everyturn.Expander(renderer, max_line_bytes=len(long) - 1)
    skipping = everyturn.Expander(renderer, max_line_bytes=100, on_error="skip")
    assert len(exact.expand(long + b"\n")) == 1
    with pytest.raises(everyturn.JsonlError, match=str(len(long) - 1)) as caught:
        below.expand(chat("x") + b"\n" + long + b"\n")
    assert caught.value.line == 2
    samples = skipping.expand(chat("x") + b"\n" + long + b"\n" + chat("y") + b"\n" + long)
    assert samples.line.tolist() == [1, 3]
    assert samples.report.records_read == 4
    assert sum(samples.report.records_dropped.values()) == 2
