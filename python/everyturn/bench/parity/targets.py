"""The targets of a corpus as inference shows them.

In: a corpus, and a child that says what inference shows of a target. Out: a `Target` for each assistant message of
which it can be said, and how many there are of which it cannot, with the reasons.

Under ``serve="template"`` the child is `truth`, transformers itself. Servers change requests before the template sees
them; their prompts are everyturn's, which tests compare with the servers' own code.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from everyturn.bench.agreement import spans
from everyturn.bench.corpus import Corpus
from everyturn.bench.job import Job
from everyturn.bench.made import read_made
from everyturn.bench.process import Child
from everyturn.bench.tools.registry import OURS
from everyturn.expander import Expander
from everyturn.wording import shortened

TRUTH = "truth"

LINE = 100
"""The characters of a reason that are told."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An assistant message as inference shows it.

    Attributes:
        record: 0-based in the corpus.
        message: 0-based in the record.
        role_of: The role of each message of the record.
        prompt: The ids that a server sends.
        completion: The ids that the model must emit.
        wrote: For each id of the prompt the message that it belongs to; empty where that is not known.
    """

    record: int
    message: int
    role_of: tuple[str, ...]
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    wrote: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Those of a corpus.

    Attributes:
        known: In order.
        unknown: The number of those of which it cannot be said what inference shows, by reason.
    """

    known: tuple[Target, ...]
    unknown: Mapping[str, int]


def truth_job(job: Job) -> Job:
    """Return the job of the child that says what inference shows, made of that of everyturn."""
    if job.sources.serve == "template":
        return dataclasses.replace(job, tool=TRUTH, module="everyturn.bench.parity.truth")
    options = {**job.options, "layout": "per_turn", "train_on": "last_assistant_message"}
    return dataclasses.replace(job, tool=TRUTH, module=OURS.module, options=options)


def find(child: Child, corpus: Corpus, expander: Expander, folder: Path) -> Targets:
    """Have a child say what inference shows of each assistant message; `expander` says which message wrote what."""
    records = [json.loads(line) for line in corpus.lines]
    places = [
        (number, index)
        for number, record in enumerate(records)
        for index, message in enumerate(record["messages"])
        if message.get("role") == "assistant"
    ]
    path, out = folder / "targets.jsonl", folder / "targets.npz"
    path.write_bytes(b"".join(_through(records[number], index) for number, index in places))
    child.check(str(path), str(out))
    made = read_made(out)
    authors = _authors(corpus, expander)
    known = []
    for row in made.rows:
        number, index = places[row.record]
        ((start, _),) = spans(row.labels)
        known.append(
            Target(
                record=number,
                message=index,
                role_of=tuple(message["role"] for message in records[number]["messages"]),
                prompt=tuple(row.ids[:start]),
                completion=tuple(row.ids[start:]),
                wrote=authors.get((number, index, tuple(row.ids)), ())[:start],
            )
        )
    unknown = Counter(_kind_of(why) for why in made.failures.values())
    return Targets(known=tuple(known), unknown=dict(unknown))


def _through(record: dict[str, Any], index: int) -> bytes:
    changed = {**record, "messages": record["messages"][: index + 1]}
    return json.dumps(changed, ensure_ascii=False).encode() + b"\n"


def _kind_of(why: str) -> str:
    """Return a reason without what it quotes of the data."""
    if why.startswith("PromptMismatchError"):
        return "the prompt is not the beginning of the rendered turn"
    return shortened(why, LINE)


def _authors(corpus: Corpus, expander: Expander) -> dict[Any, tuple[int, ...]]:
    """Return by record, message and ids which message wrote each id, or comes next."""
    found: dict[Any, tuple[int, ...]] = {}
    for sample in expander.expand(corpus.data):
        target = int(sample.targets[0])
        wrote = np.repeat(sample.run_messages, sample.run_lengths).tolist()
        key = (sample.line - 1, target, tuple(sample.input_ids.tolist()))
        found[key] = tuple(nearest(wrote, target))
    return found


def nearest(wrote: list[int], target: int) -> list[int]:
    """Return for each token the message that wrote it; a template's own, -1, are of the message that comes next.

    The first of them after a message's text are of that message: there a text that is longer or shorter departs.
    """
    near = list(wrote)
    following = target
    for position in range(len(wrote) - 1, -1, -1):
        if wrote[position] >= 0:
            following = wrote[position]
        elif position and wrote[position - 1] >= 0:
            near[position] = wrote[position - 1]
        else:
            near[position] = following
    return near
