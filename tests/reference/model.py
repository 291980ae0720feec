"""Text and ids of one model: each target of a conversation as the rule has it, or the kind of its fault.

Text comes from transformers (`apply_chat_template`, one call a prompt and one a full rendering), ids from the
tokenizer.json: transformers rebuilds Llama-like tokenizers from the class named in the config, and then disagrees with
the file. The rule itself is that of `everyturn._educational`; what is added here is what a template takes.
"""

import contextlib
import dataclasses
import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.utils import logging

from everyturn._educational import Encoder, Ids, NoStopError, PromptMismatchError, completion_of
from reference.json import parse_json
from reference.records import Conversation, Message, or_none
from reference.targets import Target, targets

FaultKind = Literal["empty_prompt", "template", "prompt_mismatch", "no_stop"]

#: The token that ends an assistant's turn, by the name of the tokenizer's folder. Read from the
#: templates by a person: the product has to find the same by probing.
STOP_TOKENS = {
    "deepseek-v3": "<｜end▁of▁sentence｜>",  # noqa: RUF001
    "llama-2": "</s>",
    "llama-3.1": "<|eot_id|>",
    "minimind": "<|im_end|>",
    "phi-3-mini": "<|end|>",
    "qwen3": "<|im_end|>",
}


class RenderError(Exception):
    """`apply_chat_template` raised, whatever the cause."""


@functools.lru_cache(maxsize=3)
def _transformers_tokenizer(folder: Path) -> Any:
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return AutoTokenizer.from_pretrained(str(folder))


@functools.lru_cache(maxsize=3)
def _tokenizer_and_encoder(folder: Path) -> tuple[Tokenizer, Encoder]:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, Encoder(tokenizer)


@dataclass(frozen=True, slots=True)
class Result:
    """What is expected of one target: its ids, or the kind of its fault."""

    line: int
    message_index: int
    weight: float
    prompt_text: str | None = None
    full_text: str | None = None
    prompt_ids: Ids = ()
    completion_ids: Ids = ()
    fault: FaultKind | None = None
    #: encode(P + C) does not start with encode(P): the border between the two was forced.
    border_forced: bool = False


