"""What inference shows of one target, by transformers alone: runs in a child, as a tool that is compared with.

In: a record that ends with the target. Out: one row, the prompt's ids as context and the completion's trained. The
prompt is `apply_chat_template` of the messages before the target, the rule is `everyturn._educational`'s; nothing of
everyturn's own renders or encodes here.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from everyturn._educational import Encoder, NoStopError, completion_of
from everyturn.bench.job import Job
from everyturn.bench.tools import Record, RecordTool
from everyturn.bench.tools.loading import load_tokenizer, settings_of
from everyturn.samples import IGNORE_INDEX


class Truth(RecordTool):
    """Tokenizer and chat template of the job."""

    def __init__(self, job: Job) -> None:
        self._model = load_tokenizer(job)
        self._job = job
        self._encoder = Encoder(self._model.backend_tokenizer)
        self._stops = self._model.convert_ids_to_tokens(list(job.stop_ids))

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the row of the last message."""
        messages = record["messages"]
        if len(messages) == 1:
            raise ValueError("nothing comes before the answer")
        settings = settings_of(self._job, record)
        prompt = self._render(messages[:-1], add_generation_prompt=True, **settings)
        completion = self._completion(prompt, self._render(messages, **settings))
        prompt_ids, completion_ids = self._encoder.encode_turn(prompt, completion)
        yield prompt_ids + completion_ids, [IGNORE_INDEX] * len(prompt_ids) + [*completion_ids]

    def _render(self, messages: list[dict[str, Any]], **settings: Any) -> str:
        return str(self._model.apply_chat_template(messages, tokenize=False, **settings))

    def _completion(self, prompt: str, full: str) -> str:
        """Return what must be emitted, through whichever stop token comes last."""
        found = [self._through(prompt, full, stop) for stop in self._stops]
        # Where there is none, the template ends a turn by the next header alone.
        return max(found, key=len) or full[len(prompt) :] + str(self._stops[0])

    def _through(self, prompt: str, full: str, stop: str) -> str:
        with contextlib.suppress(NoStopError):
            return completion_of(prompt, full, stop)
        return ""


def load(job: Job) -> Truth:
    """Load the tokenizer."""
    return Truth(job)
