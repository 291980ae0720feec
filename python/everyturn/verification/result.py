"""What comes out of comparing prompts with a server's."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from everyturn.options import ContentFormat, Serve
from everyturn.verification.comparison import Difference
from everyturn.verification.servers import ServerInfo
from everyturn.wording import counted

SHOWN = 5
"""The differences that are shown in words."""

NO_MATCH = (
    "no preset makes all of the server's prompts: its chat template or its tokenizer is another one than the model "
    "folder's, or it was started with flags that change prompts"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """How many prompts are the server's under a preset.

    Attributes:
        serve: The preset.
        content_format: How contents reach the template.
        equal: The prompts that are equal.
        fault: Why the model cannot be loaded so, or None.
    """

    serve: Serve
    content_format: ContentFormat
    equal: int
    fault: str | None = None

    @property
    def flags(self) -> str:
        """The flags of the command line that choose it."""
        chosen = "" if self.content_format == "auto" else f" --content-format {self.content_format}"
        return f"--serve {self.serve}{chosen}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether the prompts of samples are those of a server.

    Attributes:
        server: The server that was asked.
        preset: The server and version whose rules the prompts follow, or ``template``.
        serve: Its name as an option.
        content_format: How contents reach the template, as an option.
        compared: The prompts that were compared.
        differences: Those that are not equal.
        lost: Targets and records without a prompt, by the kind of their faults.
        notes: What to know beside that.
        suggestions: What other presets give, if it was asked for; the best first.
    """

    server: ServerInfo
    preset: str
    serve: Serve
    content_format: ContentFormat
    compared: int
    differences: tuple[Difference, ...]
    lost: Mapping[str, int]
    notes: tuple[str, ...]
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def equal(self) -> int:
        """The prompts that are equal."""
        return self.compared - len(self.differences)

    @property
    def is_equal(self) -> bool:
        """Whether prompts were compared, and all are equal."""
        return self.compared > 0 and not self.differences

    @property
    def matching(self) -> Suggestion | None:
        """The first suggestion under which all prompts are equal."""
        return next((each for each in self.suggestions if each.equal == self.compared > 0), None)

    def __str__(self) -> str:
        return (
            f"{self.equal} of {counted(self.compared, 'prompt')} equal: {self.server} at {self.server.url} "
            f"({self.server.route}), prompts as {self.preset}"
        )

    def lines(self) -> list[str]:
        """Return it in words; the summary last."""
        lines: list[str] = []
        for difference in self.differences[:SHOWN]:
            lines += [*difference.lines(), ""]
        if len(self.differences) > SHOWN:
            lines += [f"and {len(self.differences) - SHOWN} more that differ", ""]
        if self.suggestions:
            lines += [*self._suggested(), ""]
        if self.lost:
            counts = ", ".join(f"{kind} {count}" for kind, count in sorted(self.lost.items()))
            lines.append(f"note: without a prompt, so not compared: {counts}")
        lines += [f"note: {note}" for note in self.notes]
        return [*lines, str(self)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        plain = dataclasses.asdict(self)
        plain["lost"] = dict(self.lost)
        matching = self.matching
        return plain | {
            "equal": self.equal,
            "is_equal": self.is_equal,
            "suggested": None if matching is None else matching.flags,
        }

    def _suggested(self) -> list[str]:
        width = max(len(each.flags) for each in self.suggestions)
        lines = [
            f"{each.flags:<{width}}  "
            + (
                f"cannot be used: {each.fault}"
                if each.fault
                else f"{each.equal} of {self.compared} equal"
            )
            for each in self.suggestions
        ]
        matching = self.matching
        if matching is not None:
            return [*lines, f"use: {matching.flags}"]
        return [
            *lines,
            NO_MATCH,
        ]
