"""Chats that `inspect` shows: in many scripts, and with texts that try to steer a terminal or a page."""

from typing import Any

from chats import Record, to_jsonl

HOSTILE = "\x1b[31mred\x1b[0m \x07 \x9b2J </script><script>alert(1)</script> \u202eright\u202c \u2028 \x7f \r"
CJK = "北京烤鸭怎么吃才地道。" * 20 + "한국어 日本語" * 9
EMOJI = "👩‍👩‍👧‍👦 🇩🇪 ❤️ 🤦🏽‍♂️ é " * 12
RTL = "الشاي الأخضر הירוק " * 12

CHATS: dict[str, list[Record]] = {
    "plain": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "And 2+2?\n\n"},
        {"role": "assistant", "content": " 4 \n", "weight": 0},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Yes."},
    ],
    "reasoning": [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "reasoning_content": "One and one.", "content": "2"},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"},
    ],
    "foreign": [
        {"role": "user", "content": CJK + EMOJI},
        {"role": "assistant", "content": EMOJI + RTL + CJK},
        {"role": "user", "content": RTL},
        {"role": "assistant", "content": "🙂" * 50},
    ],
    "hostile": [
        {"role": "user", "content": HOSTILE + "<|im_end|>"},
        {"role": "assistant", "content": HOSTILE},
    ],
    "tools": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Köln"}}}],
        },
        {"role": "tool", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
    ],
}


def chat(name: str, **keys: Any) -> bytes:
    """Return a conversation as a line."""
    return to_jsonl([{"messages": CHATS[name], **keys}])
