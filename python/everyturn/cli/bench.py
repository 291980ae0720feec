"""``everyturn bench``: ids, speed and memory compared with other tools, on the same records."""

import argparse
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everyturn.atomic import write_text
from everyturn.cli import parity
from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, print_table, say, show
from everyturn.cli.options import (
    add_expander_flags,
    add_model_flags,
    read_by,
    sources_from,
)
from everyturn.cli.outputs import BENCHMARK, PLOT, output
from everyturn.exceptions import OptionsError
from everyturn.model_folder import DEMO
from everyturn.options import check_count
from everyturn.renderer import Renderer
from everyturn.wording import counted

if TYPE_CHECKING:
    from everyturn.bench.benchmark import Checked, Comparison, Plan
    from everyturn.bench.sweep import Sweep

EXAMPLES = """\
examples:
  everyturn bench
  everyturn bench --data chats.jsonl --model path/to/model --peers transformers,trl --threads 1,2
  everyturn bench --sweep turns --plot turns.png

exit codes: 0 done, 1 ids or labels differ from transformers by hand, 2 wrong use
"""

OPTIONS = ("layout", "prompt_mismatch", "control_tokens", "max_line_bytes")
"""The options of `Expander` that make sense in a comparison with tools without options."""

FIXED = {"input_format": "messages", "on_error": "skip"}
"""What makes every tool see the same records."""

DEFAULTS = {"layout": "per_turn", "control_tokens": "allow"}
"""Peers make a sample for each target, too."""

OWN_TOKENIZERS = ("sglang", "llama.cpp")
"""Servers whose tokenizers are not those that transformers makes."""

RECORDS = 500
"""How many are compared and timed, unless --limit says otherwise."""

MOST_TURNS = 200
MOST_MEGABYTES = 64
"""The last steps of the sweeps, unless --up-to says otherwise."""


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="compare ids and speed with other tools",
        description="Compare ids, labels, speed and memory with other tools, on the same records in the same run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file_argument(
        parser,
        "--data",
        nargs="+",
        help="records with messages, may be compressed (default: built-in chats)",
    )
    parser.add_argument(
        "--peers",
        type=_names,
        metavar="NAME,..",
        help="transformers, transformers-1.0, transformers-mask, trl, trl-default, trl-prompt-completion, axolotl, "
        "llama-factory, tml, tinker, installed or none (default: transformers, if it is installed)",
    )
    parser.add_argument("--threads", type=_counts, default=(1,), metavar="N,..", help="default: 1")
    parser.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help=f"take the first N records (default: {RECORDS})",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="about how long each tool is timed, in seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--stages",
        action="store_true",
        help="write a Parquet file, too: how much of the work only one thread can do",
    )
    _add_sweep_flags(parser)
    add_file_argument(parser, "-o", "--output", help="write everything as JSON")
    add_file_argument(parser, "--plot", help="draw a .png or .svg (needs matplotlib)")
    parity.add_flags(parser)
    # The peers go by `apply_chat_template`.
    add_model_flags(parser, required=False, serve="template")
    add_expander_flags(parser, names=OPTIONS, defaults=DEFAULTS)


def _add_sweep_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sweep", choices=("turns", "size"), help="how cost grows with turns or file size"
    )
    parser.add_argument(
        "--up-to",
        type=_count,
        metavar="N",
        help=f"the last step of the sweep: turns (default: {MOST_TURNS}) or MB (default: {MOST_MEGABYTES})",
    )


def run(parsed: argparse.Namespace) -> int:
    """Compare or sweep, and show the result."""
    from everyturn.bench import plot

    if parsed.parity:
        return parity.run(parsed, functools.partial(_parity_plan, parsed))
    parity.refuse_flags(parsed)
    read = {"inputs": read_by(parsed, parsed.data or ()), "model": parsed.model}
    json_path = output("-o", parsed.output, BENCHMARK, **read) if parsed.output else None
    plot_path = output("--plot", parsed.plot, PLOT, **read) if parsed.plot else None
    if plot_path is not None:
        if plot_path.suffix not in plot.SUFFIXES:
            raise OptionsError(f"--plot: {plot_path}: the name must end in .png or .svg")
        plot.require_matplotlib()
    if parsed.up_to is not None and parsed.sweep is None:
        raise OptionsError("--up-to is the last step of a sweep: name one with --sweep")
    if parsed.stages and parsed.sweep is not None:
        raise OptionsError("--stages is of a comparison: leave --sweep out")
    peers = () if parsed.sweep == "size" else _peers(parsed.peers)
    plan = _plan(parsed, parsed.model or DEMO, parsed.chat_template, peers=peers)
    outcome = _sweep(parsed, plan) if parsed.sweep else _comparison(parsed, plan)
    if plot_path is not None:
        plot.save(outcome, plot_path)
    if json_path is not None:
        _write_json(json_path, plan, outcome)
    return _exit_code(outcome)


