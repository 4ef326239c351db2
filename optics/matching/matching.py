"""Matching: find parameters that meet targets within limits.

Bounded least squares with the exact Jacobian (``problem``, ``optimise``) from the present optics;
where that fails from many starts in one batch, along a homotopy, and by differential evolution
(``search``). What has no solution is explained (``diagnosis``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import counted
from lattice.showing import Showing, chart
from optics.closed import closed
from optics.linear.moments import Moments
from optics.matching.checks import checked_count, checked_problem
from optics.matching.diagnosis import Diagnosis, Infeasibility, diagnosed, explained
from optics.matching.limits import Limit
from optics.matching.polish import POLISHES, polished
from optics.matching.problem import Case, Points, Problem
from optics.matching.search import METHODS, Found, has_motion, search
from optics.matching.solutions import Solution, ranked
from optics.matching.targets import Goal, Vary

__all__ = ["METHODS", "POLISHES", "Case", "MatchResult", "match", "match_together"]


@closed
@dataclass(frozen=True, repr=False)
class MatchResult(Showing):
    """What a match found. ``success`` only when every target is within its tolerance and every limit is kept.

    ``parameters``: the varied ones at the best point; ``residuals``: target (or limit) label -> value minus goal,
    unscaled (of a limit: its excess, 0 inside); ``values`` and ``values_before`` of the targets; ``sensitivity``:
    d(target)/d(parameter), (targets, parameters); ``history``: cost and parameters of each accepted step of the best
    run (``step(i)`` gives its lattice); ``starts``: how many starting points were used; ``evaluations`` of the optics.

    ``solutions``: the distinct solutions that were met on the way, the one with most margin first; ``margin``: see
    ``Solution``. ``diagnosis``: rank, condition, active bounds, and which knob does what. Without success ``conflicts``
    is the smallest set of goals found that cannot be met together and ``relaxation`` how far goals must give way
    (label -> change of the goal, unscaled). ``lattices``: of every case; ``lattice`` is the first.
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
    particle: ReferenceParticle | None
    fringe: str
    start: Mapping[str, float] | Moments | None
    delta: float
    method: str
    margin: float
    solutions: tuple[Solution, ...]
    diagnosis: Diagnosis
    conflicts: tuple[str, ...]
    relaxation: Mapping[str, float]
    cases: tuple[Case, ...]

    def summary(self) -> Mapping[str, Any]:
        """What came of it: the message, what was varied, and how far from their goals the targets are."""
        found: dict[str, Any] = {
            "success": self.success,
            "message": self.message,
            "parameters": self.parameters,
            "values": self.values,
            "largest residual": max((abs(value) for value in self.residuals.values()), default=0.0),
            "evaluations": self.evaluations,
        }
        return found if self.success else {**found, "conflicts": self.conflicts, "relaxation": self.relaxation}

    def plot(self) -> Any:
        """Distance of each target from its goal before and after, in units of its tolerance: a plotly figure."""
        return chart("matched", result=self)

    @property
    def target_labels(self) -> tuple[str, ...]:
        """Names of all targets, in the order of ``targets``."""
        return tuple(self.values)

    @property
    def limit_labels(self) -> tuple[str, ...]:
        """Names of all limits, in the order of ``limits``."""
        return tuple(self.residuals)[len(self.values) :]

    @property
    def starts_of_lines(self) -> Mapping[str, Mapping[str, float] | Moments | None]:
        """The start conditions of every case, with those that were matched; None for a ring."""
        point = np.array(list(self.parameters.values()))
        problem = Problem(self.cases, self.vary)
        return {case.name: problem.start(point, case) for case in self.cases}

    @property
    def lattices(self) -> Mapping[str, Lattice]:
        """The matched lattice of every case, by the case's name."""
        point = np.array(list(self.parameters.values()))
        problem = Problem(self.cases, self.vary)
        return {case.name: problem.lattice(point, case) for case in self.cases}

    def step(self, index: int) -> Lattice:
        """The lattice after step ``index`` of the history (0: where the run began; -1: its end)."""
        if not -len(self.history) <= index < len(self.history):
            raise InputError(f"the history has {counted(len(self.history), 'step')}, there is no step {index}")
        return Problem(self.cases, self.vary).lattice(np.array(self.history[index][1]), self.cases[0])


