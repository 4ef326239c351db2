"""Arms of the separatrix: the unstable manifolds of the period-three points, followed by tracking.

Points laid out along the outgoing eigenvector, close to the fixed point, over one growth factor, are tracked turn
by turn: their images are the arm, three turns per step. What the linear start misses shrinks along the incoming
direction while the arm grows, so the arm is met to about (start / size)^3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev

from extraction.kobayashi import Kobayashi
from lattice import NoSolution
from optics.turn import Turn, iterate

Array = np.ndarray[Any, Any]

_START = 5e-3  # of the distance from closed orbit to fixed point
_SAMPLES = 24
_MAX_TURNS = 30_000
_FIT = 12  # points of the local polynomial through the arm at the septum


@dataclass(frozen=True)
class Arm:
    """An outgoing arm where it crosses x = ``x``.

    ``px`` and, along the arm, ``slope`` dpx/dx [1/m] and ``curvature`` d2px/dx2 [1/m^2]; ``spiral_step`` [m] and
    ``spiral_kick``: change of |x| (outwards positive) and of px over the next three turns; ``vertex``: number of its
    fixed point; ``after`` (4, 4): x, px, y, py on the wire and at the next three turns; ``time``: how long a particle
    on the arm takes from the wire to a part of the spiral step, in units of three turns.
    """

    x: float
    px: float
    slope: float
    curvature: float
    spiral_step: float
    spiral_kick: float
    vertex: int
    after: Array
    time: Chebyshev

    def time_within(self, thickness: float) -> float:
        """Part of three turns that particles on the arm spend between x and x + ``thickness`` outwards [m]."""
        if not 0.0 <= thickness < self.spiral_step:
            return 1.0 if thickness > 0 else 0.0
        return float(self.time(thickness / self.spiral_step))


def eigenvector_out(turn: Turn, point: Array, orbit: Array, kobayashi: Kobayashi) -> tuple[float, Array]:
    """Multiplier and outgoing direction (4,) at a period-three point, pointing away from the closed orbit.

    Of unit length; "away" is meant in normalised coordinates, where the arm leaves at 30 degrees from the radius.
    """
    _, total = iterate(turn.jacobian, point, 3)
    values, vectors = np.linalg.eig(total[:4, :4])
    index = int(np.argmax(np.abs(values)))
    value = values[index]
    if abs(value.imag) > 1e-9 or not value.real > 1.0:
        raise NoSolution(f"the fixed point at x = {point[0]:.6g} m is not hyperbolic (multiplier {value:.6g})")
    vector = vectors[:, index].real / np.linalg.norm(vectors[:, index].real)
    centre = np.array(kobayashi.orbit)
    radius = kobayashi.normalised(point[:2] - orbit[:2] + centre)
    outwards = kobayashi.normalised(vector[:2] + centre) @ radius
    return float(value.real), vector if outwards >= 0 else -vector


def arm_points(
    turn: Turn, points: Array, orbit: Array, kobayashi: Kobayashi, x_limit: float, samples: int = _SAMPLES
) -> list[Array]:
    """Points (n, 2) of x, px along the outgoing arm of each fixed point, up to |x - orbit| = ``x_limit``."""
    value, vector = eigenvector_out(turn, points[0], orbit, kobayashi)
    start = _START * np.linalg.norm(points[0, :4] - orbit)
    state = _laid_out(points[0], vector, start * value ** (np.arange(samples) / samples))
    arms: list[list[Array]] = [[], [], []]
    for number in range(_MAX_TURNS):
        arms[number % 3].append(state[:, :2].copy())
        state = turn.track(state)
        if not np.all(np.isfinite(state)) or (number % 3 == 2 and np.all(np.abs(state[:, 0] - orbit[0]) > x_limit)):
            break
        if np.max(np.abs(state[:, 0] - orbit[0])) > 20 * x_limit:
            break
    limited = [np.concatenate(arm) for arm in arms]
    return [arm[np.abs(arm[:, 0] - orbit[0]) <= x_limit] for arm in limited]


def _laid_out(point: Array, vector: Array, distances: Array) -> Array:
    state = np.repeat(point[None], len(distances), axis=0)
    state[:, :4] += distances[:, None] * vector
    return state


def arm_through(turn: Turn, points: Array, orbit: Array, kobayashi: Kobayashi, x_septum: float) -> Arm:
    """The arm that reaches ``x_septum`` first, refined there. NoSolution when none does."""
    side = np.sign(x_septum - orbit[0])
    extent = float(np.max(side * (points[:, 0] - orbit[0])))
    if side * (x_septum - orbit[0]) <= extent:
        raise NoSolution(
            f"the septum at x = {x_septum:.6g} m is inside the stable triangle, which reaches "
            f"{orbit[0] + side * extent:.6g} m (closed orbit at {orbit[0]:.6g} m)"
        )
    value, vector = eigenvector_out(turn, points[0], orbit, kobayashi)
    start = _START * float(np.linalg.norm(points[0, :4] - orbit))
    number, fraction = _first_crossing(turn, points[0], vector, start, value, x_septum, side)
    return _refined(turn, points[0], vector, start, value, x_septum, side, number, fraction)


def _first_crossing(
    turn: Turn, point: Array, vector: Array, start: float, value: float, x_septum: float, side: float
) -> tuple[int, float]:
    """Turn and position u (start * value^u) at which a point of the laid-out interval lands on the wire."""
    positions = np.arange(_SAMPLES + 1) / _SAMPLES
    state = _laid_out(point, vector, start * value**positions)
    furthest = side * point[0]
    for number in range(1, _MAX_TURNS):
        state = turn.track(state)
        if not np.all(np.isfinite(state)):
            break
        beyond = side * state[:, 0] - side * x_septum
        furthest = max(furthest, float(np.max(beyond)) + side * x_septum)
        if np.any(beyond > 0):
            crossing = np.flatnonzero((beyond[:-1] <= 0) != (beyond[1:] <= 0))
            if len(crossing):
                i = int(crossing[0])
                return number, float(np.interp(0.0, *_rising(beyond[i : i + 2], positions[i : i + 2])))
    raise NoSolution(
        f"no arm reaches the septum at x = {x_septum:.6g} m: the furthest point tracked lies at {side * furthest:.6g} m"
    )


def _rising(x: Array, y: Array) -> tuple[Array, Array]:
    return (x, y) if x[0] <= x[1] else (x[::-1], y[::-1])


def _refined(
    turn: Turn,
    point: Array,
    vector: Array,
    start: float,
    value: float,
    x_septum: float,
    side: float,
    number: int,
    fraction: float,
) -> Arm:
    """Polynomials through the arm near the wire, in the position along it."""
    half = 1.5 / _SAMPLES
    nodes = np.cos(np.pi * (np.arange(_FIT) + 0.5) / _FIT)
    state = _laid_out(point, vector, start * value ** (fraction + half * nodes))
    passed = []
    for turn_number in range(1, number + 4):
        state = turn.track(state)
        if turn_number >= number:
            passed.append(state[:, :4].copy())
    fits = [[Chebyshev.fit(nodes, places[:, k], _FIT - 1, domain=[-1, 1]) for k in range(4)] for places in passed]
    x, px = fits[0][0], fits[0][1]
    u = _root(x - x_septum)
    after = np.array([[fit(u) for fit in places] for places in fits])
    x1, p1, x2, p2 = x.deriv()(u), px.deriv()(u), x.deriv(2)(u), px.deriv(2)(u)
    return Arm(
        x=float(after[0, 0]),
        px=float(after[0, 1]),
        slope=float(p1 / x1),
        curvature=float((p2 * x1 - p1 * x2) / x1**3),
        spiral_step=float(side * (after[3, 0] - after[0, 0])),
        spiral_kick=float(after[3, 1] - after[0, 1]),
        vertex=number % 3,
        after=after,
        time=_time_on_arm(turn, point, vector, start, value, number, fraction + half * u, x_septum, side),
    )


def _time_on_arm(
    turn: Turn, point: Array, vector: Array, start: float, value: float, number: int, at: float, x: float, side: float
) -> Chebyshev:
    """Time from the wire, in three turns, as a function of the part of the spiral step covered.

    Particles laid out evenly in ``at`` pass evenly in time (the flow is uniform in the logarithm of the distance from
    the fixed point), so positions one whole ``at`` apart are three turns apart.
    """
    later = 0.5 - 0.5 * np.cos(np.pi * np.arange(_FIT) / (_FIT - 1))
    state = _laid_out(point, vector, start * value ** (at + later))
    for _ in range(number):
        state = turn.track(state)
    covered = side * (state[:, 0] - x)
    return Chebyshev.fit(covered / covered[-1], later, _FIT - 1, domain=[0, 1])


def _root(polynomial: Any) -> float:
    roots = polynomial.roots()
    real = roots[(np.abs(roots.imag) < 1e-8) & (np.abs(roots.real) <= 1.05)].real
    if not len(real):
        raise NoSolution("the arm could not be interpolated at the septum")
    return float(real[np.argmin(np.abs(real))])


def enclosed_area(turn: Turn, points: Array, orbit: Array, kobayashi: Kobayashi) -> float:
    """Area [m] enclosed by the three arms' inner branches, from each fixed point to the next."""
    value, vector = eigenvector_out(turn, points[0], orbit, kobayashi)
    size = float(np.linalg.norm(points[0, :4] - orbit))
    state = _laid_out(points[0], -vector, 1e-3 * size * value ** (np.arange(_SAMPLES) / _SAMPLES))
    sides: list[list[Array]] = [[points[i, :2][None]] for i in range(3)]
    targets = points[:, :2]
    scale = np.ptp(targets, axis=0)
    for number in range(_MAX_TURNS):
        sides[number % 3].append(state[:, :2].copy())
        state = turn.track(state)
        others = [np.linalg.norm((state[-1, :2] - targets[k]) / scale) for k in range(3) if k != (number + 1) % 3]
        if min(others) < 1e-3 or not np.all(np.isfinite(state)):
            break
    return _area_of_sides([np.concatenate(side) for side in sides], targets)


def _area_of_sides(sides: list[Array], targets: Array) -> float:
    """Shoelace area of the closed line: side i runs from vertex i to the vertex its end is nearest to."""
    ends = [int(np.argmin(np.linalg.norm((targets - side[-1]) / np.ptp(targets, axis=0), axis=1))) for side in sides]
    order, at = [], 0
    for _ in range(3):
        order.append(sides[at])
        at = ends[at]
    line = np.concatenate(order)
    x, p = line[:, 0], line[:, 1]
    return float(0.5 * abs(np.sum(x * np.roll(p, -1) - np.roll(x, -1) * p)))
