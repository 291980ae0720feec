"""Samples and packs as Arrow tables and Parquet files.

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
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from everyturn.atomic import appearing, temporary_beside
from everyturn.exceptions import OptionsError
from everyturn.options import StrPath
from everyturn.samples.columns import (
    COLUMNS,
    OFFSETS,
    RUN_COLUMNS,
    TOKEN_COLUMNS,
    TREE_COLUMNS,
    Column,
    Per,
    filled,
)
from everyturn.samples.kept_arrow import arrays
from everyturn.samples.kept_types import FirstShown, Types, places_in, types_in
from everyturn.samples.labels import IGNORE_INDEX, unit_weights, weighted_tokens
from everyturn.samples.ragged import count_in_rows

if TYPE_CHECKING:
    from everyturn.samples.packing import Packed
    from everyturn.samples.table import Samples

METADATA_KEY = b"everyturn"
WEIGHTS = "loss_weights"
_WEIGHTS = next(column for column in COLUMNS if column.name == WEIGHTS)
_MAX_LIST_ELEMENTS = 2**31 - 1
_ROW_GROUP_TOKENS = 8 << 20


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
    own["row"]["file"] = pa.array([samples.files[file] for file in samples.file], pa.string())
    columns = {
        **own["token"],
        "length": pa.array(samples.lengths.astype(np.int32)),
        "n_trained": pa.array(samples.trained_lengths.astype(np.int32)),
        "conversation_id": pa.array(samples.conversation_id, pa.string()),
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
        "seq_lengths": to_lists(packed.seq_lengths, packed.seq_offsets, pa.int32()),
        "length": pa.array(np.diff(packed.offsets).astype(np.int32)),
        "n_trained": pa.array(trained.astype(np.int32)),
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
    offsets = pa.array(packed.seq_offsets.astype(np.int32))
    return {
        name: pa.ListArray.from_arrays(offsets, values)
        for name, values in arrays(packed.kept, types, lambda _: None).items()
    }


def _to_column(samples: "Samples | Packed", column: Column) -> Any:
    """Return a column as an array, or as lists where it has more than an element a row."""
    array = filled(samples, column)
    if column.per == "row":
        return pa.array(array)
    offsets = getattr(samples, OFFSETS[column.per])
    return to_lists(array, offsets, pa.from_numpy_dtype(column.dtype))


def described(columns: dict[str, Any], metadata: dict[str, Any]) -> pa.Table:
    """Return a table of the columns that says what it was made with."""
    return pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(metadata).encode()})


def to_lists(
    values: npt.NDArray[Any], offsets: npt.NDArray[np.int64], kind: pa.DataType
) -> pa.ChunkedArray:
    """Return ragged rows as list arrays, as many as 32-bit offsets need."""
    chunks = []
    start = 0
    while start < len(offsets) - 1:
        fits = int(np.searchsorted(offsets, offsets[start] + _MAX_LIST_ELEMENTS, side="right")) - 1
        end = max(fits, start + 1)
        rows = offsets[start : end + 1]
        inner = pa.array(values[rows[0] : rows[-1]], kind)
        chunks.append(pa.ListArray.from_arrays(pa.array((rows - rows[0]).astype(np.int32)), inner))
        start = end
    return pa.chunked_array(chunks, pa.list_(kind))


class Writer:
    """Writes one Parquet file, part by part; it appears under its name only when it is whole.

    A context manager: an exception inside leaves nothing behind. The bytes of the file depend on the rows and their
    order, never on the parts that they came in.

    Args:
        path: The file's name.
        loss_weights: Whether there is a column of weights; None lets it come with the first that are not all 0 or 1,
            for the rows before too.
        types: The types of kept columns; None is as they are stated, or as the first conversations show them.
    """

    def __init__(
        self, path: StrPath, *, loss_weights: bool | None = None, types: Types | None = None
    ) -> None:
        self._path = Path(path)
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._decided = loss_weights is not None
        self._with_weights = bool(loss_weights)
        self._types = types
        self._shown: FirstShown | None = None
        self._held: list[Samples] = []
        self._waiting: list[pa.Table] = []
        self._waiting_tokens = 0

    def __enter__(self) -> "Writer":
        self._temporary = self._open.enter_context(appearing(self._path))
        self._open.push(self._close)
        return self

    def write(self, samples: "Samples") -> None:
        """Append samples.

        Raises:
            OptionsError: The file has no column for weights, and one is neither 0 nor 1; or a kept value does not fit
                the type of its column.
        """
        if self._types is not None:
            self._write(samples, self._types)
            return
        self._shown = self._shown or FirstShown(samples.kept.stated)
        self._shown.add(samples)
        self._held.append(samples)
        if self._shown.is_known:
            self._write_held()

    def _write_held(self) -> None:
        """Write the samples that have shown the types of kept columns."""
        if self._shown is None:
            return
        self._types, self._shown, held = self._shown.types(), None, self._held
        self._held = []
        for samples in held:
            self._write(samples, self._types)

    def _write(self, samples: "Samples", types: Types) -> None:
        if samples.loss_weights is not None and not self._with_weights:
            if self._decided:
                refuse_weights(samples)
            else:
                self._with_weights = True
                schema = to_table(samples[:0], with_weights=True, types=types).schema
                self._add_weights_to_earlier_rows(schema)
        self.write_table(to_table(samples, with_weights=self._with_weights, types=types))

    def write_table(self, table: pa.Table) -> None:
        """Append a table that has a column ``length``; all tables of a file have the same columns."""
        self._waiting.append(table)
        self._waiting_tokens += pc.sum(table["length"]).as_py() or 0
        if self._waiting_tokens > _ROW_GROUP_TOKENS:
            self._write_groups(to_the_end=False)

    def _write_groups(self, *, to_the_end: bool) -> None:
        """Write the rows that wait in groups of as many as fit; rows of the last group may have to wait for more."""
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        start = 0
        while start < len(table) or (to_the_end and table.num_rows == 0 and self._writer is None):
            rows, is_full = _rows_for(table["length"], start)
            if not (is_full or to_the_end):
                break
            self._write_group(table.slice(start, rows))
            start += max(rows, 1)
        rest = table.slice(start)
        # A copy: a slice would keep the whole table in memory.
        self._waiting = [rest.combine_chunks()] if len(rest) else []
        self._waiting_tokens = pc.sum(rest["length"]).as_py() or 0

    def _write_group(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, table.schema, compression="zstd")
        self._writer.write_table(table.combine_chunks(), row_group_size=max(len(table), 1))

    def _add_weights_to_earlier_rows(self, schema: pa.Schema) -> None:
        self._waiting = [_with_unit_weights(table) for table in self._waiting]
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        with temporary_beside(self._path) as earlier:
            self._temporary.rename(earlier)
            with pq.ParquetFile(earlier) as file:
                for group in range(file.num_row_groups):
                    rows = _with_unit_weights(file.read_row_group(group))
                    # As a file names the fields of lists is not as they were named.
                    self._write_group(rows.cast(schema))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def _close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,  # noqa: ARG002
        traceback: TracebackType | None,  # noqa: ARG002
    ) -> None:
        try:
            if kind is None:
                self._write_held()
                self._write_groups(to_the_end=True)
        finally:
            if self._writer is not None:
                self._writer.close()


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
    error = OptionsError(
        f"{sample.file}:{sample.line}: a token has the weight {weights[other[0]]:g}, and the output has no column for "
        "weights other than 0 and 1: ask for it with loss_weights=True (--loss-weights)"
    )
    error.file, error.line = sample.file, sample.line
    raise error


def _rows_for(lengths: pa.ChunkedArray, start: int) -> tuple[int, bool]:
    """How many rows from start on make a row group, and whether more rows could not change that."""
    total = np.cumsum(lengths.slice(start).to_numpy(), dtype=np.int64)
    if not len(total):
        return 0, False
    rows = max(1, int(np.searchsorted(total, _ROW_GROUP_TOKENS, side="right")))
    return rows, bool(total[-1] > _ROW_GROUP_TOKENS)


def _with_unit_weights(table: pa.Table) -> pa.Table:
    chunks = []
    weighed = "shift_labels" if "shift_labels" in table.column_names else "labels"
    for labels in table[weighed].chunks:
        weights = unit_weights(labels.flatten().to_numpy())
        offsets = labels.offsets.to_numpy()
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), pa.array(weights)))
    return table.append_column(WEIGHTS, pa.chunked_array(chunks, pa.list_(pa.float32())))