def match(
    lattice: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    vary: Sequence[Vary],
    targets: Sequence[Goal],
    limits: Sequence[Limit] = (),
    start: Mapping[str, float] | Moments | None = None,
    fringe: str = "full",
    delta: float = 0.0,
    method: str = "auto",
    polish: str | None = None,
    restarts: int = 8,
    seed: int = 1,
) -> MatchResult:
    """Vary parameters until every target is met within its tolerance and every limit is kept.

    Starts from the lattice's values, clipped into the bounds. ``start``: conditions of a line, or the ``Moments`` of
    its beam (as in ``twiss``).
    ``method``: "local" and "gauss_newton" (one run from there), "multistart", "homotopy", "global", or "auto": local,
    then the others until one succeeds; ``restarts`` is the number of starts in the first of three growing batches (0:
    no other start), drawn with ``seed``. ``polish`` uses the freedom that is left for the smallest "peak_beta", the
    smallest "gradient" (rms of the parameters), or the largest "margin" of limits and bounds.

    Equation:
        min over k in its bounds of sum_i (w_i (f_i(k) - goal_i) / tolerance_i)^2, with the exact Jacobian df/dk.

    Returns:
        MatchResult: ``success``, ``lattice``, ``parameters``, ``residuals`` (target to value minus goal, in its own
        unit), ``sensitivity`` (targets, parameters). No solution is ``success=False`` with the best point, never an
        exception.

    Raises:
        InputError: wrong names, places, values, bounds; goals that contradict one another before anything is computed.

    Source:
        Levenberg and Marquardt's damping on Gauss's method: J. Nocedal, S. J. Wright, Numerical Optimization, chapter
        10.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import Target
        >>> found = match(cnao(), vary=[Vary("kf"), Vary("kd")], targets=[Target("qx", 1.67), Target("qy", 1.73)])
        >>> found.success, sorted(found.parameters)
        (True, ['kd', 'kf'])
    """
    case = Case(
        lattice=lattice, particle=particle, targets=targets, limits=limits, start=start, fringe=fringe, delta=delta
    )
    return match_together([case], vary=vary, method=method, polish=polish, restarts=restarts, seed=seed)


def match_together(
    cases: Sequence[Case],
    *,
    vary: Sequence[Vary],
    method: str = "auto",
    polish: str | None = None,
    restarts: int = 8,
    seed: int = 1,
) -> MatchResult:
    """Match several working points at once; a ``Vary`` without ``case`` moves its parameter in all that have it.

    Everything else as in ``match``; of several cases each needs a name, which results put before their labels.

    Equation:
        As in ``match``, with the sum over the targets of all cases.

    Returns:
        MatchResult: ``lattices`` has that of every case, by its name; ``parameters`` (in the lattice's units) of one
            case are called "kd@case".

    Raises:
        InputError: as in ``match``; cases without or with the same name, a case that no ``Vary`` or target can name.

    Source:
        As of ``match``.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import Target
        >>> tunes = {"a": 1.66, "b": 1.68}
        >>> cases = [Case(name=name, lattice=cnao(), targets=[Target("qx", tune)]) for name, tune in tunes.items()]
        >>> both = match_together(cases, vary=[Vary("kf", case="a"), Vary("kf", case="b")])
        >>> both.success, sorted(both.lattices)
        (True, ['a', 'b'])
    """
    if polish is not None and polish not in POLISHES:
        raise InputError(f"polish must be one of {', '.join(POLISHES)}, found {polish!r}")
    restarts, seed = checked_count("restarts", restarts), checked_count("seed", seed)
    problem = checked_problem(cases, vary)
    found = search(problem, method, restarts, seed)
    if polish is not None and found.solved:
        found = polished(problem, found, polish, restarts, seed)
    return _result(problem, found, restarts)


