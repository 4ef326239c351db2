"""The resonance in four dimensions: rings turned about their orbit, small couplings, tracking, Xsuite."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest

from benchmarks.codes.areas import ptc_tracking
from extraction import ExtractionTarget, Septum, ThirdIntegerResonance, third_integer_resonance
from extraction.resonance.hardt import arm_divergence, hardt_residual
from extraction.resonance.last_turns import last_turns
from extraction.resonance.modes import advance, columns_at
from extraction.resonance.momenta import resonant_momentum
from extraction.resonance.second_engine import residuals, tracked_arm, tracked_resonance
from extraction.resonance.sextupoles import driven, resonant_mode
from lattice import Bend, Lattice, NoSolution, Quadrupole, Sextupole
from lattice.arrays import Array
from lattice.element import Aperture
from optics import twiss
from optics.engines.xsuite.passages import xsuite_passage
from tests.extraction_rings import COMPACT_SEPTUM, compact_ring

WIRES = 0.03
#: Below and beyond 45 degrees: the mode of the resonance is then that of x, and that of y.
ANGLES = pytest.mark.parametrize("angle", [0.3, 1.2])


def rolled(ring: Lattice, angle: float) -> Lattice:
    """The same machine turned about its orbit as a whole."""
    turned = [replace(e, tilt=angle) if isinstance(e, (Bend, Quadrupole, Sextupole)) else e for e in ring.elements]
    return Lattice("rolled", elements=turned, parameters=ring.parameters.definitions, particle=ring.particle)


def skewed(k1s: float, *where: str) -> Lattice:
    """The compact ring with a skew gradient in one quadrupole, or some."""
    ring = compact_ring()
    elements = [
        replace(e, k1s="skew") if isinstance(e, Quadrupole) and e.name in (where or ("d3",)) else e
        for e in ring.elements
    ]
    parameters = {**ring.parameters.definitions, "skew": k1s}
    return Lattice("skewed", elements=elements, parameters=parameters, particle=ring.particle)


@cache
def plain() -> ThirdIntegerResonance:
    return third_integer_resonance(compact_ring(), at=COMPACT_SEPTUM)


@cache
def turned(angle: float) -> ThirdIntegerResonance:
    return third_integer_resonance(rolled(compact_ring(), angle), at=COMPACT_SEPTUM)


@cache
def coupled(k1s: float) -> ThirdIntegerResonance:
    return third_integer_resonance(skewed(k1s), at=COMPACT_SEPTUM)


def about_s(angle: float) -> Array:
    """x, px, y, py in the frame that a machine is turned against by ``angle``: x = x' cos - y' sin."""
    return np.kron([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]], np.eye(2))


# ------------------------------------------------------------------------- a ring turned about its orbit as a whole


@ANGLES
@pytest.mark.number("stable_area", by="exact law")
def test_a_ring_turned_as_a_whole_has_the_same_resonance(angle: float) -> None:
    """The same points in a turned frame, the same area, tune and virtual sextupole: rounding of 50 maps."""
    found, own = turned(angle), plain()
    assert found.optics.coupled
    assert found.mode.number == (1 if angle < pi / 4 else 2)
    assert found.mode.share == pytest.approx(cos(angle) ** 2, abs=1e-12)
    np.testing.assert_allclose(found.points[:, :4], own.points[:, :4] @ about_s(angle).T, rtol=0, atol=1e-12)
    assert found.stable_area == pytest.approx(own.stable_area, rel=1e-9)
    assert found.tune == pytest.approx(own.tune, abs=1e-11)
    assert found.virtual_sextupole == pytest.approx(own.virtual_sextupole, rel=1e-11)
    assert found.virtual_phase == pytest.approx(own.virtual_phase, abs=1e-12)
    assert found.kobayashi.stable_area == pytest.approx(own.kobayashi.stable_area, rel=1e-7)  # of 1.2e-3 in the tune
    np.testing.assert_allclose(found.multipliers, own.multipliers, rtol=1e-10)


@pytest.mark.number("enclosed_area", by="exact law")
def test_the_region_inside_the_separatrices_of_a_turned_ring_is_the_same() -> None:
    """The curve is a polygon of tracked points: beginnings on the arm differ by rounding over their start of 1 %."""
    assert turned(0.3).enclosed_area == pytest.approx(plain().enclosed_area, rel=1e-8)


@ANGLES
@pytest.mark.number("spiral_step", "arm_angle", "arm_slope", by="exact law")
def test_arms_of_a_turned_ring_are_seen_by_their_projection(angle: float) -> None:
    """Wires that the turned arm reaches at the same place of it: x, px and steps by cos, slopes dpx/dx the same.

    To the rounding of the arm's polynomial, whose sixteen particles are no more than 1e-12 m off.
    """
    ours, own = turned(angle).arm(WIRES * cos(angle)), plain().arm(WIRES)
    np.testing.assert_allclose(ours.after, own.after @ about_s(angle).T, rtol=0, atol=1e-9)
    assert ours.spiral_step == pytest.approx(own.spiral_step * cos(angle), rel=1e-6)
    assert ours.slope == pytest.approx(own.slope, rel=1e-5)
    leading, straight = turned(angle).kobayashi, plain().kobayashi
    assert leading.spiral_step(WIRES * cos(angle)) == pytest.approx(straight.spiral_step(WIRES) * cos(angle), rel=1e-9)
    arms = [one.arm(x) for one, x in ((leading, WIRES * cos(angle)), (straight, WIRES))]
    assert arms[0] is not None
    assert arms[1] is not None
    assert arms[0].px == pytest.approx(arms[1].px * cos(angle), rel=1e-9)
    assert arms[0].slope == pytest.approx(arms[1].slope, rel=1e-9)


@ANGLES
@pytest.mark.number("hardt_residual", "arm_divergence", by="exact law")
def test_the_hardt_condition_of_a_turned_ring_is_the_same(angle: float) -> None:
    """The residual is a length along the arm's normal in the mode; px on the arm changes by cos at wires at x cos."""
    rings = rolled(compact_ring(), angle), compact_ring()
    places = [hardt_residual(twiss(ring), ring.index(COMPACT_SEPTUM), 1.0)[0] for ring in rings]
    assert places[0] == pytest.approx(places[1], rel=1e-9)
    wires = WIRES * cos(angle), WIRES
    exact = [arm_divergence(ring, None, at=COMPACT_SEPTUM, x_septum=x) for ring, x in zip(rings, wires, strict=True)]
    # Angles to 1e-11 over a momentum step of 1e-5 and more.
    assert exact[0] == pytest.approx(exact[1] * cos(angle), abs=1e-5)
    assert resonant_momentum(rings[0]) == pytest.approx(resonant_momentum(rings[1]), rel=1e-8)


