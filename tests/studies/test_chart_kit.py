"""The pieces that charts are put together from: what a slider shows, where panels stand, what lies at a limit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from studies.charts.curves import Curve, curve_trace
from studies.charts.kit.gauges import Gauge, narrowed, resized, with_gauges
from studies.charts.kit.limits import across, upright
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.kit.strips import axis_name, layout_key, named_stack, spaced, strips
from studies.charts.linac import line as linac_line
from studies.charts.linac import stacked
from studies.charts.panels import Panel, _panel_axes
from studies.charts.phase_space import Frame, Portrait, portrait_drawing
from studies.charts.style import HORIZONTAL, LIMIT, VERTICAL, base_layout, contrast, readable, short

#: Two pictures, of one trace and of two.
PICTURES = [[{"name": "a"}], [{"name": "b"}, {"name": "c"}]]


def test_without_scripts_one_picture_stands_alone() -> None:
    assert [(trace["name"], trace["visible"]) for trace in one_at_a_time(PICTURES, 1)] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]


def test_a_stop_of_the_slider_shows_its_own_traces_and_the_shared_ones() -> None:
    made = slider(["one", "two"], owners(PICTURES, shared=2), [{"title": "1"}, {"title": "2"}], prefix="at ", shown=1)
    first, second = made["steps"]
    assert first["args"] == [{"visible": [True, True, True, False, False]}, {"title": "1"}]
    assert second["args"] == [{"visible": [True, True, False, True, True]}, {"title": "2"}]
    assert (made["active"], [first["label"], second["label"]]) == (1, ["one", "two"])


def test_panels_stand_from_the_top_down_without_touching() -> None:
    """Three panels in thirds of the height; with a gap of 0.1, three of (1 - 0.2) / 3 each."""
    assert list(strips(3, 0.9)) == [
        [pytest.approx(0.7, abs=1e-8), 1.0],
        [pytest.approx(2 / 3 - 0.3, abs=1e-8), pytest.approx(2 / 3, abs=1e-8)],
        [pytest.approx(1 / 3 - 0.3, abs=1e-8), pytest.approx(1 / 3, abs=1e-8)],
    ]  # 8 digits are kept
    assert list(spaced(3, 0.1)) == [[0.7333, 1.0], [0.3667, 0.6333], [0.0, 0.2667]]


def test_the_lowest_panel_carries_the_common_axis() -> None:
    layout = named_stack(["first <", "second"], ["x [mm]", "y [mm]"], "time [s]", each=100, share=0.8)
    assert (layout["xaxis"]["anchor"], layout["height"]) == ("y2", 270)
    assert [layout[layout_key(number)]["title"]["text"] for number in (0, 1)] == ["x [mm]", "y [mm]"]
    assert [(note["text"], note["yref"]) for note in layout["annotations"]] == [
        ("first &lt;", f"{axis_name(0)} domain"),
        ("second", f"{axis_name(1)} domain"),
    ]


def test_limits_are_dashed_in_the_colour_of_limits() -> None:
    level, mark = across(0.5, yref="y2"), upright(3.0)
    assert (level["y0"], level["y1"], level["yref"], level["xref"]) == (0.5, 0.5, "y2", "paper")
    assert (mark["x0"], mark["x1"], mark["xref"], mark["yref"]) == (3.0, 3.0, "x", "paper")
    assert all(line["line"]["dash"] == "dash" and line["line"]["color"] == LIMIT for line in (level, mark))


def test_a_number_is_kept_to_eight_digits() -> None:
    assert short(1 / 3) == 0.33333333


def gauged() -> dict[str, Any]:
    """Panels of 200 px with two gauges below them: rows of 22 px, the first 12 px under a margin of 50."""
    gauges = [Gauge("A-01", "A-01 yield", 0.9, 0.8, None, "1"), Gauge("A-02", "A-02 size", 3.0, None, 4.0, "mm")]
    layout = base_layout(270, margin={"l": 60, "r": 20, "t": 20, "b": 50})
    return with_gauges({"data": [], "layout": layout}, gauges)["layout"]


def below(layout: dict[str, Any], name: str) -> float:
    """Of a part of a gauge, how far it stands below the panels [px]."""
    plot = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    part = next(one for one in (*layout["shapes"], *layout["annotations"]) if one["name"] == name)
    middle = part["y"] if "y" in part else (part["y0"] + part["y1"]) / 2
    return round(-middle * plot, 3)


def test_a_gauge_stays_where_it_is_below_panels_of_another_height() -> None:
    layout, lower = gauged(), resized(gauged(), 200)
    parts = [f"A-0{row}, {part}" for row in (1, 2) for part in ("scale", "limit", "value", "label")]
    assert [below(lower, part) for part in parts] == [below(layout, part) for part in parts] == [73] * 4 + [95] * 4
    assert lower["height"] == 200


def test_on_a_narrow_screen_names_of_gauges_stand_over_their_scales() -> None:
    """Beside each other a name is longer than what a scale leaves it: rows of 40 px, scales 18 px under their names."""
    layout = narrowed(gauged())
    assert [below(layout, f"A-0{row}, label") for row in (1, 2)] == [73, 113]
    assert [below(layout, f"A-0{row}, {part}") for row in (1, 2) for part in ("scale", "limit", "value")] == [
        *[91] * 3,
        *[131] * 3,
    ]
    scale = next(one for one in layout["shapes"] if one["name"] == "A-01, scale")
    assert (scale["x0"], scale["x1"]) == (0.0, 1.0)
    assert layout["height"] - gauged()["height"] == layout["margin"]["b"] - gauged()["margin"]["b"] == 36
    bare = base_layout(200)
    assert narrowed(bare) == bare


@pytest.mark.parametrize("count", [1, 2, 4, 12, 40])
def test_panels_of_any_number_have_room(count: int) -> None:
    """Twelve with a tenth of the figure between two left none for themselves: the page could not be drawn."""
    layout = stacked([], ["x [mm]"] * count, "share [%]")["layout"]
    domains = [layout[key]["domain"] for key in layout if key.startswith("yaxis")]
    assert len(domains) == count
    assert sum(high - low for low, high in domains) >= 0.7 - 1e-3
    assert all(above[0] >= below[1] for above, below in pairwise(domains))


def test_panels_share_the_height_as_they_are_asked_to() -> None:
    """Shares of 1, 4 and 5 of what two gaps of 3.5 % leave, from the top down to the bottom."""
    axes = _panel_axes([Panel(share, "y", -1.0, 2.0) for share in (0.1, 0.4, 0.5)])
    expected = [(0.907, 1.0), (0.5, 0.872), (0.0, 0.465)]
    for one, ends in zip(axes, expected, strict=True):
        assert one["domain"] == pytest.approx(list(ends), abs=1e-6)
        assert one["range"] == [-1.0, 2.0]


def test_contrasts_are_those_of_wcag() -> None:
    """White on black is 21; primary colours by their weights of 0.2126, 0.7152 and 0.0722 (WCAG 2.1, relative
    luminance); #767676 is the lightest grey that letters may have on white, at 4.54."""
    assert contrast("#FFFFFF", "#000000") == contrast("#000000", "#FFFFFF") == pytest.approx(21.0, rel=1e-12)
    for color, weight in (("#FF0000", 0.2126), ("#00FF00", 0.7152), ("#0000FF", 0.0722)):
        assert contrast(color, "#000000") == pytest.approx((weight + 0.05) / 0.05, rel=1e-12)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=5e-3)
    assert contrast("#050505", "#000000") == pytest.approx(1 + 5 / 255 / 12.92 / 0.05, rel=1e-9)  # near black: linear
    assert readable("#767676") == "#767676"
    lighter = readable("#787878")
    assert 4.5 <= contrast(lighter, "#FFFFFF") < 4.65


