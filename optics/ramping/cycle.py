"""The cycle of a synchrotron: how long each part takes at each energy, from one spill to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.ramping.acceleration import RingRF, adiabatic_time
from optics.ramping.circuits import Circuit

PHASES = ("injection", "capture", "ramp", "settling", "extraction", "ramp down", "standardisation")


@dataclass(frozen=True, kw_only=True)
class CyclePlan:
    """What is the same for all energies: times [s], and the relative field error that counts as settled.

    ``rounding`` of each ramp's ends, ``preparation`` before the spill; ``adiabaticity`` and ``capture_voltage`` [V] of
    the capture. ``standardise``: after each spill all magnets go up to ``top_current`` of their rating and back.
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

    def capture_time(self, rf: RingRF, particle: ReferenceParticle) -> float:
        """Time [s] to raise the voltage from a hundredth of ``capture_voltage`` to it."""
        return adiabatic_time(rf, particle, self.capture_voltage / 100, self.capture_voltage, self.adiabaticity)


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
    ups = np.stack([c.ramp_time(c.injection_current, c.currents) for c in circuits])
    slowest = np.argmax(ups, axis=0)
    ramp = _at_least_rf(ups.max(axis=0), particles, injection, rf) + plan.rounding
    settling = _settling(circuits, ramp - plan.rounding, plan.field_tolerance)
    down, standard = _way_back(circuits, plan)
    n = len(particles)
    frame = pd.DataFrame(
        {
            "injection": np.full(n, plan.injection),
            "capture": np.full(n, plan.capture_time(rf, injection)),
            "ramp": ramp,
            "settling": settling + plan.preparation,
            "extraction": np.full(n, plan.extraction),
            "ramp down": down,
            "standardisation": standard,
        }
    )
    frame["change"] = frame[list(PHASES)].sum(axis=1) - frame["extraction"]
    frame["slowest"] = [circuits[int(k)].magnet.name for k in slowest]
    return frame


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
        direct.append(circuit.ramp_time(currents, low))
        sign = np.sign(currents[np.argmax(np.abs(currents))]) or 1.0
        top = sign * max(plan.top_current * circuit.magnet.supply.largest_current, float(np.max(np.abs(currents))))
        over.append(circuit.ramp_time(currents, top) + circuit.ramp_time(top, low))
    down = np.max(direct, axis=0) + plan.rounding
    if not plan.standardise:
        return down, np.zeros_like(down)
    return down, np.maximum(np.max(over, axis=0) + 2 * plan.rounding - down, 0.0)


def timeline(row: pd.Series[float]) -> pd.DataFrame:
    """One cycle as (phase, begin, end) [s]."""
    ends = np.cumsum([float(row[phase]) for phase in PHASES])
    return pd.DataFrame({"phase": PHASES, "begin": np.concatenate([[0.0], ends[:-1]]), "end": ends})


def check_ramp(times: pd.DataFrame, energies: Array, wanted: float | None) -> None:
    """NoSolution when a ``wanted`` ramp time [s] cannot be met, naming the energies and the fastest that works."""
    if wanted is None:
        return
    over = times["ramp"].to_numpy() > wanted
    if over.any():
        row = times.loc[over].iloc[-1]
        raise NoSolution(
            f"cycle.wanted_ramp_s = {wanted:g} s cannot be met from {energies[over].min():.5g} to "
            f"{energies[over].max():.5g} MeV/u: '{row['slowest']}' needs "
            f"{times['ramp'].max():.4g} s, the least that works"
        )
