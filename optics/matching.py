"""Matching: find parameters that meet targets within limits.

Bounded least squares (scipy's trust-region reflective method: Branch, Coleman & Li, SIAM J. Sci. Comput. 21, 1, 1999)
with the exact Jacobian: all parameters are stepped along the imaginary axis in one batch, whose real part is the
optics and whose imaginary part its derivatives (complex step: Squire & Trapp, SIAM Rev. 40, 110, 1998). Starts that
fail are followed by the best of a seeded sample of the region, evaluated as one batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from lattice import InputError, Lattice, ReferenceParticle
from lattice.errors import did_you_mean, listed
from optics.extrema import SLICES
from optics.model import checked_fringe, checked_particle
from optics.optics import END, Functions, Optics, element_of
from optics.targets import Goal, Limit, Vary
from optics.twiss import functions_inside, twiss

Array = np.ndarray[Any, Any]

_STEP = 1e-30  # imaginary step; its square vanishes, so the derivative is exact to rounding
_SOLVED = 1e-12  # scaled residual at rounding: nothing is gained by another step
_SOLVED_COSTLY = 1e-8  # enough, far within any tolerance, where a step takes seconds
_UNSTABLE = 1e6  # residual of a point without optics: never accepted
_SAMPLE = 256
_ITERATIONS = 200


@dataclass(frozen=True)
class MatchResult:
    """What a match found. ``success`` only when every target is within its tolerance and every limit is kept.

    ``parameters``: the varied ones at the best point; ``residuals``: target (or limit) label -> value minus goal,
    unscaled (of a limit: its excess, 0 inside); ``values`` and ``values_before`` of the targets; ``sensitivity``:
    d(target)/d(parameter), (targets, parameters); ``history``: cost and parameters of each accepted step of the best
    run; ``starts``: how many starting points were used; ``evaluations`` of the optics.
    """

    success: bool
    message: str
    lattice: Lattice
    parameters: Mapping[str, float]
    parameters_before: Mapping[str, float]
    residuals: Mapping[str, float]
    values: Mapping[str, float]
    values_before: Mapping[str, float]
    sensitivity: Array
    history: tuple[tuple[float, tuple[float, ...]], ...]
    starts: int
    evaluations: int
    vary: tuple[Vary, ...]
    targets: tuple[Goal, ...]
    limits: tuple[Limit, ...]
    particle: ReferenceParticle | None = None
    fringe: str = "full"


@dataclass(frozen=True)
class _Evaluation:
    """All that is known at one point: scaled residuals (m,), their Jacobian, and the plain values behind them."""

    residuals: Array
    jacobian: Array
    values: dict[str, float]
    excess: dict[str, float]
    sensitivity: Array

    @property
    def cost(self) -> float:
        return 0.5 * float(self.residuals @ self.residuals)


@dataclass
class _Problem:
    """The match as numbers; the last evaluations are kept, because solver and result ask for the same points."""

    lattice: Lattice
    particle: ReferenceParticle
    vary: tuple[Vary, ...]
    targets: tuple[Goal, ...]
    limits: tuple[Limit, ...]
    options: dict[str, Any]
    evaluations: int = 0
    known: dict[bytes, _Evaluation] = field(default_factory=dict)
    history: list[tuple[float, tuple[float, ...]]] = field(default_factory=list)

    @property
    def lower(self) -> Array:
        return np.array([v.bounds[0] for v in self.vary])

    @property
    def upper(self) -> Array:
        return np.array([v.bounds[1] for v in self.vary])

    def optics(self, points: Array) -> tuple[Optics, Functions | None]:
        """Optics of a batch of points (n, parameters), with the inside of elements where a limit looks there."""
        self.evaluations += 1
        batch = self.lattice.with_parameters({v.name: points[:, i] for i, v in enumerate(self.vary)})
        optics = twiss(batch, self.particle, **self.options)
        return optics, functions_inside(optics, SLICES) if any(limit.inside for limit in self.limits) else None

    def residuals(self, optics: Optics, fine: Functions | None, values: Sequence[Array | None]) -> Array:
        """Scaled residuals (n, m) of a batch for the targets' ``values``; ``_UNSTABLE`` where there is no optics."""
        pairs = zip(self.targets, values, strict=True)
        columns = [target.residual(value)[:, None] for target, value in pairs if value is not None]
        columns += [limit.residuals(optics, fine) for limit in self.limits]
        scaled = np.concatenate(columns, axis=1) if columns else np.zeros((optics.lattice.batch or 1, 1))
        return np.where(np.isfinite(scaled), scaled, _UNSTABLE)

    def costs(self, points: Array) -> Array:
        """Cost of each point of a batch, without the costly targets."""
        optics, fine = self.optics(points)
        residuals = self.residuals(optics, fine, [None if t.costly else t.evaluate(optics) for t in self.targets])
        return np.asarray(0.5 * np.sum(residuals**2, axis=1))

    def at(self, point: Array) -> _Evaluation:
        """Everything at one point, from one batch stepped along the imaginary axis."""
        key = point.tobytes()
        if key not in self.known:
            if len(self.known) > 2 * _ITERATIONS:
                self.known.clear()
            optics, fine = self.optics(point[None, :] + 1j * _STEP * np.eye(len(point)))
            values = [target.evaluate(optics) for target in self.targets]
            residuals = self.residuals(optics, fine, values)
            self.known[key] = _Evaluation(
                residuals[0].real,
                residuals.imag.T / _STEP,
                {t.label: float(value[0].real) for t, value in zip(self.targets, values, strict=True)},
                {limit.label: float(limit.excess(optics, fine)[0]) for limit in self.limits},
                np.array([value.imag / _STEP for value in values]),
            )
        return self.known[key]

    def solved(self, point: Array) -> bool:
        """True when every target is within its tolerance and every limit is kept."""
        found = self.at(point)
        targets = all(abs(found.values[t.label] - t.value) <= (t.tolerance or 0.0) for t in self.targets)
        return targets and all(excess <= 0.0 for excess in found.excess.values())


