"""What is compared: everyturn and its peers, a file each, all with the same face.

In: a `Job`. Out: a `Tool`. A tool's own packages are imported in child processes alone. Of the files here only those
are imported elsewhere that need none of these packages before a tool is loaded: `registry`, and `axolotl_chat` and
`llama_factory`, whose settings the scripts of the board repeat.
"""

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from everyturn.samples import IGNORE_INDEX, Samples
from everyturn.wording import shortened

Record = dict[str, Any]

MOST_WORDS = 300
"""The characters of a reason."""


class Unusable(Exception):  # noqa: N818 - nothing went wrong: the tool cannot handle this model
    """The tool cannot do this model or these options."""


class Row(NamedTuple):
    """One row that a tool made, with unshifted labels.

    Attributes:
        record: 0-based.
        ids: The tokens.
        labels: The id where the token is trained, else -100.
    """

    record: int
    ids: Sequence[int]
    labels: Sequence[int]


@dataclasses.dataclass(slots=True)
class Made:
    """What a tool made of a corpus.

    Attributes:
        rows: In the order of the records.
        failures: The records that it could not do, with the reason.
    """

    rows: list[Row] = dataclasses.field(default_factory=list)
    failures: dict[int, str] = dataclasses.field(default_factory=dict)


def made_of(samples: Samples) -> Made:
    """Return samples in the common form; a record with a fault is none that everyturn can do."""
    made = Made(failures={fault.line - 1: fault.text for fault in samples.report.faults})
    made.rows += [
        Row(sample.line - 1, sample.input_ids.tolist(), sample.labels.tolist())
        for sample in samples
    ]
    return made


class Tool(ABC):
    """What turns chats into ids and labels.

    Attributes:
        variant: Which of its renderers it chose for the model, if it has several.
    """

    variant: str | None = None

    @abstractmethod
    def expand(self, source: Any) -> Any:
        """Turn JSON lines into samples, in whatever form the tool has for them; this is what is timed."""

    def made(self, result: Any) -> Made:
        """Return those samples in the common form; not timed."""
        made: Made = result
        return made

    def take(self, path: str) -> Any:
        """Return a file as `expand` takes it: its bytes; not timed."""
        return Path(path).read_bytes()

    def stage_times(self, source: Any) -> dict[str, float]:  # noqa: ARG002 - of those that know their stages
        """Return the seconds of each stage of a pass; empty for a tool that does not know them."""
        return {}

    def written(self, source: Any) -> dict[str, float]:  # noqa: ARG002 - of those that write
        """Return the CPU-seconds of a pass into a Parquet file, by which threads can do it; empty for others."""
        return {}

    def fresh(self) -> None:
        """Forget what a pass left behind; not timed."""
        return


class RecordTool(Tool):
    """A tool that takes one conversation after the other."""

    @abstractmethod
    def rows(self, record: Record) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
        """Yield (ids, labels) of each sample of a conversation."""

    def expand(self, source: bytes) -> Made:
        """Turn JSON lines into samples."""
        made = Made()
        for number, line in enumerate(lines_of(source)):
            record = json.loads(line)
            try:
                made.rows += [Row(number, ids, labels) for ids, labels in self.rows(record)]
            except Exception as error:  # noqa: BLE001 - a peer may raise what it likes
                made.failures[number] = reason(error)
        return made


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a corpus, each of which ends in a newline."""
    return data.split(b"\n")[:-1]


def reason(error: BaseException) -> str:
    """Return an exception as one short line."""
    text = " ".join(str(error).split())
    return shortened(f"{type(error).__name__}: {text}", MOST_WORDS)


def labels_of(ids: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Return the ids where there is a weight, else -100."""
    return [token if weight else IGNORE_INDEX for token, weight in zip(ids, weights, strict=True)]
