"""How a match looks for its point: from where it stands, from many starts at once, along a homotopy, everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear.propagation import LARGEST_COSINE
from optics.linear.solution import one_turn
from optics.maps.lattices.checked import checked_particle
from optics.maps.lattices.series import step_series
from optics.matching.optimise import Runs, Settings, least_squares
from optics.matching.problem import STEP, Case, Problem, by_halves

METHODS = ("auto", "local", "gauss_newton", "multistart", "homotopy", "global")
LOCAL = Settings()
_COSTLY = Settings(rounding=1e-8, stagnation=1e-3)  # far within any tolerance, where a step takes seconds
_MANY = Settings(culling=6)
_SAMPLE = 256
_NOWHERE = 1e30  # cost of a point without optics
_HALF_TRACE = 0.95  # |cos mu| aimed at where motion is not bounded


@dataclass(frozen=True, eq=False)
class Objective:
    """Residuals of a problem for ``least_squares``: of all its goals, or of ``goals`` (a mask) alone.

    ``shift`` (m,) is subtracted from the rows: with the rows of a point it makes that point a solution.
    """

    problem: Problem
    goals: Array | None = None
    shift: Array | None = None

    def __call__(self, points: Array) -> tuple[Array, Array, Array]:
        problem = self.problem
        found = problem.at(points[0]) if len(points) == 1 else problem.evaluate(points)
        assert found.jacobian is not None
        rows, jacobian = found.rows, found.jacobian
        if self.shift is not None:
            rows = rows - self.shift
        kept = problem.is_limit & (rows <= 0.0)
        if self.goals is not None:
            kept |= ~self.goals[problem.owners]
        residuals = np.where(kept, 0.0, rows)
        return residuals, np.where(kept[:, :, None], 0.0, jacobian), self._good(found)

    def _good(self, found: Any) -> Array:
        if self.shift is not None:
            return np.ones(len(found.rows), dtype=bool)
        if self.goals is None:
            return np.asarray(found.solved)
        limits = np.array([goal in self.problem.limits for _, goal in self.problem.goals], dtype=bool)
        met = found.met[:, self.goals[~limits]].all(axis=1)
        return np.asarray(met & (found.excess[:, self.goals[limits]] <= 0.0).all(axis=1))


@dataclass(frozen=True, eq=False)
class Found:
    """Outcome of a search: the best point (p,), how it was reached, and every other point that solves the match."""

    point: Array
    cost: float
    solved: bool
    history: list[tuple[float, tuple[float, ...]]]
    starts: int
    method: str
    solutions: tuple[tuple[float, ...], ...] = ()

    def better(self, other: Found | None) -> Found:
        """The better of two, with the starts and the solutions of both."""
        if other is None:
            return self
        best, rest = (self, other) if (self.solved, -self.cost) >= (other.solved, -other.cost) else (other, self)
        return replace(best, starts=self.starts + other.starts, solutions=best.solutions + rest.solutions)


def search(problem: Problem, method: str, restarts: int, seed: int) -> Found:
    """The best point that ``method`` finds; "auto" tries one after another until the match is solved."""
    if method not in METHODS:
        raise InputError(
            f"method must be one of {', '.join(METHODS)}, found {method!r}{did_you_mean(str(method), METHODS)}"
        )
    best: Found | None = None
    for attempt in _attempts(problem, method, restarts, np.random.default_rng(seed)):
        best = attempt.better(best)
        if best.solved:
            break
    if best is None:
        return Found(problem.first, np.inf, False, [], 0, method)
    return best


def _attempts(problem: Problem, method: str, restarts: int, random: np.random.Generator) -> Iterator[Found]:
    """Attempts in the order of their price, each made when it is asked for."""
    settled = _COSTLY if problem.costly else LOCAL
    first = problem.first[None]
    stands = bool(np.isfinite(problem.at(problem.first).rows).all())
    if method in ("auto", "local") and stands:
        yield solve(problem, first, settled, "local")
    elif method == "gauss_newton" and stands:
        yield solve(problem, first, replace(settled, damping=1e-15), method)
    if method in ("auto", "local", "homotopy") and not stands:
        yield from _from_unstable(problem, first, settled, "stabilised")
    if method == "auto" and unmoved(problem, random):
        return
    if problem.costly:
        if method in ("auto", "multistart"):
            yield from _one_by_one(problem, restarts, random)
        return
    if method in ("auto", "multistart"):
        yield from _rounds(problem, restarts, random)
    if method in ("auto", "homotopy") and stands and restarts > 0:
        yield homotopy(problem, problem.first)
    if method == "global" or (method == "auto" and restarts > 1):
        yield from _global(problem, random)


def solve(problem: Problem, starts: Array, settings: Settings, method: str) -> Found:
    """Least squares from some starts (n, p) in one batch."""
    runs = least_squares(Objective(problem), starts, problem.lower, problem.upper, problem.scale, settings)
    return _found(runs, method)


def _found(runs: Runs, method: str) -> Found:
    best = runs.best
    others = [tuple(map(float, runs.points[i])) for i in np.flatnonzero(runs.good)]
    return Found(
        runs.points[best],
        float(runs.costs[best]),
        bool(runs.good[best]),
        runs.history[best],
        len(runs.points),
        method,
        tuple(others),
    )


def unmoved(problem: Problem, random: np.random.Generator | None = None) -> tuple[str, ...]:
    """Targets that are missed and that no parameter moves, where the match begins and at some points around it."""
    points = problem.first[None]
    if not problem.costly:
        random = random or np.random.default_rng(1)
        points = np.concatenate([points, _hypercube(problem, 4, 1.0, random)])
    found = problem.evaluate(points)
    assert found.slopes is not None
    still = ~np.nan_to_num(found.slopes, nan=1.0).any(axis=2) & ~found.met
    known = np.isfinite(found.rows).all(axis=1)
    if not known.any():
        return ()
    everywhere = np.flatnonzero(still[known].all(axis=0))
    return tuple(problem.target_labels[i] for i in everywhere)


def _rounds(problem: Problem, restarts: int, random: np.random.Generator) -> Iterator[Found]:
    """Batches of starts, each four times the last; two that end at the same cost have found the least there is."""
    last = np.inf
    for count, spread in ((restarts, 1.0), (4 * restarts, 1.0), (16 * restarts, 2.0)):
        starts = sample(problem, count, spread, random)
        if len(starts) == 0:
            continue
        attempt = solve(problem, starts, _MANY, "multistart")
        yield attempt
        if count > restarts and abs(attempt.cost - last) <= 1e-3 * last:
            return
        last = min(last, attempt.cost)


def _one_by_one(problem: Problem, restarts: int, random: np.random.Generator) -> Iterator[Found]:
    for start in sample(problem, restarts, 1.0, random):
        yield solve(problem, start[None], _COSTLY, "multistart")


def sample(problem: Problem, count: int, spread: float, random: np.random.Generator) -> Array:
    """``count`` starts (n, p): half the best of a Latin hypercube, half any of it; unstable ones made stable."""
    if count <= 0:
        return np.zeros((0, len(problem.vary)))
    points = _hypercube(problem, max(_SAMPLE, 2 * count), spread, random)
    costs = _costs(problem, points)
    order = np.argsort(costs)[: int(np.isfinite(costs).sum())]
    best, others = order[: (count + 1) // 2], random.permutation(order[(count + 1) // 2 :])
    chosen = points[np.concatenate([best, others[: count - len(best)]])]
    if len(chosen) < count:
        lost = points[~np.isfinite(costs)][: 4 * count]
        chosen = np.concatenate([chosen, stabilised(problem, lost)])[:count]
    return np.asarray(chosen)


def _costs(problem: Problem, points: Array) -> Array:
    """Cost (n,) of each point without the costly targets, inf where there is no optics."""
    if problem.costly:
        cheap = [replace(case, targets=[t for t in case.targets if not t.costly]) for case in problem.cases]
        if not all(case.targets for case in cheap):
            return np.where(np.isfinite(_half_traces(problem, points)[0]).all(axis=1), 1.0, np.inf)
        problem = Problem(tuple(cheap), problem.vary)
    rows = problem.evaluate(points, derivatives=False).rows
    residuals = np.where(problem.is_limit, np.maximum(rows, 0.0), rows)
    costs = 0.5 * np.sum(residuals**2, axis=1)
    return np.where(np.isfinite(costs), costs, np.inf)


def _hypercube(problem: Problem, count: int, spread: float, random: np.random.Generator) -> Array:
    """Latin hypercube (count, p) within the bounds; where these are open, around the first point."""
    p = len(problem.vary)
    reach = spread * np.maximum(0.5 * np.abs(problem.first), 0.1)
    low = np.where(np.isfinite(problem.lower), problem.lower, problem.first - reach)
    high = np.where(np.isfinite(problem.upper), problem.upper, problem.first + reach)
    layers = np.stack([random.permutation(count) for _ in range(p)], axis=1)
    return np.asarray(low + (high - low) * (layers + random.random((count, p))) / count)


def _from_unstable(problem: Problem, points: Array, settings: Settings, method: str) -> Iterator[Found]:
    starts = stabilised(problem, points)
    if len(starts):
        yield solve(problem, starts, settings, method)


def stabilised(problem: Problem, points: Array) -> Array:
    """Of some points (n, p) without bounded motion, those (k, p) that a walk down the traces makes stable."""
    if not any(case.start is None for case in problem.cases) or len(points) == 0:
        return points[:0]

    def function(at: Array) -> tuple[Array, Array, Array]:
        cosine, slopes = _half_traces(problem, at)
        size = np.abs(cosine)
        with np.errstate(all="ignore"):
            over = size > _HALF_TRACE
            residuals = np.where(over, np.log(size / _HALF_TRACE), np.where(np.isnan(size), np.nan, 0.0))
            jacobian = np.where(over[:, :, None], slopes / cosine[:, :, None], 0.0)
        return residuals, jacobian, np.asarray((size < 0.5 + 0.5 * _HALF_TRACE).all(axis=1))

    settings = Settings(iterations=40, first_only=False)
    points = points[np.isfinite(_half_traces(problem, points)[0]).all(axis=1)]
    if len(points) == 0:
        return points
    runs = least_squares(function, points, problem.lower, problem.upper, problem.scale, settings)
    good = runs.points[runs.good]
    return good[np.isfinite(_costs(problem, good))] if len(good) else good


def has_motion(problem: Problem, random: np.random.Generator) -> bool:
    """True when the motion is bounded in every case where the match begins, or at one of some points around it."""
    if all(case.start is not None for case in problem.cases):
        return True
    points = np.concatenate([problem.first[None], _hypercube(problem, 64, 1.0, random)])
    return bool((np.abs(_half_traces(problem, points)[0]) < LARGEST_COSINE).all(axis=1).any())


def _half_traces(problem: Problem, points: Array) -> tuple[Array, Array]:
    """cos mu of both planes of every ring (n, 2 rings), and its derivatives (n, 2 rings, p); nan without a lattice."""
    cosines = [
        by_halves(partial(_cosines, problem, case), points, lambda one: np.full((1, one.size, 2), np.nan + 0j))
        for case in problem.cases
        if case.start is None
    ]
    both = np.concatenate([np.concatenate(parts) for parts in cosines], axis=2)
    return both[:, 0].real, both.imag.transpose(0, 2, 1) / STEP


def _cosines(problem: Problem, case: Case, points: Array) -> Array:
    """cos mu (n, p, 2) of a ring at points (n, p), stepped in each parameter."""
    n, p = points.shape
    stepped = (points[:, None, :] + 1j * STEP * np.eye(p)).reshape(-1, p)
    lattice = case.lattice.with_parameters(problem.parameters(stepped, case))
    particle = checked_particle(lattice, case.particle)
    model = step_series(lattice, particle, fringe=case.fringe, order=1, delta=case.delta)
    matrices = one_turn(model, model.series.astype(complex))
    traces = [0.5 * (matrices[:, i, i] + matrices[:, i + 1, i + 1]) for i in (0, 2)]
    return np.stack(traces, axis=-1).reshape(n, p, 2)


def homotopy(problem: Problem, point: Array) -> Found:
    """Walk the goals from what the optics at ``point`` has to what is wanted, in steps that adapt themselves."""
    here = problem.at(point).rows[0]
    behind = np.where(problem.is_limit, np.maximum(here, 0.0), here)
    settings = Settings(iterations=25, rounding=1e-7)
    box = (problem.lower, problem.upper, problem.scale)
    at, step, history = 0.0, 0.125, [(0.5 * float(behind @ behind), tuple(map(float, point)))]
    while at < 1.0 and step > 1e-3:
        aim = min(at + step, 1.0)
        runs = least_squares(Objective(problem, shift=(1.0 - aim) * behind), point[None], *box, settings)
        if np.abs(runs.residuals).max() < 1e-6:
            at, step, point = aim, 2.0 * step, runs.points[0]
            history.append((0.5 * float(((1.0 - aim) * behind) @ ((1.0 - aim) * behind)), tuple(map(float, point))))
        else:
            step *= 0.5
    last = solve(problem, point[None], LOCAL, "homotopy")
    return replace(last, history=history + last.history[1:])


def _global(problem: Problem, random: np.random.Generator) -> Iterator[Found]:
    """Differential evolution (Storn & Price, J. Global Optim. 11, 341, 1997) on batches, then least squares."""
    from scipy.optimize import differential_evolution

    p = len(problem.vary)
    count = min(max(8 * p, 32), 128)
    population = _hypercube(problem, count, 1.0, random)
    low, high = population.min(axis=0), population.max(axis=0)
    bounds = list(
        zip(np.maximum(problem.lower, low - (high - low)), np.minimum(problem.upper, high + (high - low)), strict=True)
    )
    result = differential_evolution(
        lambda x: np.minimum(_costs(problem, np.atleast_2d(x.T)), _NOWHERE),
        bounds,
        init=population,
        maxiter=60,
        tol=1e-3,
        vectorized=True,
        updating="deferred",
        polish=False,
        rng=random,
    )
    energies = result.population_energies
    best = np.argsort(energies)[:8]
    starts = result.population[best[energies[best] < _NOWHERE]]
    if len(starts):
        yield solve(problem, starts, LOCAL, "global")
