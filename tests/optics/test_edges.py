"""The edge of a bend against direct integration through the field of a magnet with a turned, curved pole face.

The field in the midplane is B(n) (h + k1 (r - rho)): the body's, r from its centre, times a profile over the distance n
from the pole face; off the midplane div B = curl B = 0 to second order in y. Everything is in units of P0 / q.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from benchmarks.codes.field import entrance as integrated_edge
from lattice import Bend, Drift, Lattice, Quadrupole, ReferenceParticle
from lattice.arrays import Array
from optics import track, twiss
from optics.maps import edges
from tests.madx_session import madx

H = 0.3  # 1/m, the curvature of the body
RHO = 1 / H
REACH = 0.15  # m, to both sides of the edge
STEP = 2e-4  # m, rad and dp/p of the differences: third order and rounding are 1e-6 of the second
#: x, px, y, py, delta.
DIRECTIONS = np.array(
    [
        [1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [1, 0, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 1, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 0, 1],
        [1, -1, 2, 1, 1],
    ],
    dtype=float,
)


def field(x: Array, y: Array, z: float, face: tuple[float, float], k1: float, width: float | None) -> tuple:
    """Bx, By, Bz; the field rises over ``width`` around the face (angle, curvature), or is the body's alone."""
    angle, curvature = face
    radius = np.hypot(x + RHO, z)
    body, slope_x, slope_z, bend = H + k1 * (radius - RHO), k1 * (x + RHO) / radius, k1 * z / radius, k1 / radius
    if width is None:
        return y * slope_x, body - y**2 / 2 * bend, y * slope_z
    sine, cosine = np.sin(angle), np.cos(angle)
    along = cosine * x + sine * z
    n = cosine * z - sine * x - curvature / 2 * along**2
    n_x, n_z = -sine - curvature * along * cosine, cosine - curvature * along * sine
    tanh = np.tanh(n / width)
    rise, first = (1 + tanh) / 2, (1 - tanh**2) / (2 * width)
    second = -2 * tanh * first / width
    laplace = second * (n_x**2 + n_z**2) * body - first * curvature * body
    laplace += 2 * first * (n_x * slope_x + n_z * slope_z) + rise * bend
    return (
        y * (first * n_x * body + rise * slope_x),
        rise * body - y**2 / 2 * laplace,
        y * (first * n_z * body + rise * slope_z),
    )


def flown(z: Array, begin: float, end: float, magnetic: partial) -> Array:
    """Particles (x, px, y, py, delta) from plane to plane, along straight z."""
    momentum2 = (1 + z[:, 4]) ** 2

    def slopes(at: float, flat: Array) -> Array:
        x, px, y, py = flat.reshape(4, -1)
        pz = np.sqrt(momentum2 - px**2 - py**2)
        bx, by, bz = magnetic(x, y, at)
        return np.concatenate([px / pz, py * bz / pz - by, py / pz, bx - px * bz / pz])

    solution = solve_ivp(slopes, (begin, end), z[:, :4].T.ravel(), method="DOP853", rtol=1e-13, atol=1e-15)
    return np.column_stack([solution.y[:, -1].reshape(4, -1).T, z[:, 4]])


def integrated(z: Array, face: tuple[float, float], k1: float, width: float) -> Array:
    """The edge as a map of the plane where the sector begins: through the soft edge, and back through the body."""
    inside = flown(back(z), -REACH, REACH, partial(field, face=face, k1=k1, width=width))
    return flown(inside, REACH, 0.0, partial(field, face=face, k1=k1, width=None))


def back(z: Array) -> Array:
    """To the plane before the magnet."""
    x, px, y, py, delta = z.T
    pz = np.sqrt((1 + delta) ** 2 - px**2 - py**2)
    return np.column_stack([x - REACH * px / pz, px, y - REACH * py / pz, py, delta])


