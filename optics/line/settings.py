"""Settings of a line for many energies and spots at once: sizes in x and y chosen independently, free of dispersion.

Every case (an energy and a spot) is a beam at the beginning of the line and a point of its strengths; all points move
together by damped Gauss-Newton steps (K. Levenberg, Quart. Appl. Math. 2, 164, 1944) on one batch of optics with exact
derivatives. Of the strengths that reach a spot, steps take the nearest: where more strengths than goals are free, what
is found varies with energy as smoothly as the beams do. Limits are strengths and the edge of the beam in the pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lattice import InputError, Lattice
from lattice.arrays import Array
from lattice.showing import Showing, chart
from optics.aperture import openings
from optics.closed import closed
from optics.line.descent import nearest, solved
from optics.line.question import Question, Turned
from optics.line.response import Responses
from optics.linear.moments import Moments, dispersions

#: Part of a size by which it may miss and still be reached; and of D sigma_delta over the size.
TOLERANCE = 1e-6


@closed
@dataclass(frozen=True, eq=False)
class Spots:
    """Spots of n cases at A angles: ``sizes`` (n, A, 2) [m], ``dispersion`` (n, A, 4), ``correlation`` (n, A) of x, y;
    rms ``divergences`` (n, A, 2) and ``slopes`` (n, A, 2), the correlations of x, px and of y, py."""

    sizes: Array
    dispersion: Array
    correlation: Array
    divergences: Array
    slopes: Array

    @property
    def change(self) -> Array:
        """How much each size changes with the angle, largest less smallest over their mean: (n, 2)."""
        return np.asarray(np.ptp(self.sizes, axis=1) / self.sizes.mean(axis=1))


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Settings(Showing):
    """Strengths ``values`` (n, p) of the ``knobs`` for n cases, and what came of each.

    ``sizes`` (n, 2) of the spot [m], ``dispersion`` (n, 4) there, ``correlation`` (n,) of x and y, ``fill`` (n,) the
    largest part of an opening that the beam's edge takes, ``fill_at`` (n,) the row of it; ``reached`` (n,) where sizes
    and dispersion are met within bounds and pipe. ``reasons`` (n,) says what is not, "" where all is. Of a line that is
    ``turned`` sizes, dispersion and correlation are those at the angle whose sizes miss most; ``spots`` has all angles.
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
    turned: Turned | None
    spots: Spots

    def summary(self) -> Mapping[str, Any]:
        """How many cases are reached, the knobs with their ranges, and the first reason why one is not."""
        ends = zip(self.knobs, self.values.min(axis=0), self.values.max(axis=0), strict=True)
        return {
            "line": self.lattice.name,
            "reached": f"{int(self.reached.sum())} of {len(self.reached)}",
            "knobs": {name: f"{low:.4g} to {high:.4g}" for name, low, high in ends},
            "largest fill": float(np.max(self.fill)),
            "first reason": next(filter(None, self.reasons), "none"),
        }

    def plot(self) -> Any:
        """The strengths over the cases, those that are reached: a plotly figure."""
        return chart("settings", knobs=self.knobs, values=self.values, reached=self.reached)

    def of(self, case: int, angle: float | None = None) -> Lattice:
        """The line at the setting of one case, turned to an ``angle`` [rad] (default: as the lattice is)."""
        line = self.lattice.with_parameters(dict(zip(self.knobs, map(float, self.values[case]), strict=True)))
        if angle is None or self.turned is None:
            return line
        return line.with_parameters({self.turned.parameter: angle})


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
    turned: tuple[str, Sequence[float] | Array] | None = None,
    fringe: str = "full",
    start: Array | None = None,
    restarts: int = 4,
    seed: int = 1,
    search: Literal["everywhere", "near", "nowhere"] = "everywhere",
) -> Settings:
    """Strengths at which each of n beams has rms sizes ``size_x``, ``size_y`` (n,) [m] and no dispersion at a place.

    ``beams``: Moments (n, 6, 6) at the beginning of the line; ``vary`` its parameters; ``limits`` of each, (lower,
    upper), numbers or (n,), or one number: none beyond. The beam's edge at ``sigmas`` rms shall stay in the openings.
    ``turned``: a parameter of the line and the angles [rad] at which each setting has to serve (a gantry).
    Begins at the lattice's strengths, or ``start`` (n, p); cases that are not reached begin again near those that are,
    then at ``restarts`` drawn points. Beams of one spot, given in order, end on one branch: each begins again at the
    setting of its neighbour. A case that cannot be reached says so: see ``Settings.reasons``. ``search``
    "near": each case by itself, from where it begins; "nowhere": what comes of ``start`` is told, within limits or not.
    """
    knobs = tuple(name.lower() for name in vary)
    sigma = beams.sigma[None] if beams.sigma.ndim == 2 else beams.sigma
    wanted = np.stack(np.broadcast_arrays(np.asarray(size_x, float), np.asarray(size_y, float), sigma[:, 0, 0])[:2], -1)
    _check(lattice, knobs, wanted, sigmas)
    sigma = np.broadcast_to(sigma, (len(wanted), 6, 6))
    lower, upper = _bounds(limits, knobs, len(wanted))
    low, high = (openings(lattice)[:, columns] for columns in ([0, 2], [1, 3]))
    halves = np.where(np.isnan(low), 1e3, np.minimum(-low, high))
    angles = _turned(lattice, knobs, turned)
    asked = Question(lattice, beams.particle, knobs, sigma, wanted, at, lower, upper, halves, sigmas, fringe, angles)
    own = np.array([float(lattice.parameters[name]) for name in knobs])
    first = np.broadcast_to(own, lower.shape).copy() if start is None else np.array(start, dtype=float)
    if search == "near":
        first = nearest(asked, np.clip(first, lower, upper))
    elif search == "everywhere":
        first = solved(asked, np.clip(first, lower, upper), restarts, np.random.default_rng(seed))
    return _told(asked, first)


