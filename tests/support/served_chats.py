"""Chats as clients post them, one for each thing that servers do to a chat before its template sees it.

Each is the body of a request to `/v1/chat/completions`, as plain JSON: what is asked for is the prompt of the next
answer. They are small, so that every preset can be compared on every template with all of them. A server may refuse
one; that is an answer, too.
"""

import functools

from served_calls import argument_chats, call_chats, result_chats, tool_chats
from served_words import (
    ABSENT,
    LOOK,
    Json,
    ServedChat,
    answer,
    asked,
    call,
    call_and_result,
    calling,
    developer,
    result,
    say,
    system,
    text_part,
    user,
)


@functools.lru_cache(maxsize=1)
def served_chats() -> dict[str, ServedChat]:
    """Return every chat by its name; the word before the first space is what it tries."""
    groups = (
        _orders(),
        _developers(),
        _names(),
        _texts(),
        _parts(),
        call_chats(),
        argument_chats(),
        result_chats(),
        _reasonings(),
        tool_chats(),
        _last_messages(),
        _variables(),
    )
    found: dict[str, ServedChat] = {}
    for group in groups:
        assert not found.keys() & group.keys()
        found |= group
    return found


def bodies() -> dict[str, Json]:
    """Return what is posted for every chat, by its name."""
    return {name: chat.body() for name, chat in served_chats().items()}


# --------------------------------------------------------------------------------------------
# Who speaks
# --------------------------------------------------------------------------------------------


def _orders() -> dict[str, ServedChat]:
    return {
        "plain": ServedChat([user()]),
        "system": ServedChat([system(), user()]),
        "turns": ServedChat(
            [system(), user(), answer(), user("Sure?"), answer("Yes."), user("Why?")]
        ),
        "system twice": ServedChat([system(), system("Be brief."), user()]),
        "system late": ServedChat([user(), answer(), system(), user("Sure?")]),
        "system billed": ServedChat(
            [system("x-anthropic-billing-header: a=1; cch=2;\nBe kind."), user()]
        ),
        "user twice": ServedChat([user(), user("Now?")]),
        "assistant twice": ServedChat([user(), answer(), answer("There."), user("Sure?")]),
        "assistant first": ServedChat([answer("Hello."), user()]),
        "roles capital": ServedChat([say("System", "Be kind."), say("User", "Where?")]),
        "roles own": ServedChat([user(), say("critic", "Not so."), user("Sure?")]),
        "roles function": asked(say("function", "It is here.", name="look")),
        "roles latest reminder": asked(say("latest_reminder", "Be quick.")),
        "roles none": ServedChat([{"content": "Where?"}]),
    }


def _developers() -> dict[str, ServedChat]:
    parts = [text_part("Be brief."), text_part("Be kind.")]
    return {
        "developer": ServedChat([developer(), user()]),
        "developer twice": ServedChat([developer(), developer("Be kind."), user()]),
        "developer before system": ServedChat([developer(), system(), user()]),
        "developer after system": ServedChat([system(), developer(), user()]),
        "developer late": ServedChat([system(), user(), answer(), developer(), user("Sure?")]),
        "developer late alone": ServedChat([user(), answer(), developer(), user("Sure?")]),
        "developer empty": ServedChat([developer(""), system(), user()]),
        "developer parts": ServedChat([developer(parts), user()]),
        "developer parts twice": ServedChat(
            [developer(parts), system(parts, name="rules"), user()]
        ),
        "developer tools": ServedChat([developer(tools=[LOOK]), user()]),
        "developer name": ServedChat([developer(name="rules"), user()]),
    }


def _names() -> dict[str, ServedChat]:
    return {
        "name user": ServedChat([user(name="ann")]),
        "name system": ServedChat([system(name="rules"), user()]),
        "name assistant": ServedChat([user(), answer(name="bob"), user("Sure?")]),
        "name tool": call_and_result(call(), result(name="look")),
        "name null": ServedChat([user(name=None)]),
    }


# --------------------------------------------------------------------------------------------
# Contents
# --------------------------------------------------------------------------------------------


def _texts() -> dict[str, ServedChat]:
    return {
        "content empty user": ServedChat([user("")]),
        "content empty assistant": asked(answer(""), user("Sure?")),
        "content null user": ServedChat([user(None)]),
        "content null system": ServedChat([system(None), user()]),
        "content null assistant": asked(answer(None), user("Sure?")),
        "content absent user": ServedChat([user(ABSENT)]),
        "content absent system": ServedChat([system(ABSENT), user()]),
        "content absent assistant": asked(answer(ABSENT), user("Sure?")),
        "content number": ServedChat([user(7)]),
        "content object": ServedChat([user({"text": "Where?"})]),
        "content refusal": asked(answer(None, refusal="No."), user("Sure?")),
        "content function call": asked(
            answer(None, function_call={"name": "look", "arguments": '{"at":"here"}'}),
            say("function", "It is here.", name="look"),
        ),
        "content unknown keys": ServedChat(
            [user(weight=1, mood="calm"), answer(weight=0, mood="calm"), user("Sure?")]
        ),
        "content white space": ServedChat(
            [system("  Be kind. \n"), user("\n Where? "), answer(" Here.\n"), user()]
        ),
    }


