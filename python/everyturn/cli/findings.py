"""Findings as lines for people and editors, JSON, SARIF, and commands for GitHub's runners.

In: findings and changes, one after the other. Out: text on a stream. Nothing is held back but the changes of JSON,
which come after the findings, and what is counted or grouped by kind.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import IO, Any, Literal, Protocol, TypeAlias
from urllib.parse import quote

from everyturn import _core
from everyturn.catalogue import KINDS
from everyturn.checks.finding import Change, Finding
from everyturn.checks.tally import Tally, grouped_lines, statistics_lines
from everyturn.control_characters import lines_shown
from everyturn.diagnostics.kind import Severity
from everyturn.exceptions import OptionsError
from everyturn.faults import message_of

Format: TypeAlias = Literal["text", "grouped", "json", "sarif", "github"]

SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
HELP_PAGE = "https://github.com/everyturn/everyturn/blob/main/docs/errors.md"
COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}
"""What GitHub calls the severities."""


class Writer(Protocol):
    """Writes findings in some form."""

    def write(self, item: Finding | Change) -> None:
        """Take the next one."""

    def close(self, counts: dict[str, int], /) -> None:
        """Write what comes last; the counts are those of findings by kind."""


class TextWriter:
    """A line for each: ``file:line: message 3: error: kind: text``."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, item: Finding | Change) -> None:
        """Write a line."""
        self._out.write(f"{lines_shown(str(item))}\n")

    def close(self, _counts: dict[str, int]) -> None:
        """Write nothing."""


class JsonWriter:
    """One object with findings, changes and counts; a finding a line."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._changes: list[Change] = []
        self._between = ""
        out.write('{"findings": [')

    def write(self, item: Finding | Change) -> None:
        """Write a finding, or keep a change."""
        if isinstance(item, Change):
            self._changes.append(item)
            return
        self._out.write(f"{self._between}\n{_json(dataclasses.asdict(item))}")
        self._between = ","

    def close(self, counts: dict[str, int]) -> None:
        """Write changes and counts."""
        changes = _json([dataclasses.asdict(change) for change in self._changes])
        self._out.write(f'\n], "changes": {changes}, "counts": {_json(counts)}}}\n')


class SarifWriter:
    """SARIF 2.1.0, one run, with every kind of finding as a rule; changes are left out."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._between = ""
        self._rules = {name: index for index, name in enumerate(_reported())}
        out.write(f'{{"$schema": {_json(SARIF_SCHEMA)}, "version": "2.1.0", "runs": [{{"tool": ')
        out.write(
            f'{_json({"driver": self._driver()})}, "columnKind": "unicodeCodePoints", "results": ['
        )

    def _driver(self) -> dict[str, Any]:
        return {
            "name": "everyturn",
            "version": _core.__version__,
            "informationUri": "https://github.com/everyturn/everyturn",
            "rules": [
                {
                    "id": name,
                    "shortDescription": {"text": KINDS[name].summary},
                    "fullDescription": {"text": KINDS[name].reason},
                    "help": {"text": KINDS[name].remedy},
                    "helpUri": f"{HELP_PAGE}#{name}",
                    "defaultConfiguration": {"level": KINDS[name].severity},
                }
                for name in self._rules
            ],
        }

    def write(self, item: Finding | Change) -> None:
        """Write a result."""
        if isinstance(item, Change):
            return
        location: dict[str, Any] = {
            "physicalLocation": {
                "artifactLocation": {"uri": _uri(item.file)},
                "region": {"startLine": item.line},
            }
        }
        if item.message_index is not None:
            location["logicalLocations"] = [
                {"name": message_of(item.message_index), "kind": "element"}
            ]
        result = {
            "ruleId": item.kind,
            "ruleIndex": self._rules[item.kind],
            "level": item.severity,
            "message": {"text": item.text},
            "locations": [location],
        }
        self._out.write(f"{self._between}\n{_json(result)}")
        self._between = ","

    def close(self, _counts: dict[str, int]) -> None:
        """End the run."""
        self._out.write("\n]}]}\n")


class GithubWriter:
    """Workflow commands, which GitHub shows at the lines of a pull request."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, item: Finding | Change) -> None:
        """Write a command; a change is a notice."""
        command = COMMANDS[item.severity] if isinstance(item, Finding) else "notice"
        index = item.message_index
        text = item.text if index is None else f"{message_of(index)}: {item.text}"
        title = item.kind if isinstance(item, Finding) else f"fixed: {item.kind}"
        properties = {"file": item.file, "line": str(item.line), "title": title}
        shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        line = f"::{command} {shown}::{_data(text)}"
        self._out.write(f"{lines_shown(line)}\n")

    def close(self, _counts: dict[str, int]) -> None:
        """Write nothing."""


class TallyWriter:
    """What a tally holds when all is read, instead of each finding."""

    def __init__(self, out: IO[str], lines: Callable[[], Iterable[str]]) -> None:
        self._out = out
        self._lines = lines

    def write(self, item: Finding | Change) -> None:
        """Write nothing: the tally counts."""

    def close(self, _counts: dict[str, int]) -> None:
        """Write the lines."""
        self._out.writelines(f"{lines_shown(line)}\n" for line in self._lines())


def writer_to(out: IO[str], tally: Tally, form: Format, *, statistics: bool) -> Writer:
    """Return what writes findings in a form, or how many of each kind the tally has counted.

    Raises:
        OptionsError: Statistics have no such form.
    """
    if not statistics:
        if form == "grouped":
            return TallyWriter(out, lambda: grouped_lines(tally))
        return WRITERS[form](out)
    if form == "json":
        return TallyWriter(
            out, lambda: [_json([count.to_dict() for count in tally.most_frequent_first()])]
        )
    if form == "text":
        return TallyWriter(out, lambda: statistics_lines(tally))
    raise OptionsError(f"--statistics are text or JSON, and --format is {form}")


WRITERS: dict[Format, type[TextWriter | JsonWriter | SarifWriter | GithubWriter]] = {
    "text": TextWriter,
    "json": JsonWriter,
    "sarif": SarifWriter,
    "github": GithubWriter,
}


def _reported() -> Iterator[str]:
    return (name for name, kind in KINDS.items() if kind.severity is not None)


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
