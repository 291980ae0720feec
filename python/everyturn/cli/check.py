"""``everyturn check``: everything that is wrong with chats, for editors and CI."""

import argparse
import collections
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from everyturn.atomic import appearing
from everyturn.catalogue import severity_of
from everyturn.checks.checker import Checker
from everyturn.checks.finding import Change, Finding
from everyturn.cli.completion import complete_with, file
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say, writable
from everyturn.cli.findings import WRITERS, Format
from everyturn.cli.options import (
    add_expander_flags,
    add_inputs,
    add_model_flags,
    read_by,
    renderer_from,
)
from everyturn.exceptions import OptionsError
from everyturn.expander import Expander, options_with
from everyturn.io.inputs import resolve

EXAMPLES = """\
examples:
  everyturn check chats.jsonl
  everyturn check chats.jsonl --model path/to/model --max-length 4096 --format github
  everyturn check chats.jsonl --fix -o fixed.jsonl --ignore crlf,unknown_key

exit codes: 0 no errors, 1 errors (with --strict: or warnings), 2 wrong use
`everyturn explain KIND` gives the reason of a finding and what to do.
"""

OPTIONS = options_with("per_record")
"""The others have no effect here: faults never end the run, copies are findings, and nothing is trained."""

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
        "--format", choices=get_args(Format), help="how findings are written (default: text)"
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument(
        "--ignore", metavar="KIND,..", default="", help="kinds that are neither reported nor fixed"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors do")
    parser.add_argument(
        "--fix", action="store_true", help="correct what has one right answer, in a copy (needs -o)"
    )
    complete_with(
        parser.add_argument(
            "-o", "--output", metavar="FILE", help="the corrected copy, not compressed"
        ),
        file,
    )
    add_model_flags(parser, required=False)
    add_expander_flags(parser, names=OPTIONS)


def run(parsed: argparse.Namespace) -> int:
    """Look, write what is found, and count."""
    if parsed.json and parsed.format not in (None, "json"):
        raise OptionsError(f"--json is --format json, and --format is {parsed.format}")
    checker = _checker(parsed)
    counts: collections.Counter[str] = collections.Counter()
    changes = 0
    items = _items(parsed, checker)
    writer = WRITERS["json" if parsed.json else parsed.format or "text"](sys.stdout)
    for item in items:
        writer.write(item)
        if isinstance(item, Finding):
            counts[item.kind] += 1
        else:
            changes += 1
    writer.close(dict(counts))
    sys.stdout.flush()
    _summary(counts, changes)
    failing = ("error", "warning") if parsed.strict else ("error",)
    return EXIT_DATA if any(severity_of(kind) in failing for kind in counts) else EXIT_DONE


def _checker(parsed: argparse.Namespace) -> Checker:
    ignore = [name for name in parsed.ignore.split(",") if name]
    if parsed.model is not None:
        options = {name: getattr(parsed, name) for name in OPTIONS}
        return Checker(renderer_from(parsed), ignore=ignore, **options)
    for name in ("chat_template", "template_kwargs", "now"):
        if getattr(parsed, name) is not None:
            raise OptionsError(f"--{name.replace('_', '-')} needs --model")
    options = {name: getattr(parsed, name) for name in OPTIONS}
    given = {
        name: value
        for name, value in options.items()
        if name in options_with("reading") or value != _DEFAULTS[name]
    }
    return Checker(ignore=ignore, **given)


def _items(parsed: argparse.Namespace, checker: Checker) -> Iterator[Finding | Change]:
    if not parsed.fix:
        if parsed.output is not None:
            raise OptionsError("-o is for the copy that --fix makes")
        return (item for item in checker.check(parsed.inputs, limit=parsed.limit))
    if parsed.output is None or parsed.output == "-":
        raise OptionsError("--fix writes a corrected copy: name its file with -o")
    if parsed.limit is not None:
        raise OptionsError("--limit would cut the copy that --fix makes")
    return _copied(parsed, checker, _copy_path(parsed))


def _copy_path(parsed: argparse.Namespace) -> Path:
    names = read_by(parsed, resolve(parsed.inputs)[1])
    path = writable("-o", parsed.output, inputs=names, model=parsed.model)
    if path.suffix in PACKED:
        raise OptionsError(f"-o: {path}: the copy is not compressed; leave {path.suffix} out")
    return path


def _copied(parsed: argparse.Namespace, checker: Checker, path: Path) -> Iterator[Finding | Change]:
    with appearing(path) as temporary, temporary.open("wb") as output:
        yield from checker.fix(parsed.inputs, output)


def _summary(counts: collections.Counter[str], changes: int) -> None:
    if changes:
        say(f"fixed {changes:,}")
    for kind, count in sorted(counts.items(), key=_gravest_first):
        say(f"{severity_of(kind)}: {kind}: {count:,}")
    if not counts:
        say("nothing found")


def _gravest_first(counted: tuple[str, int]) -> tuple[int, int]:
    kind, count = counted
    return ("error", "warning", "note").index(severity_of(kind)), -count
