"""Figures of a linac's optics and the numbers behind them, from facts made up by hand: every curve in its unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from optics.matter.ranges import range_in_water
from studies.linac import figures as drawn
from tests.linac_facts import EXIT, FREQUENCY, MASS, RUN, SIZES, TANKS, optics_facts


def curve(drawing: Mapping[str, Any], number: int, axis: str = "y") -> list[float]:
    return [float(value) for value in drawing["data"][number][axis]]


def test_the_envelopes_are_in_millimetres_degrees_and_kev() -> None:
    """zeta over the wavelength beta lambda is a share of a turn; sigma_W = beta^2 gamma m sigma_delta."""
    figure = drawn._envelope(optics_facts())
    table = figure.table
    gamma = 1.0 + RUN.energy / MASS
    beta = np.sqrt(1.0 - gamma**-2)
    wavelength = beta * 299_792_458.0 / FREQUENCY
    assert list(table["sigma x [mm]"]) == pytest.approx([2.0, 1.0, 0.9, 0.5, 1.1, 1.5, 1.6])
    assert list(table["sigma y [mm]"]) == pytest.approx([1.0, 1.2, 1.4, 1.8, 1.9, 2.1, 2.2])
    assert list(table["bore [mm]"]) == pytest.approx([4.0, 4.0, 4.0, 3.0, 4.0, 5.0, 5.0])
    assert list(table["sigma phase [deg]"]) == pytest.approx(360.0 * SIZES[:, 4] / wavelength)
    assert list(table["sigma W [keV]"]) == pytest.approx(beta**2 * gamma * MASS * SIZES[:, 5] / 1e3)
    assert curve(figure.plotly, 0) == pytest.approx(3.0 * table["sigma x [mm]"], rel=1e-4)
    assert curve(figure.plotly, 1) == pytest.approx(-3.0 * table["sigma y [mm]"], rel=1e-4)
    assert curve(figure.plotly, 2) == pytest.approx(table["bore [mm]"], rel=1e-4)
    assert curve(figure.plotly, 3) == pytest.approx(-table["bore [mm]"], rel=1e-4)


def test_machines_below_a_transmission() -> None:
    """16 at the stated errors: the least reaches 64 %, and one of sixteen stays at or below it; all below the best."""
    figure = drawn._transmission(optics_facts())
    least, best = curve(figure.plotly, 1, "x")[0], curve(figure.plotly, 1, "x")[-1]
    assert (least, best) == pytest.approx((64.0, 90.0))
    assert curve(figure.plotly, 1)[0] == pytest.approx(100.0 / 16)
    assert curve(figure.plotly, 1)[-1] == pytest.approx(100.0)


def test_pulses_lie_about_the_range_of_the_design() -> None:
    """51.9, 52 and 52.3 MeV where 52.026 is reached without errors: two are short of its range, one is beyond."""
    figure = drawn._pulses(optics_facts())
    ranges = [1e3 * float(range_in_water(energy, EXIT.kind)) for energy in (51.9e6, 52.0e6, 52.3e6)]
    designed = 1e3 * float(range_in_water(52.026e6, EXIT.kind))
    assert list(figure.table["W [MeV]"]) == pytest.approx([51.9, 52.0, 52.3])
    assert list(figure.table["range [mm]"]) == pytest.approx(ranges)
    off = curve(figure.plotly, 0, "x")
    assert (min(off), max(off)) == pytest.approx((ranges[0] - designed, ranges[2] - designed), rel=1e-4)
    assert min(off) < 0 < max(off)


def test_gains_of_both_engines_are_compared_per_mille() -> None:
    """11 MeV by gaps for 11.011 by the fields of the first tank: 1 per mille less."""
    (figure,) = drawn._engines(optics_facts())
    expected = 1e3 * (TANKS["gain"] - TANKS["gain_fields"]) / TANKS["gain_fields"]
    assert curve(figure.plotly, 0) == pytest.approx(list(expected), rel=1e-4)
    assert curve(figure.plotly, 0)[0] == pytest.approx(-0.999, abs=1e-3)
