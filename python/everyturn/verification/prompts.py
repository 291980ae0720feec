"""Which prompts are compared, and what a client would ask with for each.

In: an expander and a source. Out: prompts of samples that `Expander.expand` gives in the layout ``per_turn``, each with
its ids, with who wrote which of them, and with the body of its request. Records are chosen in one pass, evenly spaced,
and so are the targets within each: the same input and limit give the same prompts.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from everyturn import _core
from everyturn.exceptions import EveryturnError, OptionsError
from everyturn.expander import Expander
from everyturn.faults import message_of, place_of
from everyturn.inspect.inspection import Inspection, Sample, inspect_record
from everyturn.io.inputs import Source
from everyturn.io.records import Record, Records

T = TypeVar("T")

HELD = 4
"""Items that are held for each that is returned: the more, the more even."""


@dataclasses.dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of a target.

    Attributes:
        record: Where it is from.
        target: The message that it asks for.
        ids: Its ids.
        body: What a client would post.
        roles: The role of each message of the record.
        sample: The sample that begins with it.
    """

    record: Record
    target: int
    ids: tuple[int, ...]
    body: dict[str, Any]
    roles: tuple[str, ...]
    sample: Sample

    @property
    def name(self) -> str:
        """File, line and target."""
        return name_of(self.record.file, self.record.line, self.target)


def name_of(file: str, line: int, target: int) -> str:
    """Return what the prompt of a target is called."""
    return f"{place_of(file, line)}: the prompt of {message_of(target)}"


def per_turn(expander: Expander) -> Expander:
    """Return the expander with a sample for each prompt.

    Raises:
        OptionsError: Its prompts are none that a server could send.
    """
    for name, value, reason in (
        ("layout", "conversation", "renders a conversation once"),
        ("train_on", "all_tokens", "renders a conversation once"),
        ("overflow", "truncate_prompt", "cuts the start of prompts"),
    ):
        if getattr(expander, name) == value:
            raise OptionsError(f'{name}="{value}" {reason}: no server is sent such prompts')
    return expander.replace(layout="per_turn", on_error="skip", deduplicate=False)


def chosen_records(expander: Expander, source: Source, most: int) -> list[Record]:
    """Return at most so many records of a source, evenly spaced."""
    return evenly_spaced(Records(source, **expander.reading()), most)


def evenly_spaced(items: Iterable[T], most: int) -> list[T]:
    """Return at most so many items, evenly spaced, in one pass; a few times as many are held.

    >>> evenly_spaced(range(100), 4)
    [0, 24, 48, 72]
    """
    kept: list[T] = []
    step = 1
    for at, item in enumerate(items):
        if at % step:
            continue
        kept.append(item)
        if len(kept) == HELD * most:
            del kept[1::2]
            step *= 2
    return [kept[i * len(kept) // most] for i in range(most)] if len(kept) > most else kept


def chosen_prompts(
    expander: Expander, records: list[Record], limit: int, lost: Counter[str]
) -> Iterator[Prompt]:
    """Yield at most so many prompts of the records, from each as many as are needed.

    Args:
        expander: As `per_turn` returns it.
        records: In their order.
        limit: The most prompts.
        lost: Counts the kinds of faults for which the records lack prompts.
    """
    left = limit
    for at, record in enumerate(records):
        prompts = prompts_of(expander, record, lost)
        share = -(-left // (len(records) - at))
        for place in _places(len(prompts), share, at):
            left -= 1
            yield prompts[place]


def _places(count: int, share: int, shift: int) -> list[int]:
    """Return `share` indices below `count`, so that records contribute different positions.

    They are evenly spaced back from the last one and shifted by `shift`.
    """
    share = min(share, count)
    return sorted((count - 1 - shift - i * count // share) % count for i in range(share))


def prompts_of(expander: Expander, record: Record, lost: Counter[str]) -> list[Prompt]:
    """Return the prompts of a record, and count the kinds of faults for which there are fewer."""
    core = expander._expander  # noqa: SLF001
    try:
        inspection = inspect_record(expander, record)
        bodies = json.loads(core.requests(*record))
    except EveryturnError as error:
        lost[error.kind or "internal"] += 1
        return []
    report = inspection.report
    lost.update({k: n for k, n in report.records_dropped.items() if k not in _core.DROP_CAUSES})
    lost.update(report.targets_dropped)
    return list(_prompts(record, inspection, bodies))


def _prompts(
    record: Record, inspection: Inspection, bodies: list[dict[str, Any]]
) -> Iterator[Prompt]:
    roles = tuple(message.role for message in inspection.messages)
    for sample, body in zip(inspection.samples, bodies, strict=True):
        ids = sample.ids[: sample.trained[0].start]
        yield Prompt(record, sample.targets[0], ids, body, roles, sample)
