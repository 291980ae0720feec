"""What a child process is to run: plain JSON, so that it can be sent through a pipe."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from everyturn.model_sources import Sources


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeRow:
    """What everyturn makes of one target of the probe.

    Attributes:
        ids: Prompt and target.
        start: Where the target begins.
    """

    ids: list[int]
    start: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One tool, one model, one number of threads.

    Attributes:
        tool: Its name, for messages.
        module: The module that loads it.
        sources: What the model is loaded from; peers take its folder, template, arguments and time.
        stop_ids: What ends an assistant's turn; the author of a loop by hand knows it.
        options: Those of `everyturn.Expander`, for everyturn itself.
        threads: How many the tool may use.
        settings: Those of the tool itself, where it is compared under several.
        shows_all: Whether a tool that would train nothing with the model is run, not left out.
        probe: `PROBE`, as everyturn expands it: tools that come with renderers of their own find theirs by it.
        variant: The renderer that was found, in a later child of the same tool.
    """

    tool: str
    module: str
    sources: Sources
    stop_ids: tuple[int, ...]
    options: Mapping[str, Any]
    threads: int
    probe: tuple[ProbeRow, ...]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shows_all: bool = False
    variant: str | None = None

    @property
    def template_kwargs(self) -> dict[str, Any]:
        """The arguments for every rendering."""
        kwargs: dict[str, Any] = json.loads(self.sources.template_kwargs)
        return kwargs

    def to_dict(self) -> dict[str, Any]:
        """The job as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Job":
        """Build it from what `to_dict` gave, by way of JSON."""
        read = {
            "sources": Sources(**fields["sources"]),
            "stop_ids": tuple(fields["stop_ids"]),
            "probe": tuple(ProbeRow(**row) for row in fields["probe"]),
        }
        return cls(**{**fields, **read})


PROBE: list[dict[str, Any]] = [
    {"role": "user", "content": "What is three times seven?"},
    {"role": "assistant", "content": "Three times seven is 21."},
    {"role": "user", "content": "And half of that?"},
    {"role": "assistant", "content": "Half of 21 is 10.5."},
]
"""A conversation that every model's renderer can write."""