class ReferenceModel:
    """A tokenizer folder with one chat template and its stop token."""

    def __init__(
        self, folder: Path, chat_template: str | None = None, stop: str | None = None
    ) -> None:
        self.folder = folder
        self.renderer = _transformers_tokenizer(folder)
        self.tokenizer, self.encoder = _tokenizer_and_encoder(folder)
        self.chat_template = chat_template or self.renderer.chat_template
        self.stop = stop or STOP_TOKENS[folder.name]
        self.added_tokens = sorted(
            token.content for token in self.tokenizer.get_added_tokens_decoder().values()
        )

    # Text ---------------------------------------------------------------------------------

    def render(
        self,
        messages: Sequence[Message],
        tools: list[Any] | None = None,
        template_kwargs: dict[str, Any] | None = None,
        *,
        add_generation_prompt: bool = False,
    ) -> str:
        """Return transformers' text, or raise `RenderError`."""
        try:
            text = self.renderer.apply_chat_template(
                list(messages),
                tools=tools,
                chat_template=self.chat_template,
                add_generation_prompt=add_generation_prompt,
                tokenize=False,
                **(template_kwargs or {}),
            )
        except ImportError:
            raise
        except Exception as error:
            raise RenderError(f"{type(error).__name__}: {error}") from error
        return str(text)

    def prompt_text(self, conversation: Conversation, index: int) -> str:
        """P: what a server sends to the model before the message."""
        return self.render(
            conversation.messages[:index],
            conversation.tools,
            conversation.template_kwargs,
            add_generation_prompt=True,
        )

    def full_text(self, conversation: Conversation, index: int) -> str:
        """F: the conversation up to and including the message."""
        return self.render(
            conversation.messages[: index + 1], conversation.tools, conversation.template_kwargs
        )

    # What the template takes ---------------------------------------------------------------

    def adapted(self, conversation: Conversation) -> Conversation:
        """The conversation with its messages in the shape that the template takes."""
        messages = [self._adapted(message) for message in conversation.messages]
        return dataclasses.replace(conversation, messages=messages)

    def _adapted(self, message: Message) -> Message:
        if not message.get("tool_calls"):
            return message
        calls = [self._adapted_call(call) for call in message["tool_calls"]]
        adapted = {**message, "tool_calls": calls}
        if self.needs_content and "content" not in message:
            adapted["content"] = ""
        return adapted

    def _adapted_call(self, call: Any) -> Any:
        if not isinstance(call, dict):
            return call
        changed = dict(call)
        if "function" in call:
            changed["function"] = self._adapted_call(call["function"])
        arguments = call.get("arguments")
        if self.arguments_form == "object" and isinstance(arguments, str):
            value = or_none(parse_json, arguments.encode("utf-8"))
            changed["arguments"] = value if isinstance(value, dict) else arguments
        elif self.arguments_form == "text" and isinstance(arguments, dict):
            changed["arguments"] = json.dumps(arguments, ensure_ascii=False)
        return changed

    @functools.cached_property
    def arguments_form(self) -> Literal["object", "text", "either"]:
        """The form of tool arguments in which the template writes them as JSON, or one by one."""
        of_object = self._with_call({"place": "Lisbon"}, content="")
        of_text = self._with_call('{"place": "Lisbon"}', content="")

        def is_right(text: str | None) -> bool:
            # Neither as a Python dict nor as JSON within JSON.
            return text is not None and "Lisbon" in text and not re.search(r"\\\"|{'place", text)

        if is_right(of_object) and of_object != of_text:
            return "object"
        return "text" if is_right(of_text) and not is_right(of_object) else "either"

    @functools.cached_property
    def needs_content(self) -> bool:
        """Whether the template renders a call of a tool only with a content."""
        form: Any = {"object": {"place": "Lisbon"}, "text": '{"place": "Lisbon"}'}
        arguments = form["text" if self.arguments_form == "text" else "object"]
        result = {"role": "tool", "content": "18 degrees"}

        def renders(content: str | None) -> bool:
            # Some templates look at the content of a turn only once others follow.
            chats: tuple[list[dict[str, Any]], ...] = ([], [result])
            return all(self._with_call(arguments, content, *after) is not None for after in chats)

        return not renders(None) and renders("")

    def _with_call(self, arguments: Any, content: str | None, *after: dict[str, Any]) -> str | None:
        function = {"name": "weather", "arguments": arguments}
        call = {"type": "function", "id": "call_1", "function": function}
        message = {"role": "assistant", "content": content, "tool_calls": [call]}
        given = {key: value for key, value in message.items() if value is not None}
        try:
            return self.render([{"role": "user", "content": "Warm?"}, given, *after])
        except RenderError:
            return None

    def prints_text_parts(self) -> bool:
        """Whether the template prints a content that is a list of text parts, as text."""
        parts = [{"type": "text", "text": "part one"}, {"type": "text", "text": "part two"}]
        messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": parts}]
        try:
            text = self.render(messages)
        except RenderError:
            return False
        whole = text.count("part one") == 2 and text.count("part two") == 2
        return whole and "'type'" not in text and '"type"' not in text

    # Ids ----------------------------------------------------------------------------------

    def encode(self, text: str) -> Ids:
        """Return the ids of a text, with none that it does not spell."""
        return self.encoder.encode(text)

    # Targets ------------------------------------------------------------------------------

    def expand(
        self, conversation: Conversation, line: int, train_on: str = "all_assistant_messages"
    ) -> list[Result]:
        """Return what is expected of every target of a conversation."""
        adapted = self.adapted(conversation)
        return [self.expect(adapted, line, target) for target in targets(adapted, train_on)]

    def expect(self, conversation: Conversation, line: int, target: Target) -> Result:
        """Return what is expected of one target."""
        index = target.message_index
        known: dict[str, Any] = {
            "line": line,
            "message_index": index,
            "weight": target.weight,
            "prompt_text": None,
            "full_text": None,
        }
        for name, text_of in (("prompt_text", self.prompt_text), ("full_text", self.full_text)):
            with contextlib.suppress(RenderError):
                known[name] = text_of(conversation, index)
        prompt, full = known["prompt_text"], known["full_text"]
        if index == 0:
            return Result(**known, fault="empty_prompt")
        if prompt is None or full is None:
            return Result(**known, fault="template")
        try:
            completion = completion_of(prompt, full, self.stop)
        except PromptMismatchError:
            return Result(**known, fault="prompt_mismatch")
        except NoStopError:
            return Result(**known, fault="no_stop")
        prompt_ids, completion_ids = self.encoder.encode_turn(prompt, completion)
        return Result(
            **known,
            prompt_ids=prompt_ids,
            completion_ids=completion_ids,
            border_forced=self.encode(prompt + completion) != prompt_ids + completion_ids,
        )