def _result(problem: Problem, found: Found, restarts: int) -> MatchResult:
    labels = [v.label for v in problem.vary]
    here = problem.at(found.point)
    before = _before(problem)
    misses = {
        label: float(here.values[0, i]) - t.value
        for i, (label, t) in enumerate(zip(problem.target_labels, problem.targets, strict=True))
    }
    over = {label: _over(float(here.excess[0, i])) for i, label in enumerate(problem.limit_labels)}
    diagnosis = diagnosed(problem, found.point)
    why = Infeasibility() if found.solved else explained(problem, found, thorough=restarts > 0)
    solutions = ranked(problem, found)
    case = problem.cases[0]
    assert here.slopes is not None
    return MatchResult(
        success=found.solved,
        message=_message(problem, found, here, misses, over, diagnosis, why),
        lattice=problem.lattice(found.point, case),
        parameters=dict(zip(labels, map(float, found.point), strict=True)),
        parameters_before=dict(zip(labels, map(float, problem.before), strict=True)),
        residuals={**misses, **over},
        values=dict(zip(problem.target_labels, map(float, here.values[0]), strict=True)),
        values_before=dict(zip(problem.target_labels, map(float, before), strict=True)),
        sensitivity=here.slopes[0],
        history=tuple(found.history),
        starts=found.starts,
        evaluations=problem.evaluations,
        vary=problem.vary,
        targets=problem.targets,
        limits=problem.limits,
        particle=case.particle,
        fringe=case.fringe,
        start=problem.start(found.point, case),
        delta=case.delta,
        method=found.method,
        margin=solutions[0].margin if found.solved else float("nan"),
        solutions=solutions,
        diagnosis=diagnosis,
        conflicts=why.conflicts,
        relaxation=why.relaxation,
        cases=problem.cases,
    )


def _before(problem: Problem) -> Array:
    """Values of the targets as the lattice came."""
    if not any(vary.tied for vary in problem.vary):
        return np.asarray(problem.at(problem.before).values[0])
    untied = Problem(problem.cases, tuple(replace(vary, tied={}) for vary in problem.vary))
    return np.asarray(untied.at(problem.before).values[0])


def _over(excess: float) -> float:
    return max(excess, 0.0) if excess == excess else excess


def _message(
    problem: Problem,
    found: Found,
    here: Points,
    misses: Mapping[str, float],
    over: Mapping[str, float],
    diagnosis: Diagnosis,
    why: Infeasibility,
) -> str:
    points = counted(found.starts, "starting point")
    few = diagnosis.shortage + ("" if found.solved else diagnosis.dependence)
    if found.solved:
        limits = f" and {counted(len(over), 'limit')} kept" if over else ""
        return f"{counted(len(misses), 'target')} met within tolerance{limits}, from {points}{few}"
    if found.starts == 0:
        return f"no solution: {_nowhere(problem, here)}"
    return "; ".join([f"no solution from {points}", *_wrong(problem, here, misses, over), *why.sentences]) + few


_WHOLE_TURNS = 0.4  # of a tune that is missed by more, the whole number may be what is wrong


def _wrong(problem: Problem, here: Points, misses: Mapping[str, float], over: Mapping[str, float]) -> Iterator[str]:
    wrong = [
        f"{label} misses {target.value:g} by {misses[label]:.3g}"
        for label, target, met in zip(misses, problem.targets, here.met[0], strict=True)
        if not met
    ]
    wrong += [f"{label} is exceeded by {value:.3g}" for label, value in over.items() if value != 0.0]
    yield f"at the best point {', '.join(wrong)}"
    for label, target in zip(misses, problem.targets, strict=True):
        if label.rpartition(".")[2] in ("qx", "qy") and abs(misses[label]) > _WHOLE_TURNS:
            yield f"{label} counts whole turns of the phase too: here it is {target.value + misses[label]:.6g}"


def _nowhere(problem: Problem, here: Points) -> str:
    """Why no start had a number for everything: no optics, or a formula outside its domain."""
    labels = (*problem.target_labels, *problem.limit_labels)
    unknown = ~np.isfinite(np.concatenate([here.values[0], here.excess[0]]))
    if not has_motion(problem, np.random.default_rng(1)):
        return "no lattice with bounded motion was found within the bounds"
    named = ", ".join(label for label, missing in zip(labels, unknown, strict=True) if missing)
    return f"{named} has no finite value, neither at the start nor at any point tried within the bounds"
