"""What a data set is made of: `counts` counts them, `page` shows the counts as a page."""

from everyturn.stats.counts import (
    QUANTILES,
    Histogram,
    Stats,
    Way,
    packed_rows,
    stats,
)

__all__ = ["QUANTILES", "Histogram", "Stats", "Way", "packed_rows", "stats"]
