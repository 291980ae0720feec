"""The bar of `Expander.expand`: it changes nothing of what is made."""

from pathlib import Path

import numpy as np
import pytest

import everyturn
from everyturn import expander as expanders
from everyturn.samples.columns import ARRAYS
from paths import EXAMPLE_CHATS


@pytest.mark.parametrize("times", [0, 1, 40])
def test_the_samples_are_those_of_a_run_without_a_bar(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many chunks they come in; of nothing, too."""
    monkeypatch.setattr(expanders, "CHUNK_BYTES", 10_000)
    path = tmp_path / "chats.jsonl"
    path.write_bytes(EXAMPLE_CHATS.read_bytes() * times)
    expander = everyturn.Expander("demo", keep=["id"])
    plain, shown = expander.expand(path), expander.expand(path, progress=True)
    assert shown.report == plain.report
    assert shown.metadata == plain.metadata
    assert shown.files == plain.files
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(shown, name), getattr(plain, name))
    assert shown.to_arrow().equals(plain.to_arrow())
    assert capsys.readouterr().out == ""


def test_a_fault_is_raised_as_without_a_bar() -> None:
    """It goes away first."""
    with pytest.raises(everyturn.EveryturnError):
        everyturn.Expander("demo").expand([{"messages": []}], progress=True)


def test_a_notebook_that_cannot_show_a_bar_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And expands all the same."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # noqa: ARG005
    with pytest.warns(UserWarning, match="pip install ipywidgets"):
        samples = everyturn.Expander("demo").expand(EXAMPLE_CHATS, progress=True)
    assert len(samples) == 16
