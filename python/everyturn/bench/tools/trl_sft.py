"""TRL: what `SFTTrainer(assistant_only_loss=True)` makes of a dataset before it trains.

The trainer's own preparation is called on a trainer that never got a model: tokenizing needs none.
"""

import json
import tempfile
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Made, Record, Row, Tool, Unusable, lines_of, reason

COLUMNS = ("messages", "tools", "chat_template_kwargs")
"""What it reads of a record."""


class Trl(Tool):
    """A trainer's tokenizer, template and settings."""

    def __init__(self, job: Job) -> None:
        import datasets
        import transformers
        from transformers.utils import logging
        from trl import SFTConfig

        self._datasets: Any = datasets
        datasets.disable_progress_bars()
        datasets.disable_caching()
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        self._kwargs = dict(job.template_kwargs)
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(job.folder)
        if job.chat_template is not None:
            self._tokenizer.chat_template = self._tokenizer.get_chat_template(job.chat_template)
        with tempfile.TemporaryDirectory() as folder:
            self._config = SFTConfig(
                output_dir=folder,
                assistant_only_loss=True,
                max_length=None,
                report_to=[],
                use_cpu=True,
                bf16=False,
            )
        self._trainer = self._bare_trainer()

    def expand(self, source: bytes) -> Any:
        """Turn JSON lines into the dataset that is trained."""
        records = [self._record(json.loads(line)) for line in lines_of(source)]
        used = [key for key in COLUMNS if any(record[key] for record in records)]
        rows = [{key: record[key] for key in used} for record in records]
        return self._trainer._prepare_dataset(  # noqa: SLF001 - the step has no public name
            self._datasets.Dataset.from_list(rows, on_mixed_types="use_json"),
            self._tokenizer,
            self._config,
            packing=False,
            formatting_func=None,
            dataset_name="train",
        )

    def made(self, result: Any) -> Made:
        """Return the samples: one per record, in order."""
        columns = result.select_columns(["input_ids", "labels"])
        return Made(rows=[Row(i, row["input_ids"], row["labels"]) for i, row in enumerate(columns)])

    def _record(self, record: Record) -> Record:
        kwargs = {**self._kwargs, **(record.get("chat_template_kwargs") or {})}
        kept = {"messages": record["messages"], "chat_template_kwargs": kwargs}
        tools = record.get("tools")
        return {**kept, "tools": None if tools is None else json.dumps(tools, ensure_ascii=False)}

    def _bare_trainer(self) -> Any:
        from trl import SFTTrainer
        from trl.chat_template_utils import get_training_chat_template, has_generation_markers

        trainer: Any = object.__new__(SFTTrainer)
        trainer._tokenizer = self._tokenizer  # noqa: SLF001 - what its __init__ would set
        trainer.completion_only_loss = False
        trainer.chat_template = None
        if not has_generation_markers(self._tokenizer.chat_template):
            try:
                trainer.chat_template = get_training_chat_template(self._tokenizer)
            except ValueError as error:
                raise Unusable(reason(error)) from error
        return trainer


def load(job: Job) -> Trl:
    """Load the tokenizer."""
    return Trl(job)
