"""Numbers of the optics study of a linac, value and error, from made-up facts: each worked out in its test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import pi, sqrt
from statistics import mean, pstdev

import numpy as np
import pandas as pd
import pytest

from studies.judging import ALONE, FORMULA
from studies.linac.facts import LinacFacts, Pair
from studies.linac.quantities import BOTH, counting_error, evaluate, usual
from studies.results import Quantity
from tests.bethe import bethe_range
from tests.linac_facts import (
    ACROSS,
    ACROSS_FIELDS,
    BUNCH,
    SIZES,
    TANKS,
    beta_gamma,
    both,
    machine,
    optics_facts,
    survivors,
)

ALONE_PAIR = Pair(None, None, "tables without a field")
#: Numbers go through the coordinates of particles: rounding of a momentum of 1e9 eV/c next to a spread of 1e5 eV.
THROUGH_COORDINATES = 1e-9


def measured(name: str, facts: LinacFacts | None = None) -> Quantity:
    (found,) = evaluate([name], facts or optics_facts())
    return found


def number(name: str, facts: LinacFacts | None = None) -> tuple[float, float]:
    """Value and error of a quantity."""
    found = measured(name, facts)
    assert found.value is not None, found.method
    assert found.error is not None
    return found.value, found.error


def exactly(*values: float) -> object:
    """To rounding."""
    return pytest.approx(values, rel=1e-12, abs=0)


# ---------------------------------------------------------------------------------------------- energy and counting


@pytest.mark.number("final_energy", by="by hand")
def test_the_energy_is_that_of_the_last_row_and_its_error_what_the_integration_differs() -> None:
    """52.026 MeV by the gaps, 52 by the fields."""
    assert number("final_energy") == exactly(52.026e6, 0.026e6)
    assert number("final_energy", optics_facts(pair=ALONE_PAIR)) == exactly(52.026e6, 52.026e6 * 1e-12)
    assert [measured("final_energy", optics_facts(pair=pair)).engine for pair in (both(), ALONE_PAIR)] == [BOTH, ALONE]


def test_the_length_is_that_of_all_pieces() -> None:
    """0.5 + 0.03 + 0.7 + 0.04 + 0.9 + 0.2 m."""
    assert number("length") == exactly(2.37, 1e-12)


Z = 1.959963984540054  # of 95 %


def wilson(share: float, count: int) -> float:
    """To the farther end of Wilson's interval: z/(1 + z^2/n) sqrt(p (1 - p)/n + z^2/(4 n^2)) about its middle."""
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return half + abs(middle - share)


@pytest.mark.parametrize(("share", "count"), [(0.64, 400), (0.0, 50), (1.0, 50)])
def test_a_share_is_as_sure_as_its_count(share: float, count: int) -> None:
    """Where none or all are counted z^2 / (n + z^2)."""
    assert counting_error(share, count) == pytest.approx(wilson(share, count), rel=1e-9)
    if share in (0.0, 1.0):
        assert counting_error(share, count) == pytest.approx(Z**2 / (count + Z**2), rel=1e-9)


def rms_error(values: Sequence[float]) -> float:
    """Of a sample's rms s: z s sqrt((m4/s^4 - 1)/n)/2, m4 the fourth central moment."""
    s, middle = pstdev(values), mean(values)
    fourth = mean((one - middle) ** 4 for one in values)
    return Z * s * sqrt((fourth / s**4 - 1) / len(values)) / 2


@pytest.mark.number("transmission", by="by hand")
def test_the_transmission_counts_survivors_and_doubts_what_the_engines_differ() -> None:
    """5 of 8; of four other particles three by either engine, then only two by the second."""
    counted = wilson(0.625, 8)
    assert number("transmission") == exactly(0.625, counted)
    fields = both().fields
    assert fields is not None
    fewer = replace(fields, alive=np.array([True, True, False, False]))
    assert number("transmission", optics_facts(pair=Pair(both().maps, fewer))) == exactly(0.625, counted + 0.25)
    assert number("transmission", optics_facts(pair=ALONE_PAIR)) == exactly(0.625, counted)