def _check(lattice: Lattice, knobs: tuple[str, ...], wanted: Array, sigmas: float) -> None:
    if not knobs:
        raise InputError("settings need parameters to vary: vary=('k1', ...)")
    if wanted.ndim != 2 or not (np.isfinite(wanted).all() and (wanted > 0).all()):
        raise InputError("the sizes of a spot must be positive numbers of m, one of x and y for each beam")
    if not sigmas > 0:
        raise InputError(f"sigmas must be positive, found {sigmas!r}")
    for name in knobs:
        lattice.with_parameters({name: float(lattice.parameters[name])})  # refuses what is unknown or depends on others


def _turned(
    lattice: Lattice, knobs: tuple[str, ...], turned: tuple[str, Sequence[float] | Array] | None
) -> Turned | None:
    """The angles checked; InputError for a parameter that the line lacks or that is varied too."""
    if turned is None:
        return None
    name, values = turned[0].lower(), np.asarray(turned[1], dtype=float)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(f"turned: '{name}' needs one or more angles [rad], found {turned[1]!r}")
    if name in knobs:
        raise InputError(f"turned: '{name}' is varied too")
    lattice.with_parameters({name: float(values[0])})  # refuses what is unknown or depends on others
    return Turned(name, values)


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


def _told(asked: Question, values: Array) -> Settings:
    found = asked.carried(values, np.arange(len(values)))
    spots = _spots(asked, found)
    worst = np.abs(spots.sizes / asked.wanted[:, None] - 1.0).max(axis=2).argmax(axis=1)
    edges = asked.sigmas * np.sqrt(found.squares[:, :-1]) / asked.halves
    edges = edges.reshape(len(values), asked.angles, *edges.shape[1:]).max(axis=(1, 3))
    fill, where = edges.max(axis=1), edges.argmax(axis=1)
    told = _Told(asked, values, spots, worst, fill, where)
    reasons = tuple(told.reason(case) for case in range(len(values)))
    every = np.arange(len(values))
    return Settings(
        knobs=asked.knobs,
        values=values,
        sizes=spots.sizes[every, worst],
        wanted=asked.wanted,
        dispersion=spots.dispersion[every, worst],
        correlation=spots.correlation[every, worst],
        fill=fill,
        fill_at=where,
        reached=np.array([not reason for reason in reasons]),
        reasons=reasons,
        lattice=asked.lattice,
        turned=asked.turned,
        spots=spots,
    )


def _spots(asked: Question, found: Responses) -> Spots:
    end = found.end.reshape(-1, asked.angles, 6, 6)
    rms = np.sqrt(np.diagonal(end, axis1=-2, axis2=-1))
    sizes, divergences = rms[..., [0, 2]], rms[..., [1, 3]]
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes = np.stack([end[..., 0, 1], end[..., 2, 3]], axis=-1) / (sizes * divergences)
    return Spots(sizes, dispersions(end), end[..., 0, 2] / (sizes[..., 0] * sizes[..., 1]), divergences, slopes)


@dataclass(frozen=True, eq=False)
class _Told:
    """What is not reached, in words."""

    asked: Question
    values: Array
    spots: Spots
    worst: Array
    fill: Array
    where: Array

    def reason(self, case: int) -> str:
        """What of one case is not met, "" where everything is."""
        asked, wanted = self.asked, self.asked.wanted[case]
        sizes = self.spots.sizes[case, self.worst[case]]
        spread = float(np.sqrt(asked.sigma[case, 5, 5]))
        dispersed = spread * np.abs(self.spots.dispersion[case]).max(axis=0)
        parts = [
            f"size_{plane} is {1e3 * sizes[k]:.4g} mm{self._turned(case)}, not {1e3 * wanted[k]:.4g}"
            for k, plane in enumerate("xy")
            if abs(sizes[k] / wanted[k] - 1) > TOLERANCE
        ]
        parts += [
            f"dispersion makes {1e3 * dispersed[row]:.3g} mm of size_{plane}"
            for row, k, plane in ((0, 0, "x"), (2, 1, "y"))
            if dispersed[row] > TOLERANCE * wanted[k]
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

    def _turned(self, case: int) -> str:
        """At which angle, where there are several."""
        turned = self.asked.turned
        return "" if turned is None else f" at {np.degrees(turned.values[self.worst[case]]):g} deg"

    def _beyond(self, case: int, knob: int) -> bool:
        value, slack = self.values[case, knob], 1e-6
        return bool(value > self.asked.upper[case, knob] + slack or value < self.asked.lower[case, knob] - slack)
