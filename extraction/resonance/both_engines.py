"""The extraction by Xsuite's tracking beside ours: fixed points, areas, arms, gap at the magnetic septum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from extraction.resonance.arms import Arm
from extraction.resonance.momenta import Case
from extraction.resonance.second_engine import (
    Residuals,
    TrackedArm,
    TrackedResonance,
    residuals,
    tracked_arm,
    tracked_resonance,
)
from extraction.resonance.third_integer import ThirdIntegerResonance
from extraction.septum import Septum, Transport, between_septa, transport
from lattice import HadronOpticsError, Lattice
from optics import Optics

#: Relative differences that are explained by the kicks that Xsuite cuts multipoles into, and rounding: 1e-6 in the
#: CNAO ring, more in compact rings with strong quadrupoles.
SEPARATRIX, ARM = 5e-4, 1e-3


@dataclass(frozen=True, eq=False)
class Row:
    """One momentum by the other engine."""

    delta: float
    ours: ThirdIntegerResonance
    our_arm: Arm
    our_transport: Transport | None
    points: TrackedResonance
    arm: TrackedArm
    transport: Transport | None
    residuals: Residuals


@dataclass(frozen=True, eq=False)
class Engines:
    """What Xsuite finds at some momenta; ``alone`` says why there is nothing."""

    rows: tuple[Row, ...]
    name: str = ""
    alone: str = ""

    @property
    def separatrix(self) -> float:
        """Largest relative difference of fixed points and areas."""
        return max(max(row.residuals.points, row.residuals.area) for row in self.rows)

    @property
    def arm(self) -> float:
        """Largest relative difference of the arm's position and angle."""
        return max(max(row.residuals.angle, row.residuals.position) for row in self.rows)

    def largest(self, number: Any) -> float:
        """Largest absolute value of ``number(row)``; 0 without a second engine."""
        return max((abs(float(number(row))) for row in self.rows), default=0.0)


def compare_engines(ring: Lattice, optics: Optics, septum: Septum, cases: Sequence[Case]) -> Engines:
    """Solve the cases again with Xsuite's tracking."""
    from optics.engines.xsuite.engine import engine_version
    from optics.engines.xsuite.passages import xsuite_passage

    first = ring.index(septum.at)
    try:
        turn = xsuite_passage(ring, optics.particle, optics.fringe, first, first + len(ring))
        between = _between(ring, optics, septum)
        rows = tuple(_row(ring, septum, case, turn, between) for case in cases)
    except HadronOpticsError as error:
        return Engines((), alone=str(error))
    return Engines(rows, engine_version())


def _row(ring: Lattice, septum: Septum, case: Case, turn: Any, between: Any) -> Row:
    assert case.resonance is not None
    assert case.arm is not None
    points = tracked_resonance(turn, case.resonance)
    arm = tracked_arm(turn, points, case.resonance, case.arm)
    sent = transport(case.resonance, septum, ring, case.arm, between) if case.transport else None
    differences = residuals(case.resonance, points, case.arm, arm)
    return Row(case.delta, case.resonance, case.arm, case.transport, points, arm, sent, differences)


def _between(ring: Lattice, optics: Optics, septum: Septum) -> Any:
    """Xsuite's maps of the electrostatic septum and on to the magnetic one; None without one."""
    from optics.engines.xsuite.passages import xsuite_passage

    if septum.magnetic_at is None:
        return None
    first, behind, last = between_septa(ring, septum)
    parts = [xsuite_passage(ring, optics.particle, optics.fringe, *ends) for ends in ((first, behind), (behind, last))]
    return tuple(lambda state, part=part: part(state, 1) for part in parts)
