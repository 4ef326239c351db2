"""The maps of field-free space and of a quadrupole, written once: compiled, exact in energy, symplectic to rounding.

Coordinates x, ux, y, uy, ct, w: u = P/(m c) (beta gamma x' on axis), ct the time of arrival [m], w the kinetic energy
over m c^2. The canonical longitudinal pair is (ct, -w). Written without branches on the particle, so that a loop over
particles becomes vector instructions, and for complex numbers too, so that a derivative is a complex step. An
accelerating cell: ``optics.linac.gap``.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from optics.compiled import merged

#: pi / 2 in two parts, and what a number is rounded to a whole one by.
_HALF_PI, _HALF_PI_REST = 1.5707963267948966, 6.123233995736766e-17
_ROUNDER = 1.5 * 2.0**52
#: Power series of sine and cosine in the square of the angle, the highest power first.
_TERMS = 9
_SINE = np.array([(-1.0) ** n / factorial(2 * n + 1) for n in range(_TERMS - 1, -1, -1)])
_COSINE = np.array([(-1.0) ** n / factorial(2 * n) for n in range(_TERMS - 1, -1, -1)])


@merged
def series(t: Any, powers: Any) -> Any:
    """The sum of nine powers of ``t`` by Horner's rule, highest power first."""
    total = powers[0] + 0.0 * t
    for n in range(1, _TERMS):
        total = total * t + powers[n]
    return total


@merged
def drift(x: Any, ux: Any, y: Any, uy: Any, ct: Any, w: Any, length: float) -> Any:
    """Straight flight, exact square root."""
    advance = length / np.sqrt(w * (w + 2.0) - ux * ux - uy * uy)
    return x + ux * advance, y + uy * advance, ct + (1.0 + w) * advance


@merged
def focus(u: Any, pu: Any, length: float, gradient: float, inverse: Any) -> Any:
    """One plane of a quadrupole: coordinate, momentum and half the integral of slope^2.

    ``gradient`` = q G c / (m c^2) [m^-2] and ``inverse`` = 1 / (beta gamma); cos and sin of the root as power series,
    which serve both planes: exact to rounding for a phase advance below one.
    """
    k = gradient * inverse
    phase2 = k * length * length
    sinc, cosine = series(phase2, _SINE), series(phase2, _COSINE)
    sine = length * sinc
    slope = pu * inverse
    stretch = 0.25 * (
        k * (u * u) * (length - sine * cosine)
        - 2.0 * k * u * slope * (sine * sine)
        + slope * slope * (length + sine * cosine)
    )
    return u * cosine + slope * sine, pu * cosine - gradient * sine * u, stretch


@merged
def quadrupole(x: Any, ux: Any, y: Any, uy: Any, ct: Any, w: Any, length: float, gradient: float) -> Any:
    """Gradient field, exact in energy for paraxial slopes; ``gradient`` = q G c / (m c^2) [m^-2]."""
    inverse = 1.0 / np.sqrt(w * (w + 2.0))
    x, ux, stretch_x = focus(x, ux, length, gradient, inverse)
    y, uy, stretch_y = focus(y, uy, length, -gradient, inverse)
    return x, ux, y, uy, ct + (1.0 + w) * inverse * (length + stretch_x + stretch_y)


@merged
def nearest(number: float) -> float:
    """The nearest whole number, by the rounding of an addition: a vector instruction where ``rint`` is a call."""
    return (number + _ROUNDER) - _ROUNDER


@merged
def sine_cosine(phase: Any) -> Any:
    """Sine and cosine by reduction to an eighth of a turn and power series."""
    quarter = nearest(phase.real * (1.0 / _HALF_PI))
    t = phase - quarter * _HALF_PI - quarter * _HALF_PI_REST
    t2 = t * t
    sine, cosine = t * series(t2, _SINE), series(t2, _COSINE)
    half = nearest(0.5 * quarter - 0.25)  # the floor of half of a whole number
    odd = quarter - 2.0 * half
    sign = 1.0 - 2.0 * (half - 2.0 * nearest(0.5 * half - 0.25))
    return sign * (sine + odd * (cosine - sine)), sign * (cosine - odd * (sine + cosine))
