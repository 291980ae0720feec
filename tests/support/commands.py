"""The commands, and every flag of theirs."""

import argparse
import re

import everyturn.cli

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"`(everyturn [^`]+)`")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    for action in everyturn.cli.parser()._actions:  # noqa: SLF001 - argparse has no public way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            return dict(action.choices)
    raise AssertionError("there are commands")


def flags() -> set[str]:
    """Every flag of every command."""
    return {
        flag
        for parser in parsers().values()
        for action in parser._actions  # noqa: SLF001 - likewise
        for flag in action.option_strings
    }
