"""What every command shares: exit codes, words on stderr, progress."""

import shutil
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from everyturn.control_characters import lines_shown
from everyturn.exceptions import OptionsError
from everyturn.model_folder import files_of
from everyturn.progress import Advance, progress_bar

EXIT_DONE = 0
EXIT_DATA = 1
EXIT_USE = 2
EXIT_INTERRUPTED = 130


WIDTH = 160
"""Columns of a table where there is no terminal."""


def say(text: str) -> None:
    """Write words, which are never results, to stderr: what they quote steers no terminal."""
    print(lines_shown(text), file=sys.stderr)  # noqa: T201


def show(text: str) -> None:
    """Write words that are results to stdout, at once: what they quote steers no terminal either."""
    print(lines_shown(text), flush=True)  # noqa: T201


def writable(
    flag: str,
    name: str,
    *,
    inputs: Sequence[str] = (),
    model: str | None = None,
    folder: bool = False,
) -> Path:
    """Refuse before the work what could not be written after it: a file, or a folder of files.

    Nor is a file overwritten that the command reads or writes otherwise, or that belongs to a model.
    """
    path = Path(name)
    if not path.parent.is_dir():
        raise OptionsError(f"{flag}: {path.parent}: no such folder")
    if path.is_dir() and not folder:
        raise OptionsError(f"{flag}: {path}: is a folder")
    if any(_is_same(path, Path(other)) for other in inputs):
        raise OptionsError(
            f"{flag}: {path}: is read or written by the same command, and never overwritten"
        )
    if model is not None and any(_is_same(path, file) for file in files_of(model)):
        raise OptionsError(f"{flag}: {path}: is a file of the model, and never overwritten")
    return path


def _is_same(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.samefile(other)
    return path.resolve() == other.resolve()


def progress(total: int | None) -> AbstractContextManager[Advance]:
    """Show a bar on stderr while a run lasts, if stderr is a terminal."""
    return progress_bar(total, is_shown=sys.stderr.isatty())


def print_table(table: Any) -> None:
    """Print a table of rich to stdout."""
    from rich.console import Console

    width = shutil.get_terminal_size((WIDTH, 0)).columns if sys.stdout.isatty() else WIDTH
    # What is in brackets, or between colons, is the text that it is.
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)
