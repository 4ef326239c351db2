"""Numbers of the tracked spill by hand, value and error: a made-up spill with wires at negative x, planes unequal."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import pstdev
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from studies.judging import ALONE
from studies.results import Quantity
from studies.slow_extraction.spill.facts import SpillFacts
from studies.slow_extraction.spill.figures import spill_figures
from studies.slow_extraction.spill.quantities import TRACKERS, spill_quantities
from studies.vocabulary import SPILL
from tests.studies import spill_made as made

Z = 1.959963984540054  # of 95 %


def found(name: str, facts: SpillFacts | None = None) -> Quantity:
    quantity = spill_quantities([name], facts or made.facts())[0]
    assert quantity.value is not None, quantity.method
    return quantity


def check(name: str, value: float, error: float, facts: SpillFacts | None = None) -> None:
    """Value and error, and the trackers it rests on."""
    quantity = found(name, facts)
    assert quantity.value == pytest.approx(value, rel=1e-9)
    assert quantity.error == pytest.approx(error, rel=1e-9)
    assert quantity.engine == TRACKERS


def why_not(name: str, facts: SpillFacts) -> str:
    quantity = spill_quantities([name], facts)[0]
    assert quantity.value is None
    return quantity.method


def wilson(count: int, total: int) -> float:
    """To the farther end of Wilson's interval: z/(1 + z^2/n) sqrt(p (1 - p)/n + z^2/(4 n^2)) about its middle."""
    share = count / total
    middle = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * sqrt(share * (1 - share) / total + Z**2 / (4 * total**2))
    return half + abs(middle - share)


def rms_error(values: Sequence[float]) -> float:
    """Of a sample's rms s: z s sqrt((m4/s^4 - 1)/n)/2, m4 the fourth central moment."""
    s, middle = pstdev(values), sum(values) / len(values)
    fourth = sum((one - middle) ** 4 for one in values) / len(values)
    return Z * s * sqrt((fourth / s**4 - 1) / len(values)) / 2


# ---------------------------------------------------------------------------------------------------- balance


@pytest.mark.number(
    "extraction_efficiency",
    "spill_loss_wires",
    "spill_loss_cathode",
    "spill_loss_aperture",
    "spill_left",
    by="by hand",
)
def test_shares_of_what_left_and_of_what_began() -> None:
    """41 extracted, 5 on the wires, 3 on the cathode, 2 in the chamber, of 51; 9 of 60 are left."""
    check("extraction_efficiency", 41 / 51, wilson(41, 51))
    check("spill_loss_wires", 5 / 51, wilson(5, 51))
    check("spill_loss_cathode", 3 / 51, wilson(3, 51))
    check("spill_loss_aperture", 2 / 51, wilson(2, 51))
    check("spill_left", 9 / 60, wilson(9, 60))


@pytest.mark.number("extraction_efficiency", "spill_loss_wires", by="exact law")
def test_efficiency_and_losses_are_all_that_left() -> None:
    names = ("extraction_efficiency", "spill_loss_wires", "spill_loss_cathode", "spill_loss_aperture")
    values = [quantity.value for quantity in spill_quantities(names, made.facts())]
    assert sum(value for value in values if value is not None) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.number("spill_loss_vertical", by="by hand")
def test_vertical_losses_are_those_of_the_plane() -> None:
    """One of the two in the chamber, of 51 that left."""
    check("spill_loss_vertical", 1 / 51, wilson(1, 51))


@pytest.mark.number("spill_misfit", "spill_missed_at_wires", by="by hand")
def test_what_the_maps_miss_is_what_the_tracker_says() -> None:
    for name, value in (("spill_misfit", 1e-4), ("spill_missed_at_wires", 3e-6)):
        quantity = found(name)
        assert (quantity.value, quantity.error, quantity.engine) == (value, 0.0, ALONE)


