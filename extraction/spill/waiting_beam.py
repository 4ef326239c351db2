"""The beam that waits for extraction, particle by particle."""

from __future__ import annotations

from extraction.resonance.stack import WaitingStack
from lattice import Lattice
from lattice.arrays import Array
from optics import Beam, sample_beam, twiss


def waiting_beam(
    ring: Lattice,
    beam: Beam,
    count: int,
    *,
    seed: int,
    at: str | None = None,
    transverse: str = "gaussian",
    momenta: str = "uniform",
    full_width: float | None = None,
    cut: float | None = None,
    fringe: str = "full",
) -> Array:
    """Coasting stack of ``count`` particles at a place of a ring: (count, 6) of x, px, y, py, zeta, delta.

    Each particle is matched to the closed orbit and the optics at its own momentum: over the 0.4 % of a waiting stack
    linear dispersion alone misplaces orbits by fractions of a millimetre. ``full_width`` of dp/p around ``beam.delta``
    (default: that of rms ``beam.sigma_delta``); see ``sample_beam`` for the rest and for what is raised.
    """
    optics = twiss(ring, beam.particle, fringe=fringe, delta=0.0)
    return sample_beam(
        beam,
        optics,
        count,
        seed=seed,
        at=at,
        transverse=transverse,
        momenta=momenta,
        full_width=full_width,
        coasting=True,
        cut=cut,
        off_momentum=True,
    )


def stack_beam(stack: WaitingStack, count: int, *, seed: int, width: float | None = None, shift: float = 0.0) -> Array:
    """Coordinates (count, 6) of a waiting stack at the start of its ring, after it has moved by ``shift`` in dp/p.

    Its near edge is where the largest amplitude is just stable; ``width``: another full width of dp/p.
    """
    return waiting_beam(
        stack.ring,
        stack.as_beam(width, shift),
        count,
        seed=seed,
        full_width=stack.beam.span if width is None else width,
        cut=stack.beam.sigmas,
        fringe=stack.fringe,
    )
