"""Rules on what messages hold: contents, keys, weights."""

from collections.abc import Iterable, Iterator, Sequence

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import REASONING_KEYS, SYSTEM_ROLES, WEIGHT_KEYS, Record
from everyturn.checks.rules.rule import Rule
from everyturn.diagnostics.kind import Kind
from everyturn.wording import counted, unread_argument

EMPTY_CONTENT = Kind(
    name="empty_content",
    severity="warning",
    summary="a system or user message is empty",
    reason="A model is trained to answer to nothing; hosted services refuse it.",
    remedy="Fill it, or remove the exchange.",
)


def empty_content(record: Record) -> Iterator[Remark]:
    """Whoever asks says something."""
    for message in record.messages:
        if message.role in (*SYSTEM_ROLES, "user") and _is_blank(message.text):
            yield Remark(
                EMPTY_CONTENT.name, message.position, f"the {message.role}'s message is empty"
            )


def empty_targets(record: Record) -> Iterator[Remark]:
    """An answer has something to train."""
    for message in record.messages:
        if (
            message.role == "assistant"
            and _is_blank(message.text)
            and not message.calls
            and not message.reasons
            and message.weight != 0
            and not message.is_context
        ):
            yield Remark(
                "empty_targets", message.position, "the answer is empty: only its end is trained"
            )


def _is_blank(text: str | None) -> bool:
    return text is not None and (not text or text.isspace())


CONTENT_MISSING = Kind(
    name="content_missing",
    severity="note",
    summary='a message that calls tools has no key "content"',
    reason="OpenAI allows it, and templates that print the content fail on it or print `None`.",
    remedy='Write `"content": ""` or null.',
)


def content_missing(record: Record) -> Iterator[Remark]:
    """A message that calls tools has a content, if an empty one."""
    for message in record.messages:
        if message.calls and "content" not in message.fields:
            yield Remark(
                CONTENT_MISSING.name,
                message.position,
                'the message calls tools and has no "content"',
            )


UNREAD_RECORD_KEYS = Kind(
    name="unread_record_keys",
    severity="note",
    summary="a record has a key that nothing reads",
    reason="What stands under it is in no sample. It may be meant for something: a template argument belongs in "
    "`chat_template_kwargs`, a misspelt name is no name. Each key is named once a file.",
    remedy="Correct its spelling, or leave it as it is; `keep` carries it into the samples.",
)

UNKNOWN_KEY = Kind(
    name="unknown_key",
    severity="note",
    summary="a message has a key that is seldom read",
    reason="Keys of messages go to the template, which seldom knows them; OpenAI refuses "
    "unknown ones. It may be a known key, misspelt. Each key is named once a file.",
    remedy="Remove it, or correct its spelling.",
)

MESSAGE_KEYS = frozenset(
    {
        *("role", "content", "name", "tool_calls", "tool_call_id", "function_call"),
        *("refusal", "audio", "annotations"),
        *WEIGHT_KEYS,
        *REASONING_KEYS,
    }
)


def unknown_key(record: Record) -> Iterator[Remark]:
    """Keys are those that something reads."""
    for key in record.unread:
        text = f"the key {quoted(key)} of the record is not read"
        yield Remark(UNREAD_RECORD_KEYS.name, None, text, key)
    for message in record.messages:
        if not MESSAGE_KEYS.issuperset(message.fields):
            for key in message.fields:
                if key not in MESSAGE_KEYS:
                    text = f"the key {quoted(key)} goes to the template, which is not likely to read it"
                    yield Remark(UNKNOWN_KEY.name, message.position, text, f"message {key}")


WEIGHT_NOT_BINARY = Kind(
    name="weight_not_binary",
    severity="note",
    summary="a weight is neither 0 nor 1",
    reason="OpenAI and Mistral take 0 and 1 only. Here any number from 0 up is a factor of "
    "the loss.",
    remedy="Nothing needs to be done, unless the file goes there.",
)


def weights(record: Record) -> Iterator[Remark]:
    """Weights are 0 or 1, on assistants' messages."""
    for message in record.messages:
        if message.weight is None:
            continue
        weight = message.fields.get("weight")
        if isinstance(weight, bool) or (isinstance(weight, int | float) and weight not in (0, 1)):
            text = f'"weight" is {str(weight).lower()}; some services take 0 and 1 only'
            yield Remark(WEIGHT_NOT_BINARY.name, message.position, text)
        if message.weight > 0 and message.role not in (None, "assistant"):
            text = f"only assistants are trained; the weight of a {message.role}'s message does nothing"
            yield Remark("weight_ignored", message.position, text)


UNREAD_KEYS = Kind(
    name="unread_keys",
    severity="note",
    summary="the template never reads a key of a message",
    reason="What the key holds is not trained. `content.x` is a key of a part, `tool_calls.x` one of a call, "
    "`tools.x` one of a tool; the server or the reading of parts may be what leaves it out. Each key is named once "
    "a file.",
    remedy="`everyturn lint` shows what the template reads.",
)


def unread_keys(keys: Iterable[str], unnamed: int) -> Iterator[Remark]:
    """Say once a file which keys of messages the template of a model never reads, and that there are unnamed ones."""
    for key in keys:
        text = f"the template never reads the key {quoted(key)}"
        yield Remark(UNREAD_KEYS.name, None, text, key)
    if unnamed:
        text = f"the template never reads {counted(unnamed, 'more key')}"
        yield Remark(UNREAD_KEYS.name, None, text, "")


UNREAD_ARGUMENTS = "unread_arguments"
"""Lint reports it as well, of the arguments of every rendering."""


def unread_arguments(
    names: Iterable[str], unnamed: int, template_arguments: Sequence[str]
) -> Iterator[Remark]:
    """Say once a file which arguments of records the template does not read, and that there are unnamed ones."""
    for name in names:
        text = unread_argument(name, template_arguments)
        yield Remark(UNREAD_ARGUMENTS, None, text, name)
    if unnamed:
        text = f"the template does not read {counted(unnamed, 'more argument')}"
        yield Remark(UNREAD_ARGUMENTS, None, text, "")


RULES = (
    Rule(kinds=(EMPTY_CONTENT,), find=empty_content),
    Rule(shared=("empty_targets",), find=empty_targets),
    Rule(kinds=(CONTENT_MISSING,), find=content_missing),
    Rule(kinds=(UNKNOWN_KEY, UNREAD_RECORD_KEYS), find=unknown_key),
    Rule(kinds=(WEIGHT_NOT_BINARY,), shared=("weight_ignored",), find=weights),
    Rule(kinds=(UNREAD_KEYS,)),
    Rule(shared=(UNREAD_ARGUMENTS,)),
)