@pytest.mark.number("duty_factor_3ms", "duty_factor_10ms", by="by hand")
def test_duty_factors_in_wider_bins() -> None:
    """Two bunches of 16 particles among 9 others: pairs in one bin over all pairs, by hand.

    F = 1/(bins x share of pairs in one bin), of the particles between the 5 % and 95 % quantiles, 2 and 79 ms.
    """
    table = made.extracted()
    others = [0.0, 0.001, 0.002, 0.03, 0.045, 0.06, 0.079, 0.08, 0.0805]
    times = np.sort(np.concatenate([others, np.full(16, 0.0161), np.full(16, 0.0561)]))
    facts = made.facts(spill=made.spill(table.assign(time=times)))
    start, stop = np.quantile(times, [0.05, 0.95])
    for width, name in ((3e-3, "duty_factor_3ms"), (1e-2, "duty_factor_10ms")):
        bins = int((stop - start) / width)
        number = np.floor((times - start) / width)
        counts = [int(np.sum(number == k)) for k in range(bins)]
        total = sum(counts)
        pairs = sum(n * (n - 1) for n in counts) / (total * (total - 1))
        assert found(name, facts).value == pytest.approx(1 / (bins * pairs), rel=1e-9)
    short = made.facts(spill=made.spill(table.assign(time=times / 10)))
    assert "fewer than 5 bins of 10 ms" in why_not("duty_factor_10ms", short)


def test_nothing_that_left_is_no_share() -> None:
    empty = made.facts(spill=made.spill(made.extracted()[:0], made.lost()[:0]))
    assert "few leave" in why_not("extraction_efficiency", empty)
    assert "no particle left the ring" in why_not("spill_loss_wires", empty)
    assert found("spill_left", empty).value == 1.0


# ---------------------------------------------------------------------------------------------------- rate


#: 36 particles in quarters of 4, 8, 18 and 6: pairs and triples in one bin of all pairs and triples.
PAIRS, TRIPLES = (12 + 56 + 306 + 30) / (36 * 35), (24 + 336 + 4896 + 120) / (36 * 35 * 34)


@pytest.mark.number("duty_factor", "duty_factor_raw", by="by hand")
def test_duty_factor_of_the_middle_of_the_spill() -> None:
    """<n>^2/<n^2> = 9^2/110; from pairs 1/(4 PAIRS), its variance by Simpson's formula."""
    check("duty_factor_raw", 81 / 110, 0.0)
    variance = (4 * 34 * (TRIPLES - PAIRS**2) + 2 * (PAIRS - PAIRS**2)) / (36 * 35)
    check("duty_factor", 1 / (4 * PAIRS), Z * sqrt(variance) / (4 * PAIRS**2))


@pytest.mark.number("duty_factor", by="by hand")
def test_no_duty_factor_is_above_one() -> None:
    """Times of equal distance: fewer pairs in one bin than independent ones give, an estimate above 1."""
    table = made.extracted()
    even = made.facts(spill=made.spill(table.assign(time=np.linspace(1.0, 3.0, len(table))), made.lost()))
    duty = found("duty_factor", even)
    assert duty.value == 1.0
    assert "kept at 1, the largest there is" in duty.method
    title = next(spill_figures(even, cast(Any, None))).title
    assert title.startswith("Spill, duty factor at least 0.")
    assert "as counted" in title


@pytest.mark.number("rate_variation", by="by hand")
def test_variation_is_what_the_duty_factor_says() -> None:
    """CV^2 = 1/F - 1, so its error is that of F over 2 F^2 CV."""
    duty, variation = found("duty_factor"), sqrt(4 * PAIRS - 1)
    assert duty.error is not None
    check("rate_variation", variation, duty.error * (4 * PAIRS) ** 2 / (2 * variation))


@pytest.mark.number("peak_to_mean", by="by hand")
def test_peak_is_the_fullest_bin() -> None:
    """18 over 9, 1.96 sqrt(18) over 9."""
    check("peak_to_mean", 2.0, Z * sqrt(18) / 9)


