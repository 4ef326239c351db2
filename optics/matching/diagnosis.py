"""Honest ends of a match: what the knobs can do, and, where they cannot, which goals conflict and by how much."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lattice.arrays import Array
from optics.closed import closed
from optics.matching.limits import Limit
from optics.matching.optimise import Settings, least_squares
from optics.matching.peaks import peaks
from optics.matching.problem import Problem
from optics.matching.reaches import in_one_ratio, reaches, strong
from optics.matching.search import Found, Objective, sample, unmoved
from optics.selection import free_parameters, parameters_of

if TYPE_CHECKING:
    import pandas as pd

_RANK = 1e-8  # singular values below this part of the largest: directions that the targets do not feel
_AT_BOUND = 1e-9  # parts of a parameter's scale
_STARTS = 6
_MANY_GOALS = 30
_TRY = Settings(iterations=40, rounding=1e-7)
_MET = 1e-5  # scaled: what is left is rounding


@closed
@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the knobs can do at the best point, by the targets' Jacobian in their own scales.

    ``rank``: how many independent combinations of targets they move; ``condition``: largest over smallest singular
    value of these; ``active_bounds``: bounds that hold a parameter back ("kf at its upper bound 0.4"). ``table``:
    change of each target when a knob moves by 1 % of itself; ``leading``: the knob that moves each target most;
    ``idle``: knobs that move none; ``unmoved``: targets that no knob moves; ``parallel``: groups of knobs that move all
    targets in one ratio, so that each group is one knob.
    """

    rank: int
    condition: float
    active_bounds: tuple[str, ...]
    unmoved: tuple[str, ...]
    idle: tuple[str, ...]
    targets: tuple[str, ...]
    knobs: tuple[str, ...]
    changes: Array
    parallel: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Targets by knobs: change of the target for 1 % of the knob."""
        import pandas as pd

        return pd.DataFrame(self.changes, index=list(self.targets), columns=list(self.knobs))

    @property
    def leading(self) -> Mapping[str, str]:
        """The knob that moves each target most."""
        moved = [(label, row) for label, row in zip(self.targets, np.abs(self.changes), strict=True) if row.any()]
        return {label: self.knobs[int(np.argmax(row))] for label, row in moved}

    @property
    def dependence(self) -> str:
        """Words for knobs that move fewer combinations of targets than they could, else empty."""
        if self.rank >= min(len(self.knobs), len(self.targets)):
            return ""
        groups = [f"{' and '.join(group)} move all targets in one ratio" for group in self.parallel]
        why = f": {', '.join(groups)}" if groups else ""
        return f"; the {len(self.knobs)} knobs move the {len(self.targets)} targets as {self.rank} would{why}"

    @property
    def shortage(self) -> str:
        """Words for fewer knobs than targets, else empty."""
        if len(self.knobs) >= len(self.targets):
            return ""
        return f"; {len(self.targets)} targets for {len(self.knobs)} knob{'s' if len(self.knobs) > 1 else ''}"


@closed
@dataclass(frozen=True)
class Infeasibility:
    """Why a match failed: ``conflicts``, ``relaxation`` (label -> how far the goal must move), and both in words."""

    conflicts: tuple[str, ...] = ()
    relaxation: Mapping[str, float] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


def diagnosed(problem: Problem, point: Array) -> Diagnosis:
    """Diagnosis at a point."""
    found = problem.at(point)
    assert found.jacobian is not None
    assert found.slopes is not None
    rows = _known(found.jacobian[0])
    jacobian = rows[~problem.is_limit] * problem.scale
    singular = np.linalg.svd(jacobian, compute_uv=False)
    rank = int((singular > _RANK * max(singular.max(initial=0.0), 1e-300)).sum())
    labels = tuple(vary.label for vary in problem.vary)
    slopes = _known(found.slopes[0])
    return Diagnosis(
        rank=rank,
        condition=float(singular[0] / singular[rank - 1]) if rank else float("inf"),
        active_bounds=tuple(_active_bounds(problem, point, np.ones(len(labels), dtype=bool))),
        unmoved=tuple(itertools.compress(problem.target_labels, np.asarray(~slopes.any(axis=1)))),
        idle=tuple(itertools.compress(labels, np.asarray(~rows.any(axis=0)))),
        targets=problem.target_labels,
        knobs=labels,
        changes=slopes * np.where(point != 0, 0.01 * np.abs(point), 0.01),
        parallel=() if rank == len(labels) else tuple(in_one_ratio(jacobian, labels)),
    )


def _known(values: Array) -> Array:
    """The values with 0 for what is no number."""
    return values if np.isfinite(values).all() else np.nan_to_num(values)


def _active_bounds(problem: Problem, point: Array, which: Array) -> Iterator[str]:
    """Bounds that hold back those knobs of ``which`` (p,)."""
    for vary, x, scale in itertools.compress(zip(problem.vary, point, problem.scale, strict=True), which):
        for name, bound in zip(("lower", "upper"), vary.bounds, strict=True):
            if abs(x - bound) <= _AT_BOUND * scale:
                yield f"{vary.label} at its {name} bound {bound:g}"


def explained(problem: Problem, found: Found, thorough: bool) -> Infeasibility:
    """Why the best point of a search is no solution. ``thorough=False`` looks at that point alone."""
    here = problem.at(found.point)
    if not np.isfinite(here.rows).all():
        return Infeasibility()
    still = unmoved(problem)
    if still:
        values = dict(zip(problem.target_labels, here.values[0], strict=True))
        goals = dict(zip(problem.target_labels, problem.targets, strict=True))
        return Infeasibility(
            still,
            {label: float(values[label]) - goals[label].value for label in still},
            tuple(f"no knob moves {label}, it stays at {values[label]:.6g}" for label in still)
            + tuple(_unused(problem)),
        )
    if problem.costly:
        return Infeasibility()
    point = _least_violation(problem, found.point)
    relaxation = _relaxation(problem, point)
    conflicts = _conflicts(problem, found.point, point, relaxation) if thorough else ()
    return Infeasibility(conflicts, relaxation, tuple(_sentences(problem, point, conflicts, relaxation)))


def _unused(problem: Problem) -> Iterator[str]:
    """Knobs that no strength of an element is written in: in a MAD-X file, k1 = kq takes kq's number once for all."""
    used: set[str] = set()
    for case in problem.cases:
        for element in case.lattice.unique_elements[0]:
            used.update(free_parameters(case.lattice, parameters_of(element)))
    knobs = [one for one in problem.vary if not one.name.startswith("start.")]
    names = [one.name for one in knobs if used.isdisjoint((one.name, *one.tied))]
    if names:
        how = f"k1 = {names[0]} in a MAD-X file takes its number, k1 := its name"
        yield f"no strength is written in {', '.join(names)} ({how})"


