"""Largest and smallest values inside elements: cubic Hermite interpolation between the rows of a sliced table."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.linear.conditions import Conditions
from optics.linear.functions import Functions
from optics.linear.solution import functions_inside
from optics.linear.sources import source_of

#: Parts an element is cut into; between them the interpolation error of a beta maximum is of order (slice length)^4.
SLICES = 8

_SLOPES: dict[str, tuple[str, float]] = {
    "betx": ("alfx", -2.0),
    "bety": ("alfy", -2.0),
    "betx_lab": ("alfx_lab", -2.0),
    "bety_lab": ("alfy_lab", -2.0),
    "dx_lab": ("dpx_lab", 1.0),
    "dy_lab": ("dpy_lab", 1.0),
    "dx": ("dpx", 1.0),
    "size_x": ("slope_x", 1.0),
    "size_y": ("slope_y", 1.0),
    "dy": ("dpy", 1.0),
    "x": ("px", 1.0),
    "y": ("py", 1.0),
}


def interval_maxima(conditions: Conditions, column: str, sign: float = 1.0, fine: Functions | None = None) -> Array:
    """Largest value of sign * column in each interval of the sliced optics, shape (batch, intervals).

    Slopes are exact where the field knows them (beta' = -2 alfa, D' = dpx, x' = px, over 1 + delta), other columns
    take the ends. Holomorphic in the strengths: the place of a maximum is picked by the real part alone.
    """
    fine = functions_inside(conditions, SLICES) if fine is None else fine
    values = sign * source_of(conditions, column, fine, SLICES).column(column)
    if column not in _SLOPES:
        left, right = values[:, :-1], values[:, 1:]
        return np.where(left.real >= right.real, left, right)
    slope_column, factor = _SLOPES[column]
    slopes = source_of(conditions, slope_column, fine, SLICES).column(slope_column)
    return slope_maxima(values, sign * factor * slopes / (1.0 + conditions.delta), fine.s)


def slope_maxima(values: Array, slopes: Array, s: Array) -> Array:
    """Largest value in each interval of a function known with its slope at the rows ``s``: (batch, intervals)."""
    steps = np.diff(s, axis=-1)
    return larger_inside(values[:, :-1], values[:, 1:], slopes[:, :-1] * steps, slopes[:, 1:] * steps)


def larger_inside(left: Array, right: Array, rise_left: Array, rise_right: Array) -> Array:
    """Largest value in intervals from the values at both ends and the slopes there, times the interval's length."""
    ends = np.where(left.real >= right.real, left, right)
    inner = _hermite_maximum(left, right, rise_left, rise_right)
    return np.where(inner.real > ends.real, inner, ends)


def _hermite_maximum(y0: Array, y1: Array, m0: Array, m1: Array) -> Array:
    """Maximum inside (0, 1) of the cubic through y0, y1 with slopes m0, m1; -inf where there is none."""
    a = 2.0 * (y0 - y1) + m0 + m1
    b = 3.0 * (y1 - y0) - 2.0 * m0 - m1
    with np.errstate(all="ignore"):
        root = np.sqrt((b * b - 3.0 * a * m0).real)
        t = m0.real / (root - b.real)
        found = (t > 0.0) & (t < 1.0)
        value = ((a * t + b) * t + m0) * t + y0
    return np.where(found, value, -np.inf)


def rows_between(conditions: Conditions, between: tuple[str, str] | None, fine: Functions) -> slice:
    """Intervals of the sliced optics from the entrance of the first place to that of the second."""
    if between is None:
        return slice(0, len(fine.row_element))
    if isinstance(between, str) or len(between) != 2:
        raise InputError(f"between takes two places, such as ('qf', 'qd'), found {between!r:.60}")
    begin, end = (conditions.row(place) for place in between)
    if begin >= end:
        raise InputError(f"between={between!r}: '{between[0]}' must lie before '{between[1]}'")
    first, last = np.searchsorted(fine.row_element, [begin, end])
    return slice(int(first), int(last))


def largest(conditions: Conditions, column: str, between: tuple[str, str] | None = None, sign: float = 1.0) -> Any:
    """Largest value of sign * column, inside elements too: a number, or (n,) for a batch (nan where unstable)."""
    fine = functions_inside(conditions, SLICES)
    maxima = interval_maxima(conditions, column, sign, fine)[:, rows_between(conditions, between, fine)]
    value = maxima.max(axis=1)
    if conditions.lattice.batch is not None:
        return value
    return value[0] if np.iscomplexobj(value) else float(value[0])
