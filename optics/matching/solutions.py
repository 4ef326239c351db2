"""Several solutions of one match: told apart, and ranked by the room they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from optics.closed import closed
from optics.matching.problem import Points, Problem
from optics.matching.search import Found

_SAME = 1e-5  # solutions closer than this part of every parameter's scale are one


@closed
@dataclass(frozen=True)
class Solution:
    """A point that solves a match.

    ``margin``: the smallest room left, of a limit in parts of it, of a parameter's bounds in parts of their width; nan
    where there is neither.
    """

    parameters: Mapping[str, float]
    margin: float


def ranked(problem: Problem, found: Found) -> tuple[Solution, ...]:
    """The distinct solutions of a search, the best margin first; of a polished match the polished one is first."""
    if not found.solved:
        return ()
    points = _distinct(problem, np.array([tuple(found.point), *found.solutions]))
    margins = margins_at(problem, points, problem.at(points[0]) if len(points) == 1 else problem.evaluate(points))
    labels = [v.label for v in problem.vary]
    solutions = [
        Solution(dict(zip(labels, map(float, point), strict=True)), float(margin))
        for point, margin in zip(points, margins, strict=True)
    ]
    rest = sorted(solutions[1:], key=lambda one: one.margin, reverse=True)
    return (solutions[0], *rest)


def _distinct(problem: Problem, points: Array) -> Array:
    kept: list[Array] = []
    for point in points:
        if all(np.abs((point - other) / problem.scale).max() > _SAME for other in kept):
            kept.append(point)
    return np.array(kept)


def margins_at(problem: Problem, points: Array, known: Points) -> Array:
    """Margin (n,) of points (n, p)."""
    sizes = np.array([limit.size for limit in problem.limits])
    width = problem.upper - problem.lower
    bounded = np.isfinite(width)
    room = np.minimum(points - problem.lower, problem.upper - points)[:, bounded] / width[bounded]
    every = np.concatenate([-known.excess / sizes, room], axis=1)
    return every.min(axis=1) if every.shape[1] else np.full(len(points), np.nan)
