"""Print the table of figures in docs/benchmark.md: everyturn against the same work done by hand, on published chats.

    EVERYTURN_DATA=path/to/data python tools/make_figures.py

In: the chats and tokenizers in the folder that `EVERYTURN_DATA` names. Out: the table, on stdout. Each row is a run of
`everyturn bench` with one thread, and each figure and ratio is from its report. Rows whose ids are not equal have no
ratio. What a peer lacks is installed first, where that is a package in a folder of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from everyturn.bench.tools.registry import BY_HAND, EVERYTURN, PEERS

ROWS = {
    "MT-bench, 2 long turns, Llama-3.1": ("mt_bench_en.jsonl.gz", "llama-3.1"),
    "MT-bench, 2 long turns, Qwen3": ("mt_bench_en.jsonl.gz", "qwen3"),
    "SGD, 10 short turns, Llama-3.1": ("sgd_train.jsonl.gz", "llama-3.1"),
    "SGD, 10 short turns, Qwen3 (rewrites history)": ("sgd_train.jsonl.gz", "qwen3"),
    "rollouts with tools and reasoning, Qwen3": ("nemo_gym_rollouts.jsonl.gz", "qwen3"),
    "Arena-Hard, single turns, Qwen3": ("arena_hard_v01_gpt4_0314.jsonl.gz", "qwen3"),
    "MT-bench, 2 turns, Llama-2": ("mt_bench_en.jsonl.gz", "llama-2"),
}
COMPARED = (BY_HAND, "transformers-1.0")
LIMIT = 200
SECONDS = 5.0


def main() -> None:
    """Measure each row and print it as soon as it is known."""
    data = Path(os.environ["EVERYTURN_DATA"])
    for name in COMPARED:
        apart = PEERS[name].apart
        if apart is not None and not apart.is_installed:
            subprocess.run([sys.executable, "-m", *apart.command], check=True)
    heads = [f"{name} | ratio" for name in COMPARED]
    print(f"| chats, model | {EVERYTURN} | {' | '.join(heads)} |")
    print("|---|---|" + "---|---|" * len(COMPARED))
    report: dict[str, Any] = {}
    for name, (chats, model) in ROWS.items():
        report = _run(data / "chats" / chats, data / "tokenizers" / model)
        print(f"| {name} | {_cells(report)} |", flush=True)
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    print(f"\nMB of JSONL per CPU-second, one thread; {report['machine']['cpu']}; {versions}")


def _run(chats: Path, model: Path) -> dict[str, Any]:
    """Return the report of one comparison."""
    with tempfile.TemporaryDirectory(prefix="everyturn-figures-") as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, "-m", "everyturn", "bench", "--layout", "merged"]
        command += ["--data", str(chats), "--model", str(model), "--peers", ",".join(COMPARED)]
        command += ["--limit", str(LIMIT), "--seconds", str(SECONDS), "-o", str(out)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if not out.exists():
            raise SystemExit(run.stderr or f"the benchmark ended with exit code {run.returncode}")
        report: dict[str, Any] = json.loads(out.read_text("utf-8"))
        return report


def _cells(report: dict[str, Any]) -> str:
    """Return everyturn's figure, then each peer's with the ratio of everyturn's to it."""
    found = {result["tool"]: result for result in report["results"]}
    cells = [f"{found[EVERYTURN]['megabytes_per_cpu_second']:.3g}"]
    for name in COMPARED:
        result = found.get(name)
        if result is None:
            cells += ["left out", ""]
            continue
        ratio = f"{result['ratio']['cpu']:.0f}x" if result["is_equal"] else "not equal"
        cells += [f"{result['megabytes_per_cpu_second']:.3g}", ratio]
    return " | ".join(cells)


if __name__ == "__main__":
    main()
