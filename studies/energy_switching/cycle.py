"""The cycle of a synchrotron: how long each part takes at each energy, and a step in energy within a spill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice import NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.ramping.acceleration import RingRF, adiabatic_time
from optics.ramping.magnet_models import EddyCurrents, Excitation, Hysteresis, Supply

PHASES = ("injection", "capture", "ramp", "settling", "extraction", "ramp down", "standardisation")
STEP_PARTS = ("recapture", "ramp", "settling", "preparation")


@dataclass(frozen=True)
class MagnetCircuit:
    """A family with its supply: ``unit`` of its field, and the models of iron and currents."""

    name: str
    unit: str
    excitation: Excitation
    supply: Supply
    eddy: EddyCurrents
    hysteresis: Hysteresis


@dataclass(frozen=True)
class CyclePlan:
    """What is the same for all energies: times [s], and the relative field error that counts as settled.

    ``standardise``: after each spill all magnets go up to ``top_current`` of their rating and back.
    """

    injection: float
    rounding: float
    preparation: float
    extraction: float
    field_tolerance: float
    standardise: bool
    top_current: float
    adiabaticity: float
    capture_voltage: float


@dataclass(frozen=True, eq=False)
class Circuit:
    """A circuit with its fields at injection and at extraction (n,)."""

    magnet: MagnetCircuit
    injection: float
    extraction: Array

    @property
    def currents(self) -> Array:
        """Currents at extraction [A] (n,)."""
        return self.magnet.excitation.current(self.extraction)

    @property
    def injection_current(self) -> float:
        """Current at injection [A]."""
        return float(self.magnet.excitation.current(self.injection))


def check_ratings(circuits: Sequence[Circuit], energies: Array) -> None:
    """NoSolution naming each circuit whose current or voltage rating does not do, with the energies concerned."""
    lines = []
    for circuit in circuits:
        name, supply, currents = circuit.magnet.name, circuit.magnet.supply, np.abs(circuit.currents)
        over = currents > supply.largest_current
        if over.any():
            lines.append(
                f"'{name}' needs up to {currents.max():.5g} A, rated {supply.largest_current:.5g} A: exceeded "
                f"{at_energies(energies[over])}{_highest(energies, over)}"
            )
        static = supply.resistance * currents > supply.largest_voltage
        if static.any():
            lines.append(
                f"'{name}' needs {supply.resistance * currents.max():.5g} V to hold its current, rated "
                f"{supply.largest_voltage:.5g} V: exceeded from {energies[static].min():.5g} MeV/u"
                f"{_highest(energies, static)}"
            )
    if lines:
        raise NoSolution("; ".join(lines))


def at_energies(energies: Array) -> str:
    """The energies as messages say them."""
    low, high = float(energies.min()), float(energies.max())
    return f"at {low:.5g} MeV/u" if low == high else f"from {low:.5g} to {high:.5g} MeV/u"


def _highest(energies: Array, over: Array) -> str:
    return f"; the nearest energy that works is {energies[~over].max():.5g} MeV/u" if (~over).any() else ""


def cycle_times(
    circuits: Sequence[Circuit],
    particles: Sequence[ReferenceParticle],
    injection: ReferenceParticle,
    rf: RingRF,
    plan: CyclePlan,
) -> pd.DataFrame:
    """Time [s] of each of PHASES at each energy, ``slowest`` circuit of the ramp, and the ``change`` of energy.

    The change is everything but the extraction: from the end of one spill to the beginning of the next.
    """
    ups = np.stack([_magnitude_ramp(c, c.injection_current, c.currents) for c in circuits])
    slowest = np.argmax(ups, axis=0)
    ramp = _at_least_rf(ups.max(axis=0), particles, injection, rf) + plan.rounding
    settling = _settling(circuits, ramp - plan.rounding, plan.field_tolerance)
    down, standard = _way_back(circuits, plan)
    n = len(particles)
    frame = pd.DataFrame({
        "injection": np.full(n, plan.injection),
        "capture": np.full(n, adiabatic_time(rf, injection, plan.capture_voltage / 100, plan.capture_voltage,
                                             plan.adiabaticity)),
        "ramp": ramp,
        "settling": settling + plan.preparation,
        "extraction": np.full(n, plan.extraction),
        "ramp down": down,
        "standardisation": standard,
    })  # fmt: skip
    frame["change"] = frame[list(PHASES)].sum(axis=1) - frame["extraction"]
    frame["slowest"] = [circuits[int(k)].magnet.name for k in slowest]
    return frame


def _magnitude_ramp(circuit: Circuit, begin: Any, end: Any) -> Array:
    """Ramp time of currents of one sign; a bipolar supply goes through zero at the same rates."""
    supply = circuit.magnet.supply
    begin, end = np.broadcast_arrays(np.asarray(begin, dtype=float), np.asarray(end, dtype=float))
    same = begin * end >= 0
    through = supply.ramp_time(np.abs(begin), 0.0) + supply.ramp_time(0.0, np.abs(end))
    return np.where(same, supply.ramp_time(np.abs(begin), np.abs(end)), through)


def _at_least_rf(
    ramp: Array, particles: Sequence[ReferenceParticle], injection: ReferenceParticle, rf: RingRF
) -> Array:
    """The ramp time, longer where the cavity gives less energy a turn than the magnets could use (sin phi_s < 0.8)."""
    change = np.array([p.magnetic_rigidity for p in particles]) - injection.magnetic_rigidity
    return np.maximum(ramp, rf.circumference * change / (0.8 * rf.largest_voltage))


def _settling(circuits: Sequence[Circuit], ramp: Array, tolerance: float) -> Array:
    times = []
    for circuit in circuits:
        span = np.abs(circuit.extraction - circuit.injection)
        if np.any(span > 0) and np.all(np.abs(circuit.extraction) > 0):
            rate = span / np.maximum(ramp, 1e-9)
            times.append(circuit.magnet.eddy.settling(rate, circuit.extraction, tolerance))
    return np.max(times, axis=0) if times else np.zeros_like(ramp)


def _way_back(circuits: Sequence[Circuit], plan: CyclePlan) -> tuple[Array, Array]:
    """Time straight down to injection, and what going over the top first adds to it."""
    direct, over = [], []
    for circuit in circuits:
        currents, low = circuit.currents, circuit.injection_current
        direct.append(_magnitude_ramp(circuit, currents, low))
        sign = np.sign(currents[np.argmax(np.abs(currents))]) or 1.0
        top = sign * max(plan.top_current * circuit.magnet.supply.largest_current, float(np.max(np.abs(currents))))
        over.append(_magnitude_ramp(circuit, currents, top) + _magnitude_ramp(circuit, top, low))
    down = np.max(direct, axis=0) + plan.rounding
    if not plan.standardise:
        return down, np.zeros_like(down)
    return down, np.maximum(np.max(over, axis=0) + 2 * plan.rounding - down, 0.0)


@dataclass(frozen=True)
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
    largest of the gradients). Row i is the step from energy i + 1 down to i, or from i up to i + 1.
    """
    rows = []
    for i in range(len(particles) - 1):
        begin, end = (i, i + 1) if steps.up else (i + 1, i)
        ramp = max(float(_magnitude_ramp(c, c.currents[begin], c.currents[end])) for c in circuits) / steps.slew
        settle = max(_settled(circuit, begin, end, ramp, steps.field_tolerance) for circuit in circuits)
        capture = adiabatic_time(
            rf, particles[begin], plan.capture_voltage / 100, plan.capture_voltage, plan.adiabaticity
        )
        left = [_left_over(circuits, unit, begin, end) for unit in ("T", "T/m")]
        rows.append((capture, ramp, settle, steps.preparation, *left))
    frame = pd.DataFrame(rows, columns=[*STEP_PARTS, "hysteresis_bend", "hysteresis_quadrupole"], dtype=float)
    frame["step"] = frame[list(STEP_PARTS)].sum(axis=1)
    return frame


def _settled(circuit: Circuit, begin: int, end: int, ramp: float, tolerance: float) -> float:
    """Settling time [s] of one circuit behind the step from energy ``begin`` to ``end``."""
    field, change = circuit.extraction[end], circuit.extraction[end] - circuit.extraction[begin]
    if field == 0.0 or change == 0.0 or ramp <= 0:
        return 0.0
    return float(circuit.magnet.eddy.settling(abs(change) / ramp, field, tolerance))


def _left_over(circuits: Sequence[Circuit], unit: str, begin: int, end: int) -> float:
    """Largest relative field error that hysteresis leaves in the circuits of ``unit`` where their field goes back."""
    found = [0.0]
    for circuit in circuits:
        before, after = abs(circuit.extraction[begin]), abs(circuit.extraction[end])
        if circuit.magnet.unit == unit and 0 < after < before:
            found.append(float(circuit.magnet.hysteresis.error(after, after - before)))
    return max(found)


def timeline(row: pd.Series[float]) -> pd.DataFrame:
    """One cycle as (phase, begin, end) [s]."""
    ends = np.cumsum([float(row[phase]) for phase in PHASES])
    return pd.DataFrame({"phase": PHASES, "begin": np.concatenate([[0.0], ends[:-1]]), "end": ends})
