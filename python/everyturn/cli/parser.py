"""How a command line is refused: a line that says what is wrong and what was meant, and one that says where help is.

In: the words of a command line. Out: what argparse makes of them, or an end with exit code 2. The usage of argparse,
which names every flag, is in ``--help`` alone, and shortened there.
"""

import argparse
import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from everyturn.cli.console import EXIT_USE, say
from everyturn.wording import did_you_mean


class Parser(argparse.ArgumentParser):
    """The parser of the whole command line, and the base of that of a command. Flags are not abbreviated."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # The beginning of a flag would be taken for it also where it is the name of another command's flag.
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """End with a line about what is wrong, and one about where help is."""
        say(f"error: {message}")
        say(f"hint: `{self.prog} --help` lists what it takes")
        self.exit(EXIT_USE)

    def parse_known_args(  # type: ignore[override] # argparse has overloads for namespaces of other types
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse as argparse does, but look for unknown flags first: they explain what else is missing."""
        self._refuse_unknown_flags(itertools.takewhile(_is_flag, args or ()))
        return super().parse_known_args(args, namespace)

    def _refuse_unknown_flags(self, words: Iterable[str]) -> None:
        known = [flag for action in self._actions for flag in action.option_strings]
        for word in itertools.takewhile(lambda word: word != "--", words):
            name = word.partition("=")[0]
            if name.startswith("--") and name not in known:
                meant = did_you_mean(name.replace("_", "-"), known)
                self.error(f"{name} is not a flag of `{self.prog}`{meant}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name what is similar to a value that is not among the choices."""
        if action.choices is None or value in action.choices:
            return
        # A metavar names the choices without other names of theirs.
        shown = (
            action.metavar if isinstance(action.metavar, str) and "|" in action.metavar else None
        )
        choices = shown.split("|") if shown else [str(choice) for choice in action.choices]
        what = " ".join(action.option_strings[-1:]) or str(action.metavar or action.dest)
        expected = f"expected one of {', '.join(choices)}"
        self.error(f"{what}: {value!r} is unknown; {expected}{did_you_mean(str(value), choices)}")


class CommandParser(Parser):
    """The parser of a command."""

    def parse_known_args(  # type: ignore[override] # as above
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, or end with what is missing or too much, in the words of this command."""
        words = list(args or ())
        self._refuse_unknown_flags(words)
        if not {"-h", "--help"} & {*words}:
            self._refuse_missing_flags(words)
        known, extra = super().parse_known_args(args, namespace)
        if extra:
            self.error(f"{' '.join(extra)}: not expected here")
        return known, extra

    def _refuse_missing_flags(self, words: Sequence[str]) -> None:
        for action in filter(lambda action: action.required, self._actions):
            flags = action.option_strings
            if flags and not any(word.partition("=")[0] in flags for word in words):
                self.error(f"{flags[-1]} {action.metavar} is missing: {action.help}")

    def format_help(self) -> str:
        """Return the help, whose first line has what a command needs: all flags follow below it."""
        parts = [_in_usage(action) for action in self._actions]
        self.usage = self.usage or " ".join([self.prog, *filter(None, parts), "[flags]"])
        return super().format_help()


def _in_usage(action: argparse.Action) -> str:
    """How an argument is named in the first line of help; a flag that can be left out is not."""
    name = f"{action.metavar or action.dest}{' ..' if action.nargs == '+' else ''}"
    if action.required:
        return " ".join([*action.option_strings[-1:], name])
    return "" if action.option_strings else f"[{name}]"


def _is_flag(word: str) -> bool:
    return word.startswith("-")
