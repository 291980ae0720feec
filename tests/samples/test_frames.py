"""Samples as data frames, and through Arrow's interface."""

import sys

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import everyturn
from paths import EXAMPLE_CHATS

SAMPLES = everyturn.Expander("demo", keep=["id"]).expand(EXAMPLE_CHATS)


def test_frames_have_the_rows_of_the_table() -> None:
    """Of polars, of pandas, and of whatever takes Arrow's interface."""
    table = SAMPLES.to_arrow()
    assert pa.table(SAMPLES).equals(table)
    polars = SAMPLES.to_polars()
    assert isinstance(polars, pl.DataFrame)
    assert polars.to_dicts() == table.to_pylist()
    pandas = SAMPLES.to_pandas()
    assert isinstance(pandas, pd.DataFrame)
    assert list(pandas.columns) == table.column_names
    assert pandas["line"].tolist() == SAMPLES.line.tolist()
    assert [ids.tolist() for ids in pandas["input_ids"]] == table["input_ids"].to_pylist()


@pytest.mark.parametrize("name", ["polars", "pandas"])
def test_a_library_that_is_missing_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=f"to_{name} needs {name}: pip install {name}"):
        getattr(SAMPLES, f"to_{name}")()
