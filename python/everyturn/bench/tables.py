"""Comparisons and sweeps as tables for people.

In: a `Comparison` or a `Sweep`. Out: tables of rich; the command line prints them.
"""

from collections.abc import Sequence

from rich.table import Table

from everyturn.bench.benchmark import Comparison
from everyturn.bench.measure import Result
from everyturn.bench.sweep import Sweep
from everyturn.bench.tools.registry import EVERYTURN
from everyturn.control_characters import lines_shown
from everyturn.wording import counted

NOT_EQUAL = "not equal"


def comparison_table(comparison: Comparison) -> Table:
    """Return a row for each tool and number of threads."""
    table = Table(title=lines_shown(_title(comparison)), title_justify="left")
    table.add_column("tool")
    for heading in (
        "threads",
        "agrees",
        "MB/s",
        "MB/CPU-s",
        "chats/s",
        "tokens/s",
        "tokens/CPU-s",
        "+-%",
        "peak MB",
        "load s",
        "ratio",
        "ratio, CPU",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in comparison.results:
        rates = comparison.rates(result)
        table.add_row(
            result.tool,
            str(result.threads),
            comparison.checked[result.tool].agreement.share,
            _short(rates["megabytes_per_second"]),
            _short(rates["megabytes_per_cpu_second"]),
            _short(rates["conversations_per_second"]),
            _short(rates["tokens_per_second"]),
            _short(rates["tokens_per_cpu_second"]),
            f"{50 * result.spread:.0f}",
            _megabytes(result.peak_bytes),
            f"{result.load_seconds:.1f}",
            *_ratios(comparison, result),
        )
    return table


def stage_table(result: Result) -> Table:
    """Return a row for each stage of a tool that knows its own."""
    table = Table(title=f"stages of {result.tool}, one thread", title_justify="left")
    table.add_column("stage")
    for heading in ("ms", "share"):
        table.add_column(heading, justify="right")
    total = sum(result.stages.values())
    for name, seconds in result.stages.items():
        table.add_row(name, _short(seconds * 1e3), f"{seconds / total:.0%}")
    return table


def written_table(results: Sequence[Result]) -> Table:
    """Return a row for each pass into a Parquet file: what any number of threads can share, and what not."""
    table = Table(title="into a Parquet file, CPU-seconds of a pass", title_justify="left")
    for heading in ("threads", "any thread", "one thread", "share of one"):
        table.add_column(heading, justify="right")
    for result in results:
        serial, parallel = result.written["serial"], result.written["parallel"]
        share = f"{serial / (serial + parallel):.1%}"
        table.add_row(str(result.threads), _short(parallel), _short(serial), share)
    return table


def sweep_table(sweep: Sweep) -> Table:
    """Return a row for each step, with columns for each tool and number of threads."""
    of_turns = sweep.kind == "turns"
    what = "a conversation, by its turns" if of_turns else "a file, by its size"
    table = Table(title=f"cost of {what}; layout {sweep.layout}", title_justify="left")
    table.add_column("turns" if of_turns else "MB", justify="right")
    for series in sweep.series:
        mark = f", {NOT_EQUAL}" if series.is_equal is False else ""
        name = f"{series.tool} x{series.threads}{mark}\n"
        for heading in ("CPU-ms", "ms", "growth") if of_turns else ("CPU-s", "s", "growth"):
            table.add_column(name + heading, justify="right")
        if not of_turns:
            table.add_column(name + "peak MB", justify="right")
    scale = 1e3 if of_turns else 1.0
    for points in zip(*(series.points for series in sweep.series), strict=True):
        cells = [f"{points[0].amount:g}"]
        for point in points:
            cells += [_short(point.cpu * scale), _short(point.wall * scale)]
            cells.append("" if point.growth is None else f"{point.growth:.2f}")
            if not of_turns:
                cells.append(_megabytes(point.peak_bytes))
        table.add_row(*cells)
    return table


def _title(comparison: Comparison) -> str:
    corpus = comparison.corpus
    names = ", ".join(file.name for file in corpus.files)
    count = counted(len(comparison.timed), "conversation")
    if len(comparison.timed) < len(corpus.lines):
        count = f"the {count} of {len(corpus.lines):,} that all tools can do"
    return f"{names}: {count}, {len(comparison.timed_corpus.data) / 1e6:.2f} MB of JSONL"


def _ratios(comparison: Comparison, result: Result) -> tuple[str, str]:
    if result.tool == EVERYTURN:
        return "", ""
    if not comparison.is_equal(result.tool) or not comparison.is_equal(EVERYTURN):
        return NOT_EQUAL, NOT_EQUAL
    ours = comparison.ours(result)
    return f"{result.wall / ours.wall:.1f}x", f"{result.cpu / ours.cpu:.1f}x"


def _megabytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e6:,.0f}"


def _short(value: float) -> str:
    """Return a number with three digits that count.

    >>> _short(0.12345), _short(12.345), _short(1234.5), _short(1234567)
    ('0.123', '12.3', '1,234', '1,234,567')
    """
    if value >= 100:  # noqa: PLR2004 - from here on all digits are before the point
        return f"{value:,.0f}"
    return f"{value:.3g}"
