"""Two runs side by side: margins and limits that changed, figures overlaid, and what is refused with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from machines.requirements import PUBLISHED, Requirement, judge
from studies.report.drawing import draw
from studies.results import FigureData, StudyResult, TableData
from studies.runs.compare import compare_runs
from studies.runs.compare.folder import comparison
from studies.runs.compare.overlay import overlaid
from tests.report_fakes import fake_figures, fake_result


def with_requirements(*cases: tuple[str, str, float, float, str]) -> StudyResult:
    """The fake study judged on requirements (id, quantity, value, upper limit, unit)."""
    verdicts = tuple(
        judge(Requirement(id, f"What {id} asks", name, unit, "table 4", "fake", None, upper, PUBLISHED), value, 1e-9)
        for id, name, value, upper, unit in cases
    )
    return replace(fake_result(), verdicts=verdicts)


A = with_requirements(
    ("R-1", "max_betx", 16.0, 17.0, "m"),
    ("R-2", "max_bety", 10.0, 17.0, "m"),
    ("R-3", "max_dx", 8.0, 9.0, "m"),
    ("R-3", "max_dx", 8.0, 10.0, "m"),
)
B = with_requirements(
    ("R-1", "max_betx", 16.9, 17.0, "m"),
    ("R-2", "max_bety", 10.5, 17.0, "m"),
    ("R-3", "max_dx", 9.5, 9.0, "m"),
    ("R-3", "max_dx", 9500.0, 11000.0, "mm"),
)


def test_requirements_stand_side_by_side_with_their_margins_those_that_turned_first() -> None:
    """Margins by hand: 1 to 0.1, 7 to 6.5, 1 to -0.5; two requirements of one id stay two."""
    rows = compare_runs(A, B).requirements
    assert list(rows["requirement"]) == ["R-3", "R-1", "R-3", "R-2"]
    assert list(rows["change of margin"])[:2] == pytest.approx([-1.5, -0.9])
    assert list(rows["margin B"])[1::2] == pytest.approx([0.1, 6.5])
    assert list(rows["A"]) == ["PASS"] * 4
    assert list(rows["B"]) == ["FAIL", "PASS", "PASS", "PASS"]


def test_a_requirement_that_one_run_lacks_is_told_too() -> None:
    for first, second, words in (
        (A, with_requirements(), ("PASS", "not asked")),
        (with_requirements(), A, ("not asked", "PASS")),
    ):
        rows = compare_runs(replace(first, quantities=B.quantities), replace(second, quantities=B.quantities)).verdicts
        assert set(rows["requirement"]) == {"R-1", "R-2", "R-3"}
        assert {(one.A, one.B) for one in rows.itertuples()} == {words}


def test_a_requirement_in_another_unit_is_told_in_that_of_the_second_run() -> None:
    """2 m of room are 2000 mm, and 1500 mm are left."""
    row = compare_runs(A, B).requirements.iloc[2]
    assert (row["unit"], row["margin A"], row["margin B"]) == ("mm", pytest.approx(2000.0), pytest.approx(1500.0))


def test_limits_that_changed_are_told() -> None:
    limits = compare_runs(A, B).limits
    assert list(limits["requirement"]) == ["R-3"]
    assert list(limits["upper A"]) == [10.0]
    assert list(limits["upper B"]) == [11000.0]
    assert "Limits changed: R-3." in comparison(compare_runs(A, B), "a", "b").warnings
    assert len(compare_runs(A, A).limits) == 0


# ------------------------------------------------------------------------------------------------------------ refused


def refused(first: StudyResult, second: StudyResult) -> str:
    with pytest.raises(InputError) as told:
        compare_runs(first, second)
    return str(told.value)


def test_runs_that_answer_different_questions_are_refused_with_both_named() -> None:
    linac = replace(fake_result(), name="other", study={"study": "linac-optics"})
    assert "different questions, 'optics' and 'linac-optics'" in refused(fake_result(), linac)


def test_many_cases_beside_one_are_refused() -> None:
    scan = replace(fake_result(), study={"study": "optics", "scan": {"over": [{"name": "kf"}]}})
    assert "A is a scan and B is a single run" in refused(scan, fake_result())
    assert compare_runs(scan, scan).worse == ()


def test_a_comparison_is_not_compared_again() -> None:
    again = replace(fake_result(), tables=(TableData("compare-requirements", "t", "", pd.DataFrame({"a": [1]})),))
    assert "B is itself a comparison" in refused(fake_result(), again)


def test_runs_without_a_quantity_in_common_are_refused() -> None:
    bare = replace(fake_result(), quantities=())
    assert "no quantity in common" in refused(fake_result(), bare)


# ----------------------------------------------------------------------------------------------------------- figures


def figure(*traces: dict[str, Any], **layout: Any) -> FigureData:
    axes = {"xaxis": {"title": {"text": "s [m]"}}, "yaxis": {"title": {"text": "betx [m]"}}, "height": 300, **layout}
    return FigureData("f", "Optics", "Betas. Look here.", {"data": list(traces), "layout": axes}, pd.DataFrame())


def line(name: str, x: Any, y: Any, **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y), "line": {}, **more}


def only(first: FigureData, second: FigureData) -> tuple[FigureData, ...]:
    return overlaid((first,), (second,)).figures


def test_curves_are_overlaid_and_their_difference_is_drawn() -> None:
    """B is 3 s on its own steps, A is 2 s: B - A is s, also between the points of A; what is alike is drawn once."""
    s = np.linspace(0.0, 10.0, 21)
    wall = line("wall", [0.0, 5.0, 10.0], [9.0, 9.0, 9.0])
    both, change = only(figure(line("betx", s, 2 * s), wall), figure(line("betx", s[::4], 3 * s[::4]), wall))
    assert [trace["name"] for trace in both.plotly["data"]] == ["betx (A)", "betx", "wall"]
    assert both.plotly["data"][0]["line"]["dash"] == "dash"
    assert both.plotly["data"][1]["line"].get("dash", "solid") == "solid"
    (difference,) = change.plotly["data"]
    assert difference["y"] == pytest.approx(difference["x"], abs=1e-7)
    assert change.plotly["layout"]["yaxis"]["title"]["text"] == "B − A [m]"
    assert list(change.table["B - A"]) == pytest.approx(list(change.table["x"]))


def test_the_difference_reaches_where_both_do() -> None:
    _, change = only(figure(line("b", [0, 1, 2, 3], [0, 0, 0, 0])), figure(line("b", [1, 2, 3, 9], [1, 1, 1, 1])))
    assert change.plotly["data"][0]["x"] == [1.0, 2.0, 3.0]


def test_loops_and_clouds_have_no_difference() -> None:
    loop = figure(line("arm", [0, 1, 0.5, 0], [0, 1, 2, 3]))
    moved = figure(line("arm", [0, 1, 0.5, 0], [0, 1, 2, 4]))
    assert [one.id for one in only(loop, moved)] == ["f"]


def test_alike_figures_are_named_and_not_drawn() -> None:
    found = overlaid((figure(line("b", [0, 1], [0, 1])),), (figure(line("b", [0, 1], [0, 1 + 1e-12])),))
    assert (found.figures, found.alike) == ((), ("Optics",))


def test_bars_of_both_stand_under_each_name() -> None:
    def bars(*sizes: float) -> FigureData:
        bar = {"type": "bar", "orientation": "h", "name": "time", "y": ["ring", "linac"], "x": list(sizes)}
        return figure({**bar, "marker": {"color": "#0072B2"}}, yaxis={"type": "category"})

    (both,) = only(bars(120.0, 70.0), bars(100.0, 70.0))
    (bar,) = both.plotly["data"]
    assert dict(zip(bar["y"], bar["x"], strict=True)) == {
        "ring (A)": 120.0,
        "ring (B)": 100.0,
        "linac (A)": 70.0,
        "linac (B)": 70.0,
    }
    assert draw(both.plotly, "f", "label").startswith("<svg")


def test_bars_that_are_alike_stand_under_the_names_of_their_runs_too() -> None:
    """One trace of bars differs, one does not: a name of one run alone would stand beside those of both."""

    def bars(size: float) -> FigureData:
        bar = {"type": "bar", "orientation": "h", "y": ["qx"], "marker": {"color": "#0072B2"}}
        return figure({**bar, "name": "before", "x": [size]}, {**bar, "name": "after", "x": [1.0]})

    (both,) = only(bars(2.0), bars(3.0))
    assert [trace["y"] for trace in both.plotly["data"]] == [["qx (A)", "qx (B)"]] * 2


def test_cells_of_a_heat_map_say_what_both_runs_say() -> None:
    """Its shades may be shares of a row: of cells with numbers the numbers stand side by side."""
    cells = {"type": "heatmap", "name": "", "x": ["kf"], "y": ["qx"]}
    told = only(
        figure({**cells, "z": [[1.0]], "text": [["+0.2"]]}), figure({**cells, "z": [[0.9]], "text": [["+0.3"]]})
    )
    assert told[0].plotly["data"][0]["text"] == [["+0.2 (A) +0.3 (B)"]]
    bare = only(figure({**cells, "z": [[1.0]]}), figure({**cells, "z": [[0.75]]}))
    assert bare[0].plotly["data"][0]["z"] == [[-0.25]]


def test_of_a_slider_its_first_position_is_drawn() -> None:
    hidden = line("later", [0, 1], [5, 5], visible=False)
    first, second = (figure(line("b", [0, 1, 2], [0, k, 2]), hidden, sliders=[{"steps": []}]) for k in (1, 3))
    both = only(first, second)[0]
    assert [trace["name"] for trace in both.plotly["data"]] == ["b (A)", "b"]
    assert "sliders" not in both.plotly["layout"]


def test_axes_are_long_enough_for_both() -> None:
    low, high = (figure(line("b", [0, 1], [0, k]), yaxis={"range": [-k, 2 * k]}) for k in (1.0, 5.0))
    assert only(high, low)[0].plotly["layout"]["yaxis"]["range"] == [-5.0, 10.0]


def test_every_figure_of_a_report_can_be_overlaid_and_drawn_on_paper() -> None:
    """With the numbers of B a hundredth larger; curves, bars and a heat map are drawn."""
    figures = fake_figures()
    found = overlaid(figures, tuple(_larger(one) for one in figures))
    assert {one.id for one in found.figures} >= {one.id for one in figures}
    for one in (one for one in found.figures if one.id.startswith("match-") or one.id.endswith("-difference")):
        assert draw(one.plotly, one.id, one.title).startswith("<svg")


def _larger(one: FigureData) -> FigureData:
    data = [_scaled(trace) for trace in one.plotly["data"]]
    return replace(one, plotly={"data": data, "layout": one.plotly["layout"]})


def _scaled(trace: dict[str, Any]) -> dict[str, Any]:
    side = "z" if "z" in trace else "x" if trace.get("type") == "bar" else "y"
    rows = trace[side] if side == "z" else [trace[side]]
    scaled = [[None if value is None else 1.01 * value + 1e-3 for value in row] for row in rows]
    return {**trace, side: scaled if side == "z" else scaled[0]}
