"""Expansion on a Ray cluster.

In: a Ray Dataset of records, or JSON lines files. Out: a Ray Dataset of samples (`expand`), or a folder of shards for
each file or section of a large one, which resumes after a killed run (`expand_to`). Needs Ray
(``pip install 'everyturn[ray]'``); nothing else of the package imports it.
"""

import json
import pickle
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
from everyturn.io.sections import SECTION_BYTES, Counted, Section, Span, count, cut_all
from everyturn.io.shard_folder import SHARD_TOKENS
from everyturn.options import StrPath
from everyturn.renderer import Renderer
from everyturn.report import Report

BATCH_SIZE = 256
"""Records that an actor expands at a time."""

_READING_CPUS = 0.25
"""What reading takes: less than an actor, so that Ray keeps the two apart and lines are shared out."""

_FORMAT = "everyturn.shard_folders"

_Source = Section | str
"""What one worker reads: a section of a file, or a file."""


def expand(
    dataset_or_paths: Any,
    model: Renderer | StrPath,
    *,
    concurrency: int | tuple[int, int] | None = None,
    batch_size: int = BATCH_SIZE,
    section_bytes: int = SECTION_BYTES,
    **options: Any,
) -> ray.data.Dataset:
    """Expand records on the workers of a cluster, when the result is consumed.

    Files are read as bytes, large ones in sections that several workers read (`everyturn.io.sections.cut` says which),
    and their lines expanded by all: samples, ids, files and lines are those of `Expander.expand`. The rows of a Dataset
    are records as `everyturn.arrow.Preparer` says. Rows come in any order, unless Ray's
    ``execution_options.preserve_order`` is set.

    Args:
        dataset_or_paths: A Dataset of records, or paths and globs of files that all workers see.
        model: A Renderer, or a model folder that all workers see.
        concurrency: How many actors expand, or the fewest and the most; None is one, and more up to what the cluster
            has. An actor has one thread and takes one CPU, unless ``num_threads`` says otherwise.
        batch_size: Records that an actor expands at a time; no sample depends on it.
        section_bytes: About how many bytes of a file one worker reads. Tasks count the lines of larger files when this
            is called.
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
        each = _sources_of_each(paths, section_bytes, preparer.expander.reading())
        rows = [_one_row(source=pickle.dumps(source)) for sources in each for source in sources]
        records = ray.data.from_arrow(rows).map_batches(
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
    section_bytes: int = SECTION_BYTES,
    loss_weights: bool = False,
    **options: Any,
) -> Report:
    """Expand files on the workers of a cluster, each file, or section of a large one, into its own folder of shards.

    Each of them is one task, which writes as `everyturn.io.shards.expand` does. A task that died is run again by Ray,
    and a run that died by you: it resumes after the last complete shard, and every file is that of a run without
    interruption. No row is lost or doubled. What is written depends on the files and the options, and not on how
    many workers and machines there are.

    Args:
        paths: Paths and globs of files that all workers see.
        model: A Renderer, or a model folder that all workers see.
        folder: A folder that all workers see, new or of an earlier run. The fourth file has ``00003-name`` in it, the
            third section of it ``00003-00002-name``: by name, shards have all rows in the order of the files.
        concurrency: As in `expand`.
        shard_tokens: As in `everyturn.io.shards.expand`.
        section_bytes: About how many bytes of a file are a section; `everyturn.io.sections.cut` says which files have
            several.
        loss_weights: As in `everyturn.io.shards.expand`.
        options: The options of `Expander`; ``num_threads`` is 1 unless given, and each task takes that many CPUs.

    Returns:
        The account of all lines.

    Raises:
        OptionsError: The folder is that of another run.
        InputError: A file cannot be read, or was changed after it was cut.
        EveryturnError: At the first fault, unless ``on_error`` or a policy skips it.
    """
    expander = Expander(model, **{"num_threads": 1, **options})
    names = _paths(paths)
    folders = {
        _folder_name(file, section, source): source
        for file, sources in enumerate(_sources_of_each(names, section_bytes, expander.reading()))
        for section, source in enumerate(sources)
    }
    _claim(Path(folder), names, list(folders))
    tasks = [
        _one_row(
            number=number, source=pickle.dumps(source), folder=str(Path(folder).absolute() / name)
        )
        for number, (name, source) in enumerate(folders.items())
    ]
    written = ray.data.from_arrow(tasks).map_batches(
        _Writer,
        fn_constructor_args=(expander,),
        fn_kwargs={"shard_tokens": shard_tokens, "loss_weights": loss_weights},
        compute=_pool(concurrency, tasks=len(tasks)),
        num_cpus=expander.num_threads,
        batch_size=1,
        batch_format="pyarrow",
    )
    reports = {row["number"]: row["report"] for row in written.take_all()}
    total = expander.empty().report
    for number in range(len(tasks)):
        total += Report.from_dict(json.loads(reports[number]))
    return total


def _paths(given: Any) -> list[str]:
    """The names of files, which workers can open: no stream, no bytes."""
    singles = one_by_one(given)
    if any(not isinstance(source, str) or source == "-" for _, source in singles):
        raise OptionsError("workers read files: give paths, globs or a Ray Dataset")
    return [name for name, _ in singles]


def _sources_of_each(
    paths: list[str], section_bytes: int, reading: dict[str, Any]
) -> list[list[_Source]]:
    """Cut large files into sections, whose lines are counted by tasks."""
    counting = ray.remote(num_cpus=_READING_CPUS)(count)

    def count_all(spans: list[Span]) -> list[Counted]:
        counted: list[Counted] = ray.get([counting.remote(span) for span in spans])
        return counted

    return cut_all(paths, section_bytes=section_bytes, count_all=count_all, **reading)


def _folder_name(file: int, section: int, source: _Source) -> str:
    """Name the folder of a source, so that names are in the order of the sources."""
    if isinstance(source, Section):
        return f"{file:05d}-{section:05d}-{Path(source.path).name}"
    return f"{file:05d}-{Path(source).name}"


def _one_row(**values: Any) -> pa.Table:
    return pa.table({name: [value] for name, value in values.items()})


def _pool(concurrency: int | tuple[int, int] | None, *, tasks: int | None = None) -> Any:
    """The actors; no more than there are tasks, where their number is known."""
    if concurrency is None:
        return ray.data.ActorPoolStrategy(min_size=1, max_size=tasks)
    fewest, most = (concurrency, concurrency) if isinstance(concurrency, int) else concurrency
    if tasks is not None:
        fewest, most = min(fewest, tasks), min(most, tasks)
    return ray.data.ActorPoolStrategy(min_size=fewest, max_size=most)


def _tables(table: pa.Table, **reading: Any) -> Iterator[pa.Table]:
    """Read files or sections, each in tables of its records."""
    for source in table["source"].to_pylist():
        yield from read_tables(pickle.loads(source), **reading)  # noqa: S301 - made by this module


class _Actor:
    """Holds a preparer on a worker, which loads the model once."""

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer

    def __call__(self, table: pa.Table) -> pa.Table:
        return self._preparer(table)


class _Writer:
    """Holds an expander on a worker, and writes the shards of one source after the other."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander

    def __call__(self, table: pa.Table, **options: Any) -> pa.Table:
        reports = []
        for task in table.to_pylist():
            source = pickle.loads(task["source"])  # noqa: S301 - made by this module
            written = shards.expand(self._expander, source, task["folder"], **options)
            reports.append(json.dumps(written.report.to_dict()))
        return pa.table({"number": table["number"], "report": pa.array(reports, pa.string())})


def _claim(folder: Path, names: list[str], folders: list[str]) -> None:
    """Note what the folder is of, or refuse it: shards of what is no longer given would stay in it."""
    note = folder / "inputs.json"
    claim = {"format": _FORMAT, "inputs": names, "folders": folders}
    text = json.dumps(claim, ensure_ascii=False, indent=1) + "\n"
    folder.mkdir(exist_ok=True)
    if not note.exists() and not any(folder.iterdir()):
        with appearing(note) as temporary:
            temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
    elif not note.exists() or note.read_bytes() != text.encode("utf-8", "surrogateescape"):
        raise OptionsError(
            f"{folder}: was written for other files or other section_bytes: name a new folder"
        )
