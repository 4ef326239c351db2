"""In which plane, and on which side, a particle is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extraction.spill.sections.places import opening_of
from lattice import Aperture
from lattice.arrays import Array

PLANES, SIDES = ("x", "y"), ("-", "+")


def planes_of_loss(apertures: Sequence[Aperture | None], x: Array, y: Array) -> tuple[list[str], list[str]]:
    """Plane ("x" or "y") and side ("-" or "+" of it) of each particle that was lost at ``x``, ``y`` [m].

    ``apertures``: of the element where each was lost, None for one without. The plane is the one in which the
    particle fills the larger share of the half opening, from its middle (of an ellipse, of its half axes); without an
    aperture the one in which it is farther out.

    >>> from lattice import Aperture
    >>> import numpy as np
    >>> planes_of_loss([Aperture("rectangle", 0.06, 0.03)], np.array([0.055]), np.array([-0.031]))
    (['y'], ['-'])
    """
    openings = np.array([_IMMENSE if one is None else opening_of(one) for one in apertures]).reshape(-1, 6)
    shares = np.stack([x, y], axis=1) - openings[:, :2]
    sizes = np.maximum(openings[:, 2:4], openings[:, 4:6])
    plane = np.argmax(np.abs(shares) * sizes, axis=1)
    positive = shares[np.arange(len(plane)), plane] >= 0
    return [PLANES[one] for one in plane], [SIDES[int(one)] for one in positive]


_IMMENSE = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0)
