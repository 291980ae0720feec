"""The names that options take. Their defaults are those of `Expander`'s fields, and nowhere else."""

import os
from typing import Literal, TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]

TrainOn: TypeAlias = Literal[
    "all_assistant_messages",
    "last_assistant_message",
    "last_assistant_turn",
    "marked",
    "all_tokens",
]
Layout: TypeAlias = Literal["per_turn", "merged", "conversation"]
Overflow: TypeAlias = Literal["error", "drop"]
PromptMismatch: TypeAlias = Literal["error", "skip", "match_thinking", "splice", "common_prefix"]
ControlTokens: TypeAlias = Literal["allow", "warn", "reject"]
InputFormat: TypeAlias = Literal["auto", "messages", "sharegpt", "alpaca", "prompt_completion"]
Engine: TypeAlias = Literal["auto", "reference", "fast"]
OnError: TypeAlias = Literal["raise", "skip"]

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
