# The compiled core. Use the classes of `everyturn`; they are built on these.

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "CHOICES",
    "CHUNK_BYTES",
    "COLUMNS",
    "DEFAULT_CHOICES",
    "DROP_CAUSES",
    "ERROR_KINDS",
    "IGNORE_INDEX",
    "IS_DEBUG_BUILD",
    "LINT_FINDINGS",
    "MAX_LINE_BYTES",
    "MAX_NAMES",
    "MAX_TEMPLATE_BYTES",
    "MAX_WARNING_PLACES",
    "OTHER_ROLE_NAMES",
    "ROLES",
    "ROLE_NAMES",
    "SERVERS",
    "TEXT_KINDS",
    "WARNINGS",
    "CheckStream",
    "Checker",
    "Expander",
    "PlainFile",
    "Pool",
    "Records",
    "Renderer",
    "StatsStream",
    "Stream",
    "Template",
    "__version__",
    "content_of",
    "count_lines",
    "find_cuts",
    "formats_of_keys",
    "last_exchanges",
    "lint_model",
    "lint_template",
    "message_columns",
    "name_of_role",
    "pack",
    "relabel",
]

__version__: str
IS_DEBUG_BUILD: bool
IGNORE_INDEX: int
CHUNK_BYTES: int
MAX_LINE_BYTES: int
MAX_NAMES: int
MAX_TEMPLATE_BYTES: int
MAX_WARNING_PLACES: int
COLUMNS: list[tuple[str, str, str, bool]]
ROLES: list[str]
TEXT_KINDS: list[str]
CHOICES: dict[str, list[str]]
DEFAULT_CHOICES: dict[str, str]
ERROR_KINDS: list[str]
SERVERS: dict[str, list[tuple[str, str]]]
WARNINGS: list[str]
DROP_CAUSES: list[str]
LINT_FINDINGS: list[str]
ROLE_NAMES: dict[str, dict[str, str]]
OTHER_ROLE_NAMES: dict[str, str]

_Record: TypeAlias = tuple[str, int, str | None, bytes | None]

# Kind, message and text.
_Fault: TypeAlias = tuple[str, int | None, str]
# Names with how often they occur, and how often there are more than are named.
_Named: TypeAlias = tuple[dict[str, int], int]
# Of warnings that have places the first of them: the message, and what it is there.
_Places: TypeAlias = dict[str, list[tuple[int | None, str]]]
# Warnings, their places, causes for which the record is dropped, control tokens in text, keys of messages that the
# template never reads, and arguments of the record that it does not read.
_Counts: TypeAlias = tuple[dict[str, int], _Places, list[str], dict[str, int], _Named, _Named]
# The format that is read, the one that the record itself has, its id, its faults, what expansion counts of it, and its
# outline.
_Found: TypeAlias = tuple[str | None, str | None, bytes, list[_Fault], _Counts | None, str | None]
# Its number, and where it starts and stops: nowhere, where it was not read whole.
_Line: TypeAlias = tuple[int, int | None, int | None, _Found]

def content_of(head: bytes) -> str: ...
def find_cuts(
    path: str,
    section_bytes: int,
    *,
    input_format: str,
    map: Mapping[str, str] | None,  # noqa: A002 - the option's name
    max_line_bytes: int,
) -> tuple[list[int], tuple[str, int] | None]: ...
def count_lines(path: str, start: int, end: int | None) -> tuple[int, int, bool]: ...
def formats_of_keys(keys: AbstractSet[str]) -> list[str]: ...
def last_exchanges(messages: str, history_turns: int | None) -> list[int]: ...
def lint_model(
    folder: str,
    chat_template: str | None,
    template_kwargs: str,
    now: str,
    serve: str,
    content_format: str,
    tokenizer_json: str | None,
    stop_token: str | None,
    limits: int,
) -> str: ...
def lint_template(
    text: str,
    template_kwargs: str,
    now: str,
    serve: str,
    content_format: str,
    stop_token: str | None,
    limits: int,
) -> str: ...
def name_of_role(input_format: str, key: str, role: str) -> str: ...
def pack(
    lengths: npt.NDArray[np.int64],
    max_length: int,
    strategy: str,
    conversations: npt.NDArray[np.int64] | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]: ...
def relabel(
    arrays: dict[str, Any],
    *,
    layout: str,
    max_length: int | None,
    normalize: str,
    allow_context: bool,
) -> tuple[dict[str, Any], npt.NDArray[np.int64] | None]: ...
def message_columns(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.uint8],
    npt.NDArray[np.bool_],
    npt.NDArray[np.bool_],
]: ...

