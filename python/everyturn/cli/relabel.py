"""``everyturn relabel``: other labels and weights for samples that were expanded once."""

import argparse
import os
from pathlib import Path
from typing import Any, get_args

from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say, writable
from everyturn.cli.options import add_model_flags, read_by, refuse_model_flags, renderer_from
from everyturn.cli.outputs import check_output, writer_of
from everyturn.exceptions import InputError, OptionsError
from everyturn.options import Normalize
from everyturn.renderer import Renderer
from everyturn.samples import Samples
from everyturn.samples.rules import Rule, read_rules
from everyturn.samples.storage import MANIFEST
from everyturn.wording import counted

EXAMPLES = """\
examples:
  everyturn expand chats.jsonl --model path/to/model --provenance --keep-texts -o all.parquet
  everyturn relabel all.parquet --rules rules.json -o train.parquet

rules.json, of which the last rule that holds for a token decides:
  [{"weight": 0, "result": "(?i)error"}, {"weight": 0.5, "kind": "reasoning"}]

a rule with a "span" looks for what tokens spell, and needs the model that the samples were expanded with:
  everyturn relabel all.parquet --rules no_code.json --model path/to/model -o train.parquet

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
    add_file_argument(
        parser,
        "input",
        metavar="INPUT",
        help="a Parquet file of samples, or a folder of saved samples",
    )
    add_file_argument(
        parser, "--rules", required=True, help="a JSON list of rules, with a weight each"
    )
    add_file_argument(
        parser,
        "-o",
        "--output",
        required=True,
        metavar="PATH",
        help="a .parquet or .jsonl file; a new folder where INPUT is a folder",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="also replace a file that everyturn did not write",
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
    add_model_flags(parser, required=False)


def run(parsed: argparse.Namespace) -> int:
    """Relabel, write, and say what is trained now."""
    source = Path(parsed.input)
    target = writable(
        "-o",
        parsed.output,
        inputs=read_by(parsed, [parsed.input, parsed.rules]),
        model=parsed.model,
        folder=source.is_dir(),
    )
    if source.is_dir():
        if target.exists():
            raise OptionsError(f"-o: {target}: exists, and folders are never overwritten")
    else:
        if str(parsed.output).endswith(("/", os.sep)):
            raise OptionsError(
                f"-o: {parsed.output}: the input is a file, so this must be one, too: name a .parquet or .jsonl file"
            )
        check_output(target, overwrite=parsed.overwrite)
    rules = read_rules(parsed.rules)
    if parsed.model is None:
        refuse_model_flags(parsed)
    renderer = None if parsed.model is None else renderer_from(parsed)
    relabelled = _read(source, renderer).relabel(
        rules, normalize=parsed.normalize, allow_context=parsed.allow_context
    )
    if source.is_dir():
        relabelled.save(target)
    else:
        with writer_of(target) as writer:
            writer.write(relabelled)
    say(f"{relabelled.report}")
    for number, rule in enumerate(rules):
        say(f"rule {number}: {_words(rule)}")
    say(f"wrote {target}: {counted(len(relabelled), 'sample')}")
    if not relabelled.report.trained_tokens:
        say("error: nothing is trained: the rules leave no token a weight above 0")
        return EXIT_DATA
    return EXIT_DONE


def _read(source: Path, renderer: Renderer | None) -> Samples:
    if (source / MANIFEST).exists():
        return Samples.load(source, renderer=renderer)
    if source.is_dir():
        raise InputError(
            f"{source}: is not a folder of saved samples; relabel its Parquet files one by one"
        )
    return Samples.from_parquet(source, renderer=renderer)


def _words(rule: Rule) -> str:
    conditions = {name: value for name, value in rule.to_dict().items() if name != "weight"}
    where = ", ".join(f"{name} {value}" for name, value in conditions.items()) or "all tokens"
    weight = "as expanded" if rule.weight == "own" else f"weight {rule.weight:g}"
    return f"{weight} for {where}"
