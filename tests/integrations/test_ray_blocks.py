"""Blocks of lines as Ray's workers read them."""

from hypothesis import given
from hypothesis import strategies as st

from everyturn.io import lines


@given(
    st.lists(
        st.sampled_from(
            [b'{"messages": []}\n', b'{"conversations": 1}\n', b"\n", b"[1\n", b"\xef\xbb\xbf{}\n"]
        ),
        max_size=8,
    ),
    st.integers(1, 10),
    st.integers(1, 50),
)
def test_the_format_before_a_line_is_that_of_the_first_record_that_tells(
    parts: list[bytes], line: int, block_bytes: int
) -> None:
    """However the bytes arrive, blocks are the text, under its line numbers."""
    expected = None
    for part in parts[: line - 1]:
        if expected is None and b"messages" in part:
            expected = "messages"
        if expected is None and b"conversations" in part:
            expected = "sharegpt"
    text = b"".join(parts)
    assert lines.format_before(text, line) == expected
    blocks = list(lines.read_blocks(text, block_bytes=block_bytes))
    assert b"".join(block.text for block in blocks) == text.removeprefix(b"\xef\xbb\xbf")
    next_line = 1
    for block in blocks:
        assert block.first_line == next_line
        next_line += len(block.lines())
        of_lines = {lines.format_before(text, block.first_line + 1)}
        assert of_lines == {block.input_format}
