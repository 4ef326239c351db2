"""The exciter's signal: laws of band-limited noise, and the rms kick of every kind of signal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from extraction import RFKnockout
from extraction.drivers.excitation import envelope, noise
from lattice.arrays import Array

BAND, RATE = 2000.0, 20e3  # Hz
TIMES = np.arange(200_000) / RATE  # 10 s, 20,000 correlation times


def test_noise_is_the_same_at_the_same_time_whatever_is_asked_for_with_it() -> None:
    whole = noise(TIMES, BAND, seed=3)
    np.testing.assert_array_equal(noise(TIMES[12_345:12_400], BAND, seed=3), whole[12_345:12_400])
    np.testing.assert_array_equal(noise(TIMES[::-1], BAND, seed=3), whole[::-1])
    assert not np.allclose(noise(TIMES[:50], BAND, seed=4), whole[:50])
    assert len(noise(TIMES[:0], BAND, seed=3)) == 0


def test_noise_is_gaussian_of_mean_square_one() -> None:
    found = noise(TIMES, BAND, seed=1)
    power = np.abs(found) ** 2
    # 20,000 independent values: mean square 1 to 0.7 %, kurtosis of a complex Gaussian 2 to 3 %, three times that.
    assert np.mean(power) == pytest.approx(1.0, abs=0.02)
    assert np.mean(power**2) == pytest.approx(2.0, abs=0.1)
    assert abs(np.mean(found)) < 0.03


def test_noise_lies_within_its_band() -> None:
    frequency, density = welch(noise(TIMES, BAND, seed=2), RATE, nperseg=2000, return_onesided=False)
    share = np.abs(frequency) / (BAND / 2)
    inside = density[share < 0.84]
    assert np.mean(inside) * BAND == pytest.approx(1.0, abs=0.04)
    assert np.max(density[share > 1.2]) < 1e-6 * np.mean(inside)


def test_noise_does_not_repeat() -> None:
    """A sum of tones comes back; the correlation with itself seconds later is that of 20,000 independent values."""
    found = noise(TIMES, BAND, seed=1)
    half = len(found) // 2
    for lag in (400, 2000, 20_000, half):  # 20 ms and more: 40 correlation times
        assert abs(np.mean(found[:half] * np.conj(found[lag : lag + half]))) < 0.04


def mean_square(excitation: str, times: Array, period: float = 1e-3) -> float:
    """Of 2 urad, over its square; a band of 10 kHz."""
    band = 0.0 if excitation == "sine" else 0.01
    driver = RFKnockout("x", [(0.0, 2e-6)], 0.67, excitation, band, period=period)
    return float(np.mean(np.abs(envelope(driver, times, 1e6) / 2e-6) ** 2))


@pytest.mark.parametrize("excitation", ["sine", "chirp", "dual-fm"])
@pytest.mark.parametrize("period", [1e-4, 2.5e-4, 1e-3, 7e-3])
def test_every_sweep_has_the_rms_kick_of_the_sine(excitation: str, period: float) -> None:
    """Over whole periods, whether the band holds one turn of the phase in a period or seventy."""
    times = (np.arange(40_000) + 0.5) / 40_000 * 4 * period
    assert mean_square(excitation, times, period) == pytest.approx(1.0, rel=1e-6)


def test_noise_has_the_rms_kick_of_the_sine() -> None:
    """Of 100,000 independent values: 0.3 %, five times that."""
    assert mean_square("noise", TIMES) == pytest.approx(1.0, rel=0.016)
