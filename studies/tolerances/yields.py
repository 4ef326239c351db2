"""Which machines keep a requirement, how many of them do, and which one is the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.requirements import Requirement
from optics.statistics import Proportion, proportion
from studies.vocabulary import quantity_named, unit_factor


@dataclass(frozen=True)
class Limit:
    """A requirement on a number of each machine: ``lower`` to ``upper`` in the number's own unit."""

    requirement: Requirement
    column: str
    lower: float
    upper: float

    def keeps(self, values: Array) -> Array:
        """Which machines keep it; one without a value does not."""
        return np.asarray((values >= self.lower) & (values <= self.upper))

    def used(self, values: Array, ideal: float) -> Array:
        """Part of the way from the ideal machine to the limit, 1 there, 0 for a machine that goes the other way.

        inf for a machine without a value, and beyond a limit at which the ideal machine stands, or which it breaks.
        """
        found = np.maximum(_part(values - ideal, self.upper - ideal), _part(ideal - values, ideal - self.lower))
        return np.where(np.isfinite(values), found, np.inf)


def _part(moved: Array, way: float) -> Array:
    """Part of a ``way`` to a limit by which each machine ``moved``; without a way 0 inside the limit, inf beyond."""
    return moved / way if way > 0 else np.where(moved > way, np.inf, 0.0)


def limits_of(requirements: Sequence[Requirement], columns: Sequence[str]) -> tuple[Limit, ...]:
    """The requirements that are on a number of each machine."""
    return tuple(_limit(one) for one in requirements if one.quantity in columns)


def _limit(one: Requirement) -> Limit:
    factor = unit_factor(quantity_named(one.quantity), one.unit)
    lower = -np.inf if one.lower is None else one.lower * factor
    upper = np.inf if one.upper is None else one.upper * factor
    return Limit(one, one.quantity, lower, upper)


def kept(limits: Sequence[Limit], table: pd.DataFrame) -> Array:
    """Which machines keep each limit: (limits, machines)."""
    return np.stack([limit.keeps(table[limit.column].to_numpy()) for limit in limits])


def yield_of(good: Array) -> Proportion:
    """Share of machines with the exact interval of Clopper and Pearson at 95 %.

    >>> found = yield_of(np.array([True] * 9 + [False]))
    >>> found.value, round(found.lower, 3), round(found.upper, 4)
    (0.9, 0.555, 0.9975)
    """
    return proportion(int(np.count_nonzero(good)), len(good), method="exact")


def worst_machine(limits: Sequence[Limit], table: pd.DataFrame, ideal: pd.Series) -> tuple[int, Limit]:
    """The machine that uses most of a limit, and which limit that is."""
    used = np.stack([limit.used(table[limit.column].to_numpy(), float(ideal[limit.column])) for limit in limits])
    most = np.max(used, axis=0)
    machine = int(np.argmax(most))
    return machine, limits[int(np.argmax(used[:, machine]))]
