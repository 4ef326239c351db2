"""Figures of the field: units on every axis, plain data, positions where they belong."""

from __future__ import annotations

import re
from itertools import pairwise
from math import pi

import numpy as np
import pandas as pd
import pytest

from lattice import Bend, Drift, InputError, Lattice, Marker, Quadrupole, ReferenceParticle, SRotation
from optics import survey
from studies.charts.figure import figure_json
from studies.charts.floor import orbit_in_space
from studies.charts.lattice import StopBand, WorkingPoint, floor_plan, magnet_blocks, optics_figure, tune_diagram
from studies.charts.magnet_shapes import DEFOCUSING, FOCUSING, IDLE_QUADRUPOLE, bar_polygon, floor_curve, magnet_style
from studies.charts.magnets import MagnetBlock
from studies.charts.style import QUANTITIES, inert, numbers, tint
from studies.results import FigureData
from tests.report_fakes import PROTON, fake_envelope, fake_figures, fake_optics, fake_ring, fake_survey

FIGURES = fake_figures()


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_every_axis_has_a_unit(figure: FigureData) -> None:
    for key, axis in figure.plotly["layout"].items():
        if re.fullmatch(r"[xy]axis\d*", key) and axis.get("visible", True) and axis.get("type") != "category":
            assert re.search(r"\[[^\]]+\]$", axis["title"]["text"]), f"{key}: {axis['title']['text']!r}"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_no_trace_needs_webgl_and_data_are_plain_lists(figure: FigureData) -> None:
    for trace in figure.plotly["data"]:
        assert trace["type"] in ("scatter", "bar", "heatmap")
        for side in "xy":
            assert isinstance(trace[side], list)
            assert all(value is None or isinstance(value, (int, float, str)) for value in trace[side])


def test_at_most_five_lines_in_a_panel_over_s() -> None:
    for figure in FIGURES:
        if figure.id in ("optics-ring", "engines-along-s"):
            panels: dict[str, int] = {}
            for trace in figure.plotly["data"]:
                if trace["mode"] == "lines" and trace.get("fill") != "toself":
                    panels[trace.get("yaxis", "y")] = panels.get(trace.get("yaxis", "y"), 0) + 1
            assert max(panels.values()) <= 5


def test_panels_share_one_s_axis_so_that_the_hover_runs_through_them() -> None:
    layout = next(figure for figure in FIGURES if figure.id == "optics-ring").plotly["layout"]
    assert layout["hovermode"] == "x unified"
    assert layout["hoversubplots"] == "axis"
    domains = [axis["domain"] for key, axis in layout.items() if key.startswith("yaxis")]
    ends = sorted((tuple(domain) for domain in domains), reverse=True)
    assert all(above[0] > below[1] for above, below in pairwise(ends)), "panels do not overlap"


def test_same_json_every_time() -> None:
    ring = fake_ring()
    blocks = magnet_blocks(ring, PROTON)
    assert figure_json(optics_figure(fake_optics(ring), blocks)) == figure_json(
        optics_figure(fake_optics(ring), blocks)
    )


def test_one_colour_per_quantity() -> None:
    ring = fake_ring()
    optics = fake_optics(ring)
    drawn = figure_json(optics_figure(optics, magnet_blocks(ring), envelope=fake_envelope(optics)))
    colors = {trace["name"]: trace["line"]["color"] for trace in drawn["data"] if "line" in trace}
    for key in ("betx", "bety", "dx"):
        assert colors[key] == QUANTITIES[key].color
    assert colors["x_high"] == QUANTITIES["x"].color == "#0072B2"
    assert colors["y_high"] == QUANTITIES["y"].color == "#D55E00"
    assert colors["aperture_x_high"] == "#555555"


def test_vertical_dispersion_is_drawn_where_there_is_some() -> None:
    optics = fake_optics(fake_ring())
    flat = figure_json(optics_figure(optics.assign(dy=0.0), ()))
    tilted = figure_json(optics_figure(optics.assign(dy=0.3), ()))
    assert flat["layout"]["yaxis3"]["title"]["text"] == "dx [m]"
    assert tilted["layout"]["yaxis3"]["title"]["text"] == "dx, dy [m]"


def test_a_missing_column_is_named() -> None:
    optics = fake_optics(fake_ring())
    with pytest.raises(InputError, match="optics table lacks the column bety"):
        optics_figure(optics.drop(columns="bety"), ())
    with pytest.raises(InputError, match="envelope lacks the column y_low"):
        optics_figure(optics, (), envelope=fake_envelope(optics).drop(columns="y_low"))
    with pytest.raises(InputError, match="survey lacks the column theta"):
        floor_plan(fake_survey(fake_ring()).drop(columns="theta"), ())
    with pytest.raises(InputError, match="no row for the magnet 'elsewhere'"):
        floor_plan(fake_survey(fake_ring()), (MagnetBlock("elsewhere", "bend", 0.0, 1.0),))


# --- magnets -----------------------------------------------------------------------------------------------------


def test_fields_at_the_rigidity_of_the_particle() -> None:
    """B = angle / length * B rho, G = k1 B rho, S = k2 B rho, E = kick / length * B rho * beta c."""
    blocks = {block.name: block for block in magnet_blocks(fake_ring(), PROTON)}
    rigidity = PROTON.magnetic_rigidity  # 1.13702 T m
    assert blocks["mb::0"].field_text == f"{pi / 8 / 1.68 * rigidity:.4g} T"
    assert blocks["qd::0"].field_text == f"{-0.495 * rigidity:.4g} T/m"
    assert blocks["sr"].field_text == f"{-3.3 * rigidity:.4g} T/m^2"
    assert blocks["es"].field_text == f"{2.5e-3 / 0.8 * rigidity * PROTON.beta * 299.792458:.4g} MV/m"
    assert blocks["ms"].field_text == f"{0.06 * rigidity:.4g} T"
    assert magnet_blocks(fake_ring())[0].field_text == ""


