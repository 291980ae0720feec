"""What a prompt-mismatch policy has to give for one chat, by plain text: renderings, and words that occur once.

A chat here says nothing twice, so whose words are where is a matter of `str.find`. How a model writes thinking is read
from the template's own rendering of an example; where it shows none, it is as DeepSeek-R1 writes it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
#: Renders messages as transformers does, with some template arguments. None: it raises.
Text = Callable[[Sequence[Message], dict[str, bool]], str | None]

#: What opens and what closes thinking, read from the templates by a person.
TAGS = (
    ("<think>", "</think>"),
    ("<think:opensource>", "</think:opensource>"),
    ("<seed:think>", "</seed:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("[THINK]", "[/THINK]"),
    ("[THOUGHT]", "[/THOUGHT]"),
    ("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
)
#: Arguments of templates that have to do with thinking.
FLAGS = (
    "enable_thinking",
    "thinking",
    "preserve_thinking",
    "keep_past_thinking",
    "clear_thinking",
    "preserve_all_thinking",
    "render_assistant_messages_raw",
)
#: The white space that DeepSeek-R1 writes after the opening tag, before the closing one and after it.
USUAL = ("\n", "\n", "\n\n")


@dataclass(frozen=True, slots=True)
class Template:
    """What transformers makes of messages: the prompt for the next answer, and the text without one."""

    prompt: Text
    text: Text


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that ends with the target."""

    messages: list[Message]
    #: What the target thinks and says; empty where it does not.
    reasoning: str
    answer: str
    #: Words of the messages before.
    others: tuple[str, ...]
    #: The reasoning stands in the content.
    is_inline: bool


@dataclass(frozen=True, slots=True)
class Half:
    """What a prompt wrote of the turn, and what the rendering shows of it, from where they part."""

    written: str
    body: str


def spliced(template: Template, chat: Chat) -> str | None:
    """What the model has to write after the prompt, up to where the template writes on; None: not certain."""
    prompt, full = template.prompt(chat.messages[:-1], {}), template.text(chat.messages, {})
    assert prompt is not None
    assert full is not None
    half = _own_half(prompt, full, chat) or _after_header(template, prompt, full, chat)
    if half is None:
        return None
    body = _without_inline(half.body, chat) if chat.is_inline else half.body
    for open_tag, close_tag in TAGS:
        opened = re.fullmatch(rf"\s*{re.escape(open_tag)}(\s*)", half.written)
        closed = re.fullmatch(
            rf"\s*({re.escape(open_tag)}\s*)?{re.escape(close_tag)}\s*", half.written
        )
        if closed:
            return None if chat.reasoning else _without_block(body, open_tag, close_tag, chat)
        if opened:
            spaces = example_spaces(template, open_tag, close_tag)
            return _in_open_block(body, opened[1], (open_tag, close_tag), spaces, chat)
    if half.written.strip():
        return None
    if chat.reasoning and chat.reasoning not in half.body:
        for open_tag, close_tag in TAGS:
            empty = rf"\s*{re.escape(open_tag)}\s*{re.escape(close_tag)}\s*"
            if re.match(empty, half.body):
                first, second, third = example_spaces(template, open_tag, close_tag)
                block = f"{open_tag}{first}{chat.reasoning}{second}{close_tag}{third}"
                return block + re.sub(empty, "", half.body, count=1)
    return half.body


def _own_half(prompt: str, full: str, chat: Chat) -> Half | None:
    """Both after the last word of other messages and the header that they share, but for white space."""
    last = max(chat.others, key=prompt.rfind)
    at, there = prompt.rfind(last), full.rfind(last)
    own = [full.find(word) for word in (chat.reasoning, chat.answer) if word and word in full]
    if at < 0 or there < 0 or any(place < there for place in own):
        return None
    generation, turn = prompt[at + len(last) :], full[there + len(last) :]
    tags = [generation.find(tag) for pair in TAGS for tag in pair if tag in generation]
    header = generation[: min(tags, default=len(generation))]
    length = 0
    for letter in (letter for letter in header if not letter.isspace()):
        while length < len(turn) and turn[length].isspace():
            length += 1
        if turn[length : length + 1] != letter:
            return None
        length += 1
    # White space that the prompt ends its header with is not written again.
    space = header[len(header.rstrip()) :]
    body = turn[length:].removeprefix(space)
    if body == turn[length:]:
        body = body.lstrip() if space else body
    return Half(generation[len(header) :], body)


