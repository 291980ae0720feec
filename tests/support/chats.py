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


def answer(content: Any, **keys: Any) -> Record:
    """Return a message of the assistant."""
    return {"role": "assistant", "content": content, **keys}


def result(content: str) -> Record:
    """Return what a tool has answered."""
    return {"role": "tool", "content": content}


def call(name: str, **arguments: Any) -> Record:
    """Return a message of the assistant that calls a tool without text."""
    return answer("", tool_calls=[{"type": "function", "function": {"name": name, **arguments}}])


TWO_TURNS = [user("a"), answer("one"), user("b"), answer("two")]
THREE_TURNS = [*TWO_TURNS, user("c"), answer("three")]


#: Assistant messages are at 1, at 3 and, after a tool, at 5.
ASKED_LAST = [user("a"), answer("one"), user("b"), answer("two"), result("t"), answer("three")]
#: In every turn something is thought; in the first and the third a tool is called as well.
THOUGHTFUL = [
    user("a"),
    {**call("look", arguments={"at": 1}), "reasoning_content": "to see"},
    result("seen"),
    answer("one", reasoning_content="so"),
    user("b"),
    answer("two", reasoning_content="hm"),
    user("c"),
    {**call("look", arguments={"at": 2}), "reasoning_content": "again"},
    result("seen"),
    answer("three"),
]


def chat_of(*contents: str, **keys: Any) -> Record:
    """Return a conversation in which user and assistant take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    return {"messages": messages, **keys}


def named_chat(name: object, turns: int = 2, **keys: Any) -> Record:
    """Return a conversation whose answers grow; the keys go to its last answer."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append(user(f"Question {turn} of {name}?"))
        messages.append(answer(f"Answer {turn} to {name}. " * (turn + 1)))
    messages[-1] |= keys
    return {"messages": messages}


def numbered_chat(number: int) -> Record:
    """Return a distinct conversation of one to three turns; every fourth has no answer."""
    messages: list[Record] = []
    for turn in range(1 + number % 3):
        messages.append(user(f"Question {turn} of {number}?"))
        messages.append(answer(f"Answer {turn}. " * (number % 4)))
    return {"messages": messages}


def talk(turns: int, words: int = 12) -> Record:
    """Return a conversation with a system message and some wordy exchanges."""
    messages = [{"role": "system", "content": "Be kind."}]
    for turn in range(turns):
        messages.append(user(f"Question {turn}: " + "why " * words))
        messages.append(answer(f"Answer {turn}: " + "so " * words))
    return {"messages": messages}
