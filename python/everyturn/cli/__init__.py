"""The command line: a file a command. Results go to stdout or ``-o``, words and progress to stderr.

Exit codes: 0 done, 1 the data failed, 2 wrong use, 130 on Ctrl-C.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from everyturn import _core
from everyturn.cli import bench, expand, inspect, lint, stats
from everyturn.cli.console import EXIT_DATA, EXIT_INTERRUPTED, EXIT_USE, say
from everyturn.exceptions import EveryturnError, InputError, ModelError, OptionsError


class Command(Protocol):
    """A module of this package."""

    def add_parser(self, commands: Any, name: str, /) -> None:
        """Add the command to the command line."""

    def run(self, parsed: argparse.Namespace, /) -> int:
        """Do it and return the exit code."""


COMMANDS: dict[str, Command] = {
    "expand": expand,
    "inspect": inspect,
    "stats": stats,
    "lint": lint,
    "bench": bench,
}

WRONG_USE = (InputError, ModelError, OptionsError)
"""What the caller can put right on the command line; every other error lies in the data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help(sys.stderr)
        return EXIT_USE
    try:
        return COMMANDS[parsed.command].run(parsed)
    except KeyboardInterrupt:
        say("interrupted; no file was written")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has enough; Python must not try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DATA
    except EveryturnError as error:
        say(f"error: {error}")
        is_use = isinstance(error, WRONG_USE) and error.kind != "compression"
        return EXIT_USE if is_use else EXIT_DATA
    except OSError as error:
        say(f"error: {error.filename or 'output'}: {error.strerror}")
        return EXIT_DATA


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="everyturn",
        description="Every assistant turn of a chat becomes an exact training sample.",
    )
    parser.add_argument("--version", action="version", version=f"everyturn {_core.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_parser(commands, name)
    return parser
