"""What a model is loaded from: a folder, a template, its arguments and the time that it shows.

In: the arguments of `Renderer.from_dir`. Out: a frozen value, which pickles, with the folder's absolute path and the
time fixed. Nothing is read from the folder until it is loaded.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from everyturn import _core
from everyturn.auto_tokenizer import rebuilt_tokenizer
from everyturn.exceptions import OptionsError
from everyturn.io.json_lines import json_text
from everyturn.model_folder import folder_of, template_of
from everyturn.options import ContentFormat, Engine, Serve, StrPath, TokenizerSource, check_choice

ENGINE: Engine = "auto"
"""What encodes text by default."""

SERVE: Serve = "vllm"
"""The server whose prompts are made by default."""

CONTENT_FORMAT: ContentFormat = "auto"
"""How contents reach the template by default."""

TOKENIZER: TokenizerSource = "file"
"""What a model's tokenizer is by default."""

LIMITS = 1
"""The factor for the limits on templates and the files of models by default."""

_MOST_LIMITS = 1_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sources:
    """What a renderer is made from, and so what it pickles as."""

    folder: str
    chat_template: str | None
    template_kwargs: str
    now: str
    engine: Engine
    serve: Serve
    content_format: ContentFormat
    tokenizer: TokenizerSource
    stop_token: str | None
    limits: int
    needs_fast_engine: bool = False
    """So much will be encoded that the fast engine, where it may be used, is loaded at once, on a second thread."""

    def load(self) -> _core.Renderer:
        """Load the folder."""
        return _core.Renderer(**self._arguments())

    def lint(self) -> str:
        """Look at the folder's template: the core's report."""
        fields = self._arguments()
        del fields["engine"], fields["needs_fast_engine"]
        return _core.lint_model(**fields)

    def _arguments(self) -> dict[str, Any]:
        fields = dataclasses.asdict(self)
        from_file = fields.pop("tokenizer") == "file"
        return {
            **fields,
            "tokenizer_json": None if from_file else rebuilt_tokenizer(self.folder, self.serve),
        }


def sources_of(
    path: StrPath,
    *,
    chat_template: StrPath | None = None,
    template_kwargs: Mapping[str, Any] | None = None,
    now: dt.datetime | str | None = None,
    engine: Engine = ENGINE,
    serve: Serve = SERVE,
    content_format: ContentFormat = CONTENT_FORMAT,
    tokenizer: TokenizerSource = TOKENIZER,
    stop_token: str | None = None,
    limits: int = LIMITS,
    needs_fast_engine: bool = False,
) -> Sources:
    """Gather what a renderer is made from; the arguments are those of `Renderer.from_dir` and `Sources`."""
    check_choice("tokenizer", tokenizer, TokenizerSource)
    return Sources(
        folder=str(folder_of(path).absolute()),
        chat_template=template_of(chat_template, limits=checked_limits(limits)),
        template_kwargs=json_text(dict(template_kwargs or {})),
        now=local_time(now),
        engine=engine,
        serve=serve,
        content_format=content_format,
        tokenizer=tokenizer,
        stop_token=stop_token,
        limits=checked_limits(limits),
        needs_fast_engine=needs_fast_engine,
    )


def checked_limits(limits: int) -> int:
    """Return the factor for the limits.

    Raises:
        OptionsError: It is no whole number, or cannot be one.
    """
    if isinstance(limits, bool) or not isinstance(limits, int) or not 1 <= limits <= _MOST_LIMITS:
        raise OptionsError(
            f"limits must be a whole number from 1 to {_MOST_LIMITS}, not {limits!r}"
        )
    return limits


def local_time(now: dt.datetime | str | None) -> str:
    """Return the local time that templates are shown, ISO; the current one if None."""
    if now is None:
        now = dt.datetime.now()  # noqa: DTZ005 - templates show local time, as in transformers
    elif isinstance(now, str):
        now = _parse_time(now)
    elif not isinstance(now, dt.datetime):
        raise OptionsError(f"now: {now!r} is neither a datetime nor ISO text")
    return now.replace(tzinfo=None).isoformat()


def _parse_time(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise OptionsError(f"now: {error}; expected ISO, e.g. 2026-01-31T12:00:00") from error
