"""What one rendering with a mask would train, beside what is trained.

In: a record and an expander. Out: for each target the two prompts and the two completions, and where they part. One
rendering with a mask is what the layout ``conversation`` gives: the conversation as the template shows it in the end.
"""

import dataclasses
from typing import Any

from everyturn.common_prefix import common_prefix
from everyturn.expander import Expander
from everyturn.inspect.inspection import Inspection, Sample, Trained, inspect_record
from everyturn.io.records import Record


@dataclasses.dataclass(frozen=True)
class Side:
    """A target in one arrangement: the ids and the texts of what stands before it, and of what is trained."""

    prompt_ids: tuple[int, ...]
    trained_ids: tuple[int, ...]
    prompt: str
    trained: str


@dataclasses.dataclass(frozen=True)
class Difference:
    """Where two texts part: the text that they share, and how each goes on."""

    shared: str
    exact: str
    one_render: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A target, exactly and in one rendering.

    Attributes:
        message: The target.
        exact: As a server would prompt it; None if it is not trained.
        one_render: In one rendering with a mask; None if that has no such text.
    """

    message: int
    exact: Side | None
    one_render: Side | None

    @property
    def same_prompt(self) -> bool:
        """Whether it stands after the same ids."""
        return self._same("prompt_ids")

    @property
    def same_completion(self) -> bool:
        """Whether the same ids are trained."""
        return self._same("trained_ids")

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self.same_prompt and self.same_completion

    def _same(self, name: str) -> bool:
        sides = self.exact, self.one_render
        return None not in sides and getattr(sides[0], name) == getattr(sides[1], name)

    def difference(self, what: str) -> Difference | None:
        """Return where the texts of the prompts or of what is trained part; None if only the ids do."""
        if self.exact is None or self.one_render is None:
            return None
        exact, one_render = getattr(self.exact, what), getattr(self.one_render, what)
        return parting(exact, one_render)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain JSON types."""
        same = {"same_prompt": self.same_prompt, "same_completion": self.same_completion}
        return dataclasses.asdict(self) | same


def parting(exact: str, one_render: str) -> Difference | None:
    """Return where two texts part, None if they do not.

    >>> parting("<think>1</think>2", "2")
    Difference(shared='', exact='<think>1</think>2', one_render='2')
    """
    if exact == one_render:
        return None
    shared = common_prefix(exact, one_render)
    return Difference(exact[:shared], exact[shared:], one_render[shared:])


def compare(expander: Expander, record: Record) -> tuple[Inspection, list[Comparison]]:
    """Return the record in one rendering, and each target in both arrangements."""
    exact = inspect_record(expander.replace(layout="per_turn"), record)
    one_render = inspect_record(expander.replace(layout="conversation"), record)
    sides = [_sides(exact), _sides(one_render)]
    targets = sorted({*sides[0], *sides[1]})
    return one_render, [
        Comparison(target, *(side.get(target) for side in sides)) for target in targets
    ]


def _sides(inspection: Inspection) -> dict[int, Side]:
    return {
        trained.message: _side(sample, trained)
        for sample in inspection.samples
        for trained in sample.trained
        if trained.message is not None
    }


def _side(sample: Sample, trained: Trained) -> Side:
    return Side(
        prompt_ids=sample.ids[: trained.start],
        trained_ids=sample.ids[trained.start : trained.end],
        prompt=sample.part(0, trained.start),
        trained=sample.part(trained.start, trained.end),
    )