def test_a_bend_of_known_field() -> None:
    """Carbon of 6.346 T m (400 MeV/u) in a 1.68 m, 22.5 degree dipole: 1.483 T."""
    carbon = ReferenceParticle.from_rigidity("carbon-12", 6.346)
    bend = next(block for block in magnet_blocks(fake_ring(), carbon) if block.kind == "bend")
    assert bend.field_text == "1.483 T"
    assert bend.strength_text == "angle 22.5 deg"


def test_labels_go_by_row_or_by_element() -> None:
    ring = Lattice("r", elements=[Quadrupole("q", length=1.0), Marker("m"), Quadrupole("q", length=1.0)])
    assert [block.label for block in magnet_blocks(ring, labels={"Q": "both"})] == ["both", "both"]
    assert [block.label for block in magnet_blocks(ring, labels={"q::1": "second"})] == ["", "second"]
    assert [block.s for block in magnet_blocks(ring)] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("k1", "sort", "low", "high"),
    [
        (0.3, FOCUSING, 0.0, 1.0),
        (-0.3, DEFOCUSING, -1.0, 0.0),
        (0.0, IDLE_QUADRUPOLE, -0.5, 0.5),
    ],
)
def test_quadrupoles_stand_above_or_hang_below_the_line(k1: float, sort: object, low: float, high: float) -> None:
    block = MagnetBlock("q", "quadrupole", s=2.0, length=0.4, strength=k1)
    assert magnet_style(block) == sort
    s, up = bar_polygon(block, shortest=0.1)
    assert (min(up), max(up)) == (low, high)
    assert (min(s), max(s)) == pytest.approx((2.0, 2.4))


def test_floor_follows_the_arc() -> None:
    """A quarter circle of radius 2 m that starts along Z and turns towards -X ends at (2, -2)."""
    survey = pd.DataFrame({"s": [0.0, pi], "X": [0.0, -2.0], "Z": [0.0, 2.0], "theta": [0.0, -pi / 2]})
    z, x, theta = floor_curve(survey, 0, points=9)
    np.testing.assert_allclose(np.hypot(z, x + 2.0), 2.0, rtol=1e-14)  # rounding
    assert (z[-1], x[-1], theta[-1]) == pytest.approx((2.0, -2.0, -pi / 2))


# --- resonances --------------------------------------------------------------------------------------------------


def test_a_diagram_without_a_working_point() -> None:
    with pytest.raises(InputError, match="at least one working point"):
        tune_diagram([])


def test_points_lie_inside_the_window_and_coinciding_names_share_a_label() -> None:
    points = [WorkingPoint("a", 1.72, 1.79), WorkingPoint("b", 1.666, 1.74), WorkingPoint("c", 1.6665, 1.7402)]
    layout = figure_json(tune_diagram(points))["layout"]
    for key, tunes in (("xaxis", [1.72, 1.666]), ("yaxis", [1.79, 1.74])):
        low, high = layout[key]["range"]
        assert all(low < tune < high for tune in tunes)
    assert "b<br>c" in [note["text"] for note in layout["annotations"]]


def test_stop_band_has_the_stated_width() -> None:
    """3 Qx = 5 with half width 0.004: from 5/3 - 0.004 to 5/3 + 0.004, over the whole window."""
    drawn = figure_json(tune_diagram([WorkingPoint("a", 1.68, 1.74)], stop_bands=[StopBand(3, 0, 5, 0.004, "band")]))
    band = drawn["data"][0]
    assert (min(band["x"]), max(band["x"])) == pytest.approx((5 / 3 - 0.004, 5 / 3 + 0.004), abs=1e-7)
    assert [min(band["y"]), max(band["y"])] == pytest.approx(drawn["layout"]["yaxis"]["range"], abs=1e-7)


# --- small things ------------------------------------------------------------------------------------------------


def test_numbers_are_plain_and_have_holes_where_nothing_is_known() -> None:
    assert numbers([1.0, float("nan"), 1 / 3], scale=1e3) == [1000.0, None, 333.33333]


def test_text_from_outside_is_no_markup() -> None:
    assert inert("<b>&") == "&lt;b&gt;&amp;"


def test_tints() -> None:
    assert tint("#0072B2", 0.2) == "rgba(0,114,178,0.2)"


@pytest.mark.parametrize("roll", [0.0, 0.7])
def test_the_orbit_in_space_goes_round_its_bends(roll: float) -> None:
    """An arc of 60 degrees of 2 m, upright or rolled about its beginning: on the circle to 3e-3 of its radius."""
    turned = [SRotation("r", angle=roll), Bend("b", length=2.0 * pi / 3, angle=pi / 3), Drift("d", length=1.0)]
    z, x, y = orbit_in_space(survey(Lattice("arc", elements=turned)))
    towards = x * np.cos(roll) + y * np.sin(roll)  # bends turn to -x of their frame
    np.testing.assert_allclose(-x * np.sin(roll) + y * np.cos(roll), 0.0, atol=1e-12)
    in_bend = slice(0, 9)
    np.testing.assert_allclose(np.hypot(z, towards + 2.0)[in_bend], 2.0, rtol=3.2e-3)
    assert np.hypot(z, towards + 2.0)[-1] == pytest.approx(np.hypot(2.0, 1.0), rel=1e-12)
