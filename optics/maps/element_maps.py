"""The map of every element, written once: exact in delta, symplectic to rounding, free of branches.

Each map takes coordinates ``(x, px, y, py, zeta, delta)`` and arguments, numbers or arrays or recorded nodes, and
returns the six coordinates behind the element. x, y [m]; px, py transverse momenta over P0; zeta = s - beta0 c t [m];
delta = (P - P0)/P0. ``beta0`` is the reference velocity over c. The canonical longitudinal pair is (zeta, pzeta)
with dpzeta/ddelta = beta/beta0, so at fixed delta a map is symplectic when that factor is carried along.

Sources: E. Forest, Beam Dynamics (Harwood 1998), chapters 10-13; E. Forest et al., KEK preprint 2004-83 (fringes);
MAD-X Physics Methods (CERN) for conventions.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

from optics.maps.functions import arctan_ratio, cos, cos_sqrt, sin, sin_sqrt, sqrt

Coordinates = tuple[Any, Any, Any, Any, Any, Any]


def inverse_velocity_ratio(delta: Any, beta0: Any) -> Any:
    """beta0 / beta at momentum deviation delta: sqrt(1 - beta0^2 + beta0^2 (1 + delta)^2) / (1 + delta)."""
    momentum = 1.0 + delta
    return sqrt(1.0 - beta0 * beta0 + beta0 * beta0 * (momentum * momentum)) / momentum


def longitudinal_momentum(px: Any, py: Any, delta: Any) -> Any:
    """pz / P0 = sqrt((1 + delta)^2 - px^2 - py^2)."""
    momentum = 1.0 + delta
    return sqrt(momentum * momentum - px * px - py * py)


def drift(z: Coordinates, length: Any, beta0: Any) -> Coordinates:
    """Straight flight, exact square root."""
    x, px, y, py, zeta, delta = z
    advance = length / longitudinal_momentum(px, py, delta)
    path = (1.0 + delta) * advance
    return (
        x + px * advance,
        px,
        y + py * advance,
        py,
        zeta + length - inverse_velocity_ratio(delta, beta0) * path,
        delta,
    )


def curved_body(z: Coordinates, length: Any, angle: Any, field: Any, beta0: Any) -> Coordinates:
    """Homogeneous vertical field ``field`` = k0 [1/m] seen from a frame that turns by ``angle`` over ``length``.

    Serves the sector bend (length, angle), the wedge between pole face and sector (length 0) and the rotation of the
    frame (length 0, field 0). The particle is looked at in the exit frame: it starts ``reach`` upstream of the exit
    plane and moves on a circle. Written with half angles so that nothing is divided by the field or the angle:
    with phi the direction, tan((phi1 - phi2)/2) = k0 reach / (pz1 + pz2).
    """
    x, px, y, py, zeta, delta = z
    sine, cosine = sin(angle), cos(angle)
    half_sinc = sin_sqrt(0.25 * angle * angle)
    reach = length * sin_sqrt(angle * angle) + x * sine
    pz = longitudinal_momentum(px, py, delta)
    px_turned = px * cosine + pz * sine
    pz_turned = pz * cosine - px * sine
    px_out = px_turned - field * reach
    pz_out = longitudinal_momentum(px_out, py, delta)
    half = reach / (pz_turned + pz_out)
    advance = 2.0 * half * arctan_ratio(field * half)  # arc length over its transverse momentum
    x_out = x * cosine - 0.5 * length * angle * half_sinc * half_sinc + half * (px_turned + px_out)
    path = (1.0 + delta) * advance
    zeta_out = zeta + length - inverse_velocity_ratio(delta, beta0) * path
    return x_out, px_out, y + py * advance, py, zeta_out, delta


def quadrupole_wedge(z: Coordinates, angle: Any, k1: Any) -> Coordinates:
    """Second order of a gradient ``k1`` in a frame that turns by ``angle``: H = k1 angle (x^3 / 3 - x y^2 / 2)."""
    x, px, y, py, zeta, delta = z
    strength = k1 * angle
    return x, px - strength * (x * x - 0.5 * y * y), y, py + strength * x * y, zeta, delta


#: Gauss's quadrature with four points on 0 to 1: the way to each point from the one before, and the weights.
_POINTS = tuple(0.5 - 0.5 * sqrt(3 / 7 + side * 2 / 7 * sqrt(6 / 5)) for side in (1, -1))
_FLIGHTS = (_POINTS[0], _POINTS[1] - _POINTS[0], 1 - 2 * _POINTS[1], _POINTS[1] - _POINTS[0])
_WEIGHTS = tuple(0.25 - side * sqrt(30) / 72 for side in (1, -1, -1, 1))


def quadrupole(z: Coordinates, length: Any, k1: Any, beta0: Any) -> Coordinates:
    """Gradient field, exact: H = -sqrt((1 + delta)^2 - px^2 - py^2) + k1 (x^2 - y^2)/2 over ``length``.

    H = H_A + H_B with H_A that of paraxial slopes, solved in closed form, and H_B the rest of the kinetic energy, of
    fourth order in px and py: H_B acts at Gauss's points along the length with his weights, H_A in between. Symmetric,
    symplectic; the error is the quadrature's of the small H_B, and H_B^2. At 10 mm, 5 mrad it is below 1e-13 m at
    k1 L^2 = 0.1, 1e-10 m at 1 and 1e-8 m at 2. R. I. McLachlan, BIT 35, 258 (1995), section 3.
    """
    for flight, weight in zip(_FLIGHTS, _WEIGHTS, strict=True):
        z = steepness(paraxial_quadrupole(z, flight * length, k1, beta0), weight * length, beta0)
    return paraxial_quadrupole(z, _FLIGHTS[0] * length, k1, beta0)


def steepness(z: Coordinates, length: Any, beta0: Any) -> Coordinates:
    """What exact slopes add to paraxial ones: H_B = 1 + delta - p^2/(2 (1 + delta)) - pz with p^2 = px^2 + py^2.

    x' grows by px (1/pz - 1/(1 + delta)), written px p^2 / ((1 + delta) pz (1 + delta + pz)): no digits are lost.
    """
    x, px, y, py, zeta, delta = z
    momentum = 1.0 + delta
    inverse = 1.0 / momentum
    pz = longitudinal_momentum(px, py, delta)
    square = px * px + py * py
    excess = square / (pz * (momentum + pz))  # (1 + delta) / pz - 1
    advance = length * (excess * inverse)
    path = length * (excess - 0.5 * square * (inverse * inverse))
    return x + px * advance, px, y + py * advance, py, zeta - inverse_velocity_ratio(delta, beta0) * path, delta


def paraxial_quadrupole(z: Coordinates, length: Any, k1: Any, beta0: Any) -> Coordinates:
    """Gradient field, exact in delta for H_A = (px^2 + py^2)/(2(1 + delta)) + k1 (x^2 - y^2)/2.

    On the axis its series to second order is that of ``quadrupole``: H_B begins with fourth powers.
    """
    x, px, y, py, zeta, delta = z
    inverse = 1.0 / (1.0 + delta)
    x_out, px_out, stretch_x = _focus(x, px, length, k1, inverse)
    y_out, py_out, stretch_y = _focus(y, py, length, -k1, inverse)
    path = length + stretch_x + stretch_y
    return x_out, px_out, y_out, py_out, zeta + length - inverse_velocity_ratio(delta, beta0) * path, delta


def _focus(u: Any, pu: Any, length: Any, k1: Any, inverse: Any) -> tuple[Any, Any, Any]:
    """One plane of a quadrupole: coordinate, momentum and half the integral of slope^2."""
    gradient = k1 * inverse
    phase2 = gradient * (length * length)
    cosine = cos_sqrt(phase2)
    sine = length * sin_sqrt(phase2)
    slope = pu * inverse
    stretch = 0.25 * (
        gradient * (u * u) * (length - sine * cosine)
        - 2.0 * gradient * u * slope * (sine * sine)
        + slope * slope * (length + sine * cosine)
    )
    return u * cosine + slope * sine, pu * cosine - k1 * sine * u, stretch


def thin_multipole(z: Coordinates, strengths: tuple[tuple[Any, Any], ...]) -> Coordinates:
    """Kick of integrated strengths (kn l, ksn l): px - i py changes by -sum (kn + i ksn)(x + i y)^n / n!."""
    x, px, y, py, zeta, delta = z
    kick_x, kick_y = _multipole_field(x, y, strengths)
    return x, px - kick_x, y, py + kick_y, zeta, delta


def _multipole_field(x: Any, y: Any, strengths: tuple[tuple[Any, Any], ...]) -> tuple[Any, Any]:
    """Real and imaginary part of sum (kn + i ksn)(x + i y)^n / n!, by Horner's rule."""
    real: Any = 0.0
    imaginary: Any = 0.0
    for order in range(len(strengths) - 1, -1, -1):
        normal, skew = strengths[order]
        scale = 1.0 / factorial(order)
        real, imaginary = real * x - imaginary * y + scale * normal, real * y + imaginary * x + scale * skew
    return real, imaginary