def _parity_plan(
    parsed: argparse.Namespace, model: str, chat_template: str | None, *, peers: tuple[str, ...]
) -> "Plan":
    """Return the plan of a model of the board: its tokenizer is the one that transformers makes of the folder."""
    tokenizer = "file" if parsed.serve in OWN_TOKENIZERS else "auto_tokenizer"
    changed = argparse.Namespace(**{**vars(parsed), "tokenizer": tokenizer})
    return _plan(changed, model, chat_template, peers=peers)


def _plan(
    parsed: argparse.Namespace, model: str, chat_template: str | None, *, peers: tuple[str, ...]
) -> "Plan":
    from everyturn.bench.benchmark import Plan

    sources = sources_from(parsed, model=model, chat_template=chat_template)
    return Plan(
        sources=sources,
        renderer=Renderer(sources),
        options={**FIXED, **{name: getattr(parsed, name) for name in OPTIONS}},
        peers=peers,
        threads=parsed.threads,
        seconds=parsed.seconds,
        writes=parsed.stages,
    )


def _peers(asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the peers that are asked for; those that are asked for by name have to be there."""
    from everyturn.bench.tools.registry import BY_HAND, PEERS

    if asked == ("none",):
        return ()
    named = asked is not None and asked != ("installed",)
    wanted = (BY_HAND,) if asked is None else asked if named else tuple(PEERS)
    for name in wanted:
        if name not in PEERS:
            known = ", ".join((*PEERS, "installed", "none"))
            raise OptionsError(f"--peers: {name}: unknown; there are {known}")
        if not PEERS[name].is_installed:
            if named:
                raise OptionsError(f"--peers: {name} is not installed; {PEERS[name].pip}")
            say(f"{name} is not installed, so it is skipped; {PEERS[name].pip}")
    return tuple(name for name in wanted if PEERS[name].is_installed)


def _comparison(parsed: argparse.Namespace, plan: "Plan") -> "Comparison":
    from everyturn.bench import benchmark, corpus
    from everyturn.bench.tables import comparison_table, stage_table, written_table

    limit = parsed.limit or RECORDS
    records = corpus.read(parsed.data, limit) if parsed.data else corpus.built_in(limit)
    for why, count in records.left_out.items():
        say(f"skipped {counted(count, 'record')}: {why}")
    outcome = benchmark.run(plan, records, say, _show_agreement)
    _show_left_out(outcome.left_out)
    print_table(comparison_table(outcome))
    for result in outcome.results:
        if result.stages:
            print_table(stage_table(result))
    if written := [result for result in outcome.results if result.written]:
        print_table(written_table(written))
    return outcome


def _sweep(parsed: argparse.Namespace, plan: "Plan") -> "Sweep":
    from everyturn.bench import corpus, sweep
    from everyturn.bench.tables import sweep_table

    if parsed.sweep == "turns":
        if parsed.data:
            raise OptionsError("--sweep turns makes its own conversations: leave --data out")
        outcome = sweep.turns(plan, parsed.up_to or MOST_TURNS, say)
    else:
        records = corpus.read(parsed.data, parsed.limit or RECORDS) if parsed.data else None
        outcome = sweep.size(plan, parsed.up_to or MOST_MEGABYTES, say, records)
    _show_left_out(outcome.left_out)
    print_table(sweep_table(outcome))
    return outcome


def _show_agreement(tool: str, checked: "Checked") -> None:
    """Say on stdout how far a tool agrees, before anything is timed."""
    name = tool if checked.variant is None else f"{tool} ({checked.variant})"
    lines = [checked.agreement.line(name)]
    if checked.agreement.first_difference is not None:
        lines += checked.agreement.first_difference.lines(tool)
    show("\n".join(lines))


def _show_left_out(left_out: Any) -> None:
    for why in left_out.values():
        show(f"skipped: {why}")


def _write_json(path: Path, plan: "Plan", outcome: "Comparison | Sweep") -> None:
    from everyturn.bench import report

    text = json.dumps(report.to_dict(plan, outcome), ensure_ascii=False, indent=1) + "\n"
    write_text(path, text)


def _exit_code(outcome: "Comparison | Sweep") -> int:
    from everyturn.bench.sweep import Sweep
    from everyturn.bench.tools.registry import BY_HAND

    if isinstance(outcome, Sweep):
        differs = any(each.tool == BY_HAND and not each.is_equal for each in outcome.series)
    else:
        checked = outcome.checked.get(BY_HAND)
        differs = checked is not None and checked.agreement.first_difference is not None
    return EXIT_DATA if differs else EXIT_DONE


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({_count(each) for each in text.split(",")}))


def _count(text: str) -> int:
    try:
        return check_count("N", int(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, not {text!r}"
        ) from error