def ours(z: Array, face: tuple[float, float], k1: float, gap_integral: float = 0.0, third: bool = False) -> Array:
    x, px, y, py, delta = z.T
    edge = partial(edges.third_edge_in, softness=0.0) if third else edges.edge_in
    out = edge((x, px, y, py, 0.0 * x, delta), face[0], H, gap_integral, k1, face[1], beta0=0.3)
    return np.column_stack([*out[:4], delta])


def second_order(through: partial) -> Array:
    """Second differences of x, px, y, py along the directions."""
    start = STEP * np.concatenate([DIRECTIONS, -DIRECTIONS, np.zeros((1, 5))])
    end = through(start)[:, :4]
    forth, again = end[: len(DIRECTIONS)], end[len(DIRECTIONS) : -1]
    return (forth + again - 2 * end[-1]) / STEP**2


@pytest.mark.parametrize(
    ("face", "k1"), [((0.25, 0.0), 0.8), ((-0.3, 0.0), -0.5), ((0.0, 0.6), 0.0), ((0.2, -0.5), 0.7), ((0.0, 0.0), 0.9)]
)
def test_second_order_is_the_hard_limit_of_the_field(face: tuple[float, float], k1: float) -> None:
    soft, softer = (second_order(partial(integrated, face=face, k1=k1, width=w)) for w in (0.004, 0.008))
    hard = 2 * soft - softer  # the part linear in the width gone
    # 1e-3: what is left of the width squared (1e-4 here), and the third order in the differences
    np.testing.assert_allclose(second_order(partial(ours, face=face, k1=k1)), hard, rtol=0, atol=1e-3)


def test_the_gap_acts_on_the_chromaticity() -> None:
    """The vertical kick of a gap, 2 h^2 hgap fint y, weakens with momentum: MAD-X leaves that out.

    A profile (1 + tanh(n/w))/2 has 2 hgap fint = w/2. 1e-2: it is not thin.
    """
    width, face = 0.01, (0.2, 0.0)
    chromatic = {
        name: second_order(through)[7] - second_order(through)[1]  # 2 d2/dy ddelta
        for name, through in (
            ("soft", partial(integrated, face=face, k1=0.0, width=width)),
            ("softer", partial(integrated, face=face, k1=0.0, width=2 * width)),
            ("gap", partial(ours, face=face, k1=0.0, gap_integral=width / 4)),
            ("none", partial(ours, face=face, k1=0.0)),
        )
    }
    expected = 2 * -(H**2) * width / 2 * (1 + np.sin(0.2) ** 2) / np.cos(0.2) ** 3
    assert (chromatic["gap"] - chromatic["none"])[3] == pytest.approx(expected, rel=0.01)
    assert (chromatic["softer"] - chromatic["soft"])[3] == pytest.approx(expected, rel=0.01)


PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


@pytest.mark.parametrize(
    "attributes",
    [
        {"k1": 0.02},
        {"k1": 0.02, "k2": 0.3, "h1": 0.5, "h2": -0.3},
        {"h1": 0.4, "kill_exi_fringe": True},
        {"kill_ent_fringe": True, "hgap": 0.03, "fint": 0.0, "fintx": 0.0},
        {"kill_ent_fringe": True, "kill_exi_fringe": True, "hgap": 0.03, "fint": 0.5, "h2": 1.0},
    ],
)
def test_chromaticity_is_that_of_madx(attributes: dict[str, Any]) -> None:
    """Both are second-order maps without the gap's part: rounding is left, and our slices of a gradient (1e-12)."""
    bend = Bend("b", length=1.2, angle=np.pi / 8, e1=0.2, e2=0.1, **attributes)
    drift, qf, qd = Drift("d", length=0.5), Quadrupole("qf", length=0.3, k1=1.3), Quadrupole("qd", length=0.3, k1=-1.1)
    found = twiss(Lattice("ring", elements=[qf, drift, bend, drift, qd, drift, bend, drift] * 8), PROTON)
    words = {name: "true" if name.startswith("kill") else repr(value) for name, value in attributes.items()}
    theirs = "".join(f", {name}={word}" for name, word in words.items())
    text = f"""
        beam, particle=ion, mass={PROTON.mass * 1e-9!r}, charge=1, energy={PROTON.total_energy * 1e-9!r};
        qf: quadrupole, l=0.3, k1=1.3; qd: quadrupole, l=0.3, k1=-1.1; d: drift, l=0.5;
        b: sbend, l=1.2, angle=pi/8, e1=0.2, e2=0.1{theirs};
        cell: line = (qf, d, b, d, qd, d, b, d); ring: line = (8*cell); use, sequence=ring;"""
    with madx(text) as session:
        session.twiss()
        summary = session.table.summ
        expected = [summary.q1[0], summary.q2[0], *(PROTON.beta * dq[0] for dq in (summary.dq1, summary.dq2))]
    assert (found.qx, found.qy, found.dqx, found.dqy) == pytest.approx(expected, abs=1e-11)


