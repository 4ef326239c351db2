"""Tables to CSV and back without loss: a CSV has no types, so the kind of each column is kept beside it."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pandas as pd
from pandas.api import types

#: "text" is what runs wrote before cells were made inert.
_DTYPES: dict[str, Any] = {"number": "float64", "whole": "int64", "yes-no": "bool", "text": "str"}
INERT = "inert text"
#: What a spreadsheet takes for a formula ("-" alone is none), and the apostrophe itself, which marks it.
_FORMULA = re.compile(r"[=@\t\r\n']|[-+].")


def column_kinds(frame: pd.DataFrame) -> dict[str, str]:
    """Kind of each column: "number", "whole", "yes-no" or "inert text"; TypeError for a mixed one."""
    return {str(name): _kind(str(name), frame[name]) for name in frame.columns}


def _kind(name: str, column: Any) -> str:
    if types.is_bool_dtype(column):
        return "yes-no"
    if types.is_integer_dtype(column):
        return "whole"
    if types.is_float_dtype(column):
        return "number"
    if all(isinstance(value, str) for value in column):
        return INERT
    raise TypeError(f"column '{name}' of a table must be all numbers, all yes/no or all text")


def csv_text(frame: pd.DataFrame) -> str:
    """CSV with a header row; numbers are written in full, missing ones as nothing.

    Text that a spreadsheet would take for a formula gets a leading apostrophe, which ``read_csv`` takes away again.
    """
    kinds = column_kinds(frame)
    columns = [frame[name].map(_inert) if kinds[str(name)] == INERT else frame[name] for name in frame.columns]
    safe = pd.concat(columns, axis=1) if columns else frame
    safe.columns = [_inert(str(name)) for name in frame.columns]
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _inert(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def read_csv(text: str, kinds: dict[str, str]) -> pd.DataFrame:
    """The table that ``csv_text`` wrote. ValueError when it has other columns."""
    if not kinds:
        return pd.DataFrame()
    frame = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False, na_filter=False)
    if frame.shape[1] != len(kinds):
        raise ValueError(f"a table has {frame.shape[1]} columns, {len(kinds)} were expected")
    return pd.DataFrame({name: _restored(frame.iloc[:, i], kind) for i, (name, kind) in enumerate(kinds.items())})


def _restored(column: Any, kind: str) -> Any:
    if kind == INERT:
        return column.str.removeprefix("'").astype("str")
    if kind == "yes-no":
        return column == "True"
    if kind == "number":
        return column.map(lambda text: float(text) if text else float("nan")).astype("float64")
    return column.astype(_DTYPES[kind])
