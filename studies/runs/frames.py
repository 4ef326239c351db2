"""Tables to CSV and back without loss: a CSV has no types, so the kind of each column is kept beside it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pandas as pd
from pandas.api import types

_DTYPES: dict[str, Any] = {"number": "float64", "whole": "int64", "yes-no": "bool", "text": "str"}


def column_kinds(frame: pd.DataFrame) -> dict[str, str]:
    """Kind of each column: "number", "whole", "yes-no" or "text"; TypeError for a mixed one."""
    return {str(name): _kind(str(name), frame[name]) for name in frame.columns}


def _kind(name: str, column: Any) -> str:
    if types.is_bool_dtype(column):
        return "yes-no"
    if types.is_integer_dtype(column):
        return "whole"
    if types.is_float_dtype(column):
        return "number"
    if all(isinstance(value, str) for value in column):
        return "text"
    raise TypeError(f"column '{name}' of a table must be all numbers, all yes/no or all text")


def csv_text(frame: pd.DataFrame) -> str:
    """CSV with a header row; numbers are written in full, missing ones as nothing."""
    return str(frame.to_csv(index=False, lineterminator="\n"))


def read_csv(text: str, kinds: dict[str, str]) -> pd.DataFrame:
    """The table that ``csv_text`` wrote."""
    if not kinds:
        return pd.DataFrame()
    frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, na_filter=False)
    return pd.DataFrame({name: _restored(frame[name], kind) for name, kind in kinds.items()})


def _restored(column: Any, kind: str) -> Any:
    if kind == "yes-no":
        return column == "True"
    if kind == "number":
        return column.map(lambda text: float(text) if text else float("nan")).astype("float64")
    return column.astype(_DTYPES[kind])
