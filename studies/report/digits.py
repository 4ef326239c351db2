"""The numbers of a figure to the digits that a screen can show; the CSV beside it holds them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10
from typing import Any

_DIGITS = 5
_LISTS = ("x", "y", "z")


def thinned(trace: Mapping[str, Any]) -> dict[str, Any]:
    """A trace with the numbers of its axes to five digits, and as many more as its values differ late.

    Values from 1.6660 to 1.6661 differ in the fifth digit, so they keep nine: the step is 1e-5 of what is drawn.
    """
    return {key: _numbers(value) if key in _LISTS else value for key, value in trace.items()}


def _numbers(values: Any) -> Any:
    if not isinstance(values, (list, tuple)):
        return values
    if values and isinstance(values[0], (list, tuple)):
        return [_numbers(row) for row in values]
    digits = _digits(values)
    return [_short(value, digits) for value in values]


def _digits(values: Sequence[Any]) -> int:
    """Five, and one more for each leading digit that all the values share."""
    found = [value for value in values if isinstance(value, float) and isfinite(value)]
    size = max(map(abs, found), default=0.0)
    span = max(found, default=0.0) - min(found, default=0.0)
    return _DIGITS + (max(0, floor(log10(size / span))) if span else 12 - _DIGITS)


def _short(value: Any, digits: int) -> Any:
    if not isinstance(value, float) or not isfinite(value):
        return value
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
