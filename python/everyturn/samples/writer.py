"""Parquet files of samples, part by part.

In: samples, or tables of one schema. Out: a file of row groups, which threads encode side by side while its caller
makes the next part; they are written in the order of the rows. How a row group is encoded is said in
`everyturn.samples.row_groups`, which columns there are in `everyturn.samples.parquet`.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from everyturn.atomic import appearing, temporary_beside
from everyturn.options import StrPath
from everyturn.samples.columns import WEIGHTS
from everyturn.samples.kept_types import FirstShown, Types
from everyturn.samples.labels import unit_weights
from everyturn.samples.parquet import refuse_weights, to_table
from everyturn.samples.row_groups import RowGroup, RowGroupFile, encode
from everyturn.workers import Workers

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

_ROW_GROUP_TOKENS = 4 << 20
WAITING_GROUPS = 2
"""How many row groups may wait for the threads that encode, besides those that they are busy with."""


class Writer:
    """Writes one Parquet file, part by part; it appears under its name only when it is whole.

    A context manager: an exception inside leaves nothing behind. The bytes of the file depend on the rows and their
    order, never on the parts that they came in or on the number of threads. What is in memory is bounded: the rows of
    a group that is not full yet, and two groups of 4 million tokens more than there are threads.

    Args:
        path: The file's name.
        loss_weights: Whether there is a column of weights; None lets it come with the first that are not all 0 or 1,
            for the rows before too.
        types: The types of kept columns; None is as they are stated, or as the first conversations show them.
        workers: The threads that encode; None is a thread a core.
    """

    def __init__(
        self,
        path: StrPath,
        *,
        loss_weights: bool | None = None,
        types: Types | None = None,
        workers: Workers | None = None,
    ) -> None:
        self._path = Path(path)
        self._open = ExitStack()
        self._decided = loss_weights is not None
        self._with_weights = bool(loss_weights)
        self._types = types
        self._shown: FirstShown | None = None
        self._held: list[Samples] = []
        self._group = _Gathering(self._encode)
        self._workers = workers or Workers()
        self._file: _InOrder | None = None

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
        self._group.add(table)

    def _encode(self, table: pa.Table) -> None:
        """Append a row group."""
        self._file = self._file or _InOrder(self._temporary, self._workers)
        self._file.add(table)

    def _add_weights_to_earlier_rows(self, schema: pa.Schema) -> None:
        self._group.change(_with_unit_weights)
        if self._file is None:
            return
        self._file.end()
        self._file = None
        with temporary_beside(self._path) as earlier:
            self._temporary.rename(earlier)
            with pq.ParquetFile(earlier) as file:
                for group in range(file.num_row_groups):
                    rows = _with_unit_weights(file.read_row_group(group))
                    # Parquet renames the element field of lists; the cast restores the schema's names.
                    self._encode(rows.cast(schema))

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
                self._group.end(is_first=self._file is None)
                if self._file is not None:
                    self._file.end()
        finally:
            if self._file is not None:
                self._file.close()


class _Gathering:
    """Cuts rows into tables of as many as fit into a row group, or of one that is longer.

    Args:
        done: Takes each of them.
    """

    def __init__(self, done: Callable[[pa.Table], None]) -> None:
        self._done = done
        self._parts: list[pa.Table] = []
        self._tokens = 0

    def add(self, table: pa.Table) -> None:
        """Take the next rows; those of a group that is not full wait."""
        lengths = [np.from_dlpack(chunk) for chunk in table["length"].chunks]
        ends = np.cumsum(np.concatenate([np.empty(0, np.int32), *lengths]), dtype=np.int64)
        start, taken = 0, 0
        while start < len(table):
            room = taken + _ROW_GROUP_TOKENS - self._tokens
            end = max(start, int(np.searchsorted(ends, room, side="right")))
            if end == start and self._tokens == 0:
                end = start + 1
            if end > start:
                self._parts.append(table.slice(start, end - start))
                self._tokens += int(ends[end - 1]) - taken
                start, taken = end, int(ends[end - 1])
            if start < len(table):
                self._end_group()
        if not self._parts:
            self._parts = [table]

    def end(self, *, is_first: bool) -> None:
        """Let go of what waits; where no group was made before, of no rows, too."""
        if self._parts and (is_first or any(map(len, self._parts))):
            self._end_group()

    def change(self, change: Callable[[pa.Table], pa.Table]) -> None:
        """Put other columns in the place of those that wait."""
        self._parts = [change(part) for part in self._parts]

    def _end_group(self) -> None:
        table = pa.concat_tables(self._parts)
        self._parts, self._tokens = [], 0
        self._done(table)


class _InOrder:
    """Row groups that threads encode, and the file that they are written to in order."""

    def __init__(self, path: Path, workers: Workers) -> None:
        self._file = RowGroupFile(path)
        self._workers = workers
        self._encoding: deque[Future[RowGroup]] = deque()

    def add(self, table: pa.Table) -> None:
        """Encode the next row group, and write those that are encoded; wait where too many are not."""
        self._encoding.append(self._workers.submit(encode, table))
        most = self._workers.threads + WAITING_GROUPS
        while self._encoding and (len(self._encoding) > most or self._encoding[0].done()):
            self._write_first()

    def end(self) -> None:
        """Write all, and close the file."""
        while self._encoding:
            self._write_first()
        self._file.end()
        self._file.close()

    def close(self) -> None:
        """Close the file as it is; what was not encoded is not any more."""
        for encoding in self._encoding:
            encoding.cancel()
        with suppress(KeyboardInterrupt):
            wait(self._encoding)
        self._file.close()

    def _write_first(self) -> None:
        self._file.append(self._encoding.popleft().result())


def _with_unit_weights(table: pa.Table) -> pa.Table:
    chunks = []
    weighed = "shift_labels" if "shift_labels" in table.column_names else "labels"
    for labels in table[weighed].chunks:
        weights = unit_weights(labels.flatten().to_numpy())
        offsets = labels.offsets.to_numpy()
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), pa.array(weights)))
    return table.append_column(WEIGHTS, pa.chunked_array(chunks, pa.list_(pa.float32())))
