"""What rows of cases are worth: objectives, all to be small, and by how much each constraint is broken."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import PASS
from studies.scan.plan import COMPUTED, STATUS
from studies.search.asked import Search
from studies.search.limits import Constraint

#: By how much a case without an answer breaks each constraint, in sizes of the limit.
NO_ANSWER = 1e6
_WITHIN_ERROR = 1e-9  # of a limit: a case that keeps it but whose requirement does not pass


@dataclass(frozen=True, eq=False)
class Scores:
    """Of n cases: ``objectives`` (n, m), small is good; ``broken`` (n, c) >= 0, 0 where a constraint holds.

    ``answered`` (n,): those with a number for every objective; the others break all constraints. ``excess`` (n, c): how
    far each constrained quantity is beyond its limit in sizes of it, below 0 inside; nan without a value.
    """

    objectives: Array
    broken: Array
    answered: Array
    excess: Array | None = None

    def only(self, rows: slice | Array) -> Scores:
        """Of some cases."""
        excess = None if self.excess is None else self.excess[rows]
        return Scores(self.objectives[rows], self.broken[rows], self.answered[rows], excess)

    @property
    def feasible(self) -> Array:
        """Cases that keep all constraints, (n,)."""
        return np.asarray(self.answered & (self.broken.max(axis=1, initial=0.0) == 0.0))


#: Points (n, k) out, their scores in.
Generations = Generator[Array, Scores, None]


def scored(search: Search, rows: pd.DataFrame) -> Scores:
    """Scores of rows of the search's table, in their order."""
    objectives = np.column_stack([one.sign * _column(rows, one.quantity) for one in search.objectives])
    answered = (rows[STATUS] == COMPUTED).to_numpy() & np.isfinite(objectives).all(axis=1)
    broken = np.column_stack([_broken(one, rows) for one in search.constraints] or [np.zeros(len(rows))])
    excess = np.column_stack([_excess(one, rows) for one in search.constraints] or [np.full(len(rows), -1.0)])
    return Scores(np.where(answered[:, None], objectives, np.nan), broken, answered, excess)


def _column(rows: pd.DataFrame, name: str) -> Array:
    return rows[name].to_numpy(dtype=float) if name in rows else np.full(len(rows), np.nan)


def _excess(one: Constraint, rows: pd.DataFrame) -> Array:
    """How far a quantity is beyond its limit, in sizes of the limit; below 0 inside."""
    value = _column(rows, one.quantity)
    return np.asarray(np.maximum(one.lower - value, value - one.upper) / one.scale)


def _broken(one: Constraint, rows: pd.DataFrame) -> Array:
    """By how much a constraint is broken, in sizes of its limit; a requirement that does not pass is broken too."""
    value = _column(rows, one.quantity)
    excess = np.maximum(_excess(one, rows), 0.0)
    if one.id in rows:
        excess = np.where((rows[one.id] != PASS) & np.isfinite(value), np.maximum(excess, _WITHIN_ERROR), excess)
    return np.where(np.isfinite(value), excess, NO_ANSWER)
