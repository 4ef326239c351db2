"""Which of the energies that a study asks for the linac reaches."""

from __future__ import annotations

import numpy as np

from lattice.arrays import Array
from optics.linac import Linac
from optics.linac.switching.energies import stages
from studies.linac.switching.spec import LinacSwitchingStudy


def energies_of(study: LinacSwitchingStudy) -> Array:
    """The energies asked for [eV]."""
    if study.energies.values_MeV is not None:
        return np.array(study.energies.values_MeV) * 1e6
    return np.linspace(study.energies.lower_MeV, study.energies.upper_MeV, study.energies.number) * 1e6


def reach(linac: Linac) -> tuple[float, float]:
    """Lowest and highest energy [eV] that units on one after the other give."""
    reached = stages(linac)
    return float(reached[0]), float(reached[-1])


def within_reach(reach: tuple[float, float], energies: Array) -> tuple[Array, Array]:
    """The energies [eV] that are within reach, and the others; all where it is none of them."""
    within = is_reached(reach, energies)
    return (energies[within], energies[~within]) if within.any() else (energies, energies[:0])


def is_reached(reach: tuple[float, float], energies: Array) -> Array:
    """Which of the energies [eV] are within reach."""
    return np.asarray((energies >= reach[0]) & (energies <= reach[1]))
