"""Rings of different kinds for the table: protons of 60 MeV but in the large one, each of equal cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import Bend, Drift, Element, Kicker, Lattice, Octupole, Quadrupole, ReferenceParticle, Sextupole

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
SIX, LARGE = 6, 24


def compact(octupole: float = 0.0, kicks: tuple[float, float] = (0.0, 0.0), tilt: float = 0.0, **bend: Any) -> Lattice:
    """A cell of a ring of six 60-degree bends, 28 m round; ``kicks`` make an orbit that is the same in each."""
    elements: list[Element] = [
        Quadrupole("f", length=0.4, k1=1.6, tilt=tilt),
        Drift("a", length=0.3),
        Kicker("k", length=0.2, hkick=kicks[0], vkick=kicks[1]),
        Drift("b", length=0.3),
        Bend("m", length=1.2, angle=np.pi / 3, **bend),
        Drift("c", length=0.3),
        Quadrupole("d", length=0.4, k1=-1.3),
        Octupole("o", length=0.2, k3=octupole),
        Drift("e", length=0.2),
        Sextupole("s", length=0.2, k2=1.0),
        Drift("g", length=0.6),
    ]
    return Lattice("cell", elements=elements, particle=PROTON)


def large() -> Lattice:
    """A cell of a ring of 24 bends of 15 degrees, 300 m round, protons of 10 GeV."""
    elements: list[Element] = [
        Quadrupole("f", length=1.0, k1=0.1),
        Sextupole("s", length=0.3, k2=0.1),
        Drift("a", length=1.0),
        Bend("m", length=5.0, angle=np.pi / 12),
        Drift("c", length=1.0),
        Quadrupole("d", length=1.0, k1=-0.11),
        Sextupole("t", length=0.3, k2=-0.15),
        Drift("e", length=2.0),
    ]
    return Lattice("cell", elements=elements, particle=ReferenceParticle("proton", kinetic_energy_per_u=10e9))
