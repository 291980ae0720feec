"""The paths of a tree, each as what it has that no path before it has.

In: the samples of an inspection in the layout ``tree``: the paths of the targets. Out: for each path where it branches
off, from which one before it, and the rest of it as a sample of its own. The shared trunk is shown once.
"""

import dataclasses
from collections.abc import Sequence

from everyturn.common_prefix import common_prefix
from everyturn.inspect.inspection import Message, Sample


@dataclasses.dataclass(frozen=True)
class Branch:
    """A path and what it shares.

    Attributes:
        of: The earlier path that it shares the most with, or None where it shares nothing.
        shared: How many tokens the two share.
        depth: How many branchings are above it.
        rest: The path without them, from the cell in which they part.
        message: The message whose rendering differs from there on; None where the template's own text does.
    """

    of: int | None
    shared: int
    depth: int
    rest: Sample
    message: int | None


def branches(samples: Sequence[Sample]) -> list[Branch]:
    """Return the branch of each path."""
    found: list[Branch] = []
    for at, sample in enumerate(samples):
        shared, of = max(
            (
                (common_prefix(sample.ids, earlier.ids), place)
                for place, earlier in enumerate(samples[:at])
            ),
            default=(0, None),
        )
        if not shared:
            of = None
        first = max((cell.start for cell in sample.cells if cell.start <= shared), default=0)
        run = next((run for run in sample.runs if run.start <= shared < run.end), None)
        goes_on = of is not None and shared == len(samples[of].ids)
        depth = 0 if of is None else found[of].depth + (not goes_on)
        found.append(
            Branch(of, shared, depth, _from(sample, first), None if run is None else run.owner)
        )
    return found


def words_of(branch: Branch, samples: Sequence[Sample], messages: Sequence[Message]) -> str:
    """Say where a path branches off, and which message's rendering differs there."""
    if branch.of is None:
        return "from the root"
    if branch.shared == len(samples[branch.of].ids):
        return f"continues path {branch.of}"
    where = f"branches off path {branch.of} after {branch.shared:,} tokens"
    if branch.message is None:
        return f"{where}, where the template itself writes something else"
    role = messages[branch.message].role
    return f"{where}, where {role} {branch.message} is rendered"


def _from(sample: Sample, first: int) -> Sample:
    """Return a sample without the tokens before one that begins a cell."""
    kept = len(sample.cells) - len(sample.cells_in(first, len(sample.ids)))
    before = sum(sample.cell_bytes[:kept])
    runs = [
        dataclasses.replace(
            run,
            start=max(run.start, first) - first,
            end=run.end - first,
            text=sample.part(max(run.start, first), run.end),
        )
        for run in sample.runs
        if run.end > first
    ]
    trained = [
        dataclasses.replace(each, start=max(each.start, first) - first, end=each.end - first)
        for each in sample.trained
        if each.end > first
    ]
    return dataclasses.replace(
        sample,
        text=sample.text.encode()[before:].decode(),
        ids=sample.ids[first:],
        trained=tuple(trained),
        runs=tuple(runs),
        cell_tokens=sample.cell_tokens[kept:],
        cell_bytes=sample.cell_bytes[kept:],
    )
