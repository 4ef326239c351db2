"""Points of the front polished: moved by the slopes of their quantities as far as all objectives go down together.

Where no direction lowers all objectives within the constraints to first order, a point is critical in the sense of
Pareto (the condition of Karush, Kuhn and Tucker with several objectives). The steps are those of sequential linear
programming: the slopes of objectives and constraints, one knob at a time; the step within a box that lowers the worst
objective most, the linearised constraints kept; a larger box where it did, a smaller one where it did not
(J. Fliege, B. F. Svaiter, Math. Methods Oper. Res. 51, 479 (2000), doi:10.1007/s001860000043, with a box for a ball).
Every point that is looked at is a case like any other: it has an id and is in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from studies.search.asked import Search
from studies.search.front import front
from studies.search.scoring import Generations, Scores

_STEP = 1e-3  # of a knob's range, for slopes
_BOX = 0.02  # of the ranges: where steps begin
_LARGEST, _LARGER, _SMALLER = 0.2, 1.5, 0.3
_INSIDE = 1e-7  # of a limit's size: what a linearised constraint keeps from it

Seen = tuple[Array, Scores]


@dataclass
class _Point:
    """A point on its way, its objectives and constraints, and the half width of its box, in shares of the ranges."""

    place: Array
    objectives: Array
    excess: Array
    box: float = _BOX


def polishing(search: Search, seen: Sequence[Seen]) -> Generations:
    """Batches of points: neighbours for the slopes, then the steps, as often as asked; scores are sent back."""
    points = _chosen(search, seen)
    free = np.array([not knob.whole for knob in search.knobs])
    scale = _spans(seen)
    for _ in range(search.spec.polish if points and free.any() else 0):
        around = [_around(search, point, free) for point in points]
        scores = yield np.vstack(around)
        steps = np.array([_stepped(search, *one, scale) for one in _apart(points, around, scores)])
        scores = yield steps
        for number, point in enumerate(points):
            _moved(point, steps[number], scores, number)


def _chosen(search: Search, seen: Sequence[Seen]) -> list[_Point]:
    """Points of the front so far, spread along it by their order in the first objective."""
    places = np.vstack([points for points, _ in seen])
    scores = together([one for _, one in seen])
    found = front(scores)
    rows = found[np.unique(np.linspace(0, len(found) - 1, min(search.spec.polished, len(found))).round().astype(int))]
    assert scores.excess is not None
    return [_Point(places[row], scores.objectives[row], scores.excess[row]) for row in rows] if len(found) else []


def together(parts: Sequence[Scores]) -> Scores:
    """Scores of several batches as one."""
    excess = [one.excess for one in parts if one.excess is not None]
    return Scores(
        np.vstack([one.objectives for one in parts]),
        np.vstack([one.broken for one in parts]),
        np.concatenate([one.answered for one in parts]),
        np.vstack(excess) if len(excess) == len(parts) else None,
    )


def _spans(seen: Sequence[Seen]) -> Array:
    """What counts as one of each objective: its span over the feasible cases."""
    scores = together([one for _, one in seen])
    span = np.ptp(scores.objectives[scores.feasible], axis=0) if scores.feasible.any() else np.zeros(1)
    return np.where(span > 0.0, span, 1.0)


def _around(search: Search, point: _Point, free: Array) -> Array:
    """A neighbour for each free knob, a thousandth of its range away and inside: (free, k)."""
    step = _STEP * (search.upper - search.lower)
    inwards = np.where(point.place + step <= search.upper, step, -step)
    return np.asarray(point.place + np.diag(inwards)[free])


def _apart(points: Sequence[_Point], around: Sequence[Array], scores: Scores) -> list[tuple[_Point, Array, Scores]]:
    """Each point with its own neighbours and their scores."""
    ends = np.cumsum([0, *(len(one) for one in around)])
    assert scores.excess is not None
    return [
        (point, near, Scores(scores.objectives[a:b], scores.broken[a:b], scores.answered[a:b], scores.excess[a:b]))
        for point, near, a, b in zip(points, around, ends, ends[1:], strict=False)
    ]


def _stepped(search: Search, point: _Point, near: Array, scores: Scores, scale: Array) -> Array:
    """The point after a step within its box; itself where no step lowers all objectives."""
    from scipy.optimize import linprog

    span = search.upper - search.lower
    shares = ((near - point.place) / span).sum(axis=1)  # each neighbour moves one knob
    moved = (np.abs(near - point.place) > 0).argmax(axis=1)
    assert scores.excess is not None
    down = np.nan_to_num((scores.objectives - point.objectives) / shares[:, None]).T / scale[:, None]
    over = np.nan_to_num((scores.excess - point.excess) / shares[:, None]).T
    above = np.vstack([np.column_stack([down, -np.ones(len(down))]), np.column_stack([over, np.zeros(len(over))])])
    limit = np.concatenate([np.zeros(len(down)), -np.nan_to_num(point.excess) - _INSIDE])
    share = (point.place - search.lower) / span
    bounds = [
        (0.0, 0.0) if not answered else (max(-point.box, -share[knob]), min(point.box, 1.0 - share[knob]))
        for knob, answered in zip(moved, scores.answered, strict=True)
    ]
    cost = np.append(np.zeros(len(near)), 1.0)
    found = linprog(cost, above, limit, bounds=[*bounds, (None, 0.0)], method="highs")
    if found.x is None:
        return point.place
    place = point.place.copy()
    place[moved] += found.x[:-1] * span[moved]
    return np.clip(place, search.lower, search.upper)


def _moved(point: _Point, place: Array, scores: Scores, number: int) -> None:
    """The point where its step led, if that is feasible and nowhere worse; otherwise a smaller box."""
    objectives = scores.objectives[number]
    assert scores.excess is not None
    better = bool(scores.feasible[number]) and (objectives <= point.objectives).all()
    if better and (objectives < point.objectives).any():
        point.place, point.objectives, point.excess = place, objectives, scores.excess[number]
        point.box = min(point.box * _LARGER, _LARGEST)
    else:
        point.box *= _SMALLER
