"""``everyturn inspect``: what is trained of a conversation, in a terminal, as data or as a page."""

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from everyturn.atomic import write_text
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say
from everyturn.cli.options import (
    add_expander_flags,
    add_model_flags,
    expander_from,
    read_by,
)
from everyturn.cli.outputs import PAGE, output
from everyturn.exceptions import OptionsError
from everyturn.wording import counted

if TYPE_CHECKING:
    from everyturn.expander import Expander
    from everyturn.io.records import Record

EXAMPLES = """\
examples:
  everyturn inspect chats.jsonl:12 --model path/to/model
  everyturn inspect chats.jsonl:12 --model path/to/model --compare conversation
  everyturn inspect chats.jsonl --model path/to/model --html report.html

exit codes: 0 shown, 1 expand would end at this record, 2 wrong use
"""

SAMPLE = 20
"""How many conversations are on a page by default."""

SEED = 0
"""The seed that chooses them by default."""


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="show what is trained of a conversation, and why",
        description="Show what is trained of a conversation, and why: in the terminal, as data, or as a page.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file_argument(
        parser,
        "source",
        metavar="FILE[:LINE]",
        help='a file and a line of it (default: the first record); "-" for stdin; may be compressed',
    )
    parser.add_argument("--tokens", action="store_true", help="show each token with its id")
    parser.add_argument(
        "--compare",
        choices=("conversation",),
        help="show where one rendering with a mask would train something else",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_file_argument(parser, "--html", help="write a page to open in a browser")
    parser.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help=f"with --html and no LINE: number of randomly chosen conversations (default: {SAMPLE})",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help=f"the seed of that choice (default: {SEED})"
    )
    add_model_flags(parser)
    add_expander_flags(parser)


def run(parsed: argparse.Namespace) -> int:
    """Show what is trained of a conversation."""
    _check(parsed)
    expander = expander_from(parsed)
    return _page(parsed, expander) if parsed.html else _shown(parsed, expander)


def _check(parsed: argparse.Namespace) -> None:
    if parsed.html and (parsed.json or parsed.tokens or parsed.compare):
        raise OptionsError(
            "--html: the page shows tokens and layouts already: leave --json, --tokens and --compare out"
        )
    if not parsed.html and not (parsed.sample is None and parsed.seed is None):
        raise OptionsError(
            "--sample and --seed choose the conversations of a page: use them with --html"
        )
    if parsed.json and parsed.tokens:
        raise OptionsError("--json has the tokens already: leave --tokens out")
    if parsed.sample is not None and parsed.sample < 1:
        raise OptionsError(f"--sample must be 1 or more, not {parsed.sample}")


def _shown(parsed: argparse.Namespace, expander: "Expander") -> int:
    from everyturn.inspect import pick

    records = pick.records_at(expander, *pick.file_and_line(parsed.source))
    codes = []
    for number, record in enumerate(records, start=1):
        if len(records) > 1 and not parsed.json:
            print(f"== conversation {number} of {len(records)} in a tree of messages")  # noqa: T201
        codes.append(_show(parsed, expander, record))
    return max(codes, default=EXIT_DONE)


def _show(parsed: argparse.Namespace, expander: "Expander", record: "Record") -> int:
    from everyturn.cures import notes_on
    from everyturn.inspect import compare
    from everyturn.inspect.inspection import inspect_record

    explanation = inspect_record(expander, record)
    comparisons = None
    if parsed.compare:
        _, comparisons = compare.compare(expander, record)
    if parsed.json:
        plain = explanation.to_dict()
        if comparisons is not None:
            plain["comparison"] = [each.to_dict() for each in comparisons]
        print(json.dumps(plain, ensure_ascii=False))  # noqa: T201
    else:
        notes = notes_on(expander, explanation.report.faults, [record])
        _print(explanation, comparisons, notes, tokens=parsed.tokens)
    return EXIT_DONE if explanation.error is None else EXIT_DATA


def _print(explanation: Any, comparisons: Any, notes: Any, *, tokens: bool) -> None:
    from rich.console import Console

    from everyturn.inspect import terminal

    columns = shutil.get_terminal_size((80, 0)).columns
    # What the terminal's encoding lacks is escaped: a chat may hold anything.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    console = Console(highlight=False, soft_wrap=True)
    for text in terminal.inspection_lines(explanation, columns, tokens=tokens, notes=notes):
        console.print(text, soft_wrap=True)
    if comparisons is not None:
        console.print()
        for text in terminal.comparison_lines(comparisons, explanation.messages, columns):
            console.print(text, soft_wrap=True)


def _page(parsed: argparse.Namespace, expander: "Expander") -> int:
    from everyturn.inspect import pick
    from everyturn.inspect.page.conversations import conversations_page

    source, number = pick.file_and_line(parsed.source)
    inputs = read_by(parsed, [source])
    path = output("--html", parsed.html, PAGE, inputs=inputs, model=parsed.model)
    if number is None:
        sample = SAMPLE if parsed.sample is None else parsed.sample
        lines, count = pick.random_records(expander, source, sample, parsed.seed or SEED)
    elif parsed.sample is None and parsed.seed is None:
        lines = pick.records_at(expander, source, number)
        count = len(lines)
    else:
        raise OptionsError(
            "--sample and --seed choose lines, and the source names one: remove either"
        )
    text = conversations_page(expander, lines, model=parsed.model, of=count)
    write_text(path, text)
    say(f"{path}: {len(lines)} of {counted(count, 'conversation')}, {len(text.encode()):,} bytes")
    return EXIT_DONE
