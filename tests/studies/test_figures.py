"""Figures of a match and of two engines: bars in tolerances, gaps where nothing is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from studies.charts.figure import figure_json
from studies.charts.match import (
    Difference,
    MagnetField,
    MatchedTarget,
    fields_of_limit,
    match_convergence,
    match_sensitivity,
    match_targets,
    residuals_along_s,
    residuals_in_tolerance,
)


def test_targets_are_drawn_in_units_of_their_tolerance() -> None:
    before, after = figure_json(match_targets([MatchedTarget("qx", "1", 1.666, 1.656, 1.6661, 1e-3)]))["data"]
    assert before["x"] == pytest.approx([10.0])
    assert after["x"] == pytest.approx([0.1])
    assert "tolerance 0.001" in after["text"][0]


def test_what_is_exact_has_the_shortest_bar_and_what_is_unknown_none() -> None:
    targets = [
        MatchedTarget("exact", "1", 1.0, 2.0, 1.0, 1e-3),
        MatchedTarget("unknown", "1", 1.0, float("nan"), 1.0, 1e-3),
        MatchedTarget("no tolerance", "1", 1.0, 2.0, 1.0, 0.0),
    ]
    before, after = figure_json(match_targets(targets))["data"]
    assert before["x"] == [pytest.approx(1000.0), None, None]
    assert after["x"] == [1e-6, 1e-6, None]


def test_axis_holds_one_tolerance_and_every_bar() -> None:
    figure = figure_json(residuals_in_tolerance([Difference("Qx", "1", 1.0 + 3e-12, 1.0, 1e-9)]))
    low, high = figure["layout"]["xaxis"]["range"]
    assert low <= np.log10(3e-3)
    assert high >= 1


def test_convergence_leaves_out_what_a_log_axis_cannot_show() -> None:
    history = pd.DataFrame({"evaluation": [0, 1, 2], "cost": [1e4, 1.0, 0.0]})
    figure = figure_json(match_convergence(history))
    assert figure["data"][0]["y"] == [1e4, 1.0, None]
    figure_json(match_convergence(history.assign(cost=0.0)))  # all exact: an empty picture, no error


def test_a_row_of_the_heat_map_is_shaded_by_its_largest_number() -> None:
    figure = match_sensitivity(
        [("qx", "1"), ("dx", "m"), ("<b>", "1")], ["kf", "kd"], [[2e-3, -4e-3], [0.5, 0], [0, 0]]
    )
    (trace,) = figure_json(figure)["data"]
    assert trace["z"] == [[0.5, 1.0], [1.0, 0.0], [0.0, 0.0]]  # nothing moves the last: white, no division by zero
    assert trace["text"][0] == ["+0.002", "\u22120.004"]
    assert trace["y"] == ["qx", "dx [m]", "&lt;b&gt;"]


def test_fields_are_parts_of_their_limits() -> None:
    figure = figure_json(fields_of_limit([MagnetField("kd", -3.9, 3.0, "T/m"), MagnetField("mb", 1.2, 1.5, "T")]))
    assert figure["data"][0]["x"] == pytest.approx([1.3, 0.8])
    assert figure["layout"]["xaxis"]["range"] == pytest.approx([0, 1.43])  # the longest bar has room


def test_residuals_along_s_name_a_missing_column() -> None:
    with pytest.raises(InputError, match="table of residuals lacks the column dx"):
        residuals_along_s(pd.DataFrame({"s": [0.0], "betx": [0.0], "bety": [0.0]}))


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(InputError, match="at least one of the targets of a match"):
        match_targets([])
    with pytest.raises(InputError, match="at least one of the quantities"):
        residuals_in_tolerance([])


def test_a_family_of_magnets_has_one_colour_in_all_figures_of_a_switching_study() -> None:
    """Circuits hold the bends, which programmes do not set: counting either alone would shift every colour by one."""
    from studies.energy_switching.figures import family_colors

    circuits = [SimpleNamespace(magnet=SimpleNamespace(name=name)) for name in ("bend", "kf", "kd")]
    facts: Any = SimpleNamespace(
        cycles=[SimpleNamespace(circuits=circuits)], programme=SimpleNamespace(set={"kd": 0, "kf": 0, "xs": 0})
    )
    colors = family_colors(facts)
    assert list(colors) == ["bend", "kf", "kd", "xs"]
    assert len(set(colors.values())) == 4
