"""A page about a data set.

In: what was counted. Out: the text of an HTML file with a plot for each question, drawn as bars with their numbers
next to them, so that nothing has to be read off a scale.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from everyturn.html.shell import Section, page
from everyturn.options import Layout, TrainOn
from everyturn.stats.counts import Histogram, Stats
from everyturn.stats.max_length import BATCH, MaxLengthFigures, kept_by_max_length
from everyturn.wording import counted, percent

HERE = Path(__file__).parent

MOST_BARS = 10
"""So many causes, scripts or numbers have a bar of their own; the others share one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar of a plot.

    Attributes:
        label: What is counted.
        size: Its share of the longest bar, from 0 to 1.
        part: The share of the bar that is trained, from 0 to 1.
        number: The count, as it is written.
    """

    label: str
    size: float
    part: float
    number: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Bars below a question.

    Attributes:
        title: The question.
        words: What there is to see.
        bars: From top to bottom.
    """

    title: str
    words: str
    bars: tuple[Bar, ...]


def data_set_page(stats: Stats, *, source: str, model: str) -> str:
    """Return the page; source and model are named as they were asked for."""
    report = stats.variant.report
    context = {
        "lead": (
            f"Trained: {counted(report.targets_trained, 'assistant message')} of "
            f"{counted(report.records_kept, 'conversation')}, in "
            f"{counted(report.rows, 'sample')}: {report.trained_tokens:,} of {counted(report.tokens, 'token')} "
            f"({percent(report.trained_tokens, report.tokens)})."
        ),
        "source": source,
        "model": model,
        "layout": stats.layout,
        "train_on": stats.train_on,
        "notes": list(_notes(stats)),
        "plots": [plot for plot in _plots(stats) if plot.bars],
    }
    section = Section.from_folder(HERE, "data_set", title="Data set", data=None, context=context)
    return page(f"Data set: {Path(source).name}", [section])


def _notes(stats: Stats) -> Iterable[str]:
    """What is worth knowing and is not plotted."""
    if stats.duplicates:
        yield f"Duplicates of an earlier conversation: {stats.duplicates:,}."
    if stats.max_length is not None:
        over = stats.variant.lengths.above(stats.max_length)
        share = percent(over, stats.variant.lengths.total)
        yield f"Samples of more than {counted(stats.max_length, 'token')}: {over:,} ({share})."
    if trees := stats.variants.get(("tree", stats.train_on)):
        branches = trees.branches.sum / max(trees.branches.total, 1)
        longest = counted(trees.depths.quantile(1.0), "token")
        yield (
            f"In the layout tree a conversation has {branches:.1f} branches on average, at most "
            f"{trees.branches.quantile(1.0):,}; the longest of all has {longest}."
        )
    yield from (line.strip() for line in stats.variant.report.lines()[1:])


def _plots(stats: Stats) -> Iterable[Plot]:
    variant, report = stats.variant, stats.variant.report
    yield _variants_plot(
        stats,
        "What does an epoch cost in each layout?",
        "Tokens of all samples. Green: those that are trained. What merging saves is context that "
        "per_turn reads once for every answer; one rendering (conversation) is inexact where the "
        "template rewrites history.",
        {key: key[0] for key in stats.variants if key[1] == stats.train_on},
    )
    yield _variants_plot(
        stats,
        "What does each train_on train?",
        f"Tokens of all samples in the layout {stats.layout}. Green: those that are trained.",
        {key: key[1] for key in stats.variants if key[0] == stats.layout},
    )
    yield _counts(
        "Who wrote the text?",
        "Characters of contents by role. Green: assistants, whose messages can be trained.",
        stats.characters_by_role,
        trained={"assistant"},
    )
    yield _ranges(
        "How long are the samples?", f"Samples by tokens, layout {stats.layout}.", variant.lengths
    )
    yield _ranges(
        "How many answers has a conversation?",
        "Conversations by assistant messages.",
        stats.assistant_messages,
    )
    kept = list(kept_by_max_length(stats))
    yield _kept(kept, stats)
    yield _room(kept)
    yield _counts(
        "Which records were dropped?",
        "By cause, with the share of all records.",
        report.records_dropped,
        of=report.records_read,
    )
    yield _counts(
        "Which answers were dropped?",
        "By cause, with the share of all answers that were to be trained.",
        report.targets_dropped,
        of=report.targets_found,
    )
    yield _counts("Which scripts is the text written in?", "Letters of contents.", stats.letters)


