"""Rules on roles and their order."""

import itertools
from collections.abc import Iterator

from everyturn import _core
from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import SYSTEM_ROLES, Record
from everyturn.checks.rules.rule import Draft, Rule
from everyturn.diagnostics.kind import Kind


def rename_roles(draft: Draft) -> Iterator[Remark]:
    """Roles of other tools get the name that is read here."""
    known = _core.ROLE_NAMES[draft.format]
    for index, fields, key in draft.entries:
        name = fields.get(key)
        if not isinstance(name, str) or name in known:
            continue
        new = name.strip().lower()
        if new not in known:
            if new not in _core.OTHER_ROLE_NAMES:
                continue
            new = _core.name_of_role(draft.format, key, _core.OTHER_ROLE_NAMES[new])
        fields[key] = new
        yield Remark("role", index, f"the role {quoted(name)} became {quoted(new)}")


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


ENDS_WITHOUT_ASSISTANT = Kind(
    name="ends_without_assistant",
    severity="warning",
    summary="the last message is not an assistant's",
    reason="What comes after the last answer is never part of a sample. Hosted services "
    "and some trainers refuse such a conversation.",
    remedy="Remove the messages after the last answer.",
)


def ends_without_assistant(record: Record) -> Iterator[Remark]:
    """The last word is the assistant's."""
    last = record.messages[-1]
    if last.role in (None, "assistant") or all(
        message.role != "assistant" for message in record.messages
    ):
        return
    text = f"the conversation ends with a message of the {last.role}, which is in no sample"
    yield Remark(ENDS_WITHOUT_ASSISTANT.name, last.position, text)


STARTS_WITH_ASSISTANT = Kind(
    name="starts_with_assistant",
    severity="warning",
    summary="an assistant message comes before any user message",
    reason="Many templates refuse it, and without a system message there is no prompt for "
    "that answer.",
    remedy="Remove the greeting, or give it the weight 0.",
)


def starts_with_assistant(record: Record) -> Iterator[Remark]:
    """The first message other than a system message is not the assistant's."""
    for message in record.messages:
        if message.role not in SYSTEM_ROLES:
            if message.role == "assistant":
                yield Remark(
                    STARTS_WITH_ASSISTANT.name,
                    message.position,
                    "the assistant message comes before any user message",
                )
            return


CONSECUTIVE_USERS = Kind(
    name="consecutive_users",
    severity="warning",
    summary="two messages of the user in a row",
    reason="Templates that require alternating roles refuse it; LLaMA-Factory drops such "
    "records. Often an answer was lost between them.",
    remedy="Join them, or put back what was between them.",
)

CONSECUTIVE = {"assistant": "consecutive_assistants", "user": CONSECUTIVE_USERS.name}


def consecutive(record: Record) -> Iterator[Remark]:
    """User and assistant take turns."""
    for before, message in itertools.pairwise(record.messages):
        if message.role == before.role and message.role in CONSECUTIVE:
            text = f"the message before is the {message.role}'s, too"
            yield Remark(CONSECUTIVE[message.role], message.position, text)


SYSTEM_NOT_FIRST = Kind(
    name="system_not_first",
    severity="warning",
    summary="a system message comes after other messages",
    reason="Many templates refuse it, or move it, or leave it out.",
    remedy="Put it first; write what comes later as a user message.",
)


def system_not_first(record: Record) -> Iterator[Remark]:
    """System messages come before all others."""
    others = itertools.dropwhile(lambda message: message.role in SYSTEM_ROLES, record.messages)
    for message in others:
        if message.role in SYSTEM_ROLES:
            text = f"a message of the {message.role} after others"
            yield Remark(SYSTEM_NOT_FIRST.name, message.position, text)


RULES = (
    Rule(shared=("role",), fixes={"role": rename_roles}),
    Rule(shared=("no_target",), find=no_target),
    Rule(kinds=(ENDS_WITHOUT_ASSISTANT,), find=ends_without_assistant),
    Rule(kinds=(STARTS_WITH_ASSISTANT,), find=starts_with_assistant),
    Rule(kinds=(CONSECUTIVE_USERS,), shared=("consecutive_assistants",), find=consecutive),
    Rule(kinds=(SYSTEM_NOT_FIRST,), find=system_not_first),
)
