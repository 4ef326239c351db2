"""Still drawings: names of categories stand on the axis that has them, in their order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from matplotlib.figure import Figure

from studies.report.drawing import _scale


@pytest.mark.parametrize("side", ["x", "y"])
def test_names_stand_on_their_axis(side: str) -> None:
    axes = Figure().add_subplot()
    page: Any = SimpleNamespace(categories={"x": ["a", "b", "c"], "y": ["d", "e"]})
    _scale(page, axes, side, {"type": "category"})
    labels = {"x": axes.get_xticklabels(), "y": axes.get_yticklabels()}
    assert [text.get_text() for text in labels[side]] == page.categories[side]
    other = "y" if side == "x" else "x"
    assert [text.get_text() for text in labels[other]] != page.categories[other]


@pytest.mark.parametrize("side", ["x", "y"])
def test_a_logarithmic_axis_is_the_one_asked_for(side: str) -> None:
    axes = Figure().add_subplot()
    _scale(cast(Any, SimpleNamespace(categories={})), axes, side, {"type": "log"})
    assert {"x": axes.get_xscale(), "y": axes.get_yscale()} == {"x": "linear", "y": "linear", side: "log"}
