"""The third-integer resonance: closed forms, leading order as the limit, Xsuite, stored areas, refusals."""

from __future__ import annotations

import re
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy.optimize import fsolve

from extraction import ThirdIntegerResonance, third_integer_resonance
from extraction.resonance.second_engine import residuals, tracked_arm, tracked_resonance
from extraction.resonance.third_integer import own_vertex, triangle_area
from lattice import Drift, InputError, Lattice, NoSolution, Quadrupole, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from machines.cnao_like import cnao, pimms
from optics import twiss
from optics.engines.xsuite.passages import xsuite_passage
from optics.maps.lattices.turns import turns
from optics.maps.turn import periodic_point
from tests.extraction_rings import (
    PROTON,
    SEPTUM,
    STRENGTHS,
    THIRD,
    apart,
    at_tune,
    cnao_at,
    fodo_ring,
    near,
    reference,
    solved,
    structural_ring,
    with_thin_sextupoles,
    xsuite_turn,
)

CASES = pytest.mark.parametrize("tune", sorted(STRENGTHS))


# ---------------------------------------------------------------------------------------------- exact laws


def excess(found: ThirdIntegerResonance) -> float:
    """Exact area over Kobayashi's, less one."""
    return found.stable_area / found.kobayashi.stable_area - 1


@pytest.mark.parametrize("k2", [0.3, 1.0, -3.0, -4.0, 8.0])
def test_area_tends_to_that_of_the_map_s_own_second_order(k2: float) -> None:
    """Where bends drive the resonance as sextupoles do, Kobayashi's triangle of the sextupoles is another: 0.003 to 9.8
    times the exact one's area here. An equilateral triangle with corners at r has 3 sqrt(3) r^2 / 4.
    """
    off = []
    for distance in (1e-3, 5e-4, 2.5e-4):
        found = third_integer_resonance(structural_ring(k2, distance), at="wires")
        corner = own_vertex(found.motion, np.array([*found.motion.orbit, 0.0, 0.0]))
        off.append(found.stable_area / (0.75 * sqrt(3) * float(corner @ corner)) - 1)
        assert abs(excess(found)) > 0.5
    assert abs(off[2]) < 0.02
    assert abs(off[1] - 2 * off[2]) < 0.3 * abs(off[1]) + 1e-3  # in proportion to the distance, to its next order


@pytest.mark.parametrize("sr", [-3.3, 3.3, 8.877])
@pytest.mark.parametrize("side", [1, -1])
def test_area_tends_to_kobayashis(sr: float, side: int) -> None:
    # The next order is in proportion to the tune distance: half the distance, half the excess (and a quarter of what
    # comes after: 0.1 of the excess at 4e-4).
    wide, narrow = excess(near(side * 4e-4, sr)), excess(near(side * 2e-4, sr))
    assert 0 < side * wide < 0.04
    assert wide / narrow == pytest.approx(2.0, rel=0.04)
    assert abs(2 * narrow - wide) < 1e-3  # ... which leaves nothing at distance 0
    # The excess changes sign with the distance: its slope is one number on both sides of the resonance.
    assert narrow == pytest.approx(-excess(near(-side * 2e-4, sr)), rel=0.05)


@pytest.mark.parametrize("sr", [-3.3, 8.877])
@pytest.mark.parametrize("side", [1, -1])
def test_fixed_points_tend_to_the_triangles_vertices(sr: float, side: int) -> None:
    distances = []
    for distance in (4e-4, 2e-4):
        found = near(side * distance, sr)
        size = np.linalg.norm(found.kobayashi.fixed_points)
        distances.append(np.linalg.norm(found.fixed_points - found.kobayashi.fixed_points) / size)
    assert distances[0] < 0.02  # vertex by vertex: the same one first, and the same order
    assert distances[0] / distances[1] == pytest.approx(2.0, rel=0.1)


@CASES
def test_fixed_points_return_after_three_turns(tune: float) -> None:
    found = solved(tune)
    following = found.turn.track(found.points)[:, :4]
    np.testing.assert_allclose(following, np.roll(found.points, -1, axis=0)[:, :4], rtol=0, atol=1e-13)
    assert found.residual < 1e-13  # m: rounding of three turns of 200 steps


