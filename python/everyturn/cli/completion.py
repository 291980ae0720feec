"""``everyturn completion``: what a shell needs to complete commands, flags and their values.

In: the parser of the command line. Out: a script for bash, zsh or fish, made by shtab, which needs nothing of this
package when it runs. What shtab cannot read from the parser, commands say with `complete_with`.
"""

import argparse
import shlex
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from everyturn.cli.console import EXIT_DONE

EXAMPLES = """\
examples:
  eval "$(everyturn completion bash)"      # in ~/.bashrc; zsh in ~/.zshrc, after compinit
  everyturn completion fish > ~/.config/fish/completions/everyturn.fish
"""

SHELLS = ("bash", "zsh", "fish")


Completer: TypeAlias = Callable[[], Any]
"""What makes a completer of shtab, which is imported only for the script."""

_completers: WeakKeyDictionary[argparse.Action, Completer] = WeakKeyDictionary()


def complete_with(action: argparse.Action, completer: Completer) -> None:
    """Say how an argument's value is completed: with `file`, `directory` or `words`."""
    _completers[action] = completer


def add_file_argument(
    container: argparse._ActionsContainer, *names: str, metavar: str = "FILE", **settings: Any
) -> None:
    """Add an argument that names a file, and is completed so; the settings are those of `add_argument`."""
    complete_with(container.add_argument(*names, metavar=metavar, **settings), file)


def file() -> Any:
    """Complete the names of files."""
    import shtab

    return shtab.FILE


def directory() -> Any:
    """Complete the names of folders."""
    import shtab

    return shtab.DIRECTORY


def words(name: str, values: Iterable[str]) -> Completer:
    """Offer these words and, unlike ``choices``, let the command take others."""
    return lambda: _words(name, values)


def _words(name: str, values: Iterable[str]) -> dict[str, Any]:
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
    """Print the script, of the whole parser that the namespace holds."""
    import shtab

    for action, completer in list(_completers.items()):
        action.complete = completer()  # type: ignore[attr-defined]
    print(shtab.complete(parsed.whole, shell=parsed.shell))  # noqa: T201
    return EXIT_DONE
