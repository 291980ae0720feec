"""Trees, taken apart as their columns are defined, and the fewest tokens that they could have."""

from collections.abc import Iterable, Sequence
from typing import Any

from everyturn._educational import IGNORE_INDEX, Row


def paths_of(sample: Any) -> list[tuple[Row, list[float]]]:
    """Each trained stretch of a tree as a row of its own, with its weight: what its last token sees.

    Says where the columns contradict each other.
    """
    ids, ends, depths, labels, predicted = (
        getattr(sample, name).tolist()
        for name in ("input_ids", "subtree_end", "position_ids", "labels", "shift_labels")
    )
    weights = None if sample.loss_weights is None else sample.loss_weights.tolist()
    # The tokens of each stretch, and the path to its last one.
    stretches: list[tuple[list[int], list[int]]] = []
    predicting: list[int] = []
    path: list[int] = []
    for token, number in enumerate(ids):
        path = [earlier for earlier in path if token < ends[earlier]]
        assert token < ends[token] <= min([len(ids), *(ends[earlier] for earlier in path)])
        assert depths[token] == len(path)
        parent = path[-1] if path else None
        path.append(token)
        if labels[token] == IGNORE_INDEX:
            continue
        assert labels[token] == number
        if parent is not None:
            assert predicted[parent] == number, "the position before it predicts it"
            predicting.append(parent)
        if stretches and stretches[-1][0][-1] == parent:
            stretches[-1] = ([*stretches[-1][0], token], list(path))
        else:
            stretches.append(([token], list(path)))
    assert len(set(predicting)) == len(predicting), "a position predicts one token"
    assert set(predicting) == {at for at, label in enumerate(predicted) if label != IGNORE_INDEX}
    return [
        (
            Row(
                ids=tuple(ids[token] for token in path),
                labels=tuple(ids[token] if token in tokens else IGNORE_INDEX for token in path),
                targets=(target,),
            ),
            _weights_of(path[:-1][-len(tokens) :], weights),
        )
        for (tokens, path), target in zip(stretches, sample.targets.tolist(), strict=True)
    ]


def _weights_of(predicting: Sequence[int], weights: Sequence[float] | None) -> list[float]:
    held = {1.0 if weights is None else weights[position] for position in predicting}
    assert len(held) == 1, "one target has one weight"
    return list(held)


def tokens_of_a_trie(rows: Iterable[Sequence[int]]) -> int:
    """How many different beginnings the rows have: no tree of them has fewer tokens."""
    children: dict[tuple[int, int], int] = {}
    for row in rows:
        node = 0
        for number in row:
            node = children.setdefault((node, number), len(children) + 1)
    return len(children)