def _least_violation(problem: Problem, point: Array) -> Array:
    """Point of the smallest sum of scaled violations, near ``point``: few goals give way, and these by little.

    Sequential linear programming with a trust region (R. Fletcher, "Practical Methods of Optimization", 1987, ch. 14).
    """
    reach, violation = 0.1, _violations(problem, point).sum()
    for _ in range(30):
        step = _linear_program(problem, point, reach)
        new = np.clip(point + step * problem.scale, problem.lower, problem.upper)
        lower = _violations(problem, new).sum()
        if lower < violation - 1e-9:
            reach = min(2.0 * reach, 1.0)
            small = violation - lower < 1e-6 * violation
            point, violation = new, lower
            if small:
                break
        else:
            reach *= 0.25
            if reach < 1e-6:
                break
    return point


def _violations(problem: Problem, point: Array) -> Array:
    """Largest scaled violation of every goal at a point (goals,); inf where there is no optics."""
    rows = problem.at(point).rows[0]
    size = np.where(problem.is_limit, np.maximum(rows, 0.0), np.abs(rows))
    worst = np.zeros(len(problem.goals))
    np.maximum.at(worst, problem.owners, np.where(np.isfinite(size), size, np.inf))
    return worst


def _linear_program(problem: Problem, point: Array, reach: float) -> Array:
    """Scaled step (p,) of the least sum of violations of the linearised goals, each goal with one slack."""
    from scipy.optimize import linprog

    found, hills = problem.at(point), peaks(problem, point)
    assert found.jacobian is not None
    targets = ~problem.is_limit
    rows, slopes = found.rows[0][targets], found.jacobian[0][targets]
    tops, top_slopes = hills.at(found)
    owners = np.concatenate([problem.owners[targets], problem.owners[targets], hills.owners])
    left = np.concatenate([slopes, -slopes, top_slopes]) * problem.scale
    p, goals = len(point), len(problem.goals)
    result = linprog(
        np.concatenate([np.zeros(p), np.ones(goals)]),
        A_ub=np.column_stack([left, -np.eye(goals)[owners]]),
        b_ub=-np.concatenate([rows, -rows, tops]),
        bounds=[
            (max(-reach, low), min(reach, high))
            for low, high in zip(
                (problem.lower - point) / problem.scale, (problem.upper - point) / problem.scale, strict=True
            )
        ]
        + [(0.0, None)] * goals,
    )
    return np.asarray(result.x[:p]) if result.success else np.zeros(p)


