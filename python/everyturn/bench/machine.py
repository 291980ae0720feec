"""What a measurement was taken on and with: machine, versions, command line."""

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from everyturn import _core
from everyturn.bench.tools.registry import EVERYTURN, PEERS


def machine() -> dict[str, Any]:
    """Return the processor, its cores and the system."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "system": platform.platform(),
    }


def versions(peers: Iterable[str]) -> dict[str, str]:
    """Return the versions of everyturn, Python and the peers' packages."""
    found = {EVERYTURN: _core.__version__, "python": platform.python_version()}
    for name in peers:
        found |= PEERS[name].versions
    return found


def command_line() -> list[str]:
    """Return the command as it was given."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _usable_cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
