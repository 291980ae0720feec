"""transformers' own mask: one rendering a conversation with `return_assistant_tokens_mask`.

It needs a template with generation blocks, and where a template rewrites history it trains earlier answers after
contexts that inference never shows.
"""

from collections.abc import Iterator, Sequence

from everyturn.bench.job import Job
from everyturn.bench.tools import Record, RecordTool, Unusable, labels_of
from everyturn.bench.tools.loading import load_tokenizer, settings_of


class Mask(RecordTool):
    """Tokenizer and chat template of the job."""

    def __init__(self, job: Job) -> None:
        self._model = load_tokenizer(job)
        self._job = job
        template = self._model.get_chat_template(job.sources.chat_template)
        if "endgeneration" not in template and not job.shows_all:
            raise Unusable("the chat template has no {% generation %} blocks")

    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield the one sample of a conversation."""
        encoded = self._model.apply_chat_template(
            record["messages"],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            **settings_of(self._job, record),
        )
        yield encoded["input_ids"], labels_of(encoded["input_ids"], encoded["assistant_masks"])


def load(job: Job) -> Mask:
    """Load the tokenizer."""
    return Mask(job)
