"""The process that a command runs in: its standard streams and how it ends.

In: a process as any shell or service starts it. Out: one whose closed streams say so when they are used, whose files
take no number of a standard stream, and that leaves nothing half-written when it is told to end.
"""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

STANDARD = (0, 1, 2)


class Terminated(BaseException):
    """The process was asked to end; what is being written is removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Closed(io.TextIOBase):
    """Standard output that is closed: writing to it is an error, not nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")

    @property
    def buffer(self) -> Any:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")


def open_standard_streams() -> None:
    """Keep the numbers of closed streams from files that are opened later, and their absence from being a fault."""
    for descriptor in STANDARD:
        if not _is_open(descriptor):
            # The lowest free number is the one that is closed.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: what it was writing does not stay behind.

    The process then ends by the signal, as whoever sent it expects.
    """
    before = {}
    # Windows has no SIGHUP.
    for number in filter(None, (signal.SIGTERM, getattr(signal, "SIGHUP", None))):
        # What is ignored, or handled by a program around this, stays so.
        with contextlib.suppress(ValueError):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _terminate)
    try:
        yield
    except Terminated as terminated:
        signal.signal(terminated.number, signal.SIG_DFL)
        os.kill(os.getpid(), terminated.number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, _: FrameType | None) -> None:
    # A second one ends the process at once.
    signal.signal(number, signal.SIG_DFL)
    raise Terminated(number)
