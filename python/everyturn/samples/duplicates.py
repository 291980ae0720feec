"""Conversations that occur more than once.

In: samples. Out: which of them are duplicates, and samples without them. Duplicates are conversations with one
id (`Samples.conversation_id`), whatever else their records say.
"""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from everyturn.report import Report
from everyturn.samples.origins import ids, records

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

CAUSE = "duplicate"
"""What the report counts duplicates under."""


def count(samples: "Samples") -> int:
    """Count the records that are duplicates of an earlier one."""
    return _count(samples, find(samples))


def remove(samples: "Samples") -> "Samples":
    """Leave out the duplicates; the report says so."""
    duplicates = find(samples)
    if not duplicates.any():
        return samples
    kept = samples.select(np.flatnonzero(~duplicates))
    return dataclasses.replace(kept, report=_report(samples, duplicates))


def find(samples: "Samples") -> npt.NDArray[np.bool_]:
    """Whether each sample is of a duplicate, bool[N].

    Of the records of a conversation the first that has samples is kept, as in an expansion with ``deduplicate``. A
    target of a record is trained in one sample, so where the same record comes twice, its first target says which
    sample it is.
    """
    _, first, inverse = np.unique(ids(samples), return_index=True, return_inverse=True)
    kept = first[inverse.reshape(-1)]
    is_other_record = (samples.file != samples.file[kept]) | (samples.line != samples.line[kept])
    key = np.concatenate(
        [samples.conversation_hashes, _first_targets(samples).view(np.uint8).reshape(-1, 4)], axis=1
    )
    _, first = np.unique(np.ascontiguousarray(key).view("V20").reshape(-1), return_index=True)
    comes_again = np.ones(len(samples), dtype=np.bool_)
    comes_again[first] = False
    duplicates: npt.NDArray[np.bool_] = is_other_record | comes_again
    return duplicates


def _first_targets(samples: "Samples") -> npt.NDArray[np.int32]:
    """Return the first message that each sample trains, -1 where it trains none, int32[N]."""
    starts = samples.target_offsets[:-1]
    first = np.full(len(samples), -1, dtype=np.int32)
    some = np.diff(samples.target_offsets) > 0
    first[some] = samples.targets[starts[some]]
    return first


def _count(samples: "Samples", duplicates: npt.NDArray[np.bool_]) -> int:
    """Count the samples among the duplicates that are the first of their record."""
    record = records(samples)
    first = _first_targets(samples)
    earliest = np.full(record.max(initial=-1) + 1, np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(earliest, record, first)
    return int(np.count_nonzero(duplicates & (first == earliest[record])))


def _report(samples: "Samples", duplicates: npt.NDArray[np.bool_]) -> Report:
    before = samples.report
    records = _count(samples, duplicates)
    targets = int(np.diff(samples.target_offsets)[duplicates].sum())
    return dataclasses.replace(
        before,
        records_kept=before.records_kept - records,
        records_dropped=_plus(before.records_dropped, records),
        targets_trained=before.targets_trained - targets,
        targets_dropped=_plus(before.targets_dropped, targets),
        rows=before.rows - int(np.count_nonzero(duplicates)),
        tokens=before.tokens - int(samples.lengths[duplicates].sum()),
        trained_tokens=before.trained_tokens - int(samples.trained_lengths[duplicates].sum()),
    )


def _plus(causes: Mapping[str, int], number: int) -> dict[str, int]:
    return dict(sorted({**causes, CAUSE: causes.get(CAUSE, 0) + number}.items()))
