"""What a child process is to run: plain JSON, so that it can be sent through a pipe."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from everyturn.options import ContentFormat, Engine, Serve, TokenizerSource


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
        folder: The model's.
        chat_template: The text or the name of another template, or None.
        template_kwargs: Arguments for every rendering.
        now: The local time that templates are shown, ISO.
        engine: What encodes text, for everyturn itself.
        serve: The server whose prompts everyturn makes.
        content_format: How contents reach the template, for everyturn itself.
        tokenizer: What makes ids of text, for everyturn itself.
        stop_token: What is appended where the template ends no turn, for everyturn itself.
        limits: Those on the model's files, for everyturn itself.
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
    folder: str
    chat_template: str | None
    template_kwargs: Mapping[str, Any]
    now: str
    engine: Engine
    serve: Serve
    content_format: ContentFormat
    tokenizer: TokenizerSource
    stop_token: str | None
    limits: int
    stop_ids: tuple[int, ...]
    options: Mapping[str, Any]
    threads: int
    probe: tuple[ProbeRow, ...]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    shows_all: bool = False
    variant: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The job as plain JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Job":
        """Build it from what `to_dict` gave, by way of JSON."""
        probe = tuple(ProbeRow(**row) for row in fields["probe"])
        return cls(**{**fields, "stop_ids": tuple(fields["stop_ids"]), "probe": probe})


PROBE: list[dict[str, Any]] = [
    {"role": "user", "content": "What is three times seven?"},
    {"role": "assistant", "content": "Three times seven is 21."},
    {"role": "user", "content": "And half of that?"},
    {"role": "assistant", "content": "Half of 21 is 10.5."},
]
"""A conversation that every model's renderer can write."""
