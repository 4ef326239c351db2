"""The map of every piece of a linac, written once: compiled, exact in energy, symplectic to rounding.

Coordinates x, ux, y, uy, ct, w: u = P/(m c) (beta gamma x' on axis), ct the time of arrival [m], w the kinetic energy
over m c^2. The canonical longitudinal pair is (ct, -w). Written without branches on the particle, so that a loop over
particles becomes vector instructions, and for complex numbers too, so that a derivative is a complex step.

Sources: T. P. Wangler, RF Linear Accelerators (Wiley 2008), chapters 2 and 7; K. Feng and M. Qin, Symplectic Geometric
Algorithms (Springer 2010), chapter 5 (generating functions and the implicit midpoint).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import inlined

#: Coefficients of the polynomial that every transit-time factor is brought to.
TRANSIT_TERMS = 18
#: Coefficients of the two polynomials of a cell's second order.
SECOND_TERMS = 12
#: Terms of the modified Bessel functions in (K r / 2)^2: exact to rounding up to K r = 3.
_BESSEL_TERMS = 12
#: pi / 2 in two parts, and what a number is rounded to a whole one by.
_HALF_PI, _HALF_PI_REST = 1.5707963267948966, 6.123233995736766e-17
_ROUNDER = 1.5 * 2.0**52


@inlined
def drift(x: Any, ux: Any, y: Any, uy: Any, ct: Any, w: Any, length: float) -> Any:
    """Straight flight, exact square root."""
    advance = length / np.sqrt(w * (w + 2.0) - ux * ux - uy * uy)
    return x + ux * advance, y + uy * advance, ct + (1.0 + w) * advance


@inlined
def focus(u: Any, pu: Any, length: float, gradient: float, inverse: Any) -> Any:
    """One plane of a quadrupole: coordinate, momentum and half the integral of slope^2.

    ``gradient`` = q G c / (m c^2) [m^-2] and ``inverse`` = 1 / (beta gamma); cos and sin of the root as power series,
    which serve both planes: exact to rounding for a phase advance below one.
    """
    k = gradient * inverse
    phase2 = k * length * length
    cosine, sinc = 0.0 * phase2, 0.0 * phase2
    for n in range(9, 0, -1):
        cosine = 1.0 - phase2 / ((2 * n - 1) * (2 * n)) * (1.0 if n == 9 else cosine)
        sinc = 1.0 - phase2 / ((2 * n) * (2 * n + 1)) * (1.0 if n == 9 else sinc)
    sine = length * sinc
    slope = pu * inverse
    stretch = 0.25 * (
        k * (u * u) * (length - sine * cosine)
        - 2.0 * k * u * slope * (sine * sine)
        + slope * slope * (length + sine * cosine)
    )
    return u * cosine + slope * sine, pu * cosine - gradient * sine * u, stretch


@inlined
def quadrupole(x: Any, ux: Any, y: Any, uy: Any, ct: Any, w: Any, length: float, gradient: float) -> Any:
    """Gradient field, exact in energy for paraxial slopes; ``gradient`` = q G c / (m c^2) [m^-2]."""
    inverse = 1.0 / np.sqrt(w * (w + 2.0))
    x, ux, stretch_x = focus(x, ux, length, gradient, inverse)
    y, uy, stretch_y = focus(y, uy, length, -gradient, inverse)
    return x, ux, y, uy, ct + (1.0 + w) * inverse * (length + stretch_x + stretch_y)


@inlined
def nearest(number: float) -> float:
    """The nearest whole number, by the rounding of an addition: a vector instruction where ``rint`` is a call."""
    return (number + _ROUNDER) - _ROUNDER


@inlined
def sine_cosine(phase: Any) -> Any:
    """Sine and cosine by reduction to an eighth of a turn and power series."""
    quarter = nearest(phase.real / _HALF_PI)
    t = phase - quarter * _HALF_PI - quarter * _HALF_PI_REST
    t2 = t * t
    sine, cosine = 1.0 + 0.0 * t2, 1.0 + 0.0 * t2
    for n in range(8, 0, -1):
        sine = 1.0 - t2 * sine * (1.0 / ((2 * n) * (2 * n + 1)))
        cosine = 1.0 - t2 * cosine * (1.0 / ((2 * n - 1) * (2 * n)))
    sine = t * sine
    half = nearest(0.5 * quarter - 0.25)  # the floor of half of a whole number
    odd = quarter - 2.0 * half
    sign = 1.0 - 2.0 * (half - 2.0 * nearest(0.5 * half - 0.25))
    return sign * (sine + odd * (cosine - sine)), sign * (cosine - odd * (sine + cosine))


@inlined
def transit(w: Any, radius2: Any, cell: Any, coefficients: Any) -> Any:
    """F = T(k) I0(K r), dF/dw, and T I1(K r)/(K r / 2)/(beta gamma)^2, with K = wavenumber / (beta gamma).

    ``cell`` = (wavenumber, scale, offset, ...): T is a polynomial in t = scale / beta - offset, which runs from -1 to 1
    over the range of the factor. ``radius2`` = (wavenumber r / 2)^2.
    """
    scale, offset = cell[1], cell[2]
    inverse2 = 1.0 / (w * (w + 2.0))
    inverse = np.sqrt(inverse2)
    gamma = 1.0 + w
    t = scale * gamma * inverse - offset
    factor, slope = coefficients[0] + 0.0 * t, 0.0 * t
    for n in range(1, TRANSIT_TERMS):
        slope = slope * t + factor
        factor = factor * t + coefficients[n]
    a = radius2 * inverse2
    bessel_0, bessel_1 = 1.0 + 0.0 * a, 1.0 + 0.0 * a
    for n in range(_BESSEL_TERMS - 1, 0, -1):
        bessel_0 = 1.0 + a * bessel_0 * (1.0 / (n * n))
        bessel_1 = 1.0 + a * bessel_1 * (1.0 / (n * (n + 1)))
    derivative = -slope * scale * inverse * inverse2 * bessel_0 - 2.0 * gamma * inverse2 * a * factor * bessel_1
    return factor * bessel_0, derivative, factor * bessel_1 * inverse2


@inlined
def second_order(w: Any, volt: float, cell: Any, second: Any) -> Any:
    """A, dA/dw and dB/dw: what the field does to the gain by the velocity that it has changed inside the cell.

    A = volt h a(q) and B = volt h b(q) with h = wavenumber L / (4 (beta gamma)^3), ``cell`` = (wavenumber, scale,
    offset, wavenumber L / 4); ``second`` (2, terms): the polynomials a and b in t, highest power first.
    """
    inverse2 = 1.0 / (w * (w + 2.0))
    inverse = np.sqrt(inverse2)
    gamma = 1.0 + w
    t = cell[1] * gamma * inverse - cell[2]
    a, b, a_slope, b_slope = second[0, 0] + 0.0 * t, second[1, 0] + 0.0 * t, 0.0 * t, 0.0 * t
    for n in range(1, SECOND_TERMS):
        a_slope = a_slope * t + a
        b_slope = b_slope * t + b
        a = a * t + second[0, n]
        b = b * t + second[1, n]
    h = volt * cell[3] * inverse2 * inverse
    dt, dh = -cell[1] * inverse2 * inverse, -3.0 * gamma * inverse2
    return h * a, h * (dh * a + a_slope * dt), h * (dh * b + b_slope * dt)


@inlined
def newton(mid: Any, w: Any, start: Any, radius2: Any, volt: float, cell: Any, coefficients: Any, second: Any) -> Any:
    """One Newton step to the middle (w, phi) of a gap's kick, and the potential's radial part where it began.

    The equations are w_mid = w + volt (F cos(phi)/2 + A sin(2 phi)) and phi_mid = start - volt (dF/dw sin(phi) - dA/dw
    cos(2 phi) - dB/dw)/2; of the Jacobian the terms in d2F/dw2, A and B are left out: the next step makes up for them.
    """
    w_mid, phi_mid = mid[0], mid[1]
    half = 0.5 * volt
    factor, slope, radial = transit(w_mid, radius2, cell, coefficients)
    a, a_slope, b_slope = second_order(w_mid, volt, cell, second)
    sine, cosine = sine_cosine(phi_mid)
    b = half * slope * cosine
    turned = start - phi_mid - half * (slope * sine - a_slope * (1.0 - 2.0 * sine * sine) - b_slope)
    d_phi = turned / (1.0 + b)
    gained = half * cosine * (factor + 4.0 * a * sine)
    d_w = (w - w_mid + gained - half * factor * sine * d_phi) / (1.0 - b)
    return w_mid + d_w, phi_mid + d_phi, half * radial * sine


@inlined
def gap(
    x: Any,
    ux: Any,
    y: Any,
    uy: Any,
    ct: Any,
    w: Any,
    volt: float,
    phase: float,
    cell: Any,
    coefficients: Any,
    second: Any,
) -> Any:
    """Accelerating gap: the implicit midpoint map of a potential that is of second order in the field on the axis.

    U = (volt / wavenumber) (F(w, r) sin(phi) - A(w) cos(2 phi) - B(w)), phi = wavenumber ct + phase; dw = dU/dct,
    dct = -dU/dw, dux = -dU/dx, all at the middle of the kick: the terms in dF/dw make the map symplectic though T
    depends on energy. ``volt`` = q E0 L / (m c^2). To first order dw = volt T cos(phi) and
    dux = -volt T wavenumber sin(phi) x / (2 (beta gamma)^2).
    """
    wavenumber = cell[0]
    start = wavenumber * ct + phase
    radius2 = 0.25 * wavenumber * wavenumber * (x * x + y * y)
    mid = newton((w, start, w), w, start, radius2, volt, cell, coefficients, second)
    mid = newton(mid, w, start, radius2, volt, cell, coefficients, second)
    mid = newton(mid, w, start, radius2, volt, cell, coefficients, second)
    mid = newton(mid, w, start, radius2, volt, cell, coefficients, second)
    kick = wavenumber * mid[2]
    return ux - kick * x, uy - kick * y, ct + 2.0 * (mid[1] - start) / wavenumber, 2.0 * mid[0] - w