@CASES
def test_multipliers_are_reciprocal_and_nearly_the_hamiltonians(tune: float) -> None:
    found = solved(tune)
    outgoing, incoming = found.multipliers
    assert outgoing * incoming == pytest.approx(1.0, abs=1e-12)  # symplectic
    # At a vertex the flow grows at the rate sqrt(3) eps; the exact one differs in proportion to the distance.
    rate = np.sqrt(3) * abs(found.kobayashi.epsilon)
    assert np.log(outgoing) == pytest.approx(rate, rel=0.01)


@CASES
def test_tracking_order_is_that_of_one_turn(tune: float) -> None:
    found = solved(tune)
    start = found.points + 0.0
    start[:, :2] = found.kobayashi.fixed_points
    after = found.turn.track(start)[:, :2]
    # Kobayashi's vertices too are numbered in tracking order (they move a little: the exact points are elsewhere).
    size = np.ptp(found.fixed_points, axis=0)
    assert np.max(np.abs(after - np.roll(start[:, :2], -1, axis=0)) / size) < 0.05


def test_the_area_is_that_of_exact_quadrupoles() -> None:
    """Xsuite, all exact (kicks of order six, exact drifts): 4.010281e-5 m; with paraxial quadrupoles 4.01131e-5.

    Its 28 kicks a quadrupole leave 1e-6.
    """
    assert solved(1.664).stable_area == pytest.approx(4.010281e-5, rel=2e-6)


def test_the_error_of_area_and_arm_covers_what_more_kicks_change() -> None:
    """The quoted error is the difference from Xsuite's 28 kicks a quadrupole: twice as many are nearer to us."""
    ring, found = reference(1.664), solved(1.664)
    arm, first = found.arm(0.035), ring.index(SEPTUM)
    turn = xsuite_passage(ring, ring.particle, "full", first, first + len(ring))
    tracked = tracked_resonance(turn, found)
    differences = residuals(found, tracked, arm, tracked_arm(turn, tracked, found, arm))
    finest = tracked_resonance(lambda z, times: np.pad(xsuite_turn(1.664)(z, times), ((0, 0), (0, 2))), found)
    assert 0.0 < abs(finest.area / found.stable_area - 1) < differences.area < 2e-6
    assert differences.angle < 1e-6
    assert differences.points < 1e-6


def henon_points(strength: float, tune: float, guess: Array) -> Array:
    """Points of period three of a rotation by 2 pi Q after a kick P += strength X^2, found by scipy."""
    cosine, sine = np.cos(2 * np.pi * tune), np.sin(2 * np.pi * tune)

    def turn(point: Array) -> Array:
        x, p = point[0], point[1] + strength * point[0] ** 2
        return np.array([cosine * x + sine * p, -sine * x + cosine * p])

    scale = np.linalg.norm(guess)
    first = scale * fsolve(lambda z: turn(turn(turn(scale * z))) / scale - z, guess / scale, xtol=1e-13)
    return np.stack([first, turn(first), turn(turn(first))])


@pytest.mark.parametrize("k2l", [3000.0, -3000.0], ids=["positive", "negative"])
@pytest.mark.parametrize("distance", [3e-3, -3e-3], ids=["above", "below"])
@pytest.mark.parametrize("third", [4, 5, 7, 8])
def test_one_thin_sextupole_makes_the_henon_map(third: int, distance: float, k2l: float) -> None:
    # Triangles of some um, so that x'^3 of exact drifts (1e-12 of x') is nothing: what differs is rounding.
    ring = at_tune(fodo_ring(8, k2l), third / 3 + distance, "k", 1.0, 4.6)
    found = third_integer_resonance(ring, at="kick")
    optics = twiss(ring)
    strength = -0.5 * k2l * float(optics["betx"][0]) ** 1.5
    kobayashi = found.kobayashi
    assert kobayashi.fraction == pytest.approx(third / 3 % 1)
    assert found.virtual_sextupole == pytest.approx(abs(strength), rel=1e-12)
    assert found.virtual_phase == pytest.approx(0.0 if strength > 0 else 1 / 6, abs=1e-12)
    guess = kobayashi.at_place(kobayashi.normalised_vertices[0])
    expected = kobayashi.physical(henon_points(strength, found.tune, guess))
    np.testing.assert_allclose(found.fixed_points, expected, rtol=0, atol=1e-7 * np.max(np.abs(expected)))


