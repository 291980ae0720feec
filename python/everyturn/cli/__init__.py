"""The command line: a file a command. Results go to stdout or ``-o``, words and progress to stderr.

Exit codes: 0 done, 1 the data failed, 2 wrong use, 130 on Ctrl-C.
"""

import argparse
import functools
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from everyturn import _core
from everyturn.cli import (
    bench,
    check,
    completion,
    expand,
    explain,
    inspect,
    lint,
    relabel,
    stats,
    verify,
)
from everyturn.cli.console import EXIT_DATA, EXIT_INTERRUPTED, EXIT_USE, say
from everyturn.cli.hints import hints
from everyturn.cli.parser import CommandParser, Parser
from everyturn.cli.process import ending_in_order, open_standard_streams
from everyturn.exceptions import (
    EveryturnError,
    InputError,
    ModelError,
    OptionsError,
    ServingWarning,
    TemplateArgumentWarning,
    system_words,
)


class Command(Protocol):
    """A module of this package."""

    def add_parser(self, commands: Any, name: str, /) -> None:
        """Add the command to the command line."""

    def run(self, parsed: argparse.Namespace, /) -> int:
        """Do it and return the exit code."""


COMMANDS: dict[str, Command] = {
    "expand": expand,
    "inspect": inspect,
    "check": check,
    "stats": stats,
    "relabel": relabel,
    "lint": lint,
    "verify": verify,
    "bench": bench,
    "explain": explain,
    "completion": completion,
}

TOUR = """\
usage: everyturn COMMAND ..; a short tour, with the built-in model:
  everyturn check chats.jsonl                                  what is wrong with your chats
  everyturn inspect chats.jsonl:1 --model demo                 which text is trained, and why
  everyturn expand chats.jsonl --model demo -o train.parquet   the samples, ready to train on
  everyturn explain prompt_mismatch                            what an error means, and what to do
  everyturn COMMAND --help                                     every flag, with examples"""
"""What is shown where no command is named."""

WRONG_USE = (InputError, ModelError, OptionsError)
"""What the caller can put right on the command line; every other error is in the data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    open_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:
        # As git, cargo and others take it: of all, or of a command.
        words = [*words[1:], "--help"]
    parsed = parser().parse_args(words)
    if parsed.command is None:
        say(TOUR)
        return EXIT_USE
    with ending_in_order():
        return _run(parsed)


def _run(parsed: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(_show_warning, warnings.showwarning)
            return COMMANDS[parsed.command].run(parsed)
    except KeyboardInterrupt as interrupt:
        say(f"interrupted; {interrupt.args[0] if interrupt.args else 'no file was written'}")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough; Python must not try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DATA
    except EveryturnError as error:
        say(f"error: {error}")
        for line in hints(error, parsed):
            say(line)
        return EXIT_USE if _is_wrong_use(error) else EXIT_DATA
    except OSError as error:
        say(f"error: {error.filename or 'output'}: {system_words(error)}")
        return EXIT_DATA


def _is_wrong_use(error: EveryturnError) -> bool:
    """Whether the caller can put it right: what is broken at a place within a file is not that."""
    is_within = isinstance(error, InputError) and error.line is not None
    return isinstance(error, WRONG_USE) and error.kind != "compression" and not is_within


def _show_warning(
    others: Callable[..., None], message: Warning | str, kind: type[Warning], *place: Any
) -> None:
    """Say what is known of a model as the command says everything; a warning of others is shown by others."""
    if issubclass(kind, ServingWarning | TemplateArgumentWarning):
        say(f"warning: {message}")
    else:
        others(message, kind, *place)


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = Parser(
        prog="everyturn",
        description="Exact training samples from chats: every assistant turn, trained once, after a server's prompt.",
    )
    parser.add_argument("--version", action="version", version=f"everyturn {_core.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=CommandParser)
    for name, command in COMMANDS.items():
        command.add_parser(commands, name)
    # What completes all commands has to know them.
    commands.choices["completion"].set_defaults(whole=parser)
    return parser
