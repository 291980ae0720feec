"""``everyturn completion``: what a shell needs to complete commands, flags and their values.

In: the parser of the command line. Out: a script for bash, zsh or fish, made by shtab, which needs nothing of this
package when it runs. What shtab cannot read from the parser, commands say with `complete_with`.
"""

import argparse
import shlex
from collections.abc import Iterable
from typing import Any

import shtab

from everyturn.cli.console import EXIT_DONE

EXAMPLES = """\
examples:
  eval "$(everyturn completion bash)"      # in ~/.bashrc; zsh in ~/.zshrc, after compinit
  everyturn completion fish > ~/.config/fish/completions/everyturn.fish
"""

SHELLS = ("bash", "zsh", "fish")


def complete_with(action: argparse.Action, completer: Any) -> None:
    """Say how an argument's value is completed: with `shtab.FILE`, `shtab.DIRECTORY` or `words`."""
    action.complete = completer  # type: ignore[attr-defined]


def words(name: str, values: Iterable[str]) -> dict[str, Any]:
    """Return a completer that offers these words and, unlike ``choices``, lets the command take others."""
    joined = " ".join(values)
    function = f"_everyturn_{name}"
    return {
        "bash": function,
        "zsh": f"({joined})",
        "fish": joined,
        "preamble": {"bash": f'{function}() {{ compgen -W {shlex.quote(joined)} -- "$1"; }}'},
    }


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="print a script that completes commands and flags",
        description="Print a script that completes commands, flags and their values.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)


def run(parsed: argparse.Namespace) -> int:
    """Print the script."""
    from everyturn.cli import parser

    print(shtab.complete(parser(), shell=parsed.shell))  # noqa: T201
    return EXIT_DONE
