"""What the wires do to each extracted momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from extraction.resonance.arms import Arm
from extraction.resonance.kobayashi import Kobayashi, LeadingArm
from extraction.resonance.momenta import Case
from extraction.septum import Septum, crossing_angle, wire_loss


@dataclass(frozen=True)
class AtWires:
    """Shares that hit the wires, as these stand (``loss``) and turned along the beam (``aligned_loss``).

    ``crossing_angle`` [rad] of the beam and the wires; to ``leading`` order the straight arm, None inside the triangle,
    and its spiral step ``leading_step`` [m].
    """

    loss: float
    aligned_loss: float
    crossing_angle: float
    leading: LeadingArm | None
    leading_step: float


def at_wires(cases: Iterable[Case], septum: Septum) -> Mapping[float, AtWires]:
    """By momentum, of those that have an arm."""
    return {
        case.delta: _at_wires(case.arm, case.resonance.kobayashi, case.delta, septum)
        for case in cases
        if case.arm and case.resonance
    }


def _at_wires(arm: Arm, kobayashi: Kobayashi, delta: float, septum: Septum) -> AtWires:
    return AtWires(
        loss=wire_loss(septum, arm, delta),
        aligned_loss=wire_loss(septum, arm, delta, septum.thickness),
        crossing_angle=crossing_angle(septum, arm, delta),
        leading=kobayashi.arm(septum.position),
        leading_step=kobayashi.spiral_step(septum.position),
    )
