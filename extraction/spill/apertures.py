"""Apertures in the fast tracker: which of them bind, and as the inner loop takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extraction.spill.sections import is_nonlinear
from lattice import Aperture, Lattice
from lattice.arrays import Array
from optics import Optics

_NARROWER = 1.15  # than where the ring is cut anyway: such an aperture is looked at too
_MOST = 4  # of them


def binding(ring: Lattice, optics: Optics, amplitudes: tuple[float, float]) -> tuple[int, ...]:
    """Elements whose apertures take particles first, other than nonlinear ones, which are looked at anyway.

    ``amplitudes``: sqrt of twice the action [m^1/2] of the beam. By linear optics: amplitude sqrt(beta) about the
    closed orbit, over the half width; those that are narrower by 15 % than any nonlinear element, four at most, in the
    order of the ring.
    """
    filled = np.array([_filled(element.aperture, optics, i, amplitudes) for i, element in enumerate(ring.elements)])
    watched = np.array([is_nonlinear(ring, element) for element in ring.elements], dtype=bool)
    known = np.max(filled[watched], axis=0, initial=0.0)
    excess = np.max(filled / np.maximum(known, _LEAST), axis=1) * ~watched * np.any(filled > _LEAST, axis=1)
    narrow = np.argsort(-excess, kind="stable")[:_MOST]
    return tuple(sorted(int(i) for i in narrow if excess[i] > _NARROWER))


_LEAST = 0.5  # an aperture that the beam fills to less than this takes nothing


def _filled(aperture: Aperture | None, optics: Optics, i: int, amplitudes: tuple[float, float]) -> tuple[float, float]:
    """Share of the half width and height that the beam fills, at the worse end of element ``i``; 0 without one."""
    if aperture is None:
        return 0.0, 0.0
    shares = []
    for plane, offset, half, amplitude in (
        ("x", aperture.offset_x, aperture.half_x, amplitudes[0]),
        ("y", aperture.offset_y, aperture.half_y, amplitudes[1]),
    ):
        beta, orbit = (np.asarray(optics[name], dtype=float)[i : i + 2] for name in (f"bet{plane}", plane))
        shares.append(float(np.max(np.sqrt(beta) * amplitude + np.abs(orbit - offset))) / half)
    return shares[0], shares[1]


def openings(ring: Lattice, elements: Sequence[int]) -> Array:
    """Apertures (n, 6) of elements as the inner loop takes them, 0 where there are none."""
    rows = np.zeros((len(elements), 6))
    for row, element in zip(rows, elements, strict=True):
        aperture = ring.elements[element].aperture
        if aperture is not None:
            row[:] = _opening(aperture)
    return rows


def _opening(aperture: Aperture) -> tuple[float, ...]:
    half = (0.0, 0.0) if aperture.shape == "ellipse" else (1 / aperture.half_x, 1 / aperture.half_y)
    ellipse = (0.0, 0.0)
    if aperture.shape == "ellipse":
        ellipse = (1 / aperture.half_x, 1 / aperture.half_y)
    elif aperture.ellipse_x is not None and aperture.ellipse_y is not None:
        ellipse = (1 / aperture.ellipse_x, 1 / aperture.ellipse_y)
    return (aperture.offset_x, aperture.offset_y, *half, *ellipse)
