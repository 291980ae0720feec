"""Expansion on a Ray cluster.

In: a Ray Dataset of records, or JSON lines files. Out: a Ray Dataset of samples (`expand`), or a folder of shards for
each file, which resumes after a killed run (`expand_to`). Needs Ray (``pip install 'everyturn[ray]'``); nothing
else of the package imports it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import ray
    import ray.data
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "everyturn.ray needs Ray Data: pip install 'everyturn[ray]'", name=missing.name
    ) from missing
import pyarrow as pa

from everyturn.arrow import Preparer
from everyturn.arrow.lines import read_tables
from everyturn.atomic import appearing
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander
from everyturn.io import shards
from everyturn.io.inputs import one_by_one
from everyturn.io.shard_folder import SHARD_TOKENS
from everyturn.options import StrPath
from everyturn.renderer import Renderer
from everyturn.report import Report, add_parts

BATCH_SIZE = 256
"""Records that an actor expands at a time."""

_READING_CPUS = 0.25
"""What reading a file takes: less than an actor, so that Ray keeps the two apart and a file is shared out."""

_FORMAT = "everyturn.shard_folders"


def expand(
    dataset_or_paths: Any,
    model: Renderer | StrPath,
    *,
    concurrency: int | tuple[int, int] | None = None,
    batch_size: int = BATCH_SIZE,
    **options: Any,
) -> ray.data.Dataset:
    """Expand records on the workers of a cluster, when the result is consumed.

    Files are read as bytes, each by one worker, and their lines expanded by all: samples, ids, files and lines are
    those of `Expander.expand`. The rows of a Dataset are records as `everyturn.arrow.Preparer` says. Rows come in any
    order, unless Ray's ``execution_options.preserve_order`` is set.

    Args:
        dataset_or_paths: A Dataset of records, or paths and globs of files that all workers see.
        model: A Renderer, or a model folder that all workers see.
        concurrency: How many actors expand, or the fewest and the most; None is one, and more up to what the cluster
            has. An actor has one thread and takes one CPU, unless ``num_threads`` says otherwise.
        batch_size: Records that an actor expands at a time; no sample depends on it.
        options: The options of `everyturn.arrow.Preparer`: those of `Expander`, ``keep``, ``loss_weights``,
            ``reports``.

    Raises:
        InputError: A path does not exist.
        OptionsError: An option has a value that it does not take.
    """
    if isinstance(dataset_or_paths, ray.data.Dataset):
        records = dataset_or_paths
        preparer = Preparer(model, **options)
    else:
        paths = _paths(dataset_or_paths)
        preparer = Preparer.of_lines(model, **options)
        files = ray.data.from_arrow([pa.table({"file": [path]}) for path in paths])
        records = files.map_batches(
            _tables,
            num_cpus=_READING_CPUS,
            batch_size=1,
            batch_format="pyarrow",
            fn_kwargs=preparer.expander.reading(),
            zero_copy_batch=True,
        )
    return records.map_batches(
        _Actor,
        fn_constructor_args=(preparer,),
        compute=_pool(concurrency),
        num_cpus=preparer.expander.num_threads,
        batch_size=batch_size,
        batch_format="pyarrow",
        zero_copy_batch=True,
    )


def expand_to(
    paths: Any,
    model: Renderer | StrPath,
    folder: StrPath,
    *,
    concurrency: int | tuple[int, int] | None = None,
    shard_tokens: int = SHARD_TOKENS,
    loss_weights: bool = False,
    **options: Any,
) -> Report:
    """Expand files on the workers of a cluster, each into its own folder of shards.

    Each file is one task, which writes as `everyturn.io.shards.expand` does. A task that died is run again by Ray, and
    a run that died by you: it resumes after the last complete shard, and every file is that of a run without
    interruption. No row is lost or doubled.

    Args:
        paths: Paths and globs of files that all workers see. A file is expanded by one worker: cut large ones.
        model: A Renderer, or a model folder that all workers see.
        folder: A folder that all workers see, new or of an earlier run; file k has ``k-name`` in it.
        concurrency: As in `expand`.
        shard_tokens: As in `everyturn.io.shards.expand`.
        loss_weights: Likewise.
        options: The options of `Expander`; ``num_threads`` is 1 unless given, and each task takes that many CPUs.

    Returns:
        The account of all lines.

    Raises:
        OptionsError: The folder is that of another run.
        EveryturnError: At the first fault, unless ``on_error`` or a policy skips it.
    """
    expander = Expander(model, **{"num_threads": 1, **options})
    names = _paths(paths)
    tasks = pa.table(
        {
            "path": names,
            "folder": [
                str(Path(folder).absolute() / f"{number:05d}-{Path(name).name}")
                for number, name in enumerate(names)
            ],
        }
    )
    _claim(Path(folder), names)
    written = ray.data.from_arrow([tasks.slice(row, 1) for row in range(len(tasks))]).map_batches(
        _Writer,
        fn_constructor_args=(expander,),
        fn_kwargs={"shard_tokens": shard_tokens, "loss_weights": loss_weights},
        compute=_pool(concurrency, tasks=len(names)),
        num_cpus=expander.num_threads,
        batch_size=1,
        batch_format="pyarrow",
    )
    reports = {row["path"]: row["report"] for row in written.take_all()}
    total = expander.empty().report
    for name in names:
        total = add_parts(total, Report.from_dict(json.loads(reports[name])))
    return total


def _paths(given: Any) -> list[str]:
    """The names of files, which workers can open: no stream, no bytes."""
    singles = one_by_one(given)
    if any(not isinstance(source, str) or source == "-" for _, source in singles):
        raise OptionsError("workers read files: give paths, globs or a Ray Dataset")
    return [name for name, _ in singles]


def _pool(concurrency: int | tuple[int, int] | None, *, tasks: int | None = None) -> Any:
    """The actors; no more than there are tasks, where their number is known."""
    if concurrency is None:
        return ray.data.ActorPoolStrategy(min_size=1, max_size=tasks)
    fewest, most = (concurrency, concurrency) if isinstance(concurrency, int) else concurrency
    if tasks is not None:
        fewest, most = min(fewest, tasks), min(most, tasks)
    return ray.data.ActorPoolStrategy(min_size=fewest, max_size=most)


def _tables(table: pa.Table, **reading: Any) -> Iterator[pa.Table]:
    """Read files, each in tables of its records."""
    for path in table["file"].to_pylist():
        yield from read_tables(path, **reading)


class _Actor:
    """Holds a preparer on a worker, which loads the model once."""

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer

    def __call__(self, table: pa.Table) -> pa.Table:
        return self._preparer(table)


class _Writer:
    """Holds an expander on a worker, and writes the shards of a file after the other."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander

    def __call__(self, table: pa.Table, **options: Any) -> pa.Table:
        reports = []
        for task in table.to_pylist():
            written = shards.expand(self._expander, task["path"], task["folder"], **options)
            reports.append(json.dumps(written.report.to_dict()))
        return pa.table({"path": table["path"], "report": pa.array(reports, pa.string())})


def _claim(folder: Path, names: list[str]) -> None:
    """Note which files the folder is of, or refuse it: shards of a file that is no longer given would stay in it."""
    note = folder / "inputs.json"
    text = json.dumps({"format": _FORMAT, "inputs": names}, ensure_ascii=False, indent=1) + "\n"
    folder.mkdir(exist_ok=True)
    if not note.exists() and not any(folder.iterdir()):
        with appearing(note) as temporary:
            temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
    elif not note.exists() or note.read_bytes() != text.encode("utf-8", "surrogateescape"):
        raise OptionsError(f"{folder}: the folder is not of these files: name a new one")
