"""Expansion on a local Ray cluster: the samples of one process, whoever does the work and whoever dies."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
import ray.data

import everyturn
import everyturn.ray
from chats import Record, numbered_chat, to_jsonl
from everyturn.arrow import read_reports
from everyturn.io import shards
from everyturn.io.sections import cut
from paths import TESTS

# What Ray says of its own settings, and of its own files and sockets when it ends.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated.*:DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

DATA = TESTS / "data"


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Ray of two CPUs in which one worker will die; gives the file that says so."""
    marker = tmp_path_factory.mktemp("ray") / "died"
    ray.init(
        # Another test may have a cluster here, too.
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={
            "env_vars": {
                "EVERYTURN_TEST_DYING": str(marker),
                "PYTHONPATH": os.pathsep.join([str(DATA), *sys.path]),
            },
            "worker_process_setup_hook": "dying_worker.die_once",
        },
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    yield marker
    ray.shutdown()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Files of several formats, with blank lines and faults."""
    pair = {"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}
    contents = {
        "a.jsonl": to_jsonl(numbered_chat(number) for number in range(40)).replace(b'": ', b'":  '),
        "b.jsonl": b"\n\n" + to_jsonl([{"id": 1}, pair, numbered_chat(1), pair]) + b"{broken",
        "c.jsonl": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in contents]


def in_order(rows: list[Record]) -> list[Record]:
    """Rows in the order of their sources."""
    return sorted(rows, key=lambda row: (row["file"], row["line"], row["targets"]))


def rows_of(dataset: ray.data.Dataset) -> list[Record]:
    """All rows, as plain values."""
    tables = ray.get(dataset.to_arrow_refs())
    rows: list[Record] = [row for table in tables for row in table.to_pylist()]
    return rows


def test_files_give_the_samples_of_one_process(files: list[str], tmp_path: Path) -> None:
    """Rows, ids, files, lines and the account are the same, whoever expanded which lines."""
    options: dict[str, Any] = {"layout": "per_turn", "on_error": "skip"}
    whole = everyturn.Expander("demo", **options).expand(files)
    reports = tmp_path / "reports"
    dataset = everyturn.ray.expand(
        files, "demo", concurrency=1, batch_size=7, reports=reports, **options
    )
    assert in_order(rows_of(dataset)) == in_order(whole.to_arrow().to_pylist())
    total = read_reports(reports).to_dict()
    expected = whole.report.to_dict()
    faults = [report.pop("faults") for report in (total, expected)]
    assert sorted(faults[0], key=lambda fault: fault["line"]) == list(faults[1])
    assert {
        name: total[name] for name in ("records_read", "records_dropped", "targets_trained")
    } == {name: expected[name] for name in ("records_read", "records_dropped", "targets_trained")}
    assert (total["rows"], total["tokens"]) == (expected["rows"], expected["tokens"])


def test_sections_of_a_file_give_its_samples(files: list[str]) -> None:
    """A file that several workers read has the rows, files and lines of one that is not cut."""
    whole = everyturn.Expander("demo", layout="per_turn").expand(files[0])
    assert len(cut(files[0], section_bytes=1000)) > 2
    dataset = everyturn.ray.expand(
        files[0], "demo", concurrency=1, batch_size=7, section_bytes=1000, layout="per_turn"
    )
    assert in_order(rows_of(dataset)) == in_order(whole.to_arrow().to_pylist())


def test_a_dataset_of_records_gives_the_samples_of_its_dicts() -> None:
    """Columns are the keys of records; columns that are kept are next to their samples."""
    records = [{**numbered_chat(number), "id": number} for number in range(20)]
    dataset = ray.data.from_arrow(pa.Table.from_pylist(records))
    expanded = everyturn.ray.expand(
        dataset, "demo", concurrency=1, batch_size=3, keep=["id"], layout="per_turn"
    )
    whole = everyturn.Expander("demo", layout="per_turn").expand(
        [numbered_chat(n) for n in range(20)]
    )
    expected = [
        (
            sample.line - 1,
            sample.targets.tolist(),
            sample.conversation_id,
            sample.input_ids.tolist(),
        )
        for sample in whole
    ]
    rows = [
        (row["id"], row["targets"], row["conversation_id"], row["input_ids"])
        for row in rows_of(expanded)
    ]
    assert sorted(rows) == expected


def test_an_error_on_a_worker_names_file_and_line(files: list[str]) -> None:
    """What the caller gets says where the fault lies."""
    with pytest.raises(
        ray.exceptions.RayTaskError, match=r"ConversationError: .*b\.jsonl:3: no key"
    ):
        everyturn.ray.expand(files, "demo", concurrency=1).materialize()


def test_a_worker_that_dies_loses_and_doubles_nothing(
    files: list[str], tmp_path: Path, cluster: Path
) -> None:
    """Killed between a shard's rename and its note, it is run again, and all files are those of one run."""
    options: dict[str, Any] = {"on_error": "skip"}
    folder = tmp_path / "out"
    report = everyturn.ray.expand_to(
        files, "demo", folder, concurrency=2, shard_tokens=200, **options
    )
    assert cluster.exists()
    expander = everyturn.Expander("demo", **options)
    assert report == expander.empty().report + expander.expand(files).report
    for number, name in enumerate(files):
        expected = tmp_path / f"expected-{number}"
        shards.expand(expander, name, expected, shard_tokens=200)
        written = folder / f"{number:05d}-{Path(name).name}"
        assert {path.name: path.read_bytes() for path in written.iterdir()} == {
            path.name: path.read_bytes() for path in expected.iterdir()
        }
    again = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert everyturn.ray.expand_to(files, "demo", folder, shard_tokens=200, **options) == report
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == again
    with pytest.raises(everyturn.OptionsError, match="written for other files"):
        everyturn.ray.expand_to(files[:1], "demo", folder, shard_tokens=200, **options)
    with pytest.raises(everyturn.OptionsError, match="other section_bytes"):
        everyturn.ray.expand_to(
            files, "demo", folder, shard_tokens=200, section_bytes=1000, **options
        )
    rows = [
        row
        for path in sorted(folder.glob("*/*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    assert rows == expander.expand(files).to_arrow().to_pylist()
    assert json.loads((folder / "inputs.json").read_text(encoding="utf-8"))["inputs"] == files


@pytest.mark.parametrize("source", [b"{}", "-", [numbered_chat(1)]])
def test_what_workers_cannot_open_is_refused(source: Any, tmp_path: Path) -> None:
    """Bytes, streams and dicts are not files."""
    with pytest.raises(everyturn.OptionsError, match="workers read files"):
        everyturn.ray.expand(source, "demo")
    with pytest.raises(everyturn.OptionsError, match="workers read files"):
        everyturn.ray.expand_to(source, "demo", tmp_path / "out")
