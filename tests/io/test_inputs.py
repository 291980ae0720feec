"""Everything that can be handed to `expand`: files, globs, compressed files, streams, iterables."""

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

import everyturn
from chats import Record, Route, answer, chat_of, to_jsonl, user


@pytest.fixture(scope="module")
def expander(models: dict[str, Path]) -> everyturn.Expander:
    """What turns sources into rows here."""
    return everyturn.Expander(models["chatml"], layout="per_turn")


CHATS = [chat_of(f"Question {number}?", f"Answer {number}.") for number in range(1, 41)]
JSONL = to_jsonl(CHATS)


def same_rows(one: everyturn.Samples, other: everyturn.Samples) -> bool:
    """Whether two sources gave the same rows at the same lines."""
    return all(
        np.array_equal(getattr(one, array), getattr(other, array))
        for array in ("input_ids", "labels", "offsets", "line")
    )


# --------------------------------------------------------------------------------------------
# Compression
# --------------------------------------------------------------------------------------------


def _plain(content: bytes) -> bytes:
    return content


def _zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "bzip2": bz2.compress,
    "gzip": gzip.compress,
    "plain": _plain,
    "zstd": _zstd,
}
every_compression = pytest.mark.parametrize("compression", sorted(COMPRESSORS))
every_real_compression = pytest.mark.parametrize(
    "compression", sorted(set(COMPRESSORS) - {"plain"})
)


@every_compression
@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz", "c.bz2", "c.zst", "c", "c.parquet"])
def test_compression_is_known_by_the_first_bytes_and_not_by_the_name(
    expander: everyturn.Expander, tmp_path: Path, compression: str, name: str
) -> None:
    """Whatever a file is called, its content decides how it is read."""
    path = tmp_path / name
    path.write_bytes(COMPRESSORS[compression](JSONL))
    samples = expander.expand(path)
    assert same_rows(samples, expander.expand(JSONL))
    assert list(samples.files) == [str(path)]


@every_compression
def test_bytes_and_streams_are_unpacked_like_files(
    expander: everyturn.Expander, compression: str
) -> None:
    """Compressed bytes and compressed streams are read as compressed files are."""
    packed = COMPRESSORS[compression](JSONL)
    expected = expander.expand(JSONL)
    assert same_rows(expander.expand(packed), expected)
    assert same_rows(expander.expand(io.BytesIO(packed)), expected)


