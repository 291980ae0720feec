"""``everyturn relabel``: other labels and weights for samples that were expanded once."""

import argparse
from pathlib import Path
from typing import Any, get_args

from everyturn.cli.completion import complete_with, file
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say
from everyturn.exceptions import InputError, OptionsError
from everyturn.options import Normalize
from everyturn.samples import Samples
from everyturn.samples.rules import Rule, read_rules
from everyturn.samples.storage import MANIFEST

EXAMPLES = """\
examples:
  everyturn expand chats.jsonl --model path/to/model --provenance --keep-texts -o all.parquet
  everyturn relabel all.parquet --rules rules.json -o train.parquet

rules.json, of which the last rule that holds for a token decides:
  [{"weight": 0, "result": "(?i)error"}, {"weight": 0.5, "kind": "reasoning"}]

exit codes: 0 done, 1 nothing is trained, 2 wrong use
"""


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="choose anew which tokens are trained, without expanding again",
        description="Give the tokens of samples other weights by rules. The samples must have been expanded with "
        "--provenance.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    complete_with(
        parser.add_argument(
            "input", metavar="INPUT", help="a Parquet file of samples, or a folder that was saved"
        ),
        file,
    )
    complete_with(
        parser.add_argument(
            "--rules",
            required=True,
            metavar="FILE",
            help="a JSON list of rules, with a weight each",
        ),
        file,
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="PATH", help="what INPUT is: a file or a folder"
    )
    parser.add_argument(
        "--normalize",
        choices=get_args(Normalize),
        default="none",
        help="what the weights are divided by (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-context",
        action="store_true",
        help="let rules train what the model is not to emit, too",
    )


def run(parsed: argparse.Namespace) -> int:
    """Relabel, write, and say what is trained now."""
    source, target = Path(parsed.input), Path(parsed.output)
    rules = read_rules(parsed.rules)
    if target.exists() and source.exists() and target.samefile(source):
        raise OptionsError(f"-o {target}: the output is the input")
    samples = _read(source)
    relabelled = samples.relabel(
        rules, normalize=parsed.normalize, allow_context=parsed.allow_context
    )
    _write(relabelled, target, is_folder=source.is_dir())
    say(f"{relabelled.report}")
    for number, rule in enumerate(rules):
        say(f"rule {number}: {_words(rule)}")
    if not relabelled.report.trained_tokens:
        say("error: nothing is trained: the rules leave no token a weight above 0")
        return EXIT_DATA
    return EXIT_DONE


def _read(source: Path) -> Samples:
    if (source / MANIFEST).exists():
        return Samples.load(source)
    if source.is_dir():
        raise InputError(
            f"{source}: is not a folder of saved samples; relabel its Parquet files one by one"
        )
    return Samples.from_parquet(source)


def _write(samples: Samples, target: Path, *, is_folder: bool) -> None:
    if is_folder:
        samples.save(target)
    else:
        samples.to_parquet(target)


def _words(rule: Rule) -> str:
    conditions = {name: value for name, value in rule.to_dict().items() if name != "weight"}
    where = ", ".join(f"{name} {value}" for name, value in conditions.items()) or "all tokens"
    weight = "as expanded" if rule.weight == "own" else f"weight {rule.weight:g}"
    return f"{weight} for {where}"