def test_phase_advances_of_a_turned_ring_are_the_same() -> None:
    """Of the mode of y they are known but for whole turns."""
    optics = turned(1.2).optics
    for ends in (("b0", COMPACT_SEPTUM), (COMPACT_SEPTUM, "b0")):
        expected = advance(plain().optics, *ends, 1)
        assert advance(turned(0.3).optics, *ends, 1) == pytest.approx(expected, abs=1e-10)
        assert advance(optics, *ends, 2) == pytest.approx(expected % 1.0, abs=1e-10)


def test_a_mode_that_does_not_show_in_x_is_said() -> None:
    with pytest.raises(NoSolution, match=r"does not show in x at 'd0'.*wires in x never see it"):
        turned(pi / 2 - 1e-5)


# ------------------------------------------------------------------------------------------------ small couplings


def test_area_tends_to_that_of_the_planes_with_the_square_of_the_coupling() -> None:
    """A skew gradient moves the tune by its square, and areas with it: 2.7e-4 at 1e-3 /m^2, nothing but rounding at 0.

    The fourth power is 1e-6 of the area at 2e-3 /m^2.
    """
    small, double = (coupled(k1s).stable_area / plain().stable_area - 1.0 for k1s in (1e-3, 2e-3))
    assert double / small == pytest.approx(4.0, rel=4e-3)
    assert coupled(1e-6).optics.coupled
    assert coupled(1e-6).stable_area == pytest.approx(plain().stable_area * (1.0 + 1e-6 * small), rel=1e-10)
    np.testing.assert_allclose(coupled(1e-6).points, plain().points, rtol=0, atol=1e-7)  # y in proportion: 0.1 of x


