"""What a tool made of a corpus, as a file between the child that made it and its parent.

In: rows and failures. Out: the same, on the other side.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from everyturn.bench.tools import Made, Row


def write_made(path: Path, made: Made) -> None:
    """Write what a tool made as flat arrays."""
    lengths = [len(row.ids) for row in made.rows]
    np.savez(
        path,
        ids=_flat((row.ids for row in made.rows), sum(lengths)),
        labels=_flat((row.labels for row in made.rows), sum(lengths)),
        lengths=np.array(lengths, dtype=np.int64),
        record=np.array([row.record for row in made.rows], dtype=np.int64),
        failures=np.array(json.dumps(made.failures)),
    )


def _flat(rows: Iterable[Sequence[int]], length: int) -> npt.NDArray[np.int32]:
    return np.fromiter(itertools.chain.from_iterable(rows), np.int32, length)


def read_made(path: Path) -> Made:
    """Read what `write_made` wrote."""
    with np.load(path) as arrays:
        ends = np.cumsum(arrays["lengths"])[:-1]
        ids, labels = (np.split(arrays[name], ends) for name in ("ids", "labels"))
        records = arrays["record"].tolist()
        failures = {int(k): v for k, v in json.loads(str(arrays["failures"])).items()}
    rows = [
        Row(record, row_ids.tolist(), row_labels.tolist())
        for record, row_ids, row_labels in zip(records, ids, labels, strict=False)
    ]
    return Made(rows, failures)
