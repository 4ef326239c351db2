"""Resonances: distances of tunes by hand, lines in a window."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from lattice import InputError
from optics.resonances import SUMS_WITH_QY, distance_with_qy, nearest_third, nearest_with_qy, resonance_lines


@pytest.mark.parametrize(
    ("tune", "third"), [(1.666, 5 / 3), (1.05, 4 / 3), (1.97, 5 / 3), (2.03, 7 / 3), (0.4, 1 / 3)]
)  # integers are no third-integers
def test_nearest_third(tune: float, third: float) -> None:
    assert nearest_third(tune) == pytest.approx((third, tune - third), rel=1e-14)


def test_nearest_thirds_of_an_array() -> None:
    """In the shape of the tunes, signed, and nan where there is none: a lattice without bounded motion."""
    nearest, distance = nearest_third(np.array([[1.666, 1.05], [2.03, np.nan]]))
    np.testing.assert_allclose(nearest, [[5 / 3, 4 / 3], [7 / 3, np.nan]], rtol=1e-14)
    np.testing.assert_allclose(distance, [[1.666 - 5 / 3, 1.05 - 4 / 3], [2.03 - 7 / 3, np.nan]], rtol=1e-12)


@pytest.mark.parametrize(
    ("qx", "qy", "m", "n", "p", "distance", "expression"),
    [
        (1.30, 1.71, 1, 1, 3, 0.01, "|Qx + Qy - 3|"),
        (1.42, 1.40, 1, -1, 0, 0.02, "|Qx - Qy - 0|"),
        (1.28, 1.565, 2, -1, 1, 0.005, "|2 Qx - Qy - 1|"),
        (1.405, 1.70, 1, -2, -2, 0.005, "|Qx - 2 Qy - -2|"),
        (1.30, 1.336, 0, 3, 4, 0.008, "|3 Qy - 4|"),
        (1.60, 1.01, 0, 1, 1, 0.01, "|Qy - 1|"),
        (1.4, 1.503, 0, 2, 3, 0.006, "|2 Qy - 3|"),
    ],
)
def test_the_nearest_resonance_with_qy(
    qx: float, qy: float, m: int, n: int, p: int, distance: float, expression: str
) -> None:
    found = nearest_with_qy(qx, qy)
    assert (found.m, found.n, found.p) == (m, n, p)
    assert found.distance == pytest.approx(distance, abs=1e-14)
    assert found.expression == expression


def test_the_extracting_resonance_is_none_of_them() -> None:
    """On 3 Qx = 5 the nearest other one of (5/3, 1.72): Qx - Qy = 0, 0.0533 away."""
    assert all(n != 0 and m >= 0 and m + abs(n) <= 3 for m, n in SUMS_WITH_QY)
    assert len(SUMS_WITH_QY) == 9  # Qy, 2 Qy, 3 Qy; Qx +- Qy, Qx +- 2 Qy, 2 Qx +- Qy
    assert nearest_with_qy(5 / 3, 1.72).distance == pytest.approx(1.72 - 5 / 3, abs=1e-14)


def test_distances_of_arrays_are_those_one_by_one() -> None:
    qx, qy = np.meshgrid(np.linspace(1.1, 1.9, 7), [1.3 + sqrt(0.01), 1.77], indexing="ij")
    found = distance_with_qy(qx, qy)
    assert found.shape == (7, 2)
    each = [nearest_with_qy(x, y).distance for x, y in zip(qx.ravel(), qy.ravel(), strict=True)]
    np.testing.assert_array_equal(found.ravel(), each)
    assert np.isnan(distance_with_qy(np.array([np.nan]), np.array([1.7]))).all()


def test_resonances_around_the_cnao_working_point() -> None:
    lines = {line.equation: line for line in resonance_lines((1.60, 1.76), (1.66, 1.82), 3)}
    assert set(lines) == {
        "3 Qx = 5",
        "3 Qy = 5",
        "Qx - Qy = 0",
        "2 Qx + Qy = 5",
        "Qx + 2 Qy = 5",
        "Qx - 2 Qy = -2",
    }
    assert not lines["3 Qx = 5"].skew
    assert lines["3 Qy = 5"].skew
    assert lines["Qx - Qy = 0"].skew
    assert not lines["Qx + 2 Qy = 5"].skew


def test_resonance_lines_end_on_the_border_and_satisfy_their_equation() -> None:
    qx, qy = (1.6, 1.8), (1.65, 1.85)
    lines = resonance_lines(qx, qy, 6)
    assert len({(line.m, line.n, line.p) for line in lines}) == len(lines)
    for line in lines:
        for x, y in (line.start, line.end):
            assert line.m * x + line.n * y == pytest.approx(line.p, abs=1e-12)
            assert min(abs(x - qx[0]), abs(x - qx[1]), abs(y - qy[0]), abs(y - qy[1])) < 1e-12


def test_systematic_resonances_are_multiples_of_the_superperiods() -> None:
    lines = resonance_lines((1.6, 2.4), (1.6, 2.4), 3, superperiods=2)
    systematic = {line.equation: line.systematic for line in lines}
    assert systematic["Qx = 2"]
    assert not systematic["3 Qx = 5"]
    assert systematic["Qx - Qy = 0"]


def test_windows_and_orders_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="lower < upper"):
        resonance_lines((1.7, 1.6), (1.6, 1.7), 3)
    with pytest.raises(InputError, match="order 1"):
        resonance_lines((1.6, 1.7), (1.6, 1.7), 0)
