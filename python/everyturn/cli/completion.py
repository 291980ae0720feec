"""``everyturn completion``: what a shell needs to complete commands, flags and their values.

In: the parser of the command line. Out: a script for bash, zsh or fish, which needs nothing of this package when it
runs. Every word is one that the parser knows; files are completed by the shell.
"""

import argparse
import dataclasses
import shlex
from collections.abc import Iterator
from typing import Any

from everyturn.cli.console import EXIT_DONE
from everyturn.diagnostics.catalogue import KINDS

EXAMPLES = """\
examples:
  eval "$(everyturn completion bash)"      # in ~/.bashrc; zsh in ~/.zshrc, behind compinit
  everyturn completion fish > ~/.config/fish/completions/everyturn.fish
"""

SHELLS = ("bash", "zsh", "fish")


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

    commands = list(_commands(parser()))
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[parsed.shell]
    print(script(commands))  # noqa: T201
    return EXIT_DONE


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A flag of a command.

    Attributes:
        names: With their dashes.
        takes: Whether a value follows.
        values: The values that it takes; empty if they are free.
        text: What it does.
    """

    names: tuple[str, ...]
    takes: bool
    values: tuple[str, ...]
    text: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What may stand behind a command; the command itself has the name "" without one.

    Attributes:
        command: Its name.
        text: What it does.
        flags: Its flags.
        values: Words that are no flags; empty if they are files.
    """

    command: str
    text: str
    flags: tuple[Flag, ...]
    values: tuple[str, ...]


def _commands(parser: argparse.ArgumentParser) -> Iterator[Words]:
    for action in parser._actions:  # noqa: SLF001 - argparse tells its flags in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            help_texts = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001
            yield Words(command="", text="", flags=_flags(parser), values=tuple(action.choices))
            for name, sub in action.choices.items():
                values = tuple(KINDS) if name == "explain" else _values(sub)
                yield Words(command=name, text=help_texts[name], flags=_flags(sub), values=values)


def _flags(parser: argparse.ArgumentParser) -> tuple[Flag, ...]:
    return tuple(
        Flag(
            names=tuple(action.option_strings),
            takes=action.nargs != 0,
            values=tuple(map(str, action.choices or ())),
            text=(action.help or "").partition(" (default")[0].replace("%%", "%"),
        )
        for action in parser._actions  # noqa: SLF001 - likewise
        if action.option_strings
    )


def _values(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    places = (action for action in parser._actions if not action.option_strings)  # noqa: SLF001 - likewise
    return tuple(str(choice) for action in places for choice in action.choices or ())


def _bash(commands: list[Words]) -> str:
    flags, values = [], []
    for words in commands:
        names = " ".join(name for flag in words.flags for name in flag.names)
        flags.append(
            f"    {words.command or '-'}) words={shlex.quote(' '.join([names, *words.values]))};;"
        )
        for flag in words.flags:
            if flag.takes:
                pattern = "|".join(f"{words.command or '-'}:{name}" for name in flag.names)
                values.append(f"    {pattern}) words={shlex.quote(' '.join(flag.values))};;")
    return BASH.format(flags="\n".join(flags), values="\n".join(values))


BASH = """\
# everyturn: completion for bash
_everyturn() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command=- words=
  if ((COMP_CWORD > 1)); then command="${{COMP_WORDS[1]}}"; fi
  case "$command:$before" in
{values}
    *) case "$command" in
{flags}
    esac;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _everyturn everyturn"""


def _zsh(commands: list[Words]) -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(commands)}"


def _fish(commands: list[Words]) -> str:
    lines = ["# everyturn: completion for fish"]
    for words in commands:
        seen = (
            f"__fish_seen_subcommand_from {words.command}"
            if words.command
            else "__fish_use_subcommand"
        )
        start = f"complete -c everyturn -n {_fish_text(seen)}"
        if words.values:
            texts = {other.command: other.text for other in commands} if not words.command else {}
            for value in words.values:
                text = f" -d {_fish_text(texts[value])}" if value in texts else ""
                lines.append(f"{start} -f -a {_fish_text(value)}{text}")
        for flag in words.flags:
            names = " ".join(_fish_name(name) for name in flag.names)
            takes = " -r" if flag.takes else ""
            choices = f" -f -a {_fish_text(' '.join(flag.values))}" if flag.values else ""
            lines.append(f"{start} {names}{takes}{choices} -d {_fish_text(flag.text)}")
    return "\n".join(lines)


def _fish_name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"


def _fish_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
