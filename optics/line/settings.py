"""Settings of a line for many energies and spots at once: sizes in x and y chosen independently, free of dispersion.

Every case (an energy and a spot) is a beam at the beginning of the line and a point of its strengths; all points move
together by damped Gauss-Newton steps (K. Levenberg, Quart. Appl. Math. 2, 164, 1944) on one batch of optics with exact
derivatives. Of the strengths that reach a spot, steps take the nearest: where more strengths than goals are free, what
is found varies with energy as smoothly as the beams do. Limits are strengths and the edge of the beam in the pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.aperture import openings
from optics.closed import closed
from optics.line.response import Responses, responses
from optics.linear.moments import Moments

_SIZE = 0.02  # relative: a miss of a size that counts as one,
_DISPERSION = 0.02  # and the share of the size that dispersion may make [of rms size by D sigma_delta]
_ROOM = 0.05  # of the half opening: an edge that far outside counts as one
_STRENGTH = 0.5  # m^-2: a strength that far outside its bounds counts as one
_DAMPING = 1e-3
_ITERATIONS = 60
_MARCHES = 6
_MET, _CLOSE = 1e-15, 1e-10  # sums of squares: no further step, and no further start
#: Part of a size by which it may miss and still be reached; and of D sigma_delta over the size.
TOLERANCE = 1e-6


@closed
@dataclass(frozen=True, eq=False)
class Settings:
    """Strengths ``values`` (n, p) of the ``knobs`` for n cases, and what came of each.

    ``sizes`` (n, 2) of the spot [m], ``dispersion`` (n, 4) there, ``correlation`` (n,) of x and y, ``fill`` (n,) the
    largest part of an opening that the beam's edge takes, ``fill_at`` (n,) the row of it; ``reached`` (n,) where sizes
    and dispersion are met within bounds and pipe. ``reasons`` (n,) says what is not, "" where all is.
    """

    knobs: tuple[str, ...]
    values: Array
    sizes: Array
    wanted: Array
    dispersion: Array
    correlation: Array
    fill: Array
    fill_at: Array
    reached: Array
    reasons: tuple[str, ...]
    lattice: Lattice

    def of(self, case: int) -> Lattice:
        """The line at the setting of one case."""
        return self.lattice.with_parameters(dict(zip(self.knobs, map(float, self.values[case]), strict=True)))


@dataclass(frozen=True, eq=False)
class _Question:
    """What is asked of every case; rows are scaled so that 1 is a miss that counts."""

    lattice: Lattice
    particle: ReferenceParticle
    knobs: tuple[str, ...]
    sigma: Array
    wanted: Array
    at: str
    lower: Array
    upper: Array
    halves: Array
    sigmas: float
    fringe: str

    def carried(self, values: Array, cases: Array) -> Responses:
        by_knob = {name: values[:, k] for k, name in enumerate(self.knobs)}
        return responses(self.lattice, self.particle, by_knob, self.sigma[cases], self.at, fringe=self.fringe)

    def rows(self, values: Array, cases: Array) -> tuple[Array, Array]:
        """Scaled misses (n, m) and their derivatives (n, m, p): sizes, dispersion, openings, bounds."""
        found = self.carried(values, cases)
        parts = [self._sizes(found, cases), self._dispersions(found, cases), self._openings(found)]
        parts += [self._bounds(values, cases)]
        return np.concatenate([part[0] for part in parts], axis=1), np.concatenate([part[1] for part in parts], axis=1)

    def _sizes(self, found: Responses, cases: Array) -> tuple[Array, Array]:
        squares = np.stack([found.end[:, u, u] for u in (0, 2)], axis=1)
        slopes = np.stack([found.end_slopes[:, :, u, u] for u in (0, 2)], axis=1)
        misses = 0.5 * np.log(squares / self.wanted[cases] ** 2) / _SIZE
        return misses, 0.5 * slopes / squares[..., None] / _SIZE

    def _dispersions(self, found: Responses, cases: Array) -> tuple[Array, Array]:
        """D sigma_delta over the size wanted; the slope of D by that of the size over 10 m behind."""
        spread = np.sqrt(self.sigma[cases, 5, 5])
        known = np.where(spread > 0, spread, 1.0)
        scale = _DISPERSION * np.repeat(self.wanted[cases], 2, axis=1) * [1.0, 0.1, 1.0, 0.1]
        misses = found.end[:, :4, 5] / known[:, None] / scale
        slopes = found.end_slopes[:, :, :4, 5].swapaxes(1, 2) / known[:, None, None] / scale[..., None]
        return misses, slopes

    def _openings(self, found: Responses) -> tuple[Array, Array]:
        """How far the edge of the beam lies outside each opening, 0 inside."""
        edges = self.sigmas * np.sqrt(found.squares[:, :-1]) / self.halves
        slopes = self.sigmas * found.slopes[:, :-1] / (2 * np.sqrt(found.squares[:, :-1]) * self.halves)[..., None]
        over = np.maximum(edges - 1.0, 0.0) / _ROOM
        n, p = len(over), slopes.shape[-1]
        return over.reshape(n, -1), np.where(over[..., None] > 0, slopes / _ROOM, 0.0).reshape(n, -1, p)

    def _bounds(self, values: Array, cases: Array) -> tuple[Array, Array]:
        low, high = self.lower[cases], self.upper[cases]
        over = (np.maximum(values - high, 0.0) - np.maximum(low - values, 0.0)) / _STRENGTH
        return over, np.where(over != 0.0, 1.0 / _STRENGTH, 0.0)[:, :, None] * np.eye(values.shape[1])


def settings(
    lattice: Lattice,
    beams: Moments,
    *,
    vary: Sequence[str],
    size_x: Array | float,
    size_y: Array | float,
    at: str,
    limits: Mapping[str, tuple[Array | float, Array | float]] | float,
    sigmas: float = 3.0,
    fringe: str = "full",
    start: Array | None = None,
    restarts: int = 4,
    seed: int = 1,
) -> Settings:
    """Strengths at which each of n beams has rms sizes ``size_x``, ``size_y`` (n,) [m] and no dispersion at a place.

    ``beams``: Moments (n, 6, 6) at the beginning of the line; ``vary`` its parameters; ``limits`` of each, (lower,
    upper), numbers or (n,), or one number: none beyond. The beam's edge at ``sigmas`` rms shall stay in the openings.
    Begins at the lattice's strengths, or ``start`` (n, p); cases that are not reached begin again near those that are,
    then at ``restarts`` drawn points. Beams of one spot, given in order, end on one branch: each begins again at the
    setting of its neighbour. A case that cannot be reached says so: see ``Settings.reasons``.
    """
    knobs = tuple(name.lower() for name in vary)
    sigma = beams.sigma[None] if beams.sigma.ndim == 2 else beams.sigma
    wanted = np.stack(np.broadcast_arrays(np.asarray(size_x, float), np.asarray(size_y, float), sigma[:, 0, 0])[:2], -1)
    _check(lattice, knobs, wanted, sigmas)
    sigma = np.broadcast_to(sigma, (len(wanted), 6, 6))
    lower, upper = _bounds(limits, knobs, len(wanted))
    low, high = (openings(lattice)[:, columns] for columns in ([0, 2], [1, 3]))
    halves = np.where(np.isnan(low), 1e3, np.minimum(-low, high))
    asked = _Question(lattice, beams.particle, knobs, sigma, wanted, at, lower, upper, halves, sigmas, fringe)
    own = np.array([float(lattice.parameters[name]) for name in knobs])
    first = np.broadcast_to(own, lower.shape).copy() if start is None else np.array(start, dtype=float)
    values = _solved(asked, np.clip(first, lower, upper), restarts, np.random.default_rng(seed))
    return _told(asked, values)


def _check(lattice: Lattice, knobs: tuple[str, ...], wanted: Array, sigmas: float) -> None:
    if not knobs:
        raise InputError("settings need parameters to vary: vary=('k1', ...)")
    if wanted.ndim != 2 or not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise InputError("the sizes of a spot must be positive numbers of m, one of x and y for each beam")
    if not sigmas > 0:
        raise InputError(f"sigmas must be positive, found {sigmas!r}")
    for name in knobs:
        lattice.with_parameters({name: float(lattice.parameters[name])})  # refuses what is unknown or depends on others


def _bounds(
    limits: Mapping[str, tuple[Array | float, Array | float]] | float, knobs: tuple[str, ...], n: int
) -> tuple[Array, Array]:
    if isinstance(limits, Mapping):
        missing = [name for name in knobs if name not in limits]
        if missing:
            raise InputError(f"limits of '{missing[0]}' are missing: {{'{missing[0]}': (lower, upper)}}")
        pairs = [limits[name] for name in knobs]
    else:
        pairs = [(-float(limits), float(limits))] * len(knobs)
    lower, upper = (np.stack([np.broadcast_to(np.asarray(pair[k], float), (n,)) for pair in pairs], -1) for k in (0, 1))
    return lower, upper


def _solved(asked: _Question, values: Array, restarts: int, random: np.random.Generator) -> Array:
    every = np.arange(len(values))
    values, misses = _descended(asked, values, every)
    for attempt in range(1 + restarts):
        left = np.flatnonzero(misses > _CLOSE)
        if not len(left):
            break
        begin = _neighbours(values, misses, asked, left) if attempt == 0 else _drawn(asked, values, left, random)
        again, found = _descended(asked, begin, left)
        better = found < misses[left]
        values[left[better]], misses[left[better]] = again[better], found[better]
    return _aligned(asked, values, misses)


def _aligned(asked: _Question, values: Array, misses: Array) -> Array:
    """The settings of each spot on one branch: all begin again at that of the middle beam, or of the nearest on it."""
    spots = np.unique(asked.wanted, axis=0, return_inverse=True)[1].reshape(-1)
    on_branch = np.zeros(len(values), dtype=bool)
    for spot in range(spots.max() + 1):
        reached = np.flatnonzero((spots == spot) & (misses <= _CLOSE))
        on_branch[reached[len(reached) // 2 : len(reached) // 2 + 1]] = True
    for _ in range(_MARCHES):
        left = np.flatnonzero(~on_branch & np.isin(spots, spots[on_branch]))
        if not len(left):
            break
        far = np.abs(left[:, None] - np.arange(len(values))) + 1e9 * (~on_branch | (spots[left, None] != spots))
        begin = values[np.argmin(far, axis=1)]
        again, found = _descended(asked, np.clip(begin, asked.lower[left], asked.upper[left]), left)
        met = found <= _CLOSE
        if not met.any():
            break
        values[left[met]], misses[left[met]] = again[met], found[met]
        on_branch[left[met]] = True
    return values


def _neighbours(values: Array, misses: Array, asked: _Question, left: Array) -> Array:
    """For each case that is left, the setting of the nearest spot that was reached."""
    reached = np.flatnonzero(misses <= _CLOSE)
    if not len(reached):
        return values[left]
    far = np.abs(np.log(asked.wanted[left, None] / asked.wanted[None, reached])).sum(-1)
    far = far + 1e-3 * np.abs(left[:, None] - reached)
    return np.asarray(values[reached[np.argmin(far, axis=1)]])


def _drawn(asked: _Question, values: Array, left: Array, random: np.random.Generator) -> Array:
    """Points near the present ones, one and the same draw for all, so that equal cases are found alike."""
    step = random.uniform(-0.4, 0.4, values.shape[1]) * (asked.upper[left] - asked.lower[left]).clip(max=4.0) / 2
    return np.asarray(np.clip(values[left] + step, asked.lower[left], asked.upper[left]))


def _descended(asked: _Question, values: Array, cases: Array) -> tuple[Array, Array]:
    """Values where the sum of squares (n,) is least, near those given, and that sum."""
    damping = np.full(len(cases), _DAMPING)
    rows, slopes = asked.rows(values, cases)
    misses = (rows**2).sum(axis=1)
    active = np.arange(len(cases))
    for _ in range(_ITERATIONS):
        active = active[misses[active] > _MET]
        if not len(active):
            break
        trial = values[active] - _step(rows[active], slopes[active], damping[active])
        new_rows, new_slopes = asked.rows(trial, cases[active])
        new_misses = (new_rows**2).sum(axis=1)
        better = new_misses < misses[active]
        taken, worse = active[better], active[~better]
        values[taken], rows[taken], slopes[taken] = trial[better], new_rows[better], new_slopes[better]
        misses[taken] = new_misses[better]
        damping[taken], damping[worse] = np.maximum(damping[taken] / 5, 1e-14), damping[worse] * 8
        active = active[damping[active] < 1e8]
    return values, misses


def _step(rows: Array, slopes: Array, damping: Array) -> Array:
    """J^T (J J^T + lambda 1)^-1 r: the shortest step where there are more strengths than goals."""
    square = np.einsum("nmp,nmq->npq", slopes, slopes) + damping[:, None, None] * np.eye(slopes.shape[2])
    right = np.einsum("nmp,nm->np", slopes, rows)
    return np.asarray(np.linalg.solve(square, right[..., None])[..., 0])


def _told(asked: _Question, values: Array) -> Settings:
    found = asked.carried(values, np.arange(len(values)))
    spread = np.sqrt(found.end[:, 5, 5])
    known = np.where(spread > 0, spread, 1.0)
    sizes = np.sqrt(np.stack([found.end[:, 0, 0], found.end[:, 2, 2]], axis=1))
    dispersion = found.end[:, :4, 5] / known[:, None] ** 2
    edges = asked.sigmas * np.sqrt(found.squares[:, :-1]) / asked.halves
    fill, where = edges.max(axis=(1, 2)), edges.max(axis=2).argmax(axis=1)
    told = _Told(asked, values, sizes, dispersion * known[:, None], fill, where)
    reasons = tuple(told.reason(case) for case in range(len(values)))
    return Settings(
        knobs=asked.knobs,
        values=values,
        sizes=sizes,
        wanted=asked.wanted,
        dispersion=dispersion,
        correlation=found.end[:, 0, 2] / (sizes[:, 0] * sizes[:, 1]),
        fill=fill,
        fill_at=where,
        reached=np.array([not reason for reason in reasons]),
        reasons=reasons,
        lattice=asked.lattice,
    )


@dataclass(frozen=True, eq=False)
class _Told:
    """What is not reached, in words."""

    asked: _Question
    values: Array
    sizes: Array
    dispersed: Array
    fill: Array
    where: Array

    def reason(self, case: int) -> str:
        """What of one case is not met, "" where everything is."""
        asked, wanted, sizes = self.asked, self.asked.wanted[case], self.sizes[case]
        parts = [
            f"size_{plane} is {1e3 * sizes[k]:.4g} mm, not {1e3 * wanted[k]:.4g}"
            for k, plane in enumerate("xy")
            if abs(sizes[k] / wanted[k] - 1) > TOLERANCE
        ]
        parts += [
            f"dispersion makes {1e3 * abs(self.dispersed[case, row]):.3g} mm of size_{plane}"
            for row, k, plane in ((0, 0, "x"), (2, 1, "y"))
            if abs(self.dispersed[case, row]) > TOLERANCE * wanted[k]
        ]
        parts += [
            f"{name} is at its {side} limit {limit[case, k]:.4g} m^-2"
            for k, name in enumerate(asked.knobs)
            for side, limit, sign in (("upper", asked.upper, 1), ("lower", asked.lower, -1))
            if sign * (self.values[case, k] - limit[case, k]) > -1e-9 and (parts or self._beyond(case, k))
        ]
        if self.fill[case] > 1 + TOLERANCE:
            name = asked.lattice.names[self.where[case]]
            parts.append(f"{asked.sigmas:g} sigma take {self.fill[case]:.3g} of the opening at '{name}'")
        return "; ".join(parts)

    def _beyond(self, case: int, knob: int) -> bool:
        value, slack = self.values[case, knob], 1e-6
        return bool(value > self.asked.upper[case, knob] + slack or value < self.asked.lower[case, knob] - slack)
