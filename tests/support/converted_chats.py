"""Chats as abstract exchanges, and as each API writes them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

from chats import Record

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What the assistant says at once, and what the tools that it calls answer."""

    text: str | None
    reasoning: str | None
    calls: tuple[tuple[Arguments, str], ...]


@dataclass(frozen=True)
class Chat:
    """A conversation: what the user says, and the steps of each answer, the last of which calls nothing."""

    system: str | None
    turns: tuple[tuple[str, tuple[Step, ...]], ...]

    def steps(self) -> Iterator[tuple[str | None, Step, int]]:
        """Each step with what the user said directly before it, and the number of its first call."""
        number = 0
        for question, steps in self.turns:
            for at, step in enumerate(steps):
                yield (None if at else question), step, number
                number += len(step.calls)


_TEXTS = st.text("abc <>{}\n", min_size=1, max_size=8)
_CALLS = st.lists(st.tuples(st.dictionaries(_TEXTS, _TEXTS, max_size=2), _TEXTS), max_size=3)
_LAST = st.builds(Step, _TEXTS, st.none() | _TEXTS, st.just(()))
_CALLING = st.builds(
    Step,
    st.none() | _TEXTS,
    st.none() | _TEXTS,
    _CALLS.filter(bool).map(tuple),
)
_STEPS = st.tuples(st.lists(_CALLING, max_size=2), _LAST).map(lambda steps: (*steps[0], steps[1]))
CHATS = st.builds(
    Chat, st.none() | _TEXTS, st.lists(st.tuples(_TEXTS, _STEPS), min_size=1, max_size=3).map(tuple)
)

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}


def as_messages(chat: Chat, *, arguments: Literal["object", "text"]) -> Record:
    """As OpenAI's Chat Completions have it, which every other form is compared with."""
    messages: list[Record] = []
    if chat.system is not None:
        messages.append({"role": "system", "content": chat.system})
    for question, step, number in chat.steps():
        if question is not None:
            messages.append({"role": "user", "content": question})
        message: Record = {"role": "assistant"}
        if step.text is not None:
            message["content"] = step.text
        if step.reasoning is not None:
            message["reasoning_content"] = step.reasoning
        if step.calls:
            message["tool_calls"] = [
                {
                    "id": f"c{number + at}",
                    "type": "function",
                    "function": {
                        "name": "look",
                        "arguments": given if arguments == "object" else json.dumps(given),
                    },
                }
                for at, (given, _) in enumerate(step.calls)
            ]
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": f"c{number + at}", "content": result}
            for at, (_, result) in enumerate(step.calls)
        ]
    tool = {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}}
    return {"messages": messages, "tools": [tool]}


def as_anthropic(chat: Chat) -> Record:
    """As Anthropic's API has it: blocks, and the results of tools in messages of the user."""
    messages: list[Record] = []
    for question, step, number in chat.steps():
        if question is not None:
            messages.append({"role": "user", "content": question})
        blocks: list[Record] = []
        if step.reasoning is not None:
            blocks.append({"type": "thinking", "thinking": step.reasoning, "signature": "x"})
        if step.text is not None:
            blocks.append(
                {"type": "text", "text": step.text, "cache_control": {"type": "ephemeral"}}
            )
        blocks += [
            {"type": "tool_use", "id": f"c{number + at}", "name": "look", "input": given}
            for at, (given, _) in enumerate(step.calls)
        ]
        messages.append({"role": "assistant", "content": blocks})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": f"c{number + at}",
                "content": result if at % 2 else [{"type": "text", "text": result}],
            }
            for at, (_, result) in enumerate(step.calls)
        ]
        if results:
            messages.append({"role": "user", "content": results})
    tool = {"name": "look", "input_schema": PARAMETERS, "cache_control": {"type": "ephemeral"}}
    system = None if chat.system is None else [{"type": "text", "text": chat.system}]
    return {"messages": messages, "tools": [tool], "system": system}


def as_responses(chat: Chat) -> Record:
    """As OpenAI's Responses have it, all of it in the input."""
    items: list[Record] = []
    for question, step, number in chat.steps():
        if question is not None:
            items.append({"role": "user", "content": [{"type": "input_text", "text": question}]})
        if step.reasoning is not None:
            place = "content" if number % 2 else "summary"
            kind = "reasoning_text" if number % 2 else "summary_text"
            part = {"type": kind, "text": step.reasoning}
            items.append({"type": "reasoning", "id": "r", "summary": [], place: [part]})
        if step.text is not None:
            half = len(step.text) // 2
            parts = [
                {"type": "output_text", "text": text, "annotations": []}
                for text in (step.text[:half], step.text[half:])
            ]
            message = {"type": "message", "role": "assistant", "content": parts}
            items.append({**message, "id": "m", "status": "completed"})
        items += [
            {
                "type": "function_call",
                "id": "f",
                "call_id": f"c{number + at}",
                "name": "look",
                "arguments": json.dumps(given),
            }
            for at, (given, _) in enumerate(step.calls)
        ]
        items += [
            {"type": "function_call_output", "call_id": f"c{number + at}", "output": result}
            for at, (_, result) in enumerate(step.calls)
        ]
    tool = {"type": "function", "name": "look", "parameters": PARAMETERS}
    return {"input": items, "tools": [tool], "instructions": chat.system}
