"""What a data set is made of, and what each way to train it costs.

In: a source and an expander. Out: counts and how often each length occurs, for every combination of layout and
train_on, and for the given one with every max_length, in one pass. Memory does not grow with the source, except for 16
bytes per conversation, by which duplicates are recognized.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.io.inputs import Source, raising_reader_errors, resolve
from everyturn.options import Layout, TrainOn, check_count, check_optional_count
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

MAX_LENGTHS = tuple(1 << power for power in range(9, 18))
"""The values of ``max_length`` that are compared, besides the given one."""

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
    """The counts of one layout, train_on and max_length.

    Attributes:
        report: The account of every line.
        lengths: Tokens per sample.
        branches: Paths per sample: one, but for the layout ``tree``.
        depths: Tokens of a sample's longest path.
        tokens_before: How many tokens come before each on its path, in sum: what attention reads.
    """

    report: Report
    lengths: Histogram
    branches: Histogram
    depths: Histogram
    tokens_before: int


@dataclasses.dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Stats:
    """A data set and a model.

    Attributes:
        conversations: Records that could be read as conversations.
        duplicates: Those of them that are the same as an earlier one.
        messages: Messages a conversation.
        assistant_messages: Assistant messages a conversation.
        messages_by_role: Messages of each role.
        characters_by_role: Characters of their contents.
        letters: Letters of contents by their Unicode script.
        layout: The given layout.
        train_on: The given value.
        max_length: The length that samples are compared with, or None.
        variants: By layout and train_on.
        max_lengths: The given layout and train_on by max_length: what an expansion keeps of it, in rising order up to
            the first that loses nothing. What is longer is dropped, or made shorter as ``overflow`` says.
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
    max_lengths: Mapping[int, Variant]

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
            if field.name not in ("variants", "max_lengths")
        }
        variants = [
            {"layout": layout, "train_on": train_on, **_plain(variant)}
            for (layout, train_on), variant in self.variants.items()
        ]
        max_lengths = [
            {"max_length": max_length, **_plain(variant)}
            for max_length, variant in self.max_lengths.items()
        ]
        return {
            **plain,
            "messages": _pairs(self.messages),
            "assistant_messages": _pairs(self.assistant_messages),
            "variants": variants,
            "max_lengths": max_lengths,
        }


def stats(
    expander: "Expander",
    source: Source,
    *,
    limit: int | None = None,
    chunk_bytes: int,
    on_bytes: Callable[[int], None] | None = None,
) -> Stats:
    """Count; see `Expander.stats`.

    Raises:
        OptionsError: Duplicates were to be left out.
    """
    if expander.deduplicate:
        raise OptionsError(
            "deduplicate: stats counts every conversation, and says how many are duplicates: leave it out"
        )
    check_count("chunk_bytes", chunk_bytes)
    check_optional_count("limit", limit, least=0)
    variants, limited = _variants(expander), _limited(expander)
    inputs, _ = resolve(source)
    # The core compares each limited expander with the unlimited one, so that one comes first.
    each = [*variants.values(), _unlimited(expander), *limited.values()]
    expanders = [one._expander for one in each]  # noqa: SLF001 - the two are one package
    stream = _core.StatsStream(expanders, inputs, chunk_bytes, limit)
    with raising_reader_errors():
        while stream.advance():
            if on_bytes is not None:
                on_bytes(stream.bytes_taken)
    counts = stream.stats()
    found = [_variant(one, plain) for one, plain in zip(each, counts.pop("variants"), strict=True)]
    return Stats(
        **{
            **counts,
            "messages": Histogram(counts["messages"]),
            "assistant_messages": Histogram(counts["assistant_messages"]),
        },
        layout=expander.layout,
        train_on=expander.train_on,
        max_length=expander.max_length,
        variants=dict(zip(variants, found, strict=False)),
        max_lengths=_until_nothing_is_lost(
            dict(zip(limited, found[-len(limited) :], strict=True)), found[len(variants)]
        ),
    )


def _variant(expander: "Expander", plain: dict[str, Any]) -> Variant:
    return Variant(
        report=expander._report(plain["report"]),  # noqa: SLF001 - as above
        lengths=Histogram(plain["lengths"]),
        branches=Histogram(plain["branches"]),
        depths=Histogram(plain["depths"]),
        tokens_before=plain["tokens_before"],
    )


def _until_nothing_is_lost(limited: dict[int, Variant], unlimited: Variant) -> dict[int, Variant]:
    """Leave out what is longer than the first length that is as good as none, but for the given one."""
    longest = unlimited.lengths.quantile(1.0)
    enough = next((length for length in limited if length >= longest), None)
    return {
        length: variant
        for length, variant in limited.items()
        if enough is None or length <= enough or length not in MAX_LENGTHS
    }


def _variants(expander: "Expander") -> "dict[tuple[Layout, TrainOn], Expander]":
    """Every layout and train_on that the other options allow; max_length does not apply."""
    asked = expander.replace(on_error="skip")
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


def _limited(expander: "Expander") -> "dict[int, Expander]":
    """The given options with every max_length; what is too long is dropped where nothing else is asked for."""
    asked = expander.replace(on_error="skip")
    overflow = "drop" if expander.overflow == "error" else expander.overflow
    lengths = sorted({*MAX_LENGTHS, *filter(None, [expander.max_length])})
    return {
        max_length: asked.replace(max_length=max_length, overflow=overflow)
        for max_length in lengths
    }


def _unlimited(expander: "Expander") -> "Expander":
    return expander.replace(on_error="skip", max_length=None, overflow="drop")


def _takes(expander: "Expander", layout: Layout) -> bool:
    """Whether a layout can be combined with the other options."""
    try:
        expander.replace(layout=layout)
    except OptionsError:
        return False
    return True


def _plain(variant: Variant) -> dict[str, Any]:
    return {
        "lengths": _pairs(variant.lengths),
        "quantiles": {str(share): variant.lengths.quantile(share) for share in QUANTILES},
        "branches": _pairs(variant.branches),
        "depths": _pairs(variant.depths),
        "tokens_before": variant.tokens_before,
        "report": variant.report.to_dict(),
    }


def _pairs(histogram: Histogram) -> list[tuple[int, int]]:
    return list(histogram.counts.items())
