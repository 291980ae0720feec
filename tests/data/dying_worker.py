"""What the workers of test_ray.py are set up with: one of them dies."""

import os
import signal
from pathlib import Path

from everyturn.io import shard_folder

MARKER = "EVERYTURN_TEST_DYING"
"""Names a file: the worker that is to note a second shard first makes the file and dies."""


def die_once() -> None:
    """Let a worker die by SIGKILL between a shard's rename and the note of it, once."""
    save = shard_folder.Folder.save_progress

    def save_or_die(self: shard_folder.Folder, progress: shard_folder.Progress) -> None:
        if len(progress.shards) == 2:
            try:
                Path(os.environ[MARKER]).touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        save(self, progress)

    shard_folder.Folder.save_progress = save_or_die  # type: ignore[method-assign]
