"""Shares and percentiles of samples, and what they are known to."""

from __future__ import annotations

from math import comb, sqrt

import numpy as np
import pytest

from lattice import InputError
from optics.statistics import percentile, proportion, quantile, share


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
def test_the_error_of_a_share_is_half_of_wilsons_interval_of_one_sigma(good: int, value: float) -> None:
    """The closed form with z = 1, which is not zero for none and all: 1 / (2 (n + 1)); rounding of z."""
    found, error = share(np.arange(20) < good)
    assert found == value
    assert error == pytest.approx(sqrt(value * (1 - value) / 20 + 1 / 1600) / (1 + 1 / 20), rel=1e-12)


def test_percentile_knows_its_error() -> None:
    """Of 0 ... 99: order statistics, one sigma of the binomial is 2.2 ranks at 95 %."""
    assert percentile(np.arange(100.0), 95) == (94.0, 2.0)
    assert percentile(np.append(np.arange(99.0), np.nan), 50)[0] == 50.0
    assert percentile(np.full(10, np.nan), 50)[1] == float("inf")


def test_a_quantile_has_the_error_of_its_rank() -> None:
    """Of 10,000 even numbers in 0 to 1 a tenth: sqrt(0.1 0.9 / 10,000) = 0.003."""
    found = quantile(np.linspace(0.0, 1.0, 10_001), 0.1)
    assert found.value == pytest.approx(0.1, abs=1e-12)
    assert found.error == pytest.approx(0.003, rel=1e-3)
    assert quantile(np.array([3.0, 3.0]), 0.5).error == 0.0


def test_what_is_no_share() -> None:
    for count, total in ((4, 3), (-1, 3), (0, 0), (1.0, 3)):
        with pytest.raises(InputError, match="a share needs whole numbers"):
            proportion(count, total)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="between 0 and 1"):
        proportion(1, 3, level=1.0)
    with pytest.raises(InputError, match="did you mean 'wilson'"):
        proportion(1, 3, method="wilsom")
