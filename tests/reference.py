"""The slow, obvious reference: what every row of everyturn is compared with.

Nothing here is fast and nothing here is shared with the product. Text comes from transformers
(`apply_chat_template`, one call a prompt and one a full rendering), ids from tokenizers
(`Tokenizer.from_file`: transformers rebuilds Llama-like tokenizers from the class named in the
config, and then disagrees with tokenizer.json), JSON from CPython. The rule itself is a loop over
the targets of a conversation.
"""

import contextlib
import dataclasses
import functools
import gzip
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.utils import logging

FaultKind = Literal["empty_prompt", "template", "prompt_mismatch", "no_stop"]
Message = dict[str, Any]
Ids = tuple[int, ...]
T = TypeVar("T")

IGNORE_INDEX = -100
MAX_NESTING = 128

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


class RecordError(Exception):
    """A line that is no conversation; `kind` says at which step it was refused."""

    def __init__(self, kind: Literal["json", "conversation"], text: str) -> None:
        super().__init__(text)
        self.kind = kind


# --------------------------------------------------------------------------------------------
# Lines and JSON
# --------------------------------------------------------------------------------------------


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a .jsonl or .jsonl.gz file that are not blank, numbered from 1."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    yield from split_lines(raw)


def split_lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The same for bytes: only a newline separates, one byte order mark may open the file."""
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip(b" \t\r"):
            yield number, line


def parse_json(text: bytes) -> Any:
    """CPython's value of a JSON text, minus what the project refuses."""

    def constant(name: str) -> Any:
        raise RecordError("json", f"{name} is no JSON number")

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise RecordError("json", f"{digits} is too large for a float")
        return value

    try:
        # The text goes in decoded: for bytes, json.loads would guess UTF-16 and UTF-32.
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=constant,
            parse_float=number,
            object_pairs_hook=_Pairs,
        )
    except RecordError:
        raise
    except (ValueError, RecursionError) as error:
        raise RecordError("json", str(error)) from None
    if _nesting(value) > MAX_NESTING:
        raise RecordError("json", f"nested deeper than {MAX_NESTING}")
    if _has_surrogate(value):
        raise RecordError("json", "a lone surrogate is no text")
    return _without_pairs(value)


class _Pairs(list[tuple[str, Any]]):
    """An object with every key: what a later one replaces has to be in order, too."""


def parse_record(line: bytes) -> dict[str, Any]:
    """Return the object that a line is."""
    value = parse_json(line)
    if not isinstance(value, dict):
        raise RecordError("json", "a record is a JSON object")
    return value


def _nesting(value: Any) -> int:
    """How many containers lie around the innermost value (the outermost counts as one)."""
    deepest, level = 0, [value]
    while level := [item for item in level if isinstance(item, list)]:
        deepest += 1
        level = [inner for item in level for inner in _items(item)]
    return deepest


def _items(container: list[Any]) -> list[Any]:
    if isinstance(container, _Pairs):
        return [value for _, value in container]
    return container


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, _Pairs):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value)
    return isinstance(value, list) and any(_has_surrogate(item) for item in value)


def _without_pairs(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _without_pairs(item) for key, item in value}
    return [_without_pairs(item) for item in value] if isinstance(value, list) else value


