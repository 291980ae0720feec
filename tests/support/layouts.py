"""The layouts, what expands and shows rows in them, and the texts that rows are compared with."""

from collections.abc import Callable
from pathlib import Path

import pytest

import everyturn
from everyturn.options import Layout
from reference import (
    Message,
    ReferenceModel,
    Row,
    normalise,
    row_of,
)

Expand = Callable[..., everyturn.Samples]
Shown = Callable[[str, everyturn.Samples], list[str]]

LAYOUTS: tuple[Layout, ...] = ("per_turn", "merged", "tree", "conversation")
every_layout = pytest.mark.parametrize("layout", LAYOUTS)
every_exact_layout = pytest.mark.parametrize("layout", ["per_turn", "merged", "tree"])


def targets_of(samples: everyturn.Samples) -> list[int]:
    """The messages that are trained, over all rows."""
    return sorted(samples.targets.tolist())


def chatml(*turns: str) -> str:
    """Return a ChatML text of turns such as `user a` and `assistant «one`, trained from the «."""
    text = ""
    for turn in turns:
        role, content = turn.split(" ", 1)
        closed = "»" if content.startswith("«") else ""
        text += f"<|im_start|>{role}\n{content}<|im_end|>{closed}\n"
    return text


def reference_rows(folder: Path, stop: str, messages: list[Message]) -> list[Row]:
    """The rows of `per_turn` by the reference."""
    conversation = normalise({"messages": messages}, "messages")
    expected = ReferenceModel(folder, stop=stop).expand(conversation, 1)
    return [row_of(target) for target in expected]
