"""Chats that `stats` counts, some of them broken."""

from chats import chat_of
from paths import EXAMPLE_CHATS

EXAMPLES = EXAMPLE_CHATS.read_bytes()


HOSTILE = [
    chat_of("Hi", "Hey"),
    chat_of("Hi", "Hey"),
    {"messages": []},
    {"nothing": 1},
    chat_of("a", "b", "c", "d", "e", "f"),
    chat_of("only a question"),
    chat_of("Привет", "नमस्ते 你好"),
]
