"""What a driver reads and writes, whichever server's code it runs.

In, on stdin, JSON lines: first the chats, `{"now": time, "chats": {name: body}}`, each body as a client would post it.
Then a line for each model:

* `{"name": .., "template": source, "special_tokens": {..}, "content_format": "auto"}`, or
* `{"name": .., "folder": path, "content_format": "auto"}`, with a tokenizer of its own: prompts are encoded, too.

Out, on stdout, a line for each chat of each model, `{"model": .., "chat": .., "content_format": ..}` and

* `{"messages": [..], "tools": [..], "variables": {..}, "prompt": text, "ids": [..]}`, what the server's code hands
  to the template and what the template makes of it; ids with a folder alone; or
* `{"refused": {"status": 400, "by": "request", "reason": text}}` where the server refuses: by itself ("request"),
  because the template raises ("template"), or because its text cannot be encoded ("encoding"); with messages, tools and
  variables beside it where the template has been given any.

`content_format` is what the server chooses for the template, or null if it never wraps. Nothing here knows a server.
"""

import copy
import dataclasses
import functools
import json
import sys
import warnings
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import chat_template_utils

Json = Any


@dataclasses.dataclass
class Recorded:
    """What the server's code has handed to `apply_chat_template`; the last call counts."""

    messages: Json = None
    tools: Json = None
    variables: dict[str, Json] = dataclasses.field(default_factory=dict)
    prompt: str | None = None

    def line(self) -> dict[str, Json]:
        """The part of an output line that says what the template was given."""
        return {"messages": self.messages, "tools": self.tools, "variables": self.variables}


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the server
    """The server answers with an error."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclasses.dataclass
class Model:
    """A template with the tokenizer that renders it."""

    name: str
    #: As asked for; then as chosen.
    content_format: str | None
    tokenizer: Any
    encodes: bool
    recorded: Recorded


#: The content format that the server chooses for a model.
Choose = Callable[[Model], str | None]
#: What the server does to a body: it ends in the tokenizer's `apply_chat_template`, where the prompt is recorded, or
#: raises `Refused`.
Convert = Callable[[Model, Json], None]


def run(convert: Convert, choose: Choose) -> None:
    """Answer every line of stdin."""
    warnings.simplefilter("ignore")
    first = json.loads(sys.stdin.readline())
    _stop_clock(first["now"])
    for line in sys.stdin:
        request = json.loads(line)
        model = _model(request)
        model.content_format = choose(model)
        for chat, body in first["chats"].items():
            names = {"model": model.name, "chat": chat, "content_format": model.content_format}
            answer = names | _answer(convert, model, body)
            sys.stdout.write(json.dumps(answer) + "\n")


def _answer(convert: Convert, model: Model, body: Json) -> dict[str, Json]:
    recorded = model.recorded = Recorded()
    try:
        convert(model, copy.deepcopy(body))
    except Refused as refused:
        by_template = recorded.messages is not None
        answer = {
            "status": refused.status,
            "by": "template" if by_template else "request",
            "reason": str(refused)[:500],
        }
        return {"refused": answer, **(recorded.line() if by_template else {})}
    if not _can_be_encoded(str(recorded.prompt)):
        answer = {"status": 400, "by": "encoding", "reason": "a lone surrogate"}
        return {"refused": answer, **recorded.line()}
    found = {**recorded.line(), "prompt": recorded.prompt}
    if model.encodes:
        found["ids"] = model.tokenizer.encode(recorded.prompt, add_special_tokens=False)
    return found


def _can_be_encoded(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _model(request: dict[str, Json]) -> Model:
    folder = request.get("folder")
    if folder is None:
        tokenizer: Any = PreTrainedTokenizerBase(**request["special_tokens"])  # type: ignore[no-untyped-call]
        tokenizer.chat_template = request["template"]
        # Servers keep what they know of a template by this name.
        tokenizer.name_or_path = request["name"]
    else:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    made = Model(
        name=request["name"],
        content_format=request["content_format"],
        tokenizer=tokenizer,
        encodes=folder is not None,
        recorded=Recorded(),
    )
    _record(made)
    return made


def _record(model: Model) -> None:
    """Keep what the tokenizer is asked to render."""
    apply = model.tokenizer.apply_chat_template
    not_variables = {"tools", "tokenize", "return_dict", "chat_template"}

    @functools.wraps(apply)  # servers look at its parameters
    def recording(conversation: Json, **options: Json) -> Json:
        recorded = model.recorded
        recorded.messages = copy.deepcopy(conversation)
        recorded.tools = copy.deepcopy(options.get("tools"))
        recorded.variables = {
            key: value for key, value in options.items() if key not in not_variables
        }
        text = apply(conversation, **options | {"tokenize": False})
        recorded.prompt = text
        return text

    model.tokenizer.apply_chat_template = recording


def _stop_clock(now: str) -> None:
    """Let templates that print the date print this one."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls.fromisoformat(now).replace(tzinfo=tz)

    chat_template_utils.datetime = Stopped  # type: ignore[attr-defined]
