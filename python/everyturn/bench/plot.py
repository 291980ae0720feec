"""Comparisons and sweeps as pictures, drawn by matplotlib where it is installed."""

import importlib.util
from pathlib import Path
from typing import Any

from everyturn.atomic import appearing
from everyturn.bench.benchmark import Comparison
from everyturn.bench.sweep import Sweep
from everyturn.exceptions import OptionsError

SUFFIXES = (".png", ".svg")
WRITER_KEYS = {"png": "Software", "svg": "Creator"}
"""Where a picture says what wrote it."""


def require_matplotlib() -> None:
    """Refuse before the work what could not be drawn after it.

    Raises:
        OptionsError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise OptionsError("--plot: matplotlib is not installed; pip install matplotlib")


def save(outcome: Comparison | Sweep, path: Path) -> None:
    """Draw an outcome into a .png or .svg file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    if isinstance(outcome, Sweep):
        _draw_sweep(figure, outcome)
    else:
        _draw_comparison(figure, outcome)
    with appearing(path) as temporary:
        form = path.suffix.removeprefix(".")
        figure.savefig(
            temporary, dpi=150, format=form, metadata={WRITER_KEYS[form]: "everyturn bench"}
        )


def _draw_sweep(figure: Any, sweep: Sweep) -> None:
    axes = figure.subplots()
    for series in sweep.series:
        axes.plot(
            [point.amount for point in series.points],
            [point.cpu for point in series.points],
            marker="o",
            label=f"{series.tool}, threads: {series.threads}",
        )
    axes.set_xscale("log", base=2)
    axes.set(yscale="log", ylabel="CPU-seconds")
    axes.xaxis.set_major_formatter("{x:g}")
    if sweep.kind == "turns":
        axes.set(xlabel="turns of a conversation", title="cost of one conversation")
    else:
        axes.set(xlabel="MB of JSONL", title="cost of one file")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()


def _draw_comparison(figure: Any, comparison: Comparison) -> None:
    axes = figure.subplots()
    results = comparison.results[::-1]
    names = [
        f"{each.tool}, threads: {each.threads}"
        + ("" if comparison.is_equal(each.tool) else " (not equal)")
        for each in results
    ]
    rates = [comparison.rates(each)["megabytes_per_second"] for each in results]
    bars = axes.barh(names, rates)
    axes.bar_label(bars, fmt="%.3g", padding=3)
    axes.set(xlabel="MB of JSONL per second, by the wall")
