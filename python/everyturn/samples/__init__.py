"""Samples and what is made of them.

`table` has the samples in flat arrays, and gives out each as a `sample`; its methods call the others, which take
samples and know nothing of each other: `selection` says which rows are meant, `padding` and `packing` make rows of
bounded length, `split` parts by conversation, `duplicates` finds conversations that come again (`origins` says which
samples belong together), `relabel` gives tokens other weights by `rules` (`provenance` has what wrote them), `kept`
has what is carried along of records, `kept_types` its types in files. `storage` saves and maps, `parquet` makes
tables and files of them and `from_arrow` reads these: both are imported where they are wanted, as they need pyarrow;
`frames` makes data frames of a table.
`trees` takes trees apart; `ragged` has the arithmetic of offsets, `labels` what a label says.
"""

from everyturn.samples.kept import Kept
from everyturn.samples.labels import IGNORE_INDEX
from everyturn.samples.packing import Packed, PackedRow
from everyturn.samples.padding import Batch
from everyturn.samples.provenance import KINDS
from everyturn.samples.rules import Rule
from everyturn.samples.sample import Sample
from everyturn.samples.table import Samples
from everyturn.samples.trees import Unrolled

__all__ = [
    "IGNORE_INDEX",
    "KINDS",
    "Batch",
    "Kept",
    "Packed",
    "PackedRow",
    "Rule",
    "Sample",
    "Samples",
    "Unrolled",
]
