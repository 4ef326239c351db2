"""Ranges in water: the Bethe formula for each species (``lattice.reference.range_law``), and the law in words.

Energies are per nucleon [MeV/u] for beams of a ring and of a treatment; a linac's are those of the whole particle [eV].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import Species
from lattice.arrays import Array
from lattice.ranges import EXCITATION
from lattice.reference import range_law, species_named


def range_of(species: str, energy: Any) -> Array:
    """Range in water [m] of ``energy`` [MeV/u]."""
    return np.asarray(range_law(species_named(species)).range_of(np.asarray(energy, dtype=float)))


def energy_of(species: str, depth: Any) -> Array:
    """Energy [MeV/u] whose range in water is ``depth`` [m]."""
    return np.asarray(range_law(species_named(species)).energy_of(np.asarray(depth, dtype=float)))


def range_in_water(energy: Any, kind: Species | str) -> Any:
    """Range in water [m] of particles of ``energy`` [eV] each (not per nucleon) of a species or its name.

    >>> print(f"{range_in_water(150e6, 'proton'):.4f}")  # NIST PSTAR: 15.77 g/cm^2
    0.1577
    """
    kind = kind if isinstance(kind, Species) else species_named(kind)
    return range_law(kind).range_of(np.asarray(energy) * 1e-6 / kind.nucleons)


def energy_of_range(depth: Any, kind: Species | str) -> Any:
    """Energy [eV] of particles with ``depth`` [m] of range in water, of a species or its name: the law backwards."""
    kind = kind if isinstance(kind, Species) else species_named(kind)
    return 1e6 * kind.nucleons * range_law(kind).energy_of(np.asarray(depth))


def range_text() -> str:
    """The law of ranges in words."""
    return f"Bethe's formula integrated (water, I = {EXCITATION:g} eV)"
