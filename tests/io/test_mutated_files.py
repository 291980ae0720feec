"""Rule: a file that was damaged anywhere is refused by an error of this package, or read; it never ends the process.

Bytes are changed, left out, repeated and put in at random, in every file that is read back: saved folders, manifests
and progress of shards, samples in Parquet, rules. `EVERYTURN_FUZZ_SECONDS` goes on for that long, with other changes.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import everyturn
from everyturn.io import shards
from everyturn.samples.rules import read_rules
from outputs import CHATS, EXPANDER, lines, make_inputs

CHANGES = 40
SECONDS = float(os.environ.get("EVERYTURN_FUZZ_SECONDS", "0"))


def changed(content: bytes, chance: random.Random) -> bytes:
    """Return some bytes with some changes."""
    new = bytearray(content)
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        at = chance.randrange(len(new) + 1)
        length = chance.choice([1, 1, 2, 4, 8, 64])
        change = chance.randrange(5)
        if change == 0:
            new[at : at + 1] = bytes([chance.randrange(256)])
        elif change == 1:
            del new[at : at + length]
        elif change == 2:
            new[at:at] = new[max(0, at - length) : at]
        elif change == 3:
            new[at:at] = chance.choice(
                [b"0", b"-1", b"null", b"[]", b"{}", b'"', b"9" * 20, b"\0", b"1e9"]
            )
        else:
            del new[at:]
    return bytes(new)


def _seeds() -> Iterator[int]:
    """Seeds: a few, or new ones as long as time is left."""
    if not SECONDS:
        yield from range(CHANGES)
        return
    ends, seed = time.monotonic() + SECONDS, random.SystemRandom().randrange(1 << 40)
    while time.monotonic() < ends:
        yield seed
        seed += 1


def _shards(folder: Path) -> None:
    shards.expand(EXPANDER, lines(*CHATS), folder, shard_tokens=200, chunk_bytes=300)


def _interrupted(folder: Path) -> None:
    """Leave a folder of which one shard is done."""
    done = []

    def stop(_: int) -> None:
        if list(folder.glob("*.parquet")):
            done.append(True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shards.expand(
            EXPANDER, lines(*CHATS), folder, shard_tokens=100, chunk_bytes=100, on_bytes=stop
        )
    assert done


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "saved": ("saved/samples.json", lambda folder: everyturn.Samples.load(folder / "saved")),
    "array": ("saved/input_ids.npy", lambda folder: everyturn.Samples.load(folder / "saved")),
    "parquet": (
        "samples.parquet",
        lambda folder: everyturn.Samples.from_parquet(folder / "samples.parquet"),
    ),
    "parquet_input": ("rows.parquet", lambda folder: EXPANDER.expand(folder / "rows.parquet")),
    "arrow_input": ("rows.arrow", lambda folder: EXPANDER.expand(folder / "rows.arrow")),
    "csv_input": ("rows.csv", lambda folder: EXPANDER.expand(folder / "rows.csv")),
    "rules": ("rules.json", lambda folder: read_rules(folder / "rules.json")),
    "manifest": ("shards/.manifest.json", lambda folder: _shards(folder / "shards")),
    "progress": ("begun/.progress.json", lambda folder: _shards_of_begun(folder / "begun")),
}


def _shards_of_begun(folder: Path) -> None:
    shards.expand(EXPANDER, lines(*CHATS), folder, shard_tokens=100, chunk_bytes=100)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file."""
    folder = tmp_path_factory.mktemp("whole")
    make_inputs(folder)
    _shards(folder / "shards")
    _interrupted(folder / "begun")
    return folder


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_refused_or_read(kind: str, whole: Path, tmp_path: Path) -> None:
    """No other error, whatever is changed."""
    name, read = READERS[kind]
    content = (whole / name).read_bytes()
    for seed in _seeds():
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        (folder / name).write_bytes(changed(content, random.Random(seed)))  # noqa: S311
        try:
            read(folder)
        except everyturn.EveryturnError:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        shutil.rmtree(folder)
