"""Where two prompts part.

In: a prompt of a sample and the ids that a server would feed. Out: the first id that differs, the texts around it, and
what it lies in. What the texts of ids are, the renderer says.
"""

import dataclasses
from collections.abc import Sequence

from everyturn.common_prefix import common_prefix
from everyturn.exceptions import EveryturnError
from everyturn.inspect.inspection import Run
from everyturn.renderer import Renderer
from everyturn.verification.prompts import Prompt, name_of

BEFORE = 12
"""Ids before the difference that are shown."""
AFTER = 16
"""Ids from the difference on that are kept."""
IDS_IN_WORDS = 5
"""Those of them that are shown in words, beside their text."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A prompt that the server would make otherwise, or not at all.

    Attributes:
        file: The input's name.
        line: 1-based.
        target: The message that the prompt asks for; 0-based.
        refusal: Why the server refuses the request; None: it does not, and the rest is known.
        token: The index of the first id that differs.
        where: What it lies in.
        message: The message that wrote it; None where it is the template, or the tools.
        before: The text before it, which both have.
        ours: What follows in the sample.
        theirs: What follows in the server's prompt.
        our_ids: Those of ``ours``.
        their_ids: Those of ``theirs``.
        our_length: The ids of the sample's prompt.
        their_length: The ids of the server's.
        is_same_text: The whole prompts are the same text: tokenizers differ, not templates.
    """

    file: str
    line: int
    target: int
    refusal: str | None = None
    token: int | None = None
    where: str | None = None
    message: int | None = None
    before: str = ""
    ours: str = ""
    theirs: str = ""
    our_ids: tuple[int, ...] = ()
    their_ids: tuple[int, ...] = ()
    our_length: int = 0
    their_length: int | None = None
    is_same_text: bool = False

    def lines(self) -> list[str]:
        """Return it in words."""
        name = name_of(self.file, self.line, self.target)
        if self.refusal is not None:
            return [f"{name} is refused: {self.refusal}"]
        lines = [
            f"{name} differs at token {self.token}, in {self.where}",
            f"  both    {self.before!r}",
            f"  ours    {self.ours!r}  {_numbers(self.our_ids)}, {self.our_length} ids in all",
            f"  server  {self.theirs!r}  {_numbers(self.their_ids)}, {self.their_length} ids in all",
        ]
        if self.is_same_text:
            lines.append("  the texts are equal: the server's tokenizer is another one")
        return lines


def refused(prompt: Prompt, reason: str) -> Difference:
    """Return the difference of a prompt that the server refuses to make."""
    return Difference(
        file=prompt.record.file,
        line=prompt.record.line,
        target=prompt.target,
        refusal=reason,
        our_length=len(prompt.ids),
    )


def compared(renderer: Renderer, prompt: Prompt, theirs: Sequence[int]) -> Difference | None:
    """Return where the server's prompt differs; None if it does not."""
    ours = prompt.ids
    if list(ours) == list(theirs):
        return None
    token = common_prefix(ours, theirs)
    where, message = _place(prompt, token)
    our_ids, their_ids = ours[token : token + AFTER], tuple(theirs[token : token + AFTER])
    return Difference(
        file=prompt.record.file,
        line=prompt.record.line,
        target=prompt.target,
        token=token,
        where=where,
        message=message,
        before=_text(renderer, ours[max(0, token - BEFORE) : token]),
        ours=_text(renderer, our_ids),
        theirs=_text(renderer, their_ids),
        our_ids=our_ids,
        their_ids=their_ids,
        our_length=len(ours),
        their_length=len(theirs),
        is_same_text=_text(renderer, ours) == _text(renderer, theirs),
    )


def _place(prompt: Prompt, token: int) -> tuple[str, int | None]:
    """What a token of a prompt lies in, in words, and the message if it is one."""
    runs = [run for run in prompt.sample.runs if run.start < len(prompt.ids)]
    after = [run for run in runs if run.end > token]
    if not after:
        return "what follows the last token of the sample's prompt", None
    run = after[0]
    if run.origin == "message" and run.message is not None:
        return _named(prompt, run), run.message
    if run.origin in ("tools", "record"):
        return (
            "the tools" if run.origin == "tools" else "what the record gives to the template",
            None,
        )
    following = next((each for each in after if each.origin != "template"), None)
    if following is None:
        return "the template's text after the last message", None
    if following.origin == "message":
        return f"the template's text before {_named(prompt, following)}", None
    return "the template's text before the tools", None


def _numbers(ids: Sequence[int]) -> str:
    shown = " ".join(map(str, ids[:IDS_IN_WORDS]))
    return f"{shown} .." if len(ids) > IDS_IN_WORDS else shown or "nothing"


def _named(prompt: Prompt, run: Run) -> str:
    assert run.message is not None  # noqa: S101 - it is of a message
    return f"message {run.message} ({prompt.roles[run.message]})"


def _text(renderer: Renderer, ids: Sequence[int]) -> str:
    try:
        return renderer.decode(ids)
    except (EveryturnError, OverflowError):
        return f"(ids that the model's tokenizer does not have: {list(ids)[:4]})"