# ------------------------------------------------------------------------------------------------ third order

SHIFTS = np.random.default_rng(1).uniform(-1.0, 1.0, (12, 4))


def third_order(through: Any, step: float) -> Array:
    """Third-order part of x, px, y, py along SHIFTS, by odd differences."""
    start = np.concatenate([np.column_stack([k * step * SHIFTS, np.zeros(len(SHIFTS))]) for k in (1, -1, 2, -2)])
    one, back_one, two, back_two = through(start)[:, :4].reshape(4, len(SHIFTS), 4)
    return np.asarray(((two - back_two) / 2 - (one - back_one)) / (6 * step**3))


def of_the_gradient(k1: float, edge: float, entrance: Any) -> Array:
    """What is odd in k1 of the third order of an entrance edge."""
    up, down = (third_order(lambda z, k=k: entrance(z, k, edge), 5e-4) for k in (k1, -k1))
    return np.asarray((up - down) / 2)


def straight_fringe(k1: float, edge: float) -> Array:
    """Third order of the step of a gradient at e = 0, G = k1 (x y^2 px / 2 - y^3 py / 6), behind our edge."""
    start = 1e-6 * np.column_stack([SHIFTS, np.zeros(len(SHIFTS))])
    x, px, y, py, _ = (ours(start, (edge, 0.0), 0.0) / 1e-6).T
    return k1 * np.column_stack([x * y**2 / 2, -(y**2) * px / 2, -(y**3) / 6, y**2 * py / 2 - x * y * px])


@pytest.mark.parametrize("edge", [0.3, -0.5, 0.1])
def test_third_order_behind_a_turned_face_is_the_hard_limit_of_the_field(edge: float) -> None:
    """The gradient's part: the integration is ours and the fringe of a gradient, which ours leaves out.

    1e-4 of terms up to 0.5: what is left of the width squared, and fifth order in the differences.
    """
    k1 = 0.8

    def soft(width: float) -> Array:
        def entrance(z: Array, gradient: float, face: float) -> Array:
            return integrated_edge(z, Bend("b", length=1.0, angle=H, k1=gradient), face, width)

        return of_the_gradient(k1, edge, entrance)

    hard = 2 * soft(0.002) - soft(0.004)
    found = of_the_gradient(k1, edge, lambda z, gradient, face: ours(z, (face, 0.0), gradient, third=True))
    assert np.abs(found).max() > 1e-3
    np.testing.assert_allclose(found + straight_fringe(k1, edge), hard, rtol=0, atol=1e-4)


