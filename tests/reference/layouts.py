"""Rows: those that targets are expected to become, and those of the product taken apart into targets."""

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from everyturn import _educational
from everyturn._educational import IGNORE_INDEX, Ids, Row, prompt_of
from reference.model import Result
from reference.trees import paths_of


def row_of(result: Result) -> Row:
    """Return the row of `per_turn` that a target without fault is."""
    assert result.fault is None
    return _educational.row_of(
        result.prompt_ids, result.completion_ids, target=result.message_index
    )


def spans_of(row: Row) -> list[tuple[int, int]]:
    """The trained stretches: between two targets there is at least a header."""
    found: list[tuple[int, int]] = []
    position = 0
    for trained, run in itertools.groupby(label != IGNORE_INDEX for label in row.labels):
        length = sum(1 for _ in run)
        if trained:
            found.append((position, position + length))
        position += length
    return found


def assert_merged_minimal(rows: Sequence[Row]) -> None:
    """No row of a conversation could have been put at the end of another one."""
    for place, row in enumerate(rows):
        prompt = prompt_of(row)
        for other_place, other in enumerate(rows):
            if place != other_place:
                assert prompt[: len(other.ids)] != other.ids, (
                    f"the row of targets {row.targets} could have joined that of {other.targets}"
                )


#: Line, ids before a target, ids of the target, weight: what a target is trained as.
Sample = tuple[int, Ids, Ids, float]


def expected_samples(results: Iterable[Result]) -> Counter[Sample]:
    """The targets that are not faults, as `samples_of` gives them."""
    return Counter(
        (result.line, result.prompt_ids, result.completion_ids, result.weight)
        for result in results
        if result.fault is None
    )


@functools.lru_cache(maxsize=4)
def rows_by_line(samples: Any) -> dict[int, list[tuple[Row, list[float]]]]:
    """Every row of a `Samples` with the weight of each trained stretch, by its line."""
    rows: dict[int, list[tuple[Row, list[float]]]] = {}
    for sample in samples:
        if sample.subtree_end is not None:
            rows.setdefault(int(sample.line), []).extend(paths_of(sample))
            continue
        row = Row(
            ids=tuple(sample.input_ids.tolist()),
            labels=tuple(sample.labels.tolist()),
            targets=tuple(sample.targets.tolist()),
        )
        weights: list[float] = []
        for start, end in spans_of(row):
            held = {1.0}
            if sample.loss_weights is not None:
                held = set(sample.loss_weights[start:end].tolist())
            assert len(held) == 1, "one target has one weight"
            weights.append(held.pop())
        rows.setdefault(int(sample.line), []).append((row, weights))
    return rows


def samples_of(samples: Any) -> Counter[Sample]:
    """Every trained stretch with all that comes before it, whatever the layout."""
    found: Counter[Sample] = Counter()
    for line, rows in rows_by_line(samples).items():
        for row, weights in rows:
            spans = spans_of(row)
            assert len(spans) == len(row.targets), "one trained stretch a target"
            for (start, end), weight in zip(spans, weights, strict=True):
                assert row.labels[start:end] == row.ids[start:end]
                found[line, row.ids[:start], row.ids[start:end], weight] += 1
    return found


def assert_same_samples(found: Counter[Sample], expected: Counter[Sample]) -> None:
    """Equality of the two, said in a few words: every id of a difference is too much to read."""
    missing, extra = expected - found, found - expected
    assert found == expected, (
        f"of {expected.total()} samples {missing.total()} are missing, "
        f"the first {_shortly(missing)}; {extra.total()} are too many, the first {_shortly(extra)}"
    )


def _shortly(samples: Counter[Sample]) -> str:
    if not samples:
        return "none"
    line, prompt, completion, weight = min(samples)
    return (
        f"line {line}: {len(prompt)} prompt ids ending in {list(prompt[-8:])}, "
        f"{len(completion)} completion ids {list(completion[:12])}.., weight {weight}"
    )
