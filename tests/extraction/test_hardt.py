"""The Hardt condition: its sign and its limit on tracked arms, where the two zeros lie, exact derivatives."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from extraction import ThirdIntegerResonance, arm_divergence, hardt_residual, third_integer_resonance
from extraction.resonance.hardt import _normal_at_sextupole
from lattice import Lattice, NoSolution
from optics import twiss
from tests.extraction_rings import SEPTUM, cnao_at, reference, solved


def leading(ring: Lattice, side: float) -> float:
    return float(hardt_residual(twiss(ring), ring.index(SEPTUM), side)[0])


@cache
def exact(distance: float, sr: float, shift: float, x_septum: float) -> float:
    return arm_divergence(chromatic(distance, sr, shift), None, at=SEPTUM, x_septum=x_septum)


def chromatic(distance: float, sr: float, shift: float) -> Lattice:
    """CNAO at a tune with a family of chromaticity sextupoles moved."""
    ring = cnao_at(distance, sr)
    return ring.with_parameters(s0=float(ring.parameters["s0"]) + shift)


def predicted(ring: Lattice, found: ThirdIntegerResonance, side: float) -> float:
    """d(px)/d(delta) on the straight arm: residual / (sqrt(betx) |sin of the normal's direction at the septum|)."""
    turned = np.array([2 * np.pi * found.virtual_phase])
    normal = _normal_at_sextupole(turned, np.array([np.sign(found.tune_distance)]), side)[0] + turned[0]
    return leading(ring, side) / (np.sqrt(found.kobayashi.betx) * abs(np.sin(normal)))


# ---------------------------------------------------------------------------------------------- the exact law


@pytest.mark.parametrize(("side", "x_septum"), [(1, -8e-3), (-1, 8e-3)])
def test_tracked_arms_tend_to_the_leading_order(side: int, x_septum: float) -> None:
    # Wires at a fixed multiple of the triangle: what is left over falls with the tune distance, or faster.
    misses = []
    for part in (1.0, 0.5):
        distance = side * part * 4e-4
        ring = chromatic(distance, -3.3, -1.0)
        found = third_integer_resonance(ring, at=SEPTUM)
        expected = predicted(ring, found, np.sign(x_septum))
        tracked = arm_divergence(ring, None, at=SEPTUM, x_septum=part * x_septum)
        misses.append(tracked / expected - 1)
    assert abs(misses[0]) < 0.2
    assert abs(misses[1]) < 0.65 * abs(misses[0])


@pytest.mark.parametrize("x_septum", [0.03, -0.03])
@pytest.mark.parametrize(("distance", "sr"), [(1e-3, 8.877), (-1e-3, 8.877), (-1e-3, -3.3), (-1e-3, 3.3)])
def test_positive_when_px_on_the_arm_grows_with_momentum(sr: float, distance: float, x_septum: float) -> None:
    # On both sides of the resonance and both sides of the wires.
    side = float(np.sign(x_septum))
    residuals = {shift: leading(chromatic(distance, sr, shift), side) for shift in (1.0, -1.0)}
    shift = max(residuals, key=lambda one: abs(residuals[one]))  # clear of zero
    assert abs(residuals[shift]) > 1.0
    assert np.sign(exact(distance, sr, shift, x_septum)) == np.sign(residuals[shift])


def test_divergence_is_the_derivative_of_the_arms_angle() -> None:
    ring, h = reference(1.666), 1e-4
    above, below = (third_integer_resonance(ring, at=SEPTUM, delta=k * h).arm(0.035).px for k in (1, -1))
    tracked = arm_divergence(ring, None, at=SEPTUM, x_septum=0.035)
    assert tracked == pytest.approx((above - below) / (2 * h), rel=0.05)  # another step of the difference


# ---------------------------------------------------------------------------------------------- where it is met


def test_the_chromaticity_that_the_leading_order_asks_for() -> None:
    # The residual is linear in Q', found by moving
    # that number alone, since sextupoles would move |S| too. Stored: another derivation of the condition gives -2.02.
    found, ring = solved(1.666), reference(1.666)
    sign, side = np.sign(found.tune_distance), 1.0
    slope = -side * sign * 4 * np.pi * sign / found.virtual_sextupole
    asked = twiss(ring).dqx - leading(ring, side) / slope
    assert asked == pytest.approx(-2.02, abs=0.01)


def test_the_exact_condition_is_met_next_to_the_leading_one() -> None:
    # Both zeros on the line through two settings of s0: they differ, since the wires are at ten times the triangle's
    # size where the sextupoles' next order and the dispersion's act; but by less than a tenth of the chromaticity.
    distance, shifts = -4e-4, np.array([-0.3, 0.3])
    rings = [chromatic(distance, -3.3, shift) for shift in shifts]
    chromaticities = np.array([twiss(ring).dqx for ring in rings])
    to_leading = np.array([leading(ring, 1.0) for ring in rings])
    to_exact = np.array([exact(distance, -3.3, float(shift), 0.035) for shift in shifts])
    zeros = [
        np.interp(0.0, values[::-1], chromaticities[::-1]) if values[0] > values[1] else np.nan
        for values in (to_leading, to_exact)
    ]
    assert zeros[0] == pytest.approx(-2.02, abs=0.03)
    assert 0.001 < abs(zeros[1] - zeros[0]) < 0.2


# ---------------------------------------------------------------------------------------------- derivatives, batches


@pytest.mark.parametrize("parameter", ["kf", "kd", "s0", "sr"])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_complex_steps_are_exact_derivatives(parameter: str, side: float) -> None:
    ring = reference(1.664)
    value = float(ring.parameters[parameter])
    h = 1e-5 * abs(value)

    def at(number: Any) -> Any:
        return hardt_residual(twiss(ring.with_parameters({parameter: np.array([number])})), 0, side)[0]

    slope = (at(value + h) - at(value - h)) / (2 * h)
    # kf moves the tune: the third derivative times h^2 is 1e-7 of the slope
    assert at(value + 1e-30j).imag / 1e-30 == pytest.approx(slope, rel=1e-5)


def test_a_batch_is_its_lattices_one_by_one() -> None:
    ring = reference(1.664)
    values = np.array([-0.9, -0.6, 0.3])
    batch = hardt_residual(twiss(ring.with_parameters(s0=values)), 0, 1.0)
    single = [leading(ring.with_parameters(s0=float(value)), 1.0) for value in values]
    np.testing.assert_allclose(batch, single, rtol=1e-12)


def test_no_arm_at_one_of_the_momenta() -> None:
    with pytest.raises(NoSolution, match="inside the stable triangle"):
        arm_divergence(reference(1.664), None, at=SEPTUM, x_septum=0.01)


def test_the_step_keeps_clear_of_the_resonance() -> None:
    # 2e-4 from the resonance, with Q' = -8, a step of 2e-4 in momentum would jump far over it.
    ring = chromatic(-2e-4, -3.3, -2.0)
    assert twiss(ring).dqx < -7
    assert arm_divergence(ring, None, at=SEPTUM, x_septum=4e-3) == pytest.approx(
        predicted(ring, third_integer_resonance(ring, at=SEPTUM), 1.0), rel=0.2
    )
