"""Shares and percentiles of samples, and what they are known to."""

from __future__ import annotations

from itertools import combinations
from math import comb, sqrt

import numpy as np
import pytest

from lattice import InputError
from optics.statistics import (
    farther,
    jackknife,
    least_sample,
    percentile,
    proportion,
    quantile,
    repeats,
    share,
    spread,
)


@pytest.mark.parametrize(
    ("count", "total", "method", "interval"),
    [
        # R. G. Newcombe, Stat. Med. 17, 857 (1998), table I
        (81, 263, "wilson", (0.2553, 0.3662)),
        (81, 263, "exact", (0.2527, 0.3676)),
        (15, 148, "wilson", (0.0624, 0.1605)),
        (15, 148, "exact", (0.0578, 0.1617)),
        (0, 20, "wilson", (0.0, 0.1611)),
        (0, 20, "exact", (0.0, 0.1684)),
    ],
)
def test_intervals_are_those_published(count: int, total: int, method: str, interval: tuple[float, float]) -> None:
    found = proportion(count, total, method=method)
    assert (found.lower, found.upper) == pytest.approx(interval, abs=5e-5)  # four digits are printed
    assert found.value == count / total


def test_the_exact_interval_covers_what_it_says() -> None:
    """Over all outcomes of 30 particles, for some true shares."""
    n = 30
    intervals = [proportion(k, n, level=0.9, method="exact") for k in range(n + 1)]
    for p in (0.02, 0.5, 0.93):
        covered = sum(
            comb(n, k) * p**k * (1 - p) ** (n - k) for k, i in enumerate(intervals) if i.lower <= p <= i.upper
        )
        assert covered >= 0.9


@pytest.mark.parametrize(("good", "value"), [(0, 0.0), (17, 0.85), (20, 1.0)])
def test_the_error_of_a_share_reaches_the_farther_end_of_wilsons_interval(good: int, value: float) -> None:
    """The closed form with z^2 of 95 %, not zero for none and all: z^2 / (n + z^2); seven digits of z^2."""
    z2, n = 3.841459, 20
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (value * (1 - value) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    found, error = share(np.arange(20) < good)
    assert found == value
    assert error == pytest.approx(abs(value - middle) + half, rel=1e-6)


def test_percentile_knows_its_error() -> None:
    """Of 0 ... 99 at 95 %: ranks 90 and 100 of the binomial (100, 0.95), tails 1.15 % and 0.6 %."""
    assert percentile(np.arange(100.0), 95) == (94.0, 5.0)
    assert percentile(np.append(np.arange(99.0), np.nan), 50)[0] == 50.0
    assert percentile(np.full(10, np.nan), 50)[1] == float("inf")
    assert np.isinf(percentile(np.arange(71.0), 95)[1])
    assert np.isfinite(percentile(np.arange(72.0), 95)[1])


@pytest.mark.parametrize(("percent", "number"), [(95, 100), (10, 40), (50, 30)])
def test_percentiles_lie_within_their_errors(percent: float, number: int) -> None:
    """Of 1000 samples of an exponential, whose percentile is -log(1 - p), at most 5 % miss and three sigma of that."""
    random = np.random.default_rng(5)
    truth = -np.log(1 - percent / 100)
    found = [percentile(random.exponential(size=number), percent) for _ in range(1000)]
    missed = sum(abs(value - truth) > error for value, error in found)
    assert missed <= 50 + 3 * sqrt(50)


@pytest.mark.parametrize("draw", ["normal", "uniform", "laplace"])
def test_a_spread_lies_within_its_error(draw: str) -> None:
    """Of 1000 samples of unlike tails 5 % miss; three sigma of the binomial, and 1 % as a sample has an end."""
    random = np.random.default_rng(7)
    truth = {"normal": 1.0, "uniform": 1 / sqrt(12), "laplace": sqrt(2)}[draw]
    found = [spread(getattr(random, draw)(size=4000)) for _ in range(1000)]
    missed = sum(abs(value - truth) > error for value, error in found)
    assert abs(missed - 50) <= 3 * sqrt(50) + 10


def test_a_gaussian_spread_has_the_textbooks_error() -> None:
    """1.96 / sqrt(2 n); the fourth moment of a million numbers is known to sqrt(96 / 1e6), 0.25 % of it."""
    value, error = spread(np.random.default_rng(1).normal(size=1_000_000))
    assert error == pytest.approx(1.96 * value / sqrt(2e6), rel=3 * 2.5e-3)
    assert spread(np.full(3, 2.0)) == (0.0, 0.0)


def test_the_jackknife_gives_the_error_of_a_mean() -> None:
    """Of 10,000 numbers in 20 groups: t_19 = 2.093 sigma, which 20 groups give to 16 % (1 / sqrt(38))."""
    values = np.random.default_rng(3).normal(size=10_000)
    error = jackknife(lambda kept: float(values[kept].mean()), len(values))
    assert error == pytest.approx(2.093 / 100, rel=3 * 0.16)


def test_a_quantile_has_the_error_of_its_rank() -> None:
    """Of 10,000 even numbers in 0 to 1 a tenth: 1.96 sqrt(0.1 0.9 / 10,000) = 0.00588."""
    found = quantile(np.linspace(0.0, 1.0, 10_001), 0.1)
    assert found.value == pytest.approx(0.1, abs=1e-12)
    assert found.error == pytest.approx(0.00588, rel=1e-3)
    assert quantile(np.array([3.0, 3.0]), 0.5).error == 0.0


@pytest.mark.parametrize(("rank", "least"), [(1, 3), (4, 2), (5, 4)])
def test_how_often_further_draws_do_not_exceed_one_of_a_sample(rank: int, least: int) -> None:
    """Nine draws in order: each choice of the five that are the sample is as likely as any other, all are counted."""
    places = list(combinations(range(9), 5))
    below = [sample[rank - 1] - (rank - 1) for sample in places]  # of the four others
    assert repeats(rank, 5, least, 4) == pytest.approx(sum(one >= least for one in below) / len(places), rel=1e-12)
    with pytest.raises(InputError, match="no rank 6 of 5"):
        repeats(6, 5, least, 4)


def test_what_is_no_share() -> None:
    for count, total in ((4, 3), (-1, 3), (0, 0), (1.0, 3)):
        with pytest.raises(InputError, match="a share needs whole numbers"):
            proportion(count, total)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="between 0 and 1"):
        proportion(1, 3, level=1.0)
    with pytest.raises(InputError, match="did you mean 'wilson'"):
        proportion(1, 3, method="wilsom")


