"""Messages, conversations and records for tests: what builds them, and how they become lines."""

import json
from collections.abc import Callable, Iterable
from typing import Any

Record = dict[str, Any]
Route = Callable[[Iterable[Record]], Any]


def to_jsonl(records: Iterable[Record]) -> bytes:
    """Return the lines of some records."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def user(content: str, **keys: Any) -> Record:
    """Return a message of the user."""
    return {"role": "user", "content": content, **keys}


def answer(content: str, **keys: Any) -> Record:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content, **keys}


def result(content: str) -> Record:
    """Return what a tool has answered."""
    return {"role": "tool", "content": content}


def call(name: str, **arguments: Any) -> Record:
    """Return a message of the assistant that calls a tool and says nothing."""
    return answer("", tool_calls=[{"type": "function", "function": {"name": name, **arguments}}])


TWO_TURNS = [user("a"), answer("one"), user("b"), answer("two")]
THREE_TURNS = [*TWO_TURNS, user("c"), answer("three")]


def chat_of(*contents: str, **keys: Any) -> Record:
    """Return a conversation in which user and assistant take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    return {"messages": messages, **keys}


def named_chat(name: str, turns: int, **keys: Any) -> Record:
    """Return a conversation whose answers grow; the keys go to its last answer."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append(user(f"Question {turn} of {name}?"))
        messages.append(answer(f"Answer {turn} to {name}. " * (turn + 1)))
    messages[-1] |= keys
    return {"messages": messages}


def numbered_chat(number: int) -> Record:
    """Return a conversation of its own, of one to three turns; every fourth says nothing."""
    messages: list[Record] = []
    for turn in range(1 + number % 3):
        messages.append(user(f"Question {turn} of {number}?"))
        messages.append(answer(f"Answer {turn}. " * (number % 4)))
    return {"messages": messages}
