"""Numbers of the switching study of a linac, value and error, from made-up facts: each worked out in its test."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest

from studies.judging import ALONE
from studies.linac.quantities import BOTH
from studies.linac.switching.facts import SwitchingFacts
from studies.linac.switching.quantities import evaluate, usual
from studies.results import Quantity
from tests.linac_facts import BEAMS, TRIPS, machine, switching_facts
from tests.studies.test_linac_numbers import Z, wilson

#: Particles of an energy and pulses of the jitter in the made-up study.
PARTICLES, PULSES = 500, 50


def measured(name: str, facts: SwitchingFacts | None = None) -> Quantity:
    (found,) = evaluate([name], facts or switching_facts())
    return found


def number(name: str, facts: SwitchingFacts | None = None) -> tuple[float, float]:
    """Value and error of a quantity."""
    found = measured(name, facts)
    assert found.value is not None, found.method
    assert found.error is not None
    return found.value, found.error


def exactly(*values: float) -> object:
    """To rounding: where a ratio is near 1, of the ratio."""
    return pytest.approx(values, rel=1e-12, abs=1e-15)


@pytest.mark.number("settings_number", by="by hand")
def test_the_rows_of_the_table_are_counted() -> None:
    assert number("settings_number") == (4.0, 0.0)


@pytest.mark.number("least_transmission", by="by hand")
def test_the_worst_energy_s_transmission_counts() -> None:
    """0.95, 0.9, 0.8 and 0.96 of 500."""
    assert number("least_transmission") == exactly(0.8, wilson(0.8, PARTICLES))
    assert measured("least_transmission").method.startswith("at 40 MeV; the same 500 particles at each of 4 energies")


WIDEST = 150e3 / 29.94e6


@pytest.mark.number("largest_spread", by="by hand")
def test_the_spread_is_taken_over_the_energy_that_it_belongs_to() -> None:
    """150 keV of 29.94 MeV are more than 160 keV of 40.06 MeV; its error is that of this energy, 9 keV."""
    assert number("largest_spread") == exactly(WIDEST, 9e3 / 29.94e6)
    assert measured("largest_spread").method.startswith("at 30 MeV")


@pytest.mark.number("energy_miss", by="by hand")
def test_a_miss_counts_on_either_side() -> None:
    """+0.05, -0.2, +0.15 and +0.1 %; the mean of 500 is known to 1.96 spread / sqrt(500), engines differ by 1e-4."""
    counting = Z * WIDEST / sqrt(PARTICLES)
    assert number("energy_miss") == exactly(2e-3, counting + 1e-4)
    assert number("energy_miss", switching_facts(alone="no field")) == exactly(2e-3, counting)
    engines = [measured("energy_miss", switching_facts(alone=why)).engine for why in ("", "no field")]
    assert engines == [BOTH, ALONE]


@pytest.mark.number("residual_energy", by="by hand")
def test_the_engines_are_compared_at_every_energy() -> None:
    """+5e-5, -1e-4 and +4e-5; finer steps change 60 eV of 40 MeV."""
    assert number("residual_energy") == pytest.approx((1e-4, 1.5e-6), rel=1e-9)
    assert measured("residual_energy").method.startswith("at 40 MeV, of 3 energies")
    assert measured("residual_energy", switching_facts(alone="no field")).method.endswith("compare with: no field")


def swapped() -> pd.DataFrame:
    """The beams with x and y exchanged."""
    return BEAMS.rename(columns=lambda name: name.replace("_x", "_?").replace("_y", "_x").replace("_?", "_y"))


@pytest.mark.number("largest_spot", "least_spot", by="by hand")
def test_spots_are_the_extremes_of_both_planes() -> None:
    """0.7 to 1.4 mm in x and 1.5 to 2.6 mm in y; exchanged the same."""
    for beams, largest, least in ((BEAMS, "y", "x"), (swapped(), "x", "y")):
        facts = switching_facts(beams=beams)
        assert number("largest_spot", facts) == exactly(2.6e-3, Z * 2.6e-3 / sqrt(2 * PARTICLES))
        assert number("least_spot", facts) == exactly(0.7e-3, Z * 0.7e-3 / sqrt(2 * PARTICLES))
        assert measured("largest_spot", facts).method.startswith(f"{largest}, at 30 MeV")
        assert measured("least_spot", facts).method.startswith(f"{least}, at 30 MeV")


@pytest.mark.number("largest_fill", by="by hand")
def test_the_fullest_bore_counts() -> None:
    """0.553 by the fields."""
    assert number("largest_fill") == pytest.approx((0.55, 0.003), rel=1e-9)
    assert measured("largest_fill").method == "at 30 MeV; matrices; error: difference from the integration"
    alone = measured("largest_fill", switching_facts(alone="tables without a field", fill_fields=np.nan))
    assert (alone.value, alone.error, alone.engine) == (0.55, 1e-12, ALONE)
    assert alone.method == "at 30 MeV; matrices; tables without a field"


@pytest.mark.number("energy_jitter", "range_jitter", by="by hand")
def test_jitter_is_the_largest_of_all_energies() -> None:
    """10 keV of 20 MeV are more than 12 keV of 40 MeV; the range's own is largest at 50 MeV."""
    assert number("energy_jitter") == exactly(5e-4, Z * 5e-4 / sqrt(2 * PULSES))
    assert number("range_jitter") == exactly(9e-6, Z * 9e-6 / sqrt(2 * PULSES))
    assert measured("energy_jitter").method.startswith("at 20 MeV; 50 pulses with rms errors of 0.002 in amplitude")
    assert measured("range_jitter").method.startswith("at 50 MeV")
    assert "0.5 degrees in phase" in measured("range_jitter").method


