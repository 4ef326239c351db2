"""Models of what cases of a search are worth, over its knobs: interpolations by radial functions of cases computed.

R. G. Regis, C. A. Shoemaker, INFORMS J. Comput. 19, 497 (2007), doi:10.1287/ijoc.1060.0182: cubic radial functions and
a plane. Values are levelled first, so that a machine next to an instability does not bend the model everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice.arrays import Array
from studies.search.asked import Search
from studies.search.scoring import Scores

#: Of a knob's range: points nearer than this are one.
APART = 1e-6
_MOST = 1000  # cases that a model rests on, the latest: a fit takes their number to the third
_SMOOTHINGS = (0.0, 1e-3, 1e-1)


@dataclass(frozen=True, eq=False)
class Cases:
    """Points (n, k) in parts of the knobs' ranges; (n, m + c) objectives and excesses, nan without a number.

    ``objectives``: m, how many of the columns are such; of the others 0 is the limit.
    """

    points: Array
    values: Array
    objectives: int


def scaled(search: Search, points: Array) -> Array:
    """Points (n, k) in parts of the knobs' ranges."""
    return np.asarray((points - search.lower) / (search.upper - search.lower))


def cases_of(search: Search, seen: Sequence[tuple[Array, Scores]]) -> Cases:
    """What generations with their scores tell, each point once, the latest last."""
    points = np.concatenate([scaled(search, points) for points, _ in seen])
    values = np.concatenate([_values(scores) for _, scores in seen])
    _, first = np.unique(np.round(points / APART), axis=0, return_index=True)
    first.sort()
    return Cases(points[first], values[first], len(search.objectives))


def _values(scores: Scores) -> Array:
    return np.hstack([scores.objectives, scores.broken if scores.excess is None else scores.excess])


class Model:
    """What ``cases`` tell of points between them. A column of which too little is known is 0 everywhere:
    of as many cases as a plane has coefficients, or of some that share the value of a knob.

    ``smoothing`` of each column, (m + c,): 0 goes through all values; more where these are noisy, as counts are.
    """

    def __init__(self, cases: Cases, smoothing: Array) -> None:
        self.columns = cases.values.shape[1]
        self.parts = [(columns, _fit(cases, rows, columns, one)) for columns, rows, one in _together(cases, smoothing)]

    def at(self, points: Array) -> Array:
        """Levelled objectives and excesses (n, m + c) at points (n, k) in parts of the knobs' ranges."""
        found = np.zeros((len(points), self.columns))
        for columns, fitted in self.parts:
            found[:, columns] = fitted(points)
        return found


def _together(cases: Cases, smoothing: Array) -> Iterator[tuple[Array, Array, float]]:
    """Columns that are known of the same cases and smoothed alike, these cases, the latest, and how much."""
    given = np.isfinite(cases.values)
    for pattern in np.unique(given, axis=1).T:
        rows, alike = np.flatnonzero(pattern)[-_MOST:], (given == pattern[:, None]).all(axis=0)
        if _spans(cases.points[rows]):
            for one in np.unique(smoothing[alike]):
                yield np.flatnonzero(alike & (smoothing == one)), rows, float(one)


def _spans(points: Array) -> bool:
    """Whether points (n, k) determine a plane and more: not where all share a knob's value, or lie on one plane."""
    number, knobs = points.shape
    return number > knobs + 1 and bool(np.linalg.matrix_rank(np.column_stack([np.ones(number), points])) == knobs + 1)


def _fit(cases: Cases, rows: Array, columns: Array, smoothing: float) -> Any:
    from scipy.interpolate import RBFInterpolator

    levelled = level(cases.values[np.ix_(rows, columns)], columns < cases.objectives)
    return RBFInterpolator(cases.points[rows], levelled, smoothing=smoothing, kernel="cubic", degree=1)


def level(values: Array, centred: Array) -> Array:
    """Values (n, q) as asinh of the way from their median, where ``centred`` (q,), else from 0, in quartile widths.

    It grows with the value: what is smaller stays smaller, what is above 0 stays above it where it is not centred.
    """
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    width = np.where(high > low, high - low, 1.0)
    return np.asarray(np.arcsinh((values - np.where(centred, middle, 0.0)) / width))


def smoothest(search: Search, seen: Sequence[tuple[Array, Scores]]) -> Array:
    """Of each column the smoothing with which models of all generations but the last rank that one best, (m + c,).

    0 of one generation alone. What is exact, a tune, goes through its values though another, a count, does not.
    """
    columns = _values(seen[-1][1]).shape[1]
    if len(seen) < 2:
        return np.full(columns, _SMOOTHINGS[0])
    told = [ranking(search, seen[:-1], *seen[-1], smoothing) for smoothing in _SMOOTHINGS]
    return np.array([_SMOOTHINGS[one] for one in np.argmax(told, axis=0)])


def ranking(
    search: Search, seen: Sequence[tuple[Array, Scores]], points: Array, scores: Scores, smoothing: Array | float = 0.0
) -> Array:
    """How well models of what is ``seen`` rank points (n, k) by each column: Spearman's correlation, (m + c,).

    ``smoothing``: one number, or one of each column. 1: in the order that was computed; 0 where fewer than three of
    them are known.
    """
    from scipy.stats import rankdata

    values = _values(scores)
    cases = cases_of(search, seen)
    foretold = Model(cases, np.broadcast_to(smoothing, values.shape[1])).at(scaled(search, points))
    found = np.zeros(values.shape[1])
    for column, (model, computed) in enumerate(zip(foretold.T, values.T, strict=True)):
        known = np.isfinite(computed)
        if known.sum() >= 3:
            pair = rankdata(model[known]), rankdata(computed[known])
            found[column] = np.corrcoef(*pair)[0, 1] if min(map(np.ptp, pair)) > 0.0 else 0.0
    return found