def _relaxation(problem: Problem, point: Array) -> dict[str, float]:
    """How far goals must move to be met at a point: target or limit label -> change of its value."""
    found, worst = problem.at(point), _violations(problem, point)
    values, excess = iter(found.values[0]), iter(found.excess[0])
    changes = {}
    for (label, goal), violation in zip(problem.goals, worst, strict=True):
        change = float(next(excess)) if isinstance(goal, Limit) else float(next(values)) - goal.value
        if violation > _MET:
            changes[label] = change
    return changes


def _conflicts(problem: Problem, best: Array, least: Array, relaxation: Mapping[str, float]) -> tuple[str, ...]:
    """The goals that are left when every one that can go without making the rest possible has gone.

    Deletion filter (J. Chinneck & E. Dravnieks, ORSA J. Computing 3, 157, 1991); goals that gave way are tried last.
    """
    labels = [label for label, _ in problem.goals]
    if len(labels) > _MANY_GOALS:
        return ()
    random = np.random.default_rng(1)
    starts = np.concatenate([[best, least, problem.first], sample(problem, _STARTS, 1.0, random)])
    kept = np.ones(len(labels), dtype=bool)
    for index in sorted(range(len(labels)), key=lambda i: labels[i] in relaxation):
        kept[index] = False
        if not kept.any() or _possible(problem, kept, starts):
            kept[index] = True
    return tuple(label for label, keep in zip(labels, kept, strict=True) if keep)


def _possible(problem: Problem, goals: Array, starts: Array) -> bool:
    objective = Objective(problem, goals=goals)
    runs = least_squares(objective, starts, problem.lower, problem.upper, problem.scale, _TRY)
    return bool(runs.good.any())


def _sentences(
    problem: Problem, point: Array, conflicts: tuple[str, ...], relaxation: Mapping[str, float]
) -> Iterator[str]:
    labels = [label for label, _ in problem.goals]
    reach, missing = reaches(problem, point), _violations(problem, point)
    moved = {label: strong(*one) for label, *one in zip(labels, reach, missing, strict=True)}
    if len(conflicts) == 1 and not moved[conflicts[0]].any():
        goal = labels.index(conflicts[0])
        yield _not_moved(problem, conflicts[0], reach[goal] / missing[goal])
        return
    if conflicts:
        held = ", ".join(_active_bounds(problem, point, np.any([moved[label] for label in conflicts], axis=0)))
        yield _unreached(conflicts) + (f" ({held})" if held else "")
    if relaxation:
        yield "the rest can be met when " + ", ".join(
            f"{label} gives way by {change:.3g}" for label, change in relaxation.items()
        )


def _not_moved(problem: Problem, label: str, parts: Array) -> str:
    """That the knobs leave a goal where it is: how far each reaches, in parts of what is missing."""
    reached = ", ".join(f"{vary.label} {part:.2g}" for vary, part in zip(problem.vary, parts, strict=True))
    return f"no knob moves {label} noticeably: within their bounds they make these parts of what is missing: {reached}"


def _unreached(conflicts: tuple[str, ...]) -> str:
    if len(conflicts) == 1:
        return f"{conflicts[0]} was not reached even alone"
    return f"{', '.join(conflicts[:-1])} and {conflicts[-1]} were not met together"
