"""The values that options take, and how an option of `Expander` is declared.

An option is one field of `Expander`: its default, its line of help, and who asks for it. Flags, checks and tables of
options are made of these fields.
"""

import dataclasses
import operator
import os
from collections.abc import Callable
from typing import Any, Literal, SupportsIndex, TypeAlias, get_args

from everyturn.exceptions import OptionsError

StrPath: TypeAlias = str | os.PathLike[str]

TrainOn: TypeAlias = Literal[
    "all_assistant_messages",
    "last_assistant_message",
    "last_assistant_turn",
    "marked",
    "all_tokens",
]
Layout: TypeAlias = Literal["per_turn", "merged", "tree", "conversation"]
Overflow: TypeAlias = Literal["error", "drop", "shrink_history", "truncate_prompt"]
PromptMismatch: TypeAlias = Literal["error", "skip", "match_thinking", "splice", "common_prefix"]
Thinking: TypeAlias = Literal["as_rendered", "match"]
Header: TypeAlias = Literal["as_rendered", "context"]
ControlTokens: TypeAlias = Literal["allow", "warn", "literal", "reject"]
InputFormat: TypeAlias = Literal[
    "auto",
    "messages",
    "sharegpt",
    "alpaca",
    "prompt_completion",
    "query_response",
    "exchanges",
    "responses",
]
Normalize: TypeAlias = Literal["none", "sample", "conversation"]
Engine: TypeAlias = Literal["auto", "reference", "fast"]
Serve: TypeAlias = Literal["vllm", "sglang", "transformers", "llama.cpp", "template"]
ContentFormat: TypeAlias = Literal["auto", "string", "openai"]
TokenizerSource: TypeAlias = Literal["file", "auto_tokenizer"]
Undesired: TypeAlias = Literal["error", "skip", "ignore"]
Media: TypeAlias = Literal["error", "text"]
NonFinite: TypeAlias = Literal["error", "read"]
OnError: TypeAlias = Literal["raise", "skip"]
PackStrategy: TypeAlias = Literal["bfd", "sequential"]
Prefixes: TypeAlias = Literal["together", "apart"]
PaddingSide: TypeAlias = Literal["right", "left"]

TRAIN_ON_ALIASES: dict[str, TrainOn] = {
    "all_assistant": "all_assistant_messages",
    "assistant": "all_assistant_messages",
    "default": "all_assistant_messages",
    "train_on_assistant": "all_assistant_messages",
    "last": "last_assistant_message",
    "last_message": "last_assistant_message",
    "last_round": "last_assistant_message",
    "last_response_only": "last_assistant_message",
    "mask_history": "last_assistant_message",
    "only_unmask_final": "last_assistant_message",
    "train_on_last": "last_assistant_message",
    "last_turn": "last_assistant_turn",
    "customized": "marked",
    "all": "all_tokens",
    "full": "all_tokens",
    "train_on_all": "all_tokens",
    "train_on_input": "all_tokens",
    "train_on_inputs": "all_tokens",
    "train_on_prompt": "all_tokens",
}
"""Names that other trainers use for the same choice."""


def option(
    default: Any,
    *,
    summary: str,
    count: bool = False,
    reading: bool = False,
    per_record: bool = True,
) -> Any:
    """Declare an option of `Expander`.

    Args:
        default: Its value where none is given.
        summary: The line of its flag's help.
        count: A whole number of at least 1, or None.
        reading: It says how records are read, and needs no model.
        per_record: It changes what is trained of a single record. The others say what a fault, a duplicate or a weight
            means for the whole run, or what else samples say; commands that only read records do not have them.
    """
    metadata = {"summary": summary, "count": count, "reading": reading, "per_record": per_record}
    return dataclasses.field(default=default, metadata=metadata)


MAX_COUNT = 2**63 - 1
"""No count is larger."""


def check_count(name: str, value: SupportsIndex, *, least: int = 1) -> int:
    """Return a whole number, numpy's included, as Python's.

    Raises:
        OptionsError: It is something else, or not from `least` to `MAX_COUNT`; the text names the option.
    """
    number = None if isinstance(value, bool) else _index(value)
    if number is None or number < least:
        raise OptionsError(f"{name} must be a whole number of at least {least}, not {value!r}")
    if number > MAX_COUNT:
        raise OptionsError(f"{name} must be below 2^63, not {value!r}")
    return number


def check_optional_count(name: str, value: SupportsIndex | None, *, least: int = 1) -> int | None:
    """Return None for None, and any other value as `check_count` does."""
    return None if value is None else check_count(name, value, least=least)


def _index(value: SupportsIndex) -> int | None:
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_type(name: str, value: object, default: object, choices: Callable[[], Any]) -> None:
    """Refuse what is not of the type of an option's default, where that is a bool or one of some names.

    Raises:
        OptionsError: The text names the option.
    """
    if isinstance(default, bool) and not isinstance(value, bool):
        raise OptionsError(f"{name} must be True or False, not {value!r}")
    if isinstance(default, str) and not isinstance(value, str):
        check_choice(name, value, choices())


def check_choice(name: str, value: object, choices: Any) -> None:
    """Refuse what is none of a Literal's names.

    Raises:
        OptionsError: The text names the option and its choices.
    """
    known = get_args(choices)
    if value not in known:
        raise OptionsError(f"{name}: {value!r} is unknown; expected one of {', '.join(known)}")
