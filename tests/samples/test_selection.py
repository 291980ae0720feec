"""Which samples an index, a slice, a list or a mask chooses."""

from typing import Any

import numpy as np
import pytest

import everyturn
from paths import EXAMPLE_CHATS

SAMPLES = everyturn.Expander("demo").expand(EXAMPLE_CHATS)
LINES = SAMPLES.line.tolist()


@pytest.mark.parametrize("index", [0, 15, -1, -16, np.int64(3), np.uint8(3)], ids=repr)
def test_a_number_is_one_sample(index: int) -> None:
    """Negative ones count from the end."""
    sample = SAMPLES[index]
    assert isinstance(sample, everyturn.Sample)
    assert sample.line == LINES[index]
    assert sample.input_ids.tolist() == SAMPLES.select([int(index)]).input_ids.tolist()


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (slice(2, 5), [2, 3, 4]),
        (slice(None, None, -1), list(range(15, -1, -1))),
        ([0, 1], [0, 1]),
        ([-1, 0, 0], [15, 0, 0]),
        ([], []),
        (np.array([3, 1], dtype=np.int32), [3, 1]),
        (np.arange(16) % 2 == 0, list(range(0, 16, 2))),
        ([row == 4 for row in range(16)], [4]),
        (np.zeros(16, dtype=bool), []),
    ],
    ids=repr,
)
def test_several_are_samples_again(chosen: Any, rows: list[int]) -> None:
    """In the order that is asked for; a mask chooses those where it is true."""
    for picked in [SAMPLES[chosen]] + (
        [] if isinstance(chosen, slice) else [SAMPLES.select(chosen)]
    ):
        assert isinstance(picked, everyturn.Samples)
        assert picked.line.tolist() == [LINES[row] for row in rows]
        ids = [SAMPLES[row].input_ids.tolist() for row in rows]
        assert [sample.input_ids.tolist() for sample in picked] == ids


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (16, "no sample 16: samples are 0 to 15"),
        (-17, "no sample -17: samples are 0 to 15"),
        ([0, 99], "no sample 99: samples are 0 to 15"),
        ([True, False], "the mask has 2 bools, and there are 16 samples"),
    ],
    ids=repr,
)
def test_what_is_not_there_is_an_error_with_the_range(index: Any, text: str) -> None:
    """An IndexError, by which Python ends a loop."""
    with pytest.raises(IndexError, match=text):
        SAMPLES[index]


def test_of_no_samples_none_can_be_taken() -> None:
    """And it says so."""
    with pytest.raises(IndexError, match="no sample 0: there are no samples"):
        SAMPLES[:0][0]


@pytest.mark.parametrize("index", [1.0, [1.5], "0", None, [[0]], {"a": 1}], ids=repr)
def test_nothing_else_is_taken_for_an_index(index: Any) -> None:
    """No number is rounded."""
    with pytest.raises(TypeError, match="a number, a list of indices, or a mask of bools"):
        SAMPLES[index]
