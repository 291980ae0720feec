"""Rules on texts that look as if something went wrong before."""

import itertools
import re
from collections.abc import Iterator

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record
from everyturn.checks.rules.rule import Rule
from everyturn.diagnostics.kind import Kind

LEAKED_END_TOKEN = Kind(
    name="leaked_end_token",
    severity="warning",
    summary="an answer ends on the text of an end token",
    reason="`<|endoftext|>`, `</s>` and their like at the end of a text come from another "
    "model's output or from older formats. The template writes the end of a turn "
    "itself: the token is trained twice, or spelt out as text.",
    remedy="Remove it from the text.",
)

CONTROL_TOKEN = re.compile(
    r"<\|[A-Za-z][\w/.:-]{0,40}\|>|<\uff5c[^\s<>\uff5c]{1,40}\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<[be]os>"
)
"""What looks like a control token, whatever the model. `<think>` does not: answers hold it on purpose."""

END_TOKEN = re.compile(
    r"(?:<\|(?:endoftext|im_end|eot_id|eom_id|end_of_text|end|eos|return)\|>|<\uff5cend\u2581of\u2581sentence\uff5c>"
    r"|</s>|<end_of_turn>|<eos>)\s*\Z"
)
"""An end token at the end of a text."""

SHOWN = 5
"""Tokens that are named."""


def control_tokens(record: Record) -> Iterator[Remark]:
    """Text is text: control tokens come from the template."""
    for message in record.messages:
        text = message.text
        # Most texts have neither bracket, and that is quick to see.
        if not text or ("<" not in text and "[" not in text) or not CONTROL_TOKEN.search(text):
            continue
        if message.role == "assistant" and (leaked := END_TOKEN.search(text)):
            token = leaked[0].rstrip()
            yield Remark(
                LEAKED_END_TOKEN.name, message.position, f"the answer ends on the text {token}"
            )
            text = text[: leaked.start()]
        if found := dict.fromkeys(CONTROL_TOKEN.findall(text)):
            shown = ", ".join(itertools.islice(found, SHOWN)) + (
                ", .." if len(found) > SHOWN else ""
            )
            text = f"the text holds what looks like control tokens: {shown}"
            yield Remark("control_tokens", message.position, text)


IDENTICAL_MESSAGES = Kind(
    name="identical_messages",
    severity="warning",
    summary="a message repeats the one before it",
    reason="The same role and the same text twice in a row: mostly a record written twice.",
    remedy="Remove one.",
)


def identical_messages(record: Record) -> Iterator[Remark]:
    """No two neighbours have the same role and text."""
    for before, message in itertools.pairwise(record.messages):
        same = message.fields == before.fields and message.calls == before.calls
        if same and message.fields:
            yield Remark(
                IDENTICAL_MESSAGES.name, message.position, "the message repeats the one before it"
            )


ECHOED_USER = Kind(
    name="echoed_user",
    severity="warning",
    summary="an answer is word for word what the user said",
    reason="The model learns to repeat. Often columns were mixed up.",
    remedy="Check the program that wrote the record.",
)


def echoed_user(record: Record) -> Iterator[Remark]:
    """An answer is another text than the question."""
    for before, message in itertools.pairwise(record.messages):
        if (
            message.role == "assistant"
            and before.role == "user"
            and message.text
            and message.text == before.text
            and not message.calls
        ):
            yield Remark(
                ECHOED_USER.name,
                message.position,
                "the answer is what the user said, word for word",
            )


RULES = (
    Rule(kinds=(LEAKED_END_TOKEN,), shared=("control_tokens",), find=control_tokens),
    Rule(kinds=(IDENTICAL_MESSAGES,), find=identical_messages),
    Rule(kinds=(ECHOED_USER,), find=echoed_user),
)