def _after_header(template: Template, prompt: str, full: str, chat: Chat) -> Half | None:
    """Where the rendering goes on with the turn before, and the prompt starts a turn with the header of any other."""
    last = max(chat.others, key=prompt.rfind)
    asks = {"role": "user", "content": "Example?"}
    alone, prompted = template.text([asks], {}), template.prompt([asks], {})
    if last not in full or alone is None or prompted is None or chat.reasoning or not chat.answer:
        return None
    header = prompted.removeprefix(alone)
    before, turn = prompt.rpartition(last)[2].removesuffix(header), full.rpartition(last)[2]
    goes_on = header and prompt.endswith(before + header) and turn.startswith(before + chat.answer)
    return Half("", turn.removeprefix(before)) if goes_on else None


def _without_inline(body: str, chat: Chat) -> str:
    block = f"<think>\n{chat.reasoning}\n</think>"
    # The template may have cut the white space after it.
    return body.replace(f"{block}\n\n" if f"{block}\n\n" in body else block, "", 1)


def _without_block(body: str, open_tag: str, close_tag: str, chat: Chat) -> str:
    inside = re.escape(chat.reasoning) if chat.reasoning else ""
    block = rf"\s*({re.escape(open_tag)}\s*{inside})?\s*{re.escape(close_tag)}\s*"
    return re.sub(rf"\A{block}", "", body, count=1)


def _in_open_block(
    body: str, written: str, tags: tuple[str, str], spaces: tuple[str, str, str], chat: Chat
) -> str | None:
    """After a prompt that opened thinking and wrote this white space."""
    open_tag, close_tag = tags
    shown = body.lstrip().removeprefix(open_tag).lstrip()
    if chat.reasoning and shown.startswith(chat.reasoning):
        return shown
    rest = _without_block(body, open_tag, close_tag, chat)
    if chat.reasoning and chat.reasoning in rest:
        return None
    if chat.is_inline:
        # The white space between thinking and answer is the model's, and stands in the block.
        rest = rest.lstrip() if chat.answer and rest.lstrip().startswith(chat.answer) else rest
        rest = rest.removeprefix("\n\n") if not chat.answer else rest
    left = "" if written else spaces[0]
    return f"{left}{chat.reasoning}{spaces[1]}{close_tag}{spaces[2]}{rest}"


def example_spaces(template: Template, open_tag: str, close_tag: str) -> tuple[str, str, str]:
    """Read the white space around thinking from what the template makes of an example."""
    call = {
        "id": "abcdefghi",
        "type": "function",
        "function": {"name": "look", "arguments": {"at": "here"}},
    }
    asks = {"role": "user", "content": "Example?"}
    thinks = {"role": "assistant", "reasoning_content": "It is thought."}
    # The opening may be the prompt's alone.
    block = rf"(?:{re.escape(open_tag)}(\s*))?It is thought\.(\s*){re.escape(close_tag)}(\s*)"
    for answer in ({"content": "Said."}, {"content": "", "tool_calls": [call]}):
        shown = template.text([asks, {**thinks, **answer}], {})
        found = re.search(block, shown) if shown else None
        if found:
            return (found[1] or "", found[2], found[3])
    return USUAL


def matches_some_flags(template: Template, chat: Chat, prompt: str, completion: str) -> bool:
    """Whether transformers renders this prompt and completion under some values of the flags of thinking."""
    choices: list[dict[str, bool]] = [{}]
    for flag in FLAGS:
        choices += [{**choice, flag: value} for choice in choices for value in (True, False)]
    for flags in choices:
        if template.prompt(chat.messages[:-1], flags) != prompt:
            continue
        full = template.text(chat.messages, flags)
        if full is not None and full.startswith(prompt + completion):
            return True
    return False
