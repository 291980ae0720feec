"""Rules on texts that look as if something went wrong before."""

import itertools
import re
from collections.abc import Iterator

from everyturn.checks.finding import Remark
from everyturn.checks.records import Record

CONTROL_TOKEN = re.compile(
    r"<\|[A-Za-z][\w/.:-]{0,40}\|>|<\uff5c[^\s<>\uff5c]{1,40}\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<[be]os>"
)
"""What looks like a control token, whatever the model. `<think>` does not: answers hold it on purpose."""

END_TOKEN = re.compile(
    r"(?:<\|(?:endoftext|im_end|eot_id|eom_id|end_of_text|end|eos|return)\|>|<\uff5cend\u2581of\u2581sentence\uff5c>"
    r"|</s>|<end_of_turn>|<eos>)\s*\Z"
)
"""An end token at the end of a text."""


def control_tokens(record: Record) -> Iterator[Remark]:
    """Text is text: control tokens come from the template."""
    for message in record.messages:
        text = message.text
        # Most texts have neither bracket, and that is quick to tell.
        if not text or ("<" not in text and "[" not in text) or not CONTROL_TOKEN.search(text):
            continue
        if message.role == "assistant" and (leaked := END_TOKEN.search(text)):
            token = leaked[0].rstrip()
            yield Remark(
                "leaked_end_token", message.position, f"the answer ends on the text {token}"
            )
            text = text[: leaked.start()]
        if found := dict.fromkeys(CONTROL_TOKEN.findall(text)):
            shown = ", ".join(itertools.islice(found, SHOWN)) + (
                ", .." if len(found) > SHOWN else ""
            )
            text = f"the text holds what looks like control tokens: {shown}"
            yield Remark("control_tokens", message.position, text)


SHOWN = 5
"""Tokens that are named."""


def identical_messages(record: Record) -> Iterator[Remark]:
    """Nobody says the same twice in a row."""
    for before, message in itertools.pairwise(record.messages):
        if message.fields == before.fields and message.fields:
            yield Remark(
                "identical_messages", message.position, "the message repeats the one before it"
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
                "echoed_user", message.position, "the answer is what the user said, word for word"
            )


RULES = (control_tokens, identical_messages, echoed_user)
