"""Every kind of error, warning and finding: its severity, the reason, what to do.

Errors, warnings and findings of lint are explained in `diagnostics`, a finding of check where its rule is; this file
combines both. ``everyturn explain`` prints these texts, ``docs/errors.md`` is made from them, and hints after errors
are taken from them.
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from everyturn.checks import rules
from everyturn.diagnostics import errors, lint, warnings
from everyturn.diagnostics.kind import Kind, Severity

CHAPTERS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "Errors": errors.KINDS,
        "Errors of verify": errors.OF_SERVERS,
        "Warnings and causes of a report": warnings.KINDS,
        "Findings of check": rules.KINDS,
        "Findings of lint": lint.KINDS,
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
    severity = KINDS[name].severity
    if severity is None:
        raise ValueError(f"{name} is not reported among findings")
    return severity


def near(name: str) -> list[str]:
    """Return similar names.

    >>> near("prompt_missmatch")
    ['prompt_mismatch']
    """
    folded = name.strip().lower().replace("-", "_").replace(" ", "_")
    within = [known for known in KINDS if len(folded) > 2 and folded in known]  # noqa: PLR2004 - a word
    return list(
        dict.fromkeys([*difflib.get_close_matches(folded, KINDS, n=3, cutoff=0.7), *within])
    )
