"""What a data set is made of: `survey` counts, `page` shows the counts as a page."""

from everyturn.stats.survey import (
    QUANTILES,
    Histogram,
    Stats,
    Way,
    packed_rows,
    stats,
)

__all__ = ["QUANTILES", "Histogram", "Stats", "Way", "packed_rows", "stats"]