@final
class Renderer:
    def __new__(
        cls,
        folder: str,
        chat_template: str | None,
        template_kwargs: str,
        now: str,
        engine: str,
        needs_fast_engine: bool,
        serve: str,
        content_format: str,
        tokenizer_json: str | None,
        stop_token: str | None,
        limits: int,
    ) -> Renderer: ...
    def render(
        self, messages: str, tools: str | None, add_generation_prompt: bool, template_kwargs: str
    ) -> str: ...
    def request(self, messages: str, tools: str | None, template_kwargs: str) -> str: ...
    @property
    def server(self) -> str | None: ...
    @property
    def content_format(self) -> str | None: ...
    @property
    def template_arguments(self) -> list[str]: ...
    @property
    def unread_arguments(self) -> list[str]: ...
    @property
    def serving_note(self) -> str | None: ...
    @property
    def tokenizer_note(self) -> str | None: ...
    def window(
        self,
        messages: str,
        tools: str | None,
        template_kwargs: str,
        history_turns: int | None,
        max_prompt_tokens: int,
    ) -> list[int]: ...
    def lint(self) -> str: ...
    def encode(self, text: str) -> npt.NDArray[np.int32]: ...
    def decode(self, ids: list[int]) -> str: ...
    def spelling(self) -> tuple[bytes, npt.NDArray[np.int32]] | None: ...
    @property
    def stop_token_ids(self) -> list[int]: ...
    @property
    def asks_for_the_date(self) -> bool: ...
    @property
    def pad_token_id(self) -> int | None: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def engine(self) -> str: ...

@final
class Template:
    def __new__(cls, source: str, *, now: str | None = None) -> Template: ...
    def render(self, variables: dict[str, Any]) -> str: ...
    def apply(
        self,
        messages: Any,
        *,
        tools: Any | None = None,
        documents: Any | None = None,
        add_generation_prompt: bool = False,
        variables: dict[str, Any] | None = None,
    ) -> str: ...
    def apply_each(
        self,
        messages: Any,
        counts: list[int],
        *,
        tools: Any | None = None,
        documents: Any | None = None,
        add_generation_prompt: bool = False,
        variables: dict[str, Any] | None = None,
    ) -> list[str]: ...

@final
class Expander:
    def __new__(
        cls,
        renderer: Renderer,
        *,
        train_on: str,
        layout: str,
        max_length: int | None,
        overflow: str,
        history_turns: int | None,
        max_prompt_tokens: int | None,
        prompt_mismatch: str,
        thinking: str,
        header: str,
        control_tokens: str,
        normalize: str,
        deduplicate: bool,
        input_format: str,
        map: Mapping[str, str] | None,  # noqa: A002
        roles: Mapping[str, str] | None,
        undesired: str,
        media: str,
        non_finite: str,
        keep: list[str],
        provenance: bool,
        keep_texts: bool,
        on_error: str,
        max_line_bytes: int,
        num_threads: int | None,
    ) -> Expander: ...
    @property
    def pool(self) -> Pool: ...
    def stage_times(self, source: bytes) -> list[tuple[str, float]]: ...
    def expand_records(
        self, records: list[_Record]
    ) -> tuple[dict[str, Any], list[str], npt.NDArray[np.int64]]: ...
    def inspect(
        self, file: str, line: int, format_name: str | None, text: bytes | None
    ) -> tuple[str, dict[str, Any]]: ...
    def requests(
        self, file: str, line: int, format_name: str | None, text: bytes | None
    ) -> str: ...
    def open(
        self, sources: list[tuple[str, Any]], chunk_bytes: int, limit: int | None
    ) -> Stream: ...

@final
class PlainFile:
    def __new__(cls, path: str) -> PlainFile: ...
    @property
    def bytes_taken(self) -> int: ...
    def read(self, size: int) -> bytes: ...

@final
class Pool:
    def __new__(cls, num_threads: int | None) -> Pool: ...
    @property
    def num_threads(self) -> int: ...
    def submit(self, function: Callable[[], None]) -> None: ...

@final
class Records:
    def __new__(
        cls,
        sources: list[tuple[str, Any]],
        *,
        input_format: str,
        map: Mapping[str, str] | None,  # noqa: A002
        max_line_bytes: int,
    ) -> Records: ...
    def __iter__(self) -> Iterator[_Record]: ...
    def __next__(self) -> _Record: ...
    @property
    def blank_lines(self) -> int: ...

@final
class Stream:
    def next_chunk(self) -> dict[str, Any] | None: ...
    def rest(self) -> dict[str, Any]: ...
    @property
    def next_line(self) -> int: ...
    @property
    def bytes_taken(self) -> int: ...

@final
class StatsStream:
    def __new__(
        cls,
        expanders: list[Expander],
        sources: list[tuple[str, Any]],
        chunk_bytes: int,
        limit: int | None,
    ) -> StatsStream: ...
    def advance(self) -> bool: ...
    def stats(self) -> dict[str, Any]: ...
    @property
    def bytes_taken(self) -> int: ...

@final
class Checker:
    def __new__(
        cls,
        expander: Expander | None,
        *,
        input_format: str,
        map: Mapping[str, str] | None,  # noqa: A002
        roles: Mapping[str, str] | None,
        undesired: str,
        media: str,
        non_finite: str,
        keep: list[str],
        max_line_bytes: int,
        num_threads: int | None,
    ) -> Checker: ...
    def check_record(self, line: bytes, input_format: str | None) -> _Found: ...
    def open(
        self, sources: list[tuple[str, Any]], chunk_bytes: int, limit: int | None
    ) -> CheckStream: ...

@final
class CheckStream:
    def next_chunk(self) -> tuple[bytes, list[_Line], bool] | None: ...
