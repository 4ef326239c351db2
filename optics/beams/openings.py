"""Openings of apertures as numbers that compiled code reads, and whether a particle lies within."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import Aperture, LatticeError
from lattice.arrays import Array
from optics.compiled import compiled, inlined


def opening_of(aperture: Aperture | None) -> tuple[float, ...]:
    """Offsets, half axes of the rectangle and of the ellipse [m], infinite where there is none."""
    if aperture is None:
        return 0.0, 0.0, np.inf, np.inf, np.inf, np.inf
    offsets, halves = (aperture.offset_x, aperture.offset_y), (aperture.half_x, aperture.half_y)
    if aperture.shape == "rectangle":
        return *offsets, *halves, np.inf, np.inf
    if aperture.shape == "ellipse":
        return *offsets, np.inf, np.inf, *halves
    if aperture.ellipse_x is None or aperture.ellipse_y is None:
        raise LatticeError("a rectellipse aperture needs ellipse_x and ellipse_y")
    return *offsets, *halves, aperture.ellipse_x, aperture.ellipse_y


@inlined
def lies_within(x: Any, y: Any, opening: Any) -> Any:
    """True where (x, y) [m] lies within an opening (6,), or on its edge."""
    u, v = x - opening[0], y - opening[1]
    round_ = (u / opening[4]) ** 2 + (v / opening[5]) ** 2
    return (abs(u) <= opening[2]) & (abs(v) <= opening[3]) & (round_ <= 1.0)


@compiled
def _within(x: Any, y: Any, opening: Any, out: Any) -> None:
    for i in range(len(x)):
        out[i] = lies_within(x[i], y[i], opening)


def is_inside(aperture: Aperture, x: Array, y: Array) -> Array:
    """True where (x, y) [m] lies within the aperture; of the shape of x."""
    xs, ys = (np.array(value, dtype=float) for value in np.broadcast_arrays(x, y))
    out = np.zeros(xs.size, dtype=bool)
    _within(xs.ravel(), ys.ravel(), np.array(opening_of(aperture)), out)
    return out.reshape(xs.shape)