@every_real_compression
@pytest.mark.parametrize("size", [1, 100, 1000, len(JSONL) // 2])
def test_all_members_of_a_file_are_read(
    expander: everyturn.Expander, tmp_path: Path, compression: str, size: int
) -> None:
    """Members and frames that follow one another are one text, wherever lines are cut."""
    compress = COMPRESSORS[compression]
    step = max(size, len(JSONL) // 50)
    path = tmp_path / "chats"
    path.write_bytes(
        b"".join(compress(JSONL[at : at + step]) for at in range(0, len(JSONL), step))
        + compress(b"")
    )
    assert same_rows(expander.expand(path), expander.expand(JSONL))


@every_real_compression
def test_a_truncated_file_is_an_error_that_says_so(
    expander: everyturn.Expander, tmp_path: Path, compression: str
) -> None:
    """A compressed file that ends too early is never taken for a whole one."""
    packed = COMPRESSORS[compression](JSONL)
    path = tmp_path / "chats"
    for length in (len(packed) // 2, len(packed) - 5, len(packed) - 1):
        path.write_bytes(packed[:length])
        with pytest.raises(everyturn.EveryturnError, match=r"chats.*(?i:trunc|end|incomplete)"):
            expander.expand(path)


@every_real_compression
def test_truncation_is_never_silent_wherever_it_cuts(
    models: dict[str, Path], compression: str
) -> None:
    """Cut at any of its last two hundred bytes, a file raises or is counted as cut.

    That holds although lines with faults are to be skipped.
    """
    packed = COMPRESSORS[compression](JSONL)
    skipping = everyturn.Expander(models["chatml"], layout="per_turn", on_error="skip")
    for length in range(max(1, len(packed) - 200), len(packed)):
        try:
            report = skipping.expand(packed[:length]).report
        except everyturn.EveryturnError:
            continue
        assert sum(report.records_dropped.values()) or report.faults, length


@every_real_compression
def test_a_damaged_file_is_an_error(
    expander: everyturn.Expander, tmp_path: Path, compression: str
) -> None:
    """A compressed file with other bytes in the middle is refused with its name."""
    packed = bytearray(COMPRESSORS[compression](os.urandom(4000).hex().encode() + b"\n" + JSONL))
    middle = len(packed) // 2
    packed[middle : middle + 40] = bytes(byte ^ 0xFF for byte in packed[middle : middle + 40])
    path = tmp_path / "chats"
    path.write_bytes(packed)
    with pytest.raises(everyturn.EveryturnError, match="chats"):
        expander.expand(path)


# --------------------------------------------------------------------------------------------
# Sources
# --------------------------------------------------------------------------------------------


def test_a_path_may_be_text_or_pathlike(expander: everyturn.Expander, tmp_path: Path) -> None:
    """`str` and `os.PathLike` name the same file."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(JSONL)
    expected = expander.expand(JSONL)
    assert same_rows(expander.expand(str(path)), expected)
    assert same_rows(expander.expand(path), expected)


def write_three(folder: Path) -> list[Path]:
    """Write files of one, two and three records, not in the order of their names."""
    paths = [folder / name for name in ("b.jsonl", "10.jsonl", "a.jsonl")]
    for number, path in enumerate(paths, start=1):
        path.write_bytes(to_jsonl([chat_of(f"In {path.name}?", "Yes.")] * number))
    return paths


def test_a_glob_is_read_in_the_order_of_names(expander: everyturn.Expander, tmp_path: Path) -> None:
    """The files of a pattern are sorted by name, whatever order the folder has."""
    paths = write_three(tmp_path)
    samples = expander.expand(str(tmp_path / "*.jsonl"))
    assert list(samples.files) == sorted(map(str, paths))
    assert samples.file.tolist() == [0, 0, 1, 1, 1, 2]
    assert samples.line.tolist() == [1, 2, 1, 2, 3, 1]


def test_a_glob_without_a_match_is_an_error(expander: everyturn.Expander, tmp_path: Path) -> None:
    """A pattern that names nothing is a mistake and no empty input."""
    with pytest.raises((everyturn.EveryturnError, OSError), match=r"none-\*\.jsonl"):
        expander.expand(str(tmp_path / "none-*.jsonl"))


def test_several_paths_are_read_in_the_order_given(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """A list of paths keeps its order; lines are counted in each file; text and PathLike mix."""
    b, ten, a = write_three(tmp_path)
    paths: list[Any] = [b, str(ten), a]
    samples = expander.expand(paths)
    assert list(samples.files) == [str(b), str(ten), str(a)]
    assert samples.file.tolist() == [0, 1, 1, 2, 2, 2]
    assert samples.line.tolist() == [1, 1, 2, 1, 2, 3]


def test_every_file_has_its_own_format(expander: everyturn.Expander, tmp_path: Path) -> None:
    """The format is found for each file by itself."""
    records: list[Record] = [
        chat_of("Hi", "Hello"),
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        {"instruction": "Hi", "input": "", "output": "Hello"},
        {"prompt": "Hi", "completion": "Hello"},
    ]
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(records))]
    for path, record in zip(paths, records, strict=True):
        path.write_bytes(to_jsonl([record]))
    samples = expander.expand(list(paths))
    assert len({tuple(sample.input_ids.tolist()) for sample in samples}) == 1
    assert len(samples) == 4


def test_a_missing_file_is_an_error_with_its_name(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """The name that cannot be opened is said."""
    with pytest.raises((everyturn.EveryturnError, OSError), match=r"absent\.jsonl"):
        expander.expand(tmp_path / "absent.jsonl")


def test_a_binary_file_object_is_read_from_where_it_stands(
    expander: everyturn.Expander, tmp_path: Path
) -> None:
    """Open files and streams are read to their end, from their position."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(JSONL)
    with path.open("rb") as file:
        assert same_rows(expander.expand(file), expander.expand(JSONL))
    first, _, rest = JSONL.partition(b"\n")
    stream = io.BytesIO(JSONL)
    stream.seek(len(first) + 1)
    assert same_rows(expander.expand(stream), expander.expand(rest))


def test_a_stream_may_give_few_bytes_at_a_time(expander: everyturn.Expander) -> None:
    """How a stream cuts its text into reads changes nothing."""

    class Dripping(io.RawIOBase):
        def __init__(self) -> None:
            self.left = JSONL

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            count = min(7, len(buffer), len(self.left))
            buffer[:count], self.left = self.left[:count], self.left[count:]
            return count

    assert same_rows(expander.expand(Dripping()), expander.expand(JSONL))


def test_an_error_of_the_stream_reaches_the_caller(expander: everyturn.Expander) -> None:
    """What a file object raises while it is read is raised, not swallowed."""

    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise OSError("the disk is gone")

    with pytest.raises((OSError, everyturn.EveryturnError), match="the disk is gone"):
        expander.expand(Broken())


def test_a_text_file_object_is_refused(expander: everyturn.Expander) -> None:
    """JSONL is bytes: a file opened as text would be decoded twice."""
    with pytest.raises((TypeError, everyturn.EveryturnError), match="bytes"):
        expander.expand(io.StringIO(JSONL.decode()))


@pytest.mark.parametrize("source", [None, 3, 1.5, object()])
def test_what_is_no_source_is_refused(expander: everyturn.Expander, source: Any) -> None:
    """Objects of other types are a mistake of the caller."""
    with pytest.raises(TypeError):
        expander.expand(source)


def test_any_iterable_of_dict_is_a_source(expander: everyturn.Expander) -> None:
    """Lists, tuples and generators of records give the rows of the same records as JSONL."""
    expected = expander.expand(JSONL)

    def generated() -> Iterator[Record]:
        yield from CHATS

    for source in (CHATS, tuple(CHATS), generated(), iter(CHATS)):
        assert same_rows(expander.expand(source), expected)
    assert len(expander.expand([])) == 0


def test_an_error_of_the_iterable_reaches_the_caller(expander: everyturn.Expander) -> None:
    """What the iterable raises is raised, not swallowed."""

    def failing() -> Iterator[Record]:
        yield CHATS[0]
        raise KeyError("no more")

    with pytest.raises((KeyError, everyturn.EveryturnError), match="no more"):
        expander.expand(failing())


def test_records_that_are_no_dict_are_refused(expander: everyturn.Expander) -> None:
    """An item that is not a record is refused with its number."""
    mixed: list[Any] = [CHATS[0], "text"]
    with pytest.raises((TypeError, everyturn.EveryturnError)):
        expander.expand(mixed)


def test_a_minus_is_standard_input(models: dict[str, Path]) -> None:
    """`-` reads what is piped in, packed or not."""
    program = (
        "import everyturn, sys\n"
        "samples = everyturn.Expander(sys.argv[1], layout='per_turn').expand('-')\n"
        "print(len(samples), samples.input_ids.sum())\n"
    )
    expected = everyturn.Expander(models["chatml"], layout="per_turn").expand(JSONL)
    for piped in (JSONL, gzip.compress(JSONL)):
        done = subprocess.run(
            [sys.executable, "-c", program, str(models["chatml"])],
            input=piped,
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split() == [
            str(len(expected)).encode(),
            str(expected.input_ids.sum()).encode(),
        ]


def test_the_limit_takes_the_first_records(expander: everyturn.Expander, route: Route) -> None:
    """`limit` counts records, not rows."""
    records = [chat_of("One?", "1", "Go on.", "2"), chat_of("Two?", "3"), chat_of("Three?", "4")]
    samples = expander.expand(route(records), limit=2)
    assert samples.line.tolist() == [1, 1, 2]
    assert samples.report.records_read == 2
    assert len(expander.expand(route(records), limit=0)) == 0


# --------------------------------------------------------------------------------------------
# What is easily lost
# --------------------------------------------------------------------------------------------


def sound(text: str = "a") -> dict[str, Any]:
    """Return a record that gives one row."""
    return {"messages": [user(text), answer("b")]}


def test_none_among_records_is_a_fault_and_not_their_end(models: dict[str, Path]) -> None:
    """Each None is read, dropped and counted; the records after it are kept."""
    expander = everyturn.Expander(models["chatml"], on_error="skip")
    samples = expander.expand([None, sound(), None, sound()])  # type: ignore[arg-type]
    assert samples.line.tolist() == [2, 4]
    assert samples.report.records_dropped == {"not_an_object": 2}


def test_any_iterable_of_paths_is_paths(models: dict[str, Path], tmp_path: Path) -> None:
    """A generator of paths is not an iterable of records."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(sound(name)), encoding="utf-8")
    samples = everyturn.Expander(models["chatml"]).expand(sorted(tmp_path.glob("*.jsonl")))
    again = everyturn.Expander(models["chatml"]).expand(path for path in sorted(tmp_path.iterdir()))
    assert len(samples) == 2
    assert again.files == samples.files


def test_numpy_values_in_records_are_numbers_and_lists(models: dict[str, Path]) -> None:
    """Records that come from arrays and tables need no conversion; what is not JSON is reported with its record."""
    expander = everyturn.Expander(models["chatml"])
    record = {"messages": np.array(sound()["messages"]), "score": np.float32(0.5)}
    assert len(expander.expand([record])) == 1
    with pytest.raises(everyturn.InputError, match="record 2: it holds set"):
        expander.expand([sound(), {**sound(), "tags": {1}}])


def test_a_null_key_does_not_tell_the_format(models: dict[str, Path]) -> None:
    """Tables of several formats have each other's keys as null."""
    record = {
        "messages": None,
        "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
    }
    assert len(everyturn.Expander(models["chatml"]).expand([record])) == 1


@pytest.mark.parametrize("chunk_bytes", [1, 50, 93, 94, 1 << 20])
def test_the_size_of_chunks_changes_nothing(
    models: dict[str, Path], tmp_path: Path, chunk_bytes: int
) -> None:
    """Neither at the limit of a line, nor before the format is known, nor at `limit`, nor in the counts."""
    line = json.dumps(sound()).encode()
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        b'{"odd": 1}\n' * 5 + (b"\r\n\n" + line + b"\r\n") * 4 + b"\n\n" + b"x" * 200 + b"\n" + line
    )
    expander = everyturn.Expander(models["chatml"], on_error="skip", max_line_bytes=len(line))
    for limit in (None, 1, 6, 7):
        parts = list(expander.stream(path, chunk_bytes=chunk_bytes, limit=limit))
        whole = expander.expand(path, limit=limit)
        report = everyturn.Samples.concatenate(parts).report
        assert report.to_dict() == whole.report.to_dict()
        assert [line for part in parts for line in part.line.tolist()] == whole.line.tolist()
    assert whole.report.records_dropped["unknown_format"] == 5
    assert len(expander.expand(path)) == 5


def test_a_process_ends_well_with_a_source_half_read() -> None:
    """Whoever stops early owes nothing."""
    code = (
        "import everyturn, json, time\n"
        "record = {'messages': [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}]}\n"
        "def records():\n"
        "    while True:\n"
        "        yield record\n"
        "stream = everyturn.Expander('demo').stream(records(), chunk_bytes=1000)\n"
        "print(len(next(stream)) > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
