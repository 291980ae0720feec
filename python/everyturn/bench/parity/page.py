"""A board as a page of Markdown, as tables for a terminal, and as plain JSON types.

In: a `Board`. Out: its shares by peer, model and corpus, what is meant by each cause, what peers say of what they
refuse, and the first difference of each kind with the name that reproduces it.
"""

import dataclasses
import math
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from everyturn.bench.machine import command_line, machine, versions
from everyturn.bench.parity.board import Board, Cell
from everyturn.bench.parity.verdicts import MEANINGS, Cause, Verdict
from everyturn.bench.tools.registry import EVERYTURN
from everyturn.control_characters import lines_shown
from everyturn.wording import counted, percent, shortened

INTRODUCTION = """\
Of the same conversations: how many answers does each tool train as inference shows them? An answer is a target. It is
**equal** if one of the tool's rows has exactly the ids of the prompt that a server sends, then exactly the ids that
the model must emit, through the stop token, and labels on those alone. Whatever else there is has its name by the
first id that differs, or, where all ids are those of inference, by the labels.

What a server sends is made by {truth}. The rule for
what the model must emit is in `everyturn/_educational.py`, to be read in five minutes. Tools run with their own
defaults, and their own code.
"""

TRUTHS = {
    True: "transformers alone: `apply_chat_template` of the messages before the answer, with\n"
    "`add_generation_prompt=True`, encoded by `AutoTokenizer`",
    False: "everyturn under `--serve {serve}`, whose prompts tests compare with that server's own code",
}

REPRODUCED = """\
Each is the first difference of its kind. Its name, given to `--reproduce` with the other arguments of the command,
prints a script of about ten lines that shows it with transformers and the tool alone. Texts are split at the token.
"""

UNCHECKED = (
    "LLaMA-Factory asks for another version of transformers; its own check of that is switched off "
    "(`DISABLE_VERSION_CHECK`)."
)

SHOWN_WORDS = 200
"""Characters of what a tool says that are shown."""


