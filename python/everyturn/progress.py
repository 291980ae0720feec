"""A bar that shows how much of the input was read, in a terminal or a notebook."""

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Tells how far a run has come."""

    def __call__(self, done: int) -> None:
        """Show how many bytes have been read."""


@contextmanager
def progress_bar(total: int | None, *, is_shown: bool) -> Iterator[Advance]:
    """Show a bar while a run lasts: on stderr, or in the cell of a notebook.

    Args:
        total: How many bytes there are; None if that is not known.
        is_shown: Whether there is one at all.

    Warns:
        UserWarning: A notebook without ipywidgets has none.
    """
    if not is_shown:
        yield lambda done: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    if console.is_jupyter and importlib.util.find_spec("ipywidgets") is None:
        warnings.warn(
            "a notebook shows the bar by ipywidgets: pip install ipywidgets", stacklevel=4
        )
        yield lambda done: None  # noqa: ARG005
        return
    bar = Progress(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("expand", total=total)
        yield lambda done: bar.update(task, completed=done)
