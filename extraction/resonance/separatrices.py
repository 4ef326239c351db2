"""The separatrices of every extracted momentum as they are shown: at the wires, and sent on to the magnetic septum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extraction.resonance.arms import Arm
from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.lines import REACH, Separatrices, arms_of, in_both_planes, sides_of
from extraction.resonance.momenta import Case
from extraction.resonance.sextupoles import driven
from extraction.resonance.third_integer import ThirdIntegerResonance, leading_order
from extraction.septum import Septum, Tracking, behind_middle, between_septa, through_septa
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.lattices.turns import passage

_REACH_MAGNETIC = 1.2  # of that, at the magnetic septum


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
    limit = REACH * abs(septum.position)
    found = [_Momentum.of(case, limit) for case in cases]
    here = tuple(_at_wires(one, septum, limit) for one in found)
    if septum.magnetic_at is None:
        return Portraits(here, ())
    way = _Way.of(ring, found[0].resonance.optics.particle, fringe, septum, x_wall)
    return Portraits(here, tuple(_behind(one, way, _REACH_MAGNETIC * limit) for one in found))


@dataclass(frozen=True, eq=False)
class _Momentum:
    """A momentum with its exact lines at the wires, thinned."""

    delta: float
    resonance: ThirdIntegerResonance
    arm: Arm
    arms: list[Array]  # (n, 4)
    sides: list[Array]  # (n, 4)

    @classmethod
    def of(cls, case: Case, limit: float) -> _Momentum:
        assert case.resonance is not None
        assert case.arm is not None
        return cls(case.delta, case.resonance, case.arm, arms_of(case.resonance, limit), sides_of(case.resonance))


def _at_wires(one: _Momentum, septum: Septum, limit: float) -> Separatrices:
    leading = one.resonance.kobayashi
    wall = (septum.position, septum.side * septum.thickness)
    exact = one.arms, one.sides, one.resonance.fixed_points
    return in_both_planes(one.delta, leading, exact, one.arm.after[:, :2], wall, limit)


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
        """x, px (n, 2) at the magnetic septum of points (n, 4) at the wires, tracked there."""
        states = np.zeros((len(points), 6))
        states[:, :4], states[:, 5] = points, delta
        return through_septa(self.tracking, states, kick, behind_middle(self.ring, self.septum))[:, :2]

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
        way.sent(one.resonance.points[:, :4], delta),
    )
    ends = one.arm.after[[0, 3]]
    ends[0, 0] = septum.position + septum.side * septum.thickness
    circulating = way.sent(one.arm.after[:3], delta)
    extracted = way.sent(ends, delta, septum.side * septum.kick)
    leading = _leading_at(one.resonance, way.last % len(way.ring))
    return in_both_planes(delta, leading, exact, np.concatenate([circulating, extracted]), way.wall, limit)


def _leading_at(resonance: ThirdIntegerResonance, row: int) -> Kobayashi:
    """Leading order of the same momentum at another place."""
    optics = resonance.optics
    return leading_order(driven(optics, row), np.array([optics[name][row] for name in ("x", "px")]))
