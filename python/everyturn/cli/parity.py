"""``everyturn bench --parity``: what installed tools train of the same conversations, against inference."""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from everyturn.atomic import write_text
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, print_table, say, show
from everyturn.cli.options import read_by
from everyturn.cli.outputs import BENCHMARK, BOARD, output
from everyturn.exceptions import OptionsError
from everyturn.wording import counted, did_you_mean

if TYPE_CHECKING:
    from everyturn.bench.benchmark import Plan
    from everyturn.bench.corpus import Corpus
    from everyturn.bench.parity.board import Board

CONVERSATIONS = 40
"""Of each corpus, unless --limit says otherwise."""

MakePlan = Callable[..., "Plan"]


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what only the board takes."""
    group = parser.add_argument_group("parity")
    group.add_argument(
        "--parity",
        action="store_true",
        help="the share of answers that each tool trains as inference shows them, by cause: a corpus for each file of "
        f"--data, of which --limit conversations are taken (default: {CONVERSATIONS})",
    )
    add_file_argument(
        group,
        "--models",
        nargs="+",
        metavar="[NAME=]DIR[,TEMPLATE]",
        help="several models for --parity, each with another chat template where one is given (default: the "
        "built-in model with five templates)",
    )
    add_file_argument(group, "--page", help="write the board as a page of Markdown")
    group.add_argument(
        "--reproduce",
        metavar="MODEL/CORPUS/TOOL/N",
        help="print a script that shows what a tool does with the N-th target, as the page names it",
    )


def run(parsed: argparse.Namespace, make_plan: MakePlan) -> int:
    """Make the board, or one script."""
    from everyturn.bench.parity import board, page

    for flag, is_given in (
        ("--sweep", parsed.sweep),
        ("--up-to", parsed.up_to),
        ("--stages", parsed.stages),
        ("--plot", parsed.plot),
    ):
        if is_given:
            raise OptionsError(f"{flag} belongs to a comparison of speed: leave it or --parity out")
    read = {"inputs": read_by(parsed, parsed.data or ()), "model": parsed.model}
    json_path = output("-o", parsed.output, BENCHMARK, **read) if parsed.output else None
    page_path = output("--page", parsed.page, BOARD, **read) if parsed.page else None
    corpora = _corpora(parsed)
    models = _models(parsed)
    if parsed.reproduce:
        print(_script(parsed.reproduce, models, corpora, make_plan), end="")  # noqa: T201
        return EXIT_DONE
    peers, missing = _peers(parsed.peers)
    plans = {name: make_plan(*model, peers=peers) for name, model in models.items()}
    made = board.run(plans, corpora, missing, say)
    _show(made)
    if json_path is not None:
        write_text(json_path, json.dumps(page.to_dict(made), ensure_ascii=False, indent=1) + "\n")
    if page_path is not None:
        write_text(page_path, page.to_markdown(made))
    if made.is_ours_equal:
        return EXIT_DONE
    say("everyturn differs from inference: see the row of everyturn")
    return EXIT_DATA


def refuse_flags(parsed: argparse.Namespace) -> None:
    """Refuse what only the board takes, without it."""
    for flag in ("models", "page", "reproduce"):
        if getattr(parsed, flag) is not None:
            raise OptionsError(f"--{flag} belongs to the board: add --parity")


def _corpora(parsed: argparse.Namespace) -> "dict[str, Corpus]":
    from everyturn.bench.parity.board_corpora import built_in, name_of, sampled

    count = parsed.limit or CONVERSATIONS
    if not parsed.data:
        return built_in(count)
    corpora: dict[str, Corpus] = {}
    for path in parsed.data:
        name = name_of(path)
        if name in corpora:
            raise OptionsError(f"--data: two files are named {name}")
        corpora[name] = sampled(path, count)
    return corpora


def _models(parsed: argparse.Namespace) -> dict[str, tuple[str, str | None]]:
    """Return folder and template of each model, by name."""
    from everyturn.bench.parity.board_corpora import built_in_templates, name_of
    from everyturn.model_folder import DEMO

    if parsed.models is None:
        if parsed.model is None and parsed.chat_template is None:
            return {name: (DEMO, template) for name, template in built_in_templates().items()}
        folder = parsed.model or DEMO
        return {name_of(parsed.chat_template or folder): (folder, parsed.chat_template)}
    if parsed.model is not None or parsed.chat_template is not None:
        raise OptionsError("--models: give --model and --chat-template there")
    models: dict[str, tuple[str, str | None]] = {}
    for entry in parsed.models:
        named, _, rest = entry.rpartition("=")
        folder, _, template = rest.partition(",")
        name = named or Path(template or folder).stem
        if name in models or "/" in name:
            raise OptionsError(f"--models: {entry}: give it a name of its own: NAME={rest}")
        models[name] = (folder, template or None)
    return models


def _peers(asked: tuple[str, ...] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the peers to run, and how those are installed that are not."""
    from everyturn.bench.tools.registry import BOARD, PEERS

    wanted = BOARD if asked in (None, ("installed",)) else () if asked == ("none",) else asked
    for name in wanted:
        if name not in BOARD:
            raise OptionsError(
                f"--peers: {name}: not a tool of the board{did_you_mean(name, BOARD)}; "
                f"there are {', '.join(BOARD)}"
            )
    missing = {name: PEERS[name].pip for name in wanted if not PEERS[name].is_installed}
    return tuple(name for name in wanted if name not in missing), missing


def _script(
    name: str,
    models: Mapping[str, tuple[str, str | None]],
    corpora: "Mapping[str, Corpus]",
    make_plan: MakePlan,
) -> str:
    from everyturn.bench.parity import board, scripts
    from everyturn.bench.process import Child

    model, corpus, peer, number = _parts(name)
    for what, part, known in (
        ("model", model, models),
        ("corpus", corpus, corpora),
        ("tool with a script", peer, scripts.ROWS),
    ):
        if part not in known:
            raise OptionsError(
                f"--reproduce: {part}: no {what} of the board; there are {', '.join(known)}"
            )
    plan = make_plan(*models[model], peers=(peer,))
    targets = board.find_targets({model: plan}, {corpus: corpora[corpus]}, say)[model, corpus]
    if number >= len(targets.known):
        raise OptionsError(
            f"--reproduce: {name}: there are {counted(len(targets.known), 'target')}"
        )
    target = targets.known[number]
    variant = None
    if peer == "llama-factory":
        with Child(plan.jobs()[peer]) as child:
            variant = child.variant
    record = json.loads(corpora[corpus].lines[target.record])
    case = scripts.Case(plan=plan, record=record, target=target, variant=variant)
    return scripts.script(peer, case)


def _parts(name: str) -> tuple[str, str, str, int]:
    match name.split("/"):
        case [model, corpus, peer, number] if number.isdecimal():
            return model, corpus, peer, int(number)
    raise OptionsError(f"--reproduce: {name}: expected MODEL/CORPUS/TOOL/N, as the page names it")


def _show(made: "Board") -> None:
    from everyturn.bench.parity import page

    for table in page.tables(made):
        print_table(table)
    for name, how in made.missing.items():
        show(f"{name}: not installed; {how}")