@pytest.mark.parametrize(("number", "groups", "t"), [(5, 5, 2.776445), (4, 20, 3.182446), (40, 20, 2.093024)])
def test_the_jackknife_of_a_mean_is_students_interval(number: int, groups: int, t: float) -> None:
    """Each group left out in turn, the mean of g equal groups has t s / sqrt(g), s the rms of their means with g - 1.

    t of 97.5 % and 4, 3, 19 degrees of freedom from the printed tables of Student's distribution.
    """
    values = np.random.default_rng(2).normal(size=number)
    error = jackknife(lambda kept: float(values[kept].mean()), number, groups)
    means = values.reshape(-1, min(groups, number)).mean(axis=0)
    assert error == pytest.approx(t * np.std(means, ddof=1) / sqrt(len(means)), rel=1e-6)


@pytest.mark.parametrize("percent", [5, 50, 75, 95, 99])
def test_the_least_sample_is_the_first_that_bounds_a_percentile(percent: float) -> None:
    """All of n above the p-th percentile, or none: a chance of p^n and (1 - p)^n, the larger below 2.5 %."""
    part, n = max(percent, 100 - percent) / 100, least_sample(percent)
    assert part**n <= 0.025 < part ** (n - 1)


def test_a_spread_has_its_error_from_the_fourth_moment() -> None:
    """Of -3, -1, 1, 3: m2 = 5, m4 = 41, error 1.96 sqrt(5) sqrt((41 / 25 - 1) / 4) / 2; none of equal numbers."""
    rms, error = spread(np.array([-3.0, -1.0, 1.0, 3.0]) + 7.0)
    assert rms == pytest.approx(sqrt(5))
    assert error == pytest.approx(1.959964 * sqrt(5) * sqrt(0.64 / 4) / 2, rel=1e-6)
    assert spread(np.full(4, 2.0)) == (0.0, 0.0)
    assert spread(np.array([1.0, -1.0]))[1] == 0.0  # two values have no excess


@pytest.mark.parametrize(("low", "high", "far"), [(1.0, 4.0, 1.5), (2.0, 6.0, 3.5), (1.0, float("inf"), float("inf"))])
def test_the_farther_of_two_bounds(low: float, high: float, far: float) -> None:
    assert farther(2.5, low, high) == far
