"""Recorded maps: values, first and second derivatives, against plain evaluation, complex steps and power series."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial, perm
from typing import Any

import numpy as np
import pytest

from optics.maps.bank import Bank
from optics.maps.functions import arctan, arctan_ratio, cos, cos_sqrt, sin, sin_sqrt, sqrt
from optics.maps.recording import ARGUMENT, COORDINATE, MUL, Program, record
from optics.maps.smooth import arctan_ratio_series, cos_sqrt_series, sin_sqrt_series
from optics.maps.taylor import N_SECOND, QUADRATIC

POINT = np.array([0.3, -0.2, 0.15, 0.4, -0.1, 0.05])
STEP = 1e-30  # its square vanishes: a complex step is exact to rounding


def smooth(z: tuple[Any, ...], a: Any, b: Any) -> tuple[Any, ...]:
    """Every operation that numpy can also do with complex numbers."""
    x, px, y, py, zeta, delta = z
    root = sqrt(1.0 + a * x * x + py * py)
    return (
        x + px * root,
        sin(a * x - px) / (2.0 + cos(y)),
        arctan(y * py + b) - 3.0 * x,
        -py + 1.0 / (1.0 + delta),
        zeta * zeta * x + b,
        delta,
    )


def special(z: tuple[Any, ...], a: Any, b: Any) -> tuple[Any, ...]:
    """The functions that are smooth at zero, of arguments of both signs."""
    x, px, y, py, _, _ = z
    return cos_sqrt(a * x), sin_sqrt(-a * x), arctan_ratio(b * px), cos_sqrt(x * y), sin_sqrt(py * a), x * px


def evaluate(
    function: Callable[..., Any], arguments: list[complex] | list[float], order: int, start: Any = POINT
) -> Any:
    bank = Bank([record(function, len(arguments))])
    return bank.evaluate(np.array([0]), np.array([arguments]), np.asarray(start), order)[0]


@pytest.mark.parametrize("function", [smooth, special])
def test_values_are_those_of_plain_evaluation(function: Callable[..., Any]) -> None:
    series = evaluate(function, [0.7, -1.3], order=0)
    # 1e-15: another order of operations
    np.testing.assert_allclose(series[:, 0], [float(v) for v in function(tuple(POINT), 0.7, -1.3)], atol=1e-15)


def test_first_derivatives_are_complex_steps_of_the_plain_function() -> None:
    series = evaluate(smooth, [0.7, -1.3], order=1)
    for i in range(6):
        stepped = smooth(tuple(POINT + 1j * STEP * (np.arange(6) == i)), 0.7, -1.3)
        np.testing.assert_allclose(series[:, 1 + i], np.imag(stepped) / STEP, atol=1e-15, rtol=1e-14)
    assert not np.any(series[:, 7:])


@pytest.mark.parametrize("function", [smooth, special])
def test_second_derivatives_are_complex_steps_of_the_first(function: Callable[..., Any]) -> None:
    series = evaluate(function, [0.7, -1.3], order=2)
    for i in range(6):
        stepped = evaluate(function, [0.7, -1.3], order=1, start=POINT + 1j * STEP * (np.arange(6) == i))
        for j in range(6):  # the coefficient of z_i^2 is half the second derivative
            expected = stepped[:, 1 + j].imag / STEP / (2.0 if i == j else 1.0)
            np.testing.assert_allclose(series[:, QUADRATIC[i, j]], expected, atol=2e-15, rtol=1e-13)


def test_complex_arguments_give_derivatives_with_respect_to_strengths() -> None:
    series = evaluate(smooth, [0.7 + 1j * STEP, -1.3], order=2)
    step = 1e-5
    up, down = (evaluate(smooth, [0.7 + sign * step, -1.3], order=2) for sign in (1, -1))
    np.testing.assert_allclose(series.imag / STEP, (up - down) / (2 * step), atol=1e-9)  # step^2 and rounding/step
    np.testing.assert_allclose(series.real, evaluate(smooth, [0.7, -1.3], order=2), atol=1e-15)


def test_following_is_evaluating_at_the_end_of_the_row_before() -> None:
    bank = Bank([record(smooth, 2)])
    programs, arguments = np.zeros(3, dtype=np.int64), np.array([[0.7, -1.3], [0.1, 0.2], [-0.4, 0.3]])
    followed = bank.follow(programs, arguments, POINT, 2)
    starts = np.concatenate([POINT[None], followed[:-1, :, 0]])
    np.testing.assert_array_equal(followed, bank.evaluate(programs, arguments, starts, 2))
    assert followed.shape == (3, 6, N_SECOND)
    particles = np.stack([POINT, -0.5 * POINT, 0.0 * POINT])
    one_by_one = [bank.follow(programs, arguments, particle, 0)[-1, :, 0] for particle in particles]
    np.testing.assert_allclose(bank.track(programs, arguments, particles), one_by_one, atol=1e-15)


def test_particles_side_by_side_are_evaluated_to_the_last_bit_like_one() -> None:
    """Rows are used again, coordinates change places and results may be numbers: the operations stay the same."""

    def mixed(z: Any, a: Any, b: Any) -> tuple[Any, ...]:
        x, px, y, py, zeta, delta = z
        spread = sin_sqrt(a * x) * cos_sqrt(y - 3.0 * b) + arctan_ratio(0.1 * zeta)
        return y, (1.0 - px) * spread, x, a * b, sqrt(2.0 + py * py) / (b - delta), spread - sin(delta)

    swapped = record(lambda z, a, b: (z[5], z[0], z[1], z[2], z[3], -z[4]), 2)
    short = Program(((ARGUMENT, 0, -1, 0.0), (COORDINATE, 3, -1, 0.0), (MUL, 0, 1, 0.0)), (1, 2, 1, 2, 0, 2), 2)
    bank, order = Bank([record(mixed, 2), swapped, short]), np.array([0, 1, 0, 2, 1, 0])
    arguments = np.array([[0.3, 1.7], [0.0, 0.0], [-0.2, 2.1], [0.7, 0.0], [0.0, 0.0], [0.1, 0.4]])
    # more than one block, and numbers beyond the reach of the series near zero
    start = np.random.default_rng(1).uniform(-3.0, 3.0, (300, 6)) * np.where(np.arange(300) < 128, 0.1, 1.0)[:, None]
    each = np.array([bank.follow(order, arguments, one, 0)[-1, :, 0] for one in start])
    np.testing.assert_array_equal(bank.track(order, arguments, start), each)
    own = np.repeat(arguments[:, :, None], 300, axis=2)
    np.testing.assert_array_equal(bank.track_each(order, own, start), each)


def test_equal_operations_are_recorded_once() -> None:
    def wasteful(z: tuple[Any, ...]) -> tuple[Any, ...]:
        return (sin(z[0]) + sin(z[0]), *z[1:])

    assert len(record(wasteful, 0).operations) == 6 + 2


def test_a_map_must_not_branch() -> None:
    with pytest.raises(TypeError, match="must not branch"):
        record(lambda z: z if z[0] else z[::-1], 0)
    with pytest.raises(TypeError):
        record(lambda z, a: z if a < 0 else z[::-1], 1)


# ------------------------------------------------------------------------------- functions smooth at zero


def exact(u: float, odd: int) -> list[float]:
    """The defining series sum (-u)^n / (2n + odd)! and its derivatives, in rational arithmetic: exact."""
    terms = [(n, Fraction((-1) ** n, factorial(2 * n + odd))) for n in range(60)]
    orders = range(3)
    return [float(sum((c * perm(n, d) * Fraction(u) ** (n - d) for n, c in terms[d:]), Fraction())) for d in orders]


@pytest.mark.parametrize(
    "u", [0.0, 1e-18, -1e-9, 0.3, -0.999999, 0.999999, 1.0, -1.0, 1.000001, 2.5, -7.0, 20.0, -20.0]
)
def test_trigonometric_functions_of_a_root(u: float) -> None:
    # 2e-15: the closed forms lose a digit just above |u| = 1, where the series takes over
    np.testing.assert_allclose(cos_sqrt_series(u), exact(u, 0), rtol=2e-15, atol=2e-15)
    np.testing.assert_allclose(sin_sqrt_series(u), exact(u, 1), rtol=2e-15, atol=2e-15)
    assert float(cos_sqrt(u)) == pytest.approx(exact(u, 0)[0], rel=2e-15, abs=2e-15)
    assert float(sin_sqrt(u)) == pytest.approx(exact(u, 1)[0], rel=2e-15, abs=2e-15)


@pytest.mark.parametrize("function", [cos_sqrt_series, sin_sqrt_series, arctan_ratio_series])
@pytest.mark.parametrize("u", [1e-12, 0.1, -0.2499, 0.2501, -0.9, 1.1, -3.0, 4.0])
def test_derivatives_are_complex_steps(function: Callable[..., Any], u: float) -> None:
    value, first, second = function(u)
    stepped = function(u + 1j * STEP)
    assert stepped[0].real == pytest.approx(value, rel=1e-15)
    # 1e-13: (1/(1 + w^2) - f)/w and the like lose two digits next to the switch to the series
    assert stepped[0].imag / STEP == pytest.approx(first, rel=1e-13, abs=1e-15)
    assert stepped[1].imag / STEP == pytest.approx(second, rel=1e-13, abs=1e-14)


def test_arctan_ratio_is_arctan_over_its_argument() -> None:
    for w in (-2.0, -0.3, 0.2, 0.24999, 0.25001, 1.0, 50.0):
        assert arctan_ratio_series(w)[0] == pytest.approx(np.arctan(w) / w, rel=5e-16)
    assert arctan_ratio_series(0.0) == (1.0, 0.0, -2.0 / 3.0)
    assert float(arctan_ratio(0.0)) == 1.0
