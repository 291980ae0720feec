"""What the command line says after an error: which option resolves it.

In: an error, and the flags of the command that it ended. Out: lines. An option that resolves an error in some cases is
named only if it was tried on the record and gives it a sample.
"""

import argparse
import contextlib
import json
import re
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

from everyturn.catalogue import KINDS
from everyturn.cli.options import expander_from
from everyturn.cures import LOCATED, notes_on
from everyturn.diagnostics.kind import Kind
from everyturn.exceptions import EveryturnError
from everyturn.faults import Fault, Notes
from everyturn.wording import flag


def hints(error: EveryturnError, parsed: argparse.Namespace) -> Iterator[str]:
    """Return what helps with an error."""
    kind = KINDS.get(error.kind or "")
    if kind is None:
        return
    notes = _notes(error, kind, parsed)
    known = [line for lines in notes.lines.values() for line in lines]
    if flags := " ".join(_as_flags(error.reason or "")):
        known.append(f"on the command line {flags}")
    known += _general(error, kind, parsed)
    if known:
        yield f"hint: {'; '.join(known)}; see `everyturn explain {kind.name}`"


_OPTION = re.compile(r"\b(map|roles|undesired|media|thinking)=(\{[^{}]*\}|\"[^\"]*\")")
"""An option with its value, as errors name it in Python."""


def _as_flags(text: str) -> Iterator[str]:
    """Return the options that a text names in Python as the flags that they are.

    >>> list(_as_flags('map={"messages": "dialog"} would read it, and undesired="skip"'))
    ['--map messages=dialog', '--undesired skip']
    """
    for name, value in _OPTION.findall(text):
        # What is no JSON is a sketch, not a value.
        with contextlib.suppress(ValueError, TypeError):
            stated = json.loads(value)
            pairs = (
                [stated] if isinstance(stated, str) else ["=".join(pair) for pair in stated.items()]
            )
            if not any("," in pair or pair.count("=") > 1 for pair in pairs):
                yield f"{flag(name)} {shlex.quote(','.join(pairs))}"


def _general(error: EveryturnError, kind: Kind, parsed: argparse.Namespace) -> Iterator[str]:
    """Return what helps with errors of a kind, as far as it does with this one."""
    could_skip = error.line is not None and getattr(parsed, "on_error", None) == "raise"
    for words in filter(None, ((kind.resort if kind.cures else kind.hint) or "").split("; ")):
        # A whole file is never skipped, and some commands skip nothing.
        if could_skip or not words.startswith("--on-error"):
            yield words
    if kind.name == "json" and error.line == 1 and error.file and not Path(error.file).is_file():
        yield "CSV is read from a file that is named, not from a pipe"


def _notes(error: EveryturnError, kind: Kind, parsed: argparse.Namespace) -> Notes:
    fault = _fault(error, kind)
    if fault is None or kind.name not in LOCATED or not hasattr(parsed, "prompt_mismatch"):
        return Notes()
    with warnings.catch_warnings():
        # They were given when the command loaded the model.
        warnings.simplefilter("ignore")
        return notes_on(expander_from(parsed), [fault])


def _fault(error: EveryturnError, kind: Kind) -> Fault | None:
    if error.file is None or error.line is None:
        return None
    return Fault(error.file, error.line, error.message_index, kind.name, str(error))
