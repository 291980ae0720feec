"""``everyturn stats``: what a data set is made of, and what each way to train it costs."""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everyturn.atomic import write_text
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, progress, say
from everyturn.cli.options import (
    add_expander_flags,
    add_inputs,
    add_model_flags,
    expander_from,
    read_by,
)
from everyturn.cli.outputs import PAGE, output
from everyturn.control_characters import lines_shown
from everyturn.expander import options_with
from everyturn.io.inputs import paths_of, total_bytes
from everyturn.stats import (
    QUANTILES,
    Histogram,
    Stats,
    Variant,
    kept_by_max_length,
    packed_rows,
)
from everyturn.stats.max_length import BATCH
from everyturn.wording import counted, percent

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = """\
examples:
  everyturn stats chats.jsonl --model path/to/model --max-length 4096
  everyturn stats 'chats/*.jsonl.zst' --model demo --layout per_turn --html stats.html

exit codes: 0 done, 1 no conversation could be read, 2 wrong use
"""

WIDTH = 80
"""Columns where there is no terminal."""

SHOWN_SCRIPTS = 6

TEN_MILLIONS = 10_000_000


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="count messages, tokens, lengths and duplicates, for every layout and train_on",
        description="Count messages, tokens, lengths, duplicates, and what an epoch costs in each layout and train_on.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_file_argument(parser, "--html", help="write a page of plots, too")
    add_model_flags(parser)
    # Of the others: faults and duplicates are counted, weights change no count.
    add_expander_flags(parser, names=options_with("per_record"))


def run(parsed: argparse.Namespace) -> int:
    """Count, and show what was found."""
    names = paths_of(parsed.inputs)
    page = None
    if parsed.html:
        inputs = read_by(parsed, names)
        page = output("--html", parsed.html, PAGE, inputs=inputs, model=parsed.model)
    expander = expander_from(parsed)
    total = total_bytes(names)
    with progress(total) as advance:
        stats = expander.stats(parsed.inputs, limit=parsed.limit, on_bytes=advance)
    if parsed.json:
        print(json.dumps(stats.to_dict(), ensure_ascii=False))  # noqa: T201
    else:
        _show(stats)
    if page is not None:
        _write_page(page, stats, parsed)
    return EXIT_DONE if stats.variant.report.trained_tokens else EXIT_DATA


def _write_page(path: Path, stats: Stats, parsed: argparse.Namespace) -> None:
    from everyturn.stats.page.data_set import data_set_page

    text = data_set_page(stats, source=", ".join(parsed.inputs), model=parsed.model)
    write_text(path, text)
    say(f"{path}: {len(text.encode()):,} bytes")


def _show(stats: Stats) -> None:
    from rich.console import Console

    width = shutil.get_terminal_size((WIDTH, 0)).columns if sys.stdout.isatty() else WIDTH
    console = Console(width=width, highlight=False)
    for line in _lines(stats):
        console.print(lines_shown(line), markup=False, soft_wrap=True)
    tables = [_roles(stats), _lengths(stats), _variants(stats), _max_lengths(stats)]
    if ("tree", stats.train_on) in stats.variants:
        tables.append(_trees(stats))
    if stats.max_length is not None:
        tables.append(_packing(stats, stats.max_length))
    for table in tables:
        console.print()
        console.print(table)


def _lines(stats: Stats) -> Iterable[str]:
    """What needs no table: records, duplicates, scripts, and what is worth knowing."""
    report = stats.variant.report
    yield f"{counted(report.records_read, 'record')}, {counted(stats.conversations, 'conversation')}"
    if stats.duplicates:
        yield f"duplicates of an earlier conversation: {stats.duplicates:,}"
    yield "letters: " + (_scripts(stats.letters) or "none")
    yield from report.lines()
    if report.faults:
        yield "faults are counted here; `everyturn expand` ends at the first one that no option skips"


def _scripts(letters: Mapping[str, int]) -> str:
    total = sum(letters.values())
    often = sorted(letters.items(), key=lambda item: -item[1])
    shown = [f"{script} {percent(count, total)}" for script, count in often[:SHOWN_SCRIPTS]]
    rest = sum(count for _, count in often[SHOWN_SCRIPTS:])
    return ", ".join([*shown, f"others {percent(rest, total)}"] if rest else shown)


