"""Which cases of a grid are drawn: what a page can show of a thousand or of twenty million."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lattice.arrays import Array
from studies.scan.counting import NO_ANSWER
from studies.scan.plan import Axis, Plan

_MARKS = 61  # marks along an axis of the region: more run into each other
_CELLS = 401  # values of an axis between which lines of the region are drawn
_TUNES = 3000  # in the plane of the tunes
_ALONG = 4001  # of one axis


def evenly(number: int, most: int) -> Array:
    """At most so many places of a row of them, both ends among them."""
    return np.unique(np.linspace(0, number - 1, min(number, most)).round().astype(int))


def region_cases(made: Plan, classes: Array) -> Array:
    """Cases of the plane of the first two axes, the best over all others at each point; from best to worst class."""
    numbers = _numbers(made.axes)
    x, y = (evenly(one.number, _MARKS) for one in made.axes[:2])
    over = numbers[x][:, y].reshape(len(x) * len(y), -1)
    cases = over[np.arange(len(over)), np.argmin(classes[over], axis=1)]
    return np.asarray(cases[np.argsort(classes[cases], kind="stable")])


def cells(made: Plan) -> tuple[Array, Array, Array]:
    """Values of both axes between which lines are drawn, (n,) and (m,), and the cases at them, (n, m)."""
    x, y = (evenly(one.number, _CELLS) for one in made.axes)
    at_x, at_y = (np.linspace(one.lower, one.upper, one.number) for one in made.axes)
    return at_x[x], at_y[y], np.asarray(_numbers(made.axes)[x][:, y])


def tune_cases(classes: Array) -> Array:
    """Cases with an answer, ascending; of many some at random: even steps would beat with the rows of the grid."""
    stable = np.flatnonzero(classes < NO_ANSWER)
    if len(stable) <= _TUNES:
        return stable
    return np.sort(np.random.default_rng(1).choice(stable, _TUNES, replace=False))


def along_cases(made: Plan) -> Array:
    """Cases of the one axis."""
    return evenly(made.axes[0].number, _ALONG)


def drawn_cases(made: Plan, classes: Array) -> Array:
    """All that any figure draws, ascending."""
    if len(made.axes) == 1:
        return np.union1d(along_cases(made), tune_cases(classes))
    of_lines = cells(made)[2].ravel() if len(made.axes) == 2 else np.empty(0, dtype=int)
    return np.unique(np.concatenate([region_cases(made, classes), of_lines, tune_cases(classes)]))


def _numbers(axes: Sequence[Axis]) -> Array:
    """The numbers of the cases on their grid."""
    shape = tuple(one.number for one in axes)
    return np.arange(int(np.prod(shape))).reshape(shape)
