"""Particles once through a line by Xsuite, beside our own tracking."""

from __future__ import annotations

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array


def xsuite_passage(lattice: Lattice, particle: ReferenceParticle, states: Array, fringe: str = "full") -> Array:
    """Coordinates (n, 6) behind a line of particles with ``states`` (n, 6) in front of it; no apertures.

    By Xsuite's own elements with converged kicks. Raises what ``to_xsuite`` raises.
    """
    from optics.engines.xsuite.bunch import bunch_of, coordinates_of
    from optics.engines.xsuite.contexts import tracking_context
    from optics.engines.xsuite.elements import CONVERGED_KICKS
    from optics.engines.xsuite.line import to_xsuite

    line = to_xsuite(lattice, particle, fringe, **CONVERGED_KICKS)
    bunch = bunch_of(particle, states, tracking_context())
    line.track(bunch)
    return coordinates_of(bunch)
