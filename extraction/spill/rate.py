"""How even a spill is: particles in equal time bins, duty factor, variation and peak, freed of counting statistics.

Tracked particles are a sample: even a perfectly even spill shows bins of different counts. What is called corrected
is the number that infinitely many particles would give; its error is that of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from optics.closed import closed

MAX_BINS = 100_000_000
_TWO_SIDED = 1.96  # sigma of a Gaussian on either side of 95 %


@closed
@dataclass(frozen=True, eq=False)
class SpillRate:
    """``counts`` (n,) of particles in bins of ``width`` [s] from ``start`` [s] on; ``outside`` lie in none of them."""

    start: float
    width: float
    counts: Array
    outside: int = 0

    @property
    def time(self) -> Array:
        """Middle of each bin (n,) [s]."""
        return np.asarray(self.start + self.width * (np.arange(len(self.counts)) + 0.5))

    @property
    def rate(self) -> Array:
        """Particles per second in each bin (n,)."""
        return np.asarray(self.counts / self.width)

    @property
    def mean_rate(self) -> float:
        """Particles per second over all bins."""
        return float(self.counts.sum() / (self.width * len(self.counts)))

    def coarser(self, bins: int) -> SpillRate:
        """The same spill with so many bins together; an incomplete last one goes to ``outside``."""
        if not (isinstance(bins, int) and 1 <= bins <= len(self.counts)):
            raise InputError(f"bins must be a whole number from 1 to {len(self.counts)}, found {bins!r}")
        whole = len(self.counts) // bins * bins
        left_out = int(self.counts[whole:].sum())
        counts = self.counts[:whole].reshape(-1, bins).sum(axis=1)
        return SpillRate(self.start, self.width * bins, counts, self.outside + left_out)


def spill_rate(times: Array, *, start: float, stop: float, width: float) -> SpillRate:
    """Count extraction times (n,) [s] in bins of ``width`` [s] between ``start`` and ``stop``; whole bins only.

    Equation:
        n_j = number of times t with start + j width <= t < start + (j + 1) width.

    Returns:
        SpillRate: ``counts`` (bins,) and the bins' edges [s].

    Raises:
        InputError: times that are not finite, a window that holds no bin.

    Source:
        A definition.

    Example:
        >>> spill_rate(np.array([0.1, 0.2, 1.5, 2.9]), start=0.0, stop=3.0, width=1.0).counts.tolist()
        [2, 1, 1]
    """
    values = checked_times(times)
    check_window(start, stop)
    if not (isfinite(width) and width > 0):
        raise InputError(f"the width of a bin must be a positive time [s], found {width!r}")
    bins = floor((stop - start) / width * (1 + 1e-12))
    if not 1 <= bins <= MAX_BINS:
        raise InputError(f"{stop - start:g} s hold {bins:,} bins of {width:g} s; from 1 to {MAX_BINS:,} are allowed")
    place = np.floor((values - start) / width)
    inside = (place >= 0) & (place < bins)
    counts = np.bincount(place[inside].astype(np.int64), minlength=bins)
    return SpillRate(float(start), float(width), counts, int(len(values) - inside.sum()))


def checked_times(times: Array) -> Array:
    """Times (n,) [s] as numbers; InputError for what is not."""
    values = np.asarray(times, dtype=float)
    if values.ndim != 1 or not np.all(np.isfinite(values)):
        raise InputError(f"extraction times must be finite numbers [s], shape (n,), found shape {values.shape}")
    return values


def check_window(start: float, stop: float) -> None:
    """InputError unless the window of time is one."""
    if not (isfinite(start) and isfinite(stop) and start < stop):
        raise InputError(f"the window of a spill must have start < stop [s], found {start!r} to {stop!r}")


@dataclass(frozen=True)
class Evenness:
    """A number of a sampled spill: ``raw`` as counted, ``corrected`` for counting statistics, and its ``error``.

    ``corrected`` has no bias, so of a duty factor near 1 half the samples give more than 1; no spill has that.
    """

    raw: float
    corrected: float
    error: float

    @property
    def possible(self) -> float:
        """``corrected`` of a duty factor, kept at 1, the largest that there is."""
        return min(self.corrected, 1.0)

    @property
    def least(self) -> float:
        """Lower end of the 95 % interval of ``corrected``, 1.96 errors below it; not below 0."""
        return max(self.corrected - _TWO_SIDED * self.error, 0.0)

    @property
    def largest(self) -> float:
        """Upper end of that interval of a duty factor, at most 1."""
        return min(self.corrected + _TWO_SIDED * self.error, 1.0)

    @property
    def told(self) -> str:
        """A duty factor in words: its 95 % interval, as a bound where it reaches 1, and the value as counted."""
        counted = f"{self.raw:.2f} as counted"
        if self.largest >= 1.0:
            return f"duty factor at least {self.least:.2f} (95 %; {counted})"
        return f"duty factor {self.corrected:.2f} ({self.least:.2f} to {self.largest:.2f} at 95 %; {counted})"


def duty_factor(counts: Array) -> Evenness:
    """Duty factor of counts (n,) in equal bins: 1 for an even spill; raw, and freed of counting statistics.

    An even spill of as many particles sets the least error.

    Equation:
        F = <n>^2 / <n^2>. Corrected: F = 1 / (M sum p_i^2) over M bins, with sum p_i^2 estimated without bias by the
        share of pairs of particles in one bin, sum n_i (n_i - 1) / (N (N - 1)).

    Returns:
        Evenness: ``raw``, ``corrected`` and ``error`` [1].

    Raises:
        InputError: fewer than three particles.

    Source:
        E. H. Simpson, Nature 163, 688 (1949), for the pairs and their variance.

    Example:
        >>> duty_factor(np.array([100, 100, 100, 100])).raw, duty_factor(np.array([200, 0, 200, 0])).raw
        (1.0, 0.5)
    """
    n, bins, total = _counts(counts)
    pairs = total * (total - 1)
    shared = float(np.sum(n * (n - 1))) / pairs
    raw = total**2 / (bins * float(np.sum(n * n)))
    if shared == 0.0:  # no two particles in one bin: nothing is known
        return Evenness(raw, float("nan"), float("nan"))
    error = bins * _pair_error(n, total, shared) / (bins * shared) ** 2
    return Evenness(raw, 1.0 / (bins * shared), error)


def _pair_error(n: Array, total: float, shared: float) -> float:
    """Standard error of the share of pairs in one bin: not below that of an even spill."""
    triples = float(np.sum(n * (n - 1) * (n - 2))) / (total * (total - 1) * (total - 2))
    even = 1.0 / len(n)
    return sqrt(max(pair_variance(total, shared, triples), pair_variance(total, even, even**2)))


def pair_variance(total: float, square: float, cube: float) -> float:
    """Variance of the share of pairs in one bin for ``total`` particles with sum p_i^2 and sum p_i^3 (Simpson)."""
    return (4 * (total - 2) * (cube - square**2) + 2 * (square - square**2)) / (total * (total - 1))


def rate_variation(counts: Array) -> Evenness:
    """Coefficient of variation of the rate: rms deviation over mean, of counts (n,) in equal bins.

    Equation:
        CV^2 = 1/F - 1, F the duty factor; the corrected one is 0 where F exceeds 1.

    Returns:
        Evenness: ``raw``, ``corrected`` and ``error`` [1].

    Raises:
        InputError: fewer than three particles.

    Source:
        As of ``duty_factor``.

    Example:
        >>> rate_variation(np.array([200, 0, 200, 0])).raw
        1.0
    """
    duty = duty_factor(counts)
    square = 1.0 / duty.corrected - 1.0
    corrected = sqrt(max(square, 0.0))  # nan stays nan
    spread = duty.error / duty.corrected**2  # of CV^2
    error = spread / (2 * corrected) if corrected**2 > spread else sqrt(spread)
    return Evenness(sqrt(max(1.0 / duty.raw - 1.0, 0.0)), corrected, error)


@dataclass(frozen=True)
class Peak:
    """Highest bin over the mean, its counting ``error``, and ``even``: what an even spill of as many particles shows.

    ``even`` is the median of the highest of so many Poisson counts. A ``ratio`` near it says nothing about ripple.
    """

    ratio: float
    error: float
    even: float


def peak_to_mean(counts: Array) -> Peak:
    """Peak to mean of counts (n,) in equal bins.

    Equation:
        max(n) / <n>; its error sqrt(max(n)) / <n>.

    Returns:
        Peak: ratio, its error, and what an even spill shows [1].

    Raises:
        InputError: no particles.

    Source:
        A definition, with Poisson's error of the highest bin.

    Example:
        >>> peak_to_mean(np.array([100, 300, 200])).ratio
        1.5
    """
    from scipy.stats import poisson

    n, bins, total = _counts(counts)
    mean, highest = total / bins, float(n.max())
    even = float(poisson.ppf(0.5 ** (1.0 / bins), mean))
    return Peak(highest / mean, sqrt(highest) / mean, even / mean)


def _counts(counts: Array) -> tuple[Array, int, float]:
    """Counts as floats, their number and sum; InputError for what is no histogram."""
    n = np.asarray(counts, dtype=float)
    if n.ndim != 1 or not np.all(np.isfinite(n)) or np.any(n < 0) or np.any(n != np.floor(n)):
        raise InputError("counts must be whole numbers of particles in equal bins, not below 0")
    if n.sum() < 3:
        raise InputError(f"a spill of {n.sum():g} particles says nothing about its evenness: at least 3 are needed")
    return n, len(n), float(n.sum())
