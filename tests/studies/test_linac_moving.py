"""Linac studies with assumptions moved: what is kept is as if computed again, what moves goes as it must."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from studies.linac import facts as optics
from studies.linac.moving import moved_linac
from studies.linac.resolution import ResolvedLinac
from studies.linac.spec import LinacOpticsStudy
from studies.linac.study import STUDY as OPTICS
from studies.linac.switching import facts as switching
from studies.linac.switching.moving import MOVING
from studies.linac.switching.spec import EnergiesSpec, LinacSwitchingStudy, VolumeSpec
from studies.linac.switching.study import STUDY as SWITCHING
from studies.pipeline import Asked
from studies.spec.assumption import AssumptionSpec
from tests.studies.test_linac_gathering import small

NAMES = (
    "transmission",
    "transmission_with_errors",
    "klystron_share",
    "kilpatrick",
    "space_charge",
    "emittance_growth_x",
)
ASKED = Asked(NAMES, report=False, engines=False)


def resolved() -> ResolvedLinac[LinacOpticsStudy]:
    study = LinacOpticsStudy(
        study="linac-optics",
        linac="small.toml",
        particles=400,
        integrated_particles=10,
        samples=20,
        error_particles=200,
        error_samples=2,
        error_scales=(1.0,),
    )
    return ResolvedLinac(study, "small", "Small booster", small(), ())


@cache
def base() -> optics.LinacFacts:
    return optics.gather(resolved(), ASKED)


def moved(key: str, relative: float = 0.2) -> ResolvedLinac[LinacOpticsStudy]:
    return moved_linac(resolved(), AssumptionSpec(key=key, relative=relative, why="the test"), 1.0)


@pytest.mark.parametrize(
    "key",
    ["beam.emittance_x_um", "beam.current_uA", "section.*.supply.waveguide_loss", "tolerance.magnet_offset_um"],
)
def test_what_the_key_does_not_reach_is_kept_and_the_rest_as_if_computed_anew(key: str) -> None:
    """The linac is the same one; every number is that of the whole study with this table."""
    case = moved(key, 2.0 if key.startswith("tolerance") else 0.2)
    assert case.machine.linac is small().linac
    kept = optics.gather_again(base(), case, ASKED)
    assert kept is not None
    short, whole = (OPTICS.quantities(facts, ASKED) for facts in (kept, optics.gather(case, ASKED)))
    assert [one.value for one in short] == pytest.approx([one.value for one in whole], rel=1e-12)
    assert [one.value for one in short] != [one.value for one in OPTICS.quantities(base(), ASKED)]


def test_another_linac_is_computed_anew() -> None:
    for key in ("section.*.gradients_T_per_m", "section.*.bore_mm"):
        case = moved(key, 1e-3)
        assert case.machine.linac is not small().linac
        assert optics.gather_again(base(), case, ASKED) is None


# -------------------------------------------------------------------------------------------------------- switching


def table_of(**changes: Any) -> ResolvedLinac[LinacSwitchingStudy]:
    study = LinacSwitchingStudy(
        study="linac-energy-switching",
        linac="small.toml",
        energies=EnergiesSpec(lower_MeV=66, upper_MeV=78, number=5),
        particles_per_energy=300,
        particles=1200,
        integrated_particles=10,
        samples=20,
        compare_energies=2,
        shown_energies=2,
        volume=VolumeSpec(nearest_mm=38, deepest_mm=46, layer_mm=4.0),
    )
    return ResolvedLinac(study.model_copy(update=changes), "small", "Small booster", small(), ())


@cache
def table() -> switching.SwitchingFacts:
    return switching.gather(table_of(), Asked(()))


def test_the_spread_that_may_be_the_largest_is_that_of_more_particles() -> None:
    """Rows whose interval reaches the largest's have the error of 1200 particles, half that of 300."""
    found = table()
    assert found.refined
    fewer = switching.gather(table_of(particles=300), Asked(()))
    assert fewer.refined == ()
    for row in range(5):
        few, more = (one.beams["sigma_energy_error"][row] for one in (fewer, found))
        assert more == (pytest.approx(0.5 * few, rel=0.3) if row in found.refined else few)
    low = fewer.beams["sigma_energy"] - fewer.beams["sigma_energy_error"]
    highest = fewer.beams["sigma_energy"] / fewer.beams["energy"]
    assert int(highest.idxmax()) in found.refined
    assert len(low) == 5


def again(key: str, relative: float) -> switching.SwitchingFacts:
    names = ("largest_spread", "range_jitter", "layer_time", "switching_share")
    asked = Asked(names, report=False, engines=False)
    light = MOVING.lighter(table_of())
    start = MOVING.base(table(), light, (), asked)
    assert start is not None
    case = MOVING.moved(light, AssumptionSpec(key=key, relative=relative, why="the test"), 1.0)
    found = MOVING.again(start, case, key, asked)
    assert found is not None
    return replace(found, resolved=case)


def number(facts: switching.SwitchingFacts, name: str) -> float:
    asked = Asked((name,), report=False)
    (value,) = {one.value for one in SWITCHING.quantities(facts, asked) if one.name == name}
    assert value is not None
    return value


def test_pulses_jitter_in_proportion_to_their_tolerances() -> None:
    """Amplitude and phase a tenth larger each: their two parts add in squares, and each grows by a tenth."""
    start = again("tolerance.magnet_offset_um", 0.5)  # moves no pulse
    for key in ("tolerance.unit_amplitude", "tolerance.unit_phase_deg"):
        assert 1.0 < number(again(key, 0.1), "range_jitter") / number(start, "range_jitter") < 1.1


def test_times_follow_the_time_structure_at_once() -> None:
    """4 ms of settling, 2 ms of low-level RF and 5 us of pulse, of 5 ms from pulse to pulse."""
    assert number(again("pulse.amplitude_settling_us", 0.5), "switching_share") == pytest.approx((6 + 2 + 5e-3) / 5)
    slower = again("pulse.magnet_settling_ms", 9.0)
    assert number(slower, "layer_time") > number(table(), "layer_time")


def test_the_settings_of_the_table_stay_when_the_beam_differs() -> None:
    """A longer bunch through the same settings leaves more spread; the settings are not found anew."""
    wider = again("beam.sigma_phase_deg", 0.5)
    few = again("tolerance.magnet_offset_um", 0.5)
    assert np.array_equal(wider.settings.amplitudes, few.settings.amplitudes)
    assert number(wider, "largest_spread") > number(few, "largest_spread")