def _parts() -> dict[str, ServedChat]:
    two = [text_part("Where is it?"), text_part("Tell me.")]

    def of_user(*parts: Json) -> ServedChat:
        return ServedChat([user(list(parts))])

    def of_assistant(*parts: Json) -> ServedChat:
        return asked(answer(list(parts)), user("Sure?"))

    return {
        "parts one": of_user(text_part("Where?")),
        "parts user": of_user(*two),
        "parts system": ServedChat([system(two), user()]),
        "parts assistant": of_assistant(*two),
        "parts none": ServedChat([user([])]),
        "parts none assistant": asked(answer([]), user("Sure?")),
        "parts unknown keys": of_user(
            text_part("Where?", cache_control={"type": "ephemeral"}, at=1), text_part("Tell me.")
        ),
        "parts known keys": of_user(
            text_part("Where?", name="a", prompt_cache_breakpoint=True, at=1), text_part("Tell me.")
        ),
        "parts empty text": of_user(text_part(""), text_part("Where?")),
        "parts null text": of_user(text_part(None), text_part("Where?")),
        "parts no text": of_user({"type": "text"}, text_part("Where?")),
        "parts strings": of_user("Where?", "Tell me."),
        "parts without type": of_user({"text": "Where?"}),
        "parts refusal": of_assistant({"type": "refusal", "refusal": "No."}),
        "parts thinking": of_assistant(
            {"type": "thinking", "thinking": "Look."}, text_part("Here.")
        ),
        "parts thinking user": of_user(
            {"type": "thinking", "thinking": "Look."}, text_part("Here.")
        ),
        "parts thinking text": of_assistant(
            {"type": "thinking", "text": "Look."}, text_part("Here.")
        ),
        "parts reasoning": of_assistant({"type": "reasoning", "text": "Look."}, text_part("Here.")),
        "parts input text": of_user({"type": "input_text", "text": "Where?"}),
        "parts output text": of_assistant({"type": "output_text", "text": "Here."}),
        "parts other type": of_user({"type": "note", "text": "Where?"}),
        "parts system billed": ServedChat(
            [system([text_part("x-anthropic-billing-header: a=1;"), text_part("Be kind.")]), user()]
        ),
    }


def _reasonings() -> dict[str, ServedChat]:
    def of(**keys: Json) -> ServedChat:
        return asked(answer(**keys), user("Sure?"))

    return {
        "reasoning content": of(reasoning_content="Look."),
        "reasoning": of(reasoning="Look."),
        "reasoning both": of(reasoning="Look.", reasoning_content="Listen."),
        "reasoning both other order": of(reasoning_content="Listen.", reasoning="Look."),
        "reasoning empty and content": of(reasoning="", reasoning_content="Look."),
        "reasoning empty": of(reasoning=""),
        "reasoning content empty": of(reasoning_content=""),
        "reasoning null": of(reasoning=None, reasoning_content=None),
        "reasoning thinking": of(thinking="Look."),
        "reasoning inline": of(content="<think>\nLook.\n</think>\n\nHere."),
        "reasoning by user": ServedChat([user(reasoning_content="Look.")]),
        "reasoning beside calls": call_and_result(
            call(), reasoning_content="Look.", content="Looking."
        ),
        "reasoning beside calls alone": call_and_result(call(), reasoning="Look.", content=None),
        "reasoning list": of(reasoning_content=["Look."]),
    }


# --------------------------------------------------------------------------------------------
# What a prompt ends with, and what a request sets
# --------------------------------------------------------------------------------------------


def _last_messages() -> dict[str, ServedChat]:
    return {
        "last assistant": asked(answer()),
        "last assistant twice": asked(answer(), answer("There.")),
        "last assistant parts": asked(answer([text_part("Here."), text_part("Or there.")])),
        "last assistant reasoning": asked(answer(reasoning_content="Look.", name="bob")),
        "last assistant call": asked(calling(call(), content="Looking."), tools=[LOOK]),
        "last assistant call alone": asked(calling(call(), content=None), tools=[LOOK]),
        "last system": ServedChat([system()]),
        "last nothing": ServedChat([]),
    }


def _variables() -> dict[str, ServedChat]:
    asked = [user(), answer(reasoning_content="Look."), user("Sure?")]
    values: dict[str, dict[str, Json]] = {
        "thinking off": {"enable_thinking": False},
        "thinking on": {"enable_thinking": True},
        "effort": {"reasoning_effort": "low"},
        "null": {"enable_thinking": None, "reasoning_effort": None},
        "auto": {"enable_thinking": "auto", "reasoning_effort": "auto"},
        "unknown": {"mood": "calm"},
        "messages": {"bos_token": "<b>", "date_string": "1 May 2020"},
    }
    return {f"variables {name}": ServedChat(asked, None, value) for name, value in values.items()}
