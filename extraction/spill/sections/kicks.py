"""Kicks between sections: polynomials of x and y, from a potential that is even in y.

    V = a x^3/3 + b x y^2 + c x^4/4 + d x^2 y^2/2 + e y^4/4 + f x^5/5 + g x^3 y^2 + h x y^4

with x and y counted from the closed orbit; px changes by -dV/dx, py by -dV/dy, so that a kick is symplectic whatever
its numbers are. The first five terms serve most rings, all eight those whose magnets are strong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice import Bend, Element, Lattice, Multipole, Octupole, Sextupole
from lattice.arrays import Array

#: How many of the terms a to h are used: up to the fourth order of V, or up to the fifth.
FOURTH, FIFTH = 5, 8
#: Size of the coefficients in the fit [m^-2, m^-3, m^-4], by the order of their term.
UNITS = np.array([0.1, 0.1, 3.0, 3.0, 3.0, 90.0, 90.0, 90.0])


def slopes(x: Array, y: Array, terms: int) -> tuple[Array, Array]:
    """dV/dx and dV/dy of each term with coefficient 1: (terms, n) each."""
    xx, yy, zero = x * x, y * y, 0.0 * x
    by_x = (xx, yy, xx * x, x * yy, zero, xx * xx, 3.0 * xx * yy, yy * yy)
    by_y = (zero, 2.0 * x * y, zero, xx * y, yy * y, zero, 2.0 * xx * x * y, 4.0 * x * yy * y)
    return np.stack(by_x[:terms]), np.stack(by_y[:terms])


def curvatures(x: Array, y: Array, terms: int) -> tuple[Array, Array, Array]:
    """Second derivatives of each term by x and x, x and y, y and y: (terms, n) each."""
    xx, yy, xy, zero = x * x, y * y, x * y, 0.0 * x
    by_xx = (2.0 * x, zero, 3.0 * xx, yy, zero, 4.0 * xx * x, 6.0 * x * yy, zero)
    by_xy = (zero, 2.0 * y, zero, 2.0 * xy, zero, zero, 6.0 * xx * y, 4.0 * yy * y)
    by_yy = (zero, 2.0 * x, zero, xx, 3.0 * yy, zero, 2.0 * xx * x, 12.0 * x * yy)
    return np.stack(by_xx[:terms]), np.stack(by_xy[:terms]), np.stack(by_yy[:terms])


def largest_kick(kicks: Array, x: Any, y: Any) -> tuple[Any, Any]:
    """Bounds of |dV/dx| and |dV/dy| [rad] for |x| and |y| up to ``x``, ``y``; ``kicks`` (..., terms)."""
    size = np.abs(kicks)
    bounds = slopes(np.asarray(x), np.asarray(y), size.shape[-1])
    by_x, by_y = (np.sum(np.moveaxis(bound, 0, -1) * size, axis=-1) for bound in bounds)
    return by_x, by_y


def own_kick(ring: Lattice, element: Element) -> Array:
    """a to h of what an element has beyond its linear part, as if it stood in its middle."""
    k2l = k3l = 0.0
    if isinstance(element, (Sextupole, Bend)):
        k2l = float(ring.value(element.k2)) * float(ring.value(element.length))
    elif isinstance(element, Octupole):
        k3l = float(ring.value(element.k3)) * float(ring.value(element.length))
    elif isinstance(element, Multipole):
        k2l, k3l = (float(ring.value(k)) for k in (*element.knl, 0.0, 0.0, 0.0, 0.0)[2:4])
    return np.array([k2l / 2, -k2l / 2, k3l / 6, -k3l / 2, k3l / 6, 0.0, 0.0, 0.0])


def is_nonlinear(ring: Lattice, element: Element) -> bool:
    """Whether an element has a sextupole's or octupole's strength: the ring is cut there."""
    return bool(np.any(own_kick(ring, element)))
