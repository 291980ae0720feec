"""Files that are written part by part, by several threads."""

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import everyturn
import everyturn.samples.writer
from chats import named_chat, to_jsonl
from everyturn import _core
from everyturn.samples import row_groups
from everyturn.samples.writer import Writer
from everyturn.workers import Workers
from sample_rows import rows_of

CHATS = [named_chat(f"number {number}", 1 + number % 3) for number in range(40)]


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """Any."""
    return everyturn.Expander("demo", layout="per_turn", num_threads=2)


def workers(threads: int) -> Workers:
    """New threads."""
    return Workers(_core.Pool(threads))


def test_the_bytes_of_a_file_do_not_depend_on_threads_or_parts(
    expander: everyturn.Expander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the order of its rows: row groups are cut by rows alone."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 100)
    files = []
    for threads in (1, 2, 5):
        for chunk_bytes in (200, 3_000, 1 << 20):
            path = tmp_path / f"{threads}-{chunk_bytes}.parquet"
            with Writer(path, workers=workers(threads)) as writer:
                for samples in expander.stream(to_jsonl(CHATS), chunk_bytes=chunk_bytes):
                    writer.write(samples)
            files.append(path)
    assert len({path.read_bytes() for path in files}) == 1
    assert pq.read_metadata(files[0]).num_row_groups > 10
    assert pq.read_table(files[0]).to_pylist() == rows_of(expander.expand(to_jsonl(CHATS)))


def test_groups_that_are_encoded_late_stay_in_order(
    expander: everyturn.Expander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first group ends last."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 100)
    others = threading.Semaphore(0)
    is_first = threading.Lock()

    def encode(table: pa.Table) -> Any:
        group = row_groups.encode(table)
        if is_first.acquire(blocking=False):
            for _ in range(3):
                assert others.acquire(timeout=60)
        else:
            others.release()
        return group

    monkeypatch.setattr(everyturn.samples.writer, "encode", encode)
    whole = expander.expand(to_jsonl(CHATS))
    with Writer(tmp_path / "rows.parquet", workers=workers(2)) as writer:
        writer.write(whole)
    assert pq.read_table(tmp_path / "rows.parquet").to_pylist() == rows_of(whole)


@pytest.mark.parametrize("failing", [0, 3, 1_000])
def test_a_group_that_cannot_be_encoded_ends_the_run_and_leaves_nothing(
    expander: everyturn.Expander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The error is that of the thread; nothing is under the file's name or beside it."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 100)
    left = [failing]

    def encode(table: pa.Table) -> Any:
        left[0] -= 1
        if left[0] < 0 or len(table) == 0:
            raise MemoryError("a thread has none left")
        return row_groups.encode(table)

    def write() -> None:
        with Writer(tmp_path / "rows.parquet", workers=workers(2)) as writer:
            writer.write(expander.expand(to_jsonl(CHATS)))

    monkeypatch.setattr(everyturn.samples.writer, "encode", encode)
    if failing < len(CHATS):
        with pytest.raises(MemoryError, match="a thread has none left"):
            write()
        assert list(tmp_path.iterdir()) == []
    else:
        write()
        assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_an_interrupt_in_the_middle_leaves_nothing(
    expander: everyturn.Expander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What threads are encoding then is not waited for by anybody, and goes nowhere."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 100)

    def write() -> None:
        with Writer(tmp_path / "rows.parquet", workers=workers(2)) as writer:
            writer.write(expander.expand(to_jsonl(CHATS)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []


def test_row_groups_in_memory_are_bounded(
    expander: everyturn.Expander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes faster than threads encode waits."""
    monkeypatch.setattr(everyturn.samples.writer, "_ROW_GROUP_TOKENS", 100)
    held, most = [0], [0]
    submit, append = Workers.submit, row_groups.RowGroupFile.append

    def counting_submit(self: Workers, *arguments: Any) -> Any:
        future = submit(self, *arguments)
        held[0] += 1
        most[0] = max(most[0], held[0])
        return future

    def counting_append(self: Any, group: Any) -> None:
        held[0] -= 1
        append(self, group)

    monkeypatch.setattr(Workers, "submit", counting_submit)
    monkeypatch.setattr(row_groups.RowGroupFile, "append", counting_append)
    with Writer(tmp_path / "rows.parquet", workers=workers(2)) as writer:
        writer.write(expander.expand(to_jsonl(CHATS)))
    assert 0 < most[0] <= 2 + everyturn.samples.writer.WAITING_GROUPS + 1


def test_threads_say_what_they_have_worked() -> None:
    """All of them, each its own seconds."""
    threads = workers(3)
    before = threads.cpu_seconds()
    threads.submit(sum, range(3_000_000)).result()
    assert threads.cpu_seconds() > before