def test_the_mode_of_the_resonance_is_that_of_x_where_little_couples() -> None:
    """With the tune of y on a third itself: no sextupole drives it."""
    ring = skewed(1e-5)
    assert coupled(1e-5).mode.number == 1
    assert driven(twiss(ring), 0).name == "Qx"
    assert resonant_mode(twiss(ring), 0).share == pytest.approx(1.0, abs=1e-8)
    columns = columns_at(plain().optics, ring.index(COMPACT_SEPTUM), 1)[0]
    # The direction of y is of first order in the coupling: 0.3 of it for each 1/m^2 in this ring.
    np.testing.assert_allclose(resonant_mode(twiss(ring), ring.index(COMPACT_SEPTUM)).columns, columns, atol=1e-4)


def test_leading_order_knows_of_the_coupling() -> None:
    """Twice the coupling of before, 2.8 times the area, and no more between exact and leading order than without."""
    found = coupled(0.08)
    assert found.stable_area > 3.0 * plain().stable_area
    without = plain().stable_area / plain().kobayashi.stable_area
    assert found.stable_area / found.kobayashi.stable_area == pytest.approx(without, abs=2e-3)


def evaluated(quantity: str, k1s: complex) -> complex:
    ring = skewed(0.04).with_parameters(skew=np.array([k1s]))
    goal = ExtractionTarget(quantity, 0.0, at=COMPACT_SEPTUM, x_septum=WIRES)
    return complex(goal.evaluate(twiss(ring))[0])


@pytest.mark.parametrize("quantity", ["tune_distance", "virtual_sextupole", "hardt_residual", "stable_area"])
def test_goals_of_a_match_have_exact_derivatives_in_the_coupling(quantity: str) -> None:
    """A complex step beside central differences, which rounding of the area leaves to 1e-11 over 1e-5 of itself."""
    stepped = evaluated(quantity, 0.04 + 1e-30j)
    above, below = (evaluated(quantity, 0.04 + step).real for step in (1e-5, -1e-5))
    assert stepped.real == pytest.approx(evaluated(quantity, 0.04).real, rel=1e-9)
    assert stepped.imag / 1e-30 == pytest.approx((above - below) / 2e-5, rel=1e-5)


# --------------------------------------------------------------------------------------------- turned sextupoles


def turned_sextupole(**changes: Any) -> Lattice:
    ring = compact_ring()
    elements = [replace(e, **changes) if isinstance(e, Sextupole) and e.name == "x2" else e for e in ring.elements]
    return Lattice("turned", elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)


@pytest.mark.number("virtual_sextupole", by="exact law")
def test_a_sextupole_turned_by_sixty_degrees_is_its_own_opposite() -> None:
    opposite = third_integer_resonance(turned_sextupole(k2=-25.0), at=COMPACT_SEPTUM)
    same = third_integer_resonance(turned_sextupole(k2=25.0, tilt=pi / 3), at=COMPACT_SEPTUM)
    assert same.stable_area == pytest.approx(opposite.stable_area, rel=1e-9)
    assert same.virtual_sextupole == pytest.approx(opposite.virtual_sextupole, rel=1e-12)
    assert same.virtual_phase == pytest.approx(opposite.virtual_phase, abs=1e-12)


@pytest.mark.parametrize("changes", [{"tilt": pi / 6}, {"k2": 0.0, "k2s": 25.0}])
def test_a_skew_sextupole_does_not_drive_the_resonance_of_x(changes: dict[str, float]) -> None:
    with pytest.raises(NoSolution, match="no sextupole drives the resonance"):
        third_integer_resonance(turned_sextupole(**changes), at=COMPACT_SEPTUM)


# -------------------------------------------------------------------------------------- areas and borders in full


@pytest.mark.number("enclosed_area", by="exact law")
def test_the_region_is_as_large_everywhere_in_the_ring() -> None:
    """The integral of p dq around a closed curve, over both planes, is the same behind every map (H. Poincare).

    x, px alone change by the share of the mode between two skew quadrupoles; the polygons' corners are known to 1e-4.
    """
    ring = skewed(0.06, "d2", "d3")
    here, there = (third_integer_resonance(ring, at=place) for place in (COMPACT_SEPTUM, "b3"))
    assert abs(here.mode.share - there.mode.share) > 1e-3
    assert there.enclosed_area == pytest.approx(here.enclosed_area, rel=1e-4)


