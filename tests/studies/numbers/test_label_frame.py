"""Where places of a figure are in pixels: linear between the ends, reversed, logarithmic, of equal scale, of names."""

from __future__ import annotations

from typing import Any

import pytest

from studies.report.labels.frame import Axis, Frame, with_ranges

MARGIN = {"l": 100, "r": 50, "t": 20, "b": 80}


def frame(*data: dict[str, Any], width: float = 550.0, **layout: Any) -> Frame:
    """400 px wide and 300 px high inside its margins."""
    return Frame(data, {"height": 400, "margin": MARGIN, **layout}, width)


def trace(x: list[Any], y: list[Any], **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, **more}


def test_a_value_stands_between_the_ends_of_its_axis() -> None:
    """x from 100 to 500 px over -1 to 3; y from 320 px up to 20 px over 0 to 6."""
    made = frame(xaxis={"range": [-1, 3]}, yaxis={"range": [0, 6]})
    assert [made.pixel("x", value) for value in (-1, 0, 3)] == pytest.approx([100.0, 200.0, 500.0])
    assert [made.pixel("y", value) for value in (0, 2, 6)] == pytest.approx([320.0, 220.0, 20.0])
    assert made.pixel("x domain", 0.25) == pytest.approx(200.0)
    assert made.pixel("y domain", 0.25) == pytest.approx(245.0)
    assert (made.pixel("paper x", 0.5), made.pixel("paper y", 0.9)) == pytest.approx((300.0, 50.0))
    assert made.place({"x": 0.5, "xref": "paper"}, "x") == pytest.approx(300.0)
    assert made.place({"y": 3, "yref": "y"}, "y") == pytest.approx(170.0)
    assert (made.axes["x"].scale, made.axes["y"].scale) == pytest.approx((100.0, 50.0))


def test_a_panel_has_its_part_of_the_figure() -> None:
    made = frame(yaxis={"range": [0, 1], "domain": [0.6, 1.0]}, yaxis2={"range": [0, 1], "domain": [0.0, 0.4]})
    assert [made.pixel("y", value) for value in (0, 1)] == pytest.approx([140.0, 20.0])
    assert [made.pixel("y2", value) for value in (0, 1)] == pytest.approx([320.0, 200.0])


def test_an_axis_without_a_range_has_room_above_and_below_but_lines_reach_its_sides() -> None:
    """5.5 % of what is drawn; points have room at the sides too; a line from nothing begins at nothing."""
    line = frame(trace([0, 10], [2, 4]))
    assert line.range_of("x") == (0.0, 10.0)
    assert line.range_of("y") == pytest.approx((2 - 0.11, 4 + 0.11))
    assert frame(trace([0, 10], [2, 4], mode="markers")).range_of("x") == pytest.approx((-0.55, 10.55))
    assert frame(trace([0], [2, 4]), yaxis={"rangemode": "tozero"}).range_of("y") == pytest.approx((0.0, 4.11))
    below = frame(trace([0], [-2, 2]), yaxis={"rangemode": "tozero"}).range_of("y")
    assert below == pytest.approx((-2.22, 2.22))
    assert frame(trace([3], [7])).range_of("y") == pytest.approx((6 - 0.11, 8 + 0.11))
    assert frame().range_of("x") == (-1.0, 1.0)


def test_bars_stand_on_nothing_and_what_is_hidden_takes_no_room() -> None:
    bars = {"type": "bar", "x": [2, 4], "y": ["a", "b"]}
    assert frame(bars).range_of("x") == pytest.approx((-0.22, 4.22))
    hidden = trace([0, 1], [100, 200], visible=False)
    assert frame(trace([0, 1], [2, 4]), hidden).range_of("y") == pytest.approx((1.89, 4.11))
    other = trace([0, 1], [100, 200], yaxis="y2")
    assert frame(trace([0, 1], [2, 4]), other, yaxis2={}).range_of("y2") == pytest.approx((94.5, 205.5))


def test_a_log_axis_counts_exponents_of_what_is_positive() -> None:
    """Lines say their value, labels their exponent: 1e-3 and 1e4 with what is drawn from 1 to 100."""
    shapes = [{"type": "line", "yref": "y", "y0": 1e-3, "y1": 1e-3}]
    notes = [{"text": "a", "yref": "y", "y": 4.0, "x": 0.0, "xref": "paper"}]
    made = frame(trace([0, 1, 2], [1.0, 100.0, 0.0]), yaxis={"type": "log"}, shapes=shapes, annotations=notes)
    assert made.range_of("y") == pytest.approx((-3 - 0.055 * 7, 4 + 0.055 * 7))
    assert made.pixel("y", 0.5) == pytest.approx(170.0)  # the middle exponent


def test_names_stand_a_unit_apart_the_first_on_top_where_the_axis_is_reversed() -> None:
    data = {"type": "bar", "x": [1, 2, 3], "y": ["a", "b", "c"]}
    upward = frame(data, yaxis={"type": "category"})
    assert upward.range_of("y") == (-0.5, 2.5)
    assert [upward.pixel("y", name) for name in "abc"] == pytest.approx([270.0, 170.0, 70.0])
    turned = frame(data, yaxis={"type": "category", "autorange": "reversed"})
    assert turned.range_of("y") == (2.5, -0.5)
    assert [turned.pixel("y", name) for name in "abc"] == pytest.approx([70.0, 170.0, 270.0])


@pytest.mark.parametrize(("keeps", "x", "y"), [("range", (-2, 6), (0, 6)), ("domain", (0, 4), (0, 6))])
def test_axes_of_equal_scale_show_more_or_become_smaller_about_their_middle(
    keeps: str, x: tuple[float, float], y: tuple[float, float]
) -> None:
    """4 over 400 px and 6 over 300 px: 50 px a unit for both."""
    spec = {"constrain": keeps}
    made = frame(xaxis={"range": [0, 4], "scaleanchor": "y", **spec}, yaxis={"range": [0, 6], **spec})
    assert (made.axes["x"].scale, made.axes["y"].scale) == pytest.approx((50.0, 50.0))
    assert (made.axes["x"].low, made.axes["x"].high) == pytest.approx(x)
    assert (made.axes["y"].low, made.axes["y"].high) == pytest.approx(y)
    assert made.pixel("x", 2) == pytest.approx(300.0)


def test_an_axis_that_runs_down_keeps_its_way() -> None:
    axis = Axis(320.0, 20.0, 6.0, 0.0)
    assert axis.shrunk(25.0) == Axis(245.0, 95.0, 6.0, 0.0)
    assert axis.scaled(25.0) == Axis(320.0, 20.0, 9.0, -3.0)


def test_axes_with_labels_get_the_range_that_all_stops_of_a_slider_need() -> None:
    shown, hidden = trace([0, 1], [0, 1]), trace([0, 1], [0, 5], visible=False)
    notes = [{"text": "a", "yref": "y", "y": 0.5, "x": 0.0, "xref": "paper"}]
    layout: dict[str, Any] = {"xaxis": {}, "yaxis": {}, "annotations": notes}
    plain = with_ranges({"data": [shown, hidden], "layout": layout})["layout"]
    assert plain["yaxis"]["range"] == pytest.approx([-0.055, 1.055])
    assert "range" not in plain["xaxis"]
    sliding = with_ranges({"data": [shown, hidden], "layout": {**layout, "sliders": [{}]}})["layout"]
    assert sliding["yaxis"]["range"] == pytest.approx([-0.275, 5.275])
    tied = with_ranges({"data": [shown], "layout": {**layout, "yaxis": {"matches": "x"}}})["layout"]
    assert "range" not in tied["yaxis"]
