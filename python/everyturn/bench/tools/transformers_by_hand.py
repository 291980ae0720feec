"""What people write by hand with transformers: for each assistant message render its prompt and its turn, encode both.

It is the careful form of that loop: texts are encoded in batches by the tokenizer's Rust side, tokens that run over
the border of prompt and completion are distinguished, and what follows the stop token is cut off.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from everyturn.bench.job import Job
from everyturn.bench.tools import Made, Record, Row, Tool, lines_of, reason
from everyturn.bench.tools.loading import load_tokenizer, settings_of
from everyturn.samples import IGNORE_INDEX

BATCH = 64
"""Conversations that are encoded in one call."""


class Turn(NamedTuple):
    """The texts of one target."""

    record: int
    prompt: str
    whole: str


class ByHand(Tool):
    """Tokenizer and chat template of the job."""

    def __init__(self, job: Job) -> None:
        self._model = load_tokenizer(job)
        self._tokenizer = self._model.backend_tokenizer
        self._job = job

    def ids_of(self, texts: list[str]) -> list[list[int]]:
        """Encode texts as they are."""
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [each.ids for each in encoded]

    def expand(self, source: bytes) -> Made:
        """Turn JSON lines into samples of lists."""
        made = Made()
        lines = lines_of(source)
        for start in range(0, len(lines), BATCH):
            turns: list[Turn] = []
            for number, line in enumerate(lines[start : start + BATCH], start):
                try:
                    turns += list(self._turns(number, json.loads(line)))
                except Exception as error:  # noqa: BLE001, PERF203 - templates raise what they like
                    made.failures[number] = reason(error)
            made.rows += self._encode(turns)
        return made

    def _turns(self, number: int, record: Record) -> Iterator[Turn]:
        messages = record["messages"]
        settings = settings_of(self._job, record)
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            prompt = self._model.apply_chat_template(
                messages[:index], add_generation_prompt=True, tokenize=False, **settings
            )
            whole = self._model.apply_chat_template(
                messages[: index + 1], tokenize=False, **settings
            )
            if not whole.startswith(prompt):
                raise ValueError(f"message {index}: the prompt is not a prefix of the turn")
            yield Turn(number, prompt, whole)

    def _encode(self, turns: list[Turn]) -> list[Row]:
        encoded = self.ids_of([text for turn in turns for text in (turn.prompt, turn.whole)])
        rows: list[Row] = []
        for turn, prompt_ids, whole_ids in zip(turns, encoded[::2], encoded[1::2], strict=True):
            completion = whole_ids[len(prompt_ids) :]
            if whole_ids[: len(prompt_ids)] != prompt_ids:
                (completion,) = self.ids_of([turn.whole[len(turn.prompt) :]])
            completion = self._through_stop(completion)
            labels = [IGNORE_INDEX] * len(prompt_ids) + completion
            rows.append(Row(turn.record, prompt_ids + completion, labels))
        return rows

    def _through_stop(self, completion: list[int]) -> list[int]:
        stops = self._job.stop_ids
        for index in range(len(completion) - 1, -1, -1):
            if completion[index] in stops:
                return completion[: index + 1]
        # The template ends a turn by the next header alone.
        return [*completion, stops[0]]


def load(job: Job) -> ByHand:
    """Load the tokenizer."""
    return ByHand(job)
