"""Other labels and weights for samples that were expanded once.

In: samples that say what wrote their tokens, and rules. Out: the samples that an expansion with these weights would
give, without rendering or encoding anything. Which tokens a rule holds for is said in `everyturn.samples.rules`; rows
are made by the core.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.options import Normalize, check_choice
from everyturn.report import Report
from everyturn.samples.columns import ARRAYS
from everyturn.samples.labels import IGNORE_INDEX
from everyturn.samples.matching import weigh_runs
from everyturn.samples.origins import records
from everyturn.samples.provenance import check_provenance
from everyturn.samples.rules import Rules, checked

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

_OF_RECORDS = ("file", "line", "conversation_hashes")
"""The columns that the core does not make anew."""


def relabel(
    samples: "Samples", rules: Rules, *, normalize: Normalize, allow_context: bool
) -> "Samples":
    """Give tokens other weights; see `Samples.relabel`."""
    made = checked(rules)
    check_choice("normalize", normalize, Normalize)
    check_provenance(samples)
    options = samples.metadata["options"]
    _check_options(options, allow_context=allow_context)
    runs = weigh_runs(samples, made, allow_context=allow_context)
    arrays = {name: getattr(samples, name) for name in ARRAYS if name not in _OF_RECORDS}
    numbers = records(samples)
    arrays |= runs | {"records": numbers}
    present = {
        name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None
    }
    columns, sources = _core.relabel(
        present,
        layout=options["layout"],
        max_length=options["max_length"],
        normalize=normalize,
        allow_context=allow_context,
    )
    before = samples.metadata.get("rules", [])
    columns["metadata"] = samples.metadata | {
        "options": options | {"normalize": normalize},
        "rules": [*before, [rule.to_dict() for rule in made]],
    }
    lost = 0
    if sources is not None:
        for name in _OF_RECORDS:
            columns[name] = getattr(samples, name)[sources]
        columns["kept"] = samples.kept.select(sources)
        lost = _count(numbers) - _count(numbers[sources])
    return _with_report(samples, dataclasses.replace(samples, **columns), records_lost=lost)


def _count(numbers: npt.NDArray[np.int64]) -> int:
    """Return how many different ones there are."""
    return int(np.count_nonzero(np.bincount(numbers)))


def _check_options(options: dict[str, Any], *, allow_context: bool) -> None:
    if options["train_on"] == "all_tokens":
        raise OptionsError(
            'rules choose among answers, and train_on="all_tokens" has none: expand with another'
        )
    if options["normalize"] != "none":
        raise OptionsError(
            'the weights are normalized already: expand with normalize="none", and normalize when relabelling'
        )
    if allow_context and options["layout"] == "tree":
        raise OptionsError(
            "allow_context: in trees a token of context has several that may follow it; take another layout"
        )


def _with_report(before: "Samples", after: "Samples", *, records_lost: int) -> "Samples":
    """Return the samples with the account of what is left, as if it had been expanded so."""
    report = _account_of(before)
    dropped = dict(report.records_dropped)
    if records_lost:
        dropped["no_target"] = dropped.get("no_target", 0) + records_lost
    removed = len(before.targets) - len(after.targets)
    trained = report.trained_tokens
    if after.labels is not before.labels:
        trained += _trained_tokens(after) - _trained_tokens(before)
    changed = dataclasses.replace(
        report,
        records_kept=report.records_kept - records_lost,
        records_dropped=dict(sorted(dropped.items())),
        targets_found=report.targets_found - removed,
        targets_trained=report.targets_trained - removed,
        rows=report.rows - len(before) + len(after),
        tokens=report.tokens - len(before.input_ids) + len(after.input_ids),
        trained_tokens=trained,
    )
    return dataclasses.replace(after, report=changed)


def _account_of(samples: "Samples") -> Report:
    """Return the report of samples; that of a selection is of all that it was selected from."""
    report = samples.report
    if (report.rows, report.tokens) == (len(samples), len(samples.input_ids)):
        return report
    return dataclasses.replace(
        report,
        records_kept=int(records(samples).max(initial=-1)) + 1,
        targets_found=len(samples.targets),
        targets_trained=len(samples.targets),
        rows=len(samples),
        tokens=len(samples.input_ids),
        trained_tokens=_trained_tokens(samples),
    )


def _trained_tokens(samples: "Samples") -> int:
    return int(np.count_nonzero(samples.labels != IGNORE_INDEX))
