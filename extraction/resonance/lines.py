"""The separatrices of one momentum as they are drawn: exact and to leading order, physical and normalised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from extraction.resonance.arms import arm_points
from extraction.resonance.kobayashi import Kobayashi
from lattice import NoSolution
from lattice.arrays import Array

if TYPE_CHECKING:
    from extraction.resonance.third_integer import ThirdIntegerResonance

_POINTS = 70  # of an arm
#: Of the wires' distance from the orbit: how far arms are followed.
REACH = 1.3


@dataclass(frozen=True, eq=False)
class Lines:
    """What is drawn of one momentum in one phase plane, (n, 2) each: x [m] and x' [rad], or both in m^1/2 normalised.

    ``arms`` and curved ``sides`` of the stable region through the fixed ``points``, the same to leading order, the
    last ``turns`` of a particle, and the ``wall`` of the septum: its face and its signed thickness.
    """

    arms: Sequence[Array]
    sides: Sequence[Array]
    points: Array
    leading_arms: Sequence[Array]
    leading_points: Array
    turns: Array
    wall: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Separatrices:
    """One momentum at one septum, in both phase planes."""

    delta: float
    physical: Lines
    normalised: Lines


def separatrices(resonance: ThirdIntegerResonance, x_septum: float | None = None) -> Separatrices:
    """The separatrices of one momentum; with ``x_septum`` [m] the wires and the last turns of a particle beside them.

    Arms are followed a little beyond the wires, without them to twice the triangle's reach. Raises NoSolution where
    no arm reaches ``x_septum``.
    """
    exact = resonance.fixed_points
    if x_septum is None:
        reach, turns, wall = 2.0 * float(np.max(np.abs(exact[:, 0] - resonance.orbit[0]))), np.zeros((0, 2)), None
    else:
        reach, turns, wall = REACH * abs(x_septum), resonance.arm(x_septum).after[:, :2], (x_septum, 0.0)
    lines = arms_of(resonance, reach), sides_of(resonance), exact
    return in_both_planes(resonance.delta, resonance.kobayashi, lines, turns, wall, reach)


def arms_of(found: ThirdIntegerResonance, limit: float) -> list[Array]:
    """Points (n, 4) of x, px, y, py along the arms up to ``limit`` [m] from the orbit, thinned."""
    triangle = float(np.max(np.abs(found.fixed_points[:, 0] - found.orbit[0])))
    arms = arm_points(found.motion, found.points, max(limit, 1.5 * triangle))
    return [_thinned(arm) for arm in arms if len(arm) > 1]


def sides_of(found: ThirdIntegerResonance) -> list[Array]:
    """Curved sides (n, 4) of the stable region, thinned; none where they do not close."""
    try:
        return [_thinned(side) for side in found.sides()]
    except NoSolution:
        return []


def _thinned(arm: Array) -> Array:
    """An arm in order from its fixed point with few points: evenly along the path in x, px, over its own size."""
    size = np.ptp(arm[:, :2], axis=0)
    order = arm[np.argsort(np.linalg.norm((arm[:, :2] - arm[0, :2]) / size, axis=1))]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(order[:, :2], axis=0) / size, axis=1))])
    places = np.searchsorted(length, np.linspace(0.0, length[-1], _POINTS))
    return np.asarray(order[np.unique(np.clip(places, 0, len(order) - 1))])


def in_both_planes(
    delta: float,
    leading: Kobayashi,
    exact: tuple[list[Array], list[Array], Array],
    turns: Array,
    wall: tuple[float, float] | None,
    limit: float,
) -> Separatrices:
    arms, sides = ([line[:, :2] for line in lines] for lines in exact[:2])
    points = exact[2]
    straight = [leading.physical(line) for line in _straight_arms(leading, limit)]
    physical = Lines(arms, sides, points, straight, leading.fixed_points, turns, wall)
    return Separatrices(delta, physical, _normalised(physical, leading))


def _normalised(lines: Lines, leading: Kobayashi) -> Lines:
    root = leading.betx**0.5
    wall = ((lines.wall[0] - leading.orbit[0]) / root, lines.wall[1] / root) if lines.wall else None
    return Lines(
        arms=[leading.normalised(arm) for arm in lines.arms],
        sides=[leading.normalised(side) for side in lines.sides],
        points=leading.normalised(lines.points),
        leading_arms=[leading.normalised(line) for line in lines.leading_arms],
        leading_points=leading.normalised(lines.leading_points),
        turns=leading.normalised(lines.turns),
        wall=wall,
    )


def _straight_arms(leading: Kobayashi, limit: float) -> Iterator[Array]:
    """Each leading-order separatrix from its vertex outwards, as far as x or amplitude allow."""
    reach = limit / leading.betx**0.5
    for vertex, other in leading.separatrices():
        begin = leading.at_place(vertex)
        direction = begin - leading.at_place(other)
        direction = direction / np.linalg.norm(direction)
        yield np.array([begin, begin + reach * direction])
