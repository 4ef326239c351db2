"""The separatrices of every extracted momentum as they are shown: at the wires, and sent on to the magnetic septum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extraction.resonance.arms import Arm, inner_branches
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.momenta import Case
from extraction.resonance.third_integer import ThirdIntegerResonance, virtual_sextupole
from extraction.septum import Septum, Tracking, between_septa, through_septa
from lattice import Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.maps.model import passage

_POINTS = 70  # of an arm
_REACH = 1.3  # of the wires' distance from the orbit: how far arms are followed
_REACH_MAGNETIC = 1.2  # of that, at the magnetic septum


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


@dataclass(frozen=True, eq=False)
class Portraits:
    """All momenta that are shown, rising, at both septa; nothing at a magnetic septum that there is not."""

    electrostatic: tuple[Separatrices, ...]
    magnetic: tuple[Separatrices, ...]


NOT_TRACED = Portraits((), ())


def portraits(ring: Lattice, fringe: str, septum: Septum, x_wall: float | None, cases: Sequence[Case]) -> Portraits:
    """Arms and sides of momenta that have an arm at the wires; ``x_wall`` [m] of the magnetic septum.

    The last turns at the electrostatic septum are a particle that just misses the wires and where it is one, two and
    three turns later; at the magnetic one the last two of them are both ends of the extracted beam, kicked.
    """
    limit = _REACH * abs(septum.position)
    found = [_Momentum.of(case, limit) for case in cases]
    here = tuple(_at_wires(one, septum, limit) for one in found)
    if septum.magnetic_at is None:
        return Portraits(here, ())
    way = _Way.of(ring, found[0].resonance.optics.particle, fringe, septum, x_wall)
    return Portraits(here, tuple(_behind(one, way, _REACH_MAGNETIC * limit) for one in found))


def separatrices(resonance: ThirdIntegerResonance, x_septum: float | None = None) -> Separatrices:
    """The separatrices of one momentum; with ``x_septum`` [m] the wires and the last turns of a particle beside them.

    Arms are followed a little beyond the wires, without them to twice the triangle's reach. Raises NoSolution where
    no arm reaches ``x_septum``.
    """
    exact = resonance.fixed_points
    if x_septum is None:
        reach, turns, wall = 2.0 * float(np.max(np.abs(exact[:, 0] - resonance.orbit[0]))), np.zeros((0, 2)), None
    else:
        reach, turns, wall = _REACH * abs(x_septum), resonance.arm(x_septum).after[:, :2], (x_septum, 0.0)
    lines = _arms(resonance, reach), _sides(resonance), exact
    return _separatrices(resonance.delta, resonance.kobayashi, lines, turns, wall, reach)


@dataclass(frozen=True, eq=False)
class _Momentum:
    """A momentum with its exact lines at the wires, thinned."""

    delta: float
    resonance: ThirdIntegerResonance
    arm: Arm
    arms: list[Array]
    sides: list[Array]

    @classmethod
    def of(cls, case: Case, limit: float) -> _Momentum:
        assert case.resonance is not None
        assert case.arm is not None
        return cls(case.delta, case.resonance, case.arm, _arms(case.resonance, limit), _sides(case.resonance))


def _arms(found: ThirdIntegerResonance, limit: float) -> list[Array]:
    triangle = float(np.max(np.abs(found.fixed_points[:, 0] - found.orbit[0])))
    return [_thinned(arm) for arm in found.arms(max(limit, 1.5 * triangle)) if len(arm) > 1]


def _sides(found: ThirdIntegerResonance) -> list[Array]:
    """Curved sides of the stable region, none where they do not close."""
    try:
        sides = inner_branches(found.motion, found.points)
    except NoSolution:
        return []
    return [_thinned(side) for side in sides]


def _thinned(arm: Array) -> Array:
    """An arm in order from its fixed point with few points: evenly along the path, measured over its own size."""
    size = np.ptp(arm, axis=0)
    order = arm[np.argsort(np.linalg.norm((arm - arm[0]) / size, axis=1))]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(order, axis=0) / size, axis=1))])
    places = np.searchsorted(length, np.linspace(0.0, length[-1], _POINTS))
    return np.asarray(order[np.unique(np.clip(places, 0, len(order) - 1))])


def _at_wires(one: _Momentum, septum: Septum, limit: float) -> Separatrices:
    leading = one.resonance.kobayashi
    wall = (septum.position, septum.side * septum.thickness)
    exact = one.arms, one.sides, one.resonance.fixed_points
    return _separatrices(one.delta, leading, exact, one.arm.after[:, :2], wall, limit)


@dataclass(frozen=True, eq=False)
class _Way:
    """From the wires to the magnetic septum, element ``last`` of the ring, whose wall stands at ``x_wall`` [m]."""

    ring: Lattice
    septum: Septum
    last: int
    tracking: tuple[Tracking, Tracking]
    x_wall: float | None

    @classmethod
    def of(cls, ring: Lattice, particle: ReferenceParticle, fringe: str, septum: Septum, x_wall: float | None) -> _Way:
        first, behind, last = between_septa(ring, septum)
        ways = ((first, behind), (behind, last))
        through, onwards = (passage(ring, particle, fringe, begin, end).track for begin, end in ways)
        return cls(ring, septum, last, (through, onwards), x_wall)

    def sent(self, points: Array, delta: float, kick: float = 0.0) -> Array:
        """Points (n, 2) at the wires, tracked to the magnetic septum."""
        states = np.zeros((len(points), 6))
        states[:, :2], states[:, 5] = points, delta
        return through_septa(self.tracking, states, kick, self.septum)[:, :2]

    @property
    def wall(self) -> tuple[float, float] | None:
        if not self.x_wall:
            return None
        return self.x_wall, float(np.sign(self.x_wall)) * self.septum.magnetic_thickness


def _behind(one: _Momentum, way: _Way, limit: float) -> Separatrices:
    septum, delta = way.septum, one.delta
    exact = (
        [way.sent(arm, delta) for arm in one.arms],
        [way.sent(side, delta) for side in one.sides],
        way.sent(one.resonance.fixed_points, delta),
    )
    ends = np.array([[septum.position + septum.side * septum.thickness, one.arm.px], one.arm.after[3, :2]])
    circulating = way.sent(one.arm.after[:3, :2], delta)
    extracted = way.sent(ends, delta, septum.side * septum.kick)
    leading = _leading_at(one.resonance, way.last % len(way.ring))
    return _separatrices(delta, leading, exact, np.concatenate([circulating, extracted]), way.wall, limit)


def _leading_at(resonance: ThirdIntegerResonance, row: int) -> Kobayashi:
    """Leading order of the same momentum at another place."""
    optics = resonance.optics
    size, phase = virtual_sextupole(optics, row)
    orbit = (float(optics["x"][row]), float(optics["px"][row]))
    functions = {"betx": float(optics["betx"][row]), "alfx": float(optics["alfx"][row])}
    return replace(resonance.kobayashi, virtual_sextupole=size, virtual_phase=phase, orbit=orbit, **functions)


def _separatrices(
    delta: float,
    leading: Kobayashi,
    exact: tuple[list[Array], list[Array], Array],
    turns: Array,
    wall: tuple[float, float] | None,
    limit: float,
) -> Separatrices:
    arms, sides, points = exact
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
