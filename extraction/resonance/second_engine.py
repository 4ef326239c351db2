"""The exact resonance computed again by another tracking engine, which is given as a function of coordinates.

Nothing of our maps enters but the starting points: fixed points by Newton's method on three turns with differences
for the Jacobian, and the arm as the unstable manifold of those points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from extraction.resonance.arms import Arm
from extraction.resonance.third_integer import ThirdIntegerResonance, triangle_area
from lattice import NoSolution
from lattice.arrays import Array
from optics.closed import closed

#: Coordinates (n, 6) and a number of turns -> coordinates after them.
Tracking = Callable[[Array, int], Array]

#: Steps of the differences [m, rad]: central, so that their error is of third order; rounding leaves 1e-10 of a slope.
STEP = 1e-6
_BENT = 1e-2  # of the distance of a fixed point from the axis: the step of the second derivative along the arm
_ITERATIONS = 8
_SETTLED = 1e-13  # m, rad
_NEARBY = 1e-3  # of a growth factor, between the two particles that the search for the wires begins with
_FURTHEST = 0.5  # of a growth factor: a larger step of that search leads to other turns
_ON_WIRE = 1e-10  # m: the two engines differ by more, and the arm is straight over less
_SEARCHES = 12


@closed
@dataclass(frozen=True)
class TrackedResonance:
    """By another engine: ``points`` (3, 4) of x, px, y, py, ``area`` [m], ``multiplier`` and ``outgoing`` (4,).

    ``curve`` (4,): how the arm bends away from it, in t^2 at the distance t [m] from the first point.
    """

    points: Array
    area: float
    multiplier: float
    outgoing: Array
    curve: Array


@closed
@dataclass(frozen=True)
class TrackedArm:
    """The arm at the wires by another engine: ``px`` there; x [m] and px ``after`` the next three turns."""

    px: float
    after: Array


@dataclass(frozen=True)
class Residuals:
    """Relative differences of the two engines.

    ``points``: largest distance of a fixed point over the largest amplitude of the three, in normalised coordinates;
    ``area``: relative; ``angle`` of the arm at the wires, and ``position`` three turns later of a particle that starts
    on the arm there, in normalised coordinates over the amplitude at the wires.
    """

    points: float
    area: float
    angle: float
    position: float


def tracked_resonance(turn: Tracking, found: ThirdIntegerResonance) -> TrackedResonance:
    """Fixed points of the third iterate of ``turn`` (one turn from the same place), starting at ``found``.

    NoSolution when Newton's method does not settle there.
    """
    point = found.points[0].copy()
    point[5] = found.delta
    for _ in range(_ITERATIONS):
        end, jacobian = _three_turns(turn, point)
        miss = end - point[:4]
        if not np.all(np.isfinite(jacobian)):
            break
        point[:4] -= np.linalg.solve(jacobian - np.eye(4), miss)
        if np.max(np.abs(miss)) < _SETTLED:
            return _described(turn, point, jacobian, found)
    if np.max(np.abs(miss)) < 1e2 * _SETTLED:  # the engine's own rounding
        return _described(turn, point, jacobian, found)
    raise NoSolution(
        f"the other engine finds no fixed point near x = {found.points[0, 0]:.6g} m (it misses by "
        f"{np.max(np.abs(miss)):.2g})"
    )


def _three_turns(turn: Tracking, point: Array) -> tuple[Array, Array]:
    """End (4,) and Jacobian (4, 4) of three turns, by central differences."""
    shifts = STEP * np.eye(4, 6)
    states = turn(np.concatenate([point[None], point + shifts, point - shifts]), 3)
    return states[0, :4], (states[1:5, :4] - states[5:, :4]).T / (2 * STEP)


def _described(turn: Tracking, point: Array, jacobian: Array, found: ThirdIntegerResonance) -> TrackedResonance:
    points = np.concatenate([point[None], turn(point[None], 1), turn(point[None], 2)])[:, :4]
    values, vectors = np.linalg.eig(jacobian)
    index = int(np.argmax(np.abs(values)))
    vector = vectors[:, index].real
    vector = vector / np.linalg.norm(vector)
    outwards = found.mode.normalised(vector) @ found.motion.normalised(point)
    outgoing, value = vector if outwards >= 0 else -vector, float(values[index].real)
    curve = _curve(turn, point, jacobian, outgoing, value)
    area = triangle_area(points[:, : 2 * found.motion.planes])
    return TrackedResonance(points, area, value, outgoing, curve)


def _curve(turn: Tracking, point: Array, jacobian: Array, outgoing: Array, value: float) -> Array:
    """(value^2 - M) curve = half the second derivative of three turns along the arm, which keeps the parabola."""
    step = _BENT * float(np.linalg.norm(point[:2]))
    shift = np.pad(step * outgoing, (0, 2))
    middle, above, below = turn(np.stack([point, point + shift, point - shift]), 3)[:, :4]
    second = (above - 2.0 * middle + below) / (2.0 * step**2)
    return np.asarray(np.linalg.solve(value**2 * np.eye(4) - jacobian, second))


def tracked_arm(turn: Tracking, tracked: TrackedResonance, found: ThirdIntegerResonance, ours: Arm) -> TrackedArm:
    """The arm of another engine's fixed points at the wires of ``ours``; NoSolution when it does not reach them.

    A particle of their arm, as many turns before the wires as ours, is moved along it until it lands on them; where
    ours began is the first guess. Two begin side by side, and the secant method does the rest.
    """
    places = np.array([0.0, _NEARBY])  # in growth factors of the arm, from where ours began
    ends = _landed(turn, tracked, found, ours, places)
    for _ in range(_SEARCHES):
        slope = (ends[1] - ends[0]) / (places[1] - places[0])
        step = (ours.x - ends[1, 0, 0]) / slope[0, 0]
        if abs(ours.x - ends[1, 0, 0]) < _ON_WIRE:
            on_wire, after = ends[1] + step * slope
            return TrackedArm(float(on_wire[1]), after[:2])
        if not abs(step) < _FURTHEST:
            break
        places = np.array([places[1], places[1] + step])
        ends = np.stack([ends[1], _landed(turn, tracked, found, ours, places[1:])[0]])
    raise NoSolution(f"the other engine's arm does not reach x = {ours.x:.6g} m in {ours.turns} turns")


def _landed(turn: Tracking, tracked: TrackedResonance, found: ThirdIntegerResonance, ours: Arm, places: Array) -> Array:
    """Particles (n, 2, 4) of their arm, as many turns after its beginning as ours is on the wires, and three later."""
    t = (ours.begun * tracked.multiplier**places)[:, None]
    state = np.zeros((len(places), 6))
    state[:, :4] = tracked.points[0] + t * tracked.outgoing + t**2 * tracked.curve
    state[:, 5] = found.delta
    state = turn(state, ours.turns)
    return np.stack([state, turn(state, 3)], axis=1)[:, :, :4]


def residuals(found: ThirdIntegerResonance, tracked: TrackedResonance, arm: Arm, other: TrackedArm) -> Residuals:
    """Our numbers beside another engine's, as relative differences."""
    kobayashi = found.kobayashi
    ours, theirs = found.motion.normalised(found.points), found.motion.normalised(tracked.points)
    size = float(np.max(np.linalg.norm(ours, axis=1)))
    amplitude = float(np.linalg.norm(kobayashi.normalised(arm.after[0, :2])))
    after = kobayashi.normalised(arm.after[3, :2]) - kobayashi.normalised(other.after)
    return Residuals(
        points=float(np.max(np.linalg.norm(ours - theirs, axis=1))) / size,
        area=abs(tracked.area / found.stable_area - 1.0),
        angle=abs(arm.px - other.px) * float(np.sqrt(kobayashi.betx)) / amplitude,
        position=float(np.linalg.norm(after)) / amplitude,
    )
