"""Both sides of a comparison of templates: transformers with its clock stopped, and the engine.

A side answers with text, or refuses. Two answers agree if they are the same text or if both sides
refuse: what an error says is each side's own. An engine that fails in any way but its own error
agrees with nothing.
"""

import contextlib
import functools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from unittest import mock

from jinja2.sandbox import ImmutableSandboxedEnvironment
from transformers.tokenization_utils_base import PreTrainedTokenizerBase
from transformers.utils import chat_template_utils

import everyturn
from battery import Case
from everyturn import _core

NOW = "2026-01-31T12:00:00"
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
#: Where an excerpt of a difference starts and ends, seen from the first character that differs.
BEFORE, BEHIND = 40, 60


class _StoppedClock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_StoppedClock":
        assert tz is None
        return cls.fromisoformat(NOW)


@contextlib.contextmanager
def stopped_clock() -> Iterator[None]:
    """Within, transformers takes `NOW` for the time."""
    with mock.patch.object(chat_template_utils, "datetime", _StoppedClock):
        yield


@dataclass(frozen=True, slots=True)
class Refusal:
    """A side raised."""

    says: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The engine raised something other than its own errors."""

    says: str


Answer = str | Refusal | Failure


def agree(expected: Answer, found: Answer) -> bool:
    """Whether both are one text, or both are refusals."""
    if isinstance(expected, Refusal):
        return isinstance(found, Refusal)
    return expected == found


# --------------------------------------------------------------------------------------------
# The two sides
# --------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _tokenizer() -> Any:
    return PreTrainedTokenizerBase(**SPECIAL_TOKENS)  # type: ignore[no-untyped-call]


def reference_apply(source: str, case: Case, *, prompting: bool) -> Answer:
    """Return what `apply_chat_template` makes of a case."""
    try:
        text = _tokenizer().apply_chat_template(
            case.messages,
            tools=case.tools,
            documents=case.documents,
            chat_template=source,
            add_generation_prompt=prompting,
            tokenize=False,
            **case.variables,
        )
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001
        return Refusal(f"{type(error).__name__}: {error}")
    return str(text)


@functools.lru_cache(maxsize=1)
def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment that transformers compiles templates in."""
    made = chat_template_utils._cached_compile_jinja_template("").environment  # noqa: SLF001
    assert isinstance(made, ImmutableSandboxedEnvironment)
    return made


def reference_render(source: str, variables: dict[str, Any]) -> Answer:
    """Return what the bare template language of transformers makes of a template."""
    with warnings.catch_warnings():
        # An escape that Python does not know is a warning of its own, and not of the template.
        warnings.simplefilter("ignore")
        try:
            return environment().from_string(source).render(variables)
        except Exception as error:  # noqa: BLE001
            return Refusal(f"{type(error).__name__}: {error}")


class Engine:
    """A template of the engine, which may refuse its source already."""

    def __init__(self, source: str) -> None:
        self.template: Any = None
        self.refusal: Answer | None = None
        try:
            self.template = _core.Template(source, now=NOW)
        except BaseException as error:  # noqa: BLE001
            self.refusal = _refusal(error)

    def apply(self, case: Case, *, prompting: bool) -> Answer:
        """Return what the engine makes of a case."""
        if self.refusal is not None:
            return self.refusal
        try:
            text: str = self.template.apply(
                case.messages,
                tools=case.tools,
                documents=case.documents,
                add_generation_prompt=prompting,
                variables={**SPECIAL_TOKENS, **case.variables},
            )
        except BaseException as error:  # noqa: BLE001
            return _refusal(error)
        return text

    def render(self, variables: dict[str, Any]) -> Answer:
        """Return what the bare engine makes of the template."""
        if self.refusal is not None:
            return self.refusal
        try:
            text: str = self.template.render(variables)
        except BaseException as error:  # noqa: BLE001
            return _refusal(error)
        return text


def _refusal(error: BaseException) -> Answer:
    """Separate the engine's own errors from those of Python and from panics, which are not an `Exception`."""
    own = isinstance(error, everyturn.EveryturnError)
    if own and not isinstance(error, everyturn.InternalError):
        return Refusal(str(error))
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        return Failure(f"{type(error).__name__}: {error}")
    raise error


# --------------------------------------------------------------------------------------------
# Reports
# --------------------------------------------------------------------------------------------


def difference(expected: Answer, found: Answer) -> str:
    """Show two answers that do not agree, around the first character that differs."""
    start = 0
    if isinstance(expected, str) and isinstance(found, str):
        pairs = zip(expected, found, strict=False)
        same = (index for index, (a, b) in enumerate(pairs) if a != b)
        start = next(same, min(len(expected), len(found)))
    return f"  expected {_excerpt(expected, start)}\n  found    {_excerpt(found, start)}"


def _excerpt(answer: Answer, start: int) -> str:
    if not isinstance(answer, str):
        return f"{type(answer).__name__.lower()}: {answer.says[:300]}"
    first, last = max(0, start - BEFORE), start + BEHIND
    head = f"..[{first}] " if first else ""
    tail = " .." if last < len(answer) else ""
    return f"{head}{answer[first:last]!r}{tail}"


#: What Python prints of an object that has no text of its own.
_ADDRESS = re.compile(r"at 0x[0-9a-f]+", re.IGNORECASE)


def depends_on_addresses(answer: Answer) -> bool:
    """Whether an answer prints where in memory an object lies, which nobody can repeat."""
    return isinstance(answer, str) and _ADDRESS.search(answer) is not None