@pytest.mark.number("spill_length", by="by hand")
def test_length_is_the_middle_ninety_percent() -> None:
    """From 1 to 2 s, the third from either end; 1.96 sqrt(0.05 0.95/41) of 40 distances are 2.67 places.

    Inwards, the farther: two places of 0.05 s, then of 0.1 s; two of 0.02 s, then of 0.16 s.
    """
    places = Z * 40 * sqrt(0.05 * 0.95 / 41) - 2
    check("spill_length", 1.0, hypot(0.1 + 0.1 * places, 0.04 + 0.16 * places))


@pytest.mark.number("spill_momentum_drift", by="by hand")
def test_drift_is_the_last_quarter_less_the_first() -> None:
    """2.5 per mille (of 1 to 4), then 1.5 (of 0 and 3): errors of the means are rms over sqrt(n - 1)."""
    check("spill_momentum_drift", -1e-3, Z * 1e-3 * sqrt(1.25 / 3 + 1.5**2 / 5))


@pytest.mark.number(
    "spill_length", "duty_factor", "rate_variation", "peak_to_mean", "spill_momentum_drift", by="exact law"
)
def test_a_spill_stretched_in_time_is_as_even() -> None:
    """Thrice as long in bins thrice as wide: the length alone changes."""
    table = made.extracted()
    stretched = made.facts(spill=made.spill(table.assign(time=3 * table["time"])))
    stretched.case.spec.bin_s = 3 * made.BIN
    for name in ("duty_factor", "duty_factor_raw", "rate_variation", "peak_to_mean", "spill_momentum_drift"):
        ours, theirs = found(name, stretched), found(name)
        assert (ours.value, ours.error) == pytest.approx((theirs.value, theirs.error), rel=1e-12)
    length = found("spill_length")
    assert length.value is not None
    assert length.error is not None
    check("spill_length", 3 * length.value, 3 * length.error, stretched)


def test_too_few_say_nothing_of_the_rate() -> None:
    few = made.facts(spill=made.spill(made.extracted()[:19]))
    for name in ("duty_factor", "spill_length", "spill_momentum_drift", "spill_spiral_step"):
        assert "only 19 particles are extracted" in why_not(name, few)
    holes = made.extracted()
    holes = holes.assign(time=np.where(holes["time"] == 1.3, 1.6, holes["time"]))
    assert "too few particles to tell" in why_not("spill_momentum_drift", made.facts(spill=made.spill(holes)))


# ---------------------------------------------------------------------------------------------------- the beam


@pytest.mark.number("spill_momentum_spread", by="by hand")
def test_momentum_spread_of_all_that_is_extracted() -> None:
    """Rms about the mean."""
    check("spill_momentum_spread", pstdev(made.deltas()), rms_error(made.deltas().tolist()))


@pytest.mark.number("spill_spiral_step", by="by hand")
def test_step_is_where_ninety_nine_of_a_hundred_lie_within() -> None:
    """Of 101 particles each 0.1 mm farther out than the one before, the second farthest: 10 mm beyond the wires.

    Left and right alike; the rank's sigma is sqrt(0.99 0.01/101) of 100 distances.
    """
    depth = np.random.default_rng(1).permutation(np.arange(1, 102)) * 1e-4
    error = Z * sqrt(0.99 * 0.01 / 101) * 100 * 1e-4
    for side in (-1.0, 1.0):
        table = pd.DataFrame({"x": side * (0.03 + depth)})
        septum = SimpleNamespace(position=side * 0.03, side=side)
        facts = made.facts(spill=made.spill(table))
        facts.case.septum = septum  # type: ignore[misc,assignment]
        check("spill_spiral_step", 0.01, error, facts)


def emittance_error(plane: str) -> float:
    """sqrt(var(u^2 + v^2)/(4 N)) of normalised coordinates, written with Courant and Snyder's invariant."""
    emittance, beta, alpha, *_ = made.PLANES[plane]
    table = made.extracted()
    u, v = table[plane].to_numpy(), table[f"p{plane}"].to_numpy()
    u, v = (one - np.polyval(np.polyfit(made.deltas(), one, 1), made.deltas()) for one in (u, v))
    invariants = (u**2 + (alpha * u + beta * v) ** 2) / beta / emittance
    return Z * emittance * pstdev(invariants) / sqrt(4 * 41)


