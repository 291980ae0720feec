"""TRL: what `SFTTrainer` makes of a dataset before it trains, in each of its three ways.

`assistant_only`: conversations, with `assistant_only_loss=True`. `default`: conversations, nothing set.
`prompt_completion`: a row for each assistant message, its prompt and itself in columns of their own.

The trainer's own preparation is called on a trainer that never got a model: tokenizing needs none.
"""

import json
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from everyturn.bench.job import Job
from everyturn.bench.tools import Made, Record, Row, Tool, Unusable, lines_of, reason
from everyturn.bench.tools.loading import load_auto_tokenizer

COLUMNS = ("messages", "prompt", "completion", "tools", "chat_template_kwargs")
"""What it reads of a row."""


class Prepared(NamedTuple):
    """A dataset that is ready to train, and the record of each of its rows."""

    dataset: Any
    records: list[int]


class Trl(Tool):
    """A trainer's tokenizer, template and settings."""

    def __init__(self, job: Job) -> None:
        import datasets
        from trl import SFTConfig

        self._datasets: Any = datasets
        datasets.disable_progress_bars()
        datasets.disable_caching()
        self._mode = job.settings.get("mode", "assistant_only")
        self._kwargs = job.template_kwargs
        self._tokenizer = load_auto_tokenizer(job)
        with tempfile.TemporaryDirectory() as folder:
            self._config = SFTConfig(
                output_dir=folder,
                assistant_only_loss=self._mode == "assistant_only",
                max_length=None,
                report_to=[],
                use_cpu=True,
                bf16=False,
            )
        self._trainer = self._bare_trainer()

    def expand(self, source: bytes) -> Prepared | Made:
        """Turn JSON lines into the dataset that is trained; row by row where it cannot do one of them."""
        rows = [
            (number, row)
            for number, line in enumerate(lines_of(source))
            for row in self._rows(json.loads(line))
        ]
        try:
            return self._prepared(rows)
        except Exception:  # noqa: BLE001 - it raises what it likes
            return self._one_by_one(rows)

    def made(self, result: Prepared | Made) -> Made:
        """Return the samples in order."""
        if isinstance(result, Made):
            return result
        columns = result.dataset.select_columns(["input_ids", "labels"])
        return Made(
            rows=[
                Row(record, row["input_ids"], row["labels"])
                for record, row in zip(result.records, columns, strict=True)
            ]
        )

    def _one_by_one(self, rows: list[tuple[int, Record]]) -> Made:
        made = Made()
        for number, row in rows:
            try:
                made.rows += self.made(self._prepared([(number, row)])).rows
            except Exception as error:  # noqa: BLE001, PERF203 - likewise
                made.failures[number] = reason(error)
        return made

    def _prepared(self, rows: list[tuple[int, Record]]) -> Prepared:
        used = [key for key in COLUMNS if any(row.get(key) for _, row in rows)]
        columns = [{key: row[key] for key in used} for _, row in rows]
        dataset = self._trainer._prepare_dataset(  # noqa: SLF001 - the step has no public name
            self._datasets.Dataset.from_list(columns, on_mixed_types="use_json"),
            self._tokenizer,
            self._config,
            packing=False,
            formatting_func=None,
            dataset_name="train",
        )
        return Prepared(dataset, [number for number, _ in rows])

    def _rows(self, record: Record) -> Iterator[Record]:
        """Yield what a user would put into the dataset for a record."""
        tools, messages = record.get("tools"), record["messages"]
        kept = {
            "tools": None if tools is None else json.dumps(tools, ensure_ascii=False),
            "chat_template_kwargs": {
                **self._kwargs,
                **(record.get("chat_template_kwargs") or {}),
            },
        }
        if self._mode != "prompt_completion":
            yield {"messages": messages, **kept}
            return
        for index, message in enumerate(messages):
            if message["role"] == "assistant" and index:
                yield {"prompt": messages[:index], "completion": [message], **kept}

    def _bare_trainer(self) -> Any:
        from trl import SFTTrainer
        from trl.chat_template_utils import get_training_chat_template, has_generation_markers

        trainer: Any = object.__new__(SFTTrainer)
        trainer._tokenizer = self._tokenizer  # noqa: SLF001 - what its __init__ would set
        trainer.completion_only_loss = self._mode == "prompt_completion"
        trainer.chat_template = None
        needs_markers = self._mode == "assistant_only"
        if needs_markers and not has_generation_markers(self._tokenizer.chat_template):
            try:
                trainer.chat_template = get_training_chat_template(self._tokenizer)
            except ValueError as error:
                raise Unusable(reason(error)) from error
        return trainer


def load(job: Job) -> Trl:
    """Load the tokenizer."""
    return Trl(job)
