"""tinker-cookbook: `build_supervised_examples` of its renderers, which expands per turn where a renderer needs it."""

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Record, RecordTool, labels_of
from everyturn.bench.tools.probing import Make, choose, with_thinking_parts

NAMES = (
    *("llama3", "qwen3", "qwen3_instruct", "qwen3_disable_thinking"),
    *("deepseekv3", "deepseekv3_thinking"),
    *("gpt_oss_no_sysprompt", "gpt_oss_low_reasoning", "gpt_oss_medium_reasoning"),
    *("kimi_k2", "kimi_k25", "kimi_k25_disable_thinking", "nemotron3", "nemotron3_ultra"),
)
"""Names of its renderers for text."""


class Tinker(RecordTool):
    """One of its renderers."""

    def __init__(self, renderers: Any, name: str, tokenizer: Any) -> None:
        self._renderers = renderers
        self._renderer = renderers.get_renderer(name, tokenizer)

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the examples of a conversation."""
        messages = with_thinking_parts(record)
        for message in messages:
            if calls := message.get("tool_calls"):
                message["tool_calls"] = [self._tool_call(call) for call in calls]
        if tools := record.get("tools"):
            messages = self._with_tools(messages, [tool["function"] for tool in tools])
        examples = self._renderer.build_supervised_examples(
            messages, train_on_what=self._renderers.TrainOnWhat.ALL_ASSISTANT_MESSAGES
        )
        for tokens, weights in examples:
            ids = tokens.to_ints()
            yield ids, labels_of(ids, weights.tolist())

    def _with_tools(self, messages: list[Any], tools: list[Any]) -> list[Any]:
        system = ""
        if messages[0]["role"] == "system":
            system, messages = messages[0]["content"], messages[1:]
        prefix = self._renderer.create_conversation_prefix_with_tools(tools, system_prompt=system)
        return [*prefix, *messages]

    def _tool_call(self, call: dict[str, Any]) -> Any:
        function = call["function"]
        arguments = function["arguments"]
        text = (
            arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        )
        body = self._renderers.ToolCall.FunctionBody(name=function["name"], arguments=text)
        return self._renderers.ToolCall(id=call.get("id"), function=body)


def load(job: Job) -> RecordTool:
    """Find the renderer of the model."""
    import transformers
    from tinker_cookbook import renderers

    tokenizer = transformers.AutoTokenizer.from_pretrained(job.sources.folder)
    return choose(job, _candidates(renderers, tokenizer))


def _candidates(renderers: Any, tokenizer: Any) -> Iterator[tuple[str, Make]]:
    for name in NAMES:
        yield name, functools.partial(Tinker, renderers, name, tokenizer)
