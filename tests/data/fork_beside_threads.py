"""Fork again and again while two threads begin work all the time, and work in each child.

    python fork_beside_threads.py COUNT

Prints how many children did not end. A lock that another thread held at the moment of the fork stays held in the child.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import everyturn

SECONDS = 20
TEXT = "Some words, so many that encoding them takes a thread of its own. " * 200
CHAT = {"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": "Yes."}]}


def main(count: int) -> None:
    """Fork so often."""
    renderer = everyturn.Renderer.from_dir("demo")

    def encode() -> None:
        renderer.encode(TEXT)

    def expand() -> None:
        everyturn.Expander(renderer, num_threads=2).expand([CHAT])

    def repeat(work: Callable[[], None]) -> None:
        while True:
            work()

    for work in (encode, expand):
        work()
        threading.Thread(target=repeat, args=(work,), daemon=True).start()
    hung = 0
    for _ in range(count):
        child = os.fork()
        if not child:
            encode()
            expand()
            os._exit(0)
        hung += not ended(child)
    print(hung)  # noqa: T201
    sys.stdout.flush()
    os._exit(0)


def ended(child: int) -> bool:
    """Whether it ends in time; it is killed if not."""
    latest = time.monotonic() + SECONDS
    while time.monotonic() < latest:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