@pytest.mark.number("transmission_with_errors", by="by hand")
def test_with_errors_the_tenth_part_from_below_counts() -> None:
    """Of 16 machines at the stated errors 15 reach 0.69, only 14 (less than nine of ten) 0.74.

    The least of 16 exceeds what 9 of 10 reach in 0.9^16 = 19 % of all samples: 36 machines bound it at 95 %.
    """
    found = measured("transmission_with_errors")
    assert (found.value, found.statistical) == (0.69, float("inf"))
    assert found.withheld == "16 machines do not bound what 9 of 10 reach (at 95 %): 36 do"
    ladder = [0.60 + 0.01 * i for i in range(40)]
    many = pd.DataFrame({"scale": 1.0, "seed": range(40), "transmission": ladder})
    # index 3 of 0 ... 39 has 36 of 40 beyond it or on it; P(B < 1) = 0.9^40 = 1.5 %, P(B > 8) = 1.5 %: ranks 1 and 9
    known = measured("transmission_with_errors", optics_facts(errors=many))
    assert (known.value, known.error) == exactly(0.63, 0.68 - 0.63)
    assert known.withheld == ""


@pytest.mark.number("lost_power", by="by hand")
def test_lost_power_is_as_sure_as_the_number_of_the_lost() -> None:
    """0.27 W by three particles."""
    assert number("lost_power") == exactly(0.27, Z * 0.27 / sqrt(3))
    nobody = replace(survivors(), lost=survivors().lost.iloc[:0])
    assert number("lost_power", optics_facts(tracked=nobody, lost_power=0.0)) == (0.0, 0.0)


# ------------------------------------------------------------------------------------------------------------ bunch


KINETIC = (51.8e6, 51.9e6, 52e6, 52.1e6, 52.4e6)
#: Survivors in both engines, the first two: 51.9 and 52.1 MeV by the gaps, 51.88 and 52.12 by the fields.
SPREAD_APART = abs(0.1 - 0.12) / 0.12


@pytest.mark.number("energy_spread", by="by hand")
def test_the_spread_is_that_of_the_survivors_over_their_mean() -> None:
    """Mean 52.04 MeV, squares of 0.24, 0.14, 0.04, 0.06 and 0.36 MeV: 0.210 MeV rms."""
    value = sqrt((0.24**2 + 0.14**2 + 0.04**2 + 0.06**2 + 0.36**2) / 5) / 52.04
    assert value == pytest.approx(pstdev(KINETIC) / mean(KINETIC), rel=1e-12)
    counting = rms_error(KINETIC) / mean(KINETIC)
    found = number("energy_spread")
    assert found == pytest.approx((value, counting + value * SPREAD_APART), rel=THROUGH_COORDINATES)
    alone = number("energy_spread", optics_facts(pair=ALONE_PAIR))
    assert alone == pytest.approx((value, counting), rel=THROUGH_COORDINATES)


@pytest.mark.number("residual_spread", by="by hand")
def test_the_engines_spreads_are_those_of_the_particles_that_both_keep() -> None:
    """0.1 and 0.12 MeV rms of two; the third of each survives in it alone, and does not count."""
    assert number("residual_spread") == pytest.approx((SPREAD_APART, 1e-6), rel=THROUGH_COORDINATES)
    nothing = measured("residual_spread", optics_facts(pair=ALONE_PAIR))
    assert (nothing.value, "tables without a field" in nothing.method) == (None, True)


@pytest.mark.number("emittance_growth_x", "emittance_growth_y", by="closed form")
@pytest.mark.parametrize(
    ("plane", "before", "after"), [("x", (4e-3, 3e-3), (3e-3, 2e-3)), ("y", (2e-3, 5e-3), (5e-3, 2e-3))]
)
def test_growth_is_the_normalised_emittance_over_that_at_the_entrance(
    plane: str, before: tuple[float, float], after: tuple[float, float]
) -> None:
    """Crosses of half axes a and b: of 8 particles the variances are 4 a^2 / 7, of 4 and one in the middle 2 a^2 / 4.

    Their emittances are 4 a b / 7 and a b / 2, times beta gamma at 10 and 52 MeV.
    """
    entered = beta_gamma(10e6) * 4 * before[0] * before[1] / 7
    left = beta_gamma(52e6) * after[0] * after[1] / 2
    found = number(f"emittance_growth_{plane}")
    assert found == pytest.approx((left / entered - 1, Z * left / entered / sqrt(5)), rel=1e-12)


