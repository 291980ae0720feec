"""Samples and reports in a notebook: what is trained is marked as `terminal` marks it.

In: samples as `Expander.expand` gives them, or the lines of a report. Out: HTML. Of a sample only ids and labels are
known, and by the renderer their text: who wrote its context is shown by `everyturn inspect`, which reads the record.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from everyturn.html.fragment import COLUMNS, fragment
from everyturn.inspect.characters import cut, printable
from everyturn.inspect.inspection import Message, Run
from everyturn.inspect.screen import ScreenLine, StyledText, lines_of_runs
from everyturn.inspect.terminal import STYLES, margin_columns, report_lines, screen_line
from everyturn.renderer import Renderer
from everyturn.samples import IGNORE_INDEX, Sample, Samples
from everyturn.stats import Stats
from everyturn.wording import counted, percent

SHOWN_SAMPLES = 10
FIRST_LINES, LAST_LINES = 4, 8
"""How much is shown of context: how it begins, and what is right before an answer."""

ANSWER_COLUMNS = 48


def sample_html(sample: Sample) -> str:
    """Show a sample: its text with what is trained marked; only numbers where no renderer is known."""
    return fragment([Text(_title(sample), style="bold"), *_lines(sample)])


def samples_html(samples: Samples) -> str:
    """Show the first samples as rows of a table."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in ("", "line", "messages", "tokens", "trained"):
        style = STYLES["trained"] if name == "trained" else ""
        table.add_column(name, justify="right", style=style, no_wrap=True)
    table.add_column("trained text", no_wrap=True)
    for at, sample in enumerate(itertools.islice(samples, SHOWN_SAMPLES)):
        table.add_row(
            str(at),
            str(sample.line),
            _messages(sample),
            f"{len(sample.input_ids):,}",
            f"{sample.trained_tokens:,}",
            Text(_answer(sample), style=STYLES["trained"]),
        )
    left = len(samples) - SHOWN_SAMPLES
    more = [Text(f"and {counted(left, 'sample')} more")] if left > 0 else []
    shown: list[RenderableType] = [Text(repr(samples), style="bold"), table, *more]
    return fragment(shown)


def stats_html(stats: Stats) -> str:
    """Show what an epoch costs in each layout, and the report of the given one."""
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    table.add_column("layout")
    for name in ("samples", "tokens", "trained", "share", "median", "longest"):
        table.add_column(name, justify="right", no_wrap=True)
    for (layout, train_on), variant in stats.variants.items():
        if train_on == stats.train_on:
            report, lengths = variant.report, variant.lengths
            numbers = (report.rows, report.tokens, report.trained_tokens)
            table.add_row(
                Text(layout, style="bold" if layout == stats.layout else ""),
                *(f"{number:,}" for number in numbers),
                percent(report.trained_tokens, report.tokens),
                *(f"{lengths.quantile(share):,}" for share in (0.5, 1.0)),
            )
    lines = report_lines(stats.variant.report.lines(), COLUMNS)
    return fragment([Text(repr(stats), style="bold"), table, *lines])


def lines_html(lines: Iterable[str]) -> str:
    """Show the lines of a report as the command line does."""
    return fragment(report_lines(lines, COLUMNS))


def _title(sample: Sample) -> str:
    trained, tokens = sample.trained_tokens, len(sample.input_ids)
    share = percent(trained, tokens)
    return printable(
        f"{sample.file}:{sample.line}, messages {_messages(sample)}: "
        f"{counted(tokens, 'token')}, {trained:,} trained ({share})"
    )


def _messages(sample: Sample) -> str:
    return ", ".join(map(str, sample.targets.tolist()))


def _answer(sample: Sample) -> str:
    """How what is trained begins."""
    if sample.renderer is None:
        return ""
    first = sample.trained_ids[:ANSWER_COLUMNS]
    return cut(printable(sample.renderer.decode(first)), ANSWER_COLUMNS)


def _lines(sample: Sample) -> Iterator[Text]:
    if sample.renderer is None:
        yield Text("its text is shown where its renderer is known: as `Expander.expand` gives it")
        return
    runs = list(runs_of(sample, sample.renderer))
    # Those that are trained are the assistant's; of others nothing is known.
    count = 1 + max((run.target for run in runs if run.target is not None), default=0)
    messages = [Message("assistant", None, "", 0, "trained")] * count
    labels = max((len(f"assistant {at}") for at in sample.targets.tolist()), default=0)
    lines = lines_of_runs(runs, messages, COLUMNS - margin_columns(labels))
    for line in _without_long_context(lines):
        yield screen_line(line, labels)


def runs_of(sample: Sample, renderer: Renderer) -> Iterator[Run]:
    """Cut a sample where training begins and ends, and before each stop token that is trained."""
    trained = sample.labels != IGNORE_INDEX
    stops = trained & np.isin(sample.input_ids, renderer.stop_token_ids)
    # Tokens of one kind have one number: context 0, trained 1, a stop token 2.
    kinds = trained.astype(np.int8) + stops
    borders = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    ends = np.flatnonzero(np.diff(trained.astype(np.int8), append=0) == -1)
    # Where each stretch is one message's, as everywhere but with `all_tokens` and in trees.
    is_told = len(ends) == len(sample.targets)
    for start, end in itertools.pairwise(borders):
        if start == end:
            continue
        at = int(np.searchsorted(ends, start))
        yield Run(
            start=start,
            end=end,
            text=_text(sample, renderer, start, end),
            origin="template",
            message=None,
            kind="words" if trained[start] else "template",
            trained=bool(trained[start]),
            target=int(sample.targets[at]) if trained[start] and is_told else None,
            is_stop=bool(stops[start]),
        )


def _text(sample: Sample, renderer: Renderer, start: int, end: int) -> str:
    """Decode some tokens as they are after the one before: some tokenizers leave out the first space of a text."""
    before = sample.input_ids[max(start - 1, 0) : start]
    text = renderer.decode(sample.input_ids[start - len(before) : end])
    known = renderer.decode(before)
    return (
        text[len(known) :]
        if text.startswith(known)
        else renderer.decode(sample.input_ids[start:end])
    )


def _without_long_context(lines: Iterable[ScreenLine]) -> Iterator[ScreenLine]:
    for trained, group in itertools.groupby(lines, key=lambda line: line.trained):
        alike = list(group)
        left_out = len(alike) - FIRST_LINES - LAST_LINES
        if trained or left_out <= 1:
            yield from alike
            continue
        yield from alike[:FIRST_LINES]
        words = StyledText(f"… {counted(left_out, 'line')} of context", "template")
        yield ScreenLine(trained=False, label="", pieces=(words,))
        yield from alike[-LAST_LINES:]