@pytest.mark.number("stable_area", by="second code")
def test_points_and_arms_of_a_coupled_ring_are_xsuites() -> None:
    """Measured: points 1.3e-6 of the triangle, area 2.6e-6, arm 4e-6, as in the flat ring (1.2e-6, 2.5e-6, 4e-6).

    Two thirds are Xsuite's 28 kicks a quadrupole, the rest our six in a sextupole this strong.
    """
    found, ring = coupled(0.04), skewed(0.04)
    place = ring.index(COMPACT_SEPTUM)
    turn = xsuite_passage(ring, found.optics.particle, "full", place, place + len(ring))
    theirs = tracked_resonance(turn, found)
    arm = found.arm(WIRES)
    other = tracked_arm(turn, theirs, found, arm)
    assert np.max(np.abs(found.points[:, 2])) > 1e-4  # m: away from the midplane
    differences = residuals(found, theirs, arm, other)
    assert differences.points < 2e-6
    assert differences.area < 4e-6
    assert max(differences.angle, differences.position) < 6e-6
    assert theirs.multiplier == pytest.approx(found.multipliers[0], rel=1e-6)
    _border_holds(turn, found)


@pytest.mark.madx
@pytest.mark.number("stable_area", by="second code")
def test_points_of_a_coupled_ring_are_ptcs() -> None:
    """Three turns of PTC bring our points back to 2e-10 m; its own are 6e-9 m from them, its area is 1.5e-6 off."""
    pytest.importorskip("cpymad", reason="cpymad is not installed")
    found, ring = coupled(0.04), skewed(0.04)
    with ptc_tracking(ring, COMPACT_SEPTUM) as turn:
        np.testing.assert_allclose(turn(found.points, 3)[:, :4], found.points[:, :4], rtol=0, atol=5e-10)
        theirs = tracked_resonance(turn, found)
    assert theirs.area == pytest.approx(found.stable_area, rel=3e-6)
    np.testing.assert_allclose(theirs.points, found.points[:, :4], rtol=0, atol=2e-8)


def _border_holds(turn: Any, found: ThirdIntegerResonance) -> None:
    """Xsuite's particles on the surface of the mode, 1 % inside of the separatrices and outside, over 1500 turns."""
    sides = [side[len(side) // 2, :4] for side in found.sides()]
    start = np.zeros((2 * len(sides), 6))
    start[:, :4] = found.orbit + np.kron([[0.99], [1.01]], np.stack(sides) - found.orbit)
    amplitudes = np.linalg.norm(found.motion.normalised(turn(start, 1500)), axis=1)
    largest = np.max(np.linalg.norm(found.motion.normalised(found.points), axis=1))
    assert np.all(amplitudes[:3] < largest)
    assert not np.any(amplitudes[3:] < 3.0 * largest)  # lost particles are not a number


@pytest.mark.number("last_turns_clearance", by="by hand")
def test_the_last_turns_have_room_in_y_too() -> None:
    """An opening of 5 mm in y, less the largest |y| of the arm at the septum on its three turns."""
    ring = skewed(0.04)
    place = ring.index(COMPACT_SEPTUM)
    elements = list(ring.elements)
    elements[place] = replace(elements[place], aperture=Aperture("rectangle", 0.05, 5e-3))
    narrow = Lattice("narrow", elements=elements, parameters=ring.parameters.definitions, particle=ring.particle)
    arm = coupled(0.04).arm(WIRES)
    found = last_turns(narrow, twiss(narrow), Septum(COMPACT_SEPTUM, WIRES), [(0.0, arm)])
    room, where = found.in_y
    assert where == COMPACT_SEPTUM
    # Both ends of the element count: y changes by less than 0.3 m of its slope.
    largest = np.max(np.abs(arm.after[:3, 2]))
    assert 5e-3 - room == pytest.approx(largest, abs=0.4 * np.max(np.abs(arm.after[:3, 3])))
    assert room < 5e-3 - largest + 1e-12
    flat = last_turns(compact_ring(), plain().optics, Septum(COMPACT_SEPTUM, WIRES), [(0.0, plain().arm(WIRES))])
    assert flat.in_y == (np.inf, "")
