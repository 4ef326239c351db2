"""Which cases of a large scan are drawn, and what its quantities are called where it is computed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from studies.scan.figures import _MARKS, _thinned
from studies.scan.plan import Axis, _scanned


def plan(*axes: Axis) -> Any:
    return cast(Any, SimpleNamespace(axes=axes))


def grid(*axes: Axis) -> pd.DataFrame:
    values = np.meshgrid(*(np.linspace(one.lower, one.upper, one.number) for one in axes), indexing="ij")
    return pd.DataFrame({one.name: value.ravel() for one, value in zip(axes, values, strict=True)})


def test_at_most_so_many_values_of_an_axis_are_drawn_and_both_ends_are() -> None:
    """Ten times as many cases along one axis, few along the other: each few, evenly, from end to end."""
    axes = (Axis("kf", 0.28, 0.30, 10 * _MARKS + 1), Axis("kd", -0.5, -0.4, 3))
    kept = _thinned(plan(*axes), grid(*axes))
    values = np.unique(kept["kf"])
    assert len(values) == _MARKS
    assert (values[0], values[-1]) == pytest.approx((0.28, 0.30))
    assert np.ptp(np.diff(values)) < 2.1 * 0.02 / (10 * _MARKS)  # rounded to the nearest case
    assert sorted(np.unique(kept["kd"])) == pytest.approx([-0.5, -0.45, -0.4])
    assert len(kept) == 3 * _MARKS


def test_a_small_scan_is_drawn_whole() -> None:
    axes = (Axis("kf", 0.28, 0.30, 5), Axis("kd", 0.4, 0.5, 4))
    assert len(_thinned(plan(*axes), grid(*axes))) == 20


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