@pytest.mark.number("spill_emittance_x", "spill_emittance_y", by="by hand")
def test_emittances_without_the_dispersion() -> None:
    check("spill_emittance_x", 3e-6, emittance_error("x"))
    check("spill_emittance_y", 1e-6, emittance_error("y"))


def without(key: str, left: int) -> float:
    """An optical function without every twentieth: regression on momentum, then second moments of the rest."""
    table, plane = made.extracted(), key[-1]
    table = table[np.arange(len(table)) % 20 != left]
    delta = table["delta"]
    fits = [np.polyfit(delta, table[name], 1) for name in (plane, f"p{plane}")]
    u, v = (table[name] - np.polyval(fit, delta) for name, fit in zip((plane, f"p{plane}"), fits, strict=True))
    uu, uv, vv = float(np.mean(u * u)), float(np.mean(u * v)), float(np.mean(v * v))
    emittance = sqrt(uu * vv - uv**2)
    return {"bet": uu / emittance, "alf": -uv / emittance, "d": float(fits[0][0]), "dp": float(fits[1][0])}[key[:-1]]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("betx", 12.0),
        ("alfx", -1.4),
        ("bety", 5.0),
        ("alfy", 0.6),
        ("dx", -2.5),
        ("dpx", 0.3),
    ],
)
@pytest.mark.number("spill_betx", "spill_alfx", "spill_bety", "spill_alfy", "spill_dx", "spill_dpx", by="by hand")
def test_optics_of_the_extracted_beam(key: str, value: float) -> None:
    """Those that the particles were stretched to; the jackknife of 20 groups, t_19 = 2.093 of 95 %."""
    rest = [without(key, left) for left in range(20)]
    quantity = found(f"spill_{key}")
    assert quantity.value == pytest.approx(value, rel=1e-9)
    assert quantity.error == pytest.approx(2.0930240544 * sqrt(19) * pstdev(rest), rel=1e-8)


# ----------------------------------------------------------------------------------------------------- both trackers


@pytest.mark.number("spill_agreement_xsuite", by="by hand")
def test_the_less_likely_of_turn_and_angle() -> None:
    check("spill_agreement_xsuite", 0.5, 0.0)
    turned = made.agreement()
    turned = type(turned)(turned.ours, turned.theirs, (0.3, 0.4), (0.2, 0.8))
    check("spill_agreement_xsuite", 0.4, 0.0, made.facts(agreement=turned))
    alone: dict[str, Any] = {"agreement": None, "alone": "a test"}
    assert "a test" in why_not("spill_agreement_xsuite", made.facts(**alone))
    assert found("extraction_efficiency", made.facts(**alone)).engine == ALONE


def test_particle_by_particle() -> None:
    """One turn apart; one of 60 has another fate."""
    both = made.agreement()
    assert (both.apart, both.other_fate) == (1.0, 1 / 60)
    assert both.agree


def test_every_quantity_has_its_unit() -> None:
    quantities = spill_quantities(SPILL, made.facts())
    assert [one.name for one in quantities] == list(SPILL)
    assert [one.name for one in quantities if one.value is None] == []
    assert {one.name: one.unit for one in quantities} == {name: kind.unit for name, kind in SPILL.items()}


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (((0.2, 0.009), (0.3, 0.5)), "chance 0.009 for the turns and 0.5 for the angles"),
        (((0.2, 0.8), (0.3, 0.009)), "chance 0.8 for the turns and 0.009 for the angles"),
    ],
)
def test_nothing_but_the_disagreement_is_judged_where_the_trackers_differ(agreement: Any, words: str) -> None:
    """In turn or in angle; 1 % is the least chance."""
    both = made.agreement()
    facts = made.facts(agreement=type(both)(both.ours, both.theirs, *agreement))
    for quantity in spill_quantities(SPILL, facts):
        said = quantity.withheld
        assert said == "" if quantity.name == "spill_agreement_xsuite" else words in said
    assert "41 and 40 extracted" in facts.disagreement
    assert {one.withheld for one in spill_quantities(SPILL, made.facts())} == {""}
