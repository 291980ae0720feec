"""A page about conversations.

In: an expander and lines. Out: the text of an HTML file with every layout and every ``train_on`` of each conversation,
computed beforehand. Rows that begin alike are held once: most layouts show the same tokens.
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias, get_args

from everyturn.control_characters import shown
from everyturn.exceptions import EveryturnError, OptionsError
from everyturn.expander import Expander
from everyturn.html.shell import Section, page
from everyturn.inspect.branches import branches, words_of
from everyturn.inspect.inspection import Inspection, Message, Run, Sample, inspect_record
from everyturn.io.records import Record
from everyturn.options import Layout, TrainOn
from everyturn.report_text import warning_line
from everyturn.wording import counted

HERE = Path(__file__).parent
KINDS = {"words": 0, "template": 1, "control": 2}
AS_THEY_ARE = "\n\t "
"""Characters that the page shows in its own way."""

Stretch: TypeAlias = tuple[int, int | str | None, int]
"""So many tokens, who wrote them, and their kind."""


def conversations_page(expander: Expander, lines: Sequence[Record], *, model: str, of: int) -> str:
    """Return the page about these lines, some of `of`; the model is named as it was asked for."""
    variants = _variants(expander)
    data = {
        "layouts": [
            layout for layout in get_args(Layout) if any(key[0] == layout for key in variants)
        ],
        "train_on_values": [
            train_on
            for train_on in get_args(TrainOn)
            if any(key[1] == train_on for key in variants)
        ],
        "layout": expander.layout,
        "train_on": expander.train_on,
        "conversations": [_conversation(line, variants) for line in lines],
    }
    name = Path(lines[0].file).name
    if len(lines) == of == 1:
        name = f"{name}:{lines[0].line}"
    context = {
        "file": lines[0].file,
        "shown": len(lines),
        "of": of,
        "model": model,
        "options": _chosen(expander),
    }
    section = Section.from_folder(
        HERE, "conversations", title="Conversations", data=data, context=context
    )
    return page(f"What is trained: {name}", [section])


def _chosen(expander: Expander) -> str:
    """The options that are not as they are by default, in words."""
    usual = Expander(expander.renderer).options()
    changed = {
        name: value
        for name, value in expander.options().items()
        if value != usual[name] and name not in ("layout", "train_on", "num_threads")
    }
    return ", ".join(f"{name} {value}" for name, value in changed.items())


def _variants(expander: Expander) -> dict[tuple[Layout, TrainOn], Expander]:
    """The expander with each layout and each ``train_on`` that its other options allow."""
    variants: dict[tuple[Layout, TrainOn], Expander] = {}
    for layout in get_args(Layout):
        for train_on in get_args(TrainOn):
            try:
                variants[layout, train_on] = expander.replace(layout=layout, train_on=train_on)
            except OptionsError:  # noqa: PERF203 - a dozen times
                if (layout, train_on) == (expander.layout, expander.train_on):
                    raise
    return variants


def _conversation(line: Record, variants: dict[tuple[Layout, TrainOn], Expander]) -> dict[str, Any]:
    try:
        explained = {key: inspect_record(expander, line) for key, expander in variants.items()}
    except EveryturnError as error:
        return {"line": line.line, "error": str(error)}
    bodies = Bodies([sample for each in explained.values() for sample in each.samples])
    plain: dict[str, Any] = {}
    for (layout, train_on), explanation in explained.items():
        plain.setdefault(layout, {})[train_on] = _variant(explanation, bodies)
    messages = next(iter(explained.values())).messages
    return {
        "line": line.line,
        "error": None,
        "messages": [_message(message) for message in messages],
        "bodies": bodies.plain(),
        "variants": plain,
    }


def _message(message: Message) -> dict[str, Any]:
    calls = counted(message.tool_calls, "tool call") if message.tool_calls else ""
    return {"role": message.role, "excerpt": _safe(message.excerpt or calls)}


def _variant(explanation: Inspection, bodies: "Bodies") -> dict[str, Any]:
    train_on, layout = explanation.report.train_on, explanation.options["layout"]
    warnings = [warning_line(*warning) for warning in explanation.report.warnings.items()]
    error = explanation.error
    rows = [bodies.row(sample) for sample in explanation.samples]
    if layout == "tree":
        for row, branch in zip(rows, _branches(explanation), strict=True):
            row["branch"] = branch
    return {
        "rows": rows,
        "whys": [message.why(train_on, layout) for message in explanation.messages],
        "trained": [at for at, message in enumerate(explanation.messages) if message.is_trained],
        "dropped": [[at, _safe(why)] for at, why in explanation.dropped.items()],
        "remarks": [
            [at, [_safe(remark) for remark in remarks]]
            for at, remarks in explanation.remarks.items()
        ],
        "inexact": explanation.report.warnings.get("inexact_targets", 0),
        "warnings": warnings,
        "error": None if error is None else f"{error.kind}: {error.text}",
    }


def _branches(explanation: Inspection) -> list[dict[str, Any]]:
    """Where each path of a tree leaves those before it: what they share is shown once."""
    samples = explanation.samples
    return [
        {
            "words": words_of(branch, samples, explanation.messages),
            "depth": branch.depth,
            "shared": branch.shared,
            "cells": len(sample.cells) - len(branch.rest.cells),
        }
        for sample, branch in zip(samples, branches(samples), strict=True)
    ]


class Bodies:
    """The texts of samples, those that begin another one only once."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._longest: list[tuple[Sample, list[Stretch]]] = []
        self._of: dict[int, int] = {}
        self._samples = samples  # They are known by their identity, so they have to stay.
        for sample in sorted(samples, key=lambda sample: len(sample.ids), reverse=True):
            self._of[id(sample)] = self._place(sample)

    def _place(self, sample: Sample) -> int:
        stretches = _stretches(sample)
        for at, (longest, others) in enumerate(self._longest):
            if _begins(sample, longest) and _looks_alike(stretches, others):
                return at
        self._longest.append((sample, stretches))
        return len(self._longest) - 1

    def row(self, sample: Sample) -> dict[str, Any]:
        """Return a sample: its text by number, how much of it, and what is trained."""
        stops = [run.start for run in sample.runs if run.is_stop]
        trained = [[each.start, each.end, each.message, each.weight] for each in sample.trained]
        body = self._of[id(sample)]
        return {"body": body, "tokens": len(sample.ids), "trained": trained, "stops": stops}

    def plain(self) -> list[dict[str, Any]]:
        """Return the texts as the page's script reads them."""
        return [_body(sample, stretches) for sample, stretches in self._longest]


