"""CSV that a spreadsheet opens without running anything, as an address that a page can offer for download."""

from __future__ import annotations

from typing import Any

import pandas as pd

from studies.report.packing.letters import packed

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_address(frame: pd.DataFrame, digits: int | None = None) -> str:
    """``data:`` address of a table as packed CSV (UTF-8, header row, numbers in full or to so many ``digits``)."""
    return f"data:application/gzip;base64,{packed(csv_text(frame, digits))}"


def csv_text(frame: pd.DataFrame, digits: int | None = None) -> str:
    """CSV of a table; text that a spreadsheet would take for a formula gets a leading apostrophe.

    Numbers in full, or to so many significant ``digits``.
    """
    safe = frame.copy()
    safe.columns = [_inert(str(name)) for name in frame.columns]
    for place in range(safe.shape[1]):
        if not pd.api.types.is_numeric_dtype(safe.dtypes.iloc[place]):
            safe.isetitem(place, safe.iloc[:, place].map(_inert).astype(object))
    return str(safe.to_csv(index=False, lineterminator="\n", float_format=f"%.{digits}g" if digits else None))


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_FORMULA) else value
