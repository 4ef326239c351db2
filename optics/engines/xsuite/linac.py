"""Longitudinal motion through the gaps of a linac by Xsuite."""

from __future__ import annotations

from math import cos, pi
from typing import Any

import numpy as np
import xtrack as xt
from numpy.typing import ArrayLike

from lattice import Drift, InputError, Lattice, Quadrupole, ReferenceParticle, RFGap
from lattice.arrays import Array
from optics.engines.xsuite.bunch import COORDINATES, coordinates_of
from optics.engines.xsuite.engine import quietly
from optics.engines.xsuite.line import reference_of
from optics.maps.lattices.checked import checked_particle


def xsuite_linac(lattice: Lattice, particle: ReferenceParticle | None, coordinates: ArrayLike) -> tuple[Array, float]:
    """Coordinates (n, 6) behind drifts, quadrupoles and RF gaps, and the reference momentum there [eV/c], by Xsuite.

    A gap is a thin cavity without transit time (its voltage holds for every velocity, and there is no transverse kick)
    followed by an increase of the reference energy: a check of longitudinal motion.
    """
    start = checked_particle(lattice, particle)
    parts: list[Any] = []
    here = start
    for element in map(lattice.resolved, lattice.elements):
        if isinstance(element, RFGap):
            volt, phase = float(element.volt), float(element.phase)
            parts.append(xt.Cavity(voltage=volt, frequency=float(element.freq), phase=0.5 * pi + phase))
            behind = _accelerated(here, here.charge * volt * cos(phase))
            parts.append(xt.ReferenceEnergyIncrease(Delta_p0c=behind.momentum - here.momentum))
            here = behind
        elif isinstance(element, Quadrupole):
            parts.append(xt.Quadrupole(length=element.length, k1=element.k1))
        elif isinstance(element, Drift):
            parts.append(xt.Drift(length=element.length, model="exact"))
        else:
            raise InputError(f"'{element.name}' is no drift, quadrupole or RF gap but a {element.kind}")
    line = xt.Line(elements=parts)
    line.particle_ref = reference_of(start)
    initial = np.atleast_2d(np.asarray(coordinates, dtype=float))
    bunch = line.build_particles(**dict(zip(COORDINATES, initial.T, strict=True)))
    with quietly():
        line.track(bunch)
    return coordinates_of(bunch), here.momentum


def _accelerated(particle: ReferenceParticle, energy: float) -> ReferenceParticle:
    per_u = (particle.kinetic_energy + energy) / particle.nucleons
    return ReferenceParticle(particle.kind, kinetic_energy_per_u=per_u)
