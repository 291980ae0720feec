"""A run into a folder of shards that is killed, and run again."""

from pathlib import Path
from typing import Any

import pytest

from everyturn import Expander
from everyturn.io import shard_folder, shards


def assert_resumed(
    expander: Expander, source: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards of a run that was killed after any of them are those of a run that was not."""
    options: dict[str, Any] = {"shard_tokens": 30, "chunk_bytes": 100}
    whole = shards.expand(expander, source, folder / "whole", **options)
    assert len(whole.shards) > 1
    save = shard_folder.Folder.save_progress
    for number in range(1, len(whole.shards)):

        def killed(
            folder: shard_folder.Folder, progress: shard_folder.Progress, number: int = number
        ) -> None:
            save(folder, progress)
            if len(progress.shards) == number:
                raise KeyboardInterrupt

        own = folder / f"killed-{number}"
        monkeypatch.setattr(shard_folder.Folder, "save_progress", killed)
        with pytest.raises(KeyboardInterrupt):
            shards.expand(expander, source, own, **options)
        monkeypatch.undo()
        again = shards.expand(expander, source, own, **options)
        assert (again.shards, again.report) == (whole.shards, whole.report), number
