"""An inspection in a terminal.

In: an inspection and a number of columns. Out: lines of text with styles, none wider than that, that say as much
without their colours. What a chat holds cannot steer the terminal: `characters` sees to that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.text import Text

from everyturn.faults import Notes
from everyturn.inspect.branches import branches, words_of
from everyturn.inspect.characters import clusters, cut, printable, width
from everyturn.inspect.compare import Comparison, Difference
from everyturn.inspect.inspection import Cell, Inspection, Message, Sample, part_of
from everyturn.inspect.screen import (
    BARS,
    TRAINED,
    ScreenLine,
    StyledText,
    StyleName,
    style_of,
    wrapped_lines,
)
from everyturn.wording import counted, percent

STYLES: dict[StyleName, str] = {
    "system": "magenta",
    "developer": "magenta",
    "user": "cyan",
    "assistant": "blue",
    "tool": "yellow",
    "tools": "yellow",
    "record": "yellow",
    "template": "bright_black",
    "control": "bright_black",
    "trained": "bold green",
    "trained template": "green",
    "stop": "bold reverse green",
    "mark": "bold red",
}
"""What each style is in a terminal."""

WARNING = "yellow"
"""The style of what is lost, and of what is worth knowing."""

LEAST_COLUMNS = 40
"""A narrower terminal wraps by itself."""

INDENT = 2
SHARED_CHARACTERS = 24
"""How much of what two texts share is shown before the place where they part."""


def inspection_lines(
    inspection: Inspection, columns: int, *, tokens: bool = False, notes: Notes | None = None
) -> Iterator[Text]:
    """Show what is lost of a record, its samples, what they count, and why each message is trained or not."""
    columns = max(columns, LEAST_COLUMNS)
    yield from _head(inspection, columns)
    show = _token_lines if tokens else _sample_lines
    if inspection.options["layout"] == "tree":
        yield from _tree(inspection, columns, show)
    else:
        for at, sample in enumerate(inspection.samples):
            yield Text()
            yield from _rule(_title(at, inspection), columns)
            yield from show(sample, inspection.messages, columns)
    yield Text()
    yield from _rule("messages", columns)
    for at, message in enumerate(inspection.messages):
        why = message.why(inspection.report.train_on, inspection.options["layout"])
        yield from _message_lines(at, message, why, columns)
    yield from _notes(inspection, notes, columns)


def _tree(
    inspection: Inspection,
    columns: int,
    show: Callable[[Sample, Sequence[Message], int], Iterator[Text]],
) -> Iterator[Text]:
    """Show each path from where it branches off: what it shares with an earlier one is shown there."""
    samples, messages = inspection.samples, inspection.messages
    for at, branch in enumerate(branches(samples)):
        indent = " " * min(INDENT * branch.depth, (columns - LEAST_COLUMNS) // 2)
        left = columns - len(indent)
        where = wrap(words_of(branch, samples, messages), left, style=STYLES["template"])
        yield Text()
        for line in [
            *_rule(_title(at, inspection), left),
            *where,
            *show(branch.rest, messages, left),
        ]:
            yield Text(indent).append_text(line)


def _head(inspection: Inspection, columns: int) -> Iterator[Text]:
    options, trained = inspection.options, _trained(inspection.messages)
    what = f"{counted(len(inspection.messages), 'message')}, trained: {trained}"
    yield from wrap(f"{inspection.name}: {what}", columns, style="bold")
    yield from _losses(inspection, columns)
    samples = counted(len(inspection.samples), part_of(options["layout"]))
    if options["layout"] == "tree":
        samples = f"{counted(inspection.report.rows, 'sample')} with {samples}"
    arranged = f"{samples}, layout {options['layout']}, train_on {options['train_on']}"
    yield from wrap(arranged, columns)
    yield from _legend(columns)


def _losses(inspection: Inspection, columns: int) -> Iterator[Text]:
    """What is not trained though it was to be, before anything that is: a kind once, with its first reason."""
    remarks = [(at, text) for at, texts in inspection.remarks.items() for text in texts]
    for word, losses in (("dropped", inspection.dropped.items()), ("warning", remarks)):
        kinds: dict[str, list[tuple[int, str]]] = {}
        for at, text in losses:
            kinds.setdefault(text.partition(":")[0], []).append((at, text))
        for same in kinds.values():
            numbers, why = ", ".join(str(at) for at, _ in same), same[0][1]
            where = f"messages {numbers}: first" if len(same) > 1 else f"message {numbers}:"
            yield from wrap(f"{word}: {where} {why}", columns, style=WARNING)


def _legend(columns: int) -> Iterator[Text]:
    styles: tuple[StyleName, ...] = ("system", "user", "assistant", "tool", "template")
    items = [(f"{TRAINED} {BARS[True]} trained", STYLES["trained"]), ("stop token", STYLES["stop"])]
    items += [(f" {BARS[False]} context:", ""), *((name, STYLES[name]) for name in styles)]
    line = Text()
    for text, style in items:
        if line.cell_len + 1 + len(text) > columns:
            yield line
            line = Text()
        line.append(" " if line else "").append(text, style)
    yield line


def _trained(messages: Sequence[Message]) -> str:
    trained = [str(at) for at, message in enumerate(messages) if message.is_trained]
    return ", ".join(trained) or "none"


def _title(at: int, inspection: Inspection) -> str:
    sample = inspection.samples[at]
    count, trained = len(sample.ids), sample.trained_tokens
    share = percent(trained, count)
    part = part_of(inspection.options["layout"])
    return f"{part} {at}: {counted(count, 'token')}, {trained:,} trained ({share})"


def _rule(title: str, columns: int) -> Iterator[Text]:
    text = Text(f"── {cut(printable(title), columns - 4)} ", style="bold")
    text.append("─" * (columns - text.cell_len), style="bright_black")
    yield text


def _sample_lines(sample: Sample, messages: Sequence[Message], columns: int) -> Iterator[Text]:
    labels = _label_columns(messages)
    for line in wrapped_lines(sample, messages, columns - margin_columns(labels)):
        yield screen_line(line, labels)


def _label_columns(messages: Sequence[Message]) -> int:
    return max(len(f"{message.role} {at}") for at, message in enumerate(messages))


def margin_columns(labels: int) -> int:
    """Return how many columns stand before the text of a line whose label has at most so many."""
    return len(ScreenLine(trained=False, label="", pieces=()).margin(labels))


def screen_line(line: ScreenLine, labels: int) -> Text:
    """Return a line with its margin, in which the label has `labels` columns."""
    text = Text(line.margin(labels), style=STYLES["trained"] if line.trained else "")
    return _with_pieces(text, line.pieces)


def _with_pieces(text: Text, pieces: Sequence[StyledText]) -> Text:
    whole = Text()
    whole.append_text(text)
    for piece in pieces:
        whole.append(piece.text, STYLES[piece.style])
    return whole


def _token_lines(sample: Sample, messages: Sequence[Message], columns: int) -> Iterator[Text]:
    """Each token in a column of its own: its text, and its id under it."""
    labels = _label_columns(messages)
    left = columns - margin_columns(labels)
    for run in sample.runs:
        label = "" if run.owner is None else f"{messages[run.owner].role} {run.owner}"
        line = ScreenLine(run.trained, label, ())
        top, bottom = Text(), Text()
        for cell in sample.cells_in(run.start, run.end):
            shown, ids = cut(printable(cell.text, spaces=True), left - 2), _ids(sample, cell)
            ids = cut(ids, left - 2)
            needed = max(width(shown), len(ids)) + 1
            if top.plain and width(top.plain) + needed > left:
                yield from _token_line(line, labels, top, bottom)
                line, top, bottom = ScreenLine(run.trained, "", ()), Text(), Text()
            top.append(shown + " " * (needed - 1 - width(shown)), STYLES[style_of(run, messages)])
            top.append(BARS[False], STYLES["template"])
            bottom.append(f"{ids:<{needed}}", STYLES["template"])
        yield from _token_line(line, labels, top, bottom)


def _ids(sample: Sample, cell: Cell) -> str:
    return "+".join(str(token) for token in sample.ids[cell.start : cell.end])


def _token_line(line: ScreenLine, labels: int, top: Text, bottom: Text) -> Iterator[Text]:
    yield screen_line(line, labels).append_text(top)
    yield screen_line(ScreenLine(line.trained, "", ()), labels).append_text(bottom)


def _message_lines(at: int, message: Message, words: str, columns: int) -> Iterator[Text]:
    head = f"{TRAINED if message.is_trained else ' '} {at:>3} {message.role:<9} "
    style = STYLES["trained"] if message.is_trained else ""
    if message.fault is not None or message.remarks:
        style = WARNING
    why = wrap(words, columns - len(head), style=style)
    calls = counted(message.tool_calls, "tool call") if message.tool_calls else ""
    says = message.excerpt or calls
    lines = list(why)
    left = columns - len(head) - lines[0].cell_len - INDENT
    for number, line in enumerate(lines):
        text = Text(head if number == 0 else " " * len(head)).append_text(line)
        if number == 0 and len(lines) == 1 and left >= SHARED_CHARACTERS // 2:
            text.append(" " * INDENT + cut(printable(says), left), style="bright_black")
        yield text


def _notes(inspection: Inspection, notes: Notes | None, columns: int) -> Iterator[Text]:
    yield Text()
    yield from report_lines(inspection.report.lines(notes), columns)
    if inspection.error is not None:
        words = f"expand would end here: {inspection.error.kind}: {inspection.error.text}"
        yield from wrap(words, columns, style=STYLES["mark"])


def report_lines(lines: Iterable[str], columns: int) -> Iterator[Text]:
    """Show the lines of a report, in another colour what is lost and what is worth knowing."""
    style = ""
    for line in lines:
        # What is indented belongs to the line before.
        if not line.startswith(" "):
            style = WARNING if line.startswith(("warning", "dropped", "fault")) else ""
        indent = line[: len(line) - len(line.lstrip())]
        for part in wrap(line.strip(), columns - len(indent), style=style):
            yield Text(indent) + part


def comparison_lines(
    comparisons: Sequence[Comparison], messages: Sequence[Message], columns: int
) -> Iterator[Text]:
    """Show where one rendering with a mask trains something else than inference shows."""
    columns = max(columns, LEAST_COLUMNS)
    yield from _rule("compared with one rendering and a mask", columns)
    differing = [each for each in comparisons if not each.is_same]
    yield from wrap(
        f"{len(differing)} of {counted(len(comparisons), 'target')} differ from what a server shows and a model writes",
        columns,
        style=STYLES["mark"] if differing else STYLES["trained"],
    )
    for each in comparisons:
        yield Text()
        yield from _compared(each, messages, columns)


def _compared(each: Comparison, messages: Sequence[Message], columns: int) -> Iterator[Text]:
    mark, style = ("=", STYLES["trained"]) if each.is_same else ("≠", STYLES["mark"])
    name = f"{mark} {messages[each.message].role} {each.message}: "
    if each.exact is None:
        yield from wrap(f"{name}not trained; one rendering would train it", columns, style=style)
        return
    if each.one_render is None:
        yield from wrap(f"{name}the one rendering does not hold it", columns, style=style)
        return
    if each.is_same:
        yield from wrap(f"{name}same prompt, same completion", columns, style=style)
        return
    same = {"prompt": each.same_prompt, "completion": each.same_completion}
    parts = [what for what, is_same in same.items() if not is_same]
    verb = "differs" if len(parts) == 1 else "differ"
    yield from wrap(f"{name}the {' and the '.join(parts)} {verb}", columns, style=style)
    if not each.same_prompt:
        yield from _parted("prompt", each.difference("prompt"), columns)
    if not each.same_completion:
        yield from _parted("completion", each.difference("trained"), columns)


def _parted(what: str, found: Difference | None, columns: int) -> Iterator[Text]:
    if found is None:
        yield from wrap(f"  {what}: the same text in other tokens", columns)
        return
    for name, rest in (("exact", found.exact), ("one rendering", found.one_render)):
        text = Text(f"  {what:<10} {name:<13} ")
        shared = found.shared[-SHARED_CHARACTERS:]
        text.append(printable(shared, spaces=True)[-SHARED_CHARACTERS:], STYLES["template"])
        text.append("▸", STYLES["mark"])
        shown = printable(rest[:columns], spaces=True) if rest else "(ends)"
        left = columns - width(text.plain)
        text.append(cut(shown, max(left, 1)), STYLES["trained" if what == "completion" else "user"])
        yield text


def wrap(words: str, columns: int, *, style: str = "") -> Iterator[Text]:
    """Cut words into lines of at most `columns` columns."""
    line = ""
    for word in printable(words).split(" "):
        joined = f"{line} {word}" if line else word
        if width(joined) <= columns:
            line = joined
            continue
        if line:
            yield Text(line, style=style)
        line = ""
        for cluster in clusters(word):
            if line and width(line + cluster) > columns:
                yield Text(line, style=style)
                line = ""
            line += cluster
    yield Text(line, style=style)
