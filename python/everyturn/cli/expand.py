"""``everyturn expand``: chats to samples, in a Parquet or a JSON lines file."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from everyturn.atomic import write_text
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, progress, say, writable
from everyturn.cli.options import (
    add_expander_flags,
    add_inputs,
    add_model_flags,
    expander_from,
    read_by,
)
from everyturn.cli.outputs import REPORT, check_output, output, writer_of
from everyturn.cures import notes_on
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander
from everyturn.io import shard_folder
from everyturn.io.identity import HASH_INPUTS, WHOLE_BYTES, HashInputs
from everyturn.io.inputs import paths_of, total_bytes
from everyturn.io.shard_folder import SHARD_TOKENS
from everyturn.report import Report
from everyturn.report_text import first_faults
from everyturn.wording import counted, lasted, sized

STDOUT = "-"
"""The name of standard output."""

HISTORY_REPEATED = 3
"""From this many samples a conversation on it is worth saying that each repeats the history before it."""

EXAMPLES = """\
examples:
  everyturn expand chats.jsonl --model path/to/model -o train.parquet
  everyturn expand 'chats/*.jsonl.zst' --model path/to/model -o shards/
  zcat chats.jsonl.gz | everyturn expand - --model demo --layout per_turn --on-error skip -o train.jsonl
"""


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="turn chats into training samples",
        description="Turn chats into training samples: JSON, Parquet, Arrow or CSV in, Parquet or JSON lines out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
    add_file_argument(
        parser,
        "-o",
        "--output",
        default=STDOUT,
        help="a .parquet or .jsonl file, or a folder of shards: a name that ends in /, or the folder of "
        "an earlier run (default: JSON lines on stdout)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="also replace a file that everyturn did not write",
    )
    parser.add_argument(
        "--shard-tokens",
        type=int,
        metavar="N",
        help=f"about how many tokens each shard of a folder has (default: {SHARD_TOKENS:,})",
    )
    parser.add_argument(
        "--loss-weights",
        action="store_true",
        help="give every shard a column of weights; without it a weight other than 0 and 1 is an error",
    )
    parser.add_argument(
        "--hash-inputs",
        choices=get_args(HashInputs),
        help=f"how a resumed run recognizes inputs above {WHOLE_BYTES >> 20} MiB: by blocks "
        "(sampled, the default) or by all bytes",
    )
    add_file_argument(parser, "--report", help="write the account of every line as JSON")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON on stdout (needs -o)"
    )
    add_model_flags(parser)
    add_expander_flags(parser)


def run(parsed: argparse.Namespace) -> int:
    """Expand, write, report."""
    if parsed.json and parsed.output == STDOUT:
        raise OptionsError("--json prints on stdout, where the samples go: name a file with -o")
    began = time.perf_counter()
    paths = paths_of(parsed.inputs)
    names = read_by(parsed, paths)
    to_folder = parsed.output.endswith("/") or shard_folder.is_one(Path(parsed.output))
    report_path = None
    if parsed.report:
        report_path = output(
            "--report",
            parsed.report,
            REPORT,
            inputs=[*names, parsed.output],
            model=parsed.model,
            overwrite=None if to_folder else parsed.overwrite,
        )
    if to_folder:
        expander, report, written = _expand_to_folder(parsed, total_bytes(paths))
    else:
        expander, report, written = _expand_to_file(parsed, names, total_bytes(paths))
    _show(expander, report, parsed)
    if report_path:
        _write_report(report_path, report)
    if written is not None:
        say(f"wrote {written}, in {lasted(time.perf_counter() - began)}")
    return EXIT_DONE if report.trained_tokens else EXIT_DATA


def _expand_to_folder(
    parsed: argparse.Namespace, total: int | None
) -> tuple[Expander, Report, str | None]:
    """Expand, and return what was written in words; None where an earlier run had finished."""
    from everyturn.io import shards

    if parsed.overwrite:
        raise OptionsError("--overwrite is for a file: shards are never overwritten")
    folder = writable("-o", parsed.output, folder=True)
    # A resumed run gives the templates the time at which it began.
    parsed.now = parsed.now or shard_folder.clock_of(folder)
    expander = expander_from(parsed)
    try:
        with progress(total) as advance:
            written = shards.expand(
                expander,
                parsed.inputs,
                folder,
                shard_tokens=SHARD_TOKENS if parsed.shard_tokens is None else parsed.shard_tokens,
                loss_weights=parsed.loss_weights,
                hash_inputs=parsed.hash_inputs or HASH_INPUTS,
                limit=parsed.limit,
                on_bytes=advance,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{folder} keeps its shards: run the command again to resume"
        ) from None
    size = sized(sum(shard.bytes for shard in written.shards))
    rows = counted(written.report.rows, "sample")
    found = f"{folder}: {counted(len(written.shards), 'shard')}, {rows}, {size}"
    if written.was_done:
        say(f"{found}: finished by an earlier run, nothing is changed")
        return expander, written.report, None
    if written.resumed_shards:
        found += f", {counted(written.resumed_shards, 'shard')} of it by an earlier run"
    return expander, written.report, found


def _expand_to_file(
    parsed: argparse.Namespace, names: Sequence[str], total: int | None
) -> tuple[Expander, Report, str | None]:
    """Expand, and return what was written in words; None where samples went to stdout."""
    for flag, given in (
        ("--shard-tokens", parsed.shard_tokens is not None),
        ("--loss-weights", parsed.loss_weights),
        ("--hash-inputs", parsed.hash_inputs is not None),
    ):
        if given:
            raise OptionsError(f"{flag} is for a folder of shards: name one with -o FOLDER/")
    path = None
    if parsed.output != STDOUT:
        path = writable("-o", parsed.output, inputs=names, model=parsed.model)
        check_output(path, overwrite=parsed.overwrite)
    expander = expander_from(parsed)
    report = expander.empty().report
    with writer_of(path, expander.workers()) as writer, progress(total) as advance:
        wrote = False
        for samples in expander.stream(parsed.inputs, limit=parsed.limit, on_bytes=advance):
            if len(samples) or not wrote:
                writer.write(samples)
                wrote = True
            report += samples.report
        if not wrote:
            writer.write(expander.empty())
    if path is None:
        return expander, report, None
    size = sized(path.stat().st_size)
    return expander, report, f"{path}: {counted(report.rows, 'sample')}, {size}"


def _show(expander: Expander, report: Report, parsed: argparse.Namespace) -> None:
    notes = notes_on(expander, report.faults)
    for line in report.lines(notes):
        say(line)
    named = first_faults(report.faults, notes)
    if len(report.faults) > len(named) and parsed.report is None:
        say("--report FILE lists every fault")
    if note := _repeated_history(expander, report):
        say(note)
    if parsed.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))  # noqa: T201


def _repeated_history(expander: Expander, report: Report) -> str | None:
    """Say that another layout is cheaper where conversations are in many samples; how much, `stats` counts."""
    each = report.rows / max(report.records_kept, 1)
    if each < HISTORY_REPEATED or expander.layout not in ("per_turn", "merged"):
        return None
    return (
        f"note: {each:.1f} samples a conversation, each with the history before it: --layout tree holds that once; "
        "`everyturn stats` counts what an epoch costs in each layout"
    )


def _write_report(path: Path, report: Report) -> None:
    text = json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n"
    write_text(path, text)
