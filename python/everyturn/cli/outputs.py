"""Files of samples: how commands write them, and which ones they replace.

In: the name of a file. Out: a writer of samples, if the file can be written and nothing is lost by it.
"""

import json
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from everyturn.atomic import appearing
from everyturn.exceptions import OptionsError
from everyturn.samples import Samples
from everyturn.samples.kept_types import check_stated
from everyturn.workers import Workers

FIRST_BYTES = 64 << 20
"""How much of the first line of a file is looked at to know its columns."""

COLUMNS = (b'{"input_ids": [', b'"n_trained": ', b'"conversation_id": "')
"""What a line of samples has."""


LINES_SUFFIXES = (".jsonl", ".ndjson", ".json")
"""Names of files that are written as JSON lines."""


class SamplesWriter(AbstractContextManager["SamplesWriter"], Protocol):
    """Takes samples part by part."""

    def write(self, samples: Samples) -> None:
        """Append samples."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that nothing would be written to, or that would be lost.

    A file that this package has written is replaced: a run is repeated with other options. Any other takes `overwrite`.

    Raises:
        OptionsError: The name has no ending that is known, or a file would be lost.
    """
    if path.suffix not in (".parquet", *LINES_SUFFIXES):
        known = ", ".join((".parquet", *LINES_SUFFIXES))
        raise OptionsError(f"-o: {path}: the name must end in {known} or, for a folder, /")
    if not overwrite and path.exists() and not _is_of_samples(path):
        raise OptionsError(
            f"-o: {path}: exists, and is not a file of samples: --overwrite replaces it"
        )


def writer_of(path: Path | None, workers: Workers | None = None) -> SamplesWriter:
    """Return what writes samples to a file that was checked, or to stdout; workers encode row groups."""
    if path is not None and path.suffix == ".parquet":
        from everyturn.samples.writer import Writer

        return Writer(path, workers=workers)
    return JsonLinesWriter(path)


def _is_of_samples(path: Path) -> bool:
    """Whether a file holds samples of this package, or nothing."""
    if path.stat().st_size == 0:
        return True
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        from everyturn.samples.parquet import METADATA_KEY

        try:
            return METADATA_KEY in (pq.read_schema(path).metadata or {})
        except pa.ArrowInvalid:
            return False
    with path.open("rb") as file:
        first = file.readline(FIRST_BYTES)
    return all(column in first for column in COLUMNS)


class JsonLinesWriter(AbstractContextManager["JsonLinesWriter"]):
    """One JSON object a sample, with the columns of the Parquet file; a file appears when it is whole."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] = sys.stdout
        self._open = ExitStack()

    def __enter__(self) -> "JsonLinesWriter":
        if self._path is not None:
            temporary = self._open.enter_context(appearing(self._path))
            self._file = self._open.enter_context(temporary.open("w", encoding="utf-8"))
        return self

    def write(self, samples: Samples) -> None:
        """Append samples; a row has `loss_weights` if its own are not all 0 or 1, and kept values as they are."""
        from everyturn.samples.parquet import to_table

        table = to_table(samples, with_weights=samples.loss_weights is not None, types={})
        check_stated(samples)
        for number, columns in enumerate(table.to_pylist()):
            row = {**columns, **samples.kept.of_row(number)}
            if set(row.get("loss_weights", ())) <= {0.0, 1.0}:
                row.pop("loss_weights", None)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.flush()
        self._open.__exit__(kind, error, traceback)
