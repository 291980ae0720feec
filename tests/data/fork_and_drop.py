"""Fork again and again right after threads have worked, and drop in each child what has them.

    python fork_and_drop.py COUNT

Prints how many children did not end. To end threads is to wait for locks, and the child has neither the threads nor, if
one of them was about to sleep, the locks.
"""

import gc
import os
import sys
import time

from fork_beside_threads import ended

import everyturn

CHATS = [
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
] * 40
#: Threads look for work about so long before they sleep.
AWAKE = 0.0006
STEPS = 50


def main(count: int) -> None:
    """Fork so often."""
    renderer = everyturn.Renderer.from_dir("demo")
    hung = 0
    for number in range(count):
        expander = everyturn.Expander(renderer, num_threads=16)
        expander.expand(CHATS)
        time.sleep(AWAKE * (number % STEPS) / STEPS)
        child = os.fork()
        if not child:
            del expander
            gc.collect()
            os._exit(0)
        hung += not ended(child)
        del expander
    print(hung)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
