"""Samples and packs as Arrow tables, with the columns that Parquet files have.

Columns of samples: ``input_ids list<int32>``, ``labels list<int32>`` (unshifted, -100 = not trained), ``length int32``,
``n_trained int32``, ``conversation_id string``, ``file string``, ``line int64``, ``targets list<int32>``,
``depth_from_end list<int32>`` (how many targets of the conversation come after each), a column for each key that is
kept of the records, and ``loss_weights list<float>`` only where weights are not all 0 or 1. The layout ``tree`` has
``position_ids``, ``subtree_end`` and ``shift_labels``, each ``list<int32>``, too, and its weights are where tokens are
predicted. With provenance there are ``run_lengths list<int32>``, ``run_kinds list<uint8>``, ``run_messages
list<int32>`` and ``run_answers list<bool>``, an element for each run of tokens, and ``message_facts string``.

Columns of packs: ``input_ids``, ``labels``, ``seq_lengths list<int32>`` (the samples side by side in the row),
``length``, ``n_trained``, lists of what is kept, and ``loss_weights`` and the columns of trees likewise. The schema's
metadata key ``everyturn`` holds version, fingerprint and options as JSON.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from everyturn.exceptions import OptionsError
from everyturn.samples.columns import (
    COLUMNS,
    OFFSETS,
    RUN_COLUMNS,
    TOKEN_COLUMNS,
    TREE_COLUMNS,
    WEIGHTS,
    Column,
    Per,
    filled,
)
from everyturn.samples.kept_arrow import arrays
from everyturn.samples.kept_types import Types, places_in, types_in
from everyturn.samples.labels import IGNORE_INDEX, weighted_tokens
from everyturn.samples.ragged import count_in_rows

if TYPE_CHECKING:
    from everyturn.samples.packing import Packed
    from everyturn.samples.table import Samples

METADATA_KEY = b"everyturn"
TABLE = "<table>"
"""The file of records in a table that does not say it."""
_WEIGHTS = next(column for column in COLUMNS if column.name == WEIGHTS)
_MAX_LIST_ELEMENTS = 2**31 - 1


def to_table(samples: "Samples", *, with_weights: bool, types: Types | None = None) -> pa.Table:
    """Return the samples as a table. Arrays are used as they are, without a copy, up to 2^31 tokens.

    Args:
        samples: They become the rows.
        with_weights: Whether there is a column of weights.
        types: The kept columns that the table has, with their types; None is all, as their values show.

    Raises:
        OptionsError: A kept value does not fit the type of its column.
    """
    own: dict[Per, dict[str, Any]] = {"token": {}, "row": {}, "target": {}, "run": {}}
    for column in COLUMNS:
        if _is_written(samples, column) and not column.dtype.shape:
            own[column.per][column.name] = _to_column(samples, column)
    # The reader of a file has no list of the inputs.
    own["row"]["file"] = of_texts(samples.files).take(of_numpy(samples.file))
    columns = {
        **own["token"],
        "length": of_numpy(samples.lengths.astype(np.int32)),
        "n_trained": of_numpy(samples.trained_lengths.astype(np.int32)),
        "conversation_id": _hex_texts(samples.conversation_hashes),
        **own["row"],
        **own["target"],
        **own["run"],
    }
    place = places_in(samples)
    columns |= arrays(
        samples.kept, types_in(samples.kept, place) if types is None else types, place
    )
    if with_weights:
        columns[WEIGHTS] = _to_column(samples, _WEIGHTS)
    return described(columns, samples.metadata)


def to_packed_table(packed: "Packed") -> pa.Table:
    """Return the rows as a table. Arrays are used as they are, without a copy, up to 2^31 tokens."""
    trained = count_in_rows(packed.labels != IGNORE_INDEX, packed.offsets)
    tokens = [column for column in TOKEN_COLUMNS if _is_written(packed, column)]
    columns: dict[str, Any] = {
        **{column.name: _to_column(packed, column) for column in tokens},
        "seq_lengths": to_lists(packed.seq_lengths, packed.seq_offsets, np.int32),
        "length": of_numpy(np.diff(packed.offsets).astype(np.int32)),
        "n_trained": of_numpy(trained.astype(np.int32)),
        **_kept_lists(packed),
    }
    if packed.loss_weights is not None:
        columns[WEIGHTS] = _to_column(packed, _WEIGHTS)
    return described(columns, packed.metadata)


def _is_written(samples: "Samples | Packed", column: Column) -> bool:
    """Whether a column is there whatever the samples weigh."""
    if column in TREE_COLUMNS:
        return samples.subtree_end is not None
    if column in RUN_COLUMNS:
        return bool(samples.metadata["options"]["provenance"])
    return column is not _WEIGHTS


def _kept_lists(packed: "Packed") -> dict[str, Any]:
    """Return what is kept of the samples of each row; where they lie is not known of packs."""
    types = types_in(packed.kept, lambda _: None)
    offsets = of_numpy(packed.seq_offsets.astype(np.int32))
    return {
        name: pa.ListArray.from_arrays(offsets, values)
        for name, values in arrays(packed.kept, types, lambda _: None).items()
    }


def _to_column(samples: "Samples | Packed", column: Column) -> Any:
    """Return a column as an array, or as lists where it has more than an element a row."""
    array = filled(samples, column)
    if column.per == "row":
        return of_numpy(array)
    offsets = getattr(samples, OFFSETS[column.per])
    return to_lists(array, offsets, column.dtype)


def described(columns: dict[str, Any], metadata: dict[str, Any]) -> pa.Table:
    """Return a table of the columns that says what it was made with."""
    return pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})


def to_lists(
    values: npt.NDArray[Any], offsets: npt.NDArray[np.int64], dtype: npt.DTypeLike
) -> pa.ChunkedArray:
    """Return ragged rows as list arrays, as many as 32-bit offsets need."""
    values = values.astype(dtype, copy=False)
    chunks = [
        pa.ListArray.from_arrays(_from_zero(rows), of_numpy(values[rows[0] : rows[-1]]))
        for rows in _within_32_bits(offsets)
    ]
    return pa.chunked_array(chunks, pa.list_(pa.from_numpy_dtype(values.dtype)))


def of_numpy(values: npt.NDArray[Any]) -> pa.Array:
    """Return numbers as an array that shares their memory; booleans are bits there.

    `pyarrow.array` imports pandas, where it is installed, to ask whether the numbers are its own: half a second.
    """
    held = np.packbits(values, bitorder="little") if values.dtype == bool else values
    buffers = [None, pa.py_buffer(np.ascontiguousarray(held))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def of_texts(texts: Sequence[str]) -> pa.StringArray:
    """Return texts as an array, likewise without pandas."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(
        len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def _hex_texts(hashes: npt.NDArray[np.uint8]) -> pa.ChunkedArray:
    """Return the hexadecimal digits of each row, as many arrays as 32-bit offsets need."""
    data = pa.py_buffer(hashes.tobytes().hex().encode())
    offsets = np.arange(len(hashes) + 1, dtype=np.int64) * (2 * hashes.shape[1])
    chunks = [
        pa.StringArray.from_buffers(
            len(rows) - 1, _from_zero(rows).buffers()[1], data.slice(rows[0], rows[-1] - rows[0])
        )
        for rows in _within_32_bits(offsets)
    ]
    return pa.chunked_array(chunks, pa.string())