def match(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    vary: Sequence[Vary],
    targets: Sequence[Goal],
    limits: Sequence[Limit] = (),
    start: Mapping[str, float] | None = None,
    fringe: str = "full",
    delta: float = 0.0,
    restarts: int = 8,
    seed: int = 1,
) -> MatchResult:
    """Vary parameters until every target is met within its tolerance and every limit is kept.

    Starts from the lattice's values (clipped into the bounds), then from up to ``restarts`` points of a sample drawn
    with ``seed``. ``start``: conditions of a line (as in ``twiss``). No solution is ``success=False`` with the best
    point found, never an exception; wrong names, places and values raise InputError.
    """
    problem = _problem(lattice, particle, vary, targets, limits, start, fringe, delta)
    before = np.array([float(np.real(lattice.parameters[v.name])) for v in problem.vary])
    best = np.clip(before, problem.lower, problem.upper)
    starts, history = 0, []
    for point in _starts(problem, best, restarts, seed):
        starts += 1
        solution = _minimise(problem, point)
        if starts == 1 or problem.at(solution).cost < problem.at(best).cost:
            best, history = solution, problem.history
        if problem.solved(best):
            break
    return _result(problem, before, best, history, starts)


def _problem(
    lattice: Lattice,
    particle: ReferenceParticle | None,
    vary: Sequence[Vary],
    targets: Sequence[Goal],
    limits: Sequence[Limit],
    start: Mapping[str, float] | None,
    fringe: str,
    delta: float,
) -> _Problem:
    if not isinstance(lattice, Lattice):
        raise InputError(f"match takes a Lattice, found {type(lattice).__name__}")
    if lattice.batch is not None:
        raise InputError(f"match works on one lattice, '{lattice.name}' holds {lattice.batch}")
    if not vary or not targets:
        raise InputError("a match needs at least one Vary and one Target")
    names = [v.name for v in vary]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"parameter '{name}' is varied twice")
        if name not in lattice.parameters:
            raise InputError(
                f"lattice '{lattice.name}' has no parameter '{name}'{did_you_mean(name, lattice.parameters)}. "
                f"Its parameters: {listed(lattice.parameters)}"
            )
        if lattice.parameters.is_dependent(name):
            raise InputError(f"parameter '{name}' depends on others: vary those instead")
    labels = [target.label for target in targets]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"the target {label} is given {labels.count(label)} times: a match aims at one value of it"
            )
    goals: list[Goal | Limit] = [*targets, *limits]
    for place in (place for goal in goals for place in goal.places):
        if place.lower() != END:
            lattice.index(element_of(place))
    chromatic = any(goal.chromatic for goal in goals)
    if start is not None and chromatic:
        raise InputError("chromaticity belongs to a ring: it cannot be matched in a line with start conditions")
    options = {"start": start, "fringe": checked_fringe(fringe), "delta": delta, "chromatic": chromatic}
    return _Problem(lattice, checked_particle(lattice, particle), tuple(vary), tuple(targets), tuple(limits), options)


