"""Laws of verdicts: units and signs do not matter, a larger error never helps, nothing that is missing passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lattice import InputError
from machines.requirements import FAIL, NOT_EVALUATED, PASS, Requirement, Verdict, judge
from studies.judging import ALONE, BOTH, FORMULA, Number, evaluated, measured, missing, verdicts_on
from studies.results import Quantity
from studies.vocabulary import COLUMNS, COORDINATES, UNIT_FACTORS, quantity_named, unit_factor
from studies.vocabulary import NUMBERS as VOCABULARY

NUMBERS = st.floats(-1e3, 1e3)
ERRORS = st.floats(0.0, 10.0)
#: A quantity of each unit.
OF_UNIT = {kind.unit: name for name, kind in VOCABULARY.items()}
RANK = {PASS: 2, FAIL: 1, NOT_EVALUATED: 0}


def requirement(lower: float | None, upper: float | None, quantity: str = "qx", unit: str = "1") -> Requirement:
    return Requirement("R", "text", quantity, unit, "the test", "study", lower, upper)


def verdict_on(one: Requirement, value: float | None, error: float | None, **more: Any) -> Verdict:
    engine = more.pop("engine", BOTH)
    quantity = Quantity(one.quantity, value, quantity_named(one.quantity).kind.unit, error, engine, "a method", **more)
    return verdicts_on([one], [quantity])[0]


# ------------------------------------------------------------------------------------------------------------ by hand


@pytest.mark.parametrize(
    ("lower", "upper", "value", "error", "verdict", "margin"),
    [
        (None, 2.0, 1.5, 0.1, PASS, 0.5),
        (None, 2.0, 2.5, 0.1, FAIL, -0.5),
        (1.0, None, 1.5, 0.1, PASS, 0.5),
        (1.0, None, 0.25, 0.1, FAIL, -0.75),
        (1.0, 2.0, 1.25, 0.1, PASS, 0.25),
        (1.0, 2.0, 1.75, 0.1, PASS, 0.25),
        (None, 2.0, 1.75, 0.3, FAIL, 0.25),  # within its error of the limit
        (None, 2.0, 1.75, 0.25, PASS, 0.25),
        (None, 0.0, 0.0, 0.0, PASS, 0.0),  # a count
        (3.0, 3.0, 3.0, 0.0, PASS, 0.0),
    ],
)
def test_a_verdict_with_its_margin(
    lower: float | None, upper: float | None, value: float, error: float, verdict: str, margin: float
) -> None:
    found = judge(requirement(lower, upper), value, error)
    assert (found.verdict, found.margin) == (verdict, margin)
    assert (found.value, found.error) == (value, error)


@pytest.mark.parametrize(("error", "numerical", "rest"), [(0.5, 0.125, 0.375), (0.125, 0.5, 0.0), (None, 0.5, 0.0)])
def test_what_is_not_numerical_of_an_error_is_of_model_and_sample(
    error: float | None, numerical: float, rest: float
) -> None:
    assert Verdict(requirement(None, 2.0), PASS, 1.5, error, 0.5, "", numerical).spread == rest


@pytest.mark.parametrize(
    ("value", "error"), [(None, 0.1), (float("nan"), 0.1), (float("inf"), 0.1), (1.0, None), (1.0, float("nan"))]
)
def test_what_is_missing_is_never_judged(value: float | None, error: float | None) -> None:
    found = judge(requirement(None, 2.0), value, error)
    assert (found.verdict, found.margin) == (NOT_EVALUATED, None)
    assert found.reason


@pytest.mark.parametrize("limits", [(None, None), (2.0, 1.0), (None, float("nan")), (float("-inf"), 1.0)])
def test_a_requirement_needs_limits_that_make_sense(limits: tuple[float | None, float | None]) -> None:
    with pytest.raises(InputError):
        requirement(*limits)


def test_a_value_is_judged_in_the_requirement_s_unit() -> None:
    """0.0123 m is 12.3 mm, 0.3 mm off its limit of 12 mm; half a per mille is 0.05 %."""
    found = verdict_on(requirement(12.0, None, "clearance_x", "mm"), 0.0123, 1e-5)
    assert found.verdict == PASS
    assert (found.value, found.error, found.margin) == pytest.approx((12.3, 0.01, 0.3), rel=1e-9)
    percent = verdict_on(requirement(None, 0.04, "beta_beating", "%"), 5e-4, 1e-6)
    assert percent.verdict == FAIL
    assert percent.margin == pytest.approx(-0.01, rel=1e-9)


def test_what_is_withheld_unreached_or_unknown_is_not_judged() -> None:
    one = requirement(None, 2.0)
    assert verdict_on(one, 1.0, 0.1, withheld="a reason").verdict == NOT_EVALUATED
    quantity = Quantity("qx", 1.0, "1", 0.1, BOTH, "a method")
    unreached = verdicts_on([one], [quantity], "the match did not converge")[0]
    assert (unreached.verdict, unreached.reason) == (NOT_EVALUATED, "the match did not converge: 1 at its best point")
    assert verdicts_on([one], [])[0].reason == "this study does not compute it"
    assert verdicts_on([one], [missing("qx", "why")])[0].reason == "not computed: why"


@pytest.mark.parametrize(("engine", "reason"), [(ALONE, "rests on our maps alone"), (BOTH, ""), (FORMULA, "")])
def test_a_verdict_that_rests_on_one_engine_says_so(engine: str, reason: str) -> None:
    assert verdict_on(requirement(None, 2.0), 1.0, 0.1, engine=engine).reason == reason


def test_verdicts_stand_in_the_order_of_the_requirements() -> None:
    asked = [requirement(None, 2.0, name) for name in ("qy", "qx", "dqx")]
    quantities = [Quantity(name, value, "1", 0.0, BOTH, "m") for name, value in (("qx", 1.0), ("qy", 3.0))]
    assert [one.verdict for one in verdicts_on(asked, quantities)] == [FAIL, PASS, NOT_EVALUATED]


# --------------------------------------------------------------------------------------------------------------- laws


@given(NUMBERS, NUMBERS, NUMBERS, ERRORS)
def test_turning_all_signs_changes_no_verdict(a: float, b: float, value: float, error: float) -> None:
    """-value between -upper and -lower is value between lower and upper, with the same margin."""
    low, high = sorted((a, b))
    here, there = judge(requirement(low, high), value, error), judge(requirement(-high, -low), -value, error)
    assert (here.verdict, here.margin, here.reason) == (there.verdict, there.margin, there.reason)


@given(NUMBERS, NUMBERS, NUMBERS, ERRORS, ERRORS)
def test_a_larger_error_never_makes_a_verdict_better(
    a: float, b: float, value: float, error: float, more: float
) -> None:
    one = requirement(min(a, b), max(a, b))
    small, large = judge(one, value, error), judge(one, value, error + more)
    assert RANK[large.verdict] <= RANK[small.verdict]
    assert small.margin == large.margin


@given(NUMBERS, NUMBERS, NUMBERS, ERRORS, ERRORS)
def test_a_wider_limit_never_makes_a_verdict_worse(a: float, b: float, value: float, error: float, more: float) -> None:
    low, high = sorted((a, b))
    narrow, wide = (
        judge(requirement(low, high), value, error),
        judge(requirement(low - more, high + more), value, error),
    )
    assert RANK[wide.verdict] >= RANK[narrow.verdict]


@given(
    st.sampled_from([(own, shown) for own, units in UNIT_FACTORS.items() for shown in units]),
    st.sampled_from([(None, 1.0), (1.0, None), (0.5, 1.5)]),
    st.floats(-3.0, 3.0),
    st.floats(0.0, 1.0),
)
def test_the_unit_of_a_requirement_changes_no_verdict(
    units: tuple[str, str], limits: tuple[float | None, float | None], value: float, error: float
) -> None:
    """Limits in another unit are the same limits; cases within rounding of a limit or of their error are left out."""
    own, shown = units
    name = OF_UNIT[own]
    factor = unit_factor(quantity_named(name), shown)
    here = verdict_on(requirement(*limits, name, own), value, error)
    assert here.margin is not None
    assume(abs(here.margin) > 1e-9)
    assume(abs(here.margin - error) > 1e-9)
    low, high = (None if limit is None else limit / factor for limit in limits)
    there = verdict_on(requirement(low, high, name, shown), value, error)
    assert there.verdict == here.verdict
    assert there.margin == pytest.approx(here.margin / factor, rel=1e-6)


# ---------------------------------------------------------------------------------------------- numbers to quantities


def test_a_number_becomes_a_quantity_with_all_that_it_says() -> None:
    found = measured("clearance_x", lambda: Number(1.5e-3, 1e-6, BOTH, "a method", "a-figure"))
    assert found == Quantity("clearance_x", 1.5e-3, "m", 1e-6, BOTH, "a method", "a-figure")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_none(value: float) -> None:
    found = measured("clearance_x", lambda: Number(value, 1e-6, BOTH, "a method", "a-figure"))
    assert (found.value, found.error, found.engine, found.figure) == (None, None, BOTH, "a-figure")
    assert found.method == "not computed: no finite value"


def test_an_error_of_the_toolkit_is_the_reason_and_another_is_an_error() -> None:
    def fails() -> Number:
        raise InputError("why not")

    def breaks() -> Number:
        raise ZeroDivisionError

    assert measured("qx", fails, FORMULA) == replace(missing("qx", "why not"), engine=FORMULA)
    with pytest.raises(ZeroDivisionError):
        measured("qx", breaks)


def test_each_quantity_is_evaluated_once_and_in_order() -> None:
    numbers = {
        "qx": lambda facts: Number(facts + 1.0, 0.0, BOTH, "m"),
        "qy": lambda facts: Number(facts + 2.0, 0.0, BOTH, "m"),
    }
    found = evaluated(("qy", "qx", "qy", "dqx"), numbers, 10.0)
    assert [(one.name, one.value) for one in found] == [("qy", 12.0), ("qx", 11.0), ("dqx", None)]
    assert "'dqx' is computed by studies of" in found[2].method


# --------------------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("own", "shown", "factor"),
    [
        ("1", "%", 1e-2),
        ("1", "mrad", 1e-3),
        ("1", "1e-3", 1e-3),
        ("1", "rad", 1.0),
        ("s", "ms", 1e-3),
        ("m", "cm", 1e-2),
        ("m", "mm", 1e-3),
        ("m", "um", 1e-6),
        ("m^1/2", "mm^1/2", 0.0316227766016838),
        ("1/m", "mrad/mm", 1.0),
        ("T", "mT", 1e-3),
        ("V", "kV", 1e3),
        ("eV", "keV", 1e3),
        ("eV", "MeV", 1e6),
        ("W", "kW", 1e3),
        ("W", "MW", 1e6),
    ],
)
def test_factors_of_units(own: str, shown: str, factor: float) -> None:
    assert UNIT_FACTORS[own][shown] == pytest.approx(factor, rel=1e-14)
    assert UNIT_FACTORS[own][own] == 1.0


def test_a_coordinate_is_shown_in_millimetres_and_milliradians() -> None:
    """What figures multiply by: 1000, and no more for what is shown in its own unit."""
    assert [COLUMNS[name].scale for name in ("x", "px", "y", "py")] == pytest.approx(4 * [1e3])
    assert COORDINATES["delta"].scale == pytest.approx(1e3)
    assert [COLUMNS[name].scale for name in ("betx", "dx", "mux")] == [1.0, 1.0, 1.0]
    assert COLUMNS["x"].heading == "x [mm]"
    assert COLUMNS["betx"].heading == "betx [m]"
