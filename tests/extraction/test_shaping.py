"""Shaping: the programme that makes a spill even, from trial to check."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import (
    BetatronCore,
    PhaseDisplacement,
    RFKnockout,
    Septum,
    ShapedSpill,
    duty_factor,
    flat_programme,
    spill_rate,
    track_spill,
)
from extraction.spill.rate import Evenness
from extraction.spill.shaping import _reason, _Wanted
from lattice import InputError, NoSolution
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics import Beam
from tests.extraction_rings import PROTON, SEPTUM, reference

RING = reference(1.666)
TURNS = 40_000
DURATION = TURNS * float(RING.length) / (PROTON.beta * SPEED_OF_LIGHT)
ALIGNED = replace(Septum.of(RING, SEPTUM), angle=0.0008)
#: A Gaussian stack below the resonance: driven evenly, it leaves with a Gaussian's rate.
STACK = Beam.normalised(PROTON, 0.5e-6, 0.5e-6, sigma_delta=4e-4, delta=-0.0022)
CORE = BetatronCore([(0.0, 0.0), (DURATION, 0.004)])


def unevenness(times: Array, start: float, stop: float) -> float:
    """Largest distance of the share extracted from a straight line, after Kolmogorov."""
    inside = np.sort(times[(times >= start) & (times <= stop)])
    return float(np.max(np.abs(np.arange(len(inside)) / len(inside) - (inside - start) / (stop - start))))


@pytest.fixture(scope="module")
def shaped() -> ShapedSpill:
    return flat_programme(RING, PROTON, STACK, CORE, ALIGNED, turns=TURNS, count=480, check_count=320, knots=12)


def test_a_shaped_spill_is_even_within_the_statistics_of_the_sample(shaped: ShapedSpill) -> None:
    check = track_spill(RING, PROTON, STACK, shaped.driver, ALIGNED, turns=TURNS, count=480, seed=2)
    first, last = shaped.trials[0], check
    before = unevenness(first.extracted["time"].to_numpy(), 0.0, first.duration)
    after = unevenness(last.extracted["time"].to_numpy(), 0.02 * DURATION, DURATION)
    assert before > 0.2  # the Gaussian
    # Another sample of 480: 1.63/sqrt(480) = 0.074 is reached by chance in 1 % of even spills; the trial's own sample,
    # from which the programme is made, has as much again.
    assert after < 0.1


def test_the_duty_factor_told_is_that_of_the_spill_tracked(shaped: ShapedSpill) -> None:
    assert shaped.reached
    assert shaped.check is shaped.trials[-1]
    assert shaped.check.turns == TURNS
    assert shaped.check.particles == 320
    times = shaped.check.extracted["time"].to_numpy()
    counts = spill_rate(times, start=0.02 * DURATION, stop=DURATION, width=0.98 * DURATION / 12).counts
    assert shaped.duty_factor.corrected == pytest.approx(duty_factor(counts).corrected, rel=1e-9)
    assert shaped.duty_factor.corrected + shaped.duty_factor.error >= 0.95
    # The whole time is used: an even spill that ended a tenth early would have 0.9.
    assert times.max() > 0.95 * DURATION


def test_a_duty_factor_that_is_not_reached_is_said(shaped: ShapedSpill) -> None:
    missed = replace(shaped, reason=_reason(shaped.check, Evenness(0.8, 0.9, 0.02), 0.95, 4))
    assert not missed.reached
    assert "duty factor 0.90 (0.86 to 0.94 at 95 %; 0.80 as counted) is reached, 0.95 was wanted" in missed.reason
    assert f"{len(shaped.check.extracted)} of 320" in missed.reason


def test_a_shape_can_be_asked_for() -> None:
    shaped = flat_programme(
        RING,
        PROTON,
        STACK,
        CORE,
        ALIGNED,
        turns=TURNS,
        count=320,
        rounds=2,
        knots=12,
        shape=lambda time: np.where(time < DURATION / 2, 3.0, 1.0),
    )
    early = np.mean(shaped.check.extracted["time"].to_numpy() < DURATION / 2)
    assert early == pytest.approx(0.75, abs=0.08)  # three standard deviations of 300 particles
    assert shaped.duty_factor.corrected > 0.9  # in bins of equal wanted shares


def test_what_cannot_be_shaped_is_said() -> None:
    with pytest.raises(InputError, match="not for PhaseDisplacement"):
        flat_programme(RING, PROTON, STACK, PhaseDisplacement([(0, 0.0)], volt=100.0), ALIGNED, turns=1000)
    still = BetatronCore([(0.0, 0.0), (DURATION, 1e-6)])
    with pytest.raises(NoSolution, match="only 0 of 64 particles leave"):
        flat_programme(RING, PROTON, STACK, still, ALIGNED, turns=2000, count=64)
    with pytest.raises(InputError, match="not negative"):
        flat_programme(
            RING, PROTON, STACK, CORE, ALIGNED, turns=TURNS, count=320, rounds=1, shape=lambda time: -np.ones_like(time)
        )


def test_the_heating_of_a_knockout_does_not_depend_on_how_long_a_trial_is() -> None:
    from extraction.spill.shaping import _driver, _progress, _Warp

    knockout = RFKnockout("x", [(0.0, 1e-6), (1.0, 3e-6)], tune=0.66)
    heating = _progress(knockout, 1.0)[1]
    # Integral of (1 + 2 t)^2 from 0 to 1 is 13/3, in 1e-12.
    assert 1e12 * heating[-1] == pytest.approx(13 / 3, rel=1e-6)
    short = _driver(knockout, _Warp(np.array([0.0, 1.0]), heating[[0, -1]]), 0.01)
    assert _progress(short, 0.01)[1][-1] == pytest.approx(heating[-1], rel=1e-9, abs=0.0)


@pytest.mark.parametrize("lead", [0.0, 0.2])
def test_shares_leave_when_the_shape_has_grown_to_them(lead: float) -> None:
    """Evenly, or as the square of the time for a rate that rises from 0: the shares of 0, a quarter and 1 leave after
    0, a quarter (a half) and all of what the lead leaves; a spill that does so is even in its own bins."""
    shares = np.array([0.0, 0.25, 1.0])
    even, rising = (_Wanted(shape, 2.0, 8, lead) for shape in (None, lambda times: times))
    assert even.fractions(shares) == pytest.approx(lead + (1 - lead) * np.array([0.0, 0.25, 1.0]), rel=1e-12)
    assert rising.fractions(shares) == pytest.approx(lead + (1 - lead) * np.array([0.0, 0.5, 1.0]), abs=1e-5)
    middles = (np.arange(800) + 0.5) / 800
    for wanted in (even, rising):
        spill: Any = SimpleNamespace(extracted=pd.DataFrame({"time": 2.0 * wanted.fractions(middles)}))
        assert wanted.evenness(spill).raw == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(("ends", "share"), [((3e-6, 3e-6), 1.0), ((0.0, 3e-6), 1 / 3), ((3e-6, 1.5e-6), 7 / 12)])
def test_an_exciter_s_progress_is_its_heating(ends: tuple[float, float], share: float) -> None:
    """The amplitude squared over time: of a straight line from a to b (a^2 + a b + b^2) / 3 of the duration."""
    from extraction.spill.shaping import _driver, _progress, _Warp

    knockout = RFKnockout("x", [(0.0, ends[0]), (0.5, ends[1])], tune=0.67, bandwidth=0.01)
    times, heating = _progress(knockout, 0.5)
    assert heating[-1] == pytest.approx(share * 9e-12 * 0.5, rel=1e-5, abs=0.0)  # a trapezium of thousands of steps
    again = _driver(knockout, _Warp(times / 0.5, heating), 0.5).programme
    found = np.array(again)
    wanted = ends[0] + (ends[1] - ends[0]) * found[:, 0] / 0.5
    np.testing.assert_allclose(found[:, 1], wanted, rtol=0, atol=1e-3 * 3e-6)


def test_other_drivers_progress_as_their_programmes() -> None:
    from extraction.spill.shaping import _driver, _progress, _Warp

    core = BetatronCore([(0.0, -1e-3), (0.5, 2e-3)])
    times, values = _progress(core, 0.5)
    np.testing.assert_allclose(values, -1e-3 + 6e-3 * times, rtol=0, atol=1e-15)
    again = np.array(_driver(core, _Warp(np.array([0.0, 0.25, 1.0]), np.array([0.0, 3.0, 5.0])), 0.2).programme)
    np.testing.assert_allclose(again, [[0.0, 0.0], [0.05, 3.0], [0.2, 5.0]], rtol=1e-12)