def thin_bend(z: Coordinates, angle: Any, curvature: Any, k1l: Any, beta0: Any) -> Coordinates:
    """The reference orbit's bend by ``angle`` in a thin dipole, with what its ``curvature`` [1/m] does besides.

    That is weak focusing, and the second-order term of a gradient ``k1l`` [1/m] in the curved frame.
    """
    x, px, y, py, zeta, delta = z
    px_out = px + angle * (1.0 + delta) - angle * curvature * x
    zeta_out = zeta - inverse_velocity_ratio(delta, beta0) * angle * x
    return quadrupole_wedge((x, px_out, y, py, zeta_out, delta), curvature, k1l)


def solenoid(z: Coordinates, length: Any, ks: Any, beta0: Any) -> Coordinates:
    """Solenoid with its hard edges, exact: the Larmor frame turns by ks length / (2 pz)."""
    x, px, y, py, zeta, delta = z
    half = 0.5 * ks
    pz = longitudinal_momentum(px + half * y, py - half * x, delta)
    advance = length / pz
    turn = half * advance
    cosine, sine = cos(turn), sin(turn)
    reach = advance * sin_sqrt(turn * turn)
    x_turned, px_turned = x * cosine + y * sine, px * cosine + py * sine
    y_turned, py_turned = y * cosine - x * sine, py * cosine - px * sine
    zeta_out = zeta + length - inverse_velocity_ratio(delta, beta0) * (1.0 + delta) * advance
    return (
        x_turned * cosine + reach * px_turned,
        px_turned * cosine - half * sine * x_turned,
        y_turned * cosine + reach * py_turned,
        py_turned * cosine - half * sine * y_turned,
        zeta_out,
        delta,
    )


