"""Samples concatenated in rows of a bounded length: training without padding.

In: samples. Out: rows that hold several samples each, with what attention needs to keep them apart. No sample is cut or
lost; which ones share a row is decided by the compiled core, from lengths alone.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.options import PackStrategy, StrPath, check_count
from everyturn.samples import ragged
from everyturn.samples.columns import NOT_TRAINED, TOKEN_COLUMNS
from everyturn.samples.kept import Kept
from everyturn.samples.labels import check_lengths
from everyturn.samples.origins import records
from everyturn.wording import counted, percent

if TYPE_CHECKING:
    import pyarrow as pa

    from everyturn.samples.table import Samples


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PackedRow:
    """Samples side by side.

    Attributes:
        input_ids: int32[T].
        labels: int32[T], -100 where not trained and at the first token of each sample; unshifted.
        loss_weights: float32[T], or None where all weights are 0 or 1.
        position_ids: int32[T], counted from 0 in each sample.
        seq_lengths: int32[K], the lengths of the samples.
        samples: int64[K], the indices of the samples.
        subtree_end: int32[T], where in the row what follows each token ends; None but for trees, whose
            ``position_ids`` are depths.
        shift_labels: int32[T], the id that the position predicts where that is trained, else -100; None but for trees.
        kept: What is kept of the samples' records, by name a list of K values.
    """

    input_ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    loss_weights: npt.NDArray[np.float32] | None
    position_ids: npt.NDArray[np.int32]
    seq_lengths: npt.NDArray[np.int32]
    samples: npt.NDArray[np.int64]
    subtree_end: npt.NDArray[np.int32] | None = None
    shift_labels: npt.NDArray[np.int32] | None = None
    kept: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    @property
    def cu_seqlens(self) -> npt.NDArray[np.int32]:
        """Where each sample begins and the last one ends, int32[K + 1], as attention kernels take it."""
        return ragged.to_offsets(self.seq_lengths).astype(np.int32)


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Packed(Sequence[PackedRow]):
    """Rows of samples: row i is ``[offsets[i]:offsets[i + 1]]`` of the flat arrays of tokens.

    The rows come in the order of their first sample, the samples of a row in the order of the input. Attention must not
    cross from one sample to the next: ``cu_seqlens``, or ``position_ids`` that restart, say so to the kernel.

    Attributes:
        input_ids: int32[T].
        labels: int32[T], -100 where not trained and at the first token of each sample: no sample is trained to be
            predicted from the end of another. Unshifted.
        offsets: int64[rows + 1].
        loss_weights: float32[T], 0 where not trained; None where all weights are 0 or 1.
        position_ids: int32[T], counted from 0 in each sample.
        seq_lengths: int32[N], the lengths of the samples.
        seq_offsets: int64[rows + 1]; those of row i are ``seq_lengths[seq_offsets[i]:seq_offsets[i + 1]]``.
        samples: int64[N], the index of each sample before packing.
        max_length: The most tokens of a row.
        spread_conversations: How many conversations, of those to be kept together, are longer than a row.
        metadata: That of the samples, and how they were packed under ``packing``; as files keep it.
        subtree_end: int32[T], where in the row what follows each token ends: token j of a row sees token i of it if
            ``i <= j < subtree_end[i]``; None but for trees, whose ``position_ids`` are depths.
        shift_labels: int32[T], the id that the position predicts where that is trained, else -100; ``loss_weights``
            are at these positions, too. None but for trees.
        kept: What is kept of the records, by name a list of N values, in the order of ``samples``.
    """

    input_ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    loss_weights: npt.NDArray[np.float32] | None
    position_ids: npt.NDArray[np.int32]
    seq_lengths: npt.NDArray[np.int32]
    seq_offsets: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    max_length: int
    spread_conversations: int
    metadata: dict[str, Any]
    subtree_end: npt.NDArray[np.int32] | None = None
    shift_labels: npt.NDArray[np.int32] | None = None
    kept: Kept = dataclasses.field(default_factory=Kept)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> PackedRow: ...

    @overload
    def __getitem__(self, index: slice) -> list[PackedRow]: ...

    def __getitem__(self, index: int | slice) -> PackedRow | list[PackedRow]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        row = range(len(self))[index]
        tokens = slice(self.offsets[row], self.offsets[row + 1])
        sequences = slice(self.seq_offsets[row], self.seq_offsets[row + 1])
        columns: dict[str, Any] = {}
        for column in TOKEN_COLUMNS:
            array = getattr(self, column.name)
            columns[column.name] = None if array is None else array[tokens]
        columns["position_ids"] = self.position_ids[tokens]
        return PackedRow(
            **columns,
            seq_lengths=self.seq_lengths[sequences],
            samples=self.samples[sequences],
            kept=dict(self.kept.select(np.arange(sequences.start, sequences.stop))),
        )

    def __iter__(self) -> Iterator[PackedRow]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Packed({counted(len(self.samples), 'sample')} in {counted(len(self), 'row')} of {self.max_length:,}; "
            f"{percent(self.fill)} full)"
        )

    @property
    def fill(self) -> float:
        """The share of the rows' length that is filled with tokens; 1 without rows."""
        room = len(self) * self.max_length
        return len(self.input_ids) / room if room else 1.0

    def to_arrow(self) -> "pa.Table":
        """Return the rows as a table; the columns are named in `everyturn.samples.parquet`."""
        from everyturn.samples import parquet

        return parquet.to_packed_table(self)

    def to_parquet(self, path: StrPath) -> None:
        """Write a Parquet file: to a temporary name next to it, then renamed."""
        from everyturn.samples.writer import Writer

        with Writer(path) as writer:
            writer.write_table(self.to_arrow())


