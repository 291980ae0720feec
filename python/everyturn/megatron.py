"""Packs as Megatron-Bridge reads them: ``*.idx.parquet`` files of packed sequences.

In: packs. Out: a file with ``input_ids list<int32>``, ``loss_mask list<int8>`` and ``seq_start_id list<int32>`` (where
each sample begins) in row groups of 500. The reader makes inputs of all tokens of a sample but the last one and labels
of all but the first one, so the mask is at the token before the trained one, as Megatron-Bridge writes it.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from everyturn.atomic import appearing
from everyturn.exceptions import OptionsError, SampleError
from everyturn.options import StrPath
from everyturn.samples import ragged
from everyturn.samples.labels import IGNORE_INDEX, check_no_trees, check_unweighted
from everyturn.samples.packing import Packed
from everyturn.samples.padding import check_token_id
from everyturn.samples.parquet import described, to_lists

SUFFIX = ".idx.parquet"
"""How the file's name ends."""

_ROW_GROUP_ROWS = 500


def to_parquet(packed: Packed, path: StrPath, *, eos_token_id: int) -> None:
    """Write a file that Megatron-Bridge trains from: to a temporary name next to it, then renamed.

    The loss over what the reader makes of it is that over the packs. A row of K samples gives K tokens fewer than it
    has here, so it fits where the packs' ``max_length`` is the reader's ``packed_sequence_size``. Samples are not
    padded to the multiples that context parallelism asks for.

    Args:
        packed: The rows.
        path: The file; its name ends in ``.idx.parquet``.
        eos_token_id: That of the tokenizer which trains. The reader masks the loss of every token that follows
            one of it, so none there may be trained.

    Raises:
        OptionsError: The name ends otherwise, or the id is none.
        SampleError: A trained token has a weight other than 1, or follows ``eos_token_id``; or the packs hold trees.
    """
    if not Path(path).name.endswith(SUFFIX):
        raise OptionsError(f"path must end in {SUFFIX}, by which the reader knows it, not {path}")
    check_token_id("eos_token_id", eos_token_id)
    table = _to_table(packed, eos_token_id)
    with appearing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=_ROW_GROUP_ROWS)


def _to_table(packed: Packed, eos_token_id: int) -> pa.Table:
    check_unweighted(packed, holder=f"a {SUFFIX} file")
    check_no_trees(packed, holder=f"a {SUFFIX} file")
    loss_mask = _rolled_mask(packed)
    _check_none_after_eos(packed, loss_mask, eos_token_id)
    starts = ragged.to_offsets(packed.seq_lengths)[:-1]
    starts -= np.repeat(packed.offsets[:-1], np.diff(packed.seq_offsets))
    columns = {
        "input_ids": to_lists(packed.input_ids, packed.offsets, np.int32),
        "loss_mask": to_lists(loss_mask, packed.offsets, np.int8),
        "seq_start_id": to_lists(starts.astype(np.int32), packed.seq_offsets, np.int32),
    }
    return described(columns, packed.metadata)


def _rolled_mask(packed: Packed) -> npt.NDArray[np.int8]:
    """Whether the next token is trained, int8[T]. That after a sample's last one never is: it begins another."""
    mask = np.zeros(len(packed.labels), dtype=np.int8)
    mask[:-1] = packed.labels[1:] != IGNORE_INDEX
    return mask


def _check_none_after_eos(
    packed: Packed, loss_mask: npt.NDArray[np.int8], eos_token_id: int
) -> None:
    lost = np.flatnonzero((loss_mask == 1) & (packed.input_ids == eos_token_id))
    if not lost.size:
        return
    starts = ragged.to_offsets(packed.seq_lengths)
    sample = int(packed.samples[np.searchsorted(starts, lost[0], side="right") - 1])
    raise SampleError(
        f"{lost.size:,} trained tokens follow the token {eos_token_id}, the first in sample {sample}; "
        "Megatron-Bridge does not train what follows its end-of-sequence token"
    )