@pytest.mark.parametrize("edge", [0.3, -0.5])
def test_a_gradient_left_is_one_entered_backwards(edge: float) -> None:
    """Through both edges, turned round in between: a gradient does not move where that ends, at 5 mm and 5 mrad."""

    def there_and_back(k1: float) -> Array:
        x, px, y, py = 5e-3 * SHIFTS.T
        z = edges.third_edge_in((x, px, y, py, 0.0 * x, 0.0 * x + 1e-3), edge, H, 0.01, k1, 0.0, 1.4, 0.3)
        z = edges.third_edge_out((z[0], -z[1], z[2], -z[3], z[4], z[5]), edge, H, 0.01, k1, 0.0, 1.4, 0.3)
        return np.array([z[0] - x, z[1] + px, z[2] - y, z[3] + py])

    np.testing.assert_allclose(there_and_back(0.8), there_and_back(0.0), rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------ a finite gap


def of_the_gap(edge: float, delta: float, softness: float) -> Array:
    """What ``gap_face`` adds to the third order of an entrance edge of its sector."""

    def entrance(z: Array, soft: float) -> Array:
        x, px, y, py, _ = z.T
        out = edges.third_edge_in((x, px, y, py, 0 * x, 0 * x + delta), edge, H, 0.0, 0.0, 0.0, soft, 0.3)
        return np.column_stack([*out[:4]])

    return third_order(partial(entrance, soft=softness), 5e-4) - third_order(partial(entrance, soft=0.0), 5e-4)


@pytest.mark.parametrize(("edge", "delta"), [(0.0, 0.0), (0.3, 0.0), (-0.5, 0.0), (0.3, 0.4)])
def test_third_order_of_a_finite_gap_is_that_of_the_field(edge: float, delta: float) -> None:
    """What grows as one over the width: of a profile (1 + tanh(n/w))/2, whose hgap fint is w/4, softness 4/(72 w).

    3e-3 of the term: what is left of the widths, and fifth order in the differences (2e-3 at all three faces).
    """
    bend = Bend("b", length=1.0, angle=H)

    def soft(width: float) -> Array:
        def entrance(z: Array) -> Array:
            return integrated_edge(np.column_stack([z[:, :4], 0 * z[:, 0] + delta]), bend, edge, width)

        return third_order(entrance, 5e-5)

    grown = soft(0.001) - soft(0.002)
    expected = of_the_gap(edge, delta, (1 / 0.001 - 1 / 0.002) / 18)
    assert np.abs(expected[:, 3]).max() > 1
    np.testing.assert_allclose(grown, expected, rtol=0, atol=3e-3 * np.abs(expected).max())


def test_a_bend_with_a_gap_has_its_third_order() -> None:
    """b0^2 y^4 / (72 hgap fint) at both normal faces (Forest): -4 y^3 of it in py; none without a gap or ``fint``."""
    kicks = {}
    for name, fint in (("gap", 0.5), ("hard", 0.0)):
        bend = Bend("b", length=1e-6, angle=1e-6 * H, hgap=0.03, fint=fint)
        line = Lattice("line", elements=[bend], particle=PROTON)
        start = np.array([[0.0, 0.0, y, 0.0, 0.0, 0.0] for y in (0.01, 0.02)])
        kicks[name] = np.asarray(track(line, PROTON, start).coordinates)[:, 3]
    linear = -2 * H**2 * 2 * 0.03 * 0.5 * np.array([0.01, 0.02])  # 2 k0^2 hgap fint y at each face
    expected = -2 * 4 * H**2 / (72 * 0.03 * 0.5) * np.array([0.01, 0.02]) ** 3
    assert kicks["hard"] == pytest.approx(0.0, abs=1e-8)
    curve = (kicks["gap"][1] - 2 * kicks["gap"][0]) - (linear[1] - 2 * linear[0])
    assert curve == pytest.approx(expected[1] - 2 * expected[0], rel=0.01)


def test_the_finite_gap_s_third_order_is_symplectic_at_any_slope_and_momentum() -> None:
    """J^T S J = S by complex steps, in x, px, y, py and in zeta, delta: a kick and a shift of one function of y."""
    form = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    beta0 = 1.0 - 1e-15  # zeta and delta are canonical at the speed of light
    for px, delta in ((0.3, 0.2), (-0.5, -0.1), (0.0, 0.0)):
        point = np.array([1e-3, px, 0.4, 0.1, 2e-3, delta])
        steps = point[:, None] + 1e-30j * np.eye(6)
        jacobian = np.array(edges.gap_face(tuple(steps), 1.3, 0.7, beta0)).imag / 1e-30
        np.testing.assert_allclose(jacobian.T @ form @ jacobian, form, rtol=0, atol=1e-12)
