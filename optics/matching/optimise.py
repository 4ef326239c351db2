"""Bounded nonlinear least squares from many starts at once.

Levenberg-Marquardt with Nielsen's damping (K. Madsen, H. Nielsen & O. Tingleff, "Methods for non-linear least squares
problems", DTU 2004, section 3.2), every step by the singular values of the scaled Jacobian, so that knobs that do the
same thing share the work; bounds by an active set (parameters at a bound that would leave it are held). Without damping
the step is that of Gauss and Newton.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lattice.arrays import Array

#: Points (n, p) -> residuals (n, m), Jacobians (n, m, p), and which points (n,) are good enough to be told.
Function = Callable[[Array], tuple[Array, Array, NDArray[np.bool_]]]

_RANK = 1e-12  # singular values below this part of the largest carry no information
_LARGEST_DAMPING = 1e12
_TRUE, _FALSE, _STRETCH = 0.75, 0.25, 4.0  # of what is foretold: when the reach grows, when it is the first again
_PASSES = 3  # of the active set within a step


@dataclass(frozen=True)
class Settings:
    """When to stop, and how: ``rounding`` is the residual at which nothing is gained by another step.

    ``stagnation``: a run ends when its cost falls by less than this part in five steps. ``culling``: after so many
    steps, and then after twice as many ..., only the better half of the runs goes on. ``damping``: at the beginning
    (next to none is Gauss and Newton's step). ``reach``: longest step at first, in units of the parameters' scale; it
    grows while steps of that length fall as the linear model foretells, and is the first again after one that does not.
    """

    iterations: int = 200
    rounding: float = 1e-12
    stagnation: float = 1e-4
    culling: int | None = None
    damping: float = 1e-6
    first_only: bool = True
    reach: float = 1.0


@dataclass(eq=False)
class Runs:
    """State and outcome of n runs: ``points`` (n, p), ``costs`` (n,), ``good`` (n,), and the accepted steps of each."""

    points: Array
    costs: Array
    good: NDArray[np.bool_]
    history: list[list[tuple[float, tuple[float, ...]]]]
    residuals: Array
    jacobians: Array
    damping: Array
    growth: Array
    reach: Array
    active: NDArray[np.bool_]
    past: list[Array] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The run to believe: the good one of least cost, else that of least cost."""
        return int(np.lexsort((np.where(np.isfinite(self.costs), self.costs, np.inf), ~self.good))[0])


def least_squares(
    function: Function, starts: Array, lower: Array, upper: Array, scale: Array, settings: Settings | None = None
) -> Runs:
    """Minimise half the sum of squares from ``starts`` (n, p) within bounds (p,); steps are measured in ``scale`` (p,).

    Ends when a run is good and at rounding (or, without ``first_only``, when all have ended). Points where a residual
    is nan are never accepted; a start that is one stays where it is.
    """
    settings = settings or Settings()
    runs = _begin(function, np.clip(starts, lower, upper), settings)
    for iteration in range(1, settings.iterations + 1):
        _retire(runs, iteration, settings)
        if not runs.active.any():
            break
        where = np.flatnonzero(runs.active)
        _advance(runs, where, function, (lower, upper, scale), settings)
    return runs


def _begin(function: Function, points: Array, settings: Settings) -> Runs:
    residuals, jacobians, good = function(points)
    costs = _costs(residuals)
    n = len(points)
    history = [[(float(cost), tuple(map(float, point)))] for cost, point in zip(costs, points, strict=True)]
    return Runs(
        points.copy(),
        costs,
        good,
        history,
        residuals,
        jacobians,
        np.full(n, settings.damping),
        np.full(n, 2.0),
        np.full(n, settings.reach),
        np.isfinite(costs),
    )


def _costs(residuals: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        costs = 0.5 * (residuals * residuals).sum(axis=1)
    costs[~np.isfinite(costs)] = np.inf
    return np.asarray(costs)


def _retire(runs: Runs, iteration: int, settings: Settings) -> None:
    """End the runs that have arrived, got stuck, or are left behind."""
    runs.past.append(runs.costs.copy())
    largest = np.abs(runs.residuals).max(axis=1, initial=0.0)
    runs.active &= (largest > settings.rounding) & (runs.damping < _LARGEST_DAMPING)
    if len(runs.past) > 5:
        slow = runs.costs > (1.0 - settings.stagnation) * runs.past.pop(0)
        runs.active &= ~slow
    arrived = runs.good & ~runs.active
    if settings.first_only and arrived.any():
        runs.active[:] = False
    if settings.culling and iteration in {settings.culling * 2**k for k in range(8)}:
        left = np.flatnonzero(runs.active)
        worse = left[np.argsort(runs.costs[left])][max(len(left) // 2, 4) :]
        runs.active[worse] = False


def _advance(
    runs: Runs, where: NDArray[np.intp], function: Function, box: tuple[Array, Array, Array], settings: Settings
) -> None:
    """One step of the runs ``where``; what does not lower the cost is refused and damped."""
    points, predicted = _step(runs, where, runs.damping[where], box)
    residuals, jacobians, good = function(points)
    costs = _costs(residuals)
    with np.errstate(all="ignore"):
        ratio = (runs.costs[where] - costs) / np.maximum(predicted, 1e-300)
    better = costs < runs.costs[where]
    _stretch(runs, where, points, box[2], ratio, settings.reach)
    done = where[better]
    runs.points[done], runs.costs[done], runs.good[done] = points[better], costs[better], good[better]
    runs.residuals[done], runs.jacobians[done] = residuals[better], jacobians[better]
    for index in done:
        runs.history[index].append((float(runs.costs[index]), tuple(map(float, runs.points[index]))))
    _damp(runs, where, better, ratio)


def _stretch(runs: Runs, where: NDArray[np.intp], points: Array, scale: Array, ratio: Array, first: float) -> None:
    """A longer reach after a step of full length that fell as foretold, the first one again after one that did not.

    A trust region's rule (J. Nocedal, S. Wright, Numerical Optimization, 2006, algorithm 4.1).
    """
    length = (np.abs(points - runs.points[where]) / scale).max(axis=1)
    full = length > (1.0 - 1e-9) * runs.reach[where]
    grown = np.where(full & (ratio > _TRUE), _STRETCH * runs.reach[where], runs.reach[where])
    runs.reach[where] = np.where(ratio > _FALSE, grown, first)


def _damp(runs: Runs, where: NDArray[np.intp], better: NDArray[np.bool_], ratio: Array) -> None:
    """Less damping after a step as good as foretold, more after a bad one (Nielsen)."""
    quality = np.minimum(np.fmax(ratio, -1.0), 2.0)  # of what is no number -1
    factor = np.minimum(np.maximum(1.0 - (2.0 * quality - 1.0) ** 3, 1.0 / 30.0), 2.0)
    growth = runs.growth[where]
    floor = np.where(better, 1e-15, 1e-4)
    runs.damping[where] = np.maximum(runs.damping[where] * np.where(better, factor, growth), floor)
    runs.growth[where] = np.where(better, 2.0, 2.0 * growth)


def _step(runs: Runs, where: NDArray[np.intp], damping: Array, box: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """New points within the bounds (n, p), and the fall of the cost that the linear model foretells (n,)."""
    lower, upper, scale = box
    points = runs.points[where]
    system = _triangular(runs.jacobians[where] * scale, runs.residuals[where])
    jacobian, residual = system[:, :, :-1], system[:, :, -1]
    gradient = (residual[:, None] @ jacobian)[:, 0]
    held = ((points <= lower) & (gradient > 0)) | ((points >= upper) & (gradient < 0))
    move = np.zeros_like(points)
    for _ in range(_PASSES):
        move = np.where(held, move, _solve(*_without(jacobian, residual, held, move), damping))
        longest = np.abs(move).max(axis=1, keepdims=True)
        move *= np.minimum(1.0, runs.reach[where, None] / np.maximum(longest, 1e-300))
        inside = (_within(points + move * scale, lower, upper) - points) / scale
        hit = ~held & (np.abs(inside - move) > 1e-14)
        move = inside
        if not hit.any():
            break
        held = held | hit
    foretold = residual + (jacobian @ move[:, :, None])[:, :, 0]
    fall = 0.5 * ((residual * residual).sum(axis=1) - (foretold * foretold).sum(axis=1))
    return _within(points + move * scale, lower, upper), fall


def _within(points: Array, lower: Array, upper: Array) -> Array:
    return np.minimum(np.maximum(points, lower), upper)


def _without(jacobian: Array, residual: Array, held: NDArray[np.bool_], move: Array) -> tuple[Array, Array]:
    """Jacobian without the columns that are ``held`` (n, p), and the residual with what their ``move`` makes."""
    if not held.any():
        return jacobian, residual
    left = residual + (jacobian @ np.where(held, move, 0.0)[:, :, None])[:, :, 0]
    return jacobian * ~held[:, None, :], left


def _triangular(jacobian: Array, residual: Array) -> Array:
    """[J r] (n, m, p + 1), reduced to p + 1 rows by QR where there are more: the same least squares."""
    system = np.concatenate([jacobian, residual[:, :, None]], axis=2)
    m, width = system.shape[1:]
    if m <= width:
        return system
    used = np.any(system != 0.0, axis=(0, 2))  # limits that are kept leave rows of zeros
    return np.asarray(np.linalg.qr(system[:, used], mode="r")) if used.sum() > width else system[:, used]


def _solve(jacobian: Array, residual: Array, damping: Array) -> Array:
    """Step d (n, p) that minimises |J d + r|^2 + damping max(singular value)^2 |d|^2, by singular values."""
    u, s, vt = np.linalg.svd(jacobian, full_matrices=False)
    largest = s[:, :1]
    inverse = s / (s * s + (damping[:, None] * largest * largest) + 1e-300)
    inverse[s <= _RANK * largest] = 0.0
    return np.asarray(-((inverse * (residual[:, None] @ u)[:, 0])[:, None] @ vt)[:, 0])
