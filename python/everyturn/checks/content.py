"""Rules on what messages hold: contents, keys, weights."""

from collections.abc import Iterator

from everyturn.checks.finding import Remark, quoted
from everyturn.checks.records import CALL_KEY, REASONING_KEYS, WEIGHT_KEYS, Record

COMMON_KEYS = ("tools", "functions", "chat_template_kwargs")

RECORD_KEYS = {
    "messages": frozenset({"messages", "parallel_tool_calls", *COMMON_KEYS}),
    "sharegpt": frozenset({"conversations", "system", *COMMON_KEYS}),
    "alpaca": frozenset(
        {"instruction", "input", "output", "response", "system", "history", *COMMON_KEYS}
    ),
    "prompt_completion": frozenset({"prompt", "completion", *COMMON_KEYS}),
}

MESSAGE_KEYS = frozenset(
    {
        *("role", "content", "name", "tool_calls", "tool_call_id", "function_call"),
        *("refusal", "audio", "annotations"),
        CALL_KEY,
        *WEIGHT_KEYS,
        *REASONING_KEYS,
    }
)


def empty_content(record: Record) -> Iterator[Remark]:
    """Whoever asks says something."""
    for message in record.messages:
        if message.role in ("system", "developer", "user") and _is_blank(message.text):
            yield Remark(
                "empty_content", message.position, f"the {message.role}'s message is empty"
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


def content_missing(record: Record) -> Iterator[Remark]:
    """A message that calls tools has a content, if an empty one."""
    for message in record.messages:
        if message.calls and "content" not in message.fields:
            yield Remark(
                "content_missing", message.position, 'the message calls tools and has no "content"'
            )


def unknown_key(record: Record) -> Iterator[Remark]:
    """Keys are those that somebody reads."""
    known = RECORD_KEYS[record.format]
    for key in () if known.issuperset(record.data) else record.data:
        if key in known:
            continue
        yield Remark(
            "unknown_key", None, f"the key {quoted(key)} of the record is not read", f"record {key}"
        )
    for message in record.messages:
        if not MESSAGE_KEYS.issuperset(message.fields):
            for key in message.fields:
                if key not in MESSAGE_KEYS:
                    text = f"the key {quoted(key)} goes to the template, which is not likely to read it"
                    yield Remark("unknown_key", message.position, text, f"message {key}")


def weights(record: Record) -> Iterator[Remark]:
    """Weights are 0 or 1, on assistants' messages."""
    for message in record.messages:
        if message.weight is None:
            continue
        weight = message.fields.get("weight")
        if isinstance(weight, bool) or (isinstance(weight, int | float) and weight not in (0, 1)):
            text = f'"weight" is {str(weight).lower()}; some services take 0 and 1 only'
            yield Remark("weight_not_binary", message.position, text)
        if message.weight > 0 and message.role not in (None, "assistant"):
            text = f"only assistants are trained; the weight of a {message.role}'s message does nothing"
            yield Remark("weight_ignored", message.position, text)


RULES = (empty_content, empty_targets, content_missing, unknown_key, weights)