def test_lines_of_both_planes_stay_apart_in_grey() -> None:
    """Their colours meet in grey (less than 1.5 to 1): the vertical one is drawn thinner, whatever draws it."""
    assert contrast(HORIZONTAL, VERTICAL) < 1.5
    pairs = [
        [linac_line([0.0, 1.0], [1.0, 2.0], color, "size") for color in (HORIZONTAL, VERTICAL)],
        [curve_trace(Curve("size", [0.0, 1.0], [1.0, 2.0], color), "s", "size") for color in (HORIZONTAL, VERTICAL)],
    ]
    for horizontal, vertical in pairs:
        assert vertical["line"]["width"] <= 0.65 * horizontal["line"]["width"]


def test_one_momentum_needs_no_slider() -> None:
    """Two have one, below the axes."""
    nothing = np.zeros((3, 2))
    square = np.array([[-1.0, -2.0], [1.0, -2.0], [1.0, 2.0]])
    portrait = Portrait([square], [square], square, [square], square, nothing, None)
    frames = [Frame(f"dp/p = {number}", portrait, portrait) for number in (1, 2)]
    one, two = (portrait_drawing(frames[:number], 0, "es")["layout"] for number in (1, 2))
    assert "sliders" not in one
    assert [step["label"] for step in two["sliders"][0]["steps"]] == ["1", "2"]
    assert two["height"] > one["height"]
    assert two["margin"]["b"] > one["margin"]["b"]
