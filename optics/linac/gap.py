"""The map of an accelerating cell: one symplectic kick in its middle, of second order in the field.

On the axis the field is E0 g(s) cos(k0 ct + phase) over a cell of length L, g with mean 1, even and 0 at the ends.
With f = q E0/(m c^2), u = beta gamma, k = k0/beta and the transverse momentum U = ux + (f/2)(gamma/u) g cos x, which is
ux at the cell's ends, the paraxial motion (T. P. Wangler, RF Linear Accelerators, Wiley 2008, eqs. 7.1 to 7.7) has
the Hamiltonian

    H = -u + U^2/(2u) + (f/k0) g sin + (f k0/(4u^2)) g sin x^2 - (f gamma/(2u^2)) g cos x U
        + f^2 g^2 cos^2 (2 + gamma^2)/(8u^3) x^2

and the same in y. Seen from the middle of the cell, x + s U/u and the time alike, -u + U^2/(2u) is gone, and the
cell is the flow of one function: the integral of the rest over the cell and half of its Poisson bracket with itself at
earlier s (W. Magnus, Commun. Pure Appl. Math. 7, 649, 1954; a term of third order is left out). With
volt = f L, phi = k0 ct + phase, q = k L and e = q/gamma it is

    G = (volt/k0)(F sin(phi) - A cos(2 phi) - B) + kappa (x^2 + y^2)/2 + lam (x ux + y uy) + mu (ux^2 + uy^2)/2

    F = T(q) I0(K r), K = k0/u: the integral of g sin, in all orders of r
    lam = -(volt/(2u^2)) (gamma T + q T'/gamma) cos(phi): the slope inside the cell, from the integral of s g sin
    mu = -(volt k0 L^2/(2u^4)) T'' sin(phi): from the integral of s^2 g sin

and of second order A = volt k0 L a/(4u^3), B with b for a, kappa and what is added to lam

    kappa = (volt^2/(8 u^3 L)) [((2 + gamma^2) n - e^2 a) cos(2 phi) + p - 3 e^2 b + (2 + gamma^2) n0]
    lam  += (volt^2/(16 u^4)) [(2 + gamma^2) n' - e^2 a' - 10 q a] sin(2 phi)

where a, b, n, p and n0 are integrals over the cell's field as T is one (``structure.transit.Second``). The flow is
taken by the implicit midpoint (K. Feng and M. Qin, Symplectic Geometric Algorithms, Springer 2010, ch. 5): dw = dG/dct,
dct = -dG/dw, dux = -dG/dx, dx = dG/dux, all in the middle. So T may depend on energy, and the map is symplectic to
rounding in all six coordinates.

Example: a proton of 37.5 MeV in a cell of 14 mm and 18 MV/m at -20 degrees gains 0.18 MeV; lam is -6e-4: x shrinks
and the momentum grows by as much, where a thin kick leaves both.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from optics.compiled import merged
from optics.linac.maps import sine_cosine

#: Coefficients of the polynomial that every transit-time factor is brought to.
TRANSIT_TERMS = 18
#: Coefficients of the polynomials of a cell's second order.
SECOND_TERMS = 12
#: Coefficients of the polynomials near one energy: of T, and of what is small beside it.
NEAR_TERMS, FEW_TERMS = 9, 7
#: Terms of the modified Bessel functions in (K r / 2)^2: exact to rounding up to K r = 3.
_BESSEL_TERMS = 12
#: Of I0 and its first two derivatives in the square of half the argument, the highest power first.
_BESSEL = np.array(
    [[1.0 / (factorial(n) * factorial(n + m)) for n in range(_BESSEL_TERMS - 1, -1, -1)] for m in range(3)]
)


@merged
def jet(t: Any, powers: Any, terms: int) -> Any:
    """A polynomial, highest power first, and its first three derivatives at ``t``."""
    zeroth, first, half, sixth = powers[0] + 0.0 * t, 0.0 * t, 0.0 * t, 0.0 * t
    for n in range(1, terms):
        sixth = sixth * t + half
        half = half * t + first
        first = first * t + zeroth
        zeroth = zeroth * t + powers[n]
    return zeroth, first, 2.0 * half, 6.0 * sixth


@merged
def bessel(a: Any) -> Any:
    """I0(K r), I1(K r)/(K r/2) and the derivative of that, all of ``a`` = (K r/2)^2: each the next one's integral."""
    zeroth, first, second = _BESSEL[0, 0] + 0.0 * a, _BESSEL[1, 0] + 0.0 * a, _BESSEL[2, 0] + 0.0 * a
    for n in range(1, _BESSEL_TERMS):
        zeroth = zeroth * a + _BESSEL[0, n]
        first = first * a + _BESSEL[1, n]
        second = second * a + _BESSEL[2, n]
    return zeroth, first, second


