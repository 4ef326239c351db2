"""Limits reduced to their peaks: one number for every hill of a row, so that a constrained solver sees a few dozen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from optics.matching.problem import Points, Problem


@dataclass(frozen=True, eq=False)
class Peaks:
    """Hills of the limits' rows, at the point they were looked for: row ``starts[i]`` to before ``ends[i]``, (k,).

    ``owners`` (k,): the goal each hill belongs to.
    """

    starts: Array
    ends: Array
    owners: Array

    def at(self, points: Points) -> tuple[Array, Array]:
        """Highest row of every hill (k,) at a single point, and its derivatives (k, p)."""
        assert points.jacobian is not None
        rows = points.rows[0]
        pairs = zip(self.starts, self.ends, strict=True)
        tops = np.array([first + int(np.argmax(rows[first:end])) for first, end in pairs], dtype=int)
        return rows[tops], points.jacobian[0][tops]


def peaks(problem: Problem, point: Array) -> Peaks:
    """Hills of every limit at a point: between one valley and the next."""
    rows, owners = problem.at(point).rows[0], problem.owners
    inner = np.zeros(len(rows), dtype=bool)
    inner[1:-1] = (rows[1:-1] < rows[:-2]) & (rows[1:-1] <= rows[2:])
    first = np.append(True, owners[1:] != owners[:-1])
    breaks = np.flatnonzero(inner | first)
    ends = np.append(breaks[1:], len(rows))
    limits = problem.is_limit[breaks]
    return Peaks(breaks[limits], ends[limits], owners[breaks[limits]])
