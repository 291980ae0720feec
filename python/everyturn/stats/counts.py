"""What a data set is made of, and what each way to train it costs.

In: a source and an expander. Out: counts and how often each length occurs, for every combination of layout and
train_on, in one pass. Memory does not grow with the source, except for 16 bytes per conversation, by which copies are
recognized.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.io.inputs import Source, resolve
from everyturn.options import Layout, TrainOn
from everyturn.report import Report

if TYPE_CHECKING:
    from everyturn.expander import Expander

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
TRAIN_ON: tuple[TrainOn, ...] = (
    "all_assistant_messages",
    "last_assistant_turn",
    "last_assistant_message",
)
"""The values of ``train_on`` that are compared; ``marked`` and ``all_tokens`` only where they are asked for."""

QUANTILES = (0.0, 0.5, 0.9, 0.99, 1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """How often each number occurs.

    >>> Histogram({3: 1, 5: 2, 90: 1}).quantile(0.5)
    5

    Attributes:
        counts: Number of occurrences by number, in rising order.
    """

    counts: Mapping[int, int]

    @property
    def total(self) -> int:
        """How many numbers there are."""
        return sum(self.counts.values())

    @property
    def sum(self) -> int:
        """Their sum."""
        return sum(number * count for number, count in self.counts.items())

    def quantile(self, share: float) -> int:
        """Return the smallest value that at least ``share`` of the values do not exceed; 0 where there are none."""
        wanted, seen = share * self.total, 0
        for number, count in self.counts.items():
            seen += count
            if seen >= wanted:
                return number
        return 0

    def above(self, limit: int) -> int:
        """How many numbers are greater."""
        return sum(count for number, count in self.counts.items() if number > limit)


@dataclasses.dataclass(frozen=True, slots=True)
class Variant:
    """The counts of one layout and train_on.

    Attributes:
        report: The account of every line.
        lengths: Tokens per sample.
    """

    report: Report
    lengths: Histogram


@dataclasses.dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Stats:
    """A data set and a model.

    Attributes:
        conversations: Records that could be read as conversations.
        duplicates: Those of them with the bytes of an earlier one.
        messages: Messages a conversation.
        assistant_messages: Assistant messages a conversation.
        messages_by_role: Messages of each role.
        characters_by_role: Characters of their contents.
        letters: Letters of contents by their Unicode script.
        layout: The given layout.
        train_on: The given value.
        max_length: The length that samples are compared with, or None.
        variants: By layout and train_on.
    """

    conversations: int
    duplicates: int
    messages: Histogram
    assistant_messages: Histogram
    messages_by_role: Mapping[str, int]
    characters_by_role: Mapping[str, int]
    letters: Mapping[str, int]
    layout: Layout
    train_on: TrainOn
    max_length: int | None
    variants: Mapping[tuple[Layout, TrainOn], Variant]

    @property
    def variant(self) -> Variant:
        """The variant of the given options."""
        return self.variants[self.layout, self.train_on]

    def __repr__(self) -> str:
        report = self.variant.report
        return (
            f"Stats(conversations={self.conversations}, duplicates={self.duplicates}, layout={self.layout!r}, "
            f"train_on={self.train_on!r}, samples={report.rows}, tokens={report.tokens}, "
            f"trained={report.trained_tokens})"
        )

    def _repr_html_(self) -> str:
        from everyturn.inspect.notebook import stats_html

        return stats_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types; histograms as pairs of number and count."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "variants"
        }
        variants = [
            {
                "layout": layout,
                "train_on": train_on,
                "lengths": _pairs(variant.lengths),
                "quantiles": {str(share): variant.lengths.quantile(share) for share in QUANTILES},
                "report": variant.report.to_dict(),
            }
            for (layout, train_on), variant in self.variants.items()
        ]
        return {
            **plain,
            "messages": _pairs(self.messages),
            "assistant_messages": _pairs(self.assistant_messages),
            "variants": variants,
        }


def stats(
    expander: "Expander",
    source: Source,
    *,
    limit: int | None = None,
    chunk_bytes: int = _core.CHUNK_BYTES,
    on_bytes: Callable[[int], None] | None = None,
) -> Stats:
    """Count; see `Expander.stats`."""
    variants = _variants(expander)
    inputs, _ = resolve(source)
    expanders = [each._expander for each in variants.values()]  # noqa: SLF001 - the two are one package
    stream = _core.StatsStream(expanders, inputs, chunk_bytes, limit)
    while stream.advance():
        if on_bytes is not None:
            on_bytes(stream.bytes_taken)
    counts = stream.stats()
    found = {
        key: Variant(each._report(report), Histogram(lengths))  # noqa: SLF001 - likewise
        for (key, each), (report, lengths) in zip(
            variants.items(), counts.pop("variants"), strict=True
        )
    }
    return Stats(
        **{
            **counts,
            "messages": Histogram(counts["messages"]),
            "assistant_messages": Histogram(counts["assistant_messages"]),
        },
        layout=expander.layout,
        train_on=expander.train_on,
        max_length=expander.max_length,
        variants=found,
    )


def packed_rows(lengths: Histogram, max_length: int) -> int:
    """Count the rows that packing makes of samples of these lengths, longest first into the fullest row that has room.

    It counts what `Samples.pack` makes, without the samples: rows with as much room as one another are one entry.
    Lengths above ``max_length`` are left out.
    """
    room: dict[int, int] = {}
    packs = 0
    fitting_lengths = {n: count for n, count in lengths.counts.items() if n <= max_length}
    for length, left in sorted(fitting_lengths.items(), reverse=True):
        for space in sorted(space for space in room if space >= length):
            if not left:
                break
            left -= _fill(room, space, length, left)  # noqa: PLW2901 - what is left of them
        fitting = max_length // max(length, 1)
        full, rest = divmod(left, fitting)
        packs += full + (rest > 0)
        _add(room, max_length - fitting * length, full)
        _add(room, max_length - rest * length, 1 if rest else 0)
    return packs


def _fill(room: dict[int, int], space: int, length: int, left: int) -> int:
    """Put samples of one length into packs with ``space`` left each, and return how many fitted."""
    fitting = space // length
    packs = min(room[space], -(-left // fitting))
    placed = min(left, packs * fitting)
    last = placed - (packs - 1) * fitting
    _add(room, space, -packs)
    _add(room, space - fitting * length, packs - 1)
    _add(room, space - last * length, 1)
    return placed


def _add(room: dict[int, int], space: int, packs: int) -> None:
    count = room.get(space, 0) + packs
    if count:
        room[space] = count
    else:
        room.pop(space, None)


def _variants(expander: "Expander") -> "dict[tuple[Layout, TrainOn], Expander]":
    """Every layout and train_on that the other options allow; max_length does not apply."""
    asked = expander.replace(on_error="skip", deduplicate=False)
    if expander.overflow in {"error", "drop"}:
        asked = asked.replace(max_length=None, overflow="error")
    layouts = tuple(layout for layout in LAYOUTS if _takes(asked, layout))
    rules = dict.fromkeys((expander.train_on, *TRAIN_ON))
    if expander.train_on == "all_tokens":
        layouts, rules = (expander.layout,), {expander.train_on: None}
    return {
        (layout, train_on): asked.replace(layout=layout, train_on=train_on)
        for layout in layouts
        for train_on in rules
    }


def _takes(expander: "Expander", layout: Layout) -> bool:
    """Whether a layout can be combined with the other options."""
    try:
        expander.replace(layout=layout)
    except OptionsError:
        return False
    return True


def _pairs(histogram: Histogram) -> list[tuple[int, int]]:
    return list(histogram.counts.items())
