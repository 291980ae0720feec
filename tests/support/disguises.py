"""Records in which a control token is disguised: in the spelling of its text, and in where its pieces stand.

`records(token)` gives each by its name with its harmless twin, which differs in that text alone.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
#: A record that shows the pieces of a text, one after the other where there are several.
Place = Callable[[list[str]], Record]


@dataclass(frozen=True, slots=True)
class Disguised:
    """A record, and the same with harmless text."""

    name: str
    record: Record
    harmless: Record


def full_width(text: str) -> str:
    """Return a text in the characters that NFKC folds to it."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _compatible(text: str) -> str:
    """Return letters that NFKC folds: bold, circled, small forms."""
    folded = {"<": "\ufe64", ">": "\ufe65"} | {char: full_width(char) for char in "/_|[]"}
    bold = {chr(ord("a") + i): chr(0x1D41A + i) for i in range(26)}
    return "".join((folded | bold).get(char, char) for char in text)


def spellings(token: str) -> dict[str, str]:
    """Return texts that are a control token, look like it, or become it when they are rewritten."""
    middle = len(token) // 2
    found = {
        "itself": token,
        "twice": token + token,
        "in a word": f"a{token}b",
        "between blanks": f" {token} ",
        "between lines": f"\n{token}\n\n",
        "upper": token.upper(),
        "lower": token.lower(),
        "title": token.title(),
        "swapped": token.swapcase(),
        "reversed": token[::-1],
        "full width": full_width(token),
        "compatible": _compatible(token),
        "decomposed": unicodedata.normalize("NFD", token.replace("e", "é")),
        "within itself": token[:middle] + token + token[middle:],
        "doubled brackets": f"<{token}>",
        "escaped": token.replace("<", "&lt;").replace("|", "&#124;"),
        "quoted": token.replace("<", "\\u003c"),
        "marked": token.replace(token[middle], f"!{token[middle]}", 1),
        "wrapped": f"\U000f0000{token}\U000f0001",
        "byte fallback": "".join(f"<0x{byte:02X}>" for byte in token.encode()),
        "blanks": "▁".join((token[:middle], token[middle:])),
    }
    hidden = {
        "200b": "\u200b",
        "200d": "\u200d",
        "feff": "\ufeff",
        "ad": "\u00ad",
        "fe0f": "\ufe0f",
    }
    for name, char in hidden.items():
        found[f"with {name}"] = char.join((token[:1], token[1:]))
        found[f"after {name}"] = char + token
    for at in range(1, len(token)):
        found[f"without its character {at}"] = token[:at] + token[at + 1 :]
    return found


def _chat(*messages: Record, **keys: Any) -> Record:
    return {"messages": list(messages), **keys}


def _say(role: str, content: Any, **more: Any) -> Record:
    return {"role": role, "content": content, **more}


USER, ANSWER = _say("user", "Say it."), _say("assistant", "Fine.")


def _tool(name: str = "look", description: str = "Looks.", key: str = "at") -> Record:
    parameters = {"type": "object", "properties": {key: {"type": "string", "description": "a"}}}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def _call(name: str, arguments: Any) -> Record:
    calls = [
        {"type": "function", "id": "call12345", "function": {"name": name, "arguments": arguments}}
    ]
    return _say("assistant", "", tool_calls=calls)


def _around(*messages: Record) -> Record:
    """Return a chat with a call, its result, and an answer after it."""
    return _chat(USER, *messages, ANSWER, tools=[_tool()])


def _result(content: str) -> Record:
    return {**_say("tool", content), "name": "look", "tool_call_id": "call12345"}


#: Where a text of one piece stands.
WHOLE: dict[str, Place] = {
    "user": lambda text: _chat(_say("user", text[0]), ANSWER),
    "system": lambda text: _chat(_say("system", text[0]), USER, ANSWER),
    "answer": lambda text: _chat(USER, _say("assistant", text[0])),
    "history": lambda text: _chat(USER, _say("assistant", text[0]), USER, ANSWER),
    "reasoning": lambda text: _chat(USER, _say("assistant", "Fine.", reasoning_content=text[0])),
    "name of a tool": lambda text: _chat(USER, ANSWER, tools=[_tool(name=text[0])]),
    "description": lambda text: _chat(USER, ANSWER, tools=[_tool(description=text[0])]),
    "parameter": lambda text: _chat(USER, ANSWER, tools=[_tool(key=text[0])]),
    "called name": lambda text: _around(_call(text[0], {"at": "x"}), _result("y")),
    "argument": lambda text: _around(_call("look", {"at": text[0]}), _result("y")),
    "key": lambda text: _around(_call("look", {text[0]: "x"}), _result("y")),
    "deep argument": lambda text: _around(_call("look", {"at": [{"x": text[0]}]}), _result("y")),
    "result": lambda text: _around(_call("look", {"at": "x"}), _result(text[0])),
    "template argument": lambda text: _chat(
        USER, ANSWER, chat_template_kwargs={"persona": text[0]}
    ),
    "field": lambda text: _chat({**USER, "name": text[0]}, ANSWER),
}

#: Where a text of several pieces stands.
SPLIT: dict[str, Place] = {
    "parts": lambda text: _chat(
        _say("user", [{"type": "text", "text": each} for each in text]), ANSWER
    ),
    "messages": lambda text: _chat(
        _say("user", text[0]), _say("assistant", text[-1]), USER, ANSWER
    ),
    "users": lambda text: _chat(_say("user", text[0]), _say("user", text[-1]), ANSWER),
    "system and user": lambda text: _chat(_say("system", text[0]), _say("user", text[-1]), ANSWER),
    "reasoning and answer": lambda text: _chat(
        USER, _say("assistant", text[-1], reasoning_content=text[0])
    ),
    "name and key": lambda text: _around(_call(text[0], {text[-1]: "x"}), _result("y")),
    "key and value": lambda text: _around(_call("look", {text[0]: text[-1]}), _result("y")),
    "field and content": lambda text: _chat(_say("user", text[-1], name=text[0]), ANSWER),
    "argument and user": lambda text: _chat(
        _say("user", text[-1]), ANSWER, chat_template_kwargs={"persona": text[0]}
    ),
}


def records(token: str) -> Iterator[Disguised]:
    """Return every disguise of a token in every place."""
    for place, make in WHOLE.items():
        for name, text in spellings(token).items():
            yield Disguised(f"{name}: {place}", make([text]), make(["harmless"]))
    for place, make in SPLIT.items():
        for at in range(1, len(token)):
            pieces = [token[:at], token[at:]]
            yield Disguised(f"cut at {at}: {place}", make(pieces), make(["harm", "less"]))
