"""The layers of the volume and the sequence of pulses that paints them."""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd

from lattice.arrays import Array
from machines.linacs.machine import LinacMachine
from optics.linac.switching.settings import settings_for
from optics.matter.ranges import energy_of_range
from studies.linac.switching.reach import is_reached, reach
from studies.linac.switching.spec import LinacSwitchingStudy


def layers_of_volume(machine: LinacMachine, study: LinacSwitchingStudy) -> tuple[Array, Array]:
    """Depths [m] of the volume's layers, deepest first, and their energies [eV]."""
    volume = study.volume
    count = max(ceil((volume.deepest_mm - volume.nearest_mm) / volume.layer_mm - 1e-9), 1)
    depths = volume.deepest_mm - volume.layer_mm * np.arange(count + 1)
    depths = np.maximum(depths, volume.nearest_mm) * 1e-3
    return depths, np.asarray(energy_of_range(depths, machine.linac.particle.kind))


_LAYER_COLUMNS = ("layer", "depth", "energy", "unit", "amplitude", "phase", "change", "begins", "pulses")


def layer_table(machine: LinacMachine, study: LinacSwitchingStudy, start: Array) -> pd.DataFrame:
    """The pulse sequence over the volume, deepest layer first; layers out of reach are not painted."""
    volume = study.volume
    depths, energies = layers_of_volume(machine, study)
    within = is_reached(reach(machine.linac), energies)
    if not within.any():
        return pd.DataFrame(columns=_LAYER_COLUMNS, dtype=float)
    numbers, depths, energies = np.flatnonzero(within) + 1, depths[within], energies[within]
    settings = settings_for(machine.linac, energies, start, study.least_spread)
    last = settings.last_units
    pulses = volume.spots * volume.pulses_per_spot
    rows, clock = [], 0.0
    for i, energy in enumerate(energies):
        change = machine.change_time(float(energies[i - 1]), float(energy)) if i else 0.0
        clock += change
        rows.append(
            {
                "layer": int(numbers[i]),
                "depth": float(depths[i]),
                "energy": float(energy),
                "unit": machine.linac.units[last[i]],
                "amplitude": float(settings.amplitudes[i, last[i]]),
                "phase": float(settings.phases[i, last[i]]),
                "change": change,
                "begins": clock,
                "pulses": pulses,
            }
        )
        clock += pulses / machine.pulse.repetition
    return pd.DataFrame(rows)
