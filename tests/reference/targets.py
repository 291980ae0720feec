"""Conversations to targets: which messages are trained, and with which weight."""

from dataclasses import dataclass

from reference.records import Conversation


@dataclass(frozen=True, slots=True)
class Target:
    """A message to be trained."""

    message_index: int
    weight: float


def targets(conversation: Conversation, train_on: str = "all_assistant_messages") -> list[Target]:
    """The messages to train, in order, with their weights; a weight of 0 is context only."""
    roles = [message["role"] for message in conversation.messages]
    assistants = [index for index, role in enumerate(roles) if role == "assistant"]
    if train_on == "all_assistant_messages":
        chosen = assistants
    elif train_on == "last_assistant_message":
        chosen = assistants[-1:]
    elif train_on == "last_assistant_turn":
        last_user = max((i for i, role in enumerate(roles) if role == "user"), default=-1)
        chosen = [index for index in assistants if index > last_user]
    elif train_on == "marked":
        chosen = [index for index in assistants if conversation.marks[index] is not None]
    else:
        raise ValueError(f"no targets are defined for train_on={train_on!r}")
    weights = [(index, conversation.marks[index]) for index in chosen]
    return [
        Target(index, 1.0 if weight is None else weight)
        for index, weight in weights
        if weight is None or weight != 0.0
    ]
