"""The spill against frequency: power spectral density, modulation at known lines, ripple-to-spill transfer function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, pi

import numpy as np
import pandas as pd
from numpy.polynomial import legendre

from extraction.spill.rate import SpillRate, check_window, checked_times, spill_rate
from lattice import InputError
from lattice.arrays import Array
from optics.closed import closed

#: Lines of power supplies on a 50 Hz mains [Hz]: the mains, rectifiers of 2, 6, 12 and 24 pulses and their neighbours.
MAINS = (50.0, 100.0, 150.0, 300.0, 600.0, 1200.0)
_ENVELOPE = 4  # Legendre polynomials that take up the slow shape of the spill
_CHUNK = 100_000
_MIDDLE = (0.05, 0.95)  # of the particles: without the spill's beginning and end
_FINEST, _BINS, _RESOLUTION = 1e-4, 64, 5.0  # s (5 kHz), bins at least, Hz


@closed
@dataclass(frozen=True, eq=False)
class Spectrum:
    """One-sided power spectral ``density`` [1/Hz] of rate over mean rate at ``frequency`` [Hz], each (n,).

    Its integral is the squared coefficient of variation; a line of modulation depth m holds m^2/2. ``floor`` [1/Hz] is
    the density 2 / (mean rate) of a perfectly even spill of as many particles (shot noise). ``resolution`` [Hz].
    """

    frequency: Array
    density: Array
    floor: float
    resolution: float


def spectrum_of_middle(times: Array) -> Spectrum | None:
    """Spectrum of the middle 90 % of the extraction ``times`` (n,) [s], up to 5 kHz; None for a spill too short."""
    start, stop = (float(value) for value in np.quantile(times, _MIDDLE))
    try:
        rate = spill_rate(times, start=start, stop=stop, width=min(_FINEST, (stop - start) / _BINS))
        return rate_spectrum(rate, max(_RESOLUTION, 1.0 / (rate.width * len(rate.counts))))
    except InputError:
        return None


def rate_spectrum(rate: SpillRate, resolution: float | None = None) -> Spectrum:
    """Power spectral density of a spill by Welch's method (Hann window, halves overlapping).

    ``resolution`` [Hz] sets the segments' length 1/resolution; default the whole spill in one.

    Equation:
        P(f) = mean over segments of |FFT(window n)|^2, normalised so that its integral is the variance of the rate.

    Returns:
        Spectrum: frequencies [Hz] and density, with the level of counting statistics.

    Raises:
        InputError: an empty spill or a resolution that it cannot have.

    Source:
        P. D. Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967).

    Example:
        >>> from extraction.spill.rate import spill_rate
        >>> times = np.random.default_rng(1).random(5000)
        >>> spectrum = rate_spectrum(spill_rate(times, start=0.0, stop=1.0, width=1e-3), resolution=10.0)
        >>> print(round(float(spectrum.frequency[-1])))  # half of the bins' rate
        500
    """
    from scipy.signal import welch

    duration = rate.width * len(rate.counts)
    if rate.mean_rate == 0.0 or len(rate.counts) < 8:
        found = f"{rate.counts.sum():g} particles in {len(rate.counts)}"
        raise InputError(f"a spectrum needs particles in at least 8 bins, found {found}")
    resolution = 1.0 / duration if resolution is None else float(resolution)
    segment = round(1.0 / (resolution * rate.width)) if isfinite(resolution) and resolution > 0 else 0
    if not 8 <= segment <= len(rate.counts):
        allowed = f"{1 / duration:g} and {1 / (8 * rate.width):g} Hz"
        raise InputError(f"the resolution of this spill's spectrum lies between {allowed}, found {resolution!r}")
    relative = rate.rate / rate.mean_rate
    frequency, density = welch(relative, fs=1.0 / rate.width, window="hann", nperseg=segment)
    return Spectrum(frequency, density, 2.0 / rate.mean_rate, 1.0 / (segment * rate.width))


def rate_modulation(times: Array, frequencies: Sequence[float], *, start: float, stop: float) -> pd.DataFrame:
    """Modulation of the rate at known ``frequencies`` [Hz], from extraction times (n,) [s] without binning.

    Weighted moments with a Hann window over the spill from ``start`` to ``stop``, solved for envelope and lines
    together; errors are those of independent particles.

    Equation:
        rate = slow envelope + its mean * sum Re(m exp(2 pi i f t)), t from 0; chance of a depth d exp(-d^2 / (2
        error^2)).

    Returns:
        A table, a row a frequency: frequency [Hz], modulation (complex m), depth (its absolute value), error (standard
        error of each of its two parts), p_value (chance of such a depth without modulation).

    Raises:
        InputError: lines closer than two periods of the window, or no particles.

    Source:
        Moments of a point process with a window: F. J. Harris, Proc. IEEE 66, 51 (1978) (Hann).

    Example:
        >>> t = (np.arange(100_000) + 0.5) / 100_000
        >>> times = t - 0.2 * np.sin(2 * np.pi * 50 * t) / (2 * np.pi * 50)  # rate 1 + 0.2 cos, to first order
        >>> table = rate_modulation(times, [50.0], start=0.0, stop=1.0)
        >>> print(round(float(table["depth"][0]), 2))
        0.2
    """
    check_window(start, stop)
    lines = _lines(frequencies, stop - start)
    values = checked_times(times)
    values = values[(values >= start) & (values < stop)]
    size = _ENVELOPE + 2 * len(lines)
    if len(values) <= size:
        raise InputError(f"{len(values)} particles between {start:g} and {stop:g} s cannot tell {len(lines)} lines")
    moments, covariance = np.zeros(size), np.zeros((size, size))
    for part in _chunks(values):
        weighted = _basis(part, lines, start, stop) * _hann(part, start, stop)
        moments += weighted.sum(axis=1)
        covariance += weighted @ weighted.T
    inverse = np.linalg.inv(_gram(lines, start, stop))
    amplitudes, errors = inverse @ moments, inverse @ covariance @ inverse
    return _table(lines, amplitudes, np.diag(errors))


def _table(lines: Array, amplitudes: Array, variances: Array) -> pd.DataFrame:
    mean = amplitudes[0]
    cosine, sine = amplitudes[_ENVELOPE::2] / mean, amplitudes[_ENVELOPE + 1 :: 2] / mean
    found = cosine - 1j * sine
    error = np.sqrt(0.5 * (variances[_ENVELOPE::2] + variances[_ENVELOPE + 1 :: 2])) / mean
    return pd.DataFrame(
        {
            "frequency": lines,
            "modulation": found,
            "depth": np.abs(found),
            "error": error,
            "p_value": np.exp(-0.5 * (np.abs(found) / error) ** 2),
        }
    )


def transfer_function(
    times: Array, lines: Sequence[tuple[float, float, float]], *, start: float, stop: float
) -> pd.DataFrame:
    """Ripple-to-spill transfer function: modulation of the rate over the ripple, at the ripple's own lines.

    ``lines``: (relative amplitude a, frequency [Hz], phase [rad]) of a ripple sum a sin(2 pi f t + phase), as in
    ``Ripple.lines``. With a p_value that is not small the line is not seen and the gain is noise.

    Equation:
        H(f) = m(f) / r(f), r the complex amplitude of the ripple at f.

    Returns:
        A table: columns of ``rate_modulation`` and ripple (a), gain (|H|), gain_error, phase [rad] (of H: negative when
        the spill lags), phase_error.

    Raises:
        InputError: as ``rate_modulation``.

    Source:
        As of ``rate_modulation``.

    Example:
        >>> t = (np.arange(100_000) + 0.5) / 100_000
        >>> times = t - 0.2 * np.sin(2 * np.pi * 50 * t) / (2 * np.pi * 50)
        >>> table = transfer_function(times, [(1e-3, 50.0, np.pi / 2)], start=0.0, stop=1.0)
        >>> print(round(float(table["gain"][0]), -1))  # 0.2 of a per mille
        200.0
    """
    amplitudes, frequencies, phases = (np.array(column, dtype=float) for column in zip(*lines, strict=True))
    if np.any(amplitudes == 0.0):
        raise InputError("a transfer function needs ripple lines of an amplitude other than 0")
    table = rate_modulation(times, list(frequencies), start=start, stop=stop)
    ripple = amplitudes * np.exp(1j * (phases - pi / 2))  # a sin(wt + phase) = Re(a e^{i(phase - pi/2)} e^{iwt})
    response = table["modulation"].to_numpy() / ripple
    with np.errstate(divide="ignore"):
        phase_error = np.minimum(table["error"] / table["depth"], pi)
    return table.assign(
        ripple=amplitudes,
        gain=np.abs(response),
        gain_error=table["error"] / np.abs(amplitudes),
        phase=np.angle(response),
        phase_error=phase_error,
    )


def _lines(frequencies: Sequence[float], duration: float) -> Array:
    lines = np.asarray(frequencies, dtype=float)
    if lines.ndim != 1 or len(lines) == 0 or not np.all(np.isfinite(lines) & (lines > 0)):
        raise InputError(f"frequencies must be positive numbers [Hz], found {frequencies!r}")
    apart = np.diff(np.sort(np.concatenate([[0.0], lines])))
    if apart.min() * duration < 2.0 * (1 - 1e-9):
        raise InputError(
            f"lines {apart.min():g} Hz apart (or from 0) cannot be told from one another in {duration:g} s: "
            f"{2 / duration:g} Hz are needed"
        )
    return lines


def _chunks(values: Array) -> Iterator[Array]:
    return iter(np.array_split(values, max(1, len(values) // _CHUNK)))


def _basis(time: Array, lines: Array, start: float, stop: float) -> Array:
    """Envelope polynomials, then cosine and sine of each line, at times (n,): (4 + 2 lines, n)."""
    place = 2.0 * (time - start) / (stop - start) - 1.0
    phase = 2 * pi * lines[:, None] * time
    waves = np.stack([np.cos(phase), np.sin(phase)], axis=1).reshape(2 * len(lines), -1)
    return np.concatenate([legendre.legvander(place, _ENVELOPE - 1).T, waves])


def _hann(time: Array, start: float, stop: float) -> Array:
    return np.asarray(np.sin(pi * (time - start) / (stop - start)) ** 2)


def _gram(lines: Array, start: float, stop: float) -> Array:
    """Integral over the window of Hann times basis times basis, by Gauss's rule."""
    count = 32 + int(16 * lines.max() * (stop - start))  # of the fastest product: eight points a period
    gram = np.zeros((_ENVELOPE + 2 * len(lines),) * 2)
    edges = np.linspace(start, stop, count // 16 + 2)
    nodes, weights = legendre.leggauss(16)
    half = 0.5 * np.diff(edges)
    time = (0.5 * (edges[:-1] + edges[1:])[:, None] + half[:, None] * nodes).ravel()
    weight = (half[:, None] * weights).ravel()
    for part in np.array_split(np.arange(len(time)), max(1, len(time) // _CHUNK)):
        basis = _basis(time[part], lines, start, stop)
        gram += (basis * (_hann(time[part], start, stop) * weight[part])) @ basis.T
    return gram
