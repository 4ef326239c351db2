"""Transit-time factors: closed forms, the field they come from, and the range they are refused outside of."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from lattice import InputError
from optics.linac import from_field, from_polynomial, from_table, gap_cell, sine_cell
from optics.linac.structure.transit import sine_factor

Q = np.linspace(0.6, 8.9, 200)


def test_a_synchronous_sine_cell_has_pi_over_four_in_pi_mode_and_a_third_in_zero_mode() -> None:
    assert sine_cell()(pi) == pytest.approx(pi / 4, rel=1e-13)
    assert sine_cell()(2 * pi) == pytest.approx(1 / 3, rel=1e-13)
    assert sine_cell().peak == pytest.approx(pi / 2, rel=1e-6)  # sampled


def test_the_polynomial_is_the_closed_form() -> None:
    plain = (pi / 2) ** 2 * np.cos(Q / 2) / ((pi / 2) ** 2 - (Q / 2) ** 2)
    np.testing.assert_allclose(sine_factor(Q), plain, rtol=1e-11)  # the plain one loses digits near q = pi
    np.testing.assert_allclose(sine_cell()(Q), plain, rtol=0, atol=1e-12)  # degree 17: truncation 1e-15, rounding
    slope = (sine_factor(Q + 1e-5) - sine_factor(Q - 1e-5)) / 2e-5
    np.testing.assert_allclose(sine_cell()(Q, 1), slope, atol=1e-9)  # difference: h^2 and rounding over h


def test_a_field_gives_the_factor_of_its_integral() -> None:
    s = np.linspace(-0.01, 0.02, 201)
    found = from_field("measured", s, 30e6 * np.cos(pi * (s - 0.005) / 0.03), 2.0, 8.0)
    np.testing.assert_allclose(found(Q[(Q > 2) & (Q < 8)]), sine_factor(Q[(Q > 2) & (Q < 8)]), atol=1e-7)  # spline h^4


def test_a_drift_tube_gap_is_close_to_a_uniform_one() -> None:
    gap = gap_cell(0.3, edge=0.01)
    q = np.linspace(3, 9, 50)
    np.testing.assert_allclose(gap(q), np.sin(0.15 * q) / (0.15 * q), atol=3e-3)  # edges: (q edge)^2 / 3


def test_polynomials_and_tables_are_held_as_given() -> None:
    q = np.linspace(2, 4, 9)
    np.testing.assert_allclose(from_polynomial("p", [1.0, -0.1, 0.02], 2, 4)(q), 1 - 0.1 * q + 0.02 * q * q, rtol=1e-14)
    np.testing.assert_allclose(from_table("t", q, sine_factor(q))(q), sine_factor(q), atol=1e-9)


def test_no_factor_is_extrapolated() -> None:
    with pytest.raises(InputError, match=r"'t' is known for k L from 2 to 4, asked for 4\.1"):
        from_polynomial("t", [1.0], 2, 4)(4.1)
    with pytest.raises(InputError, match=r"asked for 9\.5"):
        sine_cell()(np.array([3.0, 9.5]))


@pytest.mark.parametrize(
    ("s", "field", "message"),
    [
        ([0, 1, 2, 3, 4], [0, 1, 5, 2, 0], "symmetric"),
        ([0, 1, 2, 3, 4], [1, 2, 3, 2, 1], "at the cell's ends"),
        ([0, 1, 1, 3, 4], [0, 1, 2, 1, 0], "rise"),
        ([0, 1, 2, 3, 4], [0, 1, np.nan, 1, 0], "finite"),
        ([0, 1], [0, 0], "5 rows"),
        ([0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0, 0], "accelerates nothing"),
    ],
)
def test_a_field_that_is_no_cell_is_refused(s: list[float], field: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_field("bad", s, field, 2.0, 8.0)


def test_a_table_with_a_wrong_row_is_refused_with_the_row() -> None:
    q = np.linspace(2, 4, 15)
    factor = sine_factor(q)
    factor[7] += 0.01
    with pytest.raises(InputError, match="at k L = 3 "):
        from_table("t", q, factor)