@pytest.mark.number("bucket_sigmas", by="closed form")
def test_the_bucket_is_the_circle_of_its_area_in_rms_sizes() -> None:
    """14,000 rad eV over pi 0.05 rad 40 keV (1 - 0.6^2)^(1/2) is 2.785: 1.669 sizes.

    Seven cells of 2,000 rad eV have the outline of a circle of seven cells, (4 pi 7)^(1/2) sides; one cell along it is
    twice that share of the radius.
    """
    value = sqrt(14_000 / (pi * 0.05 * 40e3 * 0.8))
    assert value == pytest.approx(1.669, abs=5e-4)
    assert number("bucket_sigmas") == exactly(value, 0.5 * value * sqrt(4 * pi * 7) / 7)
    flat = measured("bucket_sigmas", optics_facts(machine=machine(bunch=replace(BUNCH, correlation=-1.0))))
    assert (flat.value, flat.method) == (None, "not computed: the bunch has no size in phase or energy")


# -------------------------------------------------------------------------------------------------------- envelopes


@pytest.mark.number("sigmas_in_bore", by="by hand")
@pytest.mark.parametrize(("columns", "plane"), [([0, 1, 2, 3, 4, 5], "y"), ([2, 3, 0, 1, 4, 5], "x")])
def test_the_tightest_place_is_where_the_beam_fills_most_of_its_bore(columns: list[int], plane: str) -> None:
    """1.8 mm in 3 mm at q2, in either plane; larger beams stand in wider bores. By the fields 0.625 of a bore: 1.6."""
    found = measured("sigmas_in_bore", optics_facts(sizes=SIZES[:, columns]))
    assert (found.value, found.error) == pytest.approx((3 / 1.8, 3 / 1.8 - 1.6), rel=1e-9)
    assert "least at q2, s = 1.230 m" in found.method


@pytest.mark.number("acceptance_x", "acceptance_y", by="by hand")
def test_an_acceptance_is_that_of_its_plane() -> None:
    """3 and 5 um, by the fields 3.02 and 4.95; 12 and 5 times the emittances of 0.25 and 1 um."""
    found = [number(f"acceptance_{plane}") for plane in "xy"]
    assert found == [pytest.approx((3e-6, 0.02e-6), rel=1e-9), pytest.approx((5e-6, 0.05e-6), rel=1e-9)]
    assert [measured(f"acceptance_{plane}").method.split("; ")[1] for plane in "xy"] == [
        "12 times the rms emittance",
        "5 times the rms emittance",
    ]


@pytest.mark.number("largest_advance", "least_advance", by="by hand")
def test_advances_are_the_extremes_of_both_planes_with_acceleration() -> None:
    """0.21, 0.14, 0.16 turns in x and 0.17, 0.26, 0.22 in y, by the fields 0.2596 and 0.1397 for the extremes."""
    assert number("largest_advance") == pytest.approx((0.26, 0.0004), rel=1e-9)
    assert number("least_advance") == pytest.approx((0.14, 0.0003), rel=1e-9)
    turned = replace(ACROSS, advances=ACROSS.advances[:, ::-1])
    assert number("largest_advance", optics_facts(across=turned))[0] == 0.26
    assert number("least_advance", optics_facts(across=turned))[0] == 0.14


def test_a_period_that_does_not_focus_has_no_advance_and_says_where() -> None:
    lost = ACROSS.advances.copy()
    lost[1, 1], lost[2, 0] = np.nan, np.nan
    assert measured("least_advance", optics_facts(across=replace(ACROSS, advances=lost))).method == (
        "not computed: the period from s = 1.2 m does not focus"
    )
    by_fields = optics_facts(across_fields=replace(ACROSS_FIELDS, advances=lost))
    assert "the integration through the fields gives no number" in measured("least_advance", by_fields).method
    nothing = replace(ACROSS, advances=np.empty((0, 2)))
    assert "no focusing period" in measured("largest_advance", optics_facts(across=nothing)).method


@pytest.mark.number("space_charge", by="by hand")
def test_space_charge_is_told_with_the_charge_of_a_bunch() -> None:
    assert number("space_charge") == pytest.approx((0.0123, 0.0002), rel=1e-9)
    assert "0.12 pC" in measured("space_charge").method


@pytest.mark.parametrize(
    "name", ["sigmas_in_bore", "acceptance_x", "acceptance_y", "largest_advance", "least_advance", "space_charge"]
)
def test_numbers_of_matrices_say_which_engines_they_rest_on(name: str) -> None:
    """Without a field there is nothing to compare with: rounding, and why."""
    alone = measured(name, optics_facts(across_fields=None, pair=ALONE_PAIR))
    assert alone.value is not None
    assert alone.engine == ALONE
    assert alone.error == pytest.approx(1e-12 * alone.value, rel=1e-6, abs=0.0)
    assert "tables without a field" in alone.method
    assert measured(name).engine == BOTH
    assert measured(name).method.endswith("error: difference from the integration")


