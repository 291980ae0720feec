"""LLaMA-Factory: its converter of ShareGPT-like data and its processor of supervised data, with one of its templates.

Reasoning goes into the content and calls of tools become messages of their own, as its documentation asks.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from everyturn.bench.job import PROBE, Job
from everyturn.bench.tools import Record, RecordTool

TAGS = {
    "formatting": "sharegpt",
    "messages": "messages",
    "tools": "tools",
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}
"""How records name things."""

REASONED = [
    {"role": "user", "content": "Ready?"},
    {"role": "assistant", "reasoning_content": "The thought.", "content": "Ready."},
]
"""A chat whose rendering says whether a model's template shows reasoning: else it is no part of the data."""

BETWEEN_RESULTS = "\n</tool_response>\n<tool_response>\n"
"""What its own converter writes between results that follow one another."""

OF_CHAT_TEMPLATE = "read out of the chat template"
"""What it does where no template is named."""

ENDLESS = 1_000_000_000
"""More tokens than a row has."""


class LlamaFactory(RecordTool):
    """One of its templates."""

    def __init__(self, tokenizer: Any, name: str | None) -> None:
        from llamafactory.data.converter import SharegptDatasetConverter
        from llamafactory.data.parser import DatasetAttr
        from llamafactory.data.processor import SupervisedDatasetProcessor
        from llamafactory.data.template import get_template_and_fix_tokenizer
        from llamafactory.hparams.data_args import DataArguments

        arguments = DataArguments(template=name, cutoff_len=ENDLESS)
        attributes = DatasetAttr("file", dataset_name="chats", **TAGS)
        self._convert = SharegptDatasetConverter(attributes, arguments)
        shown = tokenizer.apply_chat_template(REASONED, tokenize=False)
        self._with_reasoning = is_reasoning_shown(shown)
        template = get_template_and_fix_tokenizer(tokenizer, arguments)
        self._processor = SupervisedDatasetProcessor(
            template=template, tokenizer=tokenizer, processor=None, data_args=arguments
        )

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the one sample of a conversation."""
        converted = self._convert(example_of(record, with_reasoning=self._with_reasoning))
        if not converted["_response"]:
            raise ValueError("Skipping this abnormal example.")
        columns = {key: [value] for key, value in converted.items()}
        made = self._processor.preprocess_dataset(columns)
        yield from zip(made["input_ids"], made["labels"], strict=True)


def is_reasoning_shown(rendered: str) -> bool:
    """Return whether a rendering of `REASONED` has its reasoning."""
    return "The thought." in rendered


def example_of(record: Mapping[str, Any], *, with_reasoning: bool) -> dict[str, Any]:
    """Return a record as its documentation asks for ShareGPT-like data: questions and answers in turns."""
    tools = record.get("tools")
    messages: list[dict[str, str]] = []
    for message in record["messages"]:
        changed = _sharegpt(message, with_reasoning=with_reasoning)
        if messages and changed["role"] == messages[-1]["role"] == "tool":
            messages[-1]["content"] += BETWEEN_RESULTS + changed["content"]
        else:
            messages.append(changed)
    return {
        "messages": messages,
        "tools": json.dumps(tools, ensure_ascii=False) if tools else "",
    }


def _sharegpt(message: dict[str, Any], *, with_reasoning: bool) -> dict[str, str]:
    role, content = message["role"], message.get("content") or ""
    if calls := message.get("tool_calls"):
        functions = [
            {key: call["function"][key] for key in ("name", "arguments")} for call in calls
        ]
        role, content = "function_call", json.dumps(functions, ensure_ascii=False)
    reasoning = message.get("reasoning_content")
    if reasoning and with_reasoning:
        # As templates write it: data may have more newlines.
        content = "<think>\n{}\n</think>\n\n{}".format(reasoning.strip("\n"), content.lstrip("\n"))
    return {"role": role, "content": content}


def load(job: Job) -> LlamaFactory:
    """Load the template that writes the model's prompts; without one, what it reads out of the chat template."""
    from llamafactory.data.template import TEMPLATES

    from everyturn.bench.tools.loading import load_auto_tokenizer

    name = job.variant or _fitting(job, TEMPLATES)
    tool = LlamaFactory(load_auto_tokenizer(job), None if name == OF_CHAT_TEMPLATE else name)
    tool.variant = name
    return tool


def _fitting(job: Job, templates: Mapping[str, Any]) -> str:
    """Return the template for text that writes the most targets of the probe, whatever it writes after them.

    Those with the same ids come first; a template that cuts a text otherwise still writes it.
    """
    from llamafactory.data.mm_plugin import BasePlugin

    from everyturn.bench.tools.loading import load_auto_tokenizer

    tokenizer = load_auto_tokenizer(job)
    agreed = {
        name: _agreed(template, tokenizer, job)
        for name, template in templates.items()
        if type(template.mm_plugin) is BasePlugin
    }
    best = max(agreed, key=lambda name: agreed[name])
    return best if any(agreed[best]) else OF_CHAT_TEMPLATE


def _agreed(template: Any, tokenizer: Any, job: Job) -> tuple[int, int]:
    """Return how many targets of the probe a template writes in the same ids, and in the same letters."""
    try:
        pairs = template.encode_multiturn(tokenizer, [dict(message) for message in PROBE])
    except Exception:  # noqa: BLE001 - a template that cannot even do the probe is not the one
        return 0, 0
    ids: list[int] = []
    by_ids = by_text = 0
    for (prompt, answer), row in zip(pairs, job.probe, strict=False):
        ids += [*prompt, *answer]
        if None in ids:  # a token of another model
            return 0, 0
        by_ids += ids[: len(row.ids)] == list(row.ids)
        by_text += _letters(tokenizer, ids).startswith(_letters(tokenizer, row.ids))
    return by_ids, by_text


def _letters(tokenizer: Any, ids: Sequence[int]) -> str:
    return "".join(tokenizer.decode(ids).split())
