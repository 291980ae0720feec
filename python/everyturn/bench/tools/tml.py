"""tml-renderers: `render_for_sft` of its native renderers, each with its own vocabulary."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Record, RecordTool, labels_of
from everyturn.bench.tools.probing import Make, choose, with_thinking_parts

VARIANTS = ("instruct", "disable_thinking")
"""Constructors that some of its classes have in addition to the plain one."""


class Tml(RecordTool):
    """One of its renderers."""

    def __init__(self, renderer: Any) -> None:
        from tml_renderers import chat

        self._message: Any = chat.OpenAIMessage
        self._renderer = renderer

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the samples that it merges a conversation into."""
        if record.get("tools"):
            raise ValueError("records with tools are not handed to tml-renderers")
        messages = self._message.from_oss_messages(with_thinking_parts(record))
        for example in self._renderer.render_for_sft(messages):
            ids = [token for span in example.input_token_spans for token in span.span.int_tokens]
            yield ids, labels_of(ids, example.per_token_loss_weight_unshifted)


def load(job: Job) -> RecordTool:
    """Find the renderer of the model."""
    return choose(job, _candidates())


def _candidates() -> Iterator[tuple[str, Make]]:
    from tml_renderers import renderers

    classes = [(name, kind) for name, kind in vars(renderers).items() if isinstance(kind, type)]
    for name, kind in sorted(classes):
        makes = [(name, kind)]
        makes += [
            (f"{name}.{variant}", getattr(kind, variant))
            for variant in VARIANTS
            if hasattr(kind, variant)
        ]
        for title, make in makes:
            yield title, functools.partial(_tool, make)


def _tool(make: Callable[[], Any]) -> Tml:
    return Tml(make())
