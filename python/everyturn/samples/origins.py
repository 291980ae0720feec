"""Which samples are of one conversation, and which of one record.

In: samples. Out: an element for each that is equal where they have that in common. Copies of a conversation are
separate records.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

ID_BYTES = 16
OPENING_BYTES = 8
"""The first half of an id, which a conversation has in common with those that continue it."""


def ids(samples: "Samples", size: int = ID_BYTES) -> npt.NDArray[Any]:
    """Return the first bytes of each sample's id, V[N]."""
    return np.ascontiguousarray(samples.conversation_hashes[:, :size]).view(f"V{size}").reshape(-1)


def records(samples: "Samples") -> npt.NDArray[np.int64]:
    """Number the records that the samples come from, int64[N]."""
    hashes = np.ascontiguousarray(samples.conversation_hashes).view(np.uint64)
    file, line = samples.file, samples.line
    begins = np.ones(len(samples), dtype=np.bool_)
    # Most samples stand next to those of their record: only the first of neighbours is looked up.
    begins[1:] = np.any(hashes[1:] != hashes[:-1], axis=1)
    begins[1:] |= (file[1:] != file[:-1]) | (line[1:] != line[:-1])
    number = np.cumsum(begins) - 1
    file, line = file[begins], line[begins]
    if np.all((file[1:] > file[:-1]) | ((file[1:] == file[:-1]) & (line[1:] > line[:-1]))):
        return number
    key = np.concatenate(
        [
            samples.conversation_hashes[begins],
            file.view(np.uint8).reshape(-1, 4),
            line.view(np.uint8).reshape(-1, 8),
        ],
        axis=1,
    )
    _, of_firsts = np.unique(key.view("V28").reshape(-1), return_inverse=True)
    numbers: npt.NDArray[np.int64] = of_firsts.reshape(-1)[number]
    return numbers
