"""What everyturn raises.

The text of an exception says everything: file, line, message, cause. The attributes say it again for programs.
Each class is built from one text and survives pickling, so that an error crosses process borders whole.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class EveryturnError(ValueError):
    """The base of all errors of this package.

    Attributes:
        kind: The stable name of the kind of error, by which reports count.
        reason: What is wrong, without the location; None if that is the whole text.
        file: The input's name, or None.
        line: The 1-based line of the input, or None.
        message_index: The 0-based index into the conversation's messages, as in ``targets``, or None.
    """

    kind: str | None = None
    reason: str | None = None
    file: str | None = None
    line: int | None = None
    message_index: int | None = None

    @classmethod
    def in_file(
        cls,
        file: str | os.PathLike[str] | None,
        reason: str,
        *,
        line: int | None = None,
        kind: str | None = None,
    ) -> "Self":
        """Build the error of a file or folder, or of a line of it.

        Args:
            file: Its name; None where only the line is known.
            reason: What is wrong, without the location.
            line: 1-based.
            kind: None: that of all errors of the class.

        >>> InputError.in_file("a.jsonl", "it is damaged", line=3)
        InputError('a.jsonl:3: it is damaged')
        """
        name = None if file is None else os.fspath(file)
        place = f"line {line}" if name is None else name if line is None else f"{name}:{line}"
        error = cls(f"{place}: {reason}")
        error.file, error.line, error.reason = name, line, reason
        if kind is not None:
            error.kind = kind
        return error


def system_words(error: OSError) -> str:
    """Return why a file cannot be used, in the same words everywhere.

    >>> system_words(FileNotFoundError(2, "No such file or directory"))
    'no such file'
    """
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return error.strerror or str(error)


class InputError(EveryturnError):
    """An input cannot be opened, read or decompressed."""

    kind = "io"


class JsonlError(EveryturnError):
    """A line is not the JSON that the contract asks for."""


class ConversationError(EveryturnError):
    """A record is JSON and no conversation: its keys, roles, tools or weights are wrong."""


class TemplateError(EveryturnError):
    """The chat template refused a conversation, or cannot do what is asked of it."""


class TokenizerError(EveryturnError):
    """The tokenizer failed on a text."""


class SampleError(EveryturnError):
    """A target cannot become an exact sample: no prompt, a prompt that does not fit, too long."""


class ModelError(EveryturnError):
    """A model folder lacks a file or holds one that cannot be used."""

    kind = "model"


class OptionsError(EveryturnError):
    """An option has a value that it does not take."""

    kind = "options"


class ServerError(EveryturnError):
    """A server does not answer, answers what cannot be used, or is none that is known."""

    kind = "server"


class ServingWarning(UserWarning):
    """A server does not render a model's chats by its template, so its prompts can differ from those that are made."""


class TemplateArgumentWarning(UserWarning):
    """The chat template does not read an argument that it is given, so the argument does nothing."""


class InternalError(EveryturnError):
    """A fault of everyturn or of a library under it; please report it."""

    kind = "internal"
