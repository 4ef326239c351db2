"""How far knobs reach, and which of them a match feels as one: columns of Jacobians by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optics.matching import reaches
from optics.matching.reaches import in_one_ratio, strong


def test_knobs_whose_columns_differ_by_a_factor_are_one() -> None:
    """The second is minus twice the first, the fifth half the fourth; the third does nothing; the last is alone."""
    jacobian = np.array([[1.0, -2.0, 0.0, 3.0, 1.5, 0.0], [0.5, -1.0, 0.0, -1.0, -0.5, 1.0]])
    assert list(in_one_ratio(jacobian, "abcdef")) == [("a", "b"), ("d", "e")]
    assert list(in_one_ratio(jacobian[:, [0, 2, 3]], "acd")) == []


def test_columns_are_told_apart_by_their_angle_alone() -> None:
    """One part in 10^7 of an angle is another direction, whatever the columns' sizes."""
    for size in (1e-6, 1.0, 1e6):
        jacobian = np.array([[1.0, size], [0.0, size * 1e-7]])
        assert list(in_one_ratio(jacobian, "ab")) == []
        jacobian[1, 1] = size * 1e-9
        assert list(in_one_ratio(jacobian, "ab")) == [("a", "b")]


def test_a_knob_reaches_as_far_as_its_steepest_slope_over_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two points the steeper; 4 from bound to bound, open ones counted as 0.5, the knob's scale; of a goal's rows
    the one that moves most."""
    jacobian = np.array([[[1.0, 2.0], [0.2, np.nan], [0.0, 1.0]], [[-3.0, 1.0], [0.1, 4.0], [0.0, -2.0]]])
    asked: list[Any] = []

    def evaluate(points: Any) -> Any:
        asked.append(points)
        return SimpleNamespace(jacobian=jacobian)

    monkeypatch.setattr(reaches, "sample", lambda *_: np.ones((1, 2)))
    problem: Any = SimpleNamespace(
        evaluate=evaluate,
        lower=np.array([-1.0, -np.inf]),
        upper=np.array([3.0, 2.0]),
        scale=np.array([0.1, 0.5]),
        goals=("a", "b"),
        vary=("k", "l"),
        owners=np.array([0, 0, 1]),
    )
    found = reaches.reaches(problem, np.zeros(2))
    assert found == pytest.approx(np.array([[12.0, 2.0], [0.0, 1.0]]))
    assert asked[0].tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert list(strong(np.array([0.0099, 0.0101, 2.0]), 1.0)) == [False, True, True]