@merged
def jets_of(w: Any, cell: Any, coefficients: Any, second: Any) -> Any:
    """The jet of T, and those of a, b, n, p, in t = scale / beta - offset, which runs from -1 to 1 over T's range."""
    t = cell[1] * (1.0 + w) / np.sqrt(w * (w + 2.0)) - cell[2]
    return jet(t, coefficients, TRANSIT_TERMS), (
        jet(t, second[0], SECOND_TERMS),
        jet(t, second[1], SECOND_TERMS),
        jet(t, second[2], SECOND_TERMS),
        jet(t, second[3], SECOND_TERMS),
    )


@merged
def factor(w: Any, cell: Any, shape: Any) -> Any:
    """T and its first two derivatives in w, of its jet."""
    inverse2 = 1.0 / (w * (w + 2.0))
    t0, t1, t2, _ = shape
    dt = -cell[1] * inverse2 * np.sqrt(inverse2)
    t_w = t1 * dt
    return t0, t_w, t2 * dt * dt - 3.0 * (1.0 + w) * inverse2 * t_w


@merged
def transit(w: Any, radius2: Any, of_energy: Any) -> Any:
    """(F, dF/dw, d2F/dw2) and (dF/d(radius2), its derivative in w, that in radius2); ``of_energy``: T, as ``factor``.

    ``radius2`` = (wavenumber r / 2)^2.
    """
    gamma, inverse2 = 1.0 + w, 1.0 / (w * (w + 2.0))
    t0, t_w, t_ww = of_energy
    a = radius2 * inverse2
    i0, i1, i2 = bessel(a)
    a_w, a_ww = -2.0 * gamma * inverse2 * a, (8.0 * gamma * gamma * inverse2 - 2.0) * inverse2 * a
    f_ww = t_ww * i0 + 2.0 * t_w * i1 * a_w + t0 * (i1 * a_ww + i2 * a_w * a_w)
    radial = t0 * i1 * inverse2
    radial_w = (t_w * i1 + t0 * i2 * a_w) * inverse2 - 2.0 * gamma * inverse2 * radial
    return (t0 * i0, t_w * i0 + t0 * i1 * a_w, f_ww), (radial, radial_w, t0 * i2 * inverse2 * inverse2)


@merged
def second_order(w: Any, volt: float, cell: Any, shape: Any) -> Any:
    """A (or B) over volt, and its first two derivatives in w, of the jet of a (or b)."""
    gamma, inverse2 = 1.0 + w, 1.0 / (w * (w + 2.0))
    inverse = np.sqrt(inverse2)
    a0, a1, a2, _ = shape
    dt, h = -cell[1] * inverse2 * inverse, volt * cell[3] * inverse2 * inverse
    h_w, h_ww = -3.0 * gamma * inverse2, (15.0 * gamma * gamma * inverse2 - 3.0) * inverse2
    a_w, a_ww = a1 * dt, a2 * dt * dt + a1 * dt * h_w
    return h * a0, h * (h_w * a0 + a_w), h * (h_ww * a0 + 2.0 * h_w * a_w + a_ww)


@merged
def inside(w: Any, volt: float, cell: Any, shape: Any) -> Any:
    """First order: lam over cos(phi), mu over sin(phi), and the derivatives of both in w; ``shape``: the jet of T."""
    gamma, inverse2 = 1.0 + w, 1.0 / (w * (w + 2.0))
    inverse = np.sqrt(inverse2)
    t0, t1, t2, t3 = shape
    z, dt = cell[1] * gamma * inverse, -cell[1] * inverse2 * inverse
    first = -0.5 * volt * inverse2
    slope = gamma * t0 + z * t1 / gamma
    turn = t0 - z * t1 / (gamma * gamma) + dt * (gamma * t1 + (t1 + z * t2) / gamma)
    square = first * inverse2 * cell[1] * cell[1] / cell[0]
    slope_w, square_w = turn - 2.0 * gamma * inverse2 * slope, t3 * dt - 4.0 * gamma * inverse2 * t2
    return first * slope, square * t2, first * slope_w, square * square_w


