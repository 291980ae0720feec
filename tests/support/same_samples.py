"""Whether two tables of samples are the same."""

import numpy as np

import everyturn
from everyturn.samples.columns import COLUMNS, OFFSETS


def assert_same_samples(found: everyturn.Samples, expected: everyturn.Samples) -> None:
    """All arrays are equal, those that say what wrote the tokens included."""
    for name in (*(column.name for column in COLUMNS), *OFFSETS.values()):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
    for count in ("rows", "tokens", "trained_tokens", "targets_trained", "records_kept"):
        assert getattr(found.report, count) == getattr(expected.report, count), count
