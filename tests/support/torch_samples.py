"""Samples for PyTorch, and what a loader gives of them."""

from collections.abc import Iterable
from typing import Any

from torch.utils.data import DataLoader

import everyturn
import everyturn.torch
from chats import Record, to_jsonl
from everyturn.torch import (
    Item,
    StreamDataset,
)

PAD = 3
SECONDS = 60


def chat(number: int, turns: int, **keys: Any) -> Record:
    """Return a conversation with reasoning, which the built-in model's template drops from history."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {number}?"})
        thought = {"reasoning_content": f"Thought {turn}."} if number % 2 else {}
        words = f"Answer {turn} to {number}. " * (1 + (number + turn) % 3)
        messages.append({"role": "assistant", "content": words, **thought})
    messages[-1] |= keys
    return {"messages": messages}


CHATS = [chat(number, 1 + number % 4) for number in range(8)]
WEIGHTED = [*CHATS, chat(8, 3, weight=0.5), chat(9, 2, weight=0.25)]

#: More lines than chunks hold, one of them blank, rows of several turns.
LINES = to_jsonl(chat(number, 1 + number % 3) for number in range(30)) + b"\n"
LINES += to_jsonl(chat(number, 2) for number in range(30, 40))
EXPANDER = everyturn.Expander("demo", layout="per_turn")


def expanded(records: Iterable[Record], **options: Any) -> everyturn.Samples:
    """Expand with the built-in model."""
    return everyturn.Expander("demo", **options).expand(to_jsonl(records))


def keys_of(items: Iterable[Item]) -> list[tuple[int, tuple[int, ...]]]:
    """Line and targets of each item."""
    return [(item["line"], tuple(item["targets"])) for item in items]


EXPECTED = keys_of(StreamDataset(EXPANDER, LINES))


def as_they_come(items: list[Item]) -> list[Item]:
    """Leave a batch as it is."""
    return items


def in_batches(dataset: Any, **options: Any) -> list[Item]:
    """All that a loader gives."""
    timeout = SECONDS if options.get("num_workers") else 0
    loader: Any = DataLoader(dataset, collate_fn=as_they_come, timeout=timeout, **options)
    return [item for batch in loader for item in batch]