def _variants_plot(
    stats: Stats, title: str, words: str, labels: Mapping[tuple[Layout, TrainOn], str]
) -> Plot:
    reports = {label: stats.variants[key].report for key, label in labels.items()}
    most = max((report.tokens for report in reports.values()), default=0)
    bars = [
        Bar(
            label=label,
            size=_part(report.tokens, most),
            part=_part(report.trained_tokens, report.tokens),
            number=f"{report.tokens:,}, trained {report.trained_tokens:,}; {counted(report.rows, 'sample')}",
        )
        for label, report in reports.items()
    ]
    return Plot(title=title, words=words, bars=tuple(bars))


def _counts(
    title: str,
    words: str,
    counts: Mapping[str, int],
    *,
    trained: Iterable[str] = (),
    of: int | None = None,
) -> Plot:
    """Draw a bar for each name, the most frequent first, with its share of a number or of their sum."""
    often = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(count for _, count in often[MOST_BARS:])
    named = [*often[:MOST_BARS], ("others", rest)] if rest else often
    most, total = max(counts.values(), default=0), of or sum(counts.values())
    bars = [
        Bar(
            label=name,
            size=_part(count, most),
            part=float(name in trained),
            number=f"{count:,} ({percent(count, total)})",
        )
        for name, count in named
    ]
    return Plot(title=title, words=words, bars=tuple(bars))


def _ranges(title: str, words: str, numbers: Histogram) -> Plot:
    """Draw a bar for each number where they are few, else for numbers up to each power of two."""
    ranges: dict[str, int] = {}
    for number, count in numbers.counts.items():
        top = 1 << max(0, number - 1).bit_length()
        name = f"{number:,}" if len(numbers.counts) <= MOST_BARS else f"up to {top:,}"
        ranges[name] = ranges.get(name, 0) + count
    most = max(ranges.values(), default=0)
    bars = [
        Bar(
            label=name,
            size=_part(count, most),
            part=0.0,
            number=f"{count:,} ({percent(count, numbers.total)})",
        )
        for name, count in ranges.items()
    ]
    middle, high = numbers.quantile(0.5), numbers.quantile(0.99)
    return Plot(
        title=title,
        words=f"{words} Half have at most {middle:,}, 99 % at most {high:,}.",
        bars=tuple(bars),
    )


def _kept(kept: Iterable[MaxLengthFigures], stats: Stats) -> Plot:
    bars = [
        Bar(
            label=f"{one.max_length:,}",
            size=one.share,
            part=1.0,
            number=f"{percent(one.share)}; {counted(one.lost, 'answer')} lost",
        )
        for one in kept
    ]
    return Plot(
        title="Which max_length keeps what?",
        words=f"Trained tokens by max_length, layout {stats.layout}: what is longer is "
        "dropped, or made shorter as overflow says.",
        bars=tuple(bars),
    )


def _room(kept: Iterable[MaxLengthFigures]) -> Plot:
    bars = [
        Bar(
            label=f"{one.max_length:,}",
            size=one.padding,
            part=0.0,
            number=f"{percent(one.padding, digits=0)}; {counted(one.packs, 'pack')}, {percent(one.full)} full",
        )
        for one in kept
    ]
    return Plot(
        title="How much is padding?",
        words=f"The share of padding in batches of {BATCH} samples that are drawn by chance, by max_length; "
        "next to it what packing makes of the same samples.",
        bars=tuple(bars),
    )


def _part(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
