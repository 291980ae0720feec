"""Tokenizers as transformers loads them, with the chat template, the arguments and the clock of a job."""

import datetime as dt
from typing import Any

import transformers
from transformers.utils import chat_template_utils, logging

from everyturn.bench.job import Job
from everyturn.bench.tools import Record


def load_tokenizer(job: Job) -> Any:
    """Load what everyturn encodes with under the job's `tokenizer`: the file as it is, or what transformers makes."""
    if job.sources.tokenizer == "auto_tokenizer":
        return load_auto_tokenizer(job)
    _prepare(job)
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(job.sources.folder)
    return _ready(tokenizer)


def load_auto_tokenizer(job: Job) -> Any:
    """Load what trainers encode with; its chat template is that of the job."""
    _prepare(job)
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(job.sources.folder)
    if job.sources.chat_template is not None:
        tokenizer.chat_template = tokenizer.get_chat_template(job.sources.chat_template)
    return _ready(tokenizer)


def settings_of(job: Job, record: Record) -> dict[str, Any]:
    """Return the arguments of every rendering of a record."""
    return {
        "tools": record.get("tools"),
        "chat_template": job.sources.chat_template,
        **job.template_kwargs,
        **(record.get("chat_template_kwargs") or {}),
    }


def _prepare(job: Job) -> None:
    """Quiet transformers, and stop the clock of its templates."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    clock = _clock(dt.datetime.fromisoformat(job.sources.now))
    setattr(chat_template_utils, "datetime", clock)  # noqa: B010 - no name that it exports


def _ready(tokenizer: Any) -> Any:
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def _clock(now: dt.datetime) -> type[dt.datetime]:
    """Return a datetime whose `now` stands still."""

    class Stopped(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return now.replace(tzinfo=tz)

    return Stopped