def _within_32_bits(offsets: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Cut the offsets of rows where 32 bits cannot hold those from the last cut on."""
    start = 0
    while start < len(offsets) - 1:
        fits = int(np.searchsorted(offsets, offsets[start] + _MAX_LIST_ELEMENTS, side="right")) - 1
        end = max(fits, start + 1)
        yield offsets[start : end + 1]
        start = end


def _from_zero(offsets: npt.NDArray[np.int64]) -> pa.Array:
    return of_numpy((offsets - offsets[0]).astype(np.int32))


def has_weights(options: Mapping[str, Any], *, loss_weights: bool) -> bool:
    """Whether files of one schema have the column of weights: as asked for, or where an option makes weights."""
    return loss_weights or options["normalize"] != "none"


def refuse_weights(samples: "Samples") -> None:
    """Refuse weights other than 0 and 1 where there is no column for them: none is lost silently.

    Raises:
        OptionsError: The text and the attributes give the first one's location.
    """
    weights = samples.loss_weights
    other = weighted_tokens(samples)
    if weights is None or not other.size:
        return
    row = int(np.searchsorted(samples.offsets, other[0], side="right")) - 1
    sample = samples[row]
    raise OptionsError.in_file(
        sample.file,
        f"a token has the weight {weights[other[0]]:g}, and the output has no column for weights other than 0 and 1: "
        "ask for it with loss_weights=True (--loss-weights)",
        line=sample.line,
    )
