"""Extraction quantities as goals of match: values, exact derivatives, matches, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extraction import ExtractionTarget, arm_divergence, third_integer_resonance
from extraction.targets import QUANTITIES
from lattice import InputError
from machines.cnao_like import cnao
from optics import Limit, Target, Vary, match, twiss
from optics.matching.targets import Goal
from tests.extraction_rings import SEPTUM, cnao_at, reference, solved

WIRES = 0.035
AT_WIRES = ("hardt_residual", "arm_angle", "spiral_step", "arm_divergence")


def target(quantity: str, value: float = 0.0, **more: Any) -> ExtractionTarget:
    at_wires = (
        {"x_septum": WIRES} if quantity in ("hardt_residual", "arm_angle", "spiral_step", "arm_divergence") else {}
    )
    return ExtractionTarget(quantity, value, at=SEPTUM, **(at_wires | more))


def evaluated(quantity: str, **parameters: Any) -> Any:
    ring = reference(1.664).with_parameters({name: np.atleast_1d(value) for name, value in parameters.items()})
    return target(quantity).evaluate(twiss(ring))[0]


def test_values_are_those_of_the_resonance() -> None:
    found, optics = solved(1.664), twiss(reference(1.664))
    arm = found.arm(WIRES)
    expected = {
        "tune_distance": found.tune_distance,
        "virtual_sextupole": found.virtual_sextupole,
        "stable_area": found.stable_area,
        "arm_angle": arm.px,
        "spiral_step": arm.spiral_step,
        "arm_divergence": arm_divergence(reference(1.664), None, at=SEPTUM, x_septum=WIRES),
    }
    for quantity, value in expected.items():
        assert target(quantity).evaluate(optics) == pytest.approx([value], rel=1e-12)
    assert set(QUANTITIES) == set(expected) | {"virtual_phase", "hardt_residual"}


@pytest.mark.parametrize("turns", [-1, 0, 2])
def test_the_phase_is_taken_next_to_its_goal(turns: int) -> None:
    # A virtual sextupole's phase is known modulo 1/3
    goal = solved(1.664).virtual_phase + turns / 3 + 0.01
    found = target("virtual_phase", goal).evaluate(twiss(reference(1.664)))
    assert found == pytest.approx([solved(1.664).virtual_phase + turns / 3], abs=1e-12)


@pytest.mark.parametrize("parameter", ["kf", "kd", "s0", "sr"])
@pytest.mark.parametrize("quantity", ["tune_distance", "virtual_sextupole", "virtual_phase", "stable_area"])
def test_derivatives_are_exact(quantity: str, parameter: str) -> None:
    value = float(reference(1.664).parameters[parameter])
    h = 1e-5 * abs(value) if parameter in ("s0", "sr") else 1e-7 * abs(value)
    above, below = (evaluated(quantity, **{parameter: value + step}) for step in (h, -h))
    stepped = evaluated(quantity, **{parameter: value + 1e-30j})
    assert stepped.real == pytest.approx(evaluated(quantity, **{parameter: value}), rel=1e-11)
    scale = max(abs(stepped.real), 1e-3 if quantity != "stable_area" else 0.0)
    # rounding of the fixed points (1e-15 m over a multiplier less 1 of 0.09) over the step
    assert stepped.imag / 1e-30 == pytest.approx((above - below) / (2 * h), rel=2e-5, abs=1e-11 * scale / h)


@pytest.mark.parametrize("quantity", ["arm_angle", "spiral_step"])
def test_tracked_quantities_have_derivatives_by_differences(quantity: str) -> None:
    # Chosen steps of 1e-5; here of 1e-4
    value, h = -3.3, 3.3e-4
    above, below = (evaluated(quantity, sr=value + step) for step in (h, -h))
    assert evaluated(quantity, sr=value + 1e-30j).imag / 1e-30 == pytest.approx((above - below) / (2 * h), rel=1e-3)


def test_a_batch_is_its_lattices_one_by_one() -> None:
    ring = reference(1.664).with_parameters(sr=np.array([-3.3, -3.0, 0.0]))
    areas = target("stable_area").evaluate(twiss(ring))
    assert areas[0] == pytest.approx(solved(1.664).stable_area)
    weaker = third_integer_resonance(reference(1.664).with_parameters(sr=-3.0), at=SEPTUM).stable_area
    assert areas[1] == pytest.approx(weaker)


def test_nothing_to_track_is_nan() -> None:
    optics = twiss(reference(1.664).with_parameters(s0=0.0, s1=0.0, sr=0.0))
    for quantity in ("stable_area", "arm_angle", "spiral_step", "arm_divergence"):
        assert np.isnan(target(quantity).evaluate(optics)[0])


# ---------------------------------------------------------------------------------------------- matches


def test_a_match_of_the_hardt_condition() -> None:
    goals: list[Goal] = [
        target("tune_distance", -6e-4),
        target("hardt_residual", 0.0),
        Target("dqy", -1.0),
        Target("qy", 1.74),
    ]
    found = match(cnao(), vary=[Vary("kf"), Vary("kd"), Vary("s0"), Vary("s1")], targets=goals, restarts=0)
    assert found.success, found.message
    assert found.values["hardt_residual@se_010a_esp"] == pytest.approx(0.0, abs=1e-5)
    again = twiss(found.lattice)
    assert again.qx == pytest.approx(5 / 3 - 6e-4, abs=1e-8)
    assert again.dqy == pytest.approx(-1.0, abs=1e-5)
    # -2.02 at this |S|; s0 and s1 move it a little
    assert again.dqx == pytest.approx(-2.0, abs=0.1)


def test_a_match_of_the_stable_area() -> None:
    # 10 um at a fixed tune: by the resonance sextupole alone
    goals = [target("stable_area", 1e-5), target("tune_distance", -2e-3)]
    found = match(cnao(), vary=[Vary("sr", -8.0, -1.0), Vary("kf")], targets=goals, restarts=0)
    assert found.success, found.message
    there = third_integer_resonance(found.lattice, at=SEPTUM)
    assert there.stable_area == pytest.approx(1e-5, abs=1e-10)
    assert there.tune_distance == pytest.approx(-2e-3, abs=1e-8)


def test_a_match_of_the_spiral_step() -> None:
    found = match(cnao_at(-1e-3), vary=[Vary("sr", -8.0, -1.0)], targets=[target("spiral_step", 6e-3)], restarts=0)
    assert found.success, found.message
    assert third_integer_resonance(found.lattice, at=SEPTUM).spiral_step(WIRES) == pytest.approx(6e-3, abs=1e-6)


def test_what_cannot_be_met_is_no_success() -> None:
    goals = [target("stable_area", 1.0)]
    limits = [Limit("qx", lower=1.66, upper=1.666)]
    found = match(cnao(), vary=[Vary("sr", -3.5, -3.0)], targets=goals, limits=limits, restarts=0)
    assert not found.success
    assert "stable_area@se_010a_esp" in found.message


# ---------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"quantity": "stable_are", "value": 1e-6}, ["unknown quantity", "did you mean 'stable_area'", "spiral_step"]),
        ({"quantity": "spiral_step", "value": 4e-3}, ["spiral_step", "needs x_septum"]),
        ({"quantity": "hardt_residual", "value": 0.0, "x_septum": 0.0}, ["hardt_residual", "not 0.0"]),
        ({"quantity": "stable_area", "value": float("nan")}, ["value must be a finite number"]),
        ({"quantity": "stable_area", "value": "big"}, ["value must be a finite number"]),
        ({"quantity": "stable_area", "value": 1e-6, "tolerance": 0.0}, ["tolerance", "above 0"]),
        ({"quantity": "stable_area", "value": 1e-6, "weight": -1.0}, ["weight", "above 0"]),
        ({"quantity": "arm_angle", "value": 1e-3, "x_septum": float("nan")}, ["arm_angle", "x_septum"]),
    ],
)
def test_goals_that_make_no_sense(arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        ExtractionTarget(at=SEPTUM, **arguments)
    for word in words:
        assert word in str(caught.value)


def test_a_goal_at_an_unknown_place() -> None:
    goal = ExtractionTarget("stable_area", 1e-6, at="se_010a_es")
    with pytest.raises(InputError, match="did you mean 'se_010a_esp'"):
        match(cnao(), vary=[Vary("kf")], targets=[goal])


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_goal_costs_its_distance_in_its_unit_and_is_reached_within_its_tolerance(quantity: str) -> None:
    """The table's numbers: tolerance where none is given, and the distance that counts as one."""
    tolerance, unit = QUANTITIES[quantity]
    one = ExtractionTarget(quantity, 2.0, "es", x_septum=0.035, weight=3.0)
    assert one.tolerance == tolerance
    assert one.residual(np.array([2.0 + unit, 2.0 - 2 * unit])) == pytest.approx([3.0, -6.0], rel=1e-6)
    assert ExtractionTarget(quantity, 2.0, "es", x_septum=0.035, tolerance=0.5).tolerance == 0.5
