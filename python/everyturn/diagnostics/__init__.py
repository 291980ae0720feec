"""Every kind of error, warning and finding: its severity, the reason, the cure.

The one place for these texts: ``everyturn explain`` prints them, ``docs/errors.md`` is made of them, and hints behind
errors are taken from them.
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from everyturn.diagnostics import errors, findings, warnings
from everyturn.diagnostics.kind import Kind, Severity

__all__ = ["CHAPTERS", "KINDS", "Kind", "Severity", "near", "severity_of"]

CHAPTERS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "Errors": errors.KINDS,
        "Warnings and causes of a report": warnings.KINDS,
        "Findings of check": findings.KINDS,
    }
)
"""The kinds by where they come from, each once."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kinds in CHAPTERS.values() for kind in kinds}
)
"""The kinds by name."""


def severity_of(name: str) -> Severity:
    """Return how a kind is reported among findings.

    >>> severity_of("role"), severity_of("duplicate")
    ('error', 'warning')
    """
    return KINDS[name].severity or "warning"


def near(name: str) -> list[str]:
    """Return the names that are meant, perhaps.

    >>> near("prompt_missmatch")
    ['prompt_mismatch']
    """
    folded = name.strip().lower().replace("-", "_").replace(" ", "_")
    within = [known for known in KINDS if len(folded) > 2 and folded in known]  # noqa: PLR2004 - a word
    return list(
        dict.fromkeys([*difflib.get_close_matches(folded, KINDS, n=3, cutoff=0.7), *within])
    )
