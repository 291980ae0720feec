"""Folders of shards: what is in them, whatever happened on the way, and what is refused."""

import dataclasses
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import everyturn
from chats import numbered_chat, to_jsonl
from children import child
from everyturn.cli import main
from everyturn.io import identity, shard_folder, shards
from paths import TESTS

SECONDS = 120
KILLER = TESTS / "data" / "kill_at_each_step.py"


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The rows of all shards, in order."""
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.parquet")):
        rows += pq.read_table(path).to_pylist()
    return rows


@pytest.fixture
def inputs(tmp_path: Path) -> list[str]:
    """Files with blank lines, faults, several formats, and compressed ones."""
    folder = tmp_path / "in"
    folder.mkdir()
    first = to_jsonl(numbered_chat(number) for number in range(40))
    odd = b"\n" + to_jsonl([{"id": 1}]) + b" \r\n"
    # The second record shows its format; the later one is a fault, though its own keys show a format.
    odd += b'{"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}\n'
    odd += b"{broken\n\n" + to_jsonl([numbered_chat(1)])
    odd += (
        b'{"conversations": [{"from": "human", "value": "C"}, {"from": "gpt", "value": "D"}]}' * 1
    )
    odd += b"\n\n"
    contents = {
        "a.jsonl": first,
        "b.jsonl": b"\xef\xbb\xbf" + odd * 3,
        "c.jsonl": b"",
        "d.jsonl.gz": gzip.compress(first[:900] + b"\n") + gzip.compress(odd),
        "e.jsonl": first.rstrip(b"\n"),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in contents]


def expander(**options: Any) -> everyturn.Expander:
    """What turns chats into rows here."""
    return everyturn.Expander("demo", **{"on_error": "skip", "num_threads": 1, **options})


# --------------------------------------------------------------------------------------------
# What a folder holds
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 0, 7, 45, 10_000])
def test_the_shards_are_the_expansion(inputs: list[str], tmp_path: Path, limit: int | None) -> None:
    """Rows, their order, and the account of every line are those of one expansion."""
    whole = expander().expand(inputs, limit=limit)
    folder = tmp_path / "out"
    written = shards.expand(expander(), inputs, folder, shard_tokens=200, limit=limit)
    assert rows_of(folder) == whole.to_arrow().to_pylist()
    assert written.report == expander().empty().report + whole.report
    assert not written.was_done


def test_a_shard_ends_with_the_conversation_that_fills_it(
    inputs: list[str], tmp_path: Path
) -> None:
    """It has the tokens asked for, would not without its last conversation, and shares none with the next."""
    folder = tmp_path / "out"
    written = shards.expand(expander(layout="per_turn"), inputs, folder, shard_tokens=200)
    assert len(written.shards) > 10
    seen: set[tuple[str, int]] = set()
    for shard in written.shards:
        rows = pq.read_table(folder / shard.name).to_pylist()
        places = [(row["file"], row["line"]) for row in rows]
        assert (shard.rows, shard.tokens) == (len(rows), sum(row["length"] for row in rows))
        before_last = sum(row["length"] for row in rows if (row["file"], row["line"]) != places[-1])
        assert before_last < 200
        assert shard.tokens >= 200 or shard is written.shards[-1]
        assert not seen.intersection(places)
        seen.update(places)


def test_the_manifest_describes_every_file(inputs: list[str], tmp_path: Path) -> None:
    """Names, rows, tokens, sizes and hashes; inputs with their sizes; model and options; the report."""
    folder = tmp_path / "out"
    written = shards.expand(expander(), inputs, folder, shard_tokens=200)
    manifest = json.loads((folder / ".manifest.json").read_text(encoding="utf-8"))
    assert manifest["shards"] == [dataclasses.asdict(shard) for shard in written.shards]
    for shard in manifest["shards"]:
        content = (folder / shard["name"]).read_bytes()
        assert shard["bytes"] == len(content)
        assert shard["sha256"] == hashlib.sha256(content).hexdigest()
    assert {path.name for path in folder.iterdir()} == {
        ".manifest.json",
        *(shard.name for shard in written.shards),
    }
    plan = manifest["plan"]
    for name, known in zip(inputs, plan["inputs"], strict=True):
        status, digest = Path(name).stat(), hashlib.sha256(Path(name).read_bytes()).hexdigest()
        assert known == {
            "name": name,
            "bytes": status.st_size,
            "modified": status.st_mtime_ns,
            "hash": f"sha256:{digest}",
        }
    metadata = expander().metadata()
    assert {name: plan[name] for name in ("version", "fingerprint", "now")} == {
        name: metadata[name] for name in ("version", "fingerprint", "now")
    }
    assert metadata["options"].items() <= plan["options"].items()
    assert everyturn.Report.from_dict(manifest["report"]) == written.report


@pytest.mark.parametrize("chunk_bytes", [1, 500, 5_000, 1 << 22])
@pytest.mark.parametrize("num_threads", [1, 3])
def test_chunks_and_threads_change_no_byte(
    inputs: list[str], tmp_path: Path, chunk_bytes: int, num_threads: int
) -> None:
    """Every file of the folder is the same."""
    one, other = tmp_path / "one", tmp_path / "other"
    shards.expand(expander(), inputs, one, shard_tokens=200)
    threaded = expander(num_threads=num_threads)
    shards.expand(threaded, inputs, other, shard_tokens=200, chunk_bytes=chunk_bytes)
    assert files_of(one) == files_of(other)


def test_row_groups_do_not_depend_on_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of a file are cut by tokens, not where a part of the rows ended; weights may come late."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 300)
    records = [numbered_chat(number) for number in range(60)]
    records[40]["messages"][-1]["weight"] = 0.5
    written = []
    for chunk_bytes in (1, 400, 1 << 20):
        path = tmp_path / f"{chunk_bytes}.parquet"
        with everyturn.samples.writer.Writer(path) as writer:
            for samples in expander().stream(to_jsonl(records), chunk_bytes=chunk_bytes):
                writer.write(samples)
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
    assert pq.ParquetFile(path).num_row_groups > 3


def test_datasets_reads_a_folder(inputs: list[str], tmp_path: Path) -> None:
    """Hugging Face datasets takes all shards as one dataset."""
    folder = tmp_path / "out"
    shards.expand(expander(), inputs, folder, shard_tokens=200)
    rows = datasets.load_dataset(
        "parquet",
        data_files=str(folder / "*.parquet"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert rows.to_list() == rows_of(folder)


def test_no_samples_make_one_empty_shard(tmp_path: Path) -> None:
    """A folder has a schema, even without a row."""
    written = shards.expand(expander(), b"\n", tmp_path / "out")
    assert [(shard.name, shard.rows) for shard in written.shards] == [("part-00000.parquet", 0)]
    assert "input_ids" in pq.read_schema(tmp_path / "out" / "part-00000.parquet").names


def test_the_column_of_weights_is_asked_for(tmp_path: Path) -> None:
    """All shards have it or none; a weight is never lost silently."""
    records = [numbered_chat(number) for number in range(20)]
    records[13]["messages"][-1]["weight"] = 0.5
    with pytest.raises(
        everyturn.OptionsError, match=r"<bytes>:14: .*0\.5.*--loss-weights"
    ) as caught:
        shards.expand(expander(), to_jsonl(records), tmp_path / "without", shard_tokens=100)
    assert (caught.value.file, caught.value.line) == ("<bytes>", 14)
    folder = tmp_path / "with"
    shards.expand(expander(), to_jsonl(records), folder, shard_tokens=100, loss_weights=True)
    assert all("loss_weights" in pq.read_schema(path).names for path in folder.glob("*.parquet"))
    assert {weight for row in rows_of(folder) for weight in row["loss_weights"]} == {0.0, 0.5, 1.0}


def test_weights_that_an_option_makes_have_their_column(tmp_path: Path) -> None:
    """`normalize` makes a weight of every trained token, so nobody has to ask for the column."""
    normal = expander(normalize="sample")
    shards.expand(normal, SOURCE, tmp_path / "out", shard_tokens=100)
    assert rows_of(tmp_path / "out") == normal.expand(SOURCE).to_arrow().to_pylist()
    assert "loss_weights" in rows_of(tmp_path / "out")[0]


def test_copies_are_not_left_out_of_shards(tmp_path: Path) -> None:
    """A resumed run does not know all conversations before it."""
    with pytest.raises(everyturn.OptionsError, match="deduplicate"):
        shards.expand(expander(deduplicate=True), SOURCE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_said_of_the_model_counts_once(
    inputs: list[str], tmp_path: Path, models: dict[str, Path]
) -> None:
    """A warning about the model does not grow with the number of files."""
    folder = tmp_path / "model"
    shutil.copytree(models["chatml"], folder)
    (folder / "generation_config.json").write_text('{"eos_token_id": 0}', encoding="utf-8")
    of_model = everyturn.Expander(folder, on_error="skip")
    whole = of_model.expand(inputs).report
    assert whole.warnings["stop_not_in_generation_config"] == 1
    written = shards.expand(of_model, inputs, tmp_path / "out", shard_tokens=500)
    assert written.report.warnings == whole.warnings
    parts = [of_model.expand(name) for name in inputs]
    assert everyturn.Samples.concatenate(parts).report.warnings == whole.warnings


# --------------------------------------------------------------------------------------------
# Runs that were killed
# --------------------------------------------------------------------------------------------


def test_a_run_killed_at_any_step_goes_on(inputs: list[str], tmp_path: Path) -> None:
    """Killed before each rename, removal and sync, twice, and finished: every file is that of one run."""
    shards.expand(expander(), inputs, tmp_path / "expected", shard_tokens=700)
    (tmp_path / "killed").mkdir()
    done = subprocess.run(
        [sys.executable, KILLER, tmp_path / "killed", *inputs],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    steps = int(done.stdout)
    assert steps > 30
    expected = files_of(tmp_path / "expected")
    for step in range(steps):
        assert files_of(tmp_path / "killed" / str(step)) == expected, f"killed at step {step}"


def command(inputs: list[str], folder: Path, *more: str) -> list[str]:
    """The command line that expands into a folder."""
    flags = ["--model", "demo", "--on-error", "skip", "-o", f"{folder}/", *more]
    return [sys.executable, "-m", "everyturn", "expand", *inputs, *flags]


def test_a_run_killed_at_any_time_goes_on(tmp_path: Path) -> None:
    """The command, killed at random moments and run again with other threads, gives the bytes of one run."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(to_jsonl(numbered_chat(number) for number in range(20_000)))
    options = ["--shard-tokens", "40000"]
    subprocess.run(
        command([str(source)], tmp_path / "expected", *options),
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    folder = tmp_path / "killed"
    moments = random.Random(7)  # noqa: S311
    killed = 0
    for threads in (1, 2, 3, 4):
        again = command([str(source)], folder, *options, "--num-threads", str(threads))
        with child(again, stderr=subprocess.DEVNULL) as process:
            shards_before = len(list(folder.glob("*.parquet")))
            ends = time.monotonic() + SECONDS
            while process.poll() is None and time.monotonic() < ends:
                if len(list(folder.glob("*.parquet"))) > shards_before + 1:
                    break
                time.sleep(0.001)
            time.sleep(moments.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            killed += process.wait(SECONDS) == -signal.SIGKILL
    assert killed >= 1
    subprocess.run(
        command([str(source)], folder, *options), check=True, capture_output=True, timeout=SECONDS
    )
    assert files_of(folder) == files_of(tmp_path / "expected")


def test_a_run_that_failed_goes_on_where_it_stopped(
    inputs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines before the last whole shard's chunk are not expanded again."""
    folder = tmp_path / "out"
    save = shard_folder.Folder.save_progress
    saved: list[shard_folder.Progress] = []

    def break_off(self: shard_folder.Folder, progress: shard_folder.Progress) -> None:
        save(self, progress)
        saved.append(progress)
        if len(progress.shards) == 9:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shard_folder.Folder, "save_progress", break_off)
        with pytest.raises(KeyboardInterrupt):
            shards.expand(expander(), inputs, folder, shard_tokens=150, chunk_bytes=700)
    whole = sorted(path.name for path in folder.glob("*.parquet"))
    assert whole == [f"part-{number:05d}.parquet" for number in range(9)]
    times = {name: (folder / name).stat().st_mtime_ns for name in whole}
    opened: list[Any] = []
    stream = everyturn.Expander.stream_with_lines

    def watched(self: everyturn.Expander, source: Any, **options: Any) -> Any:
        opened.append(source)
        return stream(self, source, **options)

    monkeypatch.setattr(everyturn.Expander, "stream_with_lines", watched)
    shards.expand(expander(), inputs, folder, shard_tokens=150)
    assert saved[-1].line > 1
    assert len(opened) == len(inputs) - saved[-1].file
    assert opened[0].from_line == saved[-1].line
    assert {name: (folder / name).stat().st_mtime_ns for name in whole} == times


@given(
    st.lists(
        st.sampled_from(
            [
                to_jsonl([numbered_chat(0)]),
                b'{"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}\n',
                b"\n",
                b" \r\n",
                b"{bad\n",
                b'{"id": 1}\n',
                b"x" * 900 + b"\n",
            ]
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 300),
)
def test_any_text_goes_on_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], chunk_bytes: int
) -> None:
    """Broken off after each shard, whatever the lines are, the folder is that of one run."""
    text = b"".join(parts)
    folder = tmp_path_factory.mktemp("folder")
    options: dict[str, Any] = {"shard_tokens": 10, "chunk_bytes": chunk_bytes}
    strict = expander(max_line_bytes=800)
    expected = shards.expand(strict, text, folder / "expected", **options)
    save = shard_folder.Folder.save_progress

    def break_off(self: shard_folder.Folder, progress: shard_folder.Progress) -> None:
        save(self, progress)
        if progress.shards:
            raise BrokenOffError

    for _ in range(len(parts) + 1):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(shard_folder.Folder, "save_progress", break_off)
            try:
                shards.expand(strict, text, folder / "broken", **options)
            except BrokenOffError:
                continue
            break
    assert files_of(folder / "broken") == files_of(folder / "expected")
    assert expected.report == strict.empty().report + strict.expand(text).report


class BrokenOffError(Exception):
    """What ends a run between two shards."""


def test_the_clock_of_the_first_run_holds(tmp_path: Path, models: dict[str, Path]) -> None:
    """Where a template shows the date, the same command resumes with the time at which it began."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(to_jsonl([numbered_chat(1)]))
    folder = tmp_path / "out"
    flags = ["expand", str(source), "--model", str(models["dated"]), "-o", f"{folder}/"]
    assert main(flags) == 0
    before = files_of(folder)
    assert main(flags) == 0
    assert files_of(folder) == before
    assert main([*flags, "--now", "2021-02-03T04:05:06"]) == 2


# --------------------------------------------------------------------------------------------
# What is refused
# --------------------------------------------------------------------------------------------


@pytest.fixture
def unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a run that was broken off after its second shard."""
    save = shard_folder.Folder.save_progress

    def break_off(self: shard_folder.Folder, progress: shard_folder.Progress) -> None:
        save(self, progress)
        if len(progress.shards) == 2:
            raise BrokenOffError

    with monkeypatch.context() as patched:
        patched.setattr(shard_folder.Folder, "save_progress", break_off)
        with pytest.raises(BrokenOffError):
            shards.expand(expander(), SOURCE, tmp_path / "out", shard_tokens=100)
    return tmp_path / "out"


SOURCE = to_jsonl(numbered_chat(number) for number in range(30))

Change = tuple[Callable[[], everyturn.Expander], bytes, dict[str, Any], str]
CHANGES: dict[str, Change] = {
    "an option": (
        lambda: expander(layout="per_turn"),
        SOURCE,
        {},
        'layout: "merged" there, "per_turn" here',
    ),
    "the longest line": (
        lambda: expander(max_line_bytes=5),
        SOURCE,
        {},
        "max_line_bytes: .*, 5 here",
    ),
    "the model": (
        lambda: everyturn.Expander(
            everyturn.Renderer.from_dir("demo", template_kwargs={"enable_thinking": False}),
            on_error="skip",
        ),
        SOURCE,
        {},
        "fingerprint: ",
    ),
    "the input": (expander, SOURCE + b"\n", {}, r"<bytes>: [\d,]+ bytes there, [\d,]+ bytes here"),
    "the bytes": (expander, SOURCE.replace(b"Question 0 of 7", b"Question 0 of 8"), {}, "changed"),
    "what is kept": (
        lambda: expander(keep=["id"]),
        SOURCE,
        {},
        "keep.id: only here",
    ),
    "the size of shards": (
        expander,
        SOURCE,
        {"shard_tokens": 101},
        "shard_tokens: 100 there, 101 here",
    ),
    "weights": (expander, SOURCE, {"loss_weights": True}, "loss_weights: false there, true here"),
    "the limit": (expander, SOURCE, {"limit": 5}, "limit: null there, 5 here"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_done", [True, False])
def test_a_folder_of_another_run_is_refused(unfinished: Path, change: str, is_done: bool) -> None:  # noqa: FBT001
    """The text names what differs, and no file is touched."""
    if is_done:
        shards.expand(expander(), SOURCE, unfinished, shard_tokens=100)
    before = files_of(unfinished)
    make, source, options, text = CHANGES[change]
    with pytest.raises(everyturn.OptionsError, match=text):
        shards.expand(make(), source, unfinished, **{"shard_tokens": 100, **options})
    assert files_of(unfinished) == before


@pytest.fixture
def file_of_a_run(tmp_path: Path) -> tuple[Path, Path]:
    """An input, and the finished folder of its run."""
    path, folder = tmp_path / "chats.jsonl", tmp_path / "shards"
    path.write_bytes(SOURCE)
    shards.expand(expander(), str(path), folder, shard_tokens=100)
    return path, folder


def test_an_input_that_was_only_touched_is_the_same(file_of_a_run: tuple[Path, Path]) -> None:
    """Another time, same content."""
    path, folder = file_of_a_run
    os.utime(path, (1, 1))
    assert shards.expand(expander(), str(path), folder, shard_tokens=100).was_done


def test_an_input_mended_at_the_same_size_is_refused_by_name(
    file_of_a_run: tuple[Path, Path],
) -> None:
    """With its old time, too; nothing in the folder changes."""
    path, folder = file_of_a_run
    before, status = files_of(folder), path.stat()
    path.write_bytes(SOURCE.replace(b"Question 0 of 7", b"Question 0 of 8"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(everyturn.OptionsError, match=r"chats\.jsonl: its content has changed"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)
    assert files_of(folder) == before


@pytest.mark.parametrize("hash_inputs", ["sampled", "whole"])
def test_of_a_large_file_blocks_are_hashed_unless_all_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hash_inputs: Any
) -> None:
    """Where blocks do not show whether it is the same, its time has to; all of it shows it."""
    monkeypatch.setattr(identity, "WHOLE_BYTES", 100)
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * 64_000)

    def known(there: Any = None) -> Any:
        return identity.identify("large", str(path), hash_inputs, there)

    before = known()
    assert before["hash"].startswith("sha256-of-blocks:" if hash_inputs == "sampled" else "sha256:")
    os.utime(path, (1, 1))
    (found,) = [*identity.differences([before], [known(before)]), None][:1]
    assert (found is None) == (hash_inputs == "whole")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (found,) = identity.differences([before], [known(before)])
    assert "its content has changed" in found


def test_an_input_changed_while_it_is_read_ends_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder whose rows are of two contents is not called finished."""
    path, folder = tmp_path / "chats.jsonl", tmp_path / "shards"
    path.write_bytes(SOURCE)
    save = shard_folder.Folder.save_progress

    def and_change(self: shard_folder.Folder, progress: shard_folder.Progress) -> None:
        save(self, progress)
        path.write_bytes(SOURCE.replace(b"Question 0 of 7", b"Question 0 of 8"))

    monkeypatch.setattr(shard_folder.Folder, "save_progress", and_change)
    with pytest.raises(everyturn.OptionsError, match=r"chats\.jsonl: its content has changed"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)
    assert not (folder / ".manifest.json").exists()


def test_a_folder_of_an_older_version_is_refused_in_words(
    file_of_a_run: tuple[Path, Path],
) -> None:
    """What it knew of its inputs is less than is asked for now."""
    path, folder = file_of_a_run
    manifest = json.loads((folder / ".manifest.json").read_text(encoding="utf-8"))
    (folder / ".manifest.json").write_text(json.dumps({**manifest, "format_version": 1}))
    with pytest.raises(everyturn.InputError, match=r"version 1, .* name another folder, or remove"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)


@pytest.mark.parametrize("name", shard_folder.FORMER)
def test_a_folder_whose_manifest_was_not_hidden_is_refused_in_words(
    file_of_a_run: tuple[Path, Path], name: str
) -> None:
    """Finished or not: no shard of it is overwritten."""
    path, folder = file_of_a_run
    manifest = json.loads((folder / ".manifest.json").read_text(encoding="utf-8"))
    (folder / ".manifest.json").unlink()
    (folder / name).write_text(json.dumps({**manifest, "format_version": 2}))
    before = files_of(folder)
    assert shard_folder.is_one(folder)
    with pytest.raises(everyturn.InputError, match=r"version 2, .* name another folder, or remove"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)
    assert files_of(folder) == before


def test_readers_of_parquet_read_a_folder_by_its_name(inputs: list[str], tmp_path: Path) -> None:
    """The manifest is not taken for a shard; polars, which reads hidden files, takes a pattern."""
    folder = tmp_path / "out"
    rows = shards.expand(expander(), inputs, folder, shard_tokens=200).report.rows
    assert pq.read_table(folder).num_rows == rows
    assert len(pd.read_parquet(folder)) == rows
    assert len(pl.read_parquet(folder / "*.parquet")) == rows
    for source in ({"path": str(folder)}, {"path": "parquet", "data_dir": str(folder)}):
        loaded = datasets.load_dataset(**source, split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded.num_rows == rows


def test_a_run_without_a_shard_binds_nobody(tmp_path: Path) -> None:
    """Who mends the input, or takes the option that an error names, need not remove the folder."""
    path, folder = tmp_path / "chats.jsonl", tmp_path / "out"
    path.write_bytes(to_jsonl([numbered_chat(1)]) + b"{broken\n")
    with pytest.raises(everyturn.JsonlError):
        shards.expand(expander(on_error="raise"), str(path), folder)
    assert shards.expand(expander(on_error="skip"), str(path), folder).report.rows == 1
    with pytest.raises(everyturn.OptionsError, match="another run"):
        shards.expand(expander(on_error="raise"), str(path), folder)


@pytest.mark.parametrize("name", ["notes.txt", "part-00003.parquet", "train.parquet", ".hidden"])
@pytest.mark.parametrize("of", ["nobody", "a run"])
def test_files_of_others_are_refused(unfinished: Path, tmp_path: Path, name: str, of: str) -> None:
    """They are named, and stay."""
    folder = unfinished if of == "a run" else tmp_path / "fresh"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"mine")
    before = files_of(folder)
    with pytest.raises(everyturn.OptionsError, match=name):
        shards.expand(expander(), SOURCE, folder, shard_tokens=100)
    assert files_of(folder) == before


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda folder: (folder / "part-00001.parquet").unlink(), "part-00001.parquet: is missing"),
        (lambda folder: (folder / "part-00000.parquet").write_bytes(b"x"), "has 1 bytes"),
        (
            lambda folder: (folder / ".progress.json").write_bytes(b"{}"),
            "was not written by everyturn",
        ),
        (
            lambda folder: (folder / ".progress.json").write_bytes(b"{"),
            "was not written by everyturn",
        ),
        (
            lambda folder: (folder / ".progress.json").write_bytes(
                b'{"format": "everyturn.shards", "format_version": 9}'
            ),
            "version 9, which this version cannot read",
        ),
        (
            lambda folder: _flip_a_bit(folder / "part-00000.parquet"),
            "has other bytes than were written",
        ),
    ],
)
def test_a_damaged_folder_is_refused(
    unfinished: Path, damage: Callable[[Path], None], text: str
) -> None:
    """What is gone or was changed is named."""
    damage(unfinished)
    with pytest.raises(everyturn.InputError, match=text):
        shards.expand(expander(), SOURCE, unfinished, shard_tokens=100)


@pytest.mark.parametrize(
    "change",
    [
        {"line": 10**9},
        {"file": 99},
        {"file": -1},
        {"line": None},
        {"written": []},
        {"shards": {}},
        {"shards": [{"name": 1}]},
        {"report": {}},
        {"plan": []},
        {"sha256": "0"},
        {"sha256": None},
    ],
)
def test_damaged_progress_is_refused(unfinished: Path, change: dict[str, Any]) -> None:
    """A run that goes on from a wrong place would lose lines, and say that it is done."""
    _edit(unfinished / ".progress.json", change)
    with pytest.raises(everyturn.InputError, match=r"progress\.json: is damaged"):
        shards.expand(expander(), SOURCE, unfinished, shard_tokens=100)


@pytest.mark.parametrize("change", [{"shards": []}, {"report": None}, {"plan": {}}])
def test_a_damaged_manifest_is_refused(
    file_of_a_run: tuple[Path, Path], change: dict[str, Any]
) -> None:
    """A folder is not called finished by a file that nobody wrote so."""
    path, folder = file_of_a_run
    _edit(folder / ".manifest.json", change)
    with pytest.raises(everyturn.InputError, match=r"manifest\.json: is damaged"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)


def test_a_finished_folder_has_the_bytes_that_were_written(
    file_of_a_run: tuple[Path, Path],
) -> None:
    """One with another bit in it is not "done already"."""
    path, folder = file_of_a_run
    _flip_a_bit(folder / "part-00000.parquet")
    with pytest.raises(everyturn.InputError, match="has other bytes than were written"):
        shards.expand(expander(), str(path), folder, shard_tokens=100)


def _edit(path: Path, change: dict[str, Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **change}), encoding="utf-8")


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_finished_folder_is_left_alone(unfinished: Path) -> None:
    """Run again, it says what is there."""
    first = shards.expand(expander(), SOURCE, unfinished, shard_tokens=100)
    before = {path: path.stat().st_mtime_ns for path in unfinished.iterdir()}
    again = shards.expand(expander(), SOURCE, unfinished, shard_tokens=100)
    assert again == dataclasses.replace(first, was_done=True, resumed_shards=0)
    assert {path: path.stat().st_mtime_ns for path in unfinished.iterdir()} == before


def test_one_process_writes_to_a_folder(tmp_path: Path) -> None:
    """A second one is refused."""
    folder = tmp_path / "out"
    with (
        shard_folder.opened(folder, {}),
        pytest.raises(everyturn.OptionsError, match="another process is writing"),
    ):
        shards.expand(expander(), SOURCE, folder)


@pytest.mark.parametrize(
    "make",
    [
        lambda: io.BytesIO(SOURCE),
        lambda: iter([numbered_chat(1)]),
    ],
)
def test_what_is_read_once_needs_a_new_folder(tmp_path: Path, make: Callable[[], Any]) -> None:
    """It makes shards as any source does, and cannot resume."""
    written = shards.expand(expander(), make(), tmp_path / "out", shard_tokens=100)
    assert written.report.records_read > 0
    with pytest.raises(everyturn.OptionsError, match="cannot be read again"):
        shards.expand(expander(), make(), tmp_path / "out", shard_tokens=100)


def test_a_file_is_not_what_was_read_once(inputs: list[str], tmp_path: Path) -> None:
    """A folder that a stream was expanded into is not that of the file."""
    with Path(inputs[0]).open("rb") as stream:
        shards.expand(expander(), stream, tmp_path / "out")
    with pytest.raises(everyturn.OptionsError, match="a stream there, "):
        shards.expand(expander(), inputs[0], tmp_path / "out")


@pytest.mark.parametrize("options", [{"shard_tokens": 0}, {"chunk_bytes": 0}])
def test_counts_are_counts(tmp_path: Path, options: dict[str, Any]) -> None:
    """And nothing is made where they are none."""
    with pytest.raises(everyturn.OptionsError):
        shards.expand(expander(), SOURCE, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


# --------------------------------------------------------------------------------------------
# The command
# --------------------------------------------------------------------------------------------


def test_a_name_that_ends_in_a_slash_is_a_folder(
    inputs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of an earlier run is one without the slash, too; any other name is that of a file."""
    folder = tmp_path / "out"
    flags = ["expand", *inputs, "--model", "demo", "--on-error", "skip", "--shard-tokens", "200"]
    assert main([*flags, "-o", str(folder)]) == 2
    assert "-o FOLDER/" in capsys.readouterr().err
    assert main([*flags, "-o", f"{folder}/", "--json"]) == 0
    printed = capsys.readouterr()
    expected = shards.expand(expander(), inputs, tmp_path / "expected", shard_tokens=200)
    assert everyturn.Report.from_dict(json.loads(printed.out)) == expected.report
    assert f"{len(expected.shards)} shards" in printed.err
    assert files_of(folder) == files_of(tmp_path / "expected")
    assert main([*flags, "-o", str(folder)]) == 0
    assert "finished by an earlier run" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [["--shard-tokens", "5"], ["--loss-weights"]])
def test_flags_of_folders_need_one(
    inputs: list[str], tmp_path: Path, flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused for a file."""
    path = tmp_path / "out.parquet"
    assert main(["expand", *inputs, "--model", "demo", "-o", str(path), *flag]) == 2
    assert f"{flag[0]} is for a folder" in capsys.readouterr().err
    assert not path.exists()


def test_stdin_makes_a_new_folder(tmp_path: Path) -> None:
    """It is read once: a second run is refused."""
    again = command(["-"], tmp_path / "out")
    done = subprocess.run(again, input=SOURCE, check=True, capture_output=True, timeout=SECONDS)
    assert b"1 shard," in done.stderr
    failed = subprocess.run(again, input=SOURCE, check=False, capture_output=True, timeout=SECONDS)
    assert failed.returncode == 2
    assert b"- cannot be read again" in failed.stderr


def test_ctrl_c_keeps_whole_shards(tmp_path: Path) -> None:
    """And says how to resume."""
    source = tmp_path / "chats.jsonl"
    source.write_bytes(to_jsonl(numbered_chat(number) for number in range(80_000)))
    folder = tmp_path / "out"
    again = command([str(source)], folder, "--shard-tokens", "20000")
    with child(again, stderr=subprocess.PIPE) as process:
        ends = time.monotonic() + SECONDS
        while not (folder / "part-00001.parquet").exists() and time.monotonic() < ends:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGINT)
        said = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 130
    assert b"run the command again to resume" in said
    assert (folder / "part-00001.parquet").exists()
    assert not list(folder.glob(".*.tmp-*"))
