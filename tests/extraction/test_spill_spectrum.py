"""The spill against frequency: spectra, modulation and transfer function of spills that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from extraction.drivers.drivers import Ripple
from extraction.spill.rate import SpillRate, spill_rate
from extraction.spill.spectrum import MAINS, rate_modulation, rate_spectrum, transfer_function
from lattice import InputError
from lattice.arrays import Array


def times_of(rate: Callable[[Array], Array], shares: Array, stop: float = 1.0) -> Array:
    """Extraction times whose shares of the spill are given: even shares make a spill without counting noise."""
    grid = np.linspace(0.0, stop, 400_001)
    values = rate(grid)
    total = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]))])
    return np.interp(shares, total / total[-1], grid)


def even_shares(count: int) -> Array:
    return (np.arange(count) + 0.5) / count


def mains(time: Array) -> Array:
    return 1 + 0.3 * np.cos(2 * np.pi * 50 * time + 0.4) + 0.1 * np.cos(2 * np.pi * 300 * time - 1.0)


def test_an_even_spill_shows_its_shot_noise() -> None:
    times = np.random.default_rng(1).random(100_000)
    found = rate_spectrum(spill_rate(times, start=0.0, stop=1.0, width=1e-4), resolution=50.0)
    assert found.floor == pytest.approx(2 / 100_000, rel=1e-12)
    # 100 frequencies of 39 half-overlapping segments: some 2 % of their mean
    assert found.density[2:-1].mean() == pytest.approx(found.floor, rel=0.1)


def test_the_power_of_a_spectrum_is_the_squared_variation() -> None:
    times = times_of(mains, even_shares(200_000))
    rate = spill_rate(times, start=0.0, stop=1.0, width=1e-4)
    found = rate_spectrum(rate)
    power = found.density.sum() * found.resolution
    # the window weighs the middle of the spill, where the lines are as deep as everywhere; 1 of some 20 counts a bin
    assert power == pytest.approx(np.var(rate.counts) / rate.counts.mean() ** 2, rel=0.01)


@pytest.mark.parametrize(("line", "depth"), [(50.0, 0.3), (300.0, 0.1)])
def test_a_line_holds_half_its_depth_squared(line: float, depth: float) -> None:
    found = rate_spectrum(spill_rate(times_of(mains, even_shares(400_000)), start=0.0, stop=1.0, width=1e-4))
    near = np.abs(found.frequency - line) < 10
    # 1 % : the shape of 40 counts a bin, which are whole numbers
    assert found.density[near].sum() * found.resolution == pytest.approx(depth**2 / 2, rel=0.01)


def test_modulation_is_found_without_bins() -> None:
    """Depth and phase of a spill without counting noise; the error is that of as many independent particles."""
    count = 100_000
    found = rate_modulation(times_of(mains, even_shares(count)), MAINS, start=0.0, stop=1.0)
    wanted = np.zeros(6, dtype=complex)
    wanted[0], wanted[3] = 0.3 * np.exp(0.4j), 0.1 * np.exp(-1j)
    # 1e-5: the straight lines between the points of the spill's integral
    np.testing.assert_allclose(found["modulation"].to_numpy(), wanted, atol=1e-5)
    # each part: (2/N) sum of w cos over a Hann window, variance 2/N times <w^2>/<w>^2 = 3/2
    np.testing.assert_allclose(found["error"], np.sqrt(2 / count * 1.5), rtol=0.02)


def test_errors_are_those_of_samples_and_nothing_is_seen_where_nothing_is() -> None:
    spills = times_of(mains, np.random.default_rng(2).random((200, 2000)))
    samples = [rate_modulation(times, [50.0, 150.0], start=0.0, stop=1.0) for times in spills]
    found = np.array([table["modulation"] for table in samples])
    error = np.array([table["error"] for table in samples])
    pulls = (found - [0.3 * np.exp(0.4j), 0.0]) / error
    # 400 real and imaginary parts of each line: standard error of their rms 3.5 %, of their mean 5 %
    for k in range(2):
        parts = np.concatenate([pulls[:, k].real, pulls[:, k].imag])
        assert parts.std() == pytest.approx(1.0, abs=5 * 0.036)
        assert abs(parts.mean()) < 5 * 0.05
    assert stats.kstest([table["p_value"][1] for table in samples], "uniform").pvalue > 1e-3
    assert max(table["p_value"][0] for table in samples) < 1e-3


def test_a_spill_that_rises_and_falls_hides_no_line() -> None:
    def uneven(time: Array) -> Array:
        return (0.5 + time * (1.2 - time)) * 1.0 + 0.2 * np.sin(2 * np.pi * 50 * time)

    grid = np.linspace(0, 1, 100_001)
    mean = uneven(grid).mean()
    found = rate_modulation(times_of(uneven, even_shares(100_000)), [50.0], start=0.0, stop=1.0)
    assert found["modulation"][0] == pytest.approx(-0.2j / mean, abs=2e-4)


def test_few_periods_suffice() -> None:
    found = rate_modulation(times_of(mains, even_shares(50_000), stop=0.05), [50.0, 300.0], start=0.0, stop=0.05)
    # 2.5 periods of 50 Hz: the mean is that of the envelope, not of what the half period adds
    np.testing.assert_allclose(found["modulation"], [0.3 * np.exp(0.4j), 0.1 * np.exp(-1j)], atol=2e-4)


def test_the_transfer_function_is_response_over_ripple() -> None:
    """A spill that answers a ripple with gain g and lag theta has H = g exp(-i theta)."""
    ripple = Ripple("kf", ((1e-5, 50.0, 0.2), (2e-6, 300.0, -1.3)))
    gains, lags = np.array([2e4, 5e4]), np.array([0.3, 1.1])

    def answered(time: Array) -> Array:
        rate = np.ones_like(time)
        for (a, f, phase), gain, lag in zip(ripple.lines, gains, lags, strict=True):
            rate += gain * a * np.sin(2 * np.pi * f * time + phase - lag)
        return rate

    found = transfer_function(times_of(answered, even_shares(100_000)), ripple.lines, start=0.0, stop=1.0)
    np.testing.assert_allclose(found["gain"], gains, rtol=2e-4)
    np.testing.assert_allclose(found["phase"], -lags, atol=2e-4)
    np.testing.assert_allclose(found["gain_error"] * found["ripple"], found["error"], rtol=1e-12)
    np.testing.assert_allclose(found["phase_error"], found["error"] / found["depth"], rtol=1e-12)
    random = np.random.default_rng(5).random(5000)
    sampled = transfer_function(times_of(answered, random), ripple.lines, start=0.0, stop=1.0)
    assert np.all(np.abs(sampled["gain"] - gains) < 4 * sampled["gain_error"])


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [
        ([50.0, 51.0], r"lines 1 Hz apart \(or from 0\) cannot be told .* in 1 s: 2 Hz are needed"),
        ([1.0], "lines 1 Hz apart"),
        ([50.0, 50.0], "lines 0 Hz apart"),
        ([], "positive numbers"),
        ([-50.0], "positive numbers"),
        ([float("nan")], "positive numbers"),
    ],
)
def test_lines_that_cannot_be_told(frequencies: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rate_modulation(even_shares(1000), frequencies, start=0.0, stop=1.0)


def test_what_has_no_spectrum() -> None:
    with pytest.raises(InputError, match="3 particles between 0 and 1 s cannot tell 6 lines"):
        rate_modulation(np.array([0.1, 0.2, 0.3]), MAINS, start=0.0, stop=1.0)
    with pytest.raises(InputError, match="amplitude other than 0"):
        transfer_function(even_shares(1000), [(0.0, 50.0, 0.0)], start=0.0, stop=1.0)
    with pytest.raises(InputError, match="found 0 particles"):
        rate_spectrum(SpillRate(0.0, 0.1, np.zeros(100)))
    for resolution in (0.0, float("nan"), 1e-3, 1e6):
        with pytest.raises(InputError, match=r"lies between 0\.1 and 1\.25 Hz"):
            rate_spectrum(SpillRate(0.0, 0.1, np.ones(100)), resolution)
