"""How far knobs reach: what each can move a goal within its bounds, and knobs that all targets feel as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lattice.arrays import Array
from optics.matching.problem import Problem
from optics.matching.search import sample

_AROUND = 4  # points at which slopes are taken besides the best one
_DEAD = 0.01  # of what a goal misses: knobs that reach less far do not move it noticeably
_ONE_RATIO = 1e-8  # sine of the angle between two columns of the Jacobian below which they are one


def reaches(problem: Problem, point: Array) -> Array:
    """Change (goals, p) that each knob makes within its bounds, in the goals' own scales; open bounds: of its scale.

    By the steepest slope at the point and at some within the bounds.
    """
    points = np.concatenate([point[None], sample(problem, _AROUND, 1.0, np.random.default_rng(1))])
    jacobian = problem.evaluate(points).jacobian
    assert jacobian is not None
    steepest = np.abs(np.nan_to_num(jacobian)).max(axis=0)
    width = np.where(np.isfinite(problem.upper - problem.lower), problem.upper - problem.lower, problem.scale)
    found = np.zeros((len(problem.goals), len(problem.vary)))
    np.maximum.at(found, problem.owners, steepest * width)
    return found


def strong(reach: Array, missing: float) -> Array:
    """Which knobs (p,) could make a hundredth of what is ``missing`` of a goal."""
    return np.asarray(reach >= _DEAD * missing)


def in_one_ratio(jacobian: Array, labels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Knobs whose columns of the Jacobian (t, p) differ by a factor alone, in groups of two and more."""
    size = np.linalg.norm(jacobian, axis=0)
    unit = jacobian[:, size > 0] / size[size > 0]
    names = [label for label, one in zip(labels, size, strict=True) if one > 0]
    left = list(range(len(names)))
    while left:
        first = left[0]
        group = [i for i in left if _sine(unit[:, first], unit[:, i]) < _ONE_RATIO]
        left = [i for i in left if i not in group]
        if len(group) > 1:
            yield tuple(names[i] for i in group)


def _sine(one: Array, other: Array) -> float:
    """Of the angle between two directions: what of one is left without its part along the other."""
    return float(np.linalg.norm(other - one * (one @ other)))
