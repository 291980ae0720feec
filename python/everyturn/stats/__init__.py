"""What a data set is made of: `counts` says how much of what there is, `page` shows it as a page."""

from everyturn.stats.counts import (
    QUANTILES,
    Histogram,
    Stats,
    Variant,
    packed_rows,
    stats,
)

__all__ = ["QUANTILES", "Histogram", "Stats", "Variant", "packed_rows", "stats"]
