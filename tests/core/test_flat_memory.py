"""Rule: call after call, a process takes no more memory than after the first ones."""

import subprocess
import sys

import pytest

from paths import DEMO

CALLS = 1_000
"""More by hand: `python tests/core/test_flat_memory.py 10000`."""

ROUNDS = 4
"""A leak grows in each; an allocator takes or returns pages by the million bytes in one of them."""

BYTES_FOR_A_CALL = 1_024
"""What may stay of a call: a leak of one of its texts, or of one object for each token, is more than that."""

PROGRAM = """
import gc, statistics, sys, tempfile
from pathlib import Path

import everyturn
from everyturn.inspect import pick
from everyturn.inspect.inspection import inspect_record

calls, folder, rounds = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
long = "some words, and then some more of them. " * 40
chats = [
    {"messages": [{"role": "user", "content": f"{number} {long}"}, {"role": "assistant", "content": long}]}
    for number in range(4)
]
broken = [{"messages": "none"}, {"messages": [{"role": "nobody", "content": long}]}]
# Loaded now, not after the first mebibyte.
renderer = everyturn.Renderer.from_dir("demo", engine="fast")
expander = everyturn.Expander(renderer, num_threads=2, on_error="skip")
(record,) = pick.records(expander, chats[:1])
saved = Path(tempfile.mkdtemp()) / "saved"
expander.expand(chats).save(saved)


def half_read():
    next(iter(expander.stream(chats, chunk_bytes=1)))


acts = {
    "expand": lambda: expander.expand([*chats, *broken]),
    "stream": half_read,
    "render": lambda: renderer.render(chats[0]["messages"]),
    "encode": lambda: renderer.decode(renderer.encode(long)),
    "check": lambda: list(everyturn.check([*chats, *broken])),
    "stats": lambda: expander.stats(chats),
    "inspect": lambda: inspect_record(expander, record),
    "saved": lambda: everyturn.Samples.load(saved),
    "lint": lambda: renderer.lint(),
    "load": lambda: everyturn.Renderer.from_dir(folder),
}


def resident():
    gc.collect()
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) * 1024


for name, act in acts.items():
    times = (calls // 20 if name in ("load", "lint") else calls) // rounds
    for _ in range(max(times, 20)):
        act()
    taken = [resident()]
    for _ in range(rounds):
        for _ in range(times):
            act()
        taken.append(resident())
    grown = [after - before for before, after in zip(taken, taken[1:])]
    print(name, times, int(statistics.median(grown)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_memory_is_flat() -> None:
    """Expanding, streams left half read, rendering, encoding, checking, counting, inspecting, loading."""
    for name, times, grown in _grown(CALLS):
        assert grown <= times * BYTES_FOR_A_CALL + (1 << 18), name


def _grown(calls: int) -> list[tuple[str, int, int]]:
    words = [sys.executable, "-c", PROGRAM, str(calls), str(DEMO), str(ROUNDS)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return [(name, int(times), int(grown)) for name, times, grown in lines]


if __name__ == "__main__":
    for each in _grown(int(sys.argv[1])):
        print(*each)  # noqa: T201
