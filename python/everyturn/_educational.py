"""The rule of everyturn in plain Python over transformers: code to read, five minutes' worth of it.

What comes in: a tokenizer of transformers with a chat template, a conversation, and the model's stop token. What goes
out: rows of token ids and labels. Nothing of everyturn is used here, and nothing of everyturn that makes samples uses
this; tests and the parity board (`everyturn.bench.parity`) hold the two against each other. Not here: speed, input
formats, weights, windows, policies for templates that break the rule, and finding the stop token.

>>> from importlib.resources import files
>>> from transformers import AutoTokenizer
>>> tokenizer = AutoTokenizer.from_pretrained(str(files("everyturn") / "models" / "demo"))
>>> chat = [
...     {"role": "user", "content": "1+1?"},
...     {"role": "assistant", "content": "2"},
...     {"role": "user", "content": "2+2?"},
...     {"role": "assistant", "content": "4"},
... ]
>>> for row in merged(per_turn(tokenizer, chat, stop="<|im_end|>")):
...     trained = [token for token in row.labels if token != IGNORE_INDEX]
...     print(len(row.ids), row.targets, repr(tokenizer.decode(trained)))
35 (1, 3) '2<|im_end|>4<|im_end|>'
"""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tokenizers import Tokenizer

IGNORE_INDEX = -100
Ids = tuple[int, ...]


class PromptMismatchError(ValueError):
    """What a server sends is not the start of the rendered turn, so nothing says what the model is to emit."""


class NoStopError(ValueError):
    """The rendered turn does not end, so the model would never learn to."""


class Row(NamedTuple):
    """A training sample."""

    ids: Ids
    labels: Ids
    """The id at each position that is trained, unshifted, and -100 at all others."""
    targets: tuple[int, ...]
    """Which messages are trained."""


def per_turn(
    tokenizer: Any, messages: Sequence[dict[str, Any]], *, stop: str, **template_kwargs: Any
) -> list[Row]:
    """Return a row for each assistant message: its prompt as context, its completion trained.

    `template_kwargs` go to the chat template, `tools` among them.
    """
    encoder = Encoder(tokenizer.backend_tokenizer)

    def render(messages: Sequence[dict[str, Any]], **more: Any) -> str:
        text = tokenizer.apply_chat_template(messages, tokenize=False, **template_kwargs, **more)
        return str(text)

    rows = []
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            prompt = render(messages[:index], add_generation_prompt=True)
            completion = completion_of(prompt, render(messages[: index + 1]), stop)
            rows.append(row_of(*encoder.encode_turn(prompt, completion), target=index))
    return rows


def completion_of(prompt: str, full: str, stop: str) -> str:
    """Return what the model has to emit after the prompt: the rest of its turn, up to and including the stop token."""
    if not full.startswith(prompt):
        raise PromptMismatchError(f"the prompt {prompt!r} is not the start of the turn {full!r}")
    rest = full[len(prompt) :]
    # After the stop token comes what the template writes between turns, which the model never emits.
    end = rest.rfind(stop)
    if end < 0:
        raise NoStopError(f"{stop!r} does not occur in {rest!r}")
    return rest[: end + len(stop)]


def row_of(prompt_ids: Ids, completion_ids: Ids, *, target: int) -> Row:
    """Return the sample that trains one completion after its prompt."""
    labels = (IGNORE_INDEX,) * len(prompt_ids) + completion_ids
    return Row(prompt_ids + completion_ids, labels, (target,))


def merged(rows: Iterable[Row]) -> list[Row]:
    """Return the fewest samples that train the same: each joins the longest sample that its prompt starts with."""
    joined: list[Row] = []
    for row in rows:
        prompt = prompt_of(row)
        fitting = [other for other in joined if prompt[: len(other.ids)] == other.ids]
        if not fitting:
            joined.append(row)
            continue
        longest = max(fitting, key=lambda other: len(other.ids))
        labels = longest.labels + row.labels[len(longest.labels) :]
        joined[joined.index(longest)] = Row(row.ids, labels, longest.targets + row.targets)
    return joined


def prompt_of(row: Row) -> Ids:
    """Return the ids before the first that is trained."""
    return row.ids[: next(i for i, label in enumerate(row.labels) if label != IGNORE_INDEX)]


class Encoder:
    """Encodes text as a server does, with no special tokens but those that the text spells."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode_turn(self, prompt: str, completion: str) -> tuple[Ids, Ids]:
        """Return the ids of both: the prompt's are always those that a server would send."""
        prompt_ids, ids = self.encode(prompt), self.encode(prompt + completion)
        if ids[: len(prompt_ids)] == prompt_ids:
            return prompt_ids, ids[len(prompt_ids) :]
        # A token would run over the border. The model never sees it: its input ends with the prompt.
        return prompt_ids, self.encode_continuation(completion)

    def encode(self, text: str) -> Ids:
        """Return the ids of a text."""
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def encode_continuation(self, text: str) -> Ids:
        """Return the ids of a text that continues another one: no mark of a new word at its start.

        Such a mark comes back after each added token, so what differs ends with the first of them.
        """
        added = self._tokenizer.get_added_tokens_decoder().values()
        starts = [start for token in added if (start := text.find(token.content)) >= 0]
        first = min(starts, default=len(text))
        head = self._continuing.encode(text[:first], add_special_tokens=False).ids
        return (*head, *self.encode(text[first:]))

    @functools.cached_property
    def _continuing(self) -> Tokenizer:
        spec = json.loads(self._tokenizer.to_str())
        for step in ("normalizer", "pre_tokenizer"):
            spec[step] = _without_word_start(spec[step])
        return Tokenizer.from_str(json.dumps(spec))


def _without_word_start(step: Any) -> Any:
    """Return a step of a tokenizer.json without the mark that SentencePiece-like tokenizers put before a text."""
    if step is None or step["type"] == "Prepend":
        return None
    if step["type"] == "Sequence":
        key = "normalizers" if "normalizers" in step else "pretokenizers"
        steps = [_without_word_start(inner) for inner in step[key]]
        return {**step, key: [inner for inner in steps if inner is not None]}
    if step["type"] == "Metaspace":
        return {**step, "prepend_scheme": "never"}
    if step["type"] == "ByteLevel":
        return {**step, "add_prefix_space": False}
    return step
