"""What the wires do to each extracted momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from extraction.resonance.momenta import Case
from extraction.septum import Septum, crossing_angle, wire_loss


@dataclass(frozen=True)
class AtWires:
    """Shares that hit the wires, as these stand (``loss``) and turned along the beam (``aligned_loss``).

    ``crossing_angle`` [rad] of the beam and the wires.
    """

    loss: float
    aligned_loss: float
    crossing_angle: float


def at_wires(cases: Iterable[Case], septum: Septum) -> Mapping[float, AtWires]:
    """By momentum, of those that have an arm."""
    return {
        case.delta: AtWires(
            loss=wire_loss(septum, case.arm, case.delta),
            aligned_loss=wire_loss(septum, case.arm, case.delta, septum.thickness),
            crossing_angle=crossing_angle(septum, case.arm, case.delta),
        )
        for case in cases
        if case.arm
    }
