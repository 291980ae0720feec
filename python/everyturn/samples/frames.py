"""A table of samples as a data frame, of a library that only this needs."""

from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def to_polars(table: "pa.Table") -> "pl.DataFrame":
    """Return the table as a data frame of polars, which shares its memory."""
    frame: pl.DataFrame = _library("polars").DataFrame(table)
    return frame


def to_pandas(table: "pa.Table") -> "pd.DataFrame":
    """Return the table as a data frame of pandas."""
    _library("pandas")
    return table.to_pandas()


def _library(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"to_{name} needs {name}: pip install {name}", name=name
        ) from error
