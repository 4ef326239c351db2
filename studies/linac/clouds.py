"""Clouds of particles of a linac as its figures show them: millimetres, milliradians, degrees and keV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.linac.bunch import energies, phases


def projections(cloud: Array, particle: ReferenceParticle, frequency: float) -> pd.DataFrame:
    """Particles (n, 6) in the three planes; phase at ``frequency`` [Hz] and energy from the reference particle."""
    return pd.DataFrame(
        {
            "x [mm]": cloud[:, 0] * 1e3,
            "x' [mrad]": cloud[:, 1] * 1e3,
            "y [mm]": cloud[:, 2] * 1e3,
            "y' [mrad]": cloud[:, 3] * 1e3,
            "phase [deg]": np.degrees(phases(cloud, particle, frequency)),
            "W - W0 [keV]": (energies(cloud, particle) - particle.kinetic_energy) / 1e3,
        }
    )
