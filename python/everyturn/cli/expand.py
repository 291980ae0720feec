"""``everyturn expand``: chats to samples, in a Parquet or a JSON lines file."""

import argparse
import json
import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, get_args

from everyturn.atomic import appearing
from everyturn.cli.completion import complete_with, file
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, progress, say, writable
from everyturn.cli.options import (
    add_expander_flags,
    add_inputs,
    add_model_flags,
    expander_from,
    read_by,
)
from everyturn.cures import notes_on
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander
from everyturn.io import shard_folder
from everyturn.io.identity import HASH_INPUTS, HashInputs
from everyturn.io.inputs import resolve, total_bytes
from everyturn.io.shard_folder import SHARD_TOKENS
from everyturn.report import Report
from everyturn.report_text import first_faults
from everyturn.samples import Samples
from everyturn.samples.kept_types import check_stated
from everyturn.wording import counted

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
    complete_with(
        parser.add_argument(
            "-o",
            "--output",
            metavar="FILE",
            default="-",
            help="a .parquet or .jsonl file, or a folder of shards: a name that ends in /, or the folder of "
            "an earlier run (default: JSON lines on stdout)",
        ),
        file,
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
        help="shards have a column of weights; without it, one other than 0 and 1 is an error",
    )
    parser.add_argument(
        "--hash-inputs",
        choices=get_args(HashInputs),
        help="how a folder of shards knows large inputs again: by blocks (sampled, the default) or by all of them",
    )
    complete_with(
        parser.add_argument(
            "--report", metavar="FILE", help="write the account of every line as JSON"
        ),
        file,
    )
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON on stdout (needs -o)"
    )
    add_model_flags(parser)
    add_expander_flags(parser)


def run(parsed: argparse.Namespace) -> int:
    """Expand, write, report."""
    to_stdout = parsed.output == "-"
    if parsed.json and to_stdout:
        raise OptionsError("--json prints on stdout, where the samples go: name a file with -o")
    names = read_by(parsed, resolve(parsed.inputs)[1])
    report_path = None
    if parsed.report:
        report_path = writable(
            "--report", parsed.report, inputs=[*names, parsed.output], model=parsed.model
        )
    if parsed.output.endswith("/") or shard_folder.is_one(Path(parsed.output)):
        expander, report = _expand_to_folder(parsed)
    else:
        expander, report = _expand_to_file(parsed)
    _show(expander, report, parsed)
    if report_path:
        _write_report(report_path, report)
    return EXIT_DONE if report.trained_tokens else EXIT_DATA


def _expand_to_folder(parsed: argparse.Namespace) -> tuple[Expander, Report]:
    from everyturn.io import shards

    folder = writable("-o", parsed.output, folder=True)
    # A resumed run gives the templates the time at which it began.
    parsed.now = parsed.now or shard_folder.clock_of(folder)
    expander = expander_from(parsed)
    total = total_bytes(resolve(parsed.inputs)[1])
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
    if written.was_done:
        say(f"{folder} was done already; nothing is changed")
    say(f"{counted(len(written.shards), 'shard')} in {folder}")
    return expander, written.report


def _expand_to_file(parsed: argparse.Namespace) -> tuple[Expander, Report]:
    for flag, given in (
        ("--shard-tokens", parsed.shard_tokens is not None),
        ("--loss-weights", parsed.loss_weights),
        ("--hash-inputs", parsed.hash_inputs is not None),
    ):
        if given:
            raise OptionsError(f"{flag} is for a folder of shards: name one with -o FOLDER/")
    writer = _writer(parsed)
    expander = expander_from(parsed)
    report = expander.empty().report
    total = total_bytes(resolve(parsed.inputs)[1])
    with writer, progress(total) as advance:
        wrote = False
        for samples in expander.stream(parsed.inputs, limit=parsed.limit, on_bytes=advance):
            if len(samples) or not wrote:
                writer.write(samples)
                wrote = True
            report += samples.report
        if not wrote:
            writer.write(expander.empty())
    return expander, report


class SamplesWriter(AbstractContextManager["SamplesWriter"], Protocol):
    """Takes samples part by part."""

    def write(self, samples: Samples) -> None:
        """Append samples."""


def _writer(parsed: argparse.Namespace) -> SamplesWriter:
    output: str = parsed.output
    if output == "-":
        return JsonLinesWriter(None)
    names = read_by(parsed, resolve(parsed.inputs)[1])
    path = writable("-o", output, inputs=names, model=parsed.model)
    if output.endswith(".parquet"):
        from everyturn.samples.parquet import Writer

        return Writer(path)
    if output.endswith((".jsonl", ".json")):
        return JsonLinesWriter(path)
    raise OptionsError(f"-o: {output}: the name must end in .parquet, .jsonl or, for a folder, /")


class JsonLinesWriter(AbstractContextManager["JsonLinesWriter"]):
    """One JSON object a sample, with the columns of the Parquet file; a file appears when it is whole."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] = sys.stdout
        self._open = ExitStack()

    def __enter__(self) -> "JsonLinesWriter":
        if self._path is not None:
            temporary = self._open.enter_context(appearing(self._path))
            self._file = self._open.enter_context(temporary.open("w", encoding="utf-8"))
        return self

    def write(self, samples: Samples) -> None:
        """Append samples; a row has `loss_weights` if its own are not all 0 or 1, and kept values as they are."""
        from everyturn.samples.parquet import to_table

        table = to_table(samples, with_weights=samples.loss_weights is not None, types={})
        check_stated(samples)
        for number, columns in enumerate(table.to_pylist()):
            row = {**columns, **samples.kept.of_row(number)}
            if set(row.get("loss_weights", ())) <= {0.0, 1.0}:
                row.pop("loss_weights", None)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.flush()
        self._open.__exit__(kind, error, traceback)


def _show(expander: Expander, report: Report, parsed: argparse.Namespace) -> None:
    notes = notes_on(expander, report.faults)
    for line in report.lines(notes):
        say(line)
    named = first_faults(report.faults, notes)
    if len(report.faults) > len(named) and parsed.report is None:
        say("--report FILE lists every fault")
    if parsed.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))  # noqa: T201


def _write_report(path: Path, report: Report) -> None:
    text = json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n"
    with appearing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