def _starts(problem: _Problem, first: Array, restarts: int, seed: int) -> Any:
    """The first point if it has optics, then the best of a sample of the region."""
    if problem.at(first).residuals.max() < _UNSTABLE:
        yield first
    if restarts <= 0:
        return
    from scipy.stats import qmc  # a second to import, needed only when the first start fails

    sample = qmc.LatinHypercube(len(first), rng=np.random.default_rng(seed)).random(_SAMPLE)
    reach = np.maximum(0.5 * np.abs(first), 0.1)
    low = np.where(np.isfinite(problem.lower), problem.lower, first - reach)
    high = np.where(np.isfinite(problem.upper), problem.upper, first + reach)
    points = low + (high - low) * sample
    costs = problem.costs(points)
    for index in np.argsort(costs)[:restarts]:
        if costs[index] < 0.5 * _UNSTABLE**2:
            yield points[index]


def _minimise(problem: _Problem, point: Array) -> Array:
    """Bounded least squares from one point; returns the best point, the history is left in the problem."""
    problem.history = [(problem.at(point).cost, tuple(map(float, point)))]
    enough = _SOLVED_COSTLY if any(target.costly for target in problem.targets) else _SOLVED

    def note(intermediate_result: Any) -> None:
        problem.history.append((float(intermediate_result.cost), tuple(map(float, intermediate_result.x))))
        if np.max(np.abs(problem.at(intermediate_result.x).residuals)) < enough:
            raise StopIteration

    result = least_squares(
        lambda x: problem.at(x).residuals,
        point,
        jac=lambda x: problem.at(x).jacobian,
        bounds=(problem.lower, problem.upper),
        x_scale=np.maximum(np.abs(point), 1e-3),
        ftol=1e-15,
        xtol=1e-15,
        gtol=1e-15,
        max_nfev=_ITERATIONS,
        callback=note,
    )
    return np.asarray(result.x)


def _result(problem: _Problem, before: Array, point: Array, history: list[Any], starts: int) -> MatchResult:
    names = [v.name for v in problem.vary]
    found, found_before = problem.at(point), problem.at(before)
    misses = {t.label: found.values[t.label] - t.value for t in problem.targets}
    excess = {label: max(value, 0.0) if value == value else value for label, value in found.excess.items()}
    success = starts > 0 and problem.solved(point)
    return MatchResult(
        success=success,
        message=_message(problem, success, starts, misses, excess),
        lattice=problem.lattice.with_parameters(dict(zip(names, point, strict=True))),
        parameters=dict(zip(names, map(float, point), strict=True)),
        parameters_before=dict(zip(names, map(float, before), strict=True)),
        residuals={**misses, **excess},
        values=found.values,
        values_before=found_before.values,
        sensitivity=found.sensitivity,
        history=tuple(history),
        starts=starts,
        evaluations=problem.evaluations,
        vary=problem.vary,
        targets=problem.targets,
        limits=problem.limits,
        particle=problem.particle,
        fringe=problem.options["fringe"],
    )


def counted(number: int, noun: str) -> str:
    """``3 targets``, ``1 target``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _message(
    problem: _Problem, success: bool, starts: int, misses: Mapping[str, float], excess: Mapping[str, float]
) -> str:
    points = counted(starts, "starting point")
    if success:
        limits = f" and {counted(len(excess), 'limit')} kept" if excess else ""
        return f"{counted(len(misses), 'target')} met within tolerance{limits}, from {points}"
    if starts == 0:
        return "no solution: no lattice with bounded motion was found within the bounds"
    wrong = [f"{t.label} misses {t.value:g} by {misses[t.label]:.3g}" for t in problem.targets
             if not abs(misses[t.label]) <= (t.tolerance or 0.0)]  # fmt: skip
    wrong += [f"{label} is exceeded by {value:.3g}" for label, value in excess.items() if value != 0.0]
    return f"no solution from {points}; at the best point {'; '.join(wrong)}"
