"""Samples as datasets and folders of Hugging Face's ``datasets``.

In: samples, or parts of them by name. Out: a ``Dataset``, or a folder as ``load_from_disk`` reads it, which trainers
take as tokenized already. No other form is written here; for Parquet, see `everyturn.samples.parquet`.

Needs ``datasets`` (``pip install 'everyturn[hf]'``); nothing else of the package imports it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from everyturn.atomic import appearing
from everyturn.exceptions import OptionsError
from everyturn.options import StrPath
from everyturn.samples import Samples
from everyturn.samples.columns import WEIGHTS
from everyturn.samples.kept_types import places_in, types_in
from everyturn.samples.labels import check_no_trees, check_unweighted
from everyturn.samples.parquet import to_lists, to_table

try:
    import datasets
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "everyturn.hf needs datasets: pip install 'everyturn[hf]'", name=error.name
    ) from error

COLUMNS = ("input_ids", "attention_mask", "labels")
"""The columns by which axolotl knows a dataset to be tokenized, and that any trainer hands to a model."""

_MASK = "attention_mask"


def to_dataset(samples: Samples, *, columns: Sequence[str] = COLUMNS) -> datasets.Dataset:
    """Return the samples as a dataset in memory; its description holds version, fingerprint and options as JSON.

    >>> from everyturn import Expander
    >>> chat = {
    ...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    ... }
    >>> to_dataset(Expander("demo").expand([chat])).column_names
    ['input_ids', 'attention_mask', 'labels']

    Args:
        samples: They become the dataset's rows, in their order.
        columns: What it holds: ``attention_mask`` (list<int8>, all 1) and the columns of `everyturn.samples.parquet`,
            kept keys among them.

    Raises:
        OptionsError: A column is unknown.
        SampleError: A trained token has a weight other than 1, and ``loss_weights`` is not among the columns; or the
            samples are trees, and ``subtree_end`` is not.
    """
    types = types_in(samples.kept.only(columns), places_in(samples))
    table = to_table(samples, with_weights=True, types=types)
    ones = np.ones(len(samples.input_ids), dtype=np.int8)
    table = table.append_column(_MASK, to_lists(ones, samples.offsets, np.int8))
    unknown = [name for name in columns if name not in table.column_names]
    if unknown:
        known = dict.fromkeys([*table.column_names, *samples.kept])
        raise OptionsError(
            f"columns: {unknown[0]!r} is unknown; expected some of {', '.join(known)}"
        )
    if WEIGHTS not in columns:
        check_unweighted(samples, holder=f"a dataset without the column {WEIGHTS}")
    if "subtree_end" not in columns:
        check_no_trees(samples, holder="a dataset without the column subtree_end")
    info = datasets.DatasetInfo(description=json.dumps(samples.metadata))
    return datasets.Dataset(table.select(columns), info=info)


def save_to_disk(
    samples_or_parts: Samples | Mapping[str, Samples],
    path: StrPath,
    *,
    columns: Sequence[str] = COLUMNS,
) -> None:
    """Write a folder that ``datasets.load_from_disk`` reads; it appears under its name only when it is whole.

    Trainers take any folder that is not empty for a finished one.

    Args:
        samples_or_parts: Samples for a ``Dataset``; parts by name, as of `Samples.split`, for a ``DatasetDict``.
        path: The folder.
        columns: As in `to_dataset`.

    Raises:
        FileExistsError: There is something of this name already.
        OptionsError: As in `to_dataset`.
        SampleError: As in `to_dataset`.
    """
    folder = Path(path)
    if folder.exists():
        raise FileExistsError(f"{folder}: exists already: name a new folder")
    dataset: datasets.Dataset | datasets.DatasetDict
    if isinstance(samples_or_parts, Samples):
        dataset = to_dataset(samples_or_parts, columns=columns)
    else:
        parts = {name: to_dataset(part, columns=columns) for name, part in samples_or_parts.items()}
        dataset = datasets.DatasetDict(parts)
    with appearing(folder) as temporary:
        dataset.save_to_disk(temporary)
