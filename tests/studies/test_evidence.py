"""Requirements in figures: where limits and values stand, what no axis carries, what a slider keeps."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pandas as pd
import pytest

from machines.requirements import Requirement, Verdict, judge
from studies.charts.kit.evidence import ELSEWHERE, with_evidence
from studies.charts.kit.gauges import Gauge
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.report.drawing import draw
from studies.results import FigureData, Quantity, Shown
from tests.checkout import ROOT
from tests.studies.evidence import broken, undrawn

LINE: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": "range"}
LINE |= {"x": [70.0, 150.0, 230.0], "y": [0.2, 0.9, 0.4]}


def verdict(value: float | None, quantity: str = "range_jitter", unit: str = "mm", **limits: Any) -> Verdict:
    given: Any = limits or {"upper": 1.0}
    return judge(Requirement("LSW-04", "range", quantity, unit, "test", "linac", **given), value, 0.0)


def quantity(name: str = "range_jitter", figure: str = "jitter") -> Quantity:
    return Quantity(name, 1.0, "m", 0.0, "own maps", "", figure)


def figure(*shows: Shown, data: Any = (LINE,), **layout: Any) -> FigureData:
    return FigureData("jitter", "Jitter", "", {"data": list(data), "layout": layout}, pd.DataFrame(), shows)


def drawn(one: FigureData, *verdicts: Verdict) -> dict[str, Any]:
    """The figure's plotly with its evidence; it can be drawn on paper."""
    figures, _ = with_evidence([one], verdicts, [quantity(verdict.requirement.quantity) for verdict in verdicts])
    draw(figures[0].plotly, "jitter", "Jitter")
    return dict(figures[0].plotly)


def added(plotly: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in plotly["data"] if "meta" in trace}


def test_a_limit_stands_on_its_axis_in_its_unit_dashed_and_named() -> None:
    """1 mm of a quantity in metres on an axis of millimetres, from one end of the curve to the other."""
    plotly = drawn(figure(Shown("range_jitter", scale=1e3, curves=("range",))), verdict(0.9))
    limit, value = added(plotly)["LSW-04, limit"], added(plotly)["LSW-04, value"]
    assert (limit["x"], limit["y"], limit["line"]["dash"]) == ([70.0, 230.0], [1.0, 1.0], "dash")
    assert (value["x"], value["y"]) == ([150.0], [0.9])  # ringed on the curve, where it has that value
    assert [note["text"] for note in plotly["layout"]["annotations"]] == ["LSW-04 ≤ 1 mm"]


def test_what_is_a_size_has_its_limit_on_both_sides() -> None:
    swing = {**LINE, "y": [0.2, -0.9, 0.4]}
    shown = Shown("range_jitter", scale=1e3, mirrored=True, curves=("range",))
    plotly = drawn(figure(shown, data=[swing]), verdict(0.9))
    limits = [(t["y"][0], t["meta"]["above"]) for t in plotly["data"] if t.get("meta", {}).get("what") == "limit"]
    assert limits == [(1.0, False), (-1.0, True)]
    assert added(plotly)["LSW-04, value"]["y"] == [-0.9]


def test_a_room_is_counted_from_where_it_ends() -> None:
    """Wires at 35 mm, 2 mm left: the limit of no room is the wires themselves, the edge stands at 33 mm."""
    shown = Shown("clearance_es", scale=-1e3, offset=35.0, at=150.0)
    need = Requirement("OPT-13", "wires", "clearance_es", "mm", "test", "optics", lower=0.0)
    edge = {**LINE, "y": [20.0, 33.0, 25.0]}
    plotly = drawn(figure(shown, data=[edge]), judge(need, 2.0, 0.0))
    limit, value = added(plotly)["OPT-13, limit"], added(plotly)["OPT-13, value"]
    assert (limit["y"], limit["meta"]["above"]) == ([35.0, 35.0], False)
    assert limit["x"] == [150.0 - 0.02 * 160, 150.0 + 0.02 * 160]  # short, about its place
    assert (value["x"], value["y"]) == ([150.0], [33.0])


@pytest.mark.parametrize(
    ("shown", "layout", "limits"),
    [
        ((), {}, {}),  # no axis carries it
        ((Shown("energy_jitter"),), {}, {}),  # another's axis
        ((Shown("range_jitter", scale=1e3),), {"yaxis": {"range": [0.0, 0.95]}}, {}),  # beyond the range kept
        ((Shown("range_jitter", scale=1e3),), {}, {"upper": 50.0}),  # so far that the curve would be flat
        ((Shown("range_jitter", scale=1e3),), {"yaxis": {"type": "log"}}, {"lower": 0.0}),  # no place on a log axis
    ],
)
def test_what_an_axis_cannot_carry_has_a_gauge_below(shown: Any, layout: Any, limits: dict[str, Any]) -> None:
    plotly = drawn(figure(*shown, height=400, margin={"t": 20, "b": 48}, **layout), verdict(0.9, **limits))
    assert plotly["layout"]["height"] > 400
    assert plotly["layout"]["height"] - plotly["layout"]["margin"]["b"] == 400 - 48  # the picture keeps its size
    names = [shape["name"] for shape in plotly["layout"]["shapes"]]
    assert names == ["LSW-04, scale", "LSW-04, limit", "LSW-04, value"]
    assert all(shape["y0"] < 0 for shape in plotly["layout"]["shapes"])
    assert "LSW-04" in plotly["layout"]["annotations"][0]["text"]


