"""Tables of the tracked spill: counts and shares of each place, moments of each plane, drivers, both trackers."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction.spill.rate import Evenness
from optics.statistics import TWO_SIDED
from studies.slow_extraction.spill.facts import SpillFacts
from studies.slow_extraction.spill.quantities import spill_quantities
from studies.slow_extraction.spill.tables import spill_tables
from studies.vocabulary import SPILL
from tests.studies import spill_made as made
from tests.studies.test_spill_numbers import PAIRS

MILLI, MICRO = 1e-3, 1e-6
#: Tables show five digits.
SHOWN = 1e-4


def frames(facts: SpillFacts | None = None) -> dict[str, pd.DataFrame]:
    """By id."""
    known: Any = {"others": {"constant-optics": made.other()}}
    known["shaping"] = {"constant-optics": SimpleNamespace(duty_factor=Evenness(0.9, 0.96, 0.01))}
    return {table.id: table.frame for table in spill_tables(facts or made.facts(**known))}


def test_the_balance_counts_what_began() -> None:
    """41 extracted, lost by place, cause, plane and side, 9 left, of 60; percent to three digits behind the point."""
    frame = frames()["spill-balance"]
    assert frame[["what", "place", "cause", "plane", "side", "particles"]].to_numpy().tolist() == [
        ["extracted", "", "", "", "", 41],
        ["lost", "es", "cathode", "x", "-", 3],
        ["lost", "es", "wires", "x", "-", 5],
        ["lost", "qd", "unbounded", "y", "-", 1],
        ["lost", "qf", "aperture", "x", "+", 1],
        ["circulating", "", "", "", "", 9],
    ]
    counts = np.array([41, 3, 5, 1, 1, 9])
    assert frame["share [%]"].to_numpy() == pytest.approx(100 * counts / 60, abs=6e-4)
    widths = frame["upper [%]"] - frame["lower [%]"]
    assert widths.to_numpy() == pytest.approx([200 * half_wilson(int(n), 60) for n in counts], abs=2e-3)
    assert (frame["lower [%]"] < frame["share [%]"]).all()
    assert (frame["share [%]"] < frame["upper [%]"]).all()


def half_wilson(count: int, total: int) -> float:
    """Half of Wilson's interval of 95 %: z/(1 + z^2/n) sqrt(p (1 - p)/n + z^2/(4 n^2))."""
    share, square = count / total, TWO_SIDED**2
    return TWO_SIDED / (1 + square / total) * sqrt(share * (1 - share) / total + square / (4 * total**2))


def test_the_extracted_beam_is_what_its_quantities_say() -> None:
    """Each plane's quantity over its unit's factor, centres as they were made, and the momentum."""
    frame = frames()["spill-beam"]
    rows = {(plane, what): value for plane, what, value in frame.to_numpy()}
    found = {one.name: one for one in spill_quantities(SPILL, made.facts())}
    for plane in "xy":
        *_, slope, centre, angle = made.PLANES[plane]
        dispersion = made.PLANES[plane][3]
        emittance = found[f"spill_emittance_{plane}"]
        assert emittance.value is not None
        assert emittance.error is not None
        expected = {
            "rms emittance, geometric [mm mrad]": emittance.value / MICRO,
            "its standard error [mm mrad]": emittance.error / TWO_SIDED / MICRO,
            "with dispersion [mm mrad]": whole(plane) / MICRO,
            "beta [m]": found[f"spill_bet{plane}"].value,
            "alpha [1]": found[f"spill_alf{plane}"].value,
            "D [m]": dispersion,
            "D' [1]": slope,
            "centre [mm]": centre / MILLI,
            "centre of the angle [mrad]": angle / MILLI,
        }
        for what, value in expected.items():
            assert rows[plane, what] == pytest.approx(value, rel=SHOWN), (plane, what)
    assert rows["dp/p", "mean [1e-3]"] == pytest.approx(float(np.mean(made.deltas())) / MILLI, rel=SHOWN)
    assert rows["dp/p", "rms [1e-3]"] == pytest.approx(float(np.std(made.deltas())) / MILLI, rel=SHOWN)
    assert len(rows) == len(frame) == 20


def whole(plane: str) -> float:
    """Emittance with dispersion: sqrt(e^2 + e s^2 (gamma D^2 + 2 alpha D D' + beta D'^2))."""
    emittance, beta, alpha, d, slope, *_ = made.PLANES[plane]
    invariant = (1 + alpha**2) / beta * d**2 + 2 * alpha * d * slope + beta * slope**2
    return sqrt(emittance**2 + emittance * float(np.var(made.deltas())) * invariant)


