"""Tables and Parquet files that `everyturn.samples.parquet` made, back to samples.

In: a table with the columns and the metadata of an expansion. Out: the samples. What a table does not hold, the account
of what was dropped, is missing from their report, which counts what is there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from everyturn.exceptions import InputError, system_words
from everyturn.io.arrow_rows import json_values
from everyturn.io.json_lines import loads
from everyturn.options import StrPath
from everyturn.report import Report
from everyturn.samples.columns import COLUMNS, OFFSETS, RUN_COLUMNS, TREE_COLUMNS, Column
from everyturn.samples.kept import Kept, Texts
from everyturn.samples.labels import IGNORE_INDEX
from everyturn.samples.parquet import METADATA_KEY, TABLE
from everyturn.samples.provenance import carried_keys
from everyturn.samples.ragged import to_offsets

if TYPE_CHECKING:
    from everyturn.samples.table import Samples


def read_parquet(path: StrPath) -> "Samples":
    """Read the samples of a Parquet file.

    Raises:
        InputError: The file cannot be read, or is none of samples.
    """
    try:
        table = pq.read_table(Path(path))
    except pa.ArrowException as error:
        raise InputError.in_file(path, f"is not a Parquet file ({error})") from error
    except OSError as error:
        raise InputError.in_file(path, system_words(error)) from error
    try:
        # Texts that are damaged are no texts: nothing else would say so.
        table.validate(full=True)
        return to_samples(table)
    except InputError as error:
        raise InputError.in_file(path, str(error)) from error
    except (pa.ArrowException, LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError.in_file(path, f"is damaged ({error!r})") from error


def to_samples(table: pa.Table) -> "Samples":
    """Return the samples of a table.

    Raises:
        InputError: The table is none of samples.
    """
    from everyturn.samples.table import Samples

    described = (table.schema.metadata or {}).get(METADATA_KEY)
    if described is None or "seq_lengths" in table.column_names:
        raise InputError("holds no samples that everyturn has written (packs are not read)")
    metadata = loads(described)
    _check_columns(table, metadata["options"])
    arrays: dict[str, Any] = {}
    for column in COLUMNS:
        if column.per != "row":
            arrays |= _of_lists(table, column)
    ids = "".join(table["conversation_id"].to_pylist())
    arrays["conversation_hashes"] = np.frombuffer(bytes.fromhex(ids), dtype=np.uint8).reshape(
        -1, 16
    )
    names = [name or TABLE for name in table["file"].to_pylist()]
    files, file = np.unique(np.array(names, dtype=object), return_inverse=True)
    arrays["file"] = file.reshape(-1).astype(np.int32)
    arrays["line"] = _lines(table["line"], arrays)
    return Samples(
        **arrays,
        files=tuple(map(str, files)),
        kept=_kept(table, metadata),
        metadata=metadata,
        report=_report(arrays, metadata),
    )


def _check_columns(table: pa.Table, options: Mapping[str, Any]) -> None:
    """Refuse a table without a column that samples of these options have."""
    own = [column for column in COLUMNS if not (column.is_optional or column in RUN_COLUMNS)]
    if options["layout"] == "tree":
        own += TREE_COLUMNS
    if options["provenance"]:
        own += RUN_COLUMNS
    names = [column.name for column in own if not column.dtype.shape]
    names += ["conversation_id", *(name for name, _ in carried_keys(options))]
    if missing := [name for name in names if name not in table.column_names]:
        raise InputError(f"lacks columns that its samples have: {', '.join(missing)}")


def _lines(column: pa.ChunkedArray, arrays: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Return where each row's record is; records whose place the table does not say are numbered in their order.

    The rows of a record follow each other, in the order of their first targets.
    """
    if not column.null_count:
        lines: npt.NDArray[np.int64] = column.to_numpy()
        return lines
    firsts = arrays["targets"][arrays["target_offsets"][:-1]]
    begins = np.ones(len(column), dtype=np.bool_)
    hashes = arrays["conversation_hashes"]
    begins[1:] = np.any(hashes[1:] != hashes[:-1], axis=1) | (firsts[1:] <= firsts[:-1])
    numbers = pa.array(np.cumsum(begins))
    filled: npt.NDArray[np.int64] = pc.coalesce(column, numbers).to_numpy()
    return filled


def _of_lists(table: pa.Table, column: Column) -> dict[str, Any]:
    """Return a column with more than an element a row, and where its rows begin."""
    offsets = OFFSETS[column.per]
    if column.name not in table.column_names:
        if column not in RUN_COLUMNS:
            return {column.name: None}
        starts = np.zeros(len(table) + 1, dtype=np.int64)
        return {column.name: np.zeros(0, dtype=column.dtype), offsets: starts}
    lists = table[column.name].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks)
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(column.dtype, copy=False)
    return {column.name: values, offsets: to_offsets(lists.value_lengths().to_numpy())}


def _kept(table: pa.Table, metadata: dict[str, Any]) -> Kept:
    """Return what the rows carry along, held once for neighbours that have the same."""
    keep = carried_keys(metadata["options"])
    if not keep:
        return Kept()
    texts = [_json_texts(name, table[name], stated) for name, stated in keep]
    of_rows: list[int] = []
    distinct: list[tuple[bytes, ...]] = []
    for values in zip(*texts, strict=True):
        if not distinct or distinct[-1] != values:
            distinct.append(values)
        of_rows.append(len(distinct) - 1)
    columns = tuple(_texts(values) for values in zip(*distinct, strict=True)) or tuple(
        _texts(()) for _ in keep
    )
    return Kept(keep, columns, np.array(of_rows, dtype=np.int64))


def _json_texts(name: str, column: pa.ChunkedArray, stated: str | None) -> list[bytes]:
    """Return each value as JSON text; none where it is missing."""
    if stated == "json":
        return [b"" if value is None else value.encode() for value in column.to_pylist()]
    # A column that was kept of a table has its own type, which JSON may not have.
    values = json_values(name, column, null_fields=True)
    return [
        b"" if value is None else json.dumps(value, ensure_ascii=False).encode() for value in values
    ]


def _texts(values: tuple[bytes, ...]) -> Texts:
    data = np.frombuffer(b"".join(values), dtype=np.uint8)
    return Texts(data, to_offsets(np.array([len(value) for value in values], dtype=np.int64)))


def _report(arrays: dict[str, Any], metadata: dict[str, Any]) -> Report:
    records = len(set(zip(arrays["file"].tolist(), arrays["line"].tolist(), strict=True)))
    labels: npt.NDArray[np.int32] = arrays["labels"]
    return Report(
        train_on=metadata["options"]["train_on"],
        server=metadata["server"],
        now=metadata["now"],
        records_read=records,
        records_kept=records,
        targets_found=len(arrays["targets"]),
        targets_trained=len(arrays["targets"]),
        rows=len(arrays["offsets"]) - 1,
        tokens=len(arrays["input_ids"]),
        trained_tokens=int(np.count_nonzero(labels != IGNORE_INDEX)),
    )