def test_the_triangle_scales_with_the_sextupole() -> None:
    # One sextupole alone: coordinates scale with 1/S, so the area with 1/S^2, up to x'^3 in the drifts.
    rings = [at_tune(fodo_ring(8, k2l), 5 / 3 - 2e-3, "k", 1.0, 4.6) for k2l in (3000.0, 6000.0)]
    areas = [third_integer_resonance(ring, at="kick").stable_area for ring in rings]
    assert areas[0] / areas[1] == pytest.approx(4.0, rel=1e-7)


def test_a_ring_started_elsewhere_has_the_same_resonance() -> None:
    ring, found = reference(1.666), solved(1.666)
    first = ring.index("s8_028a_sxr")
    turned = Lattice(
        "turned",
        elements=[*ring.elements[first:], *ring.elements[:first]],
        parameters=dict(ring.parameters),
        particle=ring.particle,
    )
    again = third_integer_resonance(turned, at=SEPTUM)
    np.testing.assert_allclose(again.points, found.points, rtol=0, atol=1e-12)
    assert again.virtual_sextupole == pytest.approx(found.virtual_sextupole, rel=1e-10)
    assert again.virtual_phase == pytest.approx(found.virtual_phase, rel=1e-9)


@pytest.mark.parametrize("place", ["s0_016a_msp", "s8_028a_sxr", "s4_015a_bec"])
def test_the_enclosed_area_is_the_same_at_every_place(place: str) -> None:
    # In the middle plane the map keeps area; the border is mapped onto the border. The triangle of the three corners
    # is not mapped onto a triangle, since sextupoles bend its sides; nor is |S| one number away from the resonance.
    here, there = solved(1.666), third_integer_resonance(reference(1.666), at=place)
    assert there.enclosed_area == pytest.approx(here.enclosed_area, rel=1e-6)  # the polygon of some thousand points
    assert there.stable_area == pytest.approx(here.stable_area, rel=2e-3)
    assert there.virtual_sextupole == pytest.approx(here.virtual_sextupole, rel=3e-3)


def test_the_true_region_tends_to_the_triangle() -> None:
    # Its sides bend in proportion to the triangle's size.
    ratios = [near(distance).enclosed_area / near(distance).stable_area - 1 for distance in (-1e-3, -5e-4, 5e-4)]
    assert 0 < ratios[0] < 0.03
    assert ratios[0] / ratios[1] == pytest.approx(2.0, rel=0.05)
    assert ratios[2] == pytest.approx(-ratios[1], rel=0.1)


def test_shares_add_up_to_the_virtual_sextupole() -> None:
    found = solved(1.666)
    total = sum(share.strength * np.exp(6j * np.pi * share.phase) for share in found.shares)
    assert abs(total) == pytest.approx(found.virtual_sextupole, rel=1e-12)
    assert np.angle(total * np.exp(-6j * np.pi * found.virtual_phase)) == pytest.approx(0.0, abs=1e-12)
    assert sorted(share.element[:2] for share in found.shares) == ["s2", "s5", "s8", "sa", "sd"]


def test_thin_sextupoles_of_the_same_strength() -> None:
    # A sextupole of 0.2 m averages beta and phase over its length. With beta(s) a parabola, beta^1.5 e^(3 i mu) of the
    # middle differs from the average by (L^2/24) of its second derivative: 1e-3 here.
    thick, thin = solved(1.666), third_integer_resonance(with_thin_sextupoles(reference(1.666)), at=SEPTUM)
    assert thin.virtual_sextupole == pytest.approx(thick.virtual_sextupole, rel=1e-3)
    assert thin.stable_area == pytest.approx(thick.stable_area, rel=2e-3)


@pytest.mark.parametrize("delta", [1e-3, -1e-3])
def test_off_momentum_everything_is_about_the_closed_orbit(delta: float) -> None:
    ring = reference(1.666)
    found = third_integer_resonance(ring, at=SEPTUM, delta=delta)
    optics = twiss(ring, delta=delta)
    assert found.tune == optics.qx
    np.testing.assert_allclose(found.orbit, [optics[name][0] for name in ("x", "px", "y", "py")], atol=1e-15)
    centre = np.array([[*found.orbit, 0.0, delta]])
    np.testing.assert_allclose(found.turn.track(centre)[0, :4], found.orbit, atol=1e-13)
    assert np.all(found.points[:, 5] == delta)
    assert found.residual < 1e-13
    # The triangle is about that orbit: its middle is nearer to it than a tenth of its size.
    size = np.max(np.linalg.norm(found.kobayashi.normalised(found.fixed_points), axis=1))
    assert np.linalg.norm(found.kobayashi.normalised(found.fixed_points).mean(axis=0)) < 0.1 * size
    # dQ = dQ(0) + Q' delta to first order; Q'' is about 100
    assert found.tune_distance == pytest.approx(solved(1.666).tune_distance + twiss(ring).dqx * delta, abs=2e-4)


