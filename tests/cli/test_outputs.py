"""What `expand` says of the files that it writes, and which ones it replaces."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expand_command import Command, every_format, read

WROTE = re.compile(r"wrote (.+): (\d+) samples, [\d.]+ (?:bytes|kB), in [\d.]+ s")


@every_format
def test_the_last_line_names_what_was_written(
    expand: Command, chats: Path, out: Path, suffix: str
) -> None:
    """The file, how many samples, its size and the time; on stdout there is no file."""
    path = out / f"rows.{suffix}"
    last = expand(chats, "-o", path).err.splitlines()[-1]
    found = WROTE.fullmatch(last)
    assert found is not None, last
    assert found.groups() == (str(path), str(len(read(path))))
    assert "wrote" not in expand(chats).err


def test_a_folder_of_shards_is_named_likewise(expand: Command, chats: Path, out: Path) -> None:
    """And a folder that was finished is not written again."""
    first = expand(chats, "-o", f"{out}/shards/").err.splitlines()
    assert first[-1].startswith(f"wrote {out}/shards: 1 shard, ")
    again = expand(chats, "-o", f"{out}/shards/").err.splitlines()
    assert again[0].endswith("finished by an earlier run, nothing is changed")
    assert not any(line.startswith("wrote") for line in again)


@every_format
def test_samples_are_replaced(expand: Command, chats: Path, out: Path, suffix: str) -> None:
    """A run is repeated with other options."""
    path = out / f"rows.{suffix}"
    assert expand(chats, "-o", path).code == 0
    assert expand(chats, "-o", path, "--layout", "per_turn").code == 0
    assert [row["targets"] for row in read(path)] == [
        json.loads(line)["targets"]
        for line in expand(chats, "--layout", "per_turn").out.splitlines()
    ]


def foreign(path: Path) -> None:
    """Write a file of others, of the kind that the name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"input_ids": [[1, 2]], "labels": [[1, 2]]}), path)
    else:
        path.write_text('{"input_ids": [1, 2], "labels": [1, 2]}\n')


@every_format
@pytest.mark.parametrize("make", [foreign, lambda path: path.write_text("mine")])
def test_any_other_file_is_replaced_only_where_it_is_asked_for(
    expand: Command, chats: Path, out: Path, suffix: str, make: "object"
) -> None:
    """It is refused before any work, and named with the flag."""
    path = out / f"rows.{suffix}"
    assert callable(make)
    make(path)
    before = path.read_bytes()
    done = expand(chats, "-o", path)
    assert done.code == 2
    assert "--overwrite replaces it" in done.err
    assert path.read_bytes() == before
    assert expand(chats, "-o", path, "--overwrite").code == 0
    assert expand(chats, "-o", path).code == 0


@every_format
def test_an_empty_file_is_replaced(expand: Command, chats: Path, out: Path, suffix: str) -> None:
    """As programs make one for a temporary name."""
    path = out / f"rows.{suffix}"
    path.touch()
    assert expand(chats, "-o", path).code == 0


def test_shards_are_never_overwritten(expand: Command, chats: Path, out: Path) -> None:
    """The flag is refused."""
    done = expand(chats, "-o", f"{out}/shards/", "--overwrite")
    assert (done.code, list(out.iterdir())) == (2, [])


def test_history_that_is_repeated_is_pointed_out(
    expand: Command, tmp_path: Path, out: Path
) -> None:
    """From three samples a conversation on, and not in layouts that hold it once."""
    messages = [
        {"role": role, "content": f"{role} {turn}"}
        for turn in range(4)
        for role in ("user", "assistant")
    ]
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps({"messages": messages}))
    said = expand(path, "-o", out / "rows.parquet", "--layout", "per_turn").err
    assert "note: 4.0 samples a conversation, " in said
    assert "--layout tree" in said
    for layout in ("merged", "tree", "conversation"):
        assert "note:" not in expand(path, "-o", out / "rows.parquet", "--layout", layout).err
