"""Batches of one length."""

from typing import Any

import numpy as np
import pytest

import everyturn
from chats import named_chat, to_jsonl
from everyturn.options import PaddingSide

PAD = 3

SOURCES: dict[str, bytes] = {
    "plain": to_jsonl([named_chat("Ada", 3), named_chat("Bob", 1)]),
    "weighted": to_jsonl([named_chat("Eve", 1, weight=0.5), named_chat("Kim", 2)]),
    "empty": b"",
    "faulty": to_jsonl([named_chat("Ada", 1), {"messages": [{"role": "bot", "content": "x"}]}]),
}


@pytest.fixture(scope="module")
def expanded() -> dict[str, everyturn.Samples]:
    """Samples by name."""
    expander = everyturn.Expander("demo", layout="per_turn", on_error="skip")
    return {name: expander.expand(source) for name, source in SOURCES.items()}


# --------------------------------------------------------------------------------------------
# Batches
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", ["plain", "weighted"])
@pytest.mark.parametrize("multiple_of", [1, 64])
def test_each_row_is_its_sample_and_padding(
    expanded: dict[str, everyturn.Samples], name: str, side: PaddingSide, multiple_of: int
) -> None:
    """All columns are padded alike, on the side that was asked for."""
    samples = expanded[name]
    batch = samples.pad(pad_token_id=PAD, side=side, multiple_of=multiple_of)
    longest = int(samples.lengths.max())
    length = -(-longest // multiple_of) * multiple_of
    assert batch.input_ids.shape == (len(batch), length) == (len(samples), length)
    for row, sample in enumerate(samples):
        tokens = len(sample.input_ids)
        missing = length - tokens

        def padded(values: Any, padding: int, missing: int = missing) -> list[Any]:
            fill = [padding] * missing
            return [*values, *fill] if side == "right" else [*fill, *values]

        assert batch.input_ids[row].tolist() == padded(sample.input_ids, PAD)
        assert batch.attention_mask[row].tolist() == padded([1] * tokens, 0)
        assert batch.labels[row].tolist() == padded(sample.labels, -100)
        assert batch.position_ids[row].tolist() == padded(range(tokens), 0)
        if sample.loss_weights is None:
            assert batch.loss_weights is None
        else:
            assert batch.loss_weights is not None
            assert batch.loss_weights[row].tolist() == padded(sample.loss_weights, 0)


def test_a_batch_has_the_types_that_models_take(expanded: dict[str, everyturn.Samples]) -> None:
    """Ids, masks, labels and positions are int64, weights float32."""
    batch = expanded["weighted"].pad(pad_token_id=PAD)
    for array in (batch.input_ids, batch.attention_mask, batch.labels, batch.position_ids):
        assert array.dtype == np.int64
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert batch.loss_weights is not None
    assert batch.loss_weights.dtype == np.float32


def test_a_length_that_is_given_is_the_length(expanded: dict[str, everyturn.Samples]) -> None:
    """Rows of a fixed length suit compiled models."""
    samples = expanded["plain"]
    assert samples.pad(pad_token_id=PAD, max_length=512).labels.shape == (len(samples), 512)
    longest = int(samples.lengths.max())
    assert samples.pad(pad_token_id=PAD, max_length=longest).labels.shape[1] == longest


def test_a_sample_that_does_not_fit_is_named(expanded: dict[str, everyturn.Samples]) -> None:
    """Nothing is cut."""
    samples = expanded["plain"]
    with pytest.raises(
        everyturn.SampleError, match=r"^<bytes>:1: .*more than max_length"
    ) as caught:
        samples.pad(pad_token_id=PAD, max_length=int(samples.lengths.max()) - 1)
    assert (caught.value.kind, caught.value.line) == ("too_long", 1)


def test_no_samples_make_an_empty_batch(expanded: dict[str, everyturn.Samples]) -> None:
    """No rows, of no length or of the one that was asked for."""
    assert expanded["empty"].pad(pad_token_id=PAD, multiple_of=8).input_ids.shape == (0, 0)
    assert expanded["empty"].pad(pad_token_id=PAD, max_length=8).input_ids.shape == (0, 8)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"side": "both"}, "side"),
        ({"multiple_of": 0}, "multiple_of"),
        ({"max_length": 0}, "max_length"),
        ({"max_length": 100, "multiple_of": 64}, "multiple_of"),
        ({"pad_token_id": None}, "pad_token_id"),
        ({"pad_token_id": -1}, "pad_token_id"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    expanded: dict[str, everyturn.Samples], options: dict[str, Any], named: str
) -> None:
    """The error names the option."""
    with pytest.raises(everyturn.OptionsError, match=named):
        expanded["plain"].pad(**{"pad_token_id": PAD, **options})
