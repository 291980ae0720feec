"""Everything that a run of the bench knows, as plain JSON types."""

import dataclasses
from typing import Any

from everyturn.bench.benchmark import Comparison, Plan
from everyturn.bench.machine import command_line, machine, versions
from everyturn.bench.sweep import Sweep


def to_dict(plan: Plan, outcome: Comparison | Sweep) -> dict[str, Any]:
    """Return what was run, on what, and what came of it."""
    report: dict[str, Any] = {
        "command": command_line(),
        "machine": machine(),
        "versions": versions(plan.peers),
        "model": {
            "folder": plan.sources.folder,
            "fingerprint": plan.renderer.fingerprint,
            "chat_template": plan.sources.chat_template,
            "template_kwargs": plan.sources.template_kwargs,
        },
        "options": dict(plan.options),
        "threads": list(plan.threads),
        "seconds": plan.seconds,
    }
    if isinstance(outcome, Sweep):
        return {**report, "sweep": outcome.to_dict()}
    corpus = outcome.corpus
    data = {
        "files": [dataclasses.asdict(file) for file in corpus.files],
        "conversations": len(corpus.lines),
        "bytes": len(corpus.data),
        "left_out": dict(corpus.left_out),
    }
    return {**report, "data": data, **outcome.to_dict()}