def pack(
    samples: "Samples", max_length: int, *, strategy: PackStrategy, keep_conversations: bool
) -> Packed:
    """Pack the samples; see `Samples.pack`."""
    check_count("max_length", max_length)
    if max_length > np.iinfo(np.int32).max:
        raise OptionsError(f"max_length must fit into 32 bits, not {max_length}")
    check_lengths(samples, max_length)
    order, seq_offsets, spread = _core.pack(
        samples.lengths, max_length, strategy, records(samples) if keep_conversations else None
    )
    tokens, starts = ragged.gather(samples.offsets, order)
    columns: dict[str, Any] = {}
    for column in TOKEN_COLUMNS:
        array = getattr(samples, column.name)
        columns[column.name] = packed = None if array is None else array[tokens]
        # In trees weights are where tokens are predicted, and so they stay.
        is_of_trees = column.name != "labels" and samples.shift_labels is not None
        if packed is not None and column.name in NOT_TRAINED and not is_of_trees:
            packed[starts[:-1]] = NOT_TRAINED[column.name]
    if columns["subtree_end"] is None:
        columns["position_ids"] = ragged.places_in_rows(starts)
    else:
        columns["subtree_end"] += _starts_in_rows(starts, seq_offsets)
    return Packed(
        **columns,
        offsets=starts[seq_offsets],
        seq_lengths=np.diff(starts).astype(np.int32),
        seq_offsets=seq_offsets,
        samples=order,
        max_length=max_length,
        spread_conversations=spread,
        metadata=samples.metadata
        | {
            "packing": {
                "max_length": max_length,
                "strategy": strategy,
                "keep_conversations": keep_conversations,
            }
        },
        kept=samples.kept.select(order),
    )


def _starts_in_rows(
    starts: npt.NDArray[np.int64], seq_offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Return for each token where its sample begins in its row, int32[T]."""
    of_rows = np.repeat(starts[seq_offsets[:-1]], np.diff(seq_offsets))
    return np.repeat(starts[:-1] - of_rows, np.diff(starts)).astype(np.int32)
