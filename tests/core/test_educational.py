"""The rule as `everyturn._educational` spells it out, over transformers alone, is the rule that everyturn follows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

import everyturn
from as_template import template_renderer
from chats import chat_of, talk
from everyturn import _educational
from everyturn._educational import NoStopError, PromptMismatchError, Row
from everyturn.options import Layout
from paths import DEMO, EXAMPLE_CHATS
from reference import STOP_TOKENS, Message, conversations_of, read_lines

STOP = "<|im_end|>"
#: The token that ends a turn, by the name of the small model.
SMALL = {
    "chatml": STOP,
    "drops_reasoning": STOP,
    "eos_only_at_end": "<|end|>",
    "generation_tags": STOP,
    "inst_metaspace": "</s>",
    "inst_prepend": "</s>",
    "llama_like": "<|eot|>",
    "parts": STOP,
    "prefills_thinking": STOP,
    "strict_alternation": STOP,
    "string_arguments": STOP,
}
#: Models whose template refuses a system message, or prefills what it then drops from history.
APART = {"inst_metaspace", "inst_prepend", "prefills_thinking"}
THINKING = chat_of("1+1?", "<think>\nEasy.\n</think>\n\n2", "2+2?", "<think>\nSo.\n</think>\n\n4")
CHATS = [chat_of("Hi", "Hello", "And?", "\nNothing more."), talk(3), THINKING]
LONGEST_LINE = 6_000
LINES_PER_FILE = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """A model in transformers and in everyturn, and the token that ends its turns."""

    tokenizer: Any
    renderer: everyturn.Renderer
    stop: str

    @classmethod
    def of_folder(cls, folder: Path, stop: str) -> "Pair":
        """Load a model twice: the file as it is, where `AutoTokenizer` rebuilds what the config names."""
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        return cls(tokenizer, template_renderer(folder), stop)

    def expand(self, messages: list[Message], layout: Layout) -> list[Row]:
        """Return the rows that everyturn makes of a conversation."""
        samples = everyturn.Expander(self.renderer, layout=layout).expand([{"messages": messages}])
        return [
            Row(*(tuple(part.tolist()) for part in (row.input_ids, row.labels, row.targets)))
            for row in samples
        ]

    def agrees(self, messages: list[Message]) -> bool:
        """Hold the rows of a conversation against each other; whether the rule has rows for it."""
        kind = None
        try:
            rows = _educational.per_turn(self.tokenizer, messages, stop=self.stop)
        except PromptMismatchError:
            kind = "prompt_mismatch"
        except jinja2.TemplateError:
            kind = "template"
        if kind is not None:
            with pytest.raises(everyturn.EveryturnError) as caught:
                self.expand(messages, "per_turn")
            assert caught.value.kind == kind
            return False
        assert self.expand(messages, "per_turn") == rows
        assert self.expand(messages, "merged") == _educational.merged(rows)
        return bool(rows)


def test_the_built_in_model_follows_the_rule() -> None:
    """Its ids and labels for the example chats are those of the rule, a row for each target and merged."""
    pair = Pair(AutoTokenizer.from_pretrained(str(DEMO)), template_renderer("demo"), STOP)
    conversations, _ = conversations_of(EXAMPLE_CHATS.read_bytes().splitlines())
    texts = [each.messages for each in conversations.values() if each.tools is None]
    chats = [chat["messages"] for chat in CHATS]
    assert all(pair.agrees(messages) for messages in [*texts, *chats])


@pytest.mark.parametrize("name", sorted(SMALL))
def test_small_models_follow_the_rule(models: dict[str, Path], name: str) -> None:
    """Whatever their template and tokenizer do: where the rule has rows, they are these, else it is the same error."""
    pair = Pair.of_folder(models[name], SMALL[name])
    held = [pair.agrees(chat["messages"]) for chat in CHATS]
    assert any(held)
    assert all(held) is (name not in APART)


def test_a_turn_without_an_end_is_an_error_that_says_so(models: dict[str, Path]) -> None:
    """Neither trains a turn that never stops."""
    folder = models["no_terminator"]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
    with pytest.raises(NoStopError, match="endoftext"):
        _educational.per_turn(tokenizer, CHATS[0]["messages"], stop="<|endoftext|>")
    with pytest.raises(everyturn.ModelError):
        template_renderer(folder)


def texts_of(path: Path) -> Iterator[list[Message]]:
    """Some short conversations of a file that begin with a question and call no tools."""
    lines = [line for _, line in read_lines(path) if len(line) <= LONGEST_LINE]
    step = max(1, len(lines) // LINES_PER_FILE)
    for conversation in conversations_of(lines[::step][:LINES_PER_FILE])[0].values():
        roles = [message["role"] for message in conversation.messages]
        is_text = all(isinstance(message.get("content"), str) for message in conversation.messages)
        calls = any("tool_calls" in message for message in conversation.messages)
        if is_text and not calls and roles[0] != "assistant" and "tool" not in roles:
            yield conversation.messages


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", sorted(STOP_TOKENS))
def test_real_models_follow_the_rule(
    tokenizer_folder: Callable[[str], Path], data: Path, name: str
) -> None:
    """Real tokenizers and templates, some conversations of each file of real chats."""
    pair = Pair.of_folder(tokenizer_folder(name), STOP_TOKENS[name])
    held = [
        pair.agrees(messages)
        for path in sorted((data / "chats").glob("*.jsonl*"))
        for messages in texts_of(path)
    ]
    assert sum(held) > len(held) // 2 > 5
