"""A section as a lens, a drift and a lens: half of the arithmetic of its matrix, and symplectic whatever its numbers.

    ( a  b )   ( 1       0 ) ( 1  b ) ( 1       0 )
    ( c  d ) = ( (d-1)/b 1 ) ( 0  1 ) ( (a-1)/b 1 )        for a d - b c = 1, b not 0

Three shears make a rotation: A. W. Paeth, Proc. Graphics Interface 1986, 77. Where b is small against sqrt(beta beta')
(its sine of the phase advance, near half a turn, or none) a drift goes before: of beta at the section's beginning,
with the sign that leaves b as large as it can be.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from extraction.spill.sections.proof import carried, corners, ellipse_of, matrices_of
from extraction.spill.sections.table import SectionalMaps
from lattice.arrays import Array

_SINE, _NEAR_NONE = 0.2, 0.02  # of the phase advance: below the first there is a drift before, near none the second


def drifts_of(maps: SectionalMaps, own: Mapping[str, float]) -> Array:
    """Drifts before the sections (sections, 2) [m] of maps whose settings are ``own`` in the ring: see
    ``drifts_before``."""
    ellipse = ellipse_of(maps, own)
    matrices = np.concatenate([matrices_of(vectors, maps.layout) for vectors in corners(maps, own)])
    return drifts_before(matrices, carried(matrices, ellipse)[0])


def drifts_before(matrices: Array, betas: Array) -> Array:
    """Drift [m] that goes before each section's matrix, per plane: (sections, 2), 0 where none is needed.

    ``matrices`` (n, sections, 2, 2, 2) at the momenta and settings that are asked for; ``betas`` (n, sections + 1, 2)
    of the motion at the sections' beginnings and at the end. Every one must be far from b = 0, with one sign.
    """
    a, b = matrices[..., 0, 0], matrices[..., 0, 1]
    sine, cosine = b / np.sqrt(betas[:, :-1] * betas[:, 1:]), a * np.sqrt(betas[:, :-1] / betas[:, 1:])
    least = np.where(np.all(cosine > 0, axis=0), _NEAR_NONE, _SINE)
    good = np.all(sine > least, axis=0) | np.all(sine < -least, axis=0)
    sign = np.where(np.mean(a, axis=0) * np.mean(b, axis=0) > 0, -1.0, 1.0)
    return np.where(good, 0.0, sign * np.mean(betas[:, :-1], axis=0))