def _roles(stats: Stats) -> "Table":
    rows = [
        (role, _number(count), _number(stats.characters_by_role.get(role, 0)))
        for role, count in stats.messages_by_role.items()
    ]
    return _table("Messages", ("role", "messages", "characters"), rows)


def _lengths(stats: Stats) -> "Table":
    rows = [
        _quantiles("messages", stats.messages),
        _quantiles("assistant messages", stats.assistant_messages),
        _quantiles(f"tokens, {stats.layout}", stats.variant.lengths),
    ]
    return _table("Lengths of conversations and samples", QUANTILE_COLUMNS, rows)


QUANTILE_COLUMNS = ("", "least", "median", "90 %", "99 %", "most", "mean")


def _quantiles(name: str, numbers: Histogram) -> tuple[str, ...]:
    quantiles = (numbers.quantile(share) for share in QUANTILES)
    mean = numbers.sum / numbers.total if numbers.total else 0.0
    return name, *map(_number, quantiles), f"{mean:,.1f}"


def _trees(stats: Stats) -> "Table":
    """How the trees of conversations look, and what they save."""
    trees = stats.variants["tree", stats.train_on]
    repeated = trees.report.warnings.get("positions_repeated", 0)
    words = [f"Trees, {stats.train_on}"]
    if merged := stats.variants.get(("merged", stats.train_on)):
        times = merged.report.tokens / max(trees.report.tokens, 1)
        words.append(f"{times:.1f} times fewer tokens than merged")
    words.append(f"{counted(repeated, 'position')} repeated")
    rows = [
        _quantiles("tokens of a tree", trees.lengths),
        _quantiles("branches", trees.branches),
        _quantiles("tokens of the longest", trees.depths),
    ]
    return _table("; ".join(words), QUANTILE_COLUMNS, rows)


def _max_lengths(stats: Stats) -> "Table":
    """What each max_length keeps of the given layout and train_on."""
    rows = [
        (
            f"{kept.max_length:,}",
            _number(kept.trained_tokens),
            percent(kept.share),
            _number(kept.lost),
            _number(kept.samples),
            _number(kept.packs),
            percent(kept.full),
            percent(kept.padding, digits=0),
        )
        for kept in kept_by_max_length(stats)
    ]
    columns = (
        "max_length",
        "trained",
        "kept",
        "lost",
        "samples",
        "packs",
        "full",
        "padding",
    )
    return _table(f"What max_length keeps; padding: of {BATCH} samples", columns, rows)


def _variants(stats: Stats) -> "Table":
    def row(variant: Variant) -> tuple[str, ...]:
        report = variant.report
        numbers = (report.rows, report.tokens, report.trained_tokens)
        share = percent(report.trained_tokens, report.tokens)
        return *map(_number, numbers), share, _number(variant.lengths.quantile(1.0))

    return _by_layout(stats, "An epoch", ("samples", "tokens", "trained", "share", "longest"), row)


def _packing(stats: Stats, limit: int) -> "Table":
    """Rows over the limit, and what packing makes of the others."""

    def row(variant: Variant) -> tuple[str, ...]:
        lengths = variant.lengths
        packs = packed_rows(lengths, limit)
        fitting = sum(number * count for number, count in lengths.counts.items() if number <= limit)
        over = lengths.above(limit)
        full = percent(fitting, packs * limit)
        return _number(over), percent(over, lengths.total), _number(packs), full

    columns = ("longer", "share", "packs of the others", "full")
    return _by_layout(stats, f"Samples of at most {counted(limit, 'token')}", columns, row)


def _by_layout(
    stats: Stats, title: str, columns: Iterable[str], row: Callable[[Variant], tuple[str, ...]]
) -> "Table":
    """A row for each train_on, below the name of its layout."""
    rows: list[tuple[str, ...]] = []
    for (layout, train_on), variant in stats.variants.items():
        if (layout,) not in rows:
            rows.append((layout,))
        rows.append((f"  {train_on}", *row(variant)))
    return _table(title, ("", *columns), rows)


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _number(number: int) -> str:
    """All digits of a number below ten millions, else millions: a column has its limits, and ``--json`` has none."""
    return f"{number:,}" if number < TEN_MILLIONS else f"{number / 1e6:,.1f} M"