def test_a_gauge_keeps_the_order_of_limits_and_value() -> None:
    """One-sided limits on a scale from 0, all within the width."""
    for lower, upper, value in ((None, 2.0, 1.5), (3.0, None, 2.0), (-1.0, 1.0, 0.2), (0.0, None, 2.4)):
        gauge = Gauge("R", "R", value, lower, upper, "mm")
        places = [gauge.place(one) for one in (*gauge.limits, value)]
        assert [sorted(places).index(place) for place in places] == [
            sorted((*gauge.limits, value)).index(one) for one in (*gauge.limits, value)
        ]
        assert all(0.46 < place < 1.0 for place in places)
    assert Gauge("R", "R yield", 0.985, 0.95, None, "1").told == "R yield: 0.985 (≥ 0.95)"


def test_what_links_nowhere_has_a_figure_of_its_own() -> None:
    figures, (one,) = with_evidence([figure()], [verdict(0.9)], [quantity(figure="gone")])
    assert [found.id for found in figures] == ["jitter", ELSEWHERE]
    assert one.figure == ELSEWHERE
    draw(figures[1].plotly, ELSEWHERE, "values")
    assert figures[1].table.dtypes.iloc[1:].tolist() == [np.dtype(float)] * 3  # a limit that is not there is a number
    assert [shape["name"] for shape in figures[1].plotly["layout"]["shapes"]][1:] == ["LSW-04, limit", "LSW-04, value"]


def test_a_slider_keeps_what_was_added() -> None:
    pictures = [[LINE], [{**LINE, "name": "other"}]]
    stops = slider(["1", "2"], owners(pictures), [{"annotations": []}, {"annotations": [{"text": "own"}]}], prefix="")
    one = figure(Shown("range_jitter", scale=1e3), data=one_at_a_time(pictures, 0), sliders=[stops])
    second = drawn(one, verdict(0.9))["layout"]["sliders"][0]["steps"][1]["args"]
    assert second[0]["visible"] == [False, True, True, True]
    assert [note["text"] for note in second[1]["annotations"]] == ["own", "LSW-04 ≤ 1 mm"]


def test_beside_bars_a_limit_is_an_upright_line() -> None:
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "name": "needed", "x": [5.0, 6.0], "y": ["a", "b"]}
    bar |= {"marker": {"color": "#000000"}}
    shown = Shown("klystron_share", "x", 7.5, curves=("needed",))
    need = Requirement("LIN-11", "rating", "klystron_share", "1", "test", "linac", upper=1.0)
    plotly = drawn(figure(shown, data=[bar], yaxis={"type": "category"}), judge(need, 0.8, 0.0))
    limit, value = plotly["layout"]["shapes"]
    assert (limit["name"], limit["x0"], limit["line"]["dash"]) == ("LIN-11, limit", 7.5, "dash")
    assert (value["name"], value["x0"]) == ("LIN-11, value", 6.0)


def test_a_curve_beyond_a_limit_is_found_unless_the_requirement_fails() -> None:
    """The walk that the runs of all kinds go through sees what it is there for."""
    shows = (Shown("range_jitter", scale=1e3, curves=("range",)),)
    high = [{**LINE, "y": [0.2, 1.2, 0.4]}]
    result: Any = type("Result", (), {})()
    for value, expected in ((0.9, [("LSW-04", "range", 1.2)]), (1.2, [])):
        result.verdicts = [verdict(value)]
        result.figures, result.quantities = with_evidence([figure(*shows, data=high)], result.verdicts, [quantity()])
        assert broken(result) == expected
        assert undrawn(result) == []
    result.figures = [figure(*shows, data=high)]
    assert undrawn(result) == ["LSW-04"]


def test_a_bar_short_of_a_lower_limit_is_found() -> None:
    """The step at one working point is below the limit of the least: a pass would be a false one."""
    bar: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "name": "step",
        "x": [2.4, 1.9, None],
        "y": ["a", "b", "c"],
    }
    bar |= {"marker": {"color": "#000000"}}
    need = Requirement("EXT-17", "step", "worst_spiral_step", "mm", "test", "extraction", lower=2.0)
    result: Any = type("Result", (), {})()
    for value, expected in ((2.1, [("EXT-17", "bars", 1.9)]), (1.9, [])):
        result.verdicts = [judge(need, value, 0.0)]
        shown = Shown("worst_spiral_step", "x", 1e3, curves=("step",))
        steps = [figure(shown, data=[bar], yaxis={"type": "category"})]
        result.figures, result.quantities = with_evidence(steps, result.verdicts, [quantity("worst_spiral_step")])
        assert broken(result) == expected


def test_no_figure_draws_a_limit_by_hand() -> None:
    """Dashed lines of limits come from the verdicts: studies and charts draw no other but levels and marks, dotted."""
    callers = {
        file.relative_to(ROOT).as_posix()
        for folder in ("studies",)
        for file in (ROOT / folder).rglob("*.py")
        if "kit.limits import" in file.read_text() or file.stem == "limits"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("across", "upright")
        and not any(word.arg == "dash" for word in node.keywords)
    }
    kit = {"studies/charts/kit/limits.py", "studies/charts/kit/marks.py"}
    assert callers - kit == {"studies/charts/match.py"}  # bars in units of their own limit or tolerance, at one
