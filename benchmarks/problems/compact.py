"""A compact ring for slow extraction: six bends of 60 degrees with a gradient, one strong sextupole, 25 m."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from lattice import Bend, Drift, ElectrostaticSeptum, Lattice, Quadrupole, ReferenceParticle, Sextupole
from optics import twiss

#: Where the wires stand [m].
WIRES = 0.02
_PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


def compact_ring(distance: float) -> Lattice:
    """The ring with Qx = 5/3 + ``distance``; its wires begin at "es", where it starts."""
    ring = _ring()

    def miss(value: float) -> float:
        return float(twiss(ring.with_parameters(kf=value), chromatic=False).qx) - 5 / 3 - distance

    return ring.with_parameters(kf=brentq(miss, 0.5, 0.68, xtol=1e-15))


def _ring() -> Lattice:
    gap, short = Drift("gap", length=0.5), Drift("short", length=0.3)
    bend = Bend("mb", length=1.4, angle=np.pi / 3, e1=0.2, e2=0.2, k1=-0.1, hgap=0.03, fint=0.5)
    focus = Quadrupole("qf", length=0.3, k1="kf")
    septum = ElectrostaticSeptum("es", length=0.5, position=WIRES, thickness=1e-4, kick=2e-3, gap=0.02)
    beside = Drift("beside", length=0.15)
    arc = [focus, short, bend, short, focus]
    driven = [gap, beside, Sextupole("sr", length=0.2, k2="sr"), beside, gap]
    elements = [septum, gap, gap, *arc, *driven, *arc, *(4 * [gap, gap, gap, *arc])]
    return Lattice("compact", elements=elements, parameters={"kf": 0.6, "sr": 30.0}, particle=_PROTON)
