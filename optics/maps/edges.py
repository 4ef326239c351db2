"""The edges of a bend: fringe of the dipole field, turned and curved pole faces, gradients behind them.

Sources: E. Forest et al., KEK preprint 2004-83 (fringes); K. L. Brown, SLAC-75 (1982) (pole faces).
"""

from __future__ import annotations

from typing import Any

from optics.maps.element_maps import Coordinates, curved_body, inverse_velocity_ratio, longitudinal_momentum
from optics.maps.functions import cos, sin, sqrt


def dipole_fringe(z: Coordinates, field: Any, gap_integral: Any, beta0: Any) -> Coordinates:
    """Hard edge of a dipole field rising by ``field`` [1/m] (falling: negative), with finite-gap correction.

    Generating function F = psi(px, py, delta) y^2 / 2 with psi = k0 tan(arctan(t) - 2 k0 g F2), t = xp/(1 + yp^2),
    F2 = (1 + xp^2 (2 + yp^2)) / ((1 + t^2) pz), g = ``gap_integral`` = hgap * fint [m]. To first order
    tan(e - 2 k0 g (1 + sin^2 e)/cos e), MAD-X's vertical edge focusing. Of order y^4: ``gap_face``.
    """
    x, px, y, py, zeta, delta = z
    momentum = 1.0 + delta
    inverse_pz = 1.0 / longitudinal_momentum(px, py, delta)
    xp, yp = px * inverse_pz, py * inverse_pz
    lift = 1.0 / (1.0 + yp * yp)
    t = xp * lift
    cos2 = 1.0 / (1.0 + t * t)
    strength = 2.0 * field * gap_integral
    shape = 1.0 + xp * xp * (2.0 + yp * yp)
    correction = strength * shape * cos2 * inverse_pz
    tan_correction = sin(correction) / cos(correction)
    tangent = (t - tan_correction) / (1.0 + t * tan_correction)
    psi = field * tangent
    slope = field * (1.0 + tangent * tangent)

    def derivative(d_xp: Any, d_yp: Any, d_inverse_pz: Any) -> Any:
        d_t = lift * d_xp - 2.0 * t * lift * yp * d_yp
        d_shape = 2.0 * xp * (2.0 + yp * yp) * d_xp + 2.0 * xp * xp * yp * d_yp
        d_correction = strength * (
            d_shape * cos2 * inverse_pz - 2.0 * shape * cos2 * cos2 * t * d_t * inverse_pz + shape * cos2 * d_inverse_pz
        )
        return slope * (cos2 * d_t - d_correction)

    inverse_pz2 = inverse_pz * inverse_pz
    psi_px = derivative((1.0 + xp * xp) * inverse_pz, xp * yp * inverse_pz, xp * inverse_pz2)
    psi_py = derivative(xp * yp * inverse_pz, (1.0 + yp * yp) * inverse_pz, yp * inverse_pz2)
    d_delta = -momentum * inverse_pz2
    psi_delta = derivative(xp * d_delta, yp * d_delta, inverse_pz * d_delta)
    y_out = 2.0 * y / (1.0 + sqrt(1.0 - 2.0 * psi_py * y))
    half_square = 0.5 * y_out * y_out
    zeta_out = zeta + inverse_velocity_ratio(delta, beta0) * psi_delta * half_square
    return x + psi_px * half_square, px, y_out, py - psi * y_out, zeta_out, delta


def pole_face(z: Coordinates, edge: Any, field: Any, k1: Any, curvature: Any) -> Coordinates:
    """Second order of a turned pole face in a gradient, and of a curved one: a thin sextupole, exact in delta.

    V = -s (x^3/3 - x y^2) / 2 with s = 2 k1 tan(e) + k0 ``curvature`` / cos^3(e): in the midplane the field k0 + k1 x
    begins x tan(e) + curvature x^2 / (2 cos^3 e) later, off it div B = curl B = 0 give the rest. K. L. Brown, SLAC-75
    (1982), the terms T211, T233, T413 of n h^2 tan(beta) and h sec^3(beta) / R.
    """
    x, px, y, py, zeta, delta = z
    secant = 1.0 / cos(edge)
    half = k1 * sin(edge) * secant + 0.5 * field * curvature * secant * secant * secant
    return x, px + half * (x * x - y * y), y, py - 2.0 * half * x * y, zeta, delta


def gap_face(z: Coordinates, field: Any, softness: Any, beta0: Any) -> Coordinates:
    """Third order of a finite gap, in the frame of the pole face: beside the midplane its field has risen earlier.

    F = k0^2 s y^4 (p^2 + px^2) / (p^2 - px^2)^(3/2) with ``softness`` s = 1 / (72 hgap fint) [1/m], p = 1 + delta. In a
    profile h(n) of the midplane Bn = -y^3 h'''/6 and By = -y^2 h''/2 kick by -2/3 y^3 int(h'^2) dn in ``py``, and that
    is -k0^2 y^3 / (18 hgap fint) for h = k0 (1 + tanh(n/w))/2, the b0^2 y^4 / (72 g) of E. Forest et al.; through a
    face turned by e it is (1 + sin^2 e) / cos^3 e as much (the integration of benchmarks/codes/field.py, to 2e-3 of
    the term). What it depends on py is left out (fifth order): a kick and a shift, symplectic.
    """
    x, px, y, py, zeta, delta = z
    p2, px2 = (1.0 + delta) * (1.0 + delta), px * px
    inverse2 = 1.0 / (p2 - px2)
    inverse = sqrt(inverse2)
    cube = field * field * softness * inverse2 * inverse * y * y * y
    shift = px * (5.0 * p2 + px2) * inverse2 * cube * y
    later = -(1.0 + delta) * (p2 + 5.0 * px2) * inverse2 * cube * y
    zeta = zeta + inverse_velocity_ratio(delta, beta0) * later
    return x + shift, px, y, py - 4.0 * (p2 + px2) * cube, zeta, delta


