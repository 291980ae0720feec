"""Write a kind of output while one system call after the other fails: for test_failing_calls.py.

Run with the library of failing_calls.c preloaded. Arguments: that library, a kind of output, a folder to work in, and
how many calls of each name to let fail. For each there is a run in a child in which it fails, and then one in which
none does. Prints a line of JSON for each: what failed, how the child ended, and what it left.
"""

import ctypes
import functools
import json
import os
import re
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import everyturn
from everyturn.atomic import TEMPORARY
from outputs import OUTPUTS, CommandError, Output, make_inputs

ENDED_WELL, ENDED_WITH_AN_ERROR, ENDED_OTHERWISE = 0, 1, 2


class Failing:
    """The preloaded library."""

    def __init__(self, path: str, folder: Path) -> None:
        self._calls = ctypes.CDLL(path)
        self._calls.failed_call.restype = ctypes.c_char_p
        self._calls.call_name.restype = ctypes.c_char_p
        self._folder = os.fsencode(folder)

    def arm(self, how: str, number: int) -> None:
        """Let the call of this number fail, alone (``e``) or with all after it (``f``)."""
        self._calls.arm(self._folder, ctypes.c_char(how.encode()), ctypes.c_long(number))

    def disarm(self) -> dict[str, Any]:
        """Let no more fail; return which did, and the names of all."""
        self._calls.disarm()
        failed: bytes | None = self._calls.failed_call()
        made = [self._calls.call_name(n + 1).decode() for n in range(self._calls.number_of_calls())]
        return {"failed": None if failed is None else failed.decode(), "calls": made}


def in_child(act: Callable[[], None], said: Path, failing: Failing, *arming: Any) -> dict[str, Any]:
    """Run in a child; return what failed, how the child ended and what it said."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644), 2)
        os.dup2(2, 1)
        if arming:
            failing.arm(*arming)
        ending = _ending(act)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(2, f"\n{json.dumps(failing.disarm())}".encode())
        os._exit(ending)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    words, _, calls = said.read_text(errors="replace").rpartition("\n")
    return {"ended": code, "said": words.strip(), **json.loads(calls)}


def _ending(act: Callable[[], None]) -> int:
    try:
        act()
    except (everyturn.EveryturnError, OSError, CommandError) as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        return ENDED_WITH_AN_ERROR
    except BaseException:  # noqa: BLE001 - the parent shows it
        traceback.print_exc()
        return ENDED_OTHERWISE
    return ENDED_WELL


def tree(folder: Path) -> dict[str, bytes]:
    """Every file in a folder by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def states(
    found: dict[str, bytes], whole: dict[str, bytes], older: dict[str, bytes]
) -> dict[str, str]:
    """Return the state of each file: absent, whole, older, other or temporary."""
    state = {}
    for name in {*found, *whole}:
        if any(re.fullmatch(TEMPORARY, part) for part in Path(name).parts):
            state[name] = "temporary"
        elif name not in found:
            state[name] = "absent"
        elif found[name] == whole.get(name):
            state[name] = "whole"
        else:
            state[name] = "older" if found[name] == older.get(name) else "other"
    return state


def chosen(calls: list[str], most: int) -> list[int]:
    """Return numbers of calls: of each name the first, the last, and some between."""
    numbers: set[int] = set()
    for name in set(calls):
        places = [number for number, one in enumerate(calls, start=1) if one == name]
        count = min(most, len(places))
        numbers |= {places[i * (len(places) - 1) // max(count - 1, 1)] for i in range(count)}
    return sorted(numbers)


def runs(failing: Failing, output: Output, folder: Path, most: int) -> Iterator[dict[str, Any]]:
    """Let one call after the other fail, first alone, then with a disk that stays full."""
    sources, out, said = folder / "in", folder / "out", folder.with_name("said")
    sources.mkdir(parents=True)
    make_inputs(sources)
    output.prepare()
    write = functools.partial(output.write, sources, out)

    def run_anew(*arming: Any) -> dict[str, Any]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for name in older:
            (out / name).touch()
        return in_child(write, said, failing, *arming)

    older: dict[str, bytes] = {}
    began = run_anew()
    assert began["ended"] == ENDED_WELL, began
    whole = tree(out)
    if output.replaces:
        older = dict.fromkeys(whole, b"")
    for how in ("e", "f"):
        for number in chosen(run_anew(how, 0)["calls"], most):
            run = run_anew(how, number)
            del run["calls"]
            run |= {"how": how, "number": number, "states": states(tree(out), whole, older)}
            if output.resumes or "temporary" in run["states"].values():
                run["again"] = in_child(write, said, failing)["said"]
                run["after"] = states(tree(out), whole, older)
            yield run


def main() -> None:
    """Print what each run did."""
    library, kind, folder, most = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    for run in runs(Failing(library, folder), OUTPUTS[kind], folder, most):
        print(json.dumps(run))  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