def _begins(sample: Sample, longest: Sample) -> bool:
    """Whether the other one has the same tokens and cells, and then perhaps more."""
    return (
        longest.ids[: len(sample.ids)] == sample.ids
        and longest.cell_tokens[: len(sample.cell_tokens)] == sample.cell_tokens
        and longest.cell_bytes[: len(sample.cell_bytes)] == sample.cell_bytes
        and longest.text.startswith(sample.text)
    )


def _looks_alike(stretches: list[Stretch], others: list[Stretch]) -> bool:
    """Whether the first stretches of the other are these; its last one may go on."""
    last = len(stretches) - 1
    return last < 0 or (
        stretches[:last] == others[:last]
        and stretches[last][1:] == others[last][1:]
        and stretches[last][0] <= others[last][0]
    )


def _stretches(sample: Sample) -> list[Stretch]:
    """Who wrote how many tokens, and of which kind, whether trained or not."""
    stretches: list[Stretch] = []
    for run in sample.runs:
        speaker, kind, before = _speaker(run), KINDS[run.kind], run.start
        if stretches and stretches[-1][1:] == (speaker, kind):
            before -= stretches.pop()[0]
        stretches.append((run.end - before, speaker, kind))
    return stretches


def _speaker(run: Run) -> int | str | None:
    """A message by number, the tools or the record by name, None for the template."""
    if run.origin == "template":
        return None
    return run.message if run.origin == "message" else run.origin


def _body(sample: Sample, stretches: list[Stretch]) -> dict[str, Any]:
    texts = [cell.text for cell in sample.cells]
    safe = {
        at: _safe(text)
        for at, text in enumerate(texts)
        if not text.isascii() or not text.isprintable()
    }
    return {
        "ids": sample.ids,
        "text": sample.text,
        # Strings of a script are counted in units of UTF-16.
        "ends": list(accumulate(len(text.encode("utf-16-le")) // 2 for text in texts)),
        "wide": {at: count for at, count in enumerate(sample.cell_tokens) if count != 1},
        "safe": {at: text for at, text in safe.items() if text != texts[at]},
        "runs": stretches,
    }


def _safe(text: str) -> str:
    """A text without what changes the reading order or does not show; white space stays."""
    return "".join(char if char in AS_THEY_ARE else shown(char) for char in text)