def test_a_kicked_orbit_carries_the_triangle_along() -> None:
    kicked = reference(1.666).with_parameters(se_016a_csh_kick=1e-4)
    found = third_integer_resonance(kicked, at=SEPTUM)
    assert abs(found.orbit[0]) > 1e-4
    assert found.residual < 1e-13
    assert excess(found) == pytest.approx(excess(solved(1.666)), abs=0.02)


def test_at_equal_rigidity_a_species_is_as_good_as_another() -> None:
    # Strengths are normalised, static magnets know no more than p/q.
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
    there = third_integer_resonance(reference(1.666), carbon, at=SEPTUM)
    np.testing.assert_allclose(there.points[:, :4], solved(1.666).points[:, :4], rtol=0, atol=1e-13)


@pytest.mark.parametrize("sextupole", ["xrr_a", "xrr_b"])
@pytest.mark.parametrize("k2", [4.0, -4.0])
def test_pimms_with_its_resonance_sextupoles(sextupole: str, k2: float) -> None:
    # Its own tune is 6.7e-4 below the resonance; the excess there is some percent, as at CNAO, and halves with it.
    ring = pimms().with_parameters({sextupole: k2})
    closer = at_tune(ring, THIRD - 3.35e-4, "qf1", 0.31, 0.32)
    far, close = (excess(third_integer_resonance(one, at="es")) for one in (ring, closer))
    assert -0.03 < far < -0.015
    assert far / close == pytest.approx(2.0, rel=0.05)


# ---------------------------------------------------------------------------------------------- a second code


def xsuite_points(tune: float) -> Array:
    """Fixed points (3, 4) of Xsuite's third iterate: Newton's method with central differences of 1e-6 m and rad."""
    turn, point = xsuite_turn(tune), solved(tune).points[0, :4].copy()
    step = 1e-6 * np.eye(4)
    for _ in range(5):
        states = turn(np.concatenate([point[None], point + step, point - step]), 3)
        jacobian = (states[1:5] - states[5:]).T / 2e-6
        point -= np.linalg.solve(jacobian - np.eye(4), states[0] - point)
    assert np.max(np.abs(turn(point[None], 3)[0] - point)) < 1e-13
    return np.concatenate([point[None], turn(point[None], 1), turn(point[None], 2)])


@CASES
def test_fixed_points_and_area_are_xsuites(tune: float) -> None:
    found, theirs = solved(tune), xsuite_points(tune)
    # 5e-4 is what is asked for; the two models differ in how a sextupole is cut into kicks
    assert apart(found.fixed_points, theirs[:, :2]) < 5e-4
    assert found.stable_area == pytest.approx(triangle_area(theirs[:, :2]), rel=5e-4)


# ---------------------------------------------------------------------------------------------- stored numbers

#: Fixed points (x [m], px) and area [m], computed with two independent codes that agree to 3e-4 in area.
STORED = {
    1.664: ([(-0.0219721, 0.00024200), (0.0076134, 0.00108111), (0.0148657, -0.00142549)], 4.012e-5, 11.398, 0.893),
    1.666: (
        [(0.00191622, 0.00029043), (-0.00580384, 0.0000731171), (0.00392368, -0.00037067)],
        2.770e-6,
        11.291,
        0.968,
    ),
}


@CASES
def test_the_reference_rows(tune: float) -> None:
    points, area, strength, ratio = STORED[tune]
    found = solved(tune)
    assert found.tune == pytest.approx(tune, abs=1e-8)
    assert apart(found.fixed_points, np.array(points)) < 5e-4
    assert found.stable_area == pytest.approx(area, rel=5e-4)
    assert found.virtual_sextupole == pytest.approx(strength, rel=3e-4)  # theirs averages beta in fewer slices
    assert found.stable_area / found.kobayashi.stable_area == pytest.approx(ratio, abs=1e-3)


