"""A model around a published chat template: the tokenizer of the demo with the control tokens that the template has."""

import functools
import json
import re
from pathlib import Path
from typing import Any

from battery import Case, Message
from paths import DEMO
from template_reference import SPECIAL_TOKENS, Refusal, reference_apply

#: What published tokenizers have as control tokens, written out in a template or in what it renders.
CONTROL_TOKEN = re.compile(
    r"<\|[^\s|<>'\"{}]+\|>"  # <|im_end|>
    r"|<｜[^｜\n]+｜>"  # noqa: RUF001 - as DeepSeek writes it
    r"|</?(?!answer>)[A-Za-z_][\w:\-]*>"  # <end_of_turn>, </think>; <answer> is a word of instructions
    r"|<[a-z_]+\|>"
    r"|<\|[a-z_]+>"
    r"|\[/?[A-Z_]+\]"  # [INST]
    r"|\[\|[a-z]+\|\]"  # as EXAONE writes it
    r"|\[e~\[|\]~b\]|\]~!b\["  # as MiniMax writes it
)

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "look",
            "description": "Looks.",
            "parameters": {
                "type": "object",
                "properties": {"at": {"type": "string", "description": "Where."}},
                "required": ["at"],
            },
        },
    }
]


def user(content: str) -> Message:
    """Return a question."""
    return {"role": "user", "content": content}


def answer(content: str, **more: Any) -> Message:
    """Return an answer."""
    return {"role": "assistant", "content": content, **more}


def calling(content: str, at: str, **more: Any) -> Message:
    """Return an answer that calls a tool."""
    call = {
        "id": "call12345",
        "type": "function",
        "function": {"name": "look", "arguments": {"at": at}},
    }
    return answer(content, tool_calls=[call], **more)


def result(content: str) -> Message:
    """Return what a tool gave."""
    return {"role": "tool", "name": "look", "tool_call_id": "call12345", "content": content}


#: Conversations of every kind that a target can be in; no text contains a control token.
CONVERSATIONS: dict[str, Case] = {
    "plain": Case([user("How is it?"), answer("Fine so far.")]),
    "turns": Case(
        [user("One?"), answer("It is 1."), user("Two?"), answer("It is 2."), user("Three?"),
         answer("It is 3.")]
    ),
    "system": Case(
        [{"role": "system", "content": "Be kind."}, user("One?"), answer("Dear 1."), user("Two?"),
         answer("Dear 2.")]
    ),
    "reasoning": Case(
        [user("One?"), answer("It is 1.", reasoning_content="Count up."), user("Two?"),
         answer("It is 2.", reasoning_content="Count on.")]
    ),
    "tools": Case(
        [user("Where?"), calling("", "here"), result("Not here."), calling("", "there"),
         result("It is there."), answer("There it is.")],
        tools=TOOLS,
    ),
    "reasoning and tools": Case(
        [user("Where?"), calling("Looking.", "here", reasoning_content="It may be here."),
         result("It is here."), answer("Here it is.", reasoning_content="It was here."),
         user("Sure?"), answer("Quite sure.", reasoning_content="Seen twice.")],
        tools=TOOLS,
    ),
}  # fmt: skip


def control_tokens(source: str) -> list[str]:
    """Return what reads like a control token in a template, and in what it makes of conversations."""
    texts = [source]
    for case in CONVERSATIONS.values():
        for prompting in (False, True):
            rendered = reference_apply(source, case, prompting=prompting)
            if not isinstance(rendered, Refusal):
                texts.append(rendered)  # type: ignore[arg-type]
    found = {token: None for text in texts for token in CONTROL_TOKEN.findall(text)}
    return list(found | dict.fromkeys(SPECIAL_TOKENS.values()))


@functools.lru_cache(maxsize=1)
def _demo_tokenizer() -> str:
    return (DEMO / "tokenizer.json").read_text(encoding="utf-8")


def write_model(folder: Path, source: str, more: tuple[str, ...] = ()) -> Path:
    """Write the model of a template, with more control tokens if they are named."""
    tokenizer = json.loads(_demo_tokenizer())
    added = tokenizer["added_tokens"]
    known = {token["content"] for token in added}
    for token in [*control_tokens(source), *more]:
        if token not in known:
            number = 1 + max(each["id"] for each in added)
            added.append({**added[0], "id": number, "content": token})
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(SPECIAL_TOKENS), encoding="utf-8")
    (folder / "chat_template.jinja").write_bytes(source.encode())
    return folder
