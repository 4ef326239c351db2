"""Evenness of a spill: counts, duty factor, variation and peak of spills whose evenness is known."""

from __future__ import annotations

from itertools import product
from math import comb, sqrt

import numpy as np
import pytest

from extraction.spill.rate import SpillRate, duty_factor, pair_variance, peak_to_mean, rate_variation, spill_rate
from lattice import InputError
from lattice.arrays import Array


def even(particles: int, bins: int, seed: int) -> Array:
    """Counts of particles that leave at independent, even times."""
    return np.random.default_rng(seed).multinomial(particles, np.full(bins, 1 / bins))


def modulated(depth: float, bins: int) -> Array:
    """Shares of a spill 1 + depth sin(2 pi k i / bins): whole periods, so that <p^2> = (1 + depth^2/2) <p>^2."""
    return (1 + depth * np.sin(2 * np.pi * 10 * np.arange(bins) / bins)) / bins


def test_counts_are_those_of_the_bins() -> None:
    rate = spill_rate(np.array([-0.1, 0.0, 0.1, 0.25, 0.5, 0.99, 1.0]), start=0.0, stop=1.0, width=0.25)
    np.testing.assert_array_equal(rate.counts, [2, 1, 1, 1])
    assert rate.outside == 2  # before the start, and at the stop
    np.testing.assert_allclose(rate.time, [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(rate.rate, [8, 4, 4, 4])
    assert rate.mean_rate == 5.0


def test_a_bin_that_is_not_whole_is_left_out() -> None:
    rate = spill_rate(np.linspace(0, 0.999, 1000), start=0.0, stop=1.0, width=0.3)
    assert (len(rate.counts), rate.counts.sum(), rate.outside) == (3, 900, 100)
    assert len(spill_rate(np.zeros(1), start=0.0, stop=1.0, width=1e-3).counts) == 1000  # no rounding of 1/1e-3


def test_bins_put_together() -> None:
    rate = SpillRate(0.0, 0.1, np.arange(7)).coarser(3)
    np.testing.assert_array_equal(rate.counts, [3, 12])
    assert rate.width == pytest.approx(0.3)
    assert rate.outside == 6


def test_the_corrected_duty_factor_has_no_bias_exactly() -> None:
    """All outcomes of 4 particles in 2 bins, by their probabilities: <1/F> = M sum p^2."""
    p, n = 0.3, 4
    mean = sum(
        comb(n, k) * p**k * (1 - p) ** (n - k) / duty_factor(np.array([k, n - k])).corrected for k in range(n + 1)
    )
    assert mean == pytest.approx(2 * (p**2 + (1 - p) ** 2), rel=1e-12)


def test_a_duty_factor_is_told_as_a_bound_where_it_may_be_one() -> None:
    """25 each in 4 bins: fewer pairs in one bin than independent times give, so the estimate is above 1."""
    found = duty_factor(np.full(4, 25))
    assert found.corrected == pytest.approx(100 * 99 / (4 * 4 * 25 * 24), rel=1e-12)
    assert (found.possible, found.largest) == (1.0, 1.0)
    assert found.least == found.corrected - 1.96 * found.error
    assert found.told == f"duty factor at least {found.least:.2f} (95 %; 1.00 as counted)"
    uneven = duty_factor(np.array([400, 100]))
    assert uneven.possible == uneven.corrected == pytest.approx(1 / (2 * (400 * 399 + 100 * 99) / (500 * 499)))
    assert uneven.told.startswith(f"duty factor {uneven.corrected:.2f} ({uneven.least:.2f} to {uneven.largest:.2f} at")


def test_the_error_of_the_duty_factor_is_that_of_its_sample_exactly() -> None:
    """Simpson's variance of the share of pairs against all outcomes of 5 particles in 3 bins."""
    p, n = np.array([0.2, 0.3, 0.5]), 5
    shared, weights = [], []
    for outcome in product(range(3), repeat=n):
        counts = np.bincount(outcome, minlength=3)
        shared.append(np.sum(counts * (counts - 1)) / (n * (n - 1)))
        weights.append(np.prod(p[list(outcome)]))
    mean = np.average(shared, weights=weights)
    variance = np.average((np.array(shared) - mean) ** 2, weights=weights)
    assert mean == pytest.approx(np.sum(p**2), rel=1e-12)
    assert pair_variance(n, np.sum(p**2), np.sum(p**3)) == pytest.approx(variance, rel=1e-12)


def test_an_even_spill_has_a_duty_factor_of_one() -> None:
    found = [duty_factor(even(10_000, 1000, seed)) for seed in range(200)]
    pulls = np.array([(one.corrected - 1.0) / one.error for one in found])
    # mean and rms of 200 pulls, five standard errors each
    assert abs(pulls.mean()) < 5 / sqrt(200)
    assert pulls.std() == pytest.approx(1.0, abs=5 / sqrt(400))
    # counted raw, Poisson's variance 10 of a mean of 10 makes it 1/(1 + 1/10)
    assert np.mean([one.raw for one in found]) == pytest.approx(1 / 1.1, rel=5e-3)


@pytest.mark.parametrize("depth", [0.2, 0.5, 1.0])
def test_a_modulated_spill_has_the_duty_factor_of_its_depth(depth: float) -> None:
    """F = 1/(1 + m^2/2), CV = m/sqrt(2)."""
    counts = np.random.default_rng(3).multinomial(200_000, modulated(depth, 1000))
    duty, spread = duty_factor(counts), rate_variation(counts)
    assert abs(duty.corrected - 1 / (1 + depth**2 / 2)) < 4 * duty.error
    assert abs(spread.corrected - depth / sqrt(2)) < 4 * spread.error
    assert duty.error < 0.01
    assert duty.raw < duty.corrected
    assert spread.raw > spread.corrected


def test_the_error_covers_a_modulated_spill_too() -> None:
    shares = modulated(1.0, 100)
    random = np.random.default_rng(4)
    found = [duty_factor(random.multinomial(2000, shares)) for _ in range(300)]
    pulls = np.array([(one.corrected - 2 / 3) / one.error for one in found])
    assert pulls.std() == pytest.approx(1.0, abs=5 / sqrt(600))


def test_many_particles_need_no_correction() -> None:
    counts = np.round(1e9 * modulated(0.5, 1000))
    duty = duty_factor(counts)
    assert duty.raw == pytest.approx(1 / 1.125, rel=1e-8)
    assert duty.corrected == pytest.approx(duty.raw, rel=2e-6)


def test_the_variation_of_a_spill_more_even_than_chance_is_zero() -> None:
    """The error of CV is then the root of that of CV^2 = 1/F - 1: dF/F^2 with F of 700 particles in 100 bins."""
    counts = np.full(100, 7)
    found, duty = rate_variation(counts), duty_factor(counts)
    assert (found.raw, found.corrected) == (0.0, 0.0)
    assert duty.corrected == pytest.approx(699 / 600, rel=1e-12)  # 700 x 699 pairs, 100 x 7 x 6 in one bin
    # an even spill's: sqrt(2 (1 - 1/100)/100/(700 x 699)) of the share of pairs
    share_error = np.sqrt(2 * (0.01 - 1e-4) / (700 * 699))
    assert duty.error == pytest.approx(share_error / (100 * (6 / 699) ** 2), rel=1e-9)
    assert found.error == pytest.approx(np.sqrt(duty.error) / duty.corrected, rel=1e-12)


def test_no_pair_in_a_bin_tells_nothing() -> None:
    found = duty_factor(np.array([1, 1, 1, 0]))
    assert np.isnan(found.corrected)
    assert np.isnan(rate_variation(np.array([1, 1, 1, 0])).corrected)


def test_the_peak_of_an_even_spill_is_that_of_poisson_counts() -> None:
    peaks = [peak_to_mean(even(20_000, 1000, seed)) for seed in range(101)]
    # whole numbers over a mean of 20: the median of the sample is that number or its neighbour
    assert np.median([peak.ratio for peak in peaks]) == pytest.approx(peaks[0].even, abs=0.051)
    spike = np.full(100, 50)
    spike[3] = 200
    found = peak_to_mean(spike)
    assert found.ratio == pytest.approx(200 / 51.5)
    assert found.error == pytest.approx(sqrt(200) / 51.5)
    assert found.ratio > 2 * found.even


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 1.0, "stop": 0.0, "width": 0.1}, "start < stop"),
        ({"start": 0.0, "stop": float("inf"), "width": 0.1}, "start < stop"),
        ({"start": 0.0, "stop": 1.0, "width": 0.0}, "must be a positive time"),
        ({"start": 0.0, "stop": 1.0, "width": 2.0}, "hold 0 bins"),
        ({"start": 0.0, "stop": 1.0, "width": 1e-12}, "from 1 to 100,000,000"),
    ],
)
def test_windows_that_hold_no_spill(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        spill_rate(np.zeros(3), **options)


def test_what_is_no_spill() -> None:
    with pytest.raises(InputError, match="finite numbers"):
        spill_rate(np.array([0.0, np.nan]), start=0.0, stop=1.0, width=0.1)
    for counts in ([1.5, 2], [-1, 5], [np.nan, 3], [[1, 2], [3, 4]]):
        with pytest.raises(InputError, match="whole numbers of particles"):
            duty_factor(np.array(counts))
    with pytest.raises(InputError, match="at least 3 are needed"):
        duty_factor(np.zeros(10))
    with pytest.raises(InputError, match="from 1 to 3"):
        SpillRate(0.0, 0.1, np.arange(3)).coarser(4)
