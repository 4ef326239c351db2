"""Steps in energy within a spill: recapture, ramp, settling, preparation, and what hysteresis leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from lattice import ReferenceParticle
from optics.ramping.acceleration import RingRF
from optics.ramping.circuits import Circuit
from optics.ramping.cycle import CyclePlan

STEP_PARTS = ("recapture", "ramp", "settling", "preparation")


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """Steps in energy within a spill: the part of the fastest slew used, fixed times [s], loss of beam in each step.

    ``up``: from the lowest energy to the highest; a field that goes up stays on the branch that was calibrated.
    """

    slew: float
    preparation: float
    loss: float
    field_tolerance: float
    up: bool = False


def step_times(
    circuits: Sequence[Circuit],
    particles: Sequence[ReferenceParticle],
    rf: RingRF,
    plan: CyclePlan,
    steps: StepPlan,
) -> pd.DataFrame:
    """Times [s] of the step between each energy and the next: recapture, ramp, settling, preparation.

    ``hysteresis_bend``, ``hysteresis_quadrupole``: relative field error left by going back without standardisation (the
    largest of the gradients), and that of each circuit in the column ``left_by`` names. Row i is the step from energy
    i + 1 down to i, or from i up to i + 1.
    """
    rows = []
    for i in range(len(particles) - 1):
        begin, end = (i, i + 1) if steps.up else (i + 1, i)
        ramp = max(float(c.ramp_time(c.currents[begin], c.currents[end])) for c in circuits) / steps.slew
        settle = max(_settled(circuit, begin, end, ramp, steps.field_tolerance) for circuit in circuits)
        capture = plan.capture_time(rf, particles[begin])
        left = {circuit.magnet.name: _left_over(circuit, begin, end) for circuit in circuits}
        largest = [
            max((left[c.magnet.name] for c in circuits if c.magnet.unit == u), default=0.0) for u in ("T", "T/m")
        ]
        rows.append((capture, ramp, settle, steps.preparation, *largest, *left.values()))
    names = [left_by(circuit.magnet.name) for circuit in circuits]
    columns = [*STEP_PARTS, "hysteresis_bend", "hysteresis_quadrupole", *names]
    frame = pd.DataFrame(rows, columns=columns, dtype=float)
    frame["step"] = frame[list(STEP_PARTS)].sum(axis=1)
    return frame


def _settled(circuit: Circuit, begin: int, end: int, ramp: float, tolerance: float) -> float:
    """Settling time [s] of one circuit behind the step from energy ``begin`` to ``end``."""
    field, change = circuit.extraction[end], circuit.extraction[end] - circuit.extraction[begin]
    if field == 0.0 or change == 0.0 or ramp <= 0:
        return 0.0
    return float(circuit.magnet.eddy.settling(abs(change) / ramp, field, tolerance))


def left_by(name: str) -> str:
    """The column of ``step_times`` of what hysteresis leaves in the circuit ``name``."""
    return f"hysteresis of {name}"


def _left_over(circuit: Circuit, begin: int, end: int) -> float:
    """Relative field error that hysteresis leaves in a circuit whose field goes back; 0 where it rises."""
    before, after = abs(circuit.extraction[begin]), abs(circuit.extraction[end])
    return float(circuit.magnet.hysteresis.error(after, after - before)) if 0 < after < before else 0.0
