"""Expand into a folder and die by SIGKILL at each step that touches the disk, then resume: for test_shard_folders.py.

Arguments: a folder to work in, the inputs. Prints the number of steps that a run has. For each step there is a folder
that was left at that step, left again there by the run that went on, and then finished.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import everyturn
from everyturn.io import shards


class Steps:
    """Counts renames, removals and syncs, and ends the process before one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def counting(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """The same act, before which the process may end."""

        def counted(*arguments: Any, **options: Any) -> Any:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
            return act(*arguments, **options)

        return counted

    def patch(self) -> None:
        """Count from now on."""
        for of, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir")):
            setattr(of, name, self.counting(getattr(of, name)))


# Made once: a child forked before any thread has worked can use it.
EXPANDER = everyturn.Expander(
    everyturn.Renderer.from_dir("demo", engine="reference"), on_error="skip", num_threads=1
)


def expand(inputs: list[str], folder: Path, *, last_step: int | None) -> bool:
    """Run in a child; false if it was killed."""
    child = os.fork()
    if child == 0:
        if last_step is not None:
            Steps(last_step).patch()
        shards.expand(EXPANDER, inputs, folder, shard_tokens=700, chunk_bytes=2_000)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def main() -> None:
    """Take step after step, until a run has no such step."""
    folder, inputs = Path(sys.argv[1]), sys.argv[2:]
    # What children would each import is imported once.
    EXPANDER.empty().to_parquet(folder / "imported.parquet")
    step = 0
    while True:
        here = folder / str(step)
        if expand(inputs, here, last_step=step):
            break
        expand(inputs, here, last_step=step)
        assert expand(inputs, here, last_step=None)
        step += 1
    print(step)  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
