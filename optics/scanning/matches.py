"""A match of every lattice of a scan: the least squares of ``match`` for all of them at once, on the scan's kernel.

Derivatives are differences of the kernel's numbers. Their error, some 1e-6 of themselves, costs steps and nothing else:
what is solved, the steps and the rounding at which they end are those of ``match``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.matching.checks import checked_problem
from optics.matching.optimise import Settings, least_squares
from optics.matching.problem import Case, Problem
from optics.matching.targets import Target, Vary
from optics.scanning.job import Job, Wanted
from optics.scanning.scans import Progress, checked_parameters, computed, in_chunks

if TYPE_CHECKING:
    import pandas as pd

_STEP = 1e-7  # of a parameter's scale: between the curvature of a tune and its rounding
_CHUNK = 1024  # lattices that are matched side by side
_SETTINGS = Settings(iterations=40, first_only=False)


def match_each(
    ring: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    parameters: Mapping[str, Any],
    vary: Sequence[Vary],
    targets: Sequence[Target],
    quantities: Sequence[str] = (),
    fringe: str = "full",
    jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Match every lattice that ``parameters`` (arrays of equal length, as of ``scan``) describe, one row each.

    From the ring's own values within the bounds and from nowhere else. A lattice that is not matched may be so by
    ``match``, which tries other starts and says why. Targets: scalars and columns at a place; limits are for ``match``.
    ``jobs`` and ``progress`` as of ``scan``.

    Equation:
        min over k of sum r(k)^2 for each row, r the scaled misses of the targets, as ``match`` does.

    Returns:
        A table, a row a lattice: the parameters; the varied ones (and what is tied to them) where the match ended;
        ``matched``, every target within its tolerance; ``stable``; the targets; ``quantities`` in the units of
        ``scan``.

    Raises:
        InputError: what cannot be varied, aimed at or scanned.

    Source:
        Gauss's method with derivatives from differences of the scan's kernel; see ``match``.

    Example:
        >>> from machines.cnao_like import cnao
        >>> table = match_each(cnao(), parameters={"kr": np.array([0.496, 0.498])}, vary=[Vary("kf"), Vary("kd")],
        ...                    targets=[Target("qx", 1.67), Target("qy", 1.73)], jobs=1)
        >>> bool(table["matched"].all())
        True
    """
    import pandas as pd

    problem = checked_problem([Case(lattice=ring, targets=_checked(targets), particle=particle, fringe=fringe)], vary)
    arrays = checked_parameters(parameters)
    _check_free(arrays, problem)
    each = _Each.of(problem, arrays, quantities)
    parts = in_chunks(arrays, _CHUNK)
    return pd.DataFrame(computed(each.run, parts, jobs, progress))


def _checked(targets: Sequence[Any]) -> Sequence[Target]:
    for target in targets:
        if not isinstance(target, Target) or target.between is not None or target.is_formula:
            label = getattr(target, "label", repr(target))
            raise InputError(
                f"match_each aims at scalars and at columns at a place, found {label}: match takes the rest"
            )
    return targets


def _check_free(arrays: Mapping[str, Array], problem: Problem) -> None:
    varied = {name for one in problem.vary for name in one.factors}
    for name in arrays:
        if name.lower() in varied:
            raise InputError(f"'{name}' is varied: it cannot be a parameter of the scan too")


@dataclass(frozen=True)
class _Each:
    """What all parts of a scan share: points (n, q + p) are q parameters that are held, then p that are varied."""

    problem: Problem
    held: tuple[str, ...]
    aims: Job
    told: Job

    @classmethod
    def of(cls, problem: Problem, arrays: Mapping[str, Array], quantities: Sequence[str]) -> _Each:
        """Jobs for the targets alone, and for all that is told at the end."""
        case = problem.cases[0]
        assert case.particle is not None
        aims = [Wanted.of(target.label, case.lattice) for target in case.targets]
        told = [Wanted.of(name, case.lattice) for name in dict.fromkeys((*(one.name for one in aims), *quantities))]
        pair = {name: values[:1].repeat(2) for name, values in arrays.items()}
        batch = case.lattice.with_parameters(
            {**pair, **problem.parameters(problem.first[None].repeat(2, axis=0), case)}
        )
        jobs = (Job.of(batch, case.particle, case.fringe, wanted) for wanted in (aims, told))
        return cls(problem, tuple(arrays), *jobs)

    def run(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Columns for a part of the lattices."""
        held = np.stack([parameters[name] for name in self.held], axis=1)
        starts = np.hstack([held, np.broadcast_to(self.problem.first, (len(held), len(self.problem.vary)))])
        runs = least_squares(self, starts, *self._box(held), _SETTINGS)
        columns = self._parameters(runs.points)
        found = self.told.run(columns)
        matched = self._met(np.stack([found[target.label] for target in self.problem.targets], axis=1))
        return {**columns, "matched": matched, **found}

    def _box(self, held: Array) -> tuple[Array, Array, Array]:
        """Bounds and scales (q + p,): those that are held are open, and never moved."""
        open_ = np.full(held.shape[1], np.inf)
        problem = self.problem
        lower, upper = np.append(-open_, problem.lower), np.append(open_, problem.upper)
        return lower, upper, np.append(np.ones_like(open_), problem.scale)

    def __call__(self, points: Array) -> tuple[Array, Array, Array]:
        """Residuals (n, m), derivatives (n, m, q + p) by differences, and which points are matched, for the search."""
        n, q, p = len(points), len(self.held), len(self.problem.vary)
        steps = _STEP * self.problem.scale
        moves = np.vstack([np.zeros(q + p), np.hstack([np.zeros((p, q)), np.diag(steps)])])
        values = self._values((points[:, None] + moves).reshape(-1, q + p))
        aims = zip(self.problem.targets, values.T, strict=True)
        rows = np.stack([target.residual(column) for target, column in aims], axis=1).reshape(n, 1 + p, -1)
        jacobian = np.zeros((n, rows.shape[2], q + p))
        jacobian[:, :, q:] = np.nan_to_num((rows[:, 1:] - rows[:, :1]).transpose(0, 2, 1) / steps)
        known = np.isfinite(rows).all(axis=(1, 2))
        return np.where(known[:, None], rows[:, 0], np.nan), jacobian, self._met(values.reshape(n, 1 + p, -1)[:, 0])

    def _values(self, points: Array) -> Array:
        found = self.aims.run(self._parameters(points))
        return np.stack([found[target.label] for target in self.problem.targets], axis=1)

    def _met(self, values: Array) -> Array:
        goals, tolerances = np.array([(one.value, one.tolerance or 0.0) for one in self.problem.targets]).T
        return np.asarray((np.abs(values - goals) <= tolerances).all(axis=1))

    def _parameters(self, points: Array) -> dict[str, Array]:
        q, case = len(self.held), self.problem.cases[0]
        held = {name: np.ascontiguousarray(points[:, j]) for j, name in enumerate(self.held)}
        return {**held, **self.problem.parameters(points[:, q:], case)}