# ---------------------------------------------------------------------------------------------- refusals


def resonance(**strengths: float) -> ThirdIntegerResonance:
    return third_integer_resonance(cnao().with_parameters(strengths), at=SEPTUM)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (
            lambda: third_integer_resonance(cnao_at(-0.15), at=SEPTUM),
            NoSolution,
            ["no third-integer resonance", "Qx = 1.516", "1.66666667", "0.1"],
        ),
        (partial(resonance, s0=0.0, s1=0.0, sr=0.0), NoSolution, ["no sextupole", "Qx = 1.66600231", "m^-1/2"]),
        (
            lambda: third_integer_resonance(cnao_at(0.0), at=SEPTUM),
            NoSolution,
            ["on the resonance", "Qx = 1.66666667", SEPTUM],
        ),
        (
            partial(resonance, s0=0.0, s1=0.0, sr=1e-3),
            NoSolution,
            ["no fixed points", "-0.000664", "0.003417", "too weak", "0 is the strength of some: s0, s1"],
        ),
        (lambda: third_integer_resonance(cnao_at(0.03), at=SEPTUM), NoSolution, ["no fixed points", "0.03", "9.728"]),
        (partial(resonance, kf=0.9), UnstableOptics, ["cnao", "trace"]),
        (
            lambda: third_integer_resonance(cnao().with_parameters(kf=[0.29, 0.291]), at=SEPTUM),
            InputError,
            ["one lattice", "holds 2"],
        ),
        (lambda: third_integer_resonance(cnao(), at="se_010a_es"), InputError, ["did you mean 'se_010a_esp'"]),
        (lambda: third_integer_resonance(cnao(), at=SEPTUM, fringe="ful"), InputError, ["did you mean 'full'"]),
        (lambda: third_integer_resonance(cnao(), at=SEPTUM, delta=float("nan")), InputError, ["delta", "nan"]),
        (lambda: third_integer_resonance("cnao", at=SEPTUM), InputError, ["Lattice", "str"]),  # type: ignore[arg-type]
        (lambda: third_integer_resonance(cnao(), at=0), InputError, ["name of an element", "0"]),  # type: ignore[arg-type]
    ],
)
def test_refusals_say_what_was_found(ask: Any, error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        ask()
    for word in words:
        assert re.search(re.escape(word), str(caught.value)), str(caught.value)


def test_a_static_cavity_changes_nothing() -> None:
    with_rf = resonance(rf_volt=1e4)
    np.testing.assert_array_equal(with_rf.points, resonance().points)


@pytest.mark.parametrize(("start", "end"), [(-1e-3, -1e-2), (1e-3, 5e-3)])
def test_far_from_the_resonance_the_fixed_points_are_still_those(start: float, end: float) -> None:
    # Where the leading order is 30 % off: going from ring to ring in small steps of the tune, as nobody can confuse,
    # and from the resonance outwards at once, as third_integer_resonance does, the same points are found.
    point, last = near(start, 8.877).points[0], start
    for distance in np.linspace(start, end, 10)[1:]:
        turn = turns(cnao_at(float(distance), 8.877), PROTON, "full")[0]
        point = periodic_point(turn.jacobian, point * (distance / last), 3)
        last = float(distance)
    np.testing.assert_allclose(point, near(end, 8.877).points[0], rtol=1e-7, atol=1e-12)


def test_beyond_the_fold_there_is_no_triangle() -> None:
    # Above the resonance the tune shift with amplitude works against the sextupoles: followed in small steps the
    # points meet others at 0.0142 and vanish.
    assert near(0.014, 8.877).multipliers[0] < near(0.012, 8.877).multipliers[0]
    with pytest.raises(NoSolution, match="no fixed points"):
        near(0.0145, 8.877)


def test_of_a_line_it_is_said_that_a_ring_is_wanted() -> None:
    """One quadrupole of k1 L = 0.3 and a drift: no bends, and no bounded vertical motion."""
    line = Lattice("transfer", elements=(Quadrupole("q", length=0.3, k1=1.0), Drift("d", length=1.0)))
    with pytest.raises(
        UnstableOptics, match="wants a ring, and the bends of 'transfer' do not turn the beam once round"
    ):
        third_integer_resonance(line, ReferenceParticle("proton", kinetic_energy_per_u=60e6), at="q")
