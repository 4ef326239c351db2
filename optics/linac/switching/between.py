"""Energies between the rows of a table of settings, from settings interpolated in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from lattice.arrays import Array
from optics.linac.structure.linac import Linac
from optics.linac.switching.jitter import pulse_energies
from optics.linac.switching.settings import Settings


def energies_between(linac: Linac, settings: Settings, energies: Array) -> pd.DataFrame:
    """Energies half way between rows with the same last unit, from settings interpolated among that unit's rows.

    Monotone cubic in energy (PCHIP), amplitude and phase each. Columns: wanted, energy [eV].
    """
    last = settings.last_units
    wanted, amplitudes, phases = [], [], []
    for unit in np.unique(last):
        rows = np.flatnonzero(last == unit)
        if len(rows) < 2:
            continue
        between = 0.5 * (energies[rows[1:]] + energies[rows[:-1]])
        wanted.append(between)
        amplitudes.append(PchipInterpolator(energies[rows], settings.amplitudes[rows])(between))
        phases.append(PchipInterpolator(energies[rows], settings.phases[rows])(between))
    if not wanted:
        return pd.DataFrame({"wanted": [], "energy": []})
    found = pulse_energies(
        linac, np.vstack(amplitudes), np.vstack(phases), amplitude=0.0, phase=0.0, samples=1, seed=0
    )[:, 0]
    return pd.DataFrame({"wanted": np.concatenate(wanted), "energy": found})
