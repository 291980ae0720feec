"""axolotl: the strategy ``chat_template`` with the tokenizer's own template, and its defaults."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Record, RecordTool

SETTINGS: dict[str, Any] = {
    "sequence_len": 1_000_000_000,
    "train_on_inputs": False,
    "chat_template": "tokenizer_default",
}
DATA = {"type": "chat_template", "field_messages": "messages"}


class Axolotl(RecordTool):
    """A strategy."""

    def __init__(self, job: Job) -> None:
        os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
        from axolotl.prompt_strategies.chat_template import load as load_strategy
        from axolotl.utils.dict import DictDefault

        from everyturn.bench.tools.loading import load_auto_tokenizer

        settings = dict(SETTINGS)
        if kwargs := job.template_kwargs:
            settings["chat_template_kwargs"] = kwargs
        self._strategy = load_strategy(
            load_auto_tokenizer(job), DictDefault(settings), ds_cfg=DictDefault(DATA)
        )

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the one sample of a conversation."""
        prepared = self._strategy.tokenize_prompt(record)
        yield prepared["input_ids"], prepared["labels"]


def load(job: Job) -> Axolotl:
    """Load the tokenizer."""
    return Axolotl(job)
