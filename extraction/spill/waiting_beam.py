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
    """Coasting stack of ``count`` particles at a place of a ring, each matched at its own momentum.

    Closed orbit and optics are those of each particle's momentum: over the 0.4 % of a waiting stack linear dispersion
    alone misplaces orbits by fractions of a millimetre. ``full_width`` of dp/p around ``beam.delta`` (default: that of
    rms ``beam.sigma_delta``); see ``sample_beam`` for the rest.

    Equation:
        z = closed orbit(delta) + sqrt(emittance) B(delta) (u, v), B from beta and alpha at delta, in both planes.

    Returns:
        (count, 6) of x, px, y, py, zeta, delta [m, 1]; the same ones for the same ``seed``.

    Raises:
        InputError: as ``sample_beam``.
        UnstableOptics: a momentum of the stack without stable motion.

    Source:
        E. D. Courant, H. S. Snyder, Ann. Phys. 3, 1 (1958).

    Example:
        >>> from machines.cnao_like import cnao
        >>> ring = cnao()
        >>> stack = waiting_beam(ring, Beam(ring.particle, 1e-6, 1e-6, delta=-2e-3), 10, seed=1, full_width=1e-3)
        >>> stack.shape, bool((abs(stack[:, 5] + 2e-3) <= 0.5e-3).all())
        ((10, 6), True)
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