@merged
def bending(w: Any, volt: float, cell: Any, jets: Any) -> Any:
    """Second order: kappa over cos(2 phi), its constant part and lam over sin(2 phi); then their derivatives in w.

    ``jets`` of a, b, n and p; ``cell`` = (wavenumber, scale, offset, wavenumber L / 4, n0).
    """
    gamma, inverse2 = 1.0 + w, 1.0 / (w * (w + 2.0))
    inverse, kl = np.sqrt(inverse2), 4.0 * cell[3]
    z, dt, turn = cell[1] * gamma * inverse, -cell[1] * inverse2 * inverse, cell[1] / kl
    (a0, a1, a2, _), (b0, b1, _, _), (n0, n1, n2, _), (p0, p1, _, _) = jets
    e2, g2 = kl * kl * inverse2, 2.0 + gamma * gamma
    e2_w, g2_w = -2.0 * gamma * inverse2 * e2, 2.0 * gamma
    wave, rest = g2 * n0 - e2 * a0, p0 - 3.0 * e2 * b0 + g2 * cell[4]
    wave_w = g2_w * n0 - e2_w * a0 + (g2 * n1 - e2 * a1) * dt
    rest_w = p1 * dt - 3.0 * (e2_w * b0 + e2 * b1 * dt) + g2_w * cell[4]
    tilt = turn * (g2 * n1 - e2 * a1) - 10.0 / turn * z * a0
    tilt_w = turn * (g2_w * n1 - e2_w * a1 + (g2 * n2 - e2 * a2) * dt) - 10.0 / turn * dt * (a0 + z * a1)
    lens = 0.125 * volt * volt * cell[0] / kl * inverse2 * inverse
    shear = 0.0625 * volt * volt * inverse2 * inverse2
    lens_w, shear_w = -3.0 * gamma * inverse2, -4.0 * gamma * inverse2
    return (
        lens * wave,
        lens * rest,
        shear * tilt,
        lens * (wave_w + lens_w * wave),
        lens * (rest_w + lens_w * rest),
        shear * (tilt_w + shear_w * tilt),
    )


@merged
def of_energy(w: Any, volt: float, cell: Any, coefficients: Any, second: Any, near: Any) -> Any:
    """All of a gap that its energy sets: ``factor``, A and B as ``second_order``, ``inside`` and ``bending``.

    ``near``: None, or the short polynomials that stand for them about one energy (``optics.linac.near``).
    """
    if near is None:
        shape, jets = jets_of(w, cell, coefficients, second)
        return (
            factor(w, cell, shape),
            second_order(w, volt, cell, jets[0]),
            second_order(w, volt, cell, jets[1]),
            inside(w, volt, cell, shape),
            bending(w, volt, cell, jets),
        )
    return short(w, near)


@merged
def short(w: Any, near: Any) -> Any:
    """As ``of_energy``, of polynomials: ``near`` = centre and inverse half width in w, powers of T, of the others."""
    centre, inverse, first, others = near
    u, inverse2 = (w - centre) * inverse, inverse * inverse
    t0, t1, t2, _ = jet(u, first, NEAR_TERMS)
    a0, a1, a2, _ = jet(u, others[0], FEW_TERMS)
    b0, b1, b2, _ = jet(u, others[1], FEW_TERMS)
    lam, lam_u, _, _ = jet(u, others[2], FEW_TERMS)
    mu, mu_u, _, _ = jet(u, others[3], FEW_TERMS)
    wave, wave_u, _, _ = jet(u, others[4], FEW_TERMS)
    rest, rest_u, _, _ = jet(u, others[5], FEW_TERMS)
    tilt, tilt_u, _, _ = jet(u, others[6], FEW_TERMS)
    return (
        (t0, t1 * inverse, t2 * inverse2),
        (a0, a1 * inverse, a2 * inverse2),
        (b0, b1 * inverse, b2 * inverse2),
        (lam, mu, lam_u * inverse, mu_u * inverse),
        (wave, rest, tilt, wave_u * inverse, rest_u * inverse, tilt_u * inverse),
    )