def thin_solenoid(z: Coordinates, ks: Any, ksi: Any, beta0: Any) -> Coordinates:
    """Solenoid of no length: H = (ks ksi (x^2 + y^2)/8 - ksi (x py - y px)/2) / (1 + delta), exact in delta.

    The two parts commute: a focusing kick, and a turn of the planes by ksi / (2 (1 + delta)). To first order the
    matrix of MAD-X, whose turn and kick do not know delta.
    """
    x, px, y, py, zeta, delta = z
    inverse = 1.0 / (1.0 + delta)
    half, focusing = 0.5 * ksi, 0.25 * ks * ksi
    flight = half * (x * py - y * px) - 0.5 * focusing * (x * x + y * y)
    kicked = (x, px - focusing * inverse * x, y, py - focusing * inverse * y, zeta, delta)
    x, px, y, py, zeta, delta = roll(kicked, half * inverse)
    return x, px, y, py, zeta + inverse_velocity_ratio(delta, beta0) * flight * (inverse * inverse), delta


def electric_field(z: Coordinates, length: Any, field: Any, beta0: Any) -> Coordinates:
    """Homogeneous electric field in x over ``length``, exact: ``field`` = q Ex / (P0 c) [1/m].

    The energy W (over P0 c) grows by field x inside, where p along s is constant: hyperbolic motion with the rate
    field / pz. ``delta`` is that of the total energy, and so the same behind.
    """
    x, px, y, py, zeta, delta = z
    momentum = 1.0 + delta
    rest2 = 1.0 / (beta0 * beta0) - 1.0  # (m c^2 / P0 c)^2
    energy = sqrt(rest2 + momentum * momentum) + field * x
    advance = length / sqrt(energy * energy - rest2 - px * px - py * py)
    growth2 = field * field * (advance * advance)
    sinh = advance * sin_sqrt(-growth2)  # over the field
    half_sinh = advance * sin_sqrt(-0.25 * growth2)
    cosh = 0.5 * half_sinh * half_sinh  # less one, over its square
    return (
        x + px * sinh + energy * field * cosh,
        px * (1.0 + field * field * cosh) + energy * field * sinh,
        y + py * advance,
        py,
        zeta + length - beta0 * (energy * sinh + px * field * cosh),
        delta,
    )


