"""One record's samples, with where each token comes from, and why each message is trained or not.

In: what the core knows of a record. Out: frozen data. The ids and labels are those that `Expander.expand` gives; the
texts are those that were encoded, which for some tokenizers differ from what decoding gives back.
"""

import dataclasses
import itertools
import json
from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, TypeAlias

from everyturn.expander import Expander
from everyturn.faults import place_of
from everyturn.io.records import Record
from everyturn.report import Report
from everyturn.samples import IGNORE_INDEX

Origin: TypeAlias = Literal["template", "message", "tools", "record"]
"""Who wrote a text: the chat template, one message, the list of tools, or the record in another way."""

TextKind: TypeAlias = Literal["words", "template", "control"]
"""Somebody's words, text of the template, or a control token, whoever wrote it."""

Fate: TypeAlias = Literal["trained", "context", "prompt", "weight", "train_on", "left_out", "fault"]
"""What becomes of a message; see `Message.why`."""


def part_of(layout: str) -> str:
    """What an inspection shows of samples: in trees their paths.

    >>> part_of("merged"), part_of("tree")
    ('sample', 'path')
    """
    return "path" if layout == "tree" else "sample"


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why a target is lost: the kind of error, and its text."""

    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Message:
    """A message, and what becomes of it.

    Attributes:
        role: ``system``, ``developer``, ``user``, ``assistant`` or ``tool``.
        weight: The record's own word on its training, or None.
        excerpt: The start of its content.
        tool_calls: How many it makes.
        fate: Whether it is trained, and if not, why.
        samples: The samples that train it.
        fault: What lost it.
        remarks: Warnings about it, with what each is about: what the template has left out of it, say.
    """

    role: str
    weight: float | None
    excerpt: str
    tool_calls: int
    fate: Fate
    samples: tuple[int, ...] = ()
    fault: Fault | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_trained(self) -> bool:
        """Whether some sample trains it."""
        return self.fate == "trained"

    def why(self, train_on: str, layout: str = "per_turn") -> str:
        """Say in words why it is trained or not."""
        if self.fate == "trained":
            weight = "" if self.weight in (None, 1.0) else f" with weight {self.weight:g}"
            words = f"trained in {part_of(layout)} {', '.join(map(str, self.samples))}{weight}"
            return "; ".join([words, *self.remarks])
        if self.fault is not None:
            return f"not trained: {self.fault.kind}: {self.fault.text}"
        return {
            "context": "context",
            "left_out": "left out: nothing of it is in the prompt",
            "prompt": "context: it belongs to the prompt of the pair",
            "weight": "not trained: its own weight is 0",
            "train_on": f"not trained: train_on is {train_on}",
        }[self.fate]


@dataclasses.dataclass(frozen=True)
class Run:
    """Tokens that are alike.

    Attributes:
        start: The first token.
        end: The token after the last.
        text: What they stand for.
        origin: Who wrote it.
        message: The message that wrote it, where ``origin`` is ``message``.
        kind: Words, template or control token.
        trained: Whether the tokens have labels.
        target: The message that they are trained for; None in context, and where ``train_on`` is ``all_tokens``.
        is_stop: It is the stop token that ends a target.
    """

    start: int
    end: int
    text: str
    origin: Origin
    message: int | None
    kind: TextKind
    trained: bool
    target: int | None
    is_stop: bool

    @property
    def owner(self) -> int | None:
        """The message that it belongs to: the one that is trained, else the one that wrote it."""
        return self.message if self.target is None else self.target


@dataclasses.dataclass(frozen=True)
class Cell:
    """Tokens that share a character, mostly one: what can be shown of them."""

    start: int
    end: int
    text: str


@dataclasses.dataclass(frozen=True)
class Trained:
    """Consecutive tokens with labels; ``message`` is None where ``train_on`` is ``all_tokens``."""

    start: int
    end: int
    weight: float
    message: int | None


@dataclasses.dataclass(frozen=True)
class Sample:
    """A row of ids, as text.

    Attributes:
        text: What the ids stand for.
        ids: The token ids.
        targets: The messages that are trained here.
        trained: The stretches of tokens with labels, in order.
        runs: The tokens in runs; their texts make up ``text``.
        cell_tokens: How many tokens each cell has.
        cell_bytes: How many bytes of ``text`` each cell has.
    """

    text: str
    ids: tuple[int, ...]
    targets: tuple[int, ...]
    trained: tuple[Trained, ...]
    runs: tuple[Run, ...]
    cell_tokens: tuple[int, ...]
    cell_bytes: tuple[int, ...]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The tokens in cells; their texts make up ``text``."""
        data = self.text.encode()
        ends, byte_ends = accumulate(self.cell_tokens), accumulate(self.cell_bytes)
        lengths = zip(self.cell_tokens, ends, self.cell_bytes, byte_ends, strict=True)
        return tuple(
            Cell(end - count, end, data[byte_end - length : byte_end].decode())
            for count, end, length, byte_end in lengths
        )

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The id where a token is trained, else -100."""
        labels = [IGNORE_INDEX] * len(self.ids)
        for trained in self.trained:
            labels[trained.start : trained.end] = self.ids[trained.start : trained.end]
        return tuple(labels)

    @property
    def trained_tokens(self) -> int:
        """How many tokens have labels."""
        return sum(trained.end - trained.start for trained in self.trained)

    def cells_in(self, start: int, end: int) -> tuple[Cell, ...]:
        """Return the cells that begin within some tokens."""
        first, after = (bisect_left(self.cells, at, key=_start) for at in (start, end))
        return self.cells[first:after]

    def part(self, start: int, end: int) -> str:
        """Return the text of some tokens that begin and end with cells."""
        return "".join(cell.text for cell in self.cells_in(start, end))


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What becomes of a record.

    Attributes:
        file: The input's name.
        line: 1-based.
        format: The format of the record.
        conversation_id: 32 hex digits, equal for conversations that are the same; see `Samples.conversation_id`.
        options: The options of the expander.
        messages: What becomes of each message.
        samples: What `Expander.expand` gives; in the layout ``tree`` the paths of the targets.
        report: Its account.
        error: The fault at which it would end, or None.
    """

    file: str
    line: int
    format: str
    conversation_id: str
    options: Mapping[str, Any]
    messages: tuple[Message, ...]
    samples: tuple[Sample, ...]
    report: Report
    error: Fault | None

    @property
    def name(self) -> str:
        """File and line."""
        return place_of(self.file, self.line)

    @property
    def dropped(self) -> dict[int, str]:
        """The targets that are lost, by their messages, each with the reason."""
        return {
            at: f"{message.fault.kind}: {message.fault.text}"
            for at, message in enumerate(self.messages)
            if message.fault is not None
        }

    @property
    def remarks(self) -> dict[int, tuple[str, ...]]:
        """Warnings about single messages."""
        return {at: message.remarks for at, message in enumerate(self.messages) if message.remarks}

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain JSON types."""
        plain = dataclasses.asdict(self)
        for entry, message in zip(plain["messages"], self.messages, strict=True):
            entry["why"] = message.why(self.report.train_on, self.options["layout"])
        for entry, sample in zip(plain["samples"], self.samples, strict=True):
            entry["labels"] = sample.labels
        return plain


def inspect_record(expander: Expander, record: Record) -> Inspection:
    r"""Say what becomes of a record, and why.

    Faults of single targets are part of the answer, whatever ``on_error`` says.

    >>> from everyturn.inspect import pick
    >>> chat = b'{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]}'
    >>> expander = Expander("demo")
    >>> (record,) = pick.records(expander, chat)
    >>> [run.text for run in inspect_record(expander, record).samples[0].runs if run.trained]
    ['2', '<|im_end|>']

    Raises:
        EveryturnError: The record is broken as a whole.
    """
    core = expander._expander  # noqa: SLF001
    text, counts = core.inspect(record.file, record.line, record.format, record.text)
    plain = json.loads(text)
    report = expander._report(counts)  # noqa: SLF001
    remarks = _remarks(report)
    messages = (
        _message(message, tuple(remarks.get(at, ())))
        for at, message in enumerate(plain["messages"])
    )
    return Inspection(
        file=record.file,
        line=record.line,
        format=plain["format"],
        conversation_id=plain["conversation_id"],
        options=expander.metadata()["options"],
        messages=tuple(messages),
        samples=tuple(_sample(sample) for sample in plain["samples"]),
        report=report,
        error=_fault(plain["error"]),
    )


def _start(cell: Cell) -> int:
    return cell.start


def _fault(plain: dict[str, Any] | None) -> Fault | None:
    return None if plain is None else Fault(**plain)


def _remarks(report: Report) -> dict[int, list[str]]:
    remarks: dict[int, list[str]] = {}
    for place in itertools.chain.from_iterable(report.warning_places.values()):
        if place.message_index is not None:
            words = f"{place.kind}: {place.reason}"
            remarks.setdefault(place.message_index, []).append(words)
    return remarks


def _message(plain: dict[str, Any], remarks: tuple[str, ...]) -> Message:
    fault, samples = _fault(plain.pop("fault", None)), tuple(plain.pop("samples", ()))
    return Message(**plain, fault=fault, samples=samples, remarks=remarks)


def _sample(plain: dict[str, Any]) -> Sample:
    data = plain["text"].encode()
    return Sample(
        text=plain["text"],
        ids=tuple(plain["ids"]),
        targets=tuple(plain["targets"]),
        trained=tuple(Trained(**trained) for trained in plain["trained"]),
        runs=tuple(_run(run, data) for run in plain["runs"]),
        cell_tokens=tuple(plain["cell_tokens"]),
        cell_bytes=tuple(plain["cell_bytes"]),
    )


def _run(plain: dict[str, Any], data: bytes) -> Run:
    text = data[plain.pop("byte_start") : plain.pop("byte_end")].decode()
    return Run(**plain, text=text)
