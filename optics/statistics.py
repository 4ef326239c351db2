"""Statistics of samples, of particles as of machines, and how well they are known: at 95 %, as every error here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean

_METHODS = ("wilson", "exact")
#: Standard deviations of a Gaussian on either side of 95 %.
TWO_SIDED = 1.959963984540054


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
    if not (isinstance(count, int) and isinstance(total, int) and 0 <= count <= total and total > 0):
        raise InputError(f"a share needs whole numbers 0 <= count <= total and total > 0, found {count!r} of {total!r}")
    if not 0 < level < 1:
        raise InputError(f"a confidence level lies between 0 and 1, found {level!r}")
    if method not in _METHODS:
        hint = did_you_mean(str(method), _METHODS)
        raise InputError(f"unknown confidence interval '{method}'{hint} Known: {', '.join(_METHODS)}")
    low, high = (_wilson if method == "wilson" else _exact)(count, total, level)
    return Proportion(count, total, count / total, low if count else 0.0, high if count < total else 1.0)


def _wilson(count: int, total: int, level: float) -> tuple[float, float]:
    """Where a share p is z sqrt(p (1 - p) / n) from the one that was found: the roots of a quadratic in p."""
    from scipy.special import ndtri

    z = float(ndtri(0.5 + 0.5 * level))
    middle, half = count + 0.5 * z**2, z * sqrt(count * (total - count) / total + 0.25 * z**2)
    return (middle - half) / (total + z**2), (middle + half) / (total + z**2)


def _exact(count: int, total: int, level: float) -> tuple[float, float]:
    """Shares of which so many or more, or so few or fewer, come with probability (1 - level) / 2: quantiles of beta."""
    from scipy.special import betaincinv

    tail = 0.5 * (1.0 - level)
    return float(betaincinv(count, total - count + 1, tail)), float(betaincinv(count + 1, total - count, 1.0 - tail))


def share(chosen: Array) -> tuple[float, float]:
    """Share of a sample (n,) of truths and its error at 95 %: to the farther end of Wilson's interval.

    Not zero where all or none are chosen (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)).

    >>> value, error = share(np.array([True, True, True, False]))
    >>> value, round(error, 4)
    (0.75, 0.4494)
    """
    return reach(proportion(int(np.count_nonzero(chosen)), len(chosen)))


def reach(found: Proportion) -> tuple[float, float]:
    """The value of a share and how far the farther end of its interval is from it."""
    return found.value, farther(found.value, found.lower, found.upper)


def percentile(values: Array, percent: float, level: float = 0.95) -> tuple[float, float]:
    """A percentile of a sample (n,) and its error at ``level``: to the farther of ``percentile_bounds``.

    Machines without a value (nan) count as the largest; the error is inf when they reach it.
    """
    ordered = _ordered(values)
    middle = float(ordered[int(np.round(percent / 100.0 * (len(ordered) - 1)))])
    return middle, farther(middle, *percentile_bounds(values, percent, level))


def percentile_bounds(values: Array, percent: float, level: float = 0.95) -> tuple[float, float]:
    """The two numbers of a sample (n,) between which a percentile lies at ``level``.

    Those of the ranks l and u with P(B < l) and P(B >= u) at most (1 - level) / 2 for the number B of a sample below
    the percentile, which is binomial: no distribution is assumed (H. A. David, H. N. Nagaraja, Order Statistics, 3rd
    ed., Wiley 2003, sec. 7.1). -inf or inf where the sample is too small to have them, see ``least_sample``.
    """
    from scipy.special import bdtr

    ordered = _ordered(values)
    n, part = len(ordered), percent / 100.0
    below = bdtr(np.arange(n + 1), n, part)  # that at most so many of the sample lie below the percentile
    low, high = (int(np.searchsorted(below, p)) for p in ((1 - level) / 2, (1 + level) / 2))
    return float(ordered[low - 1]) if low else -float("inf"), float(ordered[high]) if high < n else float("inf")


def _ordered(values: Array) -> Array:
    return np.sort(np.where(np.isnan(values), np.inf, values))


def farther(value: float, low: float, high: float) -> float:
    """How far the farther of two bounds is from a value; inf where there is none."""
    return max(high - value, value - low) if np.isfinite([value, low, high]).all() else float("inf")


def least_sample(percent: float, level: float = 0.95) -> int:
    """How many a sample needs at least so that its largest and least bound a percentile at ``level``.

    >>> least_sample(95), least_sample(10)
    (72, 36)
    """
    part = max(percent, 100.0 - percent) / 100.0
    return int(np.ceil(np.log((1 - level) / 2) / np.log(part)))


def spread(values: Array) -> tuple[float, float]:
    """Rms of a sample (n,) about its mean and its error at 95 %, of any distribution with four moments.

    1.96 s sqrt((m4 / s^4 - 1) / n) / 2 with the fourth central moment m4: s / sqrt(2 n) is one sigma of a Gaussian
    sample (H. Cramer, Mathematical Methods of Statistics, Princeton 1946, sec. 27.4 and 28.3).
    """
    centred = values - np.mean(values)
    variance = float(np.mean(centred**2))
    if variance == 0.0:
        return 0.0, 0.0
    excess = max(float(np.mean(centred**4)) / variance**2 - 1.0, 0.0)
    return sqrt(variance), TWO_SIDED * 0.5 * sqrt(variance * excess / len(values))


def jackknife(estimate: Callable[[Array], float], number: int, groups: int = 20) -> float:
    """Error at 95 % of an ``estimate`` that is made of a sample of ``number``: each of the groups left out in turn.

    t sqrt((g - 1) / g sum (e_i - mean e)^2) with Student's t of g - 1 degrees of freedom; ``estimate`` takes the
    indices kept (B. Efron, C. Stein, Ann. Stat. 9, 586 (1981)).
    """
    from scipy.special import stdtrit

    groups = min(groups, number)
    index = np.arange(number)
    found = np.array([estimate(index[index % groups != left]) for left in range(groups)])
    return float(stdtrit(groups - 1, 0.975) * np.sqrt((groups - 1) / groups * np.sum((found - found.mean()) ** 2)))


def repeats(rank: int, total: int, least: int, further: int) -> float:
    """Chance that so many of ``further`` draws, or more, do not exceed the one of this ``rank`` among ``total``.

    The distribution's value at that one is beta distributed, whatever the distribution, and the further draws are
    binomial about it:

    Equation:
        P = sum_{i >= least} C(n, i) B(i + r, n - i + m - r + 1) / B(r, m - r + 1), rank r of m, n further draws.

    Raises:
        InputError: ranks and numbers that are none of a sample.

    Source:
        E. J. Gumbel, H. von Schelling, The distribution of the number of exceedances, Ann. Math. Stat. 21, 247 (1950).

    Example:
        >>> round(repeats(1, 1, 1, 1), 9), round(repeats(9, 9, 1, 1), 9)  # of ten, the last is the largest in a tenth
        (0.5, 0.9)
    """
    from scipy.special import betaln, gammaln

    if not (1 <= rank <= total and 0 <= least <= further):
        raise InputError(f"no rank {rank} of {total}, or no {least} of {further}")
    i = np.arange(least, further + 1)
    chosen = gammaln(further + 1) - gammaln(i + 1) - gammaln(further - i + 1)
    behind = total - rank + 1
    terms = chosen + betaln(i + rank, further - i + behind) - betaln(rank, behind)
    return min(float(np.sum(np.exp(terms))), 1.0)


@dataclass(frozen=True)
class Quantile:
    """A quantile of a sample and its ``error`` at 95 %."""

    value: float
    error: float


def quantile(values: Array, share: float) -> Quantile:
    """The value below which a ``share`` of the sample (n,) lies; its error at 95 % by those 1.96 sigma away in rank.

    By a line between order statistics, all finite; ``percentile`` takes one of the sample and bears missing ones.
    """
    away = TWO_SIDED * sqrt(share * (1 - share) / len(values))
    low, middle, high = np.quantile(values, np.clip([share - away, share, share + away], 0.0, 1.0))
    return Quantile(float(middle), float(max(high - middle, middle - low)))
