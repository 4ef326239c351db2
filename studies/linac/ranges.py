"""Ranges in water of a linac's particles, whose energies are those of the whole particle."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import Species
from lattice.reference import range_law


def range_in_water(energy: Any, kind: Species) -> Any:
    """Range in water [m] of particles of ``energy`` [eV] each, by the ``range_law`` of the species."""
    alpha, power = range_law(kind)
    return alpha * (np.asarray(energy) * 1e-6 / kind.nucleons) ** power


def energy_of_range(depth: Any, kind: Species) -> Any:
    """Energy [eV] of particles with ``depth`` [m] of range in water: the same law backwards."""
    alpha, power = range_law(kind)
    return 1e6 * kind.nucleons * (np.asarray(depth) / alpha) ** (1.0 / power)


def range_text(kind: Species) -> str:
    """The law of ranges in words."""
    alpha, power = range_law(kind)
    return f"R = {100 * alpha:.3g} E^{power:g} (cm, {'MeV' if kind.nucleons == 1 else 'MeV/u'})"