def to_markdown(board: Board) -> str:
    """Return the page."""
    serve = next(iter(board.plans.values())).sources.serve
    truth = TRUTHS[serve == "template"].format(serve=serve)
    parts = [
        "# What other tools train",
        "<!-- Made by the command below. -->",
        INTRODUCTION.format(truth=truth),
        f"```sh\n{shlex.join(_without_outputs(command_line()))}\n```",
        _versions(board),
        "## Shares",
        *(part for corpus in board.corpora for part in _corpus(board, corpus)),
        "## Causes",
        _table(["name", "meaning", "targets"], _causes(board)),
    ]
    if refusals := [*_refusals(board)]:
        parts += ["## What is refused", _table(["tool", "model", "targets", "its words"], refusals)]
    if variants := [*_variants(board)]:
        parts += ["Templates of their own:", _table(["tool", "model", "template"], variants)]
    parts += ["## Differences", REPRODUCED, *_differences(board)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def tables(board: Board) -> Iterator[Table]:
    """Yield a table for each corpus."""
    for corpus in board.corpora:
        table = Table(title=lines_shown(_title(board, corpus)), title_justify="left")
        for heading in ("tool", *board.plans):
            table.add_column(lines_shown(heading))
        for row in _rows(board, corpus, "\n"):
            table.add_row(*row)
        yield table


def to_dict(board: Board) -> dict[str, Any]:
    """Everything as plain JSON types."""
    return {
        "command": command_line(),
        "machine": machine(),
        "versions": _found_versions(board),
        "missing": dict(board.missing),
        "models": {
            name: {
                "folder": plan.sources.folder,
                "chat_template": plan.sources.chat_template,
                "serve": plan.sources.serve,
                "fingerprint": plan.renderer.fingerprint,
            }
            for name, plan in board.plans.items()
        },
        "corpora": {
            name: {
                "files": [dataclasses.asdict(file) for file in corpus.files],
                "conversations": len(corpus.lines),
                "lines": [line for _, line in corpus.origins],
                "left_out": dict(corpus.left_out),
            }
            for name, corpus in board.corpora.items()
        },
        "unknown": {"/".join(key): dict(targets.unknown) for key, targets in board.targets.items()},
        "cells": [_cell(cell) for cell in board.cells],
    }


def share(cell: Cell) -> str:
    """Return the share of equal targets, rounded down: 100 means all."""
    total = len(cell.verdicts)
    return f"{math.floor(100 * cell.counts[Cause.EQUAL] / total)} %" if total else "-"


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "model": cell.model,
        "corpus": cell.corpus,
        "peer": cell.peer,
        "variant": cell.variant,
        "targets": len(cell.verdicts),
        "causes": {cause.value: count for cause, count in cell.counts.most_common()},
        "refusals": dict(cell.refusals),
        "surplus_stretches": cell.surplus,
        "verdicts": [_verdict(verdict) for verdict in cell.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    found = {**dataclasses.asdict(verdict), "cause": verdict.cause.value}
    return {key: value for key, value in found.items() if value not in (None, ("", ""))}


def _without_outputs(command: Sequence[str]) -> Iterator[str]:
    """Yield a command without the files that it writes."""
    words = iter(command)
    for word in words:
        if word in {"--page", "-o", "--output"}:
            next(words, None)
        else:
            yield word


def _found_versions(board: Board) -> dict[str, str]:
    return versions(peer for peer in board.peers if peer != EVERYTURN)


def _versions(board: Board) -> str:
    rows = [
        *_found_versions(board).items(),
        *((n, f"not installed; {how}") for n, how in board.missing.items()),
    ]
    table = _table(["what", "version"], rows)
    if os.environ.get("DISABLE_VERSION_CHECK") and "llama-factory" in board.peers:
        return f"{table}\n\n{UNCHECKED}"
    return table


def _corpus(board: Board, corpus: str) -> Iterator[str]:
    yield f"### {_title(board, corpus)}"
    yield _table(["tool", *board.plans], _rows(board, corpus, "<br>"))
    unknown = Counter[str]()
    for model in board.plans:
        for why, count in board.targets[model, corpus].unknown.items():
            unknown[f"{model}: {counted(count, 'answer')} not compared: {_quoted(why)}"] += count
    if unknown:
        yield "\n".join(f"- {line}" for line in unknown)


def _title(board: Board, corpus: str) -> str:
    count = counted(len(board.corpora[corpus].lines), "conversation")
    return f"{corpus}: {count}, spread evenly over the file"


def _rows(board: Board, corpus: str, newline: str) -> Iterator[list[str]]:
    yield ["targets", *(str(len(board.targets[model, corpus].known)) for model in board.plans)]
    cells = {(cell.peer, cell.model): cell for cell in board.cells if cell.corpus == corpus}
    for peer in board.peers:
        yield [peer, *(_text(cells[peer, model], newline) for model in board.plans)]


def _text(cell: Cell, newline: str) -> str:
    """Return the share of equal targets, and that of each cause."""
    total = len(cell.verdicts)
    parts = [share(cell)]
    for cause, count in cell.counts.most_common():
        if cause is not Cause.EQUAL:
            parts.append(f"{cause.value} {percent(count, total, digits=0)}")
    if cell.surplus:
        parts.append(
            f"and {counted(cell.surplus, 'stretch', 'stretches')} more than there are answers"
        )
    return newline.join(parts)


def _causes(board: Board) -> Iterator[list[str]]:
    counts = sum((cell.counts for cell in board.cells), Counter[Cause]())
    for cause, meaning in MEANINGS.items():
        yield [f"`{cause.value}`", meaning, f"{counts[cause]:,}"]


def _refusals(board: Board) -> Iterator[list[str]]:
    counts = Counter[tuple[str, str, str]]()
    for cell in board.cells:
        for words, count in cell.refusals.items():
            counts[cell.peer, cell.model, _quoted(words)] += count
    for (peer, model, words), count in counts.items():
        yield [peer, model, f"{count:,}", words]


def _variants(board: Board) -> Iterator[list[str]]:
    found = {(cell.peer, cell.model): cell.variant for cell in board.cells if cell.variant}
    for (peer, model), variant in found.items():
        yield [peer, model, f"`{variant}`"]


def _differences(board: Board) -> Iterator[str]:
    shown: set[tuple[str, Cause]] = set()
    for cell in board.cells:
        for number, verdict in enumerate(cell.verdicts):
            if (cell.peer, verdict.cause) in shown or verdict.position is None:
                continue
            shown.add((cell.peer, verdict.cause))
            target = board.targets[cell.model, cell.corpus].known[number]
            yield _difference(board, cell, number, f"answer {target.message}")


def _difference(board: Board, cell: Cell, number: int, answer: str) -> str:
    verdict = cell.verdicts[number]
    target = board.targets[cell.model, cell.corpus].known[number]
    location = board.corpora[cell.corpus].location(target.record)
    where = "" if verdict.message is None else f", message {verdict.message}"
    texts = [
        f"  {name}  ..{_line(before)} | {_line(rest)}.."
        for name, (before, rest) in (("inference", verdict.expected), ("tool     ", verdict.found))
    ]
    head = f"`{cell.name_of(number)}`: `{verdict.cause.value}` ({location}, {answer}, token {verdict.position}{where})"
    return "\n".join([head, "", "```text", *texts, "```"])


def _line(text: str) -> str:
    return repr(text)[1:-1].replace("```", "'''")


def _quoted(words: str) -> str:
    return (
        shortened(words, SHOWN_WORDS)
        .replace("|", "\\|")
        .replace("<", "&lt;")
        .replace("{", "&#123;")
    )


def _table(headings: Sequence[str], rows: Any) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
