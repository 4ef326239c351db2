"""Pictures of slow extraction: units on every axis, one momentum at a time, drawings without scripts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import InputError
from studies.charts.bars import bars
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.phase_space import Frame, Portrait, phase_space
from studies.charts.steinbach import Wedge, steinbach
from studies.charts.vectors import Vector, vectors
from studies.report.drawing import draw


def portrait(shift: float) -> Portrait:
    triangle = np.array([[0.0, 1.0], [1.0, -0.5], [-1.0, -0.5]]) + shift
    arms = [np.array([corner, 3 * corner]) for corner in triangle]
    turns = 2.0 * np.array([triangle[0], triangle[1], triangle[2], 1.4 * triangle[0]])
    return Portrait(arms, [triangle], triangle, arms, 1.1 * triangle, turns, (2.5, 0.1))


def frames() -> list[Frame]:
    return [Frame(f"dp/p = {shift}", portrait(shift), portrait(2 * shift)) for shift in (0.0, 0.1, 0.2)]


def every_figure() -> dict[str, dict[str, Any]]:
    wedge = Wedge(
        [-2.0, 0.0, 2.0],
        [0.2, 0.0, 0.2],
        [0.3, 0.0, 0.3],
        0.0,
        ([-1.5, -1.2], [0.05, 0.02]),
        -1.5,
        0.0,
        0.1,
        "betatron core",
        0.1,
    )
    line = Curve("exact", [0.0, 1.0, 2.0], [1.0, float("nan"), 3.0], markers=True)
    made = {
        "phase": phase_space(frames(), shown=1, place="es"),
        "steinbach": steinbach(wedge),
        "curves": curves([line], "dp/p [1e-3]", "x' [mrad]", levels=[(2.0, "wires")], marks=[(1.0, "now")]),
        "vectors": vectors([Vector("a", 1.0, 0.0), Vector("b", 0.0, 2.0)], "S", "1/√m"),
        "bars": bars(["kf", "kd"], [1.0, -2.0], "change of x' [urad]"),
    }
    return {name: figure_json(figure) for name, figure in made.items()}


@pytest.mark.parametrize(
    ("name", "figure"), every_figure().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_axis_of_numbers_has_its_unit(name: str, figure: dict[str, Any]) -> None:
    for key, axis in figure["layout"].items():
        if key[1:].startswith("axis") and axis.get("type") != "category":
            assert axis["title"]["text"].endswith("]"), (name, key)


@pytest.mark.parametrize(
    ("name", "figure"), every_figure().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_figure_has_its_still_drawing(name: str, figure: dict[str, Any]) -> None:
    assert draw(figure, name, "a drawing").startswith("<svg")


def test_one_momentum_is_shown_and_the_slider_shows_each() -> None:
    figure = every_figure()["phase"]
    shown = [trace["visible"] for trace in figure["data"]]
    steps = figure["layout"]["sliders"][0]["steps"]
    assert figure["layout"]["sliders"][0]["active"] == 1
    assert steps[1]["args"][0]["visible"] == shown
    visible = np.array([step["args"][0]["visible"] for step in steps])
    assert (visible.sum(axis=0) == 1).all()  # each trace belongs to one momentum


def test_the_frame_of_the_picture_does_not_move_with_the_slider() -> None:
    layout = every_figure()["phase"]["layout"]
    for key in ("xaxis", "yaxis", "xaxis2", "yaxis2"):
        low, high = layout[key]["range"]
        assert low < high
    assert layout["xaxis2"]["scaleanchor"] == "y2"


def test_the_last_turns_are_numbered_in_both_panels() -> None:
    notes = every_figure()["phase"]["layout"]["annotations"]
    for axes in ("x", "x2"):
        assert [note["text"] for note in notes if note["xref"] == axes] == ["0", "1", "2", "3"]


def test_the_wall_is_as_thick_as_the_septum() -> None:
    wall = next(trace for trace in every_figure()["phase"]["data"] if trace["name"] == "septum")
    assert max(wall["x"]) - min(wall["x"]) == pytest.approx(0.1)


def test_vectors_end_at_their_sum() -> None:
    data = every_figure()["vectors"]["data"]
    assert [data[0][axis][-1] for axis in "xy"] == [1.0, 2.0]
    assert [data[1][axis][-1] for axis in "xy"] == [1.0, 2.0]


@pytest.mark.parametrize(
    "figure",
    [lambda: phase_space([]), lambda: curves([], "x", "y"), lambda: vectors([], "S", "1"), lambda: bars([], [], "x")],
)
def test_nothing_to_draw_is_refused(figure: Any) -> None:
    with pytest.raises(InputError, match="at least one"):
        figure()


def test_names_of_curves_stand_apart_on_the_axis_that_levels_stretch() -> None:
    """Two curves that coincide and a third below, on an axis that the levels make four times as long."""
    lines = [Curve(name, [0.0, 1.0], [4.7, y]) for name, y in (("a", 3.86), ("b", 3.86), ("c", 3.48))]
    notes = figure_json(curves(lines, "E [MeV]", "spot [mm]", levels=[(3.0, "3 mm"), (8.0, "8 mm")]))["layout"]
    places = [250 * n["y"] / 5.0 + n["yshift"] for n in notes["annotations"] if n["text"] in "abc"]
    assert len(places) == 3
    assert max(np.diff(places)) < -14  # a line of the text


def test_the_wedge_ends_at_the_resonant_momentum() -> None:
    """No amplitude is stable there, wherever momenta were sampled: none on it, in any order, one without a triangle."""
    sampled = Wedge(
        delta=[1.0, -2.0, -0.5, 0.0],
        exact=[0.1, 0.2, 0.05, float("nan")],
        leading=[0.1, 0.2, 0.05, float("nan")],
        stack=([-1.5], [0.05]),
        resonant=-0.25,
        start=-1.5,
        end=-0.25,
        height=0.1,
        driver="betatron core",
    )
    curve = figure_json(steinbach(sampled))["data"][-1]
    assert list(zip(curve["x"], curve["y"], strict=True)) == [(-2.0, 0.2), (-0.5, 0.05), (-0.25, 0.0), (1.0, 0.1)]


@pytest.mark.parametrize("height", [0.05, 0.15, 0.16, 0.2])
def test_the_word_in_the_wedge_is_clear_of_the_arrow(height: float) -> None:
    wedge = Wedge([-2.0, 2.0], [0.4, 0.4], [0.4, 0.4], 0.0, ([-1.5], [0.05]), -1.5, 0.0, height, "core")
    layout = figure_json(steinbach(wedge))["layout"]
    word = next(note for note in layout["annotations"] if note["text"] == "unstable")
    assert abs(word["y"] - height / layout["yaxis"]["range"][1]) > 0.1