@pytest.mark.number("interpolation_error", by="by hand")
def test_a_table_is_as_good_as_its_worst_middle() -> None:
    """35.07 for 35 MeV (+0.2 %), 44.8875 for 45 MeV (-0.25 %)."""
    assert number("interpolation_error") == pytest.approx((2.5e-3, 1e-12), rel=1e-9, abs=0.0)
    assert measured("interpolation_error").method.startswith("at 45 MeV")
    none = pd.DataFrame({"wanted": [], "energy": []})
    assert "ask for more energies" in measured("interpolation_error", switching_facts(interpolated=none)).method


@pytest.mark.number("switching_time", by="by hand")
def test_switching_takes_whole_intervals_of_pulses() -> None:
    """2 ms of low-level RF, 4 ms of amplitude and 5 us of the pulse are two intervals of 5 ms."""
    assert number("switching_time") == exactly(10e-3, 0.0)
    assert measured("switching_time").method == (
        "low-level RF 2000 us, amplitude 4000 us, pulse 5 us (assumed), in whole intervals of 5 ms"
    )


@pytest.mark.number("switching_share", by="by hand")
def test_rf_and_pulse_share_the_interval_between_two_pulses() -> None:
    """2 ms of low-level RF, 4 ms of amplitude and 5 us of the pulse, of 5 ms: it does not fit, by a fifth."""
    assert number("switching_share") == exactly(1.201, 1.201e-12)


@pytest.mark.number("energies_reached", by="by hand")
def test_energies_out_of_reach_are_counted_and_nothing_holds_for_all() -> None:
    """Four rows within reach, one beyond: four of five, and what would hold for every energy is not judged."""
    assert number("energies_reached") == (1.0, 0.0)
    some = switching_facts(beyond=(60e6,))
    assert number("energies_reached", some) == exactly(0.8, 0.0)
    told = "1 of 5 energies is out of reach (60 MeV)"
    assert measured("energies_reached", some).method == told
    assert measured("largest_spread", some).withheld == f"{told}, and it is of the others"
    assert measured("largest_spread").withheld == ""
    assert measured("treatment_time", some).withheld == ""  # of the volume's own energies


@pytest.mark.number("layer_time", by="by hand")
def test_the_slowest_change_of_layers_counts() -> None:
    assert number("layer_time") == (0.035, 0.0)
    assert measured("layer_time").method.startswith("to 41 MeV; slew rate 4 T m/s and settling 3 ms")


@pytest.mark.number("treatment_time", by="by hand")
def test_a_volume_ends_with_the_last_pulse_of_its_last_layer() -> None:
    """Begun at 0.665 s, 60 pulses at 200 Hz."""
    assert number("treatment_time") == exactly(0.965, 0.0)
    assert measured("treatment_time").method.startswith("3 layers of 30 spots, 2 pulses a spot")


@pytest.mark.number("worst_trip", by="by hand")
def test_the_trip_that_loses_most_counts() -> None:
    assert number("worst_trip") == exactly(32e6, 1e-12)
    assert measured("worst_trip").method == "u1, settings of the table alone"
    last = TRIPS.assign(lost=[32e6, 31e6, 33e6])
    assert number("worst_trip", switching_facts(trips=last))[0] == 33e6


@pytest.mark.number("best_recovery", by="by hand")
def test_recovery_is_the_least_of_the_units_that_begin_within_the_energies_of_treatment() -> None:
    """15 MeV without u1, which begins below 20 MeV; 34 without u2 and 33 without u3."""
    assert number("best_recovery") == (33e6, 1.0)
    assert measured("best_recovery").method.startswith("u3,")
    from_21 = {"machine": machine(reach=(21e6, 52e6)), "trips": TRIPS.assign(recovered=[15e6, 32e6, 33e6])}
    assert number("best_recovery", switching_facts(**from_21)) == (32e6, 1.0)
    nothing = measured("best_recovery", switching_facts(machine=machine(reach=(40e6, 52e6))))
    assert (nothing.value, nothing.method) == (None, "not computed: no unit begins above the lowest energy")


def test_every_quantity_of_the_study_is_made_of_these_facts() -> None:
    assert [quantity.name for quantity in evaluate(usual(), switching_facts()) if quantity.value is None] == []