def edge_in(
    z: Coordinates, edge: Any, field: Any, gap_integral: Any, k1: Any, curvature: Any, beta0: Any
) -> Coordinates:
    """Full entrance edge: into the frame of the pole face, fringe, and back through the field of the wedge."""
    z = curved_body(z, 0.0, edge, 0.0, beta0)
    z = dipole_fringe(z, field, gap_integral, beta0)
    return pole_face(curved_body(z, 0.0, -edge, field, beta0), edge, field, k1, curvature)


def edge_out(
    z: Coordinates, edge: Any, field: Any, gap_integral: Any, k1: Any, curvature: Any, beta0: Any
) -> Coordinates:
    """Full exit edge, the mirror of the entrance."""
    z = curved_body(pole_face(z, edge, field, k1, curvature), 0.0, -edge, field, beta0)
    z = dipole_fringe(z, -field, gap_integral, beta0)
    return curved_body(z, 0.0, edge, 0.0, beta0)


def gradient_face(z: Coordinates, edge: Any, field: Any, k1: Any, side: float, beta0: Any) -> Coordinates:
    """Third order of a turned pole face in a gradient, ``side`` 1 where one enters and -1 where one leaves.

    With t = tan(e) x grows by dG/dpx and px falls by dG/dx, G = (side G1 + V)/(1 + delta),
    G1 = k1 t^2 ((3 x y^2 - x^3) px + (3 x^2 y - y^3) py)/2,
    V = k1 k0 (t^3 x^4/8 - (t/2 + 3 t^3/4) x^2 y^2 - (t/3 + 13 t^3/24) y^4).
    The hard limit of a field whose midplane is k0 + k1 x times a profile over the distance from the face, beyond what
    it is at e = 0 (fringes of gradients are left out): coefficients of an integration through such a field, which is
    benchmarks/codes/field.py and finds them to 1e-5. A point transformation and a kick: symplectic.
    """
    x, px, y, py, zeta, delta = z
    inverse = 1.0 / (1.0 + delta)
    tangent = sin(edge) / cos(edge)
    square = tangent * tangent
    turned = 0.5 * side * k1 * square * inverse
    shift_x, shift_y = turned * x * (3.0 * y * y - x * x), turned * y * (3.0 * x * x - y * y)
    x_x, x_y = 3.0 * turned * (y * y - x * x), 6.0 * turned * x * y  # dshift_y/dx is x_y, dshift_y/dy is -x_x
    scale = 1.0 / (1.0 - x_x * x_x - x_y * x_y)
    px_out = scale * ((1.0 - x_x) * px - x_y * py)
    py_out = scale * ((1.0 + x_x) * py - x_y * px)
    flight = (shift_x * px_out + shift_y * py_out) * inverse
    x, y = x + shift_x, y + shift_y
    strength = k1 * field * tangent * inverse
    both, vertical = 0.5 + 0.75 * square, 1.0 / 3.0 + 13.0 / 24.0 * square
    kick_x = strength * x * (0.5 * square * x * x - 2.0 * both * y * y)
    kick_y = strength * y * (2.0 * both * x * x + 4.0 * vertical * y * y)
    flight = flight + 0.25 * (kick_x * x - kick_y * y) * inverse
    return x, px_out - kick_x, y, py_out + kick_y, zeta - inverse_velocity_ratio(delta, beta0) * flight, delta


def third_edge_in(
    z: Coordinates, edge: Any, field: Any, gap_integral: Any, k1: Any, curvature: Any, softness: Any, beta0: Any
) -> Coordinates:
    """As ``edge_in``, with the third order of the gap and of the gradient: to second order on the axis the same."""
    z = curved_body(z, 0.0, edge, 0.0, beta0)
    z = gap_face(dipole_fringe(z, field, gap_integral, beta0), field, softness, beta0)
    z = pole_face(curved_body(z, 0.0, -edge, field, beta0), edge, field, k1, curvature)
    return gradient_face(z, edge, field, k1, 1.0, beta0)


def third_edge_out(
    z: Coordinates, edge: Any, field: Any, gap_integral: Any, k1: Any, curvature: Any, softness: Any, beta0: Any
) -> Coordinates:
    """As ``edge_out``, with the third order of the gradient and of the gap."""
    z = pole_face(gradient_face(z, edge, field, k1, -1.0, beta0), edge, field, k1, curvature)
    z = dipole_fringe(curved_body(z, 0.0, -edge, field, beta0), -field, gap_integral, beta0)
    return curved_body(gap_face(z, field, softness, beta0), 0.0, edge, 0.0, beta0)


def edge_linear(z: Coordinates, edge: Any, field: Any, gap_integral: Any) -> Coordinates:
    """First-order edge without momentum dependence, as MAD-X and Xsuite apply by default."""
    x, px, y, py, zeta, delta = z
    sine, cosine = sin(edge), cos(edge)
    vertical = edge - 2.0 * field * gap_integral * (1.0 + sine * sine) / cosine
    return x, px + field * (sine / cosine) * x, y, py - field * (sin(vertical) / cos(vertical)) * y, zeta, delta