@merged
def quadratic(turn: Any, first: Any, second: Any) -> Any:
    """(lam, mu, kappa) of G without what F has of kappa, then their derivatives in phi, then in w.

    ``turn`` = sine and cosine of phi; ``first`` and ``second`` as ``inside`` and ``bending`` give them.
    """
    sine, cosine = turn
    sine2, cosine2 = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
    lam, mu, lam_w, mu_w = first
    wave, rest, tilt, wave_w, rest_w, tilt_w = second
    return (
        (lam * cosine + tilt * sine2, mu * sine, wave * cosine2 + rest),
        (2.0 * tilt * cosine2 - lam * sine, mu * cosine, -2.0 * wave * sine2),
        (lam_w * cosine + tilt_w * sine2, mu_w * sine, wave_w * cosine2 + rest_w),
    )


@merged
def middle(x: Any, ux: Any, lam: Any, mu: Any, kappa: Any) -> Any:
    """x and ux in the middle of the flow of kappa x^2/2 + lam x ux + mu ux^2/2: 2 middle - start is the end."""
    half_lam, half_mu, half_kappa = 0.5 * lam, 0.5 * mu, 0.5 * kappa
    scale = 1.0 / (1.0 - half_lam * half_lam + half_kappa * half_mu)
    return scale * ((1.0 + half_lam) * x + half_mu * ux), scale * ((1.0 - half_lam) * ux - half_kappa * x)


@merged
def across(z: Any, parts: Any, wavenumber: float) -> Any:
    """``middle`` in both planes: x, ux, y, uy, and (wavenumber r / 2)^2 there; ``parts`` = (lam, mu, kappa)."""
    lam, mu, kappa = parts
    x, ux = middle(z[0], z[1], lam, mu, kappa)
    y, uy = middle(z[2], z[3], lam, mu, kappa)
    return (x, ux, y, uy), 0.25 * wavenumber * wavenumber * (x * x + y * y)


@merged
def half_of(parts: Any, z: Any) -> Any:
    """Half of kappa (x^2 + y^2)/2 + lam (x ux + y uy) + mu (ux^2 + uy^2)/2, or of a derivative of it."""
    x, ux, y, uy = z
    lam, mu, kappa = parts
    return 0.5 * lam * (x * ux + y * uy) + 0.25 * mu * (ux * ux + uy * uy) + 0.25 * kappa * (x * x + y * y)


@merged
def newton(mid: Any, w: Any, start: Any, half: float, turn: Any, f: Any, a: Any, b: Any) -> Any:
    """One step (dw, dphi) of Newton's method to the middle (w, phi) of a gap's kick.

    The equations are w_mid = w + half (F cos(phi) + 2 A sin(2 phi)) and phi_mid = start - half (F_w sin(phi) - A_w cos(
    2 phi) - B_w), with ``half`` = volt/2, A and B over volt; ``f``, ``a``, ``b``: each with two derivatives in w, and
    ``turn`` = sine and cosine of phi, where the step begins.
    """
    sine, cosine = turn
    sine2, cosine2 = 2.0 * sine * cosine, 1.0 - 2.0 * sine * sine
    miss_w = w - mid[0] + half * (f[0] * cosine + 2.0 * a[0] * sine2)
    miss_phi = start - mid[1] - half * (f[1] * sine - a[1] * cosine2 - b[1])
    own = half * (f[1] * cosine + 2.0 * a[1] * sine2)
    w_phi, phi_w = half * (f[0] * sine - 4.0 * a[0] * cosine2), half * (f[2] * sine - a[2] * cosine2 - b[2])
    scale = 1.0 / ((1.0 - own) * (1.0 + own) - w_phi * phi_w)
    return (
        scale * ((1.0 + own) * miss_w - w_phi * miss_phi),
        scale * ((1.0 - own) * miss_phi - phi_w * miss_w),
    )


