"""Files and folders that appear under their name only when they are whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from everyturn.options import StrPath


@contextmanager
def appearing(path: StrPath) -> Iterator[Path]:
    """Give a temporary name next to a path, to write a file or a folder there.

    At the end it is made durable and takes the path's name, replacing a file of that name. An exception inside
    leaves nothing behind, and what was there before as it was. Where nothing was written nothing appears. Of several
    that write one path at the same time, in threads or processes, each writes its own, and the last one stays.
    """
    final = Path(path)
    with temporary_beside(final) as temporary:
        yield temporary
        if temporary.exists():
            _sync(temporary)
            temporary.replace(final)
            _sync_entry(final.parent)


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give a unique name next to a path; what is there at the end is removed."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}-{os.urandom(6).hex()}")
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    for part in [*path.rglob("*"), path]:
        _sync_entry(part)


def _sync_entry(path: Path) -> None:
    if os.name == "nt":
        # Folders cannot be opened there, nor files flushed that are open for reading.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
