"""What `expand` says of the files that it writes, and which ones it replaces."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from everyturn.cli import main
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


def damaged(path: Path) -> None:
    """Write what begins and ends as a file of Parquet does, and cannot be read."""
    pq.write_table(pa.table({"input_ids": [[1, 2]]}), path)
    data = path.read_bytes()
    path.write_bytes(data[:-200] + bytes(byte ^ 0x55 for byte in data[-200:-8]) + data[-8:])


def test_a_damaged_file_is_replaced_only_where_it_is_asked_for(
    expand: Command, chats: Path, out: Path
) -> None:
    """Nobody can tell whose it is."""
    path = out / "rows.parquet"
    damaged(path)
    done = expand(chats, "-o", path)
    assert done.code == 2
    assert "exists, and is not a file of samples: --overwrite replaces it" in done.err
    assert expand(chats, "-o", path, "--overwrite").code == 0


RECORD = (
    b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "bot", "content": "Hey"}]}\n'
    b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}\n'
)

#: Each flag that names an output, in the command that it belongs to, with what replaces a file of others there.
FLAGS = {
    "report": (
        ["expand", "in.jsonl", "--on-error", "skip", "-o", "rows.jsonl", "--report", "out.json"],
        ["--overwrite"],
    ),
    "report of shards": (
        ["expand", "in.jsonl", "--on-error", "skip", "-o", "shards/", "--report", "out.json"],
        None,
    ),
    "page of stats": (["stats", "in.jsonl", "--html", "out.html"], None),
    "page of inspect": (["inspect", "in.jsonl:2", "--html", "out.html"], None),
    "benchmark": (
        ["bench", "--limit", "1", "--seconds", "0.01", "--peers", "none", "-o", "out.json"],
        None,
    ),
    "board": (
        ["bench", "--parity", "--limit", "1", "--peers", "none", "--page", "out.md"],
        None,
    ),
    "board as JSON": (
        ["bench", "--parity", "--limit", "1", "--peers", "none", "-o", "out.json"],
        None,
    ),
}


@pytest.mark.parametrize("name", FLAGS)
def test_what_everyturn_wrote_is_replaced_and_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One rule for every output: another file takes --overwrite, or another name where there is no such flag."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_bytes(RECORD)
    arguments, cure = FLAGS[name]
    arguments = [*arguments, "--model", "demo"]
    path = tmp_path / next(word for word in arguments if word.startswith("out."))
    path.write_text('{"mine": "<html>"}')
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert f"{path.name}: exists, and is not a" in said
    assert ("--overwrite replaces it" if cure else "name another file") in said
    assert path.read_text() == '{"mine": "<html>"}'
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["in.jsonl", path.name])
    if cure:
        assert main([*arguments, *cure]) == 0
    path.write_text("")
    for _ in range(2):
        assert main(arguments) == 0
        assert path.stat().st_size > 0


def test_a_corrected_copy_replaces_a_file_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing shows who wrote chats."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_bytes(RECORD)
    arguments = ["check", "in.jsonl", "--fix", "-o", "fixed.jsonl"]
    assert main(arguments) == 0
    fixed = (tmp_path / "fixed.jsonl").read_bytes()
    assert fixed == RECORD.replace(b"bot", b"assistant")
    (tmp_path / "in.jsonl").write_bytes(RECORD * 2)
    assert main(arguments) == 2
    assert "-o: fixed.jsonl: exists, and is not known to be" in capsys.readouterr().err
    assert (tmp_path / "fixed.jsonl").read_bytes() == fixed
    assert main([*arguments, "--overwrite"]) == 0
    assert (tmp_path / "fixed.jsonl").read_bytes() == fixed * 2
    assert main(["check", "in.jsonl", "--overwrite"]) == 2


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
