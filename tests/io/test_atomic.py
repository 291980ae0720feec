"""Rule: a file appears under its name only when it is whole, whoever else writes it at the same time."""

import concurrent.futures
import contextlib
import errno
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

import everyturn
from chats import answer, chat_of, user
from everyturn.atomic import appearing
from everyturn.bench import plot
from everyturn.samples.writer import Writer

PLAIN = chat_of("Hi", "Hey")
WEIGHTED = {"messages": [user("Hi"), answer("Hey", weight=0.5)]}


def test_threads_that_write_one_path_do_not_meet(tmp_path: Path) -> None:
    """Each writes its own file, and the last one stays."""
    path = tmp_path / "out.txt"
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        for _ in range(20):
            with appearing(path) as temporary:
                temporary.write_text(f"{number}\n" * 1000)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(write, number) for number in range(8)]:
            done.result()
    lines = path.read_text().splitlines()
    assert len(lines) == 1000
    assert len(set(lines)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (OSError("8 requested and 4 written"), "8 requested and 4 written"),
    ],
)
def test_an_error_that_names_no_file_is_of_the_one_that_is_written(
    tmp_path: Path, raised: OSError, said: str
) -> None:
    """What a full disk refuses says only that."""
    path = tmp_path / "out.txt"

    def write() -> None:
        with appearing(path) as temporary:
            temporary.write_text("half")
            raise raised

    with pytest.raises(OSError, match=said) as caught:
        write()
    assert (caught.value.errno, caught.value.filename) == (raised.errno, str(path))
    assert not list(tmp_path.iterdir())


def test_an_error_that_names_a_file_is_of_that_one(tmp_path: Path) -> None:
    """It may have been read meanwhile."""
    with pytest.raises(FileNotFoundError) as caught, appearing(tmp_path / "out.txt"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")


def test_a_thread_may_write_one_path_twice_at_once(tmp_path: Path) -> None:
    """The one that ends last stays."""
    path = tmp_path / "out.txt"
    with appearing(path) as outer:
        outer.write_text("outer")
        with appearing(path) as inner:
            inner.write_text("inner")
        assert path.read_text() == "inner"
    assert path.read_text() == "outer"


def test_weights_that_come_late_leave_nothing_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows before are written anew under a name that no other writer has."""
    monkeypatch.setattr("everyturn.samples.writer._ROW_GROUP_TOKENS", 20)
    expander = everyturn.Expander("demo")
    plain = expander.expand([PLAIN] * 5)
    weighted = expander.expand([WEIGHTED])
    path = tmp_path / "out.parquet"
    names: set[str] = set()
    with Writer(path) as one, Writer(path) as other:
        for writer in (one, other):
            writer.write(plain)
            names |= {entry.name for entry in tmp_path.iterdir()}
        for writer in (one, other):
            writer.write(weighted)
    assert len(names) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.parquet"]
    table: Any = pytest.importorskip("pyarrow.parquet").read_table(path)
    assert table["loss_weights"].null_count == 0
    assert len(table) == 6


@pytest.mark.parametrize("fails", [False, True])
def test_pictures_are_written_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """One that cannot be drawn leaves what was there."""

    class Figure:
        def __init__(self, **_: object) -> None:
            pass

        def savefig(self, path: Path, **options: object) -> None:
            assert options["format"] == "png"
            path.write_bytes(b"after")
            if fails:
                raise RuntimeError("no picture")

    figures = types.ModuleType("matplotlib.figure")
    figures.Figure = Figure  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "matplotlib", types.ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", figures)
    monkeypatch.setattr(plot, "_draw_comparison", lambda *_: None)
    path = tmp_path / "out.png"
    path.write_bytes(b"before")
    outcome: Any = None
    with pytest.raises(RuntimeError, match="no picture") if fails else contextlib.nullcontext():
        plot.save(outcome, path)
    assert path.read_bytes() == (b"before" if fails else b"after")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]
