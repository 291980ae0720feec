"""``everyturn check``: everything that is wrong with chats, for editors and CI."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from everyturn.atomic import appearing
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding
from everyturn.checks.tally import Tally, headline, legend
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say
from everyturn.cli.findings import Format, writer_to
from everyturn.cli.options import (
    Merged,
    add_expander_flags,
    add_inputs,
    add_model_flags,
    read_by,
    refuse_model_flags,
    renderer_from,
)
from everyturn.cli.outputs import COPY, LINES_SUFFIXES, output
from everyturn.cures import notes_on
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander, options_with
from everyturn.faults import Fault
from everyturn.io.inputs import paths_of

EXAMPLES = """\
examples:
  everyturn check chats.jsonl
  everyturn check chats.jsonl --model path/to/model --max-length 4096 --format github
  everyturn check chats.jsonl --fix -o fixed.jsonl --ignore crlf,unknown_key
  everyturn check chats.jsonl --select call_,tool_,role --statistics
  everyturn check chats.jsonl --format grouped

exit codes: 0 no errors, 1 errors (with --strict: or warnings), 2 wrong use
`everyturn explain KIND` gives the reason of a finding and what to do.
"""

OPTIONS = options_with("per_record")
"""The others have no effect here: faults never end the run, duplicates are findings, and nothing is trained."""

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Expander)}

PACKED = (".gz", ".zst", ".bz2")


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="report everything that is wrong with chats",
        description="Report everything that is wrong with chats: one finding per line, with its location and kind.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
    parser.add_argument(
        "--format",
        choices=get_args(Format),
        help="how findings are written: one a line (text, the default), by kind with the first places of each "
        "(grouped), or for other programs",
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument(
        "--select",
        action=Merged,
        metavar="KIND,..",
        default="",
        help="report and fix these kinds only; the start of a name means all that begin so (default: ALL)",
    )
    parser.add_argument(
        "--ignore",
        action=Merged,
        metavar="KIND,..",
        default="",
        help="kinds that are neither reported nor fixed; of two names for a kind the longer one decides",
    )
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="count the findings of each kind, with the first place, instead of listing them",
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors do")
    parser.add_argument(
        "--fix", action="store_true", help="correct what has one right answer, in a copy (needs -o)"
    )
    add_file_argument(parser, "-o", "--output", help="the corrected copy, not compressed")
    parser.add_argument(
        "--overwrite", action="store_true", help="with --fix, also replace a file that exists"
    )
    add_model_flags(parser, required=False)
    add_expander_flags(parser, names=OPTIONS)


def run(parsed: argparse.Namespace) -> int:
    """Look, write what is found, and count."""
    if parsed.json and parsed.format not in (None, "json"):
        raise OptionsError(f"--json is --format json, and --format is {parsed.format}")
    form: Format = "json" if parsed.json else parsed.format or "text"
    tally, changes = Tally(), 0
    writer = writer_to(sys.stdout, tally, form, statistics=parsed.statistics)
    checker = _checker(parsed)
    items = _items(parsed, checker)
    for item in items:
        writer.write(item)
        if isinstance(item, Finding):
            tally.add(item)
        else:
            changes += 1
    writer.close(tally.counts())
    sys.stdout.flush()
    if changes:
        say(f"fixed {changes:,}")
    if not parsed.statistics and form != "grouped":
        _summarize(tally, checker)
    failing = ("error", "warning") if parsed.strict else ("error",)
    is_failing = not checker.records or any(
        count.first.severity in failing for count in tally.gravest_first()
    )
    return EXIT_DATA if is_failing else EXIT_DONE


def _checker(parsed: argparse.Namespace) -> Checker:
    kinds: dict[str, Any] = {
        option: [name.strip() for name in getattr(parsed, option).split(",") if name.strip()]
        for option in ("select", "ignore")
    }
    if parsed.model is not None:
        options = {name: getattr(parsed, name) for name in OPTIONS}
        return Checker(renderer_from(parsed), **kinds, **options)
    refuse_model_flags(parsed)
    options = {name: getattr(parsed, name) for name in OPTIONS}
    given = {
        name: value
        for name, value in options.items()
        if name in options_with("reading") or value != _DEFAULTS[name]
    }
    return Checker(**kinds, **given)


def _items(parsed: argparse.Namespace, checker: Checker) -> Iterator[Finding | Change]:
    if not parsed.fix:
        if parsed.output is not None:
            raise OptionsError("-o is for the copy that --fix makes")
        if parsed.overwrite:
            raise OptionsError("--overwrite is for the copy that --fix makes")
        return (item for item in checker.check(parsed.inputs, limit=parsed.limit))
    if parsed.output is None or parsed.output == "-":
        raise OptionsError("--fix writes a corrected copy: name its file with -o")
    if parsed.limit is not None:
        raise OptionsError("--limit would cut the copy that --fix makes")
    return _copied(parsed, checker, _copy_path(parsed))


def _copy_path(parsed: argparse.Namespace) -> Path:
    names = read_by(parsed, paths_of(parsed.inputs))
    path = output(
        "-o",
        parsed.output,
        COPY,
        inputs=names,
        model=parsed.model,
        overwrite=parsed.overwrite,
    )
    if path.suffix in PACKED:
        raise OptionsError(f"-o: {path}: the copy is not compressed; leave {path.suffix} out")
    if path.suffix not in LINES_SUFFIXES:
        known = ", ".join(LINES_SUFFIXES)
        raise OptionsError(
            f"-o: {path}: the copy has JSON lines, so its name must end in one of {known}"
        )
    return path


def _copied(parsed: argparse.Namespace, checker: Checker, path: Path) -> Iterator[Finding | Change]:
    with appearing(path) as temporary, temporary.open("wb") as output:
        yield from checker.fix(parsed.inputs, output)


def _summarize(tally: Tally, checker: Checker) -> None:
    """Say how many findings there are of each kind, and what helps with the first."""
    counts = tally.gravest_first()
    lines = _lines_on([_fault(count.first) for count in counts], checker)
    for count in counts:
        first = count.first
        say(f"{headline(count)}, first {first.place}")
        for line in lines.get(_fault(first), ()):
            say(f"  {line}")
    for line in legend(counts):
        say(line)
    if not checker.records:
        say("nothing to check: there is no record")
    elif not counts:
        say("nothing found")


def _lines_on(faults: list[Fault], checker: Checker) -> dict[Fault, list[str]]:
    if checker.expander is None:
        return {}
    notes = notes_on(checker.expander, faults)
    return {
        fault: [*filter(None, [words]), *notes.lines.get(fault, ())]
        for fault, words in notes.circumstances.items()
    }


def _fault(finding: Finding) -> Fault:
    text = f"{finding.place}: {finding.text}"
    return Fault(finding.file, finding.line, finding.message_index, finding.kind, text)
