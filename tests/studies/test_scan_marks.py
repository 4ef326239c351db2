"""Which cases of a large scan are drawn, and what its quantities are called where it is computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from studies.scan.drawn import _MARKS, cells, drawn_cases, region_cases, tune_cases
from studies.scan.plan import Axis, _scanned


def plan(*axes: Axis) -> Any:
    return cast(Any, SimpleNamespace(axes=axes))


def values(axis: Axis, places: np.ndarray) -> np.ndarray:
    return np.linspace(axis.lower, axis.upper, axis.number)[places]


def test_at_most_so_many_values_of_an_axis_are_drawn_and_both_ends_are() -> None:
    """Ten times as many cases along one axis, few along the other: each few, evenly, from end to end."""
    kf, kd = axes = (Axis("kf", 0.28, 0.30, 10 * _MARKS + 1), Axis("kd", -0.5, -0.4, 3))
    cases = region_cases(plan(*axes), np.zeros(kf.number * kd.number))
    at = values(kf, np.unique(cases // 3))
    assert len(at) == _MARKS
    assert (at[0], at[-1]) == pytest.approx((0.28, 0.30))
    assert np.ptp(np.diff(at)) < 2.1 * 0.02 / (10 * _MARKS)  # rounded to the nearest case
    assert sorted(values(kd, np.unique(cases % 3))) == pytest.approx([-0.5, -0.45, -0.4])
    assert len(cases) == len(set(cases)) == 3 * _MARKS


def test_a_small_scan_is_drawn_whole() -> None:
    made = plan(Axis("kf", 0.28, 0.30, 5), Axis("kd", 0.4, 0.5, 4))
    assert sorted(region_cases(made, np.zeros(20))) == list(range(20))
    assert cells(made)[2].tolist() == np.arange(20).reshape(5, 4).tolist()


def test_the_best_of_all_other_parameters_stands_at_its_point_of_the_plane() -> None:
    """Of 3 x 2 points with 4 cases each: one at each, of the least class there, the first of equals; best first."""
    made = plan(Axis("a", 0.0, 1.0, 3), Axis("b", 0.0, 1.0, 2), Axis("c", 0.0, 1.0, 4))
    classes = np.array([[3, 2, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3], [1, 0, 0, 2], [3, 1, 3, 1], [2, 3, 0, 3]]).ravel()
    assert region_cases(made, classes).tolist() == [13, 22, 2, 17, 4, 8]


def test_a_million_cases_are_drawn_by_a_bounded_number_of_them() -> None:
    """Values of lines and marks of the region at both ends of each axis, tunes of cases with an answer alone."""
    made = plan(Axis("a", 0.0, 1.0, 1000), Axis("b", 0.0, 1.0, 1000))
    classes = np.full(1_000_000, 3)
    classes[::7] = 0
    x, y, cases = cells(made)
    assert (x[0], x[-1], y[0], y[-1]) == (0.0, 1.0, 0.0, 1.0)
    np.testing.assert_allclose(cases, 999 * x[:, None] * 1000 + 999 * y, atol=1e-6)  # number of the case at a value
    assert len(tune_cases(classes)) == 3000
    assert not np.any(tune_cases(classes) % 7)
    assert len(np.unique(tune_cases(classes) % 1000)) > 900  # values of the second axis: no beat with the grid's rows
    drawn = drawn_cases(made, classes)
    assert len(drawn) < 401**2 + 61**2 + 3000
    assert {*cases.ravel(), *tune_cases(classes), *region_cases(made, classes)} == set(drawn)


@pytest.mark.parametrize(
    ("name", "scanned"),
    [
        ("length", "length"),
        ("tune_distance", "qx"),  # the distance to a third in x is made of the horizontal tune
        ("resonance_distance", "qy"),  # and that to all resonances needs the other tune too
        ("qx", "qx"),
        ("dqy", "dqy"),
        ("max_betx", "max_betx"),
        ("betx@symp", "betx@symp"),
        ("dx@middle:end", "dx@sext:end"),
        ("orbit_x", ""),
    ],
)
def test_quantities_by_the_names_of_the_kernel(name: str, scanned: str) -> None:
    """Places of the machine are elements of the lattice; what the kernel does not give is left to others."""
    resolved: Any = SimpleNamespace(
        machine=SimpleNamespace(places={"middle": "sext"}), lattice=SimpleNamespace(names=("symp", "sext"))
    )
    assert _scanned(name, resolved) == scanned
