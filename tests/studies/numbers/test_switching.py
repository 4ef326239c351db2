"""Numbers of energy switching by hand, from facts that nobody computed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from studies.energy_switching.facts import SwitchingFacts
from studies.energy_switching.quantities import evaluate
from studies.judging import ALONE, BOTH, FORMULA
from studies.results import Quantity
from studies.vocabulary import SWITCHING
from tests.studies.numbers.switching_facts import ROUNDING, carbon_cycle, facts, programme, proton_cycle


def quantities(found: SwitchingFacts, *names: str) -> dict[str, Quantity]:
    return {quantity.name: quantity for quantity in evaluate(names, found)}


EXPECTED = {
    "energies_number": (5.0, 0.0, FORMULA),
    # -5e-5 of Qy; error: 5e-9, the largest difference of the engines
    "programme_tune_error": (5e-5, 5e-9, BOTH),
    "programme_chromaticity_range": (0.4, 1e-6, ALONE),
    "programme_dispersion_error": (2e-3, 1e-9, ALONE),
    "programme_sextupole_error": (0.4, 1e-9, ALONE),
    "programme_hardt_residual": (0.02, 1e-9, ALONE),
    # 390 of 500 A of a negative gradient; the bends take 1500 of 2000 A
    "largest_current_share": (0.78, 1e-5, FORMULA),
    # 0.05 ohm x 390 A of 100 V, the gradients'; the bends take 150 of 1000 V
    "largest_voltage_share": (0.195, 1e-5, FORMULA),
    # 1.5 of 1.6 T; the gradients reach 3.9 of 5 T/m
    "largest_field_share": (0.9375, 1e-5, FORMULA),
    "largest_rf_voltage": (700.0, 7e-4, FORMULA),
    "longest_change": (1.9, 1e-4, FORMULA),
    "longest_step": (0.31, 1e-4, FORMULA),
    # 2.0 x 2e-4 of the gradients and 4.3 x 4e-4 of the bends, in the same step
    "step_tune_error": (2.12e-3, 1e-6, ALONE),
    "table_tune_residual": (1.5e-3, 1e-9, ALONE),
    "table_gradient_error": (2e-2, 1e-9, ALONE),
    "residual_programme_xsuite": (5e-9, 1e-12, BOTH),
}


@pytest.mark.number(
    "energies_number",
    "programme_tune_error",
    "programme_chromaticity_range",
    "programme_dispersion_error",
    "programme_sextupole_error",
    "programme_hardt_residual",
    "largest_current_share",
    "largest_voltage_share",
    "largest_field_share",
    "largest_rf_voltage",
    "longest_change",
    "longest_step",
    "step_tune_error",
    "table_tune_residual",
    "table_gradient_error",
    "residual_programme_xsuite",
    by="by hand",
)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_quantity_with_its_error(name: str) -> None:
    """Rounding of tunes about 1.7 is 1e-16 of them: 1e-8 of 5e-9."""
    value, error, engine = EXPECTED[name]
    found = quantities(facts())[name]
    assert found.value == pytest.approx(value, rel=1e-6)
    assert found.error == pytest.approx(error, rel=1e-6)
    assert (found.unit, found.engine) == (SWITCHING[name].unit, engine)


@pytest.mark.number("largest_voltage_share", by="by hand")
def test_a_ramp_that_is_asked_for_takes_its_voltage() -> None:
    """0.1 ohm x 1500 A + 0.5 H x 1300 A in 0.65 s of 1000 V: beyond the rating, which the fastest ramp never is."""
    wanted = SimpleNamespace(**{**vars(facts().study), "cycle": SimpleNamespace(wanted_ramp_s=0.65 + ROUNDING)})
    found = quantities(facts(study=wanted))["largest_voltage_share"]
    assert found.value == pytest.approx(1.15, rel=1e-12)
    assert "ramp of 0.75 s that the study asks for" in found.method


def test_a_ramp_without_end_has_no_times_and_no_rf() -> None:
    """A supply that cannot hold its current: what it needs is told, the rest is not computed."""
    one = proton_cycle()
    times = one.times.assign(ramp=[1.0, np.inf], change=[1.2, np.inf])
    stuck = replace(one, times=times, rf=one.rf.iloc[:0], overloads=("'bend' needs 110 V",))
    found = quantities(facts(cycles=(stuck, carbon_cycle())))
    for name in ("longest_change", "largest_rf_voltage"):
        assert found[name].value is None
        assert "a supply cannot hold its current" in found[name].method
    assert found["largest_current_share"].value == pytest.approx(0.78)


def test_nothing_else_is_given() -> None:
    assert list(quantities(facts())) == list(EXPECTED)


def test_without_samples_the_programme_rests_on_our_maps_alone() -> None:
    found = quantities(facts(engines=()), "residual_programme_xsuite")
    assert (found["programme_tune_error"].error, found["programme_tune_error"].engine) == (0.0, ALONE)
    assert found["residual_programme_xsuite"].value is None
    assert found["residual_programme_xsuite"].method == "not computed: engine_energies = 0"


def test_what_is_not_held_has_no_error_of_it() -> None:
    found = quantities(facts(programme=programme("dx@symp"), table=None), "programme_tune_error", "table_tune_residual")
    assert found["programme_dispersion_error"].value == pytest.approx(2e-3)
    for name in ("programme_tune_error", "table_tune_residual"):
        assert found[name].value is None
        assert found[name].method == "not computed: nothing of the kind in this study"
    assert not {"programme_sextupole_error", "programme_hardt_residual"} & set(found)


def test_one_energy_has_no_step() -> None:
    single = facts()
    cycles = tuple(type(c)(**{**vars_of(c), "steps": c.steps.iloc[:0]}) for c in single.cycles)
    found = quantities(facts(cycles=cycles))
    for name in ("longest_step", "step_tune_error"):
        assert (found[name].value, found[name].error) == (None, None)
        assert "one energy has no step" in found[name].method


def vars_of(cycle: object) -> dict[str, object]:
    return {name: getattr(cycle, name) for name in cycle.__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.number("largest_current_share", "largest_voltage_share", "largest_field_share", by="by hand")
def test_supplies_and_magnets_are_judged_at_the_top_of_the_machine() -> None:
    """A study that ends below it: carbon of 300 MeV/u has 1500 A and 1.5 T, twice its rigidity 3000 of 2000 A, 3.0 of
    1.6 T and, held, 0.1 ohm x 3000 A of 1000 V; the gradients 600 of 500 A."""
    top = 2 * carbon_cycle().particles[-1].magnetic_rigidity
    found = quantities(facts(top=top))
    assert found["largest_current_share"].value == pytest.approx(1.5, rel=1e-12)
    assert found["largest_field_share"].value == pytest.approx(3.0 / 1.6, rel=1e-12)
    assert found["largest_voltage_share"].value == pytest.approx(0.3, rel=1e-12)
