"""The exact resonance computed again by another tracking engine, which is given as a function of coordinates.

Nothing of our maps enters but the starting points: fixed points by Newton's method on three turns with differences
for the Jacobian, and the arm as the unstable manifold of those points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from extraction.resonance.arms import Arm
from extraction.resonance.third_integer import ThirdIntegerResonance, triangle_area
from lattice import NoSolution
from lattice.arrays import Array
from optics.closed import closed

#: Coordinates (n, 6) and a number of turns -> coordinates after them.
Tracking = Callable[[Array, int], Array]

#: Steps of the differences [m, rad]: central, so that their error is of third order; rounding leaves 1e-10 of a slope.
STEP = 1e-6
_ITERATIONS = 8
_SETTLED = 1e-13  # m, rad
_START = 1e-3  # of the distance from closed orbit to fixed point, where the arm begins as a straight line
_FAR = 0.05  # of the same distance, to where the motion is nearly linear and nothing has to be looked at
_SAMPLES = 17  # over two growth factors of the arm
_BEYOND = 2  # of them are wanted after the wires
_MAX_STEPS = 5000  # of three turns


@closed
@dataclass(frozen=True)
class TrackedResonance:
    """By another engine: ``points`` (3, 4) of x, px, y, py, ``area`` [m], ``multiplier`` and ``outgoing`` (4,)."""

    points: Array
    area: float
    multiplier: float
    outgoing: Array


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
    radius = found.kobayashi.normalised(point[:2])
    outwards = (found.kobayashi.normalised(point[:2] + vector[:2]) - radius) @ radius
    outgoing = vector if outwards >= 0 else -vector
    return TrackedResonance(points, triangle_area(points[:, :2]), float(values[index].real), outgoing)


def tracked_arm(turn: Tracking, tracked: TrackedResonance, found: ThirdIntegerResonance, x_septum: float) -> TrackedArm:
    """The arm of another engine's fixed points where it reaches ``x_septum`` [m]; NoSolution when it does not."""
    side = float(np.sign(x_septum - found.orbit[0]))
    growth = float(np.log(tracked.multiplier))
    positions = np.linspace(0.0, 2.0, _SAMPLES)
    start = _START * float(np.linalg.norm(tracked.points[0] - found.orbit))
    state = np.zeros((_SAMPLES, 6))
    state[:, :4] = tracked.points[0] + (start * tracked.multiplier**positions)[:, None] * tracked.outgoing
    state[:, 5] = found.delta
    state = turn(state, 3 * int(np.log(_FAR / _START) / growth))
    branches = np.concatenate([state, turn(state, 1), turn(state, 2)])  # each of the three arms
    for _ in range(_MAX_STEPS):
        for branch in branches.reshape(3, _SAMPLES, 6):
            reach = side * (branch[:, 0] - x_septum)
            outwards = np.append(np.diff(reach) > 0, False)
            end = int(np.argmin(outwards)) + 1  # farther out the arm may turn back
            if reach[0] < 0 < reach[_SAMPLES // 2] and end > _SAMPLES // 2 + _BEYOND:
                return _at_wires(turn, branch[:end], positions[:end], x_septum)
        branches = turn(branches, 3)
        if not np.any(np.isfinite(branches)):
            break
    raise NoSolution(f"the other engine's arm does not reach x = {x_septum:.6g} m")


def _at_wires(turn: Tracking, state: Array, positions: Array, x_septum: float) -> TrackedArm:
    place = CubicSpline(positions, state[:, 0] - x_septum).roots(extrapolate=False)
    if not len(place):
        raise NoSolution("the other engine's arm could not be interpolated at the wires")
    on_wire = CubicSpline(positions, state)(place[:1])
    return TrackedArm(float(on_wire[0, 1]), turn(on_wire, 3)[0, :2])


def residuals(found: ThirdIntegerResonance, tracked: TrackedResonance, arm: Arm, other: TrackedArm) -> Residuals:
    """Our numbers beside another engine's, as relative differences."""
    kobayashi = found.kobayashi
    ours, theirs = kobayashi.normalised(found.fixed_points), kobayashi.normalised(tracked.points[:, :2])
    size = float(np.max(np.linalg.norm(ours, axis=1)))
    amplitude = float(np.linalg.norm(kobayashi.normalised(arm.after[0, :2])))
    after = kobayashi.normalised(arm.after[3, :2]) - kobayashi.normalised(other.after)
    return Residuals(
        points=float(np.max(np.linalg.norm(ours - theirs, axis=1))) / size,
        area=abs(tracked.area / found.stable_area - 1.0),
        angle=abs(arm.px - other.px) * float(np.sqrt(kobayashi.betx)) / amplitude,
        position=float(np.linalg.norm(after)) / amplitude,
    )