@merged
def along(w: Any, start: Any, radius2: Any, volt: float, parts: Any) -> Any:
    """The middle (w, phi) of the kick to first order, from the entrance of the gap, at a fixed radius.

    ``parts``: ``of_energy`` at ``w``.
    """
    t, a, b, _, _ = parts
    f, _ = transit(w, radius2, t)
    d_w, d_phi = newton((w, start), w, start, 0.5 * volt, sine_cosine(start), f, a, b)
    return w + d_w, start + d_phi, radius2


@merged
def bent(at: Any, z: Any, w: Any, start: Any, volt: float, wavenumber: float, of_middle: Any) -> Any:
    """One step of Newton's method in all six coordinates.

    ``at`` = middle (w, phi) and (wavenumber r / 2)^2 there, ``z`` = (x, ux, y, uy) in front of the gap, ``of_middle``:
    ``of_energy`` in the middle. Gives the new ``at`` and x, ux, y, uy in the middle. Of the Jacobian the terms in lam,
    mu and kappa are left out: the transverse motion changes a gain by some 1e-6 of the energy.
    """
    w_mid, phi, radius2 = at
    turn = sine_cosine(phi)
    t, a, b, first, second = of_middle
    parts, by_phi, by_w = quadratic(turn, first, second)
    f, radial = transit(w_mid, radius2, t)
    kick = 0.5 * wavenumber * volt
    _, new2 = across(z, kicked(parts, kick * turn[0] * radial[0]), wavenumber)
    here, new2 = across(z, kicked(parts, kick * turn[0] * (radial[0] + radial[2] * (new2 - radius2))), wavenumber)
    moved = new2 - radius2
    f = (f[0] + moved * radial[0], f[1] + moved * radial[1], f[2])
    gained, delayed = wavenumber * half_of(by_phi, here), wavenumber * half_of(by_w, here)
    d_w, d_phi = newton((w_mid, phi), w + gained, start - delayed, 0.5 * volt, turn, f, a, b)
    parts = shifted(parts, by_phi, d_phi, by_w, d_w)
    grown = (radial[0] + radial[2] * moved) * (turn[0] + turn[1] * d_phi) + radial[1] * turn[0] * d_w
    here, new2 = across(z, kicked(parts, kick * grown), wavenumber)
    return (w_mid + d_w, phi + d_phi, new2), here


@merged
def kicked(parts: Any, kick: Any) -> Any:
    """(lam, mu, kappa) with the kick of F added to kappa."""
    return parts[0], parts[1], parts[2] + kick


@merged
def shifted(parts: Any, by_phi: Any, d_phi: Any, by_w: Any, d_w: Any) -> Any:
    """(lam, mu, kappa) a little further in phi and w."""
    return (
        parts[0] + by_phi[0] * d_phi + by_w[0] * d_w,
        parts[1] + by_phi[1] * d_phi + by_w[1] * d_w,
        parts[2] + by_phi[2] * d_phi + by_w[2] * d_w,
    )


@merged
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
    near: Any,
) -> Any:
    """Accelerating gap: the implicit midpoint map of the function G above.

    ``volt`` = q E0 L / (m c^2), ``phase`` [rad], ``cell`` = (wavenumber [1/m], scale, offset, wavenumber L / 4, n0),
    ``coefficients`` of T and ``second`` (4, terms) of a, b, n, p: as in ``line.Line``; ``near``: as in ``of_energy``.
    One step of Newton's method leads close to the gain of energy, two more to the middle in all six coordinates, to
    rounding.
    """
    wavenumber, z = cell[0], (x, ux, y, uy)
    start = wavenumber * ct + phase
    radius2 = 0.25 * wavenumber * wavenumber * (x * x + y * y)
    at = along(w, start, radius2, volt, of_energy(w, volt, cell, coefficients, second, near))
    at, _ = bent(at, z, w, start, volt, wavenumber, of_energy(at[0], volt, cell, coefficients, second, near))
    at, here = bent(at, z, w, start, volt, wavenumber, of_energy(at[0], volt, cell, coefficients, second, near))
    x, ux, y, uy = 2.0 * here[0] - x, 2.0 * here[1] - ux, 2.0 * here[2] - y, 2.0 * here[3] - uy
    return x, ux, y, uy, ct + (at[1] - start) * (2.0 / wavenumber), 2.0 * at[0] - w
