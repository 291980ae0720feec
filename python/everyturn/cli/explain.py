"""``everyturn explain``: the reason of a kind of error, warning or finding, and what to do."""

import argparse
import dataclasses
import json
import textwrap
from typing import Any

from everyturn.catalogue import CHAPTERS, KINDS, near
from everyturn.cli.completion import complete_with, words
from everyturn.cli.console import EXIT_DONE
from everyturn.diagnostics.kind import Kind
from everyturn.exceptions import OptionsError

EXAMPLES = """\
examples:
  everyturn explain
  everyturn explain prompt_mismatch
"""

WIDTH = 80


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="explain an error or a finding: the reason, and what to do",
        description="Explain a kind of error, warning or finding: the reason, and what to do; without KIND, list all.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind = parser.add_argument(
        "kind", nargs="?", metavar="KIND", help="a name, e.g. prompt_mismatch"
    )
    complete_with(kind, words("kinds", KINDS))
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(parsed: argparse.Namespace) -> int:
    """Print one, or the list."""
    kinds = list(KINDS.values()) if parsed.kind is None else [_kind(parsed.kind)]
    if parsed.json:
        plain = [dataclasses.asdict(kind) for kind in kinds]
        text = json.dumps(plain if parsed.kind is None else plain[0], ensure_ascii=False)
    else:
        text = "\n".join(_list() if parsed.kind is None else _lines(kinds[0]))
    print(text)  # noqa: T201
    return EXIT_DONE


def _kind(name: str) -> Kind:
    if name in KINDS:
        return KINDS[name]
    meant = near(name)
    hint = f"did you mean {', '.join(meant)}?" if meant else "`everyturn explain` lists all"
    raise OptionsError(f"{name!r} is not a kind of error or finding; {hint}")


def _lines(kind: Kind) -> list[str]:
    found = f"{kind.name}: {kind.summary}"
    if kind.severity is not None:
        found += f" ({kind.severity})"
    hints = [] if kind.hint is None else ["", *_wrapped(f"hint: {kind.hint}")]
    return [*_wrapped(found), "", *_wrapped(kind.reason), "", *_wrapped(kind.remedy), *hints]


def _list() -> list[str]:
    width = max(map(len, KINDS))
    lines: list[str] = []
    for title, kinds in CHAPTERS.items():
        lines += [*([""] if lines else []), title, ""]
        lines += [
            f"  {kind.name:<{width}}  {kind.severity or '-':<8} {kind.summary}" for kind in kinds
        ]
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
