"""Statistics of samples, of particles as of machines: shares and percentiles, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean

_METHODS = ("wilson", "exact")


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``total`` as a ``value`` with the confidence interval ``lower`` to ``upper``."""

    count: int
    total: int
    value: float
    lower: float
    upper: float


def proportion(count: int, total: int, level: float = 0.95, method: str = "wilson") -> Proportion:
    """Share of a binomial sample with its confidence interval at ``level``.

    ``method``: "wilson" (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)) or "exact" (Clopper and Pearson, Biometrika
    26, 404 (1934)), which never covers less than ``level``. Raises InputError for counts that are no share.
    """
    from scipy.stats import binomtest

    if not (isinstance(count, int) and isinstance(total, int) and 0 <= count <= total and total > 0):
        raise InputError(f"a share needs whole numbers 0 <= count <= total and total > 0, found {count!r} of {total!r}")
    if not 0 < level < 1:
        raise InputError(f"a confidence level lies between 0 and 1, found {level!r}")
    if method not in _METHODS:
        hint = did_you_mean(str(method), _METHODS)
        raise InputError(f"unknown confidence interval '{method}'{hint} Known: {', '.join(_METHODS)}")
    interval = binomtest(count, total).proportion_ci(level, method)
    return Proportion(count, total, count / total, float(interval.low), float(interval.high))


def share(chosen: Array) -> tuple[float, float]:
    """Share of a sample (n,) of truths and its statistical error: half of Wilson's interval of one sigma.

    error = sqrt(p (1 - p) / n + 1 / (4 n^2)) / (1 + 1 / n) for a share p: not zero at 0 and 1 (E. B. Wilson, J. Am.
    Stat. Assoc. 22, 209 (1927)).

    >>> value, error = share(np.array([True, True, True, False]))
    >>> value, round(error, 6)
    (0.75, 0.2)
    """
    found = proportion(int(np.count_nonzero(chosen)), len(chosen), _ONE_SIGMA)
    return found.value, (found.upper - found.lower) / 2


_ONE_SIGMA = erf(1 / sqrt(2))


def percentile(values: Array, percent: float) -> tuple[float, float]:
    """A percentile of a sample and its statistical error: half the distance of the order statistics one sigma away.

    Machines without a value (nan) count as the largest; the error is inf when they reach it.
    """
    ordered = np.sort(np.where(np.isnan(values), np.inf, values))
    n, part = len(ordered), percent / 100.0
    sigma = np.sqrt(n * part * (1.0 - part))
    centre = part * (n - 1)
    low, middle, high = (
        float(ordered[int(np.clip(np.round(centre + shift), 0, n - 1))]) for shift in (-sigma, 0.0, sigma)
    )
    return middle, 0.5 * (high - low) if np.isfinite(high) else float("inf")


@dataclass(frozen=True)
class Quantile:
    """A quantile of a sample and its ``error``, one sigma of the binomial rank."""

    value: float
    error: float


def quantile(values: Array, share: float) -> Quantile:
    """The value below which a ``share`` of the sample (n,) lies; its error by the quantiles one sigma away in rank.

    By a line between order statistics, all finite; ``percentile`` takes one of the sample and bears missing ones.
    """
    spread = sqrt(share * (1 - share) / len(values))
    low, middle, high = np.quantile(values, np.clip([share - spread, share, share + spread], 0.0, 1.0))
    return Quantile(float(middle), float(high - low) / 2)
