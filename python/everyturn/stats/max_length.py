"""What a max_length keeps of a data set, and how full packs and batches are.

In: how often each length occurs. Out: figures by which a max_length is chosen.
"""

import dataclasses
from collections.abc import Iterator

from everyturn.stats.counts import Histogram, Stats, Variant

BATCH = 8
"""The samples of a batch whose padding is told."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MaxLengthFigures:
    """What a max_length keeps.

    Attributes:
        max_length: The most tokens of a sample.
        trained_tokens: Tokens with a label.
        share: Their share of what is trained without a limit, from 0 to 1.
        lost: Assistant messages that are not trained because they do not fit.
        samples: Samples that are left.
        packs: What packing makes of them.
        full: The share of packs that is filled.
        padding: The share of padding in batches of 8 samples that are drawn by chance.
    """

    max_length: int
    trained_tokens: int
    share: float
    lost: int
    samples: int
    packs: int
    full: float
    padding: float


def kept_by_max_length(stats: Stats) -> Iterator[MaxLengthFigures]:
    """Return what each max_length keeps, in rising order."""
    each = stats.max_lengths.values()
    most = max((one.report.trained_tokens for one in (*each, stats.variant)), default=0)
    for max_length, variant in stats.max_lengths.items():
        yield _kept(max_length, variant, most)


def _kept(max_length: int, variant: Variant, most: int) -> MaxLengthFigures:
    report, lengths = variant.report, variant.lengths
    packs = packed_rows(lengths, max_length)
    return MaxLengthFigures(
        max_length=max_length,
        trained_tokens=report.trained_tokens,
        share=report.trained_tokens / most if most else 0.0,
        lost=report.targets_dropped.get(TOO_LONG, 0),
        samples=report.rows,
        packs=packs,
        full=lengths.sum / (packs * max_length) if packs else 0.0,
        padding=padding_of_batches(lengths, BATCH),
    )


TOO_LONG = "too_long"
"""The kind of error of a target that does not fit."""


def padding_of_batches(lengths: Histogram, size: int) -> float:
    """Return the share of padding in batches of samples that are drawn by chance, each as long as its longest.

    >>> padding_of_batches(Histogram({10: 1}), 8), padding_of_batches(Histogram({0: 1, 10: 1}), 1)
    (0.0, 0.0)
    """
    total, seen, longest = lengths.total, 0, 0.0
    for length, count in lengths.counts.items():
        before, seen = seen, seen + count
        longest += length * ((seen / total) ** size - (before / total) ** size)
    return 1 - lengths.sum / total / longest if longest else 0.0


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
