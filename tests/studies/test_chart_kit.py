"""The pieces that charts are put together from: what a slider shows, where panels stand, what lies at a limit."""

from __future__ import annotations

import pytest

from studies.charts.kit.limits import across, upright
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.kit.strips import axis_name, layout_key, named_stack, spaced, strips
from studies.charts.style import LIMIT, short

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
