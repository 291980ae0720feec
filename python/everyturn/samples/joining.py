"""Samples of several expansions in one table.

In: samples of the same model and options. Out: all of them, in the order of the parts, with one account of their lines.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from everyturn.exceptions import OptionsError
from everyturn.samples.columns import COLUMNS, OFFSETS, filled
from everyturn.samples.kept import Kept
from everyturn.samples.ragged import join_offsets

if TYPE_CHECKING:
    from everyturn.samples.table import Samples


def concatenate(parts: "Sequence[Samples]") -> "Samples":
    """Put samples one after the other; see `Samples.concatenate`."""
    from everyturn.samples.table import Samples

    if not parts:
        raise OptionsError("there is nothing to concatenate")
    first = parts[0]
    if any(part.metadata != first.metadata for part in parts):
        raise OptionsError("cannot concatenate samples of different models, options or versions")
    files = tuple(dict.fromkeys(name for part in parts for name in part.files))
    report = first.report
    for part in parts[1:]:
        report += part.report
    return Samples(
        **_arrays(parts, files),
        files=files,
        report=report,
        metadata=first.metadata,
        kept=Kept.concatenate([part.kept for part in parts]),
        renderer=next((part.renderer for part in parts if part.renderer), None),
    )


def _arrays(parts: "Sequence[Samples]", files: Sequence[str]) -> dict[str, Any]:
    """Join the columns; files are numbered anew."""
    arrays: dict[str, Any] = {}
    for column in COLUMNS:
        present = any(getattr(part, column.name) is not None for part in parts)
        arrays[column.name] = (
            np.concatenate([filled(part, column) for part in parts]) if present else None
        )
    numbers = {name: number for number, name in enumerate(files)}
    arrays["file"] = np.concatenate(
        [
            np.array([numbers[name] for name in part.files], dtype=np.int32)[part.file]
            for part in parts
        ]
    )
    for name in OFFSETS.values():
        arrays[name] = join_offsets([getattr(part, name) for part in parts])
    return arrays
