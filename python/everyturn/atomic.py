"""Files and folders that appear under their name only when they are whole."""

import contextlib
import functools
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from everyturn.exceptions import system_words
from everyturn.options import StrPath


@contextmanager
def appearing(path: StrPath) -> Iterator[Path]:
    """Give a temporary name next to a path, to write a file or a folder there.

    At the end it is made durable and takes the path's name, replacing a file of that name. An exception inside
    leaves nothing behind, and what was there before as it was. Where nothing was written nothing appears. Of several
    that write one path at the same time, in threads or processes, each writes its own, and the last one stays.

    Raises:
        OSError: It cannot be written; the error names the file.
    """
    final = Path(path)
    with _named_errors(final), temporary_beside(final) as temporary:
        yield temporary
        if temporary.exists():
            _sync(temporary)
            temporary.replace(final)
            _sync_entry(final.parent)


def write_text(path: StrPath, text: str) -> None:
    """Write a text file, which appears when it is whole; see `appearing`.

    Raises:
        OSError: It cannot be written; the error names the file.
    """
    with appearing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Name the file in an error that names none, as that of a full disk does."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, system_words(error), str(path)) from error


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give a unique name next to a path; what is there at the end is removed.

    Names of processes that have ended without it, by SIGKILL say, are removed first.
    """
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.tmp-{_host()}-{os.getpid()}-{os.urandom(6).hex()}")
    try:
        yield temporary
    finally:
        _remove(temporary)


TEMPORARY = r"\.(?P<name>.+)\.tmp-(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]+"
"""The names that `temporary_beside` gives, as a regular expression."""


@functools.cache
def _host() -> str:
    """Tell machines and containers apart, also those of one name: each has processes of its own."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(Path("/etc/machine-id").read_text(encoding="utf-8"))
    with contextlib.suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


def _remove_leftovers(path: Path) -> None:
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except OSError:
        # Writing there says why.
        return
    for name in names:
        found = re.fullmatch(TEMPORARY, name)
        is_own = found is not None and (found["name"], found["host"]) == (path.name, _host())
        if found is not None and is_own and not _is_alive(int(found["pid"])):
            _remove(path.with_name(name))


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        # No signal only asks there: what is left of a killed process stays.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


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
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)
