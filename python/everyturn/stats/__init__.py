"""What a data set is made of: `counts` counts, `max_length` says what a limit keeps, `page` shows both in a browser."""

from everyturn.stats.counts import (
    QUANTILES,
    Histogram,
    Stats,
    Variant,
    stats,
)
from everyturn.stats.max_length import MaxLengthFigures, kept_by_max_length, packed_rows

__all__ = [
    "QUANTILES",
    "Histogram",
    "MaxLengthFigures",
    "Stats",
    "Variant",
    "kept_by_max_length",
    "packed_rows",
    "stats",
]
