"""Coordinates of particles on their way into Xsuite and out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import xtrack as xt

from lattice import ReferenceParticle
from lattice.arrays import Array

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")


def bunch_of(particle: ReferenceParticle, coordinates: Array, context: Any, momentum: float | None = None) -> Any:
    """Xsuite's particles with coordinates (n, 6) about a reference ``momentum`` [eV/c], the particle's own if None."""
    return xt.Particles(
        _context=context,
        mass0=particle.mass,
        q0=particle.charge,
        p0c=momentum or particle.momentum,
        **dict(zip(COORDINATES, coordinates.T, strict=True)),
    )


def coordinates_of(bunch: xt.Particles) -> Array:
    """Coordinates (n, 6) of a bunch in the order in which it was made; NaN for a lost particle."""
    order = np.argsort(bunch.particle_id)
    final = np.stack([getattr(bunch, name)[order] for name in COORDINATES], axis=-1)
    final[bunch.state[order] <= 0] = np.nan
    return final
