"""What a path names: JSON, which the core reads, or rows of columns, which are read here.

In: a path. Out: the files that it stands for, each with what it holds, by its content: the name of a file counts only
for text that is not JSON and whose first line does not show a format.
"""

import csv
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from everyturn import _core
from everyturn.exceptions import EveryturnError, InputError, system_words
from everyturn.io.csv_rows import rows_of
from everyturn.io.json_lines import loads

HEAD_BYTES = 1 << 16
"""How much of a file is looked at; the first line of CSV has to be in it."""

_WORDS = {
    "json": "JSON file",
    "parquet": "Parquet file",
    "arrow_file": "Arrow file",
    "arrow_stream": "Arrow stream",
    "csv": "CSV file",
}
_COMPRESSED = (".gz", ".zst", ".bz2")
_DELIMITERS = {".csv": (",", ";"), ".tsv": ("\t",)}


class FileContent(NamedTuple):
    """What a file holds.

    Attributes:
        name: ``csv`` is text of columns, whatever separates them.
        delimiter: What separates the columns of text.
        is_compressed: The bytes of the file are not those of its content.
    """

    name: Literal["json", "parquet", "arrow_file", "arrow_stream", "csv"]
    delimiter: str = ","
    is_compressed: bool = False

    @property
    def words(self) -> str:
        """As error texts call it."""
        return _WORDS[self.name]


JSON = FileContent("json")


def content_of(path: str) -> FileContent:
    """Find out what a file holds. What is broken is left to who reads it.

    Raises:
        InputError: The file cannot be read: then nobody knows what it holds.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            # What is taken from a pipe is gone.
            return JSON
        with Path(path).open("rb") as file:
            raw = file.read(8)
    except OSError as error:
        raise InputError.in_file(path, f"cannot be read: {system_words(error)}") from error
    try:
        head = _core.PlainFile(path).read(HEAD_BYTES)
    except EveryturnError as error:
        if error.kind == InputError.kind:
            raise
        return JSON
    name = _core.content_of(head)
    if name in ("parquet", "arrow_file", "arrow_stream"):
        return FileContent(name, is_compressed=not head.startswith(raw))  # type: ignore[arg-type]
    if name == "text" and (delimiter := _delimiter(head, path)) is not None:
        return FileContent("csv", delimiter)
    return JSON


def is_csv(head: bytes) -> bool:
    """Whether what has no name begins as text of columns does, whose names show a format."""
    return _core.content_of(head) == "text" and _delimiter(head, "") is not None


def _delimiter(head: bytes, path: str) -> str | None:
    """What separates the columns of text; None if it is not text of columns."""
    try:
        line = head.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        return None
    if not line.strip() or line.lstrip()[0] in "{[" or (line[0] == '"' and _is_json(line)):
        return None
    for delimiter in (",", "\t", ";"):
        if _core.formats_of_keys(set(_columns(line, delimiter))):
            return delimiter
    name = path.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    by_name = _DELIMITERS.get(Path(name).suffix, ())
    return max(by_name, key=lambda delimiter: len(_columns(line, delimiter)), default=None)


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        return next(rows_of([line], delimiter))
    except csv.Error:
        return []


def _is_json(line: str) -> bool:
    try:
        loads(line)
    except ValueError:
        return False
    return True


def files_of_folder(folder: str) -> list[str]:
    """Return the files of a data set that Hugging Face datasets has saved to disk, in order.

    Raises:
        InputError: The folder is none, or holds several data sets.
    """
    path = Path(folder)
    if (path / "dataset_dict.json").is_file():
        _, splits = _described(path, "dataset_dict.json", lambda content: content["splits"])
        raise InputError.in_file(
            folder, f"holds several data sets: name one of {', '.join(splits)}"
        )
    if not (path / "state.json").is_file():
        endings = sorted({entry.suffix for entry in path.iterdir() if entry.is_file()} - {""})
        found = next((ending for ending in (".parquet", ".arrow") if ending in endings), ".jsonl")
        raise InputError.in_file(folder, f"is a folder; name its files, e.g. {folder}/*{found}")
    state, files = _described(
        path, "state.json", lambda content: [file["filename"] for file in content["_data_files"]]
    )
    if state.get("_indices_data_files"):
        raise InputError.in_file(
            folder, "its rows are chosen by an index: save it again, flattened"
        )
    return files


def _described(
    folder: Path, name: str, names_in: Callable[[Any], Iterable[str]]
) -> tuple[dict[str, Any], list[str]]:
    """Return what a file of a saved data set says, and the paths of what it names."""
    try:
        content = loads((folder / name).read_bytes())
        return content, [str(folder / named) for named in names_in(content)]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError.in_file(str(folder), f"its {name} cannot be used ({error!r})") from error
