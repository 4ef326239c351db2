"""Arms of the separatrix: the unstable manifolds of the period-three points, followed by tracking.

Points laid out along the outgoing eigenvector, close to the fixed point, over one growth factor, are tracked turn
by turn: their images are the arm, three turns per step. The start is bent to second order; what it still misses
shrinks along the incoming direction while the arm grows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.polynomial.chebyshev import chebval

from extraction.resonance.motion import Motion
from lattice import NoSolution
from lattice.arrays import Array
from lattice.showing import Showing
from optics.closed import closed
from optics.maps.fitted import coefficients_of, nodes_of
from optics.maps.turn import iterate

_START = 1e-2  # of the distance from closed orbit to fixed point
_SAMPLES = 24
_MAX_TURNS = 30_000
_UNSTABLE = 1e-6  # of a multiplier: beyond what rounding leaves of one on the unit circle
_ROUNDING = 1e-10  # m: fixed points are not known better than this close to the resonance
_CLOSED = 1e-3  # of the triangle's width and height: a branch that comes so close to the next fixed point ends there
_ASTRAY = 3.0  # triangle's widths and heights: no stable motion is there
_FIT = 16  # points of the polynomial through one and a half spiral steps of the arm


@closed
@dataclass(frozen=True, repr=False)
class Arm(Showing):
    """An outgoing arm where it crosses x = ``x``.

    ``px`` and, along the arm, ``slope`` dpx/dx [1/m] and ``curvature`` d2px/dx2 [1/m^2]; ``spiral_step`` [m] and
    ``spiral_kick``: change of |x| (outwards positive) and of px over the next three turns; ``vertex``: number of its
    fixed point; ``after`` (4, 4): x, px, y, py on the wire and at the next three turns;
    ``position`` x(u) and ``angle`` px(u) along the arm, u in units of three turns, from ``crossing`` at the wire on.
    The particle on the wire began ``begun`` [m] along the outgoing direction of the first fixed point, ``turns`` ago.
    """

    x: float
    px: float
    slope: float
    curvature: float
    spiral_step: float
    spiral_kick: float
    vertex: int
    after: Array
    position: Chebyshev
    angle: Chebyshev
    crossing: float
    begun: float = 0.0
    turns: int = 0

    def time_within(self, thickness: float) -> float:
        """Part of three turns that particles on the arm spend between x and x + ``thickness`` outwards [m]."""
        if not 0.0 <= thickness < self.spiral_step:
            return 1.0 if thickness > 0 else 0.0
        outwards = np.sign(self.position(self.crossing + 1.0) - self.x)
        guess = self.crossing + thickness / self.spiral_step
        return _root(self.position - (self.x + outwards * thickness), guess) - self.crossing


def eigenvector_out(motion: Motion, point: Array) -> tuple[float, Array]:
    """Multiplier and outgoing direction (4,) at a period-three point, pointing away from the closed orbit.

    Of unit length; "away" is meant in normalised coordinates, where the arm leaves at 30 degrees from the radius.
    """
    return _outgoing(motion, point, iterate(motion.jacobian, point, 3)[1])


def _outgoing(motion: Motion, point: Array, total: Array) -> tuple[float, Array]:
    values, vectors = np.linalg.eig(total[:4, :4])
    index = int(np.argmax(np.abs(values)))
    value = values[index]
    if motion.planes == 2:
        _refuse_unstable(point, values)
    if abs(value.imag) > 1e-9 or not value.real > 1.0:
        raise NoSolution(f"the fixed point at x = {point[0]:.6g} m is not hyperbolic (multiplier {value:.6g})")
    vector = vectors[:, index].real / np.linalg.norm(vectors[:, index].real)
    outwards = motion.mode.normalised(vector) @ motion.normalised(point)
    return float(value.real), vector if outwards >= 0 else -vector


def _refuse_unstable(point: Array, values: Array) -> None:
    """NoSolution where particles leave the fixed point in the other mode too: multipliers ``values`` (4,)."""
    growing = np.abs(values)[(np.abs(values.imag) < 1e-9) & (np.abs(values) > 1.0 + _UNSTABLE)]
    if len(growing) > 1:
        raise NoSolution(
            f"the motion of the other mode is unstable at the fixed point at x = {point[0]:.6g} m (it grows by "
            f"{np.min(growing):.6g} in three turns): no curve bounds what is stable"
        )


def arm_points(motion: Motion, points: Array, x_limit: float, samples: int = _SAMPLES) -> list[Array]:
    """Points (n, 4) of x, px, y, py along the outgoing arm of each fixed point, up to |x - orbit| = ``x_limit``."""
    state = _beginning(motion, points[0]).at(np.arange(samples) / samples)
    orbit, found, done = float(motion.orbit[0]), [state[None, :, :4]], 0
    for block in motion.passes(state, _MAX_TURNS, x_limit):
        away = np.abs(block[:, :, 0] - orbit)
        all_out = (np.arange(done, done + len(block)) % 3 == 2) & np.all(away > x_limit, axis=1)
        over = _lost(block) | all_out | (np.max(away, axis=1) > 20 * x_limit)
        found.append(block[: _first(over), :, :4])
        done += len(block)
        if np.any(over):
            break
    whole = np.concatenate(found)
    arms = [whole[i::3].reshape(-1, 4) for i in range(3)]
    return [arm[np.abs(arm[:, 0] - orbit) <= x_limit] for arm in arms]


def _lost(block: Array) -> Array:
    """Which turns of a block (k, n, 6) left a particle without a place."""
    return np.asarray(~np.all(np.isfinite(block), axis=(1, 2)))


def _first(marks: Array) -> int:
    """Where the first mark stands; behind the end without one."""
    return int(np.argmax(marks)) if np.any(marks) else len(marks)


def arm_through(motion: Motion, points: Array, x_septum: float) -> Arm:
    """The arm that reaches ``x_septum`` first, refined there. NoSolution when none does."""
    orbit = float(motion.orbit[0])
    side = float(np.sign(x_septum - orbit))
    extent = float(np.max(side * (points[:, 0] - orbit)))
    if side * (x_septum - orbit) <= extent:
        raise NoSolution(
            f"the septum at x = {x_septum:.6g} m is inside the stable triangle, which reaches "
            f"{orbit + side * extent:.6g} m (closed orbit at {orbit:.6g} m)"
        )
    beginning = _inside_wires(motion, _beginning(motion, points[0]), x_septum, side)
    number, position = _first_crossing(motion, beginning, x_septum, side)
    return _refined(motion, beginning, x_septum, side, number, position)


@dataclass(frozen=True)
class _Beginning:
    """Where an arm begins: at distance t = start * value^u along it, point + t vector + t^2 curve.

    ``curve`` makes the parabola invariant: three turns take t to value * t, up to terms of third order, when
    (value^2 - M) curve = second derivative of three turns along the vector.
    """

    point: Array
    vector: Array
    curve: Array
    start: float
    value: float

    def at(self, positions: Array) -> Array:
        """Coordinates (n, 6) at positions u (n,); u one larger is where three turns take the particle."""
        distances = (self.start * self.value**positions)[:, None]
        state = np.repeat(self.point[None], len(positions), axis=0)
        state[:, :4] += distances * self.vector + distances**2 * self.curve
        return state


def _beginning(motion: Motion, point: Array, inwards: bool = False) -> _Beginning:
    total = iterate(motion.jacobian, point, 3)[1]
    value, vector = _outgoing(motion, point, total)
    vector = -vector if inwards else vector
    second = motion.turn.second_derivative(point, np.array([*vector, 0.0, 0.0]), 3)[:4]
    curve = np.linalg.solve(value**2 * np.eye(4) - total[:4, :4], second)
    return _Beginning(point, vector, curve, _START * float(np.linalg.norm(point[:4] - motion.orbit)), value)


def _inside_wires(motion: Motion, beginning: _Beginning, x_septum: float, side: float) -> _Beginning:
    """The beginning, so close to the fixed point that it and its images on the other arms are inside the wires."""
    track = motion.turn.track
    while True:
        state = beginning.at(np.array([0.0, 1.0]))
        images = [state, track(state), track(track(state))]
        if max(float(np.max(side * image[:, 0])) for image in images) < side * x_septum:
            return beginning
        beginning = replace(beginning, start=beginning.start / 4)
        if beginning.start < _ROUNDING:
            raise NoSolution(f"the septum at x = {x_septum:.9g} m touches the corner of the stable triangle")


def _first_crossing(motion: Motion, beginning: _Beginning, x_septum: float, side: float) -> tuple[int, float]:
    """Number of turns and position u at which a particle of the first interval lands on the wire."""
    positions = np.linspace(0.0, 1.0, 5)
    furthest, done, wire = side * beginning.point[0], 0, side * x_septum
    for block in motion.passes(beginning.at(positions), _MAX_TURNS, abs(x_septum - motion.orbit[0])):
        reach, lost = side * block[:, :, 0], _lost(block)
        crossing = (reach[:, 1:] > wire) & ~(reach[:, :-1] > wire)
        turn, end = _first(np.any(crossing, axis=1)), _first(lost)
        furthest = max(furthest, float(np.max(reach[: min(turn + 1, end)], initial=furthest)))
        if turn < end:
            i = int(np.argmax(crossing[turn]))
            part = (wire - reach[turn, i]) / (reach[turn, i + 1] - reach[turn, i])
            return done + turn + 1, float(positions[i] + part * (positions[i + 1] - positions[i]))
        done += min(end + 1, len(block))
        if end < len(block):
            break
    raise NoSolution(
        f"no arm reaches the septum at x = {x_septum:.6g} m in {done} turns: the furthest point tracked lies at "
        f"{side * furthest:.6g} m, the arm grows by {beginning.value - 1:.3g} in three turns near the fixed point"
    )


def _refined(motion: Motion, beginning: _Beginning, x_septum: float, side: float, number: int, position: float) -> Arm:
    """Polynomials in u through particles that land near the wire, and through those of the following three turns.

    Particles laid out evenly in u pass evenly in time (the flow is uniform in the logarithm of the distance from the
    fixed point): u one larger is three turns later.
    """
    nodes = nodes_of(_FIT)
    middle, half = position + 0.5, 0.75
    reach = abs(x_septum - motion.orbit[0])
    passed = motion.after(beginning.at(middle + half * nodes), number + 3, reach)[number - 1 :, :, :4]
    if not np.all(np.isfinite(passed)):
        raise NoSolution(f"the arm leaves the domain of the maps within three turns of x = {x_septum:.6g} m")
    domain = [middle - half, middle + half]
    table = np.tensordot(coefficients_of(_FIT), passed, axes=(1, 1))  # of each turn and coordinate
    x, px = (Chebyshev(table[:, 0, k], domain=domain) for k in range(2))
    u = _root(x - x_septum, position)
    after = chebval((u - middle) / half, table)
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
        position=x,
        angle=px,
        crossing=u,
        begun=float(beginning.start * beginning.value**u),
        turns=number,
    )


def _root(polynomial: Chebyshev, near: float) -> float:
    """The root of a polynomial of the position along the arm next to ``near``."""
    roots = polynomial.roots()
    real = roots[np.abs(roots.imag) < 1e-8].real
    real = real[np.abs(real - near) < 0.3]
    if not len(real):
        raise NoSolution("the arm could not be interpolated at the septum")
    return float(real[np.argmin(np.abs(real - near))])


def inner_branches(motion: Motion, points: Array) -> list[Array]:
    """The curved sides of the stable region: points (n, 4) of x, px, y, py from each fixed point inwards to the next.

    NoSolution when a branch does not come back to a fixed point: the region has no sharp border (far from the
    resonance, or in coupled motion, where two curves need not meet), or it takes too many turns (next to it).
    """
    state = _beginning(motion, points[0], inwards=True).at(np.arange(_SAMPLES) / _SAMPLES)
    goal = _Goal.of(motion, points)
    found, done = [state[None, :, :4]], 0
    for block in motion.passes(state, _MAX_TURNS, float(np.max(np.abs(points[:, 0] - motion.orbit[0])))):
        closed, astray = goal.closing(block, done), goal.astray(block)
        end = _first(closed | astray)
        found.append(block[:end, :, :4])
        done += len(block)
        if end < len(block) and closed[end]:
            whole = np.concatenate(found)
            return [np.concatenate([points[i][None, :4], whole[i::3].reshape(-1, 4)]) for i in range(3)]
        if end < len(block):
            raise NoSolution(
                "the separatrices do not close: far from the resonance the stable region has no sharp border"
            )
    raise NoSolution(f"the separatrices do not close within {_MAX_TURNS} turns: the tune is too near the resonance")


@dataclass(frozen=True, eq=False)
class _Goal:
    """Where branches end: the fixed points ``targets`` (3, 2) in the plane of the mode, which are ``scale`` apart."""

    motion: Motion
    targets: Array
    scale: Array

    @classmethod
    def of(cls, motion: Motion, points: Array) -> _Goal:
        targets = motion.normalised(points)
        return cls(motion, targets, np.ptp(targets, axis=0))

    def closing(self, block: Array, done: int) -> Array:
        """After which turns (k,) the last particle has come to a fixed point that is not its own, ``done`` before."""
        last = self.motion.normalised(block[:, -1])
        distances = np.linalg.norm((last[:, None] - self.targets) / self.scale, axis=2)
        own = (done + 1 + np.arange(len(block))) % 3
        distances[np.arange(len(block)), own] = np.inf
        return np.asarray(np.min(distances, axis=1) < _CLOSED)

    def astray(self, block: Array) -> Array:
        """After which turns (k,) a particle is where no stable motion can be."""
        near = np.abs(self.motion.normalised(block)) < _ASTRAY * self.scale
        return np.asarray(~np.all(near, axis=(1, 2)))

    def order(self, sides: list[Array]) -> list[Array]:
        """The sides one behind the other: each runs from its fixed point to the one that its end is nearest to."""
        distances = [np.linalg.norm((self.targets - self.motion.normalised(s[-1])) / self.scale, axis=1) for s in sides]
        ends, order, at = [int(np.argmin(one)) for one in distances], [], 0
        for _ in range(3):
            order.append(sides[at])
            at = ends[at]
        return order


def enclosed_area(motion: Motion, points: Array) -> float:
    """Area [m] enclosed by the inner branches, in x, px and in y, py together; NoSolution as there.

    By the trapezoidal rule, which is exact for the polygon.
    """
    sides = inner_branches(motion, points)
    line = np.concatenate(_Goal.of(motion, points).order(sides))[:, : 2 * motion.planes]
    following = np.roll(line, -1, axis=0)
    return float(0.5 * abs(np.sum(line[:, ::2] * following[:, 1::2] - following[:, ::2] * line[:, 1::2])))