def kick(z: Coordinates, hkick: Any, vkick: Any) -> Coordinates:
    """Thin deflection: px + hkick, py + vkick."""
    x, px, y, py, zeta, delta = z
    return x, px + hkick, y, py + vkick, zeta, delta


def roll(z: Coordinates, angle: Any) -> Coordinates:
    """Into a frame rolled by ``angle`` about the orbit (x towards y)."""
    x, px, y, py, zeta, delta = z
    sine, cosine = sin(angle), cos(angle)
    return (
        x * cosine + y * sine,
        px * cosine + py * sine,
        y * cosine - x * sine,
        py * cosine - px * sine,
        zeta,
        delta,
    )


def cavity(z: Coordinates, voltage: Any, wave_number: Any, phase: Any, beta0: Any) -> Coordinates:
    """Thin RF gap: energy over P0 c grows by ``voltage`` sin(phase - k zeta / beta0).

    ``voltage`` = q V / (P0 c), ``wave_number`` k = 2 pi f / c [1/m], ``phase`` [rad].
    """
    x, px, y, py, zeta, delta = z
    momentum = 1.0 + delta
    rest2 = 1.0 / (beta0 * beta0) - 1.0  # (m c^2 / P0 c)^2
    energy = sqrt(rest2 + momentum * momentum) + voltage * sin(phase - wave_number * zeta / beta0)
    return x, px, y, py, zeta, sqrt(energy * energy - rest2) - 1.0


#: Symmetric composition of order four, H. Yoshida, Phys. Lett. A 150, 262 (1990), equation 2.10.
_OUTER4 = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))
_ORDER4 = (_OUTER4, 1.0 - 2.0 * _OUTER4, _OUTER4)
#: Order eight, W. Kahan & R.-C. Li, Math. Comp. 66, 1089 (1997), table 2, s17odr8a: smallest errors for their number.
_OUTER8 = (
    0.13020248308889008088,
    0.56116298177510838456,
    -0.38947496264484728641,
    0.15884190655515560090,
    -0.39590389413323757734,
    0.18453964097831570709,
    0.25837438768632204729,
    0.29501172360931029887,
)
_ORDER8 = (*_OUTER8, 1.0 - 2.0 * sum(_OUTER8), *reversed(_OUTER8))


def compose(
    z: Coordinates,
    advance: Callable[[Coordinates, float], Coordinates],
    deflect: Callable[[Coordinates, float], Coordinates],
    slices: int,
    order: int = 4,
) -> Coordinates:
    """Symplectic integration: ``advance`` by parts of the length around ``deflect`` by parts of the strength."""
    weights = _ORDER8 if order == 8 else _ORDER4
    pending = 0.0
    for weight in weights * slices:
        part = weight / slices
        z = deflect(advance(z, pending + 0.5 * part), part)
        pending = 0.5 * part
    return advance(z, pending)


def thick_multipole(z: Coordinates, length: Any, strengths: tuple[tuple[Any, Any], ...], beta0: Any) -> Coordinates:
    """Multipole field of (kn, ksn) [m^-(n+1)] over ``length``: exact drifts and kicks, order four, two slices."""
    return compose(
        z,
        lambda w, part: drift(w, part * length, beta0),
        lambda w, part: thin_multipole(w, tuple((part * length * k, part * length * ks) for k, ks in strengths)),
        slices=2,
    )


