"""The region around a match by hand: which parameters span it, how far it reaches, and the frame that is looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from optics import Vary
from optics.matching.diagnosis import Diagnosis
from studies.ring_optics.region import _axis, _closer, _leading
from studies.scan.plan import Axis


@pytest.mark.parametrize(
    ("vary", "at", "lower", "upper"),
    [
        (Vary("k", 0.25, 0.75), 0.5, 0.25, 0.75),
        (Vary("k"), -0.5, -0.55, -0.45),  # a tenth to either side
        (Vary("k", lower=0.25), 0.5, 0.25, 0.55),
        (Vary("k"), 0.0, -0.1, 0.1),
    ],
)
def test_an_axis_goes_over_the_bounds_or_a_tenth(vary: Vary, at: float, lower: float, upper: float) -> None:
    found = _axis(vary, at)
    assert (found.lower, found.upper) == pytest.approx((lower, upper))
    assert found.number == 41


@pytest.mark.parametrize(
    ("values", "lower", "upper"),
    [
        ([2.0, 2.5], 1.5, 3.0),  # as much again to either side
        ([2.0], 1.9, 2.1),  # a step of the grid of 41, 0.1
        ([4.0, 4.5, 3.0], 1.5, 5.0),  # not beyond the bounds
        ([1.5, 3.0, 2.0], 1.0, 4.5),
    ],
)
def test_a_frame_around_what_passes_has_room(values: list[float], lower: float, upper: float) -> None:
    found = _closer(Axis("k", 1.0, 5.0, 41), values)
    assert (found.lower, found.upper) == pytest.approx((lower, upper))
    assert found.number == 41


def test_the_two_parameters_that_move_the_targets_most_lead() -> None:
    """Shares of the larger change of each target: a 0.5 + 1, b 1 + 0.1, c 0.2 + 0.4; in the order of the match."""
    changes = np.array([[0.5, -1.0, 0.2], [10.0, 1.0, -4.0]])
    diagnosis = Diagnosis(2, 1.0, (), (), (), ("s", "t"), ("a", "b", "c"), changes)
    free = [Vary(name) for name in ("c", "b", "a")]
    found = _leading(free, cast(Any, SimpleNamespace(diagnosis=diagnosis)))
    assert [vary.name for vary in found] == ["b", "a"]
