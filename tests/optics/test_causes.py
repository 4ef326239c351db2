"""Shares of causes in a variance, by functions whose shares are known; budgets, by Lagrange's closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lattice import InputError
from lattice.arrays import Array
from optics.imperfections.budget import allotted
from optics.imperfections.causes import CauseShare, cause_shares

RANDOM = np.random.default_rng(5)


def found(function: Callable[[Array], Array], a: Array, b: Array) -> tuple[CauseShare, ...]:
    mixed = [np.where(np.arange(a.shape[1]) == i, b, a) for i in range(a.shape[1])]
    return cause_shares(function(a), function(b), np.stack([function(one) for one in mixed]))


def test_shares_of_a_sum_are_the_shares_of_its_variance() -> None:
    """x1 + 2 x2 + 3 x3: 1/14, 4/14, 9/14, alone and in total; within three of their own errors at 95 %."""
    a, b = RANDOM.standard_normal((2, 4000, 3))
    shares = found(lambda x: np.asarray(x @ [1.0, 2.0, 3.0]), a, b)
    for one, exact in zip(shares, np.array([1, 4, 9]) / 14, strict=True):
        assert one.alone == pytest.approx(exact, abs=1.5 * one.alone_error)
        assert one.total == pytest.approx(exact, abs=1.5 * one.total_error)
        assert one.total_error < 0.06


def test_the_only_cause_has_all_and_one_that_does_nothing_has_none() -> None:
    """f_AB is f_B of the first and f_A of the second: correlations of 1 with one of them and of r with the other."""
    a, b = RANDOM.standard_normal((2, 500))
    together = float(np.corrcoef(a, b)[0, 1])
    only, idle = cause_shares(a, b, np.stack([b, a]))
    assert (only.alone, only.total) == pytest.approx((1.0, 1.0 - together), rel=1e-12)
    assert (idle.alone, idle.total) == pytest.approx((together, 0.0), abs=1e-12)


def test_shares_of_ishigami() -> None:
    """sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1, uniform in -pi..pi: S = 0.3139, 0.4424, 0; T = 0.5576, 0.4424, 0.2437.

    Closed forms of T. Ishigami & T. Homma (ISUMA 1990): V = a^2/8 + b pi^4/5 + b^2 pi^8/18 + 1/2.
    """
    a, b = np.pi * (2 * RANDOM.random((2, 20_000, 3)) - 1)
    shares = found(lambda x: np.sin(x[:, 0]) * (1 + 0.1 * x[:, 2] ** 4) + 7 * np.sin(x[:, 1]) ** 2, a, b)
    exact = [(0.3139, 0.5576), (0.4424, 0.4424), (0.0, 0.2437)]
    for one, (alone, total) in zip(shares, exact, strict=True):
        assert one.alone == pytest.approx(alone, abs=1.5 * one.alone_error)
        assert one.total == pytest.approx(total, abs=1.5 * one.total_error)
        assert max(one.alone_error, one.total_error) < 0.06


def test_machines_without_a_value_are_left_out() -> None:
    a, b = RANDOM.standard_normal((2, 400, 2))
    whole = cause_shares(a.sum(1)[1:], b.sum(1)[1:], np.stack([b[1:, 0] + a[1:, 1], a[1:, 0] + b[1:, 1]]))
    mixed = np.stack([b[:, 0] + a[:, 1], a[:, 0] + b[:, 1]])
    mixed[1, 0] = np.nan
    assert cause_shares(a.sum(1), b.sum(1), mixed) == whole


@pytest.mark.parametrize(("number", "value", "message"), [(10, 1.0, "20 are needed"), (50, 0.0, "the same value")])
def test_too_little_to_tell_causes_apart(number: int, value: float, message: str) -> None:
    a, b = value * RANDOM.standard_normal((2, number))
    with pytest.raises(InputError, match=message):
        cause_shares(a, b, a[None])


def test_a_budget_of_one_limit_is_that_of_lagrange() -> None:
    """t_i^(2 + p) proportional to c_i / w_i, scaled to use all the room; p = 1 and 2, ten causes."""
    costs, shares = 0.1 + RANDOM.random(10), 0.05 + RANDOM.random(10)
    for power, room in ((1.0, 0.7), (2.0, 1.3)):
        exact = (costs / shares) ** (1 / (2 + power))
        exact *= room / np.sqrt(np.sum(shares * exact**2))
        scales = allotted(costs, shares[None], np.array([room]), power=power, largest=100.0)
        assert scales == pytest.approx(exact, rel=1e-4)  # SLSQP stops where the cost is flat to 1e-10


def test_a_budget_of_two_limits_keeps_both_and_cannot_be_cheaper() -> None:
    """Beside a thousand random budgets that keep both limits."""
    costs, shares, room = np.array([1.0, 2.0, 0.5]), np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]]), np.array([0.8, 0.9])
    scales = allotted(costs, shares, room, largest=5.0)
    assert np.max(shares @ scales**2 / room**2) == pytest.approx(1.0, rel=1e-6)
    tried = np.exp(RANDOM.normal(0.0, 0.7, (1000, 3)))
    tried *= np.min(room / np.sqrt(tried**2 @ shares.T), axis=1, keepdims=True)
    tried = tried[(tried < 5.0).all(axis=1)]
    assert np.sum(costs / scales) < np.min(np.sum(costs / tried, axis=1))


def test_what_matters_to_no_limit_is_given_the_largest() -> None:
    scales = allotted(np.ones(2), np.array([[1.0, 0.0]]), np.array([0.5]), largest=4.0)
    assert scales == pytest.approx([0.5, 4.0], rel=1e-6)


@pytest.mark.parametrize(
    ("costs", "room", "message"),
    [
        ([1.0, 0.0], 1.0, "every cost must be a positive number"),
        ([1.0, 1.0], -0.1, "the ideal machine does not keep it"),
        ([1.0, 1.0], 1e-6, "keep the limits"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(costs: list[float], room: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        allotted(np.array(costs), np.array([[0.5, 0.5]]), np.array([room]))
