"""Small pieces of what is told: turned verdicts, times, and panels that a phone stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from machines.requirements import FAIL, PASS, PROGRAM
from studies.beginning.values import example
from studies.charts.bars import stacked as stacked_bars
from studies.charts.spill import _seconds
from studies.linac.figures import bunch_drawing
from studies.report.phone.stacking import stacked
from studies.runs.compare.showing import _margins, _turned
from studies.runs.rows import CASE
from studies.search.searching import _Journal

OPEN = "NOT EVALUATED"


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ([(PASS, FAIL), (OPEN, FAIL), (FAIL, PASS)], "machine: 2 verdicts turned to FAIL, 1 to PASS"),
        ([(FAIL, OPEN), (FAIL, FAIL), (PASS, PASS)], "machine: 0 verdicts turned to FAIL, 0 to PASS"),
        ([(PASS, OPEN), (OPEN, PASS), (FAIL, PASS)], "machine: 0 verdicts turned to FAIL, 2 to PASS"),
        ([(PASS, FAIL)], "machine: 1 verdict turned to FAIL, 0 to PASS"),
        ([("not asked", PASS), (FAIL, PASS)], "machine: 0 verdicts turned to FAIL, 1 to PASS; 1 asked in B alone"),
        (
            [("not asked", FAIL), (PASS, "not asked")],
            "machine: 1 verdict turned to FAIL, 0 to PASS; 1 asked in A alone; 1 asked in B alone",
        ),
    ],
)
def test_a_verdict_turns_where_it_was_another_before(turns: list[tuple[str, str]], told: str) -> None:
    frame = pd.DataFrame(turns, columns=["A", "B"])
    assert _turned(frame.assign(kind="machine")) == told
    checks = frame.assign(kind=PROGRAM)
    both = f"machine: 0 verdicts turned to FAIL, 0 to PASS; checks of the program: {told.removeprefix('machine: ')}"
    assert _turned(checks) == both


def test_margins_that_changed_by_more_than_rounding_are_shown() -> None:
    change = [2e-12, 0.5e-12, -2e-12, 1.0, 1.0]
    frame = pd.DataFrame({"margin A": [1.0, 1.0, -1.0, 2.0, 0.0], "change of margin": change, "kind": "machine"})
    frame.loc[3, "kind"] = PROGRAM
    assert list(_margins(frame).index) == [0, 2, 4]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((2.5, "2.5 s"), (1.0, "1 s"), (0.999, "999 ms"), (1e-3, "1 ms"), (0.998e-3, "998 us")),
        *((1e-6, "1 us"), (0.76e-6, "760 ns"), (1.5e-9, "1.5 ns")),
    ],
)
def test_a_time_has_the_unit_that_it_is_one_of(seconds: float, told: str) -> None:
    assert _seconds(seconds) == told


def row_of_two(**more: Any) -> dict[str, Any]:
    """Two panels side by side, 200 px of plot, each from 0.1 to 0.4 and from 0.6 to 0.9."""
    layout = {
        "height": 300,
        "margin": {"t": 40, "b": 60},
        "xaxis": {"domain": [0.1, 0.4], "anchor": "y"},
        "yaxis": {},
        "xaxis2": {"domain": [0.6, 0.9], "anchor": "y2"},
        "yaxis2": {},
        **more,
    }
    return {"data": [], "layout": layout}


def test_panels_of_a_row_are_stacked_at_240_pixels_with_62_between() -> None:
    """542 px of plot: the upper one begins at 302 of them."""
    layout = stacked(row_of_two())["layout"]
    assert layout["height"] == 300 + 542 - 200
    assert layout["xaxis"]["domain"] == layout["xaxis2"]["domain"] == [0.0, 1.0]
    assert layout["yaxis"]["domain"] == pytest.approx([302 / 542, 1.0], abs=1e-4)
    assert layout["yaxis2"]["domain"] == pytest.approx([0.0, 240 / 542], abs=1e-4)


PAPER = {"xref": "paper", "yref": "paper"}
PLACES = [
    # in the panel that it stands in: a third across, half way up
    ({**PAPER, "x": 0.2, "y": 0.5}, {"x": 1 / 3, "y": (302 + 120) / 542}),
    ({**PAPER, "x": 0.7, "y": 0.5}, {"x": 1 / 3, "y": 120 / 542}),
    # over it by 20 px of the 200
    ({**PAPER, "x": 0.6, "y": 1.1}, {"x": 0.0, "y": (240 + 20) / 542}),
    # up to a twentieth beside it
    ({**PAPER, "x": 0.94, "y": 0.0}, {"x": 0.34 / 0.3, "y": 0.0}),
    ({**PAPER, "x": 0.06, "y": 0.0}, {"x": -0.04 / 0.3, "y": 302 / 542}),
    # farther from all, and below: of the whole figure
    ({**PAPER, "x": 0.5, "y": 0.7}, {"x": 0.5, "y": 0.7}),
    ({**PAPER, "x": 0.5, "y": 1.1}, {"x": 0.5, "y": 1 + 20 / 542}),
    ({**PAPER, "x": 0.2, "y": -0.1}, {"x": 0.2, "y": -20 / 542}),
    # of an axis: that one's panel, whatever x says
    ({"xref": "x2", "yref": "paper", "x": 17.0, "y": 1.0}, {"x": 17.0, "y": 240 / 542}),
    ({"xref": "paper", "yref": "y2", "x": 0.75, "y": 3.0}, {"x": 0.5, "y": 3.0}),
]


@pytest.mark.parametrize(("note", "wanted"), PLACES)
def test_notes_go_with_their_panel(note: dict[str, Any], wanted: dict[str, float]) -> None:
    change = {"annotations": [note]}
    slider = {"steps": [{"args": [{}, change]}]}
    layout = stacked(row_of_two(annotations=[note], sliders=[slider]))["layout"]
    (found,), (at_a_stop,) = layout["annotations"], layout["sliders"][0]["steps"][0]["args"][1]["annotations"]
    assert found == at_a_stop
    assert {side: found[side] for side in wanted} == pytest.approx(wanted, abs=2e-4)


def test_what_spans_several_panels_spans_the_figure() -> None:
    shape = {**PAPER, "x0": 0.0, "x1": 1.0, "y0": 0.25, "y1": 1.1}
    (found,) = stacked(row_of_two(shapes=[shape]))["layout"]["shapes"]
    assert [found[side] for side in ("x0", "x1", "y0", "y1")] == pytest.approx([0, 1, 0.25, 1 + 20 / 542], abs=1e-4)


@pytest.mark.parametrize(
    "more",
    [
        {"xaxis2": {"anchor": "y2"}},  # one panel with a domain
        {"xaxis2": {"domain": [0.45, 0.96], "anchor": "y2"}},  # wider than a half
        {"yaxis2": {"domain": [0.5, 1.0]}},  # not as high as the figure
        {"yaxis3": {}},  # axes besides
    ],
)
def test_what_is_no_row_of_equal_panels_stays(more: dict[str, Any]) -> None:
    assert stacked(row_of_two(**more)) == row_of_two(**more)


JOURNAL = pd.DataFrame({CASE: [3, 4, 5, 8], "kf": [0.3, 0.4, 0.5, 0.8]})


@pytest.mark.parametrize(("first", "known"), [(3, [3, 4, 5]), (4, [4, 5]), (0, []), (1, [3]), (6, [8])])
def test_the_rows_of_a_batch_that_were_computed_before(first: int, known: list[int]) -> None:
    """Of three points, case ``first`` and the next two; they are the points that are asked for."""
    segment: Any = None
    points = np.array([[0.1 * (first + k)] for k in range(3)])
    found = _Journal(JOURNAL, segment).of(first, points.round(12), ["kf"])
    assert list(found[CASE]) == known


def test_rows_of_other_points_are_of_another_search() -> None:
    segment: Any = None
    with pytest.raises(InputError, match="of another search"):
        _Journal(JOURNAL, segment).of(3, np.array([[0.3], [0.4], [0.51]]), ["kf"])


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, 0.0),
        ({"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "number"}]}, "a"),
        ({"type": "number", "minimum": 2.0, "maximum": 3.0}, 2.0),
        ({"type": "number", "exclusiveMinimum": 0.0}, 1.0),
        ({"type": "number", "exclusiveMinimum": 0.0, "exclusiveMaximum": 1.0}, 0.5),
        ({"type": "number", "maximum": -2.0}, -2.0),
        ({"const": "optics"}, "optics"),
        ({"default": 7, "type": "number"}, 7),
    ],
)
def test_an_example_is_a_value_that_the_schema_takes(schema: dict[str, Any], value: object) -> None:
    assert example(schema) == value


def test_stacked_bars_end_at_their_sums() -> None:
    """Each part as it is given, the whole at its end, room of 12 % behind it and 40 px a row."""
    parts = {"a": [1.0, 2.0, 0.5], "b": [3.0, 0.25, 0.0]}
    found = stacked_bars(["x", "y", "z"], parts, "time [s]")
    assert [list(trace["x"]) for trace in found["data"]] == [parts["a"], parts["b"]]
    notes = found["layout"]["annotations"]
    assert [(note["text"], note["x"], note["y"]) for note in notes] == [
        ("4", 4.0, 0),
        ("2.25", 2.25, 1),
        ("0.5", 0.5, 2),
    ]
    assert found["layout"]["xaxis"]["range"] == pytest.approx([0.0, 4.48])
    heights = [stacked_bars([*"abcdefgh"][:n], {"a": [1.0] * n}, "s")["layout"]["height"] for n in (1, 2, 8)]
    assert np.diff(heights).tolist() == [40, 240]


def test_a_bunch_is_drawn_in_its_three_planes_without_a_thousandth_at_each_end() -> None:
    """1001 even values: the range begins and ends near the second from each end, with room."""
    even = np.linspace(-1.0, 1.0, 1001)
    names = ("x [mm]", "px [mrad]", "y [mm]", "py [mrad]", "phase [deg]", "energy [keV]")
    table = pd.DataFrame({name: (k + 1) * even for k, name in enumerate(names)})
    found = bunch_drawing(table)
    assert [trace["name"] for trace in found["data"]] == ["x", "y", "phase"]
    for k, trace in enumerate(found["data"]):
        np.testing.assert_allclose(trace["x"], (2 * k + 1) * even, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(trace["y"], (2 * k + 2) * even, rtol=1e-5, atol=1e-9)
    assert bunch_drawing(table, [((-7, 7), (-8, 8))] * 3)["layout"]["xaxis"]["range"] == pytest.approx([-7, 7])
