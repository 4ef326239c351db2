"""The Hardt condition: the extraction arms of all momenta lie on one line at the electrostatic septum.

In normalised coordinates at the septum the outgoing separatrix is a line at distance h = (2/3) |eps / S| from the
closed orbit, with normal n. With momentum the orbit moves by (D_n, D_n') and h changes by 4 pi |S|^-1 sign(dQ) Q' per
dp/p, so the line stays in place when

    n . (D_n, D_n') + 4 pi sign(dQ) Q' / |S| = 0,   D_n = D / sqrt(beta),  D_n' = sqrt(beta) D' + alpha D / sqrt(beta)

(W. Hardt, CERN PS/DL/LEAR Note 81-6; PIMMS, CERN-PS-99-010-DI, section 3.5). The left side [m^1/2], with the sign that
makes it positive when px on the arm grows with momentum, is the leading-order residual; ``arm_divergence`` is the
exact one, from tracked arms. In a coupled ring Q' and S are those of the resonant mode and arms are seen in x, px,
where the mode has a share of its area: D_n' becomes (sqrt(beta) D' + alpha D / sqrt(beta)) / share.
"""

from __future__ import annotations

import numpy as np

from extraction.resonance.modes import alpha_of, beta_of, share_of
from extraction.resonance.sextupoles import driven, resonant_tunes
from extraction.resonance.third_integer import ThirdIntegerResonance, third_integer_resonance
from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.expressions.functions import FUNCTIONS
from optics import Optics, twiss

_DELTA = 2e-4  # largest momentum step of the exact residual
_CLEAR = 0.2  # part of the way to the resonant momentum that the step may take


def hardt_residual(optics: Optics, place: int, side: float) -> Array:
    """Leading-order residual of the Hardt condition at element ``place`` for the arm towards x of sign ``side``.

    0 when the arms of all momenta lie on one line at the place; positive when px on the arm grows with momentum.
    ``optics`` must hold chromaticity. Holomorphic in the strengths (a complex step gives exact derivatives).

    Equation:
        n . (D_n, D'_n) + 4 pi sign(Q - n/3) Q' / |S|, n the normal of the arm's side of the triangle,
        D_n = D / sqrt(betx), D'_n = sqrt(betx) D' + alfx D / sqrt(betx).

    Returns:
        (batch,) [m^1/2].

    Raises:
        NoSolution: no resonance near the tune or no sextupole drives it.

    Source:
        W. Hardt, CERN PS/DL/LEAR Note 81-6 (1981); PIMMS, CERN/PS 99-010 (DI), section 3.5.

    Example:
        >>> from machines.cnao_like import cnao
        >>> from optics import twiss
        >>> ring = cnao("matched-proton-60MeV-qx1.664")
        >>> hardt_residual(twiss(ring), ring.index("se_010a_esp"), side=1.0).shape
        (1,)
    """
    found = driven(optics, place)
    real, imaginary = found.sum
    turned = FUNCTIONS["atan2"](imaginary, real) / 3.0  # phase of the virtual sextupole from the place [rad]
    sign = np.sign(found.distance.real)
    normal = _normal_at_sextupole(turned.real, sign, side) + turned
    along, across = _dispersion(optics, place, found.columns)
    projected = along * np.cos(normal) + across * np.sin(normal)
    return np.asarray(-side * sign * (projected + 4 * np.pi * sign * found.chromaticity / found.size))


def normalised_dispersion(optics: Optics, place: int) -> tuple[Array, Array]:
    """(D_n, D_n') [m^1/2] at an element, each (batch,); in a coupled ring those of the mode that is driven.

    What the Hardt condition can reach there: no phase of the sextupoles meets it where sqrt(D_n^2 + D_n'^2) is less
    than 4 pi |Q'| / |S|.
    """
    return _dispersion(optics, place, driven(optics, place).columns)


def _dispersion(optics: Optics, place: int, columns: Array) -> tuple[Array, Array]:
    alpha, share, root = alpha_of(columns), share_of(columns), np.sqrt(beta_of(columns))
    d, dp = (optics.at_elements.column(name)[:, place] for name in ("dx", "dpx"))
    return np.asarray(d / root), np.asarray((root * dp + alpha * d / root) / share)


def _normal_at_sextupole(turned: Array, sign: Array, side: float) -> Array:
    """Direction [rad] of the outward normal, at the virtual sextupole, of the arm that goes towards ``side`` in x.

    The triangle's sides have outward normals at pi and +-pi/3 (opposite below the resonance); the arm that leaves
    along a side goes anticlockwise of its normal above the resonance, clockwise below.
    """
    normals = np.pi + np.where(sign > 0, 0.0, np.pi)[:, None] + 2 * np.pi / 3 * np.arange(3)
    directions = normals + sign[:, None] * np.pi / 2 + turned[:, None]
    towards = side * np.cos(directions)
    return np.asarray(normals[np.arange(len(turned)), np.argmax(towards, axis=1)])


def arm_divergence(
    ring: Lattice,
    particle: ReferenceParticle | None,
    *,
    at: str,
    x_septum: float,
    delta: float = 0.0,
    fringe: str = "full",
) -> float:
    """Change of px with momentum on the tracked arms at x = ``x_septum``: 0 when the Hardt condition holds exactly.

    Central difference around ``delta`` over a momentum step that stays clear of the resonance.

    Equation:
        (px(delta + h) - px(delta - h)) / (2 h) of the arms at the wires.

    Returns:
        d(px)/d(delta) [1].

    Raises:
        NoSolution: one of the two momenta has no arm at the wires.

    Source:
        W. Hardt, CERN PS/DL/LEAR Note 81-6 (1981), for tracked arms in place of the leading order.

    Example:
        >>> from machines.cnao_like import cnao
        >>> ring = cnao("matched-proton-60MeV-qx1.664")
        >>> divergence = arm_divergence(ring, None, at="se_010a_esp", x_septum=0.035)
        >>> bool(abs(divergence) < 1.0)  # less than a mrad for a per mille
        True
    """
    optics = twiss(ring, particle, fringe=fringe, delta=delta)
    near = resonant_tunes(optics)
    step = min(_DELTA, _CLEAR * abs(float(near.distance[0])) / max(abs(float(near.chromaticity[0])), 1e-9))
    found = [_arm_px(ring, particle, at, x_septum, delta + k * step, fringe) for k in (-1, 1)]
    return float((found[1] - found[0]) / (2 * step))


def _arm_px(
    ring: Lattice, particle: ReferenceParticle | None, at: str, x_septum: float, delta: float, fringe: str
) -> float:
    resonance: ThirdIntegerResonance = third_integer_resonance(ring, particle, at=at, delta=delta, fringe=fringe)
    return resonance.arm(x_septum).px
