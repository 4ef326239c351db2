"""A match as numbers: scaled rows of targets and limits at a batch of points, with their exact derivatives.

All parameters of all points are stepped along the imaginary axis in one batch, whose real part is the optics and whose
imaginary part its derivatives (complex step: Squire & Trapp, SIAM Rev. 40, 110, 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from lattice import Lattice, LatticeError, ReferenceParticle
from lattice.arrays import Array
from lattice.memory import Kept, Memory
from lattice.showing import Showing
from optics.linear.extrema import SLICES
from optics.linear.moments import Moments
from optics.linear.solution import functions_inside
from optics.linear.twiss import twiss
from optics.matching.limits import Limit
from optics.matching.places import Places
from optics.matching.targets import Goal, Vary

T = TypeVar("T")

STEP = 1e-30  # imaginary step; its square vanishes, so the derivative is exact to rounding
START = "start."  # begins the names of start conditions that are varied
_AT_ONCE = 2048  # lattices in one batch,
_AT_ONCE_INSIDE = 256  # and where limits look inside elements: more would not fit the processor's caches


@dataclass(frozen=True, kw_only=True)
class Case(Showing):
    """One working point: a ``lattice`` with the ``targets`` and ``limits`` that it shall keep.

    ``particle`` (default: the lattice's own), ``start`` (conditions of a line), ``fringe`` ("full" or "linear") and
    ``delta`` (dp/p) are as for ``twiss``. ``name`` tells several cases apart: ``Vary(..., case=name)``.
    """

    lattice: Lattice
    targets: Sequence[Goal]
    limits: Sequence[Limit] = ()
    particle: ReferenceParticle | None = None
    start: Mapping[str, float] | Moments | None = None
    fringe: str = "full"
    delta: float = 0.0
    name: str = ""

    def label(self, goal: Goal | Limit) -> str:
        """How results name a goal of this case."""
        return f"{self.name}: {goal.label}" if self.name else goal.label

    @property
    def goals(self) -> tuple[Goal | Limit, ...]:
        """Targets, then limits."""
        return (*self.targets, *self.limits)

    @property
    def inside(self) -> bool:
        """True when a limit looks inside elements."""
        return any(limit.inside for limit in self.limits)

    def options(self, lattice: Lattice) -> dict[str, Any]:
        """Options of ``twiss`` for one of this case's lattices."""
        chromatic = any(goal.chromatic for goal in self.goals)
        start = start_of(self.start, lattice)
        return {"start": start, "fringe": self.fringe, "delta": self.delta, "chromatic": chromatic}


@dataclass(frozen=True, eq=False)
class Points:
    """What is known at n points of p parameters.

    ``rows`` (n, m): scaled residuals, targets first, then limits (negative inside); nan where there is no optics.
    ``jacobian`` (n, m, p) or None. ``values``, ``slopes`` (n, t[, p]) of the targets as they are (of one over a range
    where it misses most), ``met`` (n, t); ``excess`` (n, l) over the limits, negative inside.
    """

    rows: Array
    jacobian: Array | None
    values: Array
    slopes: Array | None
    met: Array
    excess: Array

    @property
    def solved(self) -> Array:
        """Points (n,) where every target is within its tolerance and every limit is kept."""
        return np.asarray(self.met.all(axis=1) & (self.excess <= 0.0).all(axis=1))

    def __getitem__(self, which: Any) -> Points:
        """Some of the points."""
        pick = [None if part is None else part[which] for part in self._parts()]
        return Points(*pick)  # type: ignore[arg-type]

    def _parts(self) -> tuple[Array | None, ...]:
        return self.rows, self.jacobian, self.values, self.slopes, self.met, self.excess

    @staticmethod
    def joined(parts: Sequence[Points], axis: int) -> Points:
        """One set of points from several (axis 0), or the rows of several cases side by side (axis 1)."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part._parts() for part in parts), strict=True)
        return Points(*(None if c[0] is None else np.concatenate(c, axis=axis) for c in columns))  # type: ignore[arg-type]


#: Points of a problem with their derivatives, by the bytes of the point.
_POINTS = Kept[bytes, Points]("points", at_most=100)


@dataclass(eq=False)
class Problem:
    """Cases that are matched with common ``vary``; ``evaluations`` counts batches of optics."""

    cases: tuple[Case, ...]
    vary: tuple[Vary, ...]
    evaluations: int = 0
    memory: Memory = field(default_factory=Memory, repr=False)
    _sizes: dict[int, list[int]] = field(default_factory=dict)
    _factors: dict[int, tuple[tuple[int, str, float], ...]] = field(default_factory=dict)
    _places: dict[int, Places | None] = field(default_factory=dict, repr=False)

    @cached_property
    def lower(self) -> Array:
        """Lower bounds (p,)."""
        return np.array([v.bounds[0] for v in self.vary])

    @cached_property
    def upper(self) -> Array:
        """Upper bounds (p,)."""
        return np.array([v.bounds[1] for v in self.vary])

    @cached_property
    def costly(self) -> bool:
        """True when one of the targets is."""
        return any(target.costly for case in self.cases for target in case.targets)

    @cached_property
    def targets(self) -> tuple[Goal, ...]:
        """All targets, case after case."""
        return tuple(target for case in self.cases for target in case.targets)

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """All limits, case after case."""
        return tuple(limit for case in self.cases for limit in case.limits)

    @cached_property
    def target_labels(self) -> tuple[str, ...]:
        """Names of all targets."""
        return tuple(case.label(target) for case in self.cases for target in case.targets)

    @cached_property
    def limit_labels(self) -> tuple[str, ...]:
        """Names of all limits."""
        return tuple(case.label(limit) for case in self.cases for limit in case.limits)

    @cached_property
    def goals(self) -> tuple[tuple[str, Goal | Limit], ...]:
        """Every target and limit with its label, in the order of the rows: case after case."""
        return tuple((case.label(goal), goal) for case in self.cases for goal in case.goals)

    @cached_property
    def owners(self) -> Array:
        """For each row (m,), which of ``goals`` it belongs to."""
        self.at(self.first)
        sizes = [size for case in self.cases for size in self._sizes[id(case)]]
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def is_limit(self) -> Array:
        """Which rows (m,) are limits, and count only where they are above 0."""
        return np.array([isinstance(goal, Limit) for _, goal in self.goals], dtype=bool)[self.owners]

    @cached_property
    def first(self) -> Array:
        """The lattice's own values within the bounds."""
        return np.clip(self.before, self.lower, self.upper)

    @cached_property
    def before(self) -> Array:
        """The lattice's own values of the parameters (p,)."""
        return np.array([float(np.real(self._home(v).parameters[v.name])) for v in self.vary])

    @cached_property
    def scale(self) -> Array:
        """A natural step of each parameter (p,): the width of its bounds where they are narrow, else its size."""
        size = np.maximum(np.abs(self.first), 0.1)
        return np.asarray(np.minimum(size, self.upper - self.lower))

    def _home(self, vary: Vary) -> Lattice:
        cases = [case for case in self.cases if _moves(vary, case)]
        return cases[0].lattice

    def lattice(self, point: Array, case: Case) -> Lattice:
        """The lattice of a case at a point."""
        return without_start(self._lattice(point, case))

    def start(self, point: Array, case: Case) -> dict[str, float] | Moments | None:
        """Start conditions of a case at a point, or its beam's moments; None for a ring."""
        if case.start is None or isinstance(case.start, Moments):
            return case.start
        start = start_of(case.start, self._lattice(point, case))
        assert isinstance(start, dict)
        return {key: float(value) for key, value in start.items()}

    def _lattice(self, point: Array, case: Case) -> Lattice:
        return case.lattice.with_parameters({k: float(v[0]) for k, v in self.parameters(point[None], case).items()})

    def parameters(self, points: Array, case: Case) -> dict[str, Array]:
        """Parameters of a case at points (n, p): arrays (n,)."""
        return {name: factor * points[:, j] for j, name, factor in self._factors_of(case)}

    def _factors_of(self, case: Case) -> tuple[tuple[int, str, float], ...]:
        """Every parameter of a case that is varied: by which of ``vary``, its name, and the factor."""
        if id(case) not in self._factors:
            self._factors[id(case)] = tuple(
                (j, name, factor)
                for j, vary in enumerate(self.vary)
                if _moves(vary, case)
                for name, factor in vary.factors.items()
                if name in case.lattice.parameters
            )
        return self._factors[id(case)]

    def at(self, point: Array) -> Points:
        """Everything at one point (p,), with derivatives; the last ones are kept: a solver asks part by part."""
        return self.memory.once(_POINTS, point.tobytes(), lambda: self.evaluate(point[None]))

    def evaluate(self, points: Array, derivatives: bool = True) -> Points:
        """Everything at points (n, p). Points whose lattice makes no sense (a negative length) are nan."""
        return Points.joined([self._evaluate_case(case, points, derivatives) for case in self.cases], axis=1)

    def _evaluate_case(self, case: Case, points: Array, derivatives: bool) -> Points:
        moved = list(dict.fromkeys(j for j, _, _ in self._factors_of(case))) if derivatives else []
        room = 1 if self.costly else max((_AT_ONCE_INSIDE if case.inside else _AT_ONCE) // max(len(moved), 1), 1)
        chunks = [points[i : i + room] for i in range(0, len(points), room)]
        found = [
            part
            for chunk in chunks
            for part in by_halves(
                lambda some: self._batch(case, some, moved, derivatives),
                chunk,
                lambda one: self._nowhere(case, one, moved, derivatives),
            )
        ]
        return Points.joined(found, axis=0)

    def _nowhere(self, case: Case, points: Array, moved: list[int], derivatives: bool) -> Points:
        model = self._batch(case, self.first[None], moved, derivatives)
        parts = (
            None if part is None else np.full_like(part, False if part.dtype == bool else np.nan)
            for part in model._parts()
        )
        return Points(*parts)  # type: ignore[arg-type]

    def _batch(self, case: Case, points: Array, moved: list[int], derivatives: bool) -> Points:
        self.evaluations += 1
        n, p = points.shape
        if derivatives:
            steps = np.zeros((max(len(moved), 1), p), dtype=complex)
            steps[np.arange(len(moved)), moved] = 1j * STEP
            points = (points[:, None, :] + steps).reshape(-1, p)
        goals = self._at_places(case, points) or self._in_optics(case, points)
        with np.errstate(all="ignore"):
            found, sizes = _measured(case, goals, n, p, moved if derivatives else None)
        self._sizes[id(case)] = sizes
        return found

    def _at_places(self, case: Case, points: Array) -> _Goals | None:
        """The goals where functions at places are all that is asked, and short models tell them."""
        places = self._places_of(case)
        values = None if places is None else places.values(points)
        return None if values is None else _Goals([values[:, j : j + 1] for j in range(values.shape[1])], [], [])

    def _places_of(self, case: Case) -> Places | None:
        if id(case) not in self._places:
            self._places[id(case)] = self._new_places(case)
        return self._places[id(case)]

    def _new_places(self, case: Case) -> Places | None:
        factors = self._factors_of(case)
        moves_start = any(name.startswith(START) for _, name, _ in factors)
        if case.limits or case.delta != 0.0 or case.particle is None or moves_start or not factors:
            return None
        knobs = {name: np.zeros(1 + len(self.vary)) for _, name, _ in factors}
        for j, name, factor in factors:
            knobs[name][1 + j] = factor
        start = start_of(case.start, case.lattice)
        return Places.of(tuple(case.targets), case.lattice, case.particle, case.fringe, start, knobs)

    def _in_optics(self, case: Case, points: Array) -> _Goals:
        """The goals from the optics of the whole lattice."""
        lattice = case.lattice.with_parameters(self.parameters(points, case))
        optics = twiss(lattice, case.particle, **case.options(lattice))
        fine = functions_inside(optics, SLICES) if case.inside else None
        batch = lattice.batch or 1
        with np.errstate(all="ignore"):
            return _Goals(
                [target.evaluate(optics).reshape(batch, -1) for target in case.targets],
                [limit.rows(optics, fine) for limit in case.limits],
                [limit.excess(optics, fine) for limit in case.limits],
            )


@dataclass(frozen=True, eq=False)
class _Goals:
    """Of the lattices (batch) of a case: ``values`` (batch, k) of each target, ``limits`` rows and excess of each."""

    values: list[Array]
    limits: list[Array]
    excess: list[Array]


def with_start(lattice: Lattice, start: Mapping[str, float], keys: Sequence[str]) -> Lattice:
    """The lattice with start conditions as parameters start.betx, start.alfx ..., which a match can vary."""
    definitions = {**lattice.parameters.definitions, **{START + key: float(start.get(key, 0.0)) for key in keys}}
    return _defined(lattice, definitions)


def without_start(lattice: Lattice) -> Lattice:
    """The lattice as it was before ``with_start``."""
    if not any(name.startswith(START) for name in lattice.parameters):
        return lattice
    definitions = lattice.parameters.definitions
    return _defined(lattice, {name: value for name, value in definitions.items() if not name.startswith(START)})


def _defined(lattice: Lattice, definitions: Mapping[str, Any]) -> Lattice:
    return Lattice(
        lattice.name,
        elements=lattice.elements,
        parameters=definitions,
        particle=lattice.particle,
        warnings=lattice.warnings,
    )


def start_of(start: Mapping[str, float] | Moments | None, lattice: Lattice) -> dict[str, Any] | Moments | None:
    """Start conditions with those that are parameters of the lattice; LatticeError for a beta that is not positive."""
    if start is None or isinstance(start, Moments):
        return start
    moved = {
        name.removeprefix(START): value
        for name, value in lattice.parameters.values_by_name.items()
        if name.startswith(START)
    }
    for key in ("betx", "bety"):
        if not np.all(np.real(moved.get(key, 1.0)) > 0):
            raise LatticeError(f"the start condition {key} must be positive")
    return {**start, **moved}


def by_halves(compute: Callable[[Array], T], points: Array, nowhere: Callable[[Array], T]) -> list[T]:
    """``compute`` of points (n, p); where some of them make no lattice, of halves, and ``nowhere`` of such a one."""
    try:
        return [compute(points)]
    except LatticeError:
        if len(points) == 1:
            return [nowhere(points)]
        half = len(points) // 2
        return by_halves(compute, points[:half], nowhere) + by_halves(compute, points[half:], nowhere)


def _moves(vary: Vary, case: Case) -> bool:
    return (vary.case is None or vary.case == case.name) and any(n in case.lattice.parameters for n in vary.factors)


def _measured(case: Case, goals: _Goals, n: int, p: int, moved: list[int] | None) -> tuple[Points, list[int]]:
    """Rows, values and derivatives of one case from its goals at n points, and how many rows each goal has."""
    rows = [_residual(target, one) for target, one in zip(case.targets, goals.values, strict=True)] + goals.limits
    sizes = [part.shape[1] for part in rows]
    real, jacobian = _parts(rows, n, p, moved)
    values, slopes = _parts(goals.values, n, p, moved)
    counts = sizes[: len(case.targets)]
    aims = np.array([target.value for target in case.targets])
    tolerances = np.array([target.tolerance or 0.0 for target in case.targets])
    if values.shape[1] == len(counts):
        near = np.abs(values - aims) <= tolerances
    else:  # targets over ranges
        near = np.abs(values - np.repeat(aims, counts)) <= np.repeat(tolerances, counts)
        near = np.logical_and.reduceat(near, np.cumsum([0, *counts[:-1]]), axis=1)
        worst = _worst(np.abs(real[:, : values.shape[1]]), counts)
        values = np.take_along_axis(values, worst, axis=1)
        slopes = None if slopes is None else np.take_along_axis(slopes, worst[:, :, None], axis=1)
    step = 1 if moved is None else max(len(moved), 1)
    over = np.stack([one[::step] for one in goals.excess], axis=1) if goals.excess else np.zeros((n, 0))
    return Points(real, jacobian, values, slopes, near, over), sizes


def _residual(target: Goal, values: Array) -> Array:
    """Residuals (batch, k) of a target's values (batch, k)."""
    if values.shape[1] == 1:
        return target.residual(values[:, 0])[:, None]
    return np.stack([target.residual(column) for column in values.T], axis=1)


def _worst(distances: Array, counts: list[int]) -> Array:
    """Column of the largest distance of each target, (n, targets); an unknown one is the largest."""
    known = np.where(np.isnan(distances), np.inf, distances)
    ends = np.cumsum(counts)
    picks = [
        end - count + np.argmax(known[:, end - count : end], axis=1) for end, count in zip(ends, counts, strict=True)
    ]
    return np.stack(picks, axis=1)


def _parts(columns: list[Array], n: int, p: int, moved: list[int] | None) -> tuple[Array, Array | None]:
    """Values (n, k) and derivatives (n, k, p) from columns that make (n * stepped parameters, k)."""
    stepped = np.concatenate(columns, axis=1)
    if moved is None:
        return stepped.real, None
    grouped = stepped.reshape(n, -1, stepped.shape[1])
    slopes = grouped.imag.transpose(0, 2, 1) / STEP
    if len(moved) == p:
        return grouped[:, 0].real, slopes
    jacobian = np.zeros((n, stepped.shape[1], p))
    if moved:
        jacobian[:, :, moved] = slopes
    return grouped[:, 0].real, jacobian
