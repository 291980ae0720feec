"""Rules on who speaks, and in what order."""

import itertools
from collections.abc import Iterator

from everyturn.checks.finding import Remark
from everyturn.checks.records import SYSTEM_ROLES, Record


def no_target(record: Record) -> Iterator[Remark]:
    """Somebody has to be trained."""
    answers = [message for message in record.messages if message.role == "assistant"]
    if any(message.weight != 0 and not message.is_context for message in answers):
        return
    if any(message.role is None for message in record.messages):
        return
    if not answers:
        text = "no message is an assistant's: nothing is trained"
    elif all(message.is_context for message in answers):
        text = "no message of the completion is an assistant's: nothing is trained"
    else:
        text = "every assistant message has the weight 0: nothing is trained"
    yield Remark("no_target", None, text)


def ends_without_assistant(record: Record) -> Iterator[Remark]:
    """The last word is the assistant's."""
    last = record.messages[-1]
    if last.role in (None, "assistant") or all(
        message.role != "assistant" for message in record.messages
    ):
        return
    text = f"the conversation ends with a message of the {last.role}, which is in no sample"
    yield Remark("ends_without_assistant", last.position, text)


def starts_with_assistant(record: Record) -> Iterator[Remark]:
    """The first word, but for a system message, is not the assistant's."""
    for message in record.messages:
        if message.role not in SYSTEM_ROLES:
            if message.role == "assistant":
                yield Remark(
                    "starts_with_assistant",
                    message.position,
                    "the assistant speaks before any user",
                )
            return


def consecutive(record: Record) -> Iterator[Remark]:
    """User and assistant take turns."""
    for before, message in itertools.pairwise(record.messages):
        if message.role == before.role and message.role in ("assistant", "user"):
            text = f"the message before is the {message.role}'s, too"
            yield Remark(f"consecutive_{message.role}s", message.position, text)


def system_not_first(record: Record) -> Iterator[Remark]:
    """System messages come before all others."""
    others = itertools.dropwhile(lambda message: message.role in SYSTEM_ROLES, record.messages)
    for message in others:
        if message.role in SYSTEM_ROLES:
            text = f"a message of the {message.role} behind others"
            yield Remark("system_not_first", message.position, text)


RULES = (no_target, ends_without_assistant, starts_with_assistant, consecutive, system_not_first)
