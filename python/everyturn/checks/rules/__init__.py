"""Every rule, by theme: a file holds the texts of its kinds, what finds them, and what corrects them."""

from everyturn.checks.rules import (
    call_ids,
    calls,
    content,
    files,
    nulls,
    order,
    results,
    texts,
    tools,
)
from everyturn.checks.rules.rule import Fix, Rule
from everyturn.diagnostics.kind import Kind

RULES: tuple[Rule, ...] = (
    *order.RULES,
    *content.RULES,
    *calls.RULES,
    *nulls.RULES,
    *call_ids.RULES,
    *results.RULES,
    *tools.RULES,
    *texts.RULES,
    *files.RULES,
)
"""Findings of a message, and corrections of a record, come in this order."""

FINDERS = tuple(rule.find for rule in RULES if rule.find is not None)

FIXED_FINDERS = tuple(rule.find for rule in RULES if rule.find is not None and rule.fixes)
"""What finds something that is corrected, and perhaps other things."""

FIXES: dict[str, Fix] = {kind: fix for rule in RULES for kind, fix in rule.fixes.items()}
"""What is corrected within records."""

KINDS: tuple[Kind, ...] = tuple(kind for rule in RULES for kind in rule.kinds)
"""What only `everyturn check` finds: nothing here keeps a record from being expanded."""
