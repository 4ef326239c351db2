"""The pieces that charts are put together from: what a slider shows, where panels stand, what lies at a limit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from studies.charts.kit.gauges import Gauge, narrowed, resized, with_gauges
from studies.charts.kit.limits import across, upright
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.kit.strips import axis_name, layout_key, named_stack, spaced, strips
from studies.charts.linac import stacked
from studies.charts.style import LIMIT, base_layout, short

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
