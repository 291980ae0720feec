"""Every kind of output that this package writes, each made from small inputs: for tests of what disks do to them."""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

import everyturn
from everyturn.cli import main as command
from everyturn.io import shards
from everyturn.samples import writer

# Made once: a child that is forked before any thread has worked can use it.
EXPANDER = everyturn.Expander(
    everyturn.Renderer.from_dir("demo", engine="reference"), on_error="skip", num_threads=1
)


class CommandError(Exception):
    """A command has ended with an error."""


@dataclass(frozen=True)
class Output:
    """A kind of output.

    Attributes:
        write: Writes it: the first folder holds what `make_inputs` has made, what is written is in the second.
        replaces: Whether it may replace an older one.
        resumes: Whether the next run uses what is there after a fault.
        imports: Modules that are imported where it is first written.
    """

    write: Callable[[Path, Path], None]
    replaces: bool = True
    resumes: bool = False
    imports: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Import what would be imported once for each child."""
        for name in self.imports:
            importlib.import_module(name)


def chat(text: str, **keys: Any) -> dict[str, Any]:
    """Return a conversation of two messages; the keys go to the answer."""
    asked = {"role": "user", "content": f"What is {text}?"}
    return {"messages": [asked, {"role": "assistant", "content": f"It is {text}.", **keys}]}


def lines(*chats: dict[str, Any]) -> bytes:
    """Return chats as JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in chats)


CHATS = [chat(str(number)) for number in range(12)]


def samples(**options: Any) -> everyturn.Samples:
    """Expand the chats."""
    return EXPANDER.replace(**options).expand(CHATS)


def make_inputs(folder: Path) -> None:
    """Write what the outputs are made of."""
    (folder / "chats.jsonl").write_bytes(lines(*CHATS))
    (folder / "more.jsonl").write_bytes(lines(*(chat(f"more {number}") for number in range(12))))
    (folder / "faulty.jsonl").write_bytes(lines(CHATS[0], {"messages": "none"}, CHATS[1]))
    human = chat("asked")
    human["messages"][0]["role"] = "Human"
    (folder / "wrong.jsonl").write_bytes(lines(human, CHATS[1]))
    rows = pa.Table.from_pylist(
        [{"prompt": f"What is {n}?", "completion": f"It is {n}."} for n in range(12)]
    )
    pq.write_table(rows, folder / "rows.parquet")
    arrow = pa.OSFile(str(folder / "rows.arrow"), "wb")
    with arrow, pa.ipc.new_file(arrow, rows.schema) as writer:
        writer.write_table(rows)
    texts = [f"{row['prompt']},{row['completion']}" for row in rows.to_pylist()]
    (folder / "rows.csv").write_text("\n".join(["prompt,completion", *texts, ""]))
    (folder / "rules.json").write_text('[{"answers": "0", "weight": 0.5}]')
    samples(provenance=True).to_parquet(folder / "samples.parquet")
    samples(provenance=True).save(folder / "saved")


def _run(*words: Any) -> None:
    """Run a command in this process."""
    code = command([str(word) for word in words])
    if code:
        raise CommandError(code)


def _expanded(name: str) -> Callable[[Path, Path], None]:
    """Write samples of an input by the command, with a report."""

    def write(sources: Path, out: Path) -> None:
        flags = ("--model", "demo", "--num-threads", 1, "--on-error", "skip")
        outputs = ("-o", out / "samples.jsonl", "--report", out / "report.json")
        _run("expand", sources / name, *flags, *outputs)

    return write


def _weighted_late(_: Path, out: Path) -> None:
    """The last sample is the first with a weight, after groups of rows are in the file."""
    few = mock.patch.object(writer, "_ROW_GROUP_TOKENS", 100)
    with few, writer.Writer(out / "weighted.parquet") as rows:
        rows.write(samples())
        rows.write(EXPANDER.expand([chat("weighted", weight=0.5)]))


def _in_parts(_: Path, out: Path) -> None:
    for name, part in samples().split({"train": 0.5, "test": 0.5}).items():
        part.to_parquet(out / f"{name}.parquet")


def _in_shards(sources: Path, out: Path) -> None:
    inputs = [str(sources / name) for name in ("chats.jsonl", "rows.parquet", "more.jsonl")]
    shards.expand(EXPANDER, inputs, out / "shards", shard_tokens=400, chunk_bytes=1000)


def _for_megatron(_: Path, out: Path) -> None:
    from everyturn import megatron

    packed = samples().pack(max_length=128)
    megatron.to_parquet(packed, out / "packs.idx.parquet", eos_token_id=0)


def _for_datasets(_: Path, out: Path) -> None:
    from everyturn import hf

    samples_folder = out / "dataset"
    hf.save_to_disk(samples(), samples_folder)


def _corrected(sources: Path, out: Path) -> None:
    _run("check", sources / "wrong.jsonl", "--fix", "-o", out / "fixed.jsonl")


def _page(name: str) -> Callable[[Path, Path], None]:
    """Write a page by the command of this name."""

    def write(sources: Path, out: Path) -> None:
        _run(name, sources / "chats.jsonl", "--model", "demo", "--html", out / "page.html")

    return write


def _relabelled(name: str, output: str) -> Callable[[Path, Path], None]:
    def write(sources: Path, out: Path) -> None:
        _run("relabel", sources / name, "--rules", sources / "rules.json", "-o", out / output)

    return write


_PAGES = ("everyturn.html", "jinja2.ext", "everyturn.inspect.screen")

OUTPUTS: dict[str, Output] = {
    "parquet": Output(lambda _, out: samples().to_parquet(out / "samples.parquet")),
    "weighted_late": Output(_weighted_late),
    "packs": Output(
        lambda _, out: samples().pack(max_length=128).to_parquet(out / "packs.parquet")
    ),
    "parts": Output(_in_parts),
    "megatron": Output(_for_megatron, imports=("everyturn.megatron",)),
    "datasets": Output(_for_datasets, replaces=False, imports=("everyturn.hf",)),
    "saved": Output(lambda _, out: samples().save(out / "saved"), replaces=False),
    "shards": Output(_in_shards, replaces=False, resumes=True),
    "samples_of_json": Output(_expanded("faulty.jsonl")),
    "samples_of_csv": Output(_expanded("rows.csv")),
    "samples_of_arrow": Output(_expanded("rows.arrow")),
    "samples_of_parquet": Output(_expanded("rows.parquet")),
    "inspected": Output(_page("inspect"), imports=_PAGES),
    "stats": Output(_page("stats"), imports=_PAGES),
    "corrected": Output(_corrected),
    "relabelled": Output(_relabelled("samples.parquet", "samples.parquet")),
    "relabelled_folder": Output(_relabelled("saved", "saved"), replaces=False),
}