def test_drivers_side_by_side() -> None:
    """The study's own, and one that takes a quarter of the time: no more than one bin has no evenness."""
    frame = frames()["spill-drivers-table"]
    own, other = frame.iloc[0], frame.iloc[1]
    assert list(frame["driver"]) == ["betatron-core", "constant-optics"]
    assert (np.isnan(own["shaped to"]), other["shaped to"]) == (True, 0.96)
    assert list(frame["particles"]) == [60, 60]
    assert list(frame["extracted"]) == [41, 41]
    assert list(frame["lost"]) == [10, 1]
    assert frame["efficiency [%]"].to_numpy() == pytest.approx([4100 / 51, 4100 / 42], rel=SHOWN)
    assert frame["length [s]"].to_numpy() == pytest.approx([1.0, 0.25], rel=SHOWN)
    table, delta = made.extracted(), made.deltas()
    spread = float(np.std(delta, ddof=1))  # of the sample
    assert frame["rms dp/p [1e-3]"].to_numpy() == pytest.approx([spread / MILLI] * 2, rel=SHOWN)
    x, angle = (float(np.std(one, ddof=1)) / MILLI for one in (table["x"], table["px"] / (1 + delta)))
    assert frame["rms x [mm]"].to_numpy() == pytest.approx([x, 2 * x], rel=SHOWN)
    assert frame["rms x' [mrad]"].to_numpy() == pytest.approx([angle, angle], rel=SHOWN)
    assert own["duty factor"] == pytest.approx(1 / (4 * PAIRS), rel=SHOWN)
    error = spill_quantities(["duty_factor"], made.facts())[0].error
    assert error is not None
    assert TWO_SIDED * own["its error"] == pytest.approx(error, rel=SHOWN)
    assert np.isnan(other["duty factor"])
    for width in (3e-3, 1e-2):  # what is extracted between 1 and 2 s, in bins of 3 and 10 ms
        wider = spill_quantities([f"duty_factor_{1e3 * width:g}ms"], made.facts())[0]
        assert own[f"duty factor, {1e3 * width:g} ms"] == pytest.approx(wider.value, rel=SHOWN)
        assert wider.error is not None  # of 95 %; tables show the standard error
        assert TWO_SIDED * own[f"error, {1e3 * width:g} ms"] == pytest.approx(wider.error, rel=SHOWN)


def test_a_driver_that_moves_nothing_has_no_numbers() -> None:
    nothing = made.spill(made.extracted()[:0], made.lost()[:0])
    row = frames(made.facts(others={"tune-sweep": nothing}))["spill-drivers-table"].iloc[1]
    assert list(row[["particles", "extracted", "lost"]]) == [60, 0, 0]
    assert row[5:].isna().all()
    few = made.spill(made.extracted()[:10], made.lost()[:5])
    row = frames(made.facts(others={"tune-sweep": few}))["spill-drivers-table"].iloc[1]
    assert row["efficiency [%]"] == pytest.approx(200 / 3, rel=SHOWN)
    assert np.isnan(row["length [s]"])


def test_both_trackers_side_by_side() -> None:
    """41 and 40 extracted, 10 lost by both; turns 0 to 40 thousand and one more up to 39; 2 mm farther out."""
    frame = frames()["engines-spill-table"].set_index("what")
    table = made.extracted()
    angles = table["px"] / (1 + table["delta"]) / MILLI
    expected = {
        "particles extracted": (41, 40),
        "particles lost": (10, 10),
        "mean turn of extraction": (20_000, 19_501),
        "mean x [mm]": (table["x"].mean() / MILLI, table["x"][:40].mean() / MILLI - 2),
        "mean x' [mrad]": (angles.mean(), angles[:40].mean()),
    }
    assert list(frame.index) == list(expected)
    for what, (ours, theirs) in expected.items():
        assert frame.loc[what, "fast tracker"] == pytest.approx(ours, rel=SHOWN), what
        assert frame.loc[what, "Xsuite"] == pytest.approx(theirs, rel=SHOWN), what


def test_no_second_tracker_no_table() -> None:
    assert list(frames(made.facts(agreement=None))) == ["spill-balance", "spill-beam"]
    both = made.agreement()
    none = replace(both, theirs=made.spill(made.extracted()[:0]))
    assert list(frames(made.facts(agreement=none))["engines-spill-table"]["what"]) == [
        "particles extracted",
        "particles lost",
    ]