def corrector(z: Coordinates, length: Any, hkick: Any, vkick: Any, beta0: Any) -> Coordinates:
    """Deflection spread evenly over ``length``: exact drifts and kicks, order four (1e-12 m at 5 mrad)."""
    return compose(
        z,
        lambda w, part: drift(w, part * length, beta0),
        lambda w, part: kick(w, part * hkick, part * vkick),
        slices=1,
    )


def skew_quadrupole(z: Coordinates, length: Any, k1: Any, k1s: Any, beta0: Any) -> Coordinates:
    """Normal and skew gradient, exact: ``quadrupole``'s H_A between kicks of k1s, each within halves of H_B."""
    return compose(
        z,
        lambda w, part: paraxial_quadrupole(w, part * length, k1, beta0),
        lambda w, part: steepness(
            _skew_kick(steepness(w, 0.5 * part * length, beta0), part * length * k1s), 0.5 * part * length, beta0
        ),
        slices=1,
        order=8,
    )


def paraxial_skew_quadrupole(z: Coordinates, length: Any, k1: Any, k1s: Any, beta0: Any) -> Coordinates:
    """As ``skew_quadrupole`` with paraxial slopes: the same series to second order on the axis."""
    return compose(
        z,
        lambda w, part: paraxial_quadrupole(w, part * length, k1, beta0),
        lambda w, part: _skew_kick(w, part * length * k1s),
        slices=1,
        order=8,
    )


def _skew_kick(z: Coordinates, strength: Any) -> Coordinates:
    return thin_multipole(z, ((0.0, 0.0), (0.0, strength)))


def combined_bend(z: Coordinates, length: Any, angle: Any, field: Any, k1: Any, k2: Any, beta0: Any) -> Coordinates:
    """Bend with gradient and sextupole: exact bends around kicks of the curved field, order eight, six slices.

    Its focusing is as exact as the slices are fine: a matrix is good to 1e-12 at k1 L^2 = 0.9 and 2e-10 at 2.9.
    """
    curvature = angle / length
    return compose(
        z,
        lambda w, part: curved_body(w, part * length, part * angle, field, beta0),
        lambda w, part: curved_multipole(w, part * length, curvature, k1, k2),
        slices=6,
        order=8,
    )


def curved_multipole(z: Coordinates, length: Any, curvature: Any, k1: Any, k2: Any) -> Coordinates:
    """Kick over ``length`` of the field By = k1 x + k2 x^2/2 in the midplane of a frame of curvature h.

    With r = 1 + h x: r By = dV/dx and r Bx = -dV/dy, V = k1 (x^2/2 + h x^3/3) + k2 (x^3/6 + h x^4/8)
    - r (k1 + k2 x) y^2/2 + (h k2 - h^2 k1) y^4/(24 r) (1 - (h y/r)^2/10): the midplane's field continued by
    div B = curl B = 0 in cylindrical coordinates, psi = y f - y^3/6 Lf + ... with Lf = f'' + h f'/r, to y^6 (the
    expansion of K. L. Brown, SLAC-75 (1982)). PTC has it, Xsuite the second order of k1 alone.
    """
    x, px, y, py, zeta, delta = z
    scale = 1.0 + curvature * x
    inverse = 1.0 / scale
    square, turned = y * y, curvature * inverse
    quartic = turned * (k2 - curvature * k1) * square
    sixth = turned * turned * square
    field_y = scale * x * (k1 + 0.5 * k2 * x) - 0.5 * square * (curvature * k1 + k2 * (scale + curvature * x))
    field_y = field_y - turned * quartic * square * (1.0 - 0.3 * sixth) / 24.0
    field_x = y * (scale * (k1 + k2 * x) - quartic * (1.0 - 0.15 * sixth) / 6.0)
    return x, px - length * field_y, y, py + length * field_x, zeta, delta
