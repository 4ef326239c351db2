"""The best among the feasible: freedom that the targets leave is used for small betas, small gradients or margins.

Sequential quadratic programming (D. Kraft, "A software package for sequential quadratic programming", DFVLR-FB 88-28,
1988) on the exact derivatives; the largest of many values is made small through a bound on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.matching.limits import Limit
from optics.matching.optimise import Settings
from optics.matching.peaks import Peaks, peaks
from optics.matching.problem import Problem
from optics.matching.search import LOCAL, Found, sample, solve
from optics.matching.solutions import margins_at

POLISHES = ("peak_beta", "gradient", "margin")
_ROUNDS = 3  # hills are looked for again after each
_ITERATIONS = 60
_FROM = 3  # solutions that are polished
_GATHER = Settings(iterations=60, rounding=1e-7, first_only=False)
_SHIFT = 1e-4  # how far inside a limit its peak is kept, in rows: the next rounding must not leave it


def polished(problem: Problem, found: Found, aim: str, restarts: int, seed: int) -> Found:
    """The solution that is best by ``aim``: from the best of several that are known, and never worse than they."""
    wide = _with_betas(problem) if aim == "peak_beta" else problem
    values = _AIMS[aim]
    best, known = found, _gathered(problem, found, restarts, seed)
    for start in _best_starts(wide, known, values):
        point = start
        for _ in range(_ROUNDS):
            moved = _programmed(wide, point, aim)
            restored = solve(problem, moved[None], LOCAL, found.method)
            if not restored.solved or not values(wide, restored.point) < values(wide, point) - 1e-9:
                break
            point = restored.point
        if values(wide, point) < values(wide, best.point):
            best = replace(
                best,
                point=point,
                history=[*found.history, (0.5 * float(np.sum(_targets(problem, point)[0] ** 2)), tuple(point))],
            )
    return replace(best, method=f"{found.method}, {aim}", solutions=known.solutions, starts=known.starts)


def _gathered(problem: Problem, found: Found, restarts: int, seed: int) -> Found:
    """The search's outcome with the solutions of one more batch of starts."""
    starts = sample(problem, 0 if problem.costly else restarts, 1.0, np.random.default_rng(seed))
    if len(starts) == 0:
        return found
    more = solve(problem, starts, _GATHER, found.method)
    return replace(found, solutions=(*found.solutions, *more.solutions), starts=found.starts + len(starts))


def _best_starts(problem: Problem, found: Found, value: Callable[[Problem, Array], float]) -> list[Array]:
    points = [found.point, *map(np.array, found.solutions)]
    return [found.point, *sorted(points, key=lambda point: value(problem, point))[:_FROM]]


def _with_betas(problem: Problem) -> Problem:
    """The same problem with the logarithm of every beta among its rows."""
    extra = (Limit("betx", upper=1.0), Limit("bety", upper=1.0))
    cases = tuple(replace(case, limits=(*case.limits, *extra), name=case.name or "") for case in problem.cases)
    return Problem(cases, problem.vary)


def _peak_beta(problem: Problem, point: Array) -> float:
    """Largest logarithm of beta (times 10)."""
    betas = np.isin(problem.owners, _beta_goals(problem))
    return float(problem.at(point).rows[0][betas].max())


def _beta_goals(problem: Problem) -> list[int]:
    """Which goals were added by ``_with_betas``: the last two of every case."""
    ends = np.cumsum([len(case.targets) + len(case.limits) for case in problem.cases])
    return [int(end) - k for end in ends for k in (1, 2)]


def _gradient(problem: Problem, point: Array) -> float:
    return float(np.sqrt(np.mean(point**2)))


def _margin(problem: Problem, point: Array) -> float:
    return -float(margins_at(problem, point[None], problem.at(point))[0])


_AIMS: dict[str, Callable[[Problem, Array], float]] = {
    "peak_beta": _peak_beta,
    "gradient": _gradient,
    "margin": _margin,
}


def _programmed(problem: Problem, point: Array, aim: str) -> Array:
    """Outcome of one quadratic program: variables are the scaled parameters and, last, the bound t to make small."""
    from scipy.optimize import minimize

    hills = peaks(problem, point)
    scale = problem.scale
    free, bound = _rows_of(problem, hills, aim)
    start = np.append(point / scale, _first_bound(problem, hills, point, free, bound))
    constraints = [
        {
            "type": "eq",
            "fun": lambda z: _targets(problem, z[:-1] * scale)[0],
            "jac": lambda z: _padded(_targets(problem, z[:-1] * scale)[1] * scale, 0.0),
        },
        {
            "type": "ineq",
            "fun": lambda z: bound * z[-1] - free - hills.at(problem.at(z[:-1] * scale))[0],
            "jac": lambda z: _padded(-hills.at(problem.at(z[:-1] * scale))[1] * scale, bound),
        },
    ]
    if aim == "margin":
        constraints += _bounds_with_margin(problem)
    if len(free) == 0:
        del constraints[1]
    result = minimize(
        lambda z: 0.5 * float(z[:-1] @ z[:-1]) if aim == "gradient" else z[-1],
        start,
        jac=lambda z: np.append(z[:-1], 0.0) if aim == "gradient" else np.append(np.zeros(len(z) - 1), 1.0),
        bounds=[*zip(problem.lower / scale, problem.upper / scale, strict=True), (None, None)],
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": _ITERATIONS, "ftol": 1e-10},
    )
    moved = np.clip(result.x[:-1] * scale, problem.lower, problem.upper)
    return moved if np.isfinite(moved).all() else point


def _rows_of(problem: Problem, hills: Peaks, aim: str) -> tuple[Array, Array]:
    """For every hill a constant and the weight of t: hill + constant <= weight * t."""
    chosen = np.isin(hills.owners, _beta_goals(problem)) if aim == "peak_beta" else np.zeros(len(hills.owners), bool)
    if aim == "margin":
        sizes = {i: goal.relative for i, (_, goal) in enumerate(problem.goals) if isinstance(goal, Limit)}
        return np.zeros(len(hills.owners)), np.array([sizes[owner] for owner in hills.owners])
    return np.where(chosen, 0.0, _SHIFT), np.where(chosen, 1.0, 0.0)


def _first_bound(problem: Problem, hills: Peaks, point: Array, free: Array, bound: Array) -> float:
    chosen = bound > 0
    if not chosen.any():
        return 0.0
    return float(((hills.at(problem.at(point))[0] + free)[chosen] / bound[chosen]).max())


def _targets(problem: Problem, point: Array) -> tuple[Array, Array]:
    found = problem.at(point)
    assert found.jacobian is not None
    return np.nan_to_num(found.rows[0][~problem.is_limit], nan=1e6), found.jacobian[0][~problem.is_limit]


def _padded(jacobian: Array, last: Any) -> Array:
    """A Jacobian (k, p) with the derivative by t behind."""
    return np.column_stack([jacobian, np.broadcast_to(last, len(jacobian))])


def _bounds_with_margin(problem: Problem) -> list[dict[str, Any]]:
    """Parameters keep -t of the width of their bounds away from them."""
    width = problem.upper - problem.lower
    which = np.flatnonzero(np.isfinite(width))
    if len(which) == 0:
        return []
    parts, scale = width[which] / problem.scale[which], problem.scale
    unit = np.eye(len(width))[which]
    jacobian = np.column_stack([np.concatenate([unit, -unit]), np.concatenate([parts, parts])])
    offset = np.concatenate([-problem.lower[which], problem.upper[which]]) / np.tile(scale[which], 2)
    return [{"type": "ineq", "fun": lambda z: jacobian @ z + offset, "jac": lambda z: jacobian}]
