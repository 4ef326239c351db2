"""What goes wrong from pulse to pulse: jitter of amplitude and phase, units that trip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lattice import HadronOpticsError
from lattice.arrays import Array
from lattice.errors import counted
from machines.linacs.machine import LinacMachine
from optics.linac import track
from optics.linac.result import kept
from optics.linac.switching.jitter import pulse_energies
from optics.linac.switching.settings import Settings
from optics.linac.switching.trips import recovery
from optics.matter.ranges import range_in_water
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.runs.logs import LOGGER


def jitter_table(
    machine: LinacMachine, study: LinacSwitchingStudy, settings: Settings, energies: Array, some: Array
) -> pd.DataFrame:
    """Rms energy [eV] and range [m] over pulses with the machine's errors, for ``some`` rows; nan where one stops."""
    LOGGER.info("%d pulses with errors at %s", study.samples, counted(len(some), "energy"))
    errors = machine.errors
    pulses = pulse_energies(
        machine.linac,
        settings.amplitudes[some],
        settings.phases[some],
        amplitude=errors.amplitude,
        phase=errors.phase,
        samples=study.samples,
        seed=study.seed,
        cut=errors.cut,
    )
    return pd.DataFrame(
        {
            "wanted": energies[some],
            "sigma_energy": np.std(pulses, axis=1),
            "sigma_range": np.std(range_in_water(pulses, machine.linac.particle.kind), axis=1),
        }
    )


def trip_table(machine: LinacMachine, start: Array) -> pd.DataFrame:
    """One row a unit that trips."""
    LOGGER.info("trips of %d units", len(machine.linac.units))
    return pd.DataFrame([_trip(machine, start, unit) for unit in machine.linac.units])


def _trip(machine: LinacMachine, start: Array, unit: str) -> dict[str, Any]:
    linac, (low, top) = machine.linac, machine.reach
    found = recovery(linac, unit)
    reachable = float(np.clip(found.untouched, low, top))
    try:
        setting = found.applied(linac)
        end = kept(setting, track(setting, start[:1000]))
        transmission, spread = end.transmission, float(end.energies.std() / end.energies.mean())
    except HadronOpticsError:
        transmission, spread = 0.0, float("nan")
    turned = ", ".join(
        f"{name} {np.degrees(phase) % 360:.0f}"
        for name, phase, on in zip(linac.units, found.phases, found.amplitudes, strict=True)
        if phase and on
    )
    return {
        "unit": unit,
        "untouched": found.untouched,
        "lost": top - reachable,
        "recovered": found.energy,
        "transmission": transmission,
        "spread": spread,
        "phases": turned or "none",
    }
