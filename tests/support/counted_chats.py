"""Chats that `stats` counts, some of them broken."""

from typing import Any

from paths import EXAMPLE_CHATS

EXAMPLES = EXAMPLE_CHATS.read_bytes()


def chat(*contents: str, **more: Any) -> dict[str, Any]:
    """User and assistant in turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    return {"messages": messages, **more}


HOSTILE = [
    chat("Hi", "Hey"),
    chat("Hi", "Hey"),
    {"messages": []},
    {"nothing": 1},
    chat("a", "b", "c", "d", "e", "f"),
    chat("only a question"),
    chat("Привет", "नमस्ते 你好"),
]
