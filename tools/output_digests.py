"""Digests of what expanding, checking and counting give, to hold a change to what it must not change.

Run it before and after, and compare the two files:

    python tools/output_digests.py DATA > before.json

DATA is a folder with `chats/` (JSONL, perhaps gzip) and `tokenizers/`. Each entry is the SHA-256 of all arrays, or of
all figures, of one file under one set of options.
"""

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import everyturn

LIMIT = 400
"""Records of a file: the rules are the same for all of them."""

MODELS = ("demo", "qwen3", "llama-3.1", "llama-2")
OPTIONS: Mapping[str, dict[str, Any]] = {
    "default": {},
    "per_turn": {"layout": "per_turn", "prompt_mismatch": "match_thinking"},
    "conversation": {"layout": "conversation"},
    "all_tokens": {"train_on": "all_tokens"},
    "window": {"history_turns": 2, "prompt_mismatch": "splice", "normalize": "conversation"},
    "short": {"max_length": 512, "overflow": "truncate_prompt", "prompt_mismatch": "common_prefix"},
    "shrink": {"max_length": 700, "overflow": "shrink_history", "prompt_mismatch": "skip"},
    "literal": {"control_tokens": "literal", "train_on": "last_assistant_turn"},
}
ARRAYS = ("input_ids", "labels", "offsets", "file", "line", "targets", "target_offsets")


def main() -> None:
    """Print the digests of the folder that is named."""
    data = Path(sys.argv[1])
    digests = dict(
        entry for path in sorted((data / "chats").iterdir()) for entry in of_file(path, data)
    )
    json.dump(digests, sys.stdout, indent=1)


def of_file(path: Path, data: Path) -> Iterator[tuple[str, str]]:
    """The digests of one file of chats."""
    yield (
        f"{path.name} check",
        digest(
            [
                [finding.line, finding.message_index, finding.kind, finding.severity]
                for finding in everyturn.check(str(path), limit=LIMIT)
            ]
        ),
    )
    for model in MODELS:
        renderer = everyturn.Renderer.from_dir(
            model if model == "demo" else data / "tokenizers" / model, serve="template"
        )
        for name, options in OPTIONS.items():
            expander = everyturn.Expander(renderer, on_error="skip", **options)
            yield f"{path.name} {model} {name}", of_samples(expander.expand(str(path), limit=LIMIT))
        stats = everyturn.Expander(renderer).stats(str(path), limit=LIMIT)
        yield f"{path.name} {model} stats", digest([stats.conversations, stats.duplicates])


def of_samples(samples: everyturn.Samples) -> str:
    """The digest of all arrays and of all figures of the report."""
    weights = samples.loss_weights
    if weights is None:
        weights = (samples.labels != everyturn.IGNORE_INDEX).astype(np.float32)
    arrays = {name: np.ascontiguousarray(getattr(samples, name)).tobytes() for name in ARRAYS}
    report = dataclasses.asdict(samples.report)
    faults = [
        [fault["line"], fault["message_index"], fault["kind"]] for fault in report.pop("faults")
    ]
    counts = {name: value for name, value in report.items() if value not in (0, {}, None, ())}
    parts = [
        *(hashlib.sha256(arrays[name]).hexdigest() for name in ARRAYS),
        hashlib.sha256(weights.tobytes()).hexdigest(),
        samples.conversation_id,
        faults,
        counts,
    ]
    return digest(parts)


def digest(value: Any) -> str:
    """The SHA-256 of a value as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


if __name__ == "__main__":
    main()
