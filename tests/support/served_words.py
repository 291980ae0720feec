"""The words that the chats of `served_chats` are made of: messages, calls, results, tools."""

import dataclasses
from typing import Any

Json = Any
Message = dict[str, Json]

#: What a message or a call has where the key is not there.
ABSENT: Any = object()


@dataclasses.dataclass(frozen=True, slots=True)
class ServedChat:
    """What is posted."""

    messages: list[Message]
    tools: list[Json] | None = None
    variables: dict[str, Json] | None = None

    def body(self) -> dict[str, Json]:
        """The body of the request, without the name of the model."""
        found: dict[str, Json] = {"messages": self.messages}
        if self.tools is not None:
            found["tools"] = self.tools
        if self.variables is not None:
            found["chat_template_kwargs"] = self.variables
        return found


def without_absent(**keys: Json) -> dict[str, Json]:
    """Return what is there."""
    return {key: value for key, value in keys.items() if value is not ABSENT}


def say(role: str, content: Json = ABSENT, **more: Json) -> Message:
    """Return a message."""
    return without_absent(role=role, content=content, **more)


def user(content: Json = "Where?", **more: Json) -> Message:
    """Return a question."""
    return say("user", content, **more)


def answer(content: Json = "Here.", **more: Json) -> Message:
    """Return an answer."""
    return say("assistant", content, **more)


def system(content: Json = "Be kind.", **more: Json) -> Message:
    """Return an instruction."""
    return say("system", content, **more)


def developer(content: Json = "Be brief.", **more: Json) -> Message:
    """Return a developer's instruction."""
    return say("developer", content, **more)


def text_part(text: Json, **more: Json) -> dict[str, Json]:
    """Return a part of a content."""
    return {"type": "text", "text": text, **more}


def call(arguments: Json = '{"at":"here"}', number: int = 1, **more: Json) -> dict[str, Json]:
    """Return a call of `LOOK`."""
    function = without_absent(name="look", arguments=arguments)
    return without_absent(
        **{"id": f"call0000{number}", "type": "function", "function": function, **more}
    )


def result(content: Json = "It is here.", number: int = 1, **more: Json) -> Message:
    """Return what the call gave."""
    return say("tool", content, **{"tool_call_id": f"call0000{number}", **more})


def calling(*calls: Json, content: Json = "", **more: Json) -> Message:
    """Return an answer with calls."""
    return answer(content, tool_calls=list(calls), **more)


PARAMETERS = {
    "type": "object",
    "properties": {"at": {"type": "string", "description": "Where."}},
    "required": ["at"],
}


def look_function(**more: Json) -> dict[str, Json]:
    """Return what `LOOK` describes, with other keys."""
    return without_absent(
        **{"name": "look", "description": "Looks.", "parameters": PARAMETERS, **more}
    )


def look_tool(**more: Json) -> dict[str, Json]:
    """Return `LOOK`, with other keys in its function."""
    return {"type": "function", "function": look_function(**more)}


LOOK = look_tool()
TAKE = {
    "type": "function",
    "function": {
        "name": "take",
        "description": "Takes.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def asked(*messages: Message, tools: list[Json] | None = None) -> ServedChat:
    """A chat that starts with a question."""
    return ServedChat([user(), *messages], tools)


def call_and_result(call: Json, *results: Message, **more: Json) -> ServedChat:
    """A question, a call, its result."""
    return asked(calling(call, **more), *(results or (result(),)), tools=[LOOK])
