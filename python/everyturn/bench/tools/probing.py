"""Which of a tool's own renderers writes a model's conversations.

In: candidates by name, and the probe as everyturn expands it. Out: the first that agrees with it on every target, or
on the most. Names of models play no part.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from everyturn.bench.agreement import spans
from everyturn.bench.job import PROBE, Job, ProbeRow
from everyturn.bench.tools import Record, RecordTool, Unusable

Make = Callable[[], RecordTool]


def choose(job: Job, candidates: Iterable[tuple[str, Make]]) -> RecordTool:
    """Return the tool with the renderer that fits the model.

    Raises:
        Unusable: None writes a single target as the model's template does.
    """
    best: RecordTool | None = None
    most = 0
    for name, make in candidates:
        if job.variant not in (None, name):
            continue
        try:
            tool = make()
            agreed = _agreed(tool, job.probe)
        except Exception:  # noqa: BLE001, S112 - a renderer that cannot even do the probe is not the one
            continue
        tool.variant = name
        if agreed > most:
            best, most = tool, agreed
        if agreed == len(job.probe):
            break
    if best is None:
        raise Unusable("it has no renderer that writes this model's prompts")
    return best


def _agreed(tool: RecordTool, probe: Sequence[ProbeRow]) -> int:
    made = {
        (start, tuple(ids[:end]))
        for ids, labels in tool.rows({"messages": PROBE})
        for start, end in spans(labels)
    }
    return sum((row.start, tuple(row.ids)) in made for row in probe)


def with_thinking_parts(record: Record) -> list[dict[str, Any]]:
    """Return the messages with reasoning as a part of the content, where such tools expect it."""
    messages = []
    for message in record["messages"]:
        reasoning = message.get("reasoning_content")
        changed = {key: value for key, value in message.items() if key != "reasoning_content"}
        if reasoning:
            parts = [{"type": "thinking", "thinking": reasoning}]
            if message.get("content"):
                parts.append({"type": "text", "text": message["content"]})
            changed["content"] = parts
        messages.append(changed)
    return messages
