"""The signal of an RF knock-out exciter against time: sine, chirp, dual FM, band-limited noise."""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from extraction.drivers.drivers import RFKnockout, programme_values
from lattice.arrays import Array
from optics.compiled import compiled

_SIDE = 36  # numbers on either side that a moment of the noise is made of
_FINE = 512  # entries of the filter's table from one number to the next
_CHUNK = 1024  # numbers drawn at a time
_ORIGIN = 1 << 40  # chunks before time 0 have numbers too
_BLACKMAN = (0.42, 0.5, 0.08)


def envelope(knockout: RFKnockout, times: Array, revolution_frequency: float) -> Array:
    """Complex envelope (n,) of the exciter's kick [rad] at ``times`` [s].

    The kick is its real part times exp(2 pi i f t), f = tune x revolution frequency. "chirp" sweeps the band upwards
    once a period, "dual-fm" adds a second sweep half a period behind it, "noise" is Gaussian and never repeats, its
    power even over the band and 0 outside; all have the rms kick of the "sine".

    Two sweeps half a period T apart beat with pi B (t - T/4): what they have in common is sinc(pi B T/4) on average.
    """
    amplitude = programme_values(knockout.programme, times)
    band = knockout.bandwidth * revolution_frequency
    if knockout.excitation == "sine":
        return amplitude.astype(complex)
    if knockout.excitation == "noise":
        return np.asarray(amplitude * noise(times, band, knockout.seed))
    if knockout.excitation == "chirp":
        return np.asarray(amplitude * _sweep(times, band, knockout.period))
    two = _sweep(times, band, knockout.period) + _sweep(times + knockout.period / 2, band, knockout.period)
    return np.asarray(amplitude * two / np.sqrt(2.0 * (1.0 + np.sinc(band * knockout.period / 4.0))))


def _sweep(times: Array, band: float, period: float) -> Array:
    """exp(i phase) of a frequency that rises from -band/2 to band/2 in each period."""
    within = np.mod(times, period)
    return np.exp(1j * np.pi * band * within * (within / period - 1.0))


def noise(times: Array, band: float, seed: int) -> Array:
    """Complex Gaussian noise (n,) of mean square 1 at ``times`` [s], from -band/2 to band/2 [Hz].

    Independent numbers, two for each 1/band, pass a low-pass filter (a sinc in a Blackman window): even power up to
    0.84 of band/2, half at band/2, below 1e-8 beyond 1.16 of it. The same time gives the same noise whichever other
    times are asked for: the numbers belong to places on the axis of time.
    """
    places = np.asarray(times, dtype=float) * 2.0 * band
    if len(places) == 0:
        return np.zeros(0, dtype=complex)
    first = floor(np.min(places)) - _SIDE
    numbers = _numbers(first, floor(np.max(places)) + _SIDE + 2, seed)
    return np.asarray(_filtered(places, numbers, first, _FILTER))


@compiled
def _filtered(places: Any, numbers: Any, first: int, table: Any) -> Any:
    """The noise at places counted in numbers drawn, ``first`` the place of the first one given."""
    total = np.zeros(len(places), dtype=np.complex128)
    for i in range(len(places)):
        before = int(np.floor(places[i]))
        for k in range(before + 1 - _SIDE, before + _SIDE + 1):
            entry = abs(places[i] - k) * _FINE
            lower = int(entry)
            weight = table[lower] + (entry - lower) * (table[lower + 1] - table[lower])
            total[i] += weight * numbers[k - first]
    return total


def _numbers(first: int, stop: int, seed: int) -> Array:
    """Complex Gaussian numbers ``first`` to ``stop`` of an endless row, of mean square 1."""
    begin, end = first // _CHUNK, (stop - 1) // _CHUNK + 1
    drawn = [np.random.default_rng([seed, _ORIGIN + chunk]).normal(size=(2, _CHUNK)) for chunk in range(begin, end)]
    real, imaginary = np.concatenate(drawn, axis=1)[:, first - begin * _CHUNK : stop - begin * _CHUNK] / np.sqrt(2.0)
    return np.asarray(real + 1j * imaginary)


def _filter_table() -> Array:
    """The low-pass at distances up to ``_SIDE``, of unit power: what passes is half of the numbers' band."""
    distance = np.arange(_SIDE * _FINE + 2) / _FINE
    phase = np.pi * np.minimum(distance / _SIDE, 1.0)
    window = _BLACKMAN[0] + _BLACKMAN[1] * np.cos(phase) + _BLACKMAN[2] * np.cos(2 * phase)
    shape = window * np.sinc(distance / 2)
    own = shape[: _SIDE * _FINE : _FINE]
    return np.asarray(shape / np.sqrt(2.0 * np.sum(own**2) - own[0] ** 2))


_FILTER = _filter_table()
