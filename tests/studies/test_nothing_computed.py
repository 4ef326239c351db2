"""Nothing that was not computed passes: every quantity of the vocabulary, and facts of which a number is lost.

Of each quantity: no value, one that is no number, one whose error is none: NOT EVALUATED whatever the limit; a value
beyond a limit, or within its error of it, fails. Of facts: where a quantity is the worst of many, the many with one of
them lost have no worst.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from machines.requirements import FAIL, NOT_EVALUATED, PASS, Requirement, Verdict
from studies.delivery.quantities import quantities as of_delivery
from studies.energy_switching.quantities import evaluate as of_ring_switching
from studies.judging import BOTH, Number, measured, missing, verdicts_on, worst_of
from studies.linac.quantities import evaluate as of_linac
from studies.linac.switching.quantities import evaluate as of_linac_switching
from studies.registry import ROOMS
from studies.results import Quantity
from studies.ring_optics.quantities import evaluate as of_ring
from studies.treatment.quantities import quantities as of_treatment
from studies.vocabulary import all_names, quantity_named, words_of
from tests import linac_facts
from tests.studies.numbers import ring_facts, switching_facts, treatment_facts
from tests.studies.numbers import test_delivery as delivery_made

#: Every quantity that a requirement may name; columns stand at a place.
NAMES = all_names()


def requirement(name: str, lower: float | None = None, upper: float | None = None) -> Requirement:
    return Requirement("R", "text", name, quantity_named(name).kind.unit, "the test", "study", lower, upper)


def verdict_on(quantity: Quantity, need: Requirement) -> Verdict:
    return verdicts_on([need], [quantity])[0]


def number(value: float, numerical: float = 1e-3, **more: Any) -> Number:
    return Number(value, numerical, BOTH, "a method", **more)


LIMITS: tuple[dict[str, float], ...] = ({"lower": -1e300}, {"upper": 1e300}, {"lower": -1e300, "upper": 1e300})


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_computed_is_not_evaluated(name: str) -> None:
    """Limits that any number keeps."""
    found = [measured(name, lambda value=value: number(value)) for value in (nan, inf, -inf)]  # type: ignore[misc]
    found += [measured(name, lambda error=error: number(1.0, error)) for error in (nan, inf, -1.0)]  # type: ignore[misc]
    found += [measured(name, lambda error=error: number(1.0, statistical=error)) for error in (nan, inf)]  # type: ignore[misc]
    found += [missing(name, "the test"), measured(name, lambda: number(1.0, withheld="the test"))]
    found += [replace(measured(name, lambda: number(1.0)), model=error) for error in (nan, inf)]
    for limits in LIMITS:
        need = requirement(name, **limits)
        assert {verdict_on(one, need).verdict for one in found} == {NOT_EVALUATED}
        assert verdicts_on([need], [])[0].verdict == NOT_EVALUATED
        assert verdict_on(measured(name, lambda: number(1.0)), need).verdict == PASS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-2.5, 0.0, 3e-7, 4.0])
def test_a_limit_beyond_the_value_fails(name: str, value: float) -> None:
    """By more than the error, by less, and on the right side by less."""
    found = measured(name, lambda: number(value, 1e-9, statistical=3e-9))
    for away in (1.0, 1e-9, -3.9e-9):
        assert verdict_on(found, requirement(name, lower=value + away)).verdict == FAIL
        assert verdict_on(found, requirement(name, upper=value - away)).verdict == FAIL
    assert verdict_on(found, requirement(name, lower=value - 5e-9, upper=value + 5e-9)).verdict == PASS


def test_every_kind_of_study_has_quantities_here() -> None:
    told = {word for name in NAMES for word in words_of(name)}
    assert set(ROOMS) <= told


# ------------------------------------------------------------------------------------------------ a number that is lost


def lost(table: pd.DataFrame, column: str, row: int) -> pd.DataFrame:
    """The table with one number gone."""
    found = table.reset_index(drop=True).copy()
    found.loc[row, column] = nan
    return found


def linac(name: str, **changes: Any) -> tuple[Quantity, ...]:
    return of_linac([name], linac_facts.optics_facts(**changes))


def energies(name: str, part: str, column: str, row: int) -> tuple[Quantity, ...]:
    facts = linac_facts.switching_facts()
    return of_linac_switching([name], replace(facts, **{part: lost(getattr(facts, part), column, row)}))


def pulses(stopped: int) -> Any:
    return np.append(np.linspace(48e6, 56e6, 50), [nan] * stopped)


def ring(row: int) -> tuple[Quantity, ...]:
    rows = ring_facts.engine_rows(betx=(1.0, 1.0, 1e-9), bety=(1.0, 1.0, 1e-9))
    second = cast(Any, type("Second", (), {"table": lost(rows, "difference", row)}))
    return of_ring(["residual_beta_xsuite"], ring_facts.facts(None, second))


def switching(row: int) -> tuple[Quantity, ...]:
    slow = switching_facts.carbon_cycle()
    return of_ring_switching([], switching_facts.facts(cycles=(replace(slow, times=lost(slow.times, "change", row)),)))


def engines_of_switching(*apart: float) -> tuple[Quantity, ...]:
    one = switching_facts.ENGINES[0]
    engines = tuple(replace(one, xsuite=(one.ours[0] + away, one.ours[1])) for away in apart)
    return of_ring_switching([], switching_facts.facts(engines=engines))


def treatment(column: str, row: int) -> tuple[Quantity, ...]:
    return tuple(of_treatment(treatment_facts.facts(beams=lost(treatment_facts.BEAMS, column, row))))


def delivery(row: int) -> tuple[Quantity, ...]:
    engines = lost(delivery_made.facts().engines, "size_x_xsuite", row)
    return of_delivery(delivery_made.facts(engines=engines), ["residual_spot_xsuite"])


LOST: dict[str, tuple[str, Callable[[int], tuple[Quantity, ...]]]] = {
    "pulses that stop, energy": ("energy_jitter", lambda row: linac("energy_jitter", pulses=pulses(1 + 50 * row))),
    "pulses that stop, range": ("range_jitter", lambda row: linac("range_jitter", pulses=pulses(1 + 50 * row))),
    "no pulse at all": ("range_jitter", lambda row: linac("range_jitter", pulses=np.full(1 + row, nan))),
    "a surface field": (
        "kilpatrick",
        lambda row: linac("kilpatrick", tanks=lost(linac_facts.TANKS, "kilpatrick", row)),
    ),
    "a unit's power": (
        "klystron_share",
        lambda row: linac("klystron_share", units=lost(linac_facts.UNITS, "share", row)),
    ),
    "a power of all": ("rf_power", lambda row: linac("rf_power", units=lost(linac_facts.UNITS, "needed", row))),
    "a tank by integration": (
        "residual_tank_energy",
        lambda row: linac("residual_tank_energy", tanks=lost(linac_facts.TANKS, "gain_fields", row)),
    ),
    "a transmission": (
        "least_transmission",
        lambda row: energies("least_transmission", "beams", "transmission", row),
    ),
    "a spread": ("largest_spread", lambda row: energies("largest_spread", "beams", "sigma_energy", row)),
    "an energy": ("energy_miss", lambda row: energies("energy_miss", "beams", "energy", row)),
    "a fill": ("largest_fill", lambda row: energies("largest_fill", "beams", "fill", row)),
    "an energy between": (
        "interpolation_error",
        lambda row: energies("interpolation_error", "interpolated", "energy", row),
    ),
    "a layer": ("layer_time", lambda row: energies("layer_time", "layers", "change", row)),
    "a trip": ("worst_trip", lambda row: energies("worst_trip", "trips", "lost", row)),
    "a second engine's beta": ("residual_beta_xsuite", ring),
    "a change of energy": ("longest_change", switching),
    "a second engine's tune": (
        "residual_programme_xsuite",
        lambda row: engines_of_switching(*((1e-9, nan) if row else (nan, 1e-9))),
    ),
    "a machine's spread": ("largest_energy_spread", lambda row: treatment("spread", row)),
    "a machine's spot": ("worst_spot", lambda row: treatment("spot_x", row)),
    "a second engine's size": ("residual_spot_xsuite", delivery),
}


@pytest.mark.parametrize("row", [0, 1])
@pytest.mark.parametrize("case", LOST)
def test_the_worst_of_many_is_unknown_where_one_is(case: str, row: int) -> None:
    name, compute = LOST[case]
    (found,) = (one for one in compute(row) if one.name == name)
    for limits in LIMITS:
        assert verdict_on(found, requirement(name, **limits)).verdict == NOT_EVALUATED


def test_no_check_is_none_that_is_met() -> None:
    found = tuple(of_treatment(treatment_facts.facts(checks=())))
    (missed,) = (one for one in found if one.name == "timing_checks_missed")
    assert verdict_on(missed, requirement("timing_checks_missed", upper=0.0)).verdict == NOT_EVALUATED


def test_the_worst_is_what_is_not_known() -> None:
    assert [worst_of([1.0, 3.0, 2.0]), worst_of([1.0, 3.0, 2.0], largest=False)] == [1, 0]
    assert [worst_of([1.0, nan, 3.0], largest) for largest in (True, False)] == [1, 1]
    with pytest.raises(InputError, match="nothing to take the worst of"):
        worst_of([])