def test_the_strongest_magnet_is_found_whatever_its_sign() -> None:
    """150 and -180 T/m."""
    found = measured("max_gradient")
    assert (found.value, found.error, found.method) == (180.0, 1e-12, "q2; as designed")


# ------------------------------------------------------------------------------------------------------------ power


@pytest.mark.number("unit_power", "rf_power", "average_power", "klystron_share", "kilpatrick", by="by hand")
def test_power_is_the_largest_or_the_sum_of_all_units() -> None:
    """2.8, 5.1 and 3.9 MW in the pulse; klystrons of 3.5, 7.5 and 4 MW; 2.8, 5.1 and 3.9 kW over time."""
    assert number("unit_power") == exactly(5.1e6, 5.1e-6)
    assert number("rf_power") == exactly(11.8e6, 11.8e-6)
    assert number("average_power") == exactly(11.8e3, 11.8e-9)
    assert number("klystron_share") == exactly(0.975, 0.975e-12)
    assert number("kilpatrick") == exactly(1.8, 1e-12)
    ends = [measured(name).method.rpartition("; ")[2] for name in ("unit_power", "klystron_share", "kilpatrick")]
    assert ends == ["u2", "u3", "t2"]
    assert {measured(name).engine for name in ("unit_power", "rf_power", "kilpatrick")} == {FORMULA}


# ----------------------------------------------------------------------------------------------------------- jitter

PULSES = (51.9e6, 52.0e6, 52.3e6)  # and one that is stopped


@pytest.mark.number("energy_jitter", by="by hand")
def test_jitter_is_the_rms_energy_of_the_pulses_that_arrive() -> None:
    value = pstdev(PULSES) / mean(PULSES)
    assert number("energy_jitter") == pytest.approx((value, rms_error(PULSES) / mean(PULSES)), rel=1e-9)
    assert "4 pulses with rms errors of 0.002 in amplitude and 0.5 degrees" in measured("energy_jitter").method


@pytest.mark.number("range_jitter", by="closed form")
def test_jitter_of_the_range_is_that_of_the_ranges() -> None:
    """The Bethe formula by quadrature; 1e-4 for the range's table of steps."""
    ranges = [bethe_range("proton", energy / 1e6) for energy in PULSES]
    assert number("range_jitter") == pytest.approx((pstdev(ranges), rms_error(ranges)), rel=1e-4)


# ---------------------------------------------------------------------------------------------------------- engines


@pytest.mark.number("residual_tank_energy", by="by hand")
def test_the_worst_tank_counts_whichever_engine_gives_more() -> None:
    """Gaps over fields: 11/11.011, 15/15.03 (-0.2 %) and 16/15.984 (+0.1 %)."""
    found = measured("residual_tank_energy")
    assert (found.value, found.error) == pytest.approx((1 - 15 / 15.03, 1e-7), rel=1e-9)
    assert found.method == "t2"
    alone = optics_facts(pair=ALONE_PAIR, tanks=TANKS.assign(gain_fields=float("nan")))
    assert measured("residual_tank_energy", alone).method.endswith("nothing to compare with: tables without a field")


@pytest.mark.number("residual_energy", by="by hand")
def test_the_engines_final_energies_are_compared() -> None:
    """52.026 over 52 MeV."""
    assert number("residual_energy") == pytest.approx((5e-4, 1e-7), rel=1e-9)
    slower = replace(optics_facts().run, energy=optics_facts().run.energy * (51.974 / 52.026))
    assert number("residual_energy", optics_facts(run=slower))[0] == pytest.approx(5e-4, rel=1e-9)
    assert measured("residual_energy", optics_facts(pair=ALONE_PAIR)).value is None


def test_every_quantity_of_the_study_is_made_of_these_facts() -> None:
    found = evaluate(usual(), optics_facts())
    assert [quantity.name for quantity in found if quantity.value is None] == []
    assert [quantity.name for quantity in evaluate(["kilpatrick", "length", "kilpatrick"], optics_facts())] == [
        "kilpatrick",
        "length",
    ]
