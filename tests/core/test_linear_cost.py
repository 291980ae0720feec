"""Rule: what a conversation costs grows as its turns do, not as their square."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import answer, user
from paths import DEMO

TURNS = 300
TIMES = 4
"""So many times the turns."""

GROWTH = 8
"""Linear cost grows by 4, quadratic cost by 16."""

ATTEMPTS = 5
"""A busy machine may make any measurement slower, and hardly each of them."""

TURN = "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
OPENS = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
CHATML = "{% for message in messages %}" + TURN + "{% endfor %}" + OPENS


def chat(turns: int, calls: list[dict[str, Any]]) -> dict[str, Any]:
    """A conversation of short turns, whose answers call tools."""
    said = [
        message
        for turn in range(turns)
        for message in (
            user(f"words of turn {turn}"),
            answer(f"and what is said to {turn}", **({"tool_calls": calls} if calls else {})),
        )
    ]
    return {"messages": said}


def stripping(folder: Path) -> everyturn.Expander:
    """All control tokens take the white space around them."""
    tokenizer = json.loads((DEMO / "tokenizer.json").read_text(encoding="utf-8"))
    for token in tokenizer["added_tokens"]:
        token |= {"lstrip": True, "rstrip": True}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    config = (DEMO / "tokenizer_config.json").read_text(encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(config, encoding="utf-8")
    return everyturn.Expander(template_renderer(folder, chat_template=CHATML), num_threads=1)


def of_template(template: str, **options: Any) -> Callable[[Path], everyturn.Expander]:
    """The demo with another template."""
    return lambda _: everyturn.Expander(
        template_renderer("demo", chat_template=template), num_threads=1, **options
    )


CASES: dict[str, Callable[[Path], everyturn.Expander]] = {
    "control tokens that take white space": stripping,
    "provenance": of_template(CHATML, provenance=True),
    "a message that every prompt leaves out": of_template(
        CHATML.replace(TURN, "{% if not loop.first %}" + TURN + "{% endif %}")
    ),
    "calls that every prompt leaves out": of_template(CHATML),
    "prompts that are no prefix, skipped": of_template(
        CHATML.replace("assistant\n{%", "assistant\n<think>\n{%"),
        prompt_mismatch="skip",
        on_error="skip",
    ),
}


def is_linear(act: Callable[[int], Any]) -> bool:
    """Whether the CPU time of `TIMES` times the size is nearer to `TIMES` times as much than to its square."""

    def seconds(size: int) -> float:
        start = time.process_time()
        act(size)
        return time.process_time() - start

    small, large = TURNS, TIMES * TURNS
    return any(
        min(seconds(large) for _ in range(3)) < GROWTH * min(seconds(small) for _ in range(3))
        for _ in range(ATTEMPTS)
    )


@pytest.mark.parametrize("case", CASES)
def test_what_a_conversation_costs_grows_as_its_turns_do(case: str, tmp_path: Path) -> None:
    """Whatever is asked for, and whatever the template does with one of its messages."""
    expander = CASES[case](tmp_path)
    calls = [{"type": "function", "function": {"name": "look", "arguments": {"at": "it"}}}]
    chats = {
        size: [chat(size, calls if "calls" in case else [])] for size in (TURNS, TIMES * TURNS)
    }
    expander.expand(chats[TURNS])
    assert is_linear(lambda size: expander.expand(chats[size]))


def test_what_spans_with_weights_cost_grows_as_they_do() -> None:
    """They are in one answer, whose text grows with them."""

    def weighted(spans: int) -> list[dict[str, Any]]:
        details = [
            {"begin_offset": 30 * at, "end_offset": 30 * at + 9, "train": at % 2 == 0}
            for at in range(spans)
        ]
        answered = answer("0123456789 é and other words. " * spans) | {"train_detail": details}
        return [{"messages": [user("Q"), answered]}]

    expander = everyturn.Expander("demo", num_threads=1)
    chats = {size: weighted(size) for size in (TURNS, TIMES * TURNS)}
    assert len(expander.expand(chats[TURNS])) == 1
    assert is_linear(lambda size: expander.expand(chats[size]))