# --------------------------------------------------------------------------------------------
# Records to conversations
# --------------------------------------------------------------------------------------------

ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "function_call",
}
#: A message has one of these; the last three are names of the same.
SAYING_KEYS = {"content", "tool_calls", "reasoning_content", "thinking", "reasoning"}
MARK_KEYS = ("weight", "trainable", "train", "loss", "loss_weight")
RESERVED_KWARGS = {"messages", "tools", "documents", "add_generation_prompt"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a record says, as the template is to see it."""

    messages: list[Message]
    #: Per message what its own keys say: None = nothing, 0 = context only, else the weight.
    marks: list[float | None]
    tools: list[Any] | None = None
    template_kwargs: dict[str, Any] = field(default_factory=dict)


def detect_format(records: Iterable[Any]) -> str | None:
    """The first record with a known key decides for the whole file."""
    for record in records:
        if not isinstance(record, dict):
            continue
        if "messages" in record:
            return "messages"
        if "conversations" in record:
            return "sharegpt"
        if "instruction" in record:
            return "alpaca"
        if "prompt" in record and "completion" in record:
            return "prompt_completion"
    return None


def normalise(record: dict[str, Any], form: str, *, parts_as_list: bool = False) -> Conversation:
    """A record as the template is to see it.

    `parts_as_list`: the template prints a list of text parts itself, so that lists stay lists.
    """
    if form == "messages":
        pairs = _from_messages(_list_of(record, "messages"), parts_as_list=parts_as_list)
    elif form == "sharegpt":
        pairs = _from_sharegpt(record, parts_as_list=parts_as_list)
    elif form == "alpaca":
        pairs = _from_alpaca(record)
    elif form == "prompt_completion":
        pairs = _from_prompt_completion(record, parts_as_list=parts_as_list)
    else:
        raise RecordError("conversation", "no known format")
    if not pairs:
        raise RecordError("conversation", "no messages")
    return Conversation(
        messages=[message for message, _ in pairs],
        marks=[mark for _, mark in pairs],
        tools=_tools_of(record),
        template_kwargs=_template_kwargs_of(record),
    )


def conversations_of(
    lines: Sequence[bytes], *, parts_as_list: bool = False
) -> tuple[dict[int, Conversation], set[int]]:
    """The conversations of a file by line, and the lines that are none."""
    records = {
        number: record
        for number, line in enumerate(lines, start=1)
        if (record := _or_none(parse_record, line)) is not None
    }
    form = detect_format(records.values())
    conversations: dict[int, Conversation] = {}
    for number, record in records.items():
        conversation = _or_none(
            functools.partial(normalise, form=form or "", parts_as_list=parts_as_list), record
        )
        if conversation is not None:
            conversations[number] = conversation
    return conversations, set(range(1, len(lines) + 1)) - set(conversations)


def _or_none(step: Callable[[Any], T], value: Any) -> T | None:
    try:
        return step(value)
    except RecordError:
        return None


Pairs = list[tuple[Message, float | None]]


def _from_messages(entries: list[Any], *, parts_as_list: bool) -> Pairs:
    pairs: Pairs = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise RecordError("conversation", "a message is an object")
        role = entry.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise RecordError("conversation", f"role {role!r} is unknown")
        message = {key: value for key, value in entry.items() if key not in MARK_KEYS}
        message["role"] = ROLES[role]
        call = message.pop("function_call", None)
        if call is not None:
            message["tool_calls"] = [_tool_call(call)]
        message = {key: value for key, value in message.items() if value is not None}
        if isinstance(message.get("content"), list):
            message = _without_parts(message, parts_as_list=parts_as_list)
        elif "content" in message and not isinstance(message["content"], str):
            raise RecordError("conversation", "content is text or a list of parts")
        if not SAYING_KEYS & set(message):
            raise RecordError("conversation", "content is missing")
        pairs.append((message, _mark_of(entry)))
    return pairs


def _without_parts(message: Message, *, parts_as_list: bool) -> Message:
    """The parts of a content, each put where templates look for its kind."""
    texts: list[str] = []
    reasonings: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in message["content"]:
        if not isinstance(part, dict):
            raise RecordError("conversation", "a part is an object")
        if part.get("type") == "text":
            texts.append(_text_of(part, "text", "value"))
        elif part.get("type") in ("reasoning", "thinking"):
            reasonings.append(_text_of(part, "value", "text", "thinking"))
        elif part.get("type") == "tool_call":
            calls.append(_tool_call(part.get("value")))
        else:
            raise RecordError("conversation", f"part type {part.get('type')!r} is unknown")
    changed = dict(message)
    if parts_as_list:
        changed["content"] = [{"type": "text", "text": text} for text in texts]
    else:
        changed["content"] = "\n".join(texts)
    if reasonings:
        changed["reasoning_content"] = "\n".join(reasonings)
    if calls:
        changed["tool_calls"] = [*changed.get("tool_calls", []), *calls]
    return changed


def _text_of(part: dict[str, Any], *keys: str) -> str:
    for key in keys:
        if isinstance(part.get(key), str):
            return str(part[key])
    raise RecordError("conversation", f"a part of type {part.get('type')!r} has no text")


def _tool_call(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = parse_json(value.encode("utf-8"))
    if not isinstance(value, dict) or "name" not in value:
        raise RecordError("conversation", "a tool call is an object with name and arguments")
    return {"type": "function", "function": value}


def _from_sharegpt(record: dict[str, Any], *, parts_as_list: bool) -> Pairs:
    pairs: Pairs = []
    if record.get("system"):
        pairs.append(({"role": "system", "content": _string(record, "system")}, None))
    for entry in _list_of(record, "conversations"):
        if not isinstance(entry, dict):
            raise RecordError("conversation", "a message is an object")
        if "from" not in entry:
            pairs.extend(_from_messages([entry], parts_as_list=parts_as_list))
            continue
        role = SHAREGPT_ROLES.get(entry["from"]) if isinstance(entry["from"], str) else None
        value = entry.get("value")
        if role is None:
            raise RecordError("conversation", f"role {entry['from']!r} is unknown")
        if role == "function_call":
            if isinstance(value, str):
                value = parse_json(value.encode("utf-8"))
            calls = value if isinstance(value, list) else [value]
            message: Message = {
                "role": "assistant",
                "content": "",
                "tool_calls": [_tool_call(call) for call in calls],
            }
        elif isinstance(value, str):
            message = {"role": role, "content": value}
        else:
            raise RecordError("conversation", "value is text")
        pairs.append((message, _mark_of(entry)))
    return pairs


def _from_alpaca(record: dict[str, Any]) -> Pairs:
    contents: list[tuple[str, str]] = []
    if record.get("system"):
        contents.append(("system", _string(record, "system")))
    for exchange in record.get("history") or []:
        if not isinstance(exchange, list) or len(exchange) != 2:
            raise RecordError("conversation", "history is a list of pairs")
        contents += [("user", exchange[0]), ("assistant", exchange[1])]
    question = _string(record, "instruction")
    if record.get("input"):
        question += "\n" + _string(record, "input")
    contents.append(("user", question))
    answer = "output" if record.get("output") is not None else "response"
    contents.append(("assistant", _string(record, answer)))
    return [({"role": role, "content": content}, None) for role, content in contents]


def _from_prompt_completion(record: dict[str, Any], *, parts_as_list: bool) -> Pairs:
    prompt, completion = record.get("prompt"), record.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return [
            ({"role": "user", "content": prompt}, None),
            ({"role": "assistant", "content": completion}, None),
        ]
    if isinstance(prompt, list) and isinstance(completion, list):
        context = _from_messages(prompt, parts_as_list=parts_as_list)
        answers = _from_messages(completion, parts_as_list=parts_as_list)
        return [*((message, 0.0) for message, _ in context), *answers]
    raise RecordError("conversation", "prompt and completion are both texts or both lists")


def _list_of(record: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(record.get(key), list):
        raise RecordError("conversation", f"{key} is not a list")
    return list(record[key])


def _string(record: dict[str, Any], key: str) -> str:
    if not isinstance(record.get(key), str):
        raise RecordError("conversation", f"{key} is not text")
    return str(record[key])


def _mark_of(entry: dict[str, Any]) -> float | None:
    marks: set[float] = set()
    for key in MARK_KEYS:
        value = entry.get(key)
        if value is None:
            continue
        if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
            raise RecordError("conversation", f"{key} is not a weight")
        marks.add(float(value))
    if len(marks) > 1:
        raise RecordError("conversation", "the weights of a message contradict each other")
    return marks.pop() if marks else None


def _tools_of(record: dict[str, Any]) -> list[Any] | None:
    tools = record.get("tools")
    if isinstance(tools, str):
        if not tools.strip():
            return None
        tools = parse_json(tools.encode("utf-8"))
    if tools is None:
        return None
    if not isinstance(tools, list):
        raise RecordError("conversation", "tools is a list")
    return tools


def _template_kwargs_of(record: dict[str, Any]) -> dict[str, Any]:
    kwargs = record.get("chat_template_kwargs")
    if kwargs is None:
        return {}
    if not isinstance(kwargs, dict) or RESERVED_KWARGS & set(kwargs):
        raise RecordError("conversation", "chat_template_kwargs is not usable")
    return kwargs


# --------------------------------------------------------------------------------------------
# Targets
# --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """A message to be trained."""

    message_index: int
    weight: float


def targets(conversation: Conversation, train_on: str = "all_assistant_messages") -> list[Target]:
    """The messages to train, in order, with their weights; a weight of 0 is context only."""
    roles = [message["role"] for message in conversation.messages]
    assistants = [index for index, role in enumerate(roles) if role == "assistant"]
    if train_on == "all_assistant_messages":
        chosen = assistants
    elif train_on == "last_assistant_message":
        chosen = assistants[-1:]
    elif train_on == "last_assistant_turn":
        last_user = max((i for i, role in enumerate(roles) if role == "user"), default=-1)
        chosen = [index for index in assistants if index > last_user]
    elif train_on == "marked":
        chosen = [index for index in assistants if conversation.marks[index] is not None]
    else:
        raise ValueError(f"no targets are defined for train_on={train_on!r}")
    weights = [(index, conversation.marks[index]) for index in chosen]
    return [
        Target(index, 1.0 if weight is None else weight)
        for index, weight in weights
        if weight is None or weight != 0.0
    ]


# --------------------------------------------------------------------------------------------
# Text and ids of one model
# --------------------------------------------------------------------------------------------


class RenderError(Exception):
    """`apply_chat_template` raised, whatever the cause."""


@functools.lru_cache(maxsize=3)
def _transformers_tokenizer(folder: Path) -> Any:
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return AutoTokenizer.from_pretrained(str(folder))


@functools.lru_cache(maxsize=3)
def _tokenizers_pair(folder: Path) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizer of a folder, and its copy that puts no word start before a text."""
    spec = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    spec["truncation"] = spec["padding"] = None
    usual = Tokenizer.from_str(json.dumps(spec))
    spec["normalizer"] = _without_word_start(spec["normalizer"], "normalizers")
    spec["pre_tokenizer"] = _without_word_start(spec["pre_tokenizer"], "pretokenizers")
    return usual, Tokenizer.from_str(json.dumps(spec))


def _without_word_start(part: Any, sequence_key: str) -> Any:
    """A normalizer or pre-tokenizer without the step that marks the start of a word."""
    if part is None or part["type"] == "Prepend":
        return None
    if part["type"] == "Sequence":
        parts = [_without_word_start(inner, sequence_key) for inner in part[sequence_key]]
        return {**part, sequence_key: [inner for inner in parts if inner is not None]}
    if part["type"] == "Metaspace":
        kept = {key: value for key, value in part.items() if key != "add_prefix_space"}
        return {**kept, "prepend_scheme": "never"}
    if part["type"] == "ByteLevel":
        return {**part, "add_prefix_space": False}
    return part


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
        self.tokenizer, self.continuing_tokenizer = _tokenizers_pair(folder)
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
            value = _or_none(parse_json, arguments.encode("utf-8"))
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
        """Whether the template renders a call of a tool only with a content beside it."""
        form: Any = {"object": {"place": "Lisbon"}, "text": '{"place": "Lisbon"}'}
        arguments = form["text" if self.arguments_form == "text" else "object"]
        result = {"role": "tool", "content": "18 degrees"}

        def renders(content: str | None) -> bool:
            # Some templates look at the content of a turn only once others follow.
            chats: tuple[list[dict[str, Any]], ...] = ([], [result])
            return all(self._with_call(arguments, content, *behind) is not None for behind in chats)

        return not renders(None) and renders("")

    def _with_call(
        self, arguments: Any, content: str | None, *behind: dict[str, Any]
    ) -> str | None:
        function = {"name": "weather", "arguments": arguments}
        call = {"type": "function", "id": "call_1", "function": function}
        message = {"role": "assistant", "content": content, "tool_calls": [call]}
        given = {key: value for key, value in message.items() if value is not None}
        try:
            return self.render([{"role": "user", "content": "Warm?"}, given, *behind])
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
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_continuation(self, text: str) -> Ids:
        """The ids of a text that goes on where another ended: no word start in front of it."""
        starts = [text.find(token) for token in self.added_tokens]
        first = min((start for start in starts if start >= 0), default=len(text))
        head = self.continuing_tokenizer.encode(text[:first], add_special_tokens=False).ids
        return (*head, *self.encode(text[first:]))

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
        if not full.startswith(prompt):
            return Result(**known, fault="prompt_mismatch")
        behind = full[len(prompt) :]
        stop_at = behind.rfind(self.stop)
        if stop_at < 0:
            return Result(**known, fault="no_stop")
        completion = behind[: stop_at + len(self.stop)]
        prompt_ids = self.encode(prompt)
        both_ids = self.encode(prompt + completion)
        if both_ids[: len(prompt_ids)] == prompt_ids:
            completion_ids, forced = both_ids[len(prompt_ids) :], False
        else:
            completion_ids, forced = self.encode_continuation(completion), True
        return Result(
            **known,
            prompt_ids=prompt_ids,
            completion_ids=completion_ids,
            border_forced=forced,
        )


# --------------------------------------------------------------------------------------------
# Rows
# --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One row of samples, of one conversation."""

    ids: Ids
    labels: Ids
    targets: tuple[int, ...]

    def spans(self) -> list[tuple[int, int]]:
        """The trained stretches: between two targets there is at least a header."""
        found: list[tuple[int, int]] = []
        position = 0
        for trained, run in itertools.groupby(label != IGNORE_INDEX for label in self.labels):
            length = sum(1 for _ in run)
            if trained:
                found.append((position, position + length))
            position += length
        return found

    def prompt(self) -> Ids:
        """What stands before the first target."""
        trained = (place for place, label in enumerate(self.labels) if label != IGNORE_INDEX)
        return self.ids[: next(trained)]


def row_of(result: Result) -> Row:
    """Return the row of `per_turn` that a target without fault is."""
    assert result.fault is None
    return Row(
        ids=result.prompt_ids + result.completion_ids,
        labels=(IGNORE_INDEX,) * len(result.prompt_ids) + result.completion_ids,
        targets=(result.message_index,),
    )


def merged(rows: Sequence[Row]) -> list[Row]:
    """The rows of one conversation, one a target and in order, brought into the fewest rows.

    A target joins the row whose ids are the longest that its prompt starts with.
    """
    joined: list[Row] = []
    for row in rows:
        prompt = row.prompt()
        fitting = [
            place for place, other in enumerate(joined) if prompt[: len(other.ids)] == other.ids
        ]
        if not fitting:
            joined.append(row)
            continue
        place = max(fitting, key=lambda place: len(joined[place].ids))
        before = joined[place]
        joined[place] = Row(
            ids=row.ids,
            labels=before.labels + row.labels[len(before.labels) :],
            targets=before.targets + row.targets,
        )
    return joined


def assert_merged_minimal(rows: Sequence[Row]) -> None:
    """No row of a conversation could have been put at the end of another one."""
    for place, row in enumerate(rows):
        prompt = row.prompt()
        for other_place, other in enumerate(rows):
            if place != other_place:
                assert prompt[: len(other.ids)] != other.ids, (
                    f"the row of targets {row.targets} could have joined that of {other.targets}"
                )


# --------------------------------------------------------------------------------------------
# Rows of the product, taken apart
# --------------------------------------------------------------------------------------------

#: Line, ids before a target, ids of the target, weight: what a target is trained as.
Sample = tuple[int, Ids, Ids, float]


def expected_samples(results: Iterable[Result]) -> Counter[Sample]:
    """The targets that are no fault, as `samples_of` gives them."""
    return Counter(
        (result.line, result.prompt_ids, result.completion_ids, result.weight)
        for result in results
        if result.fault is None
    )


@functools.lru_cache(maxsize=4)
def rows_by_line(samples: Any) -> dict[int, list[tuple[Row, list[float]]]]:
    """Every row of a `Samples` with the weight of each trained stretch, by its line."""
    rows: dict[int, list[tuple[Row, list[float]]]] = {}
    for sample in samples:
        row = Row(
            ids=tuple(sample.input_ids.tolist()),
            labels=tuple(sample.labels.tolist()),
            targets=tuple(sample.targets.tolist()),
        )
        weights: list[float] = []
        for start, end in row.spans():
            held = {1.0}
            if sample.loss_weights is not None:
                held = set(sample.loss_weights[start:end].tolist())
            assert len(held) == 1, "one target has one weight"
            weights.append(held.pop())
        rows.setdefault(int(sample.line), []).append((row, weights))
    return rows


def samples_of(samples: Any) -> Counter[Sample]:
    """Every trained stretch with all that stands before it, whatever the layout."""
    found: Counter[Sample] = Counter()
    for line, rows in rows_by_line(samples).items():
        for row, weights in rows:
            spans = row.spans()
            assert len(spans) == len(row.targets), "one trained stretch a target"
            for (start, end), weight in zip(spans, weights, strict=True):
                assert row.labels[start:end] == row.ids[start:end]
                found[line, row.ids[:start], row.ids[start:end], weight] += 1
    return found


def assert_same_samples(found: Counter[Sample], expected: Counter[Sample]) -> None:
    """Equality of the two, said in a few words: every id of a difference is too much to read."""
    missing, extra = expected - found, found - expected
    assert found == expected, (
        f"of {expected.total()} samples {missing.total()} are missing, "
        f"the first {_shortly(missing)}; {extra.total()} are too many, the first {_shortly(extra)}"
    )


def _shortly(samples: Counter[Sample]) -> str:
    if not samples:
        return "none"
    line, prompt, completion, weight = min(samples)
    return (
        f"line {line}: {len(prompt)} prompt ids ending in {list(prompt[-8:])}, "
        f"{len(completion)} completion ids {list(completion[:12])}.., weight {weight}"
    )
