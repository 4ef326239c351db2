"""A figure on a phone: titles fit their axes, names of columns have room, no panels stand beside each other."""

from __future__ import annotations

from typing import Any

import pytest

from studies.charts.figure import figure_json
from studies.charts.match import match_sensitivity
from studies.charts.style import axis, base_layout, text
from studies.report.labels.boxes import text_size
from studies.report.labels.columns import cell_size, column_room, columns_named
from studies.report.labels.placing import PHONE, WIDE
from studies.report.labels.rows import gauges_beside
from studies.report.phone.layout import relaid
from studies.report.phone.stacking import stacked
from studies.report.phone.titles import shortened


def test_a_title_longer_than_its_axis_gets_smaller_and_then_stands_in_lines() -> None:
    """A panel of 340 - 56 - 40 px across and 300 - 24 - 48 px up; letters of 13 px at most, of 9 at least."""
    long = "transmission of the machine from the source to the isocentre, all errors of alignment on [%]"
    layout = base_layout(300, xaxis=axis("own minus reference [tolerances]"), yaxis=axis(long))
    narrow = relaid({"data": [{"type": "scatter", "x": [0.0, 1.0], "y": [0.0, 1.0]}], "layout": layout})["layout"]
    x, y = narrow["xaxis"]["title"], narrow["yaxis"]["title"]
    assert x["text"] == "own minus reference [tolerances]"
    assert text_size(x["text"], x["font"]["size"])[0] <= 2 * (340 - 40 - 122)
    assert y["text"].replace("<br>", " ") == long
    assert y["font"]["size"] == 9
    assert all(text_size(line, 9)[0] <= 228 + 20 for line in y["text"].split("<br>"))
    short = relaid({"data": [], "layout": base_layout(300, xaxis=axis("s [m]"), yaxis=axis("x [mm]"))})["layout"]
    assert [short[key]["title"]["font"]["size"] for key in ("xaxis", "yaxis")] == [13, 13]


def sensitivity(parameters: list[str]) -> dict[str, Any]:
    changes = [[0.00807, -0.00627, 0.0124], [-0.00457, 0.0169, -0.00701]]
    return figure_json(match_sensitivity([("qx", "1"), ("dx@symp", "m")], parameters, changes))


def test_names_of_gauges_begin_at_the_edge_whatever_names_beside_rows_take() -> None:
    """Of 60 px of margin; a name of 132 px and its distance of 11 px take 83 more, guessed 6 px too wide."""
    note = {**text("LIN-01 W", x=0.0, y=-0.2), "xref": "paper", "yref": "paper", "name": "LIN-01, label", "xshift": -56}
    rows = {"type": "category", "ticktext": ["matching quadrupole 6", "q"], "tickvals": ["a", "b"]}
    layout = {"margin": {"l": 60}, "yaxis": rows, "annotations": [note, {**note, "name": ""}]}
    moved = gauges_beside({"data": [], "layout": layout}, 11)["layout"]["annotations"]
    more = round(text_size("matching quadrupole 6", 11)[0] + 11 - 60 - 6)
    assert more > 60
    assert [one["xshift"] for one in moved] == [-56 - more, -56]


def test_a_title_beside_a_panel_is_no_longer_than_it_on_a_wide_screen() -> None:
    """Two panels of 100 px: a title of 22 letters ran over its neighbour's; what fits stays as it is."""
    panels = {"yaxis": axis("|x| max, uncorrected [m]", domain=[0.6, 1.0]), "yaxis2": axis("y [m]", domain=[0.0, 0.4])}
    data = [{"type": "scatter", "x": [0.0, 1.0], "y": [0.0, 1.0], "yaxis": name} for name in ("y", "y2")]
    layout = base_layout(340, xaxis=axis("s [m]"), **panels)
    told = shortened({"data": data, "layout": layout}, min(WIDE))["layout"]
    size = told["yaxis"]["title"]["font"]["size"]
    plot = 340 - layout["margin"]["t"] - layout["margin"]["b"]
    assert text_size("|x| max, uncorrected [m]", 14)[0] > 0.4 * plot + 20
    assert all(text_size(line, size)[0] <= 0.4 * plot + 20 for line in told["yaxis"]["title"]["text"].split("<br>"))
    assert (told["yaxis2"], told["xaxis"]) == (layout["yaxis2"], layout["xaxis"])


def test_names_of_columns_stand_in_lines_and_have_room() -> None:
    plain = sensitivity(["a", "b", "c"])
    assert columns_named(plain, min(WIDE)) == plain
    worded = sensitivity(["focusing quadrupoles (kf)", "b", "d beta / beta"])
    told = columns_named(worded, min(WIDE))
    assert told["data"] == worded["data"]
    assert told["layout"]["xaxis"]["ticktext"] == ["focusing<br>quadrupoles<br>(kf)", "b", "d<br>beta / beta"]
    assert told["layout"]["height"] - worded["layout"]["height"] == 2 * 15
    assert told["layout"]["margin"]["b"] - worded["layout"]["margin"]["b"] == 2 * 15
    plot = worded["layout"]["height"] - 24 - 56
    gauge = text("gauge", x=0.0, y=-0.5, xref="paper", yref="paper")
    beneath = columns_named({**worded, "layout": {**worded["layout"], "annotations": [gauge]}}, min(WIDE))
    assert beneath["layout"]["annotations"][0]["y"] == pytest.approx(-0.5 - 30 / plot)


def test_names_wider_than_their_columns_are_turned() -> None:
    """Three columns of a phone: "quadrupoles" does not fit, and its neighbours' names stood in it."""
    worded = sensitivity(["focusing quadrupoles", "b", "c"])
    assert text_size("quadrupoles", 11)[0] > column_room(worded, min(PHONE))
    told = columns_named(worded, min(PHONE))["layout"]
    assert told["xaxis"]["tickangle"] == -90
    longest = text_size("focusing quadrupoles", 11)[0]
    assert told["margin"]["b"] - worded["layout"]["margin"]["b"] == pytest.approx(longest - 15)


def test_numbers_of_cells_fit_them_on_a_phone() -> None:
    """Three columns between the names and the right margin; in thirty no number that can be read fits."""
    plotly = sensitivity(["a", "b", "c"])
    size = cell_size(plotly, min(PHONE))
    assert size
    room = (min(PHONE) - max(120, text_size("dx@symp [m]", 11)[0] + 8) - 24) / 3
    widest = max(text_size(text, size)[0] for row in plotly["data"][0]["text"] for text in row)
    assert widest <= room - 4
    assert cell_size({"data": [], "layout": {}}, min(PHONE)) is None
    [cells] = plotly["data"]
    many = {**cells, "x": [f"k{i}" for i in range(30)], "text": [row * 10 for row in cells["text"]]}
    assert cell_size({**plotly, "data": [many]}, min(PHONE)) == 0


def row_of_panels() -> dict[str, Any]:
    """Two panels beside each other, 300 px high, a name over each, a gauge's name 60 px below; one stop of a slider."""
    axes = {
        "xaxis": axis("x [mm]", domain=[0.0, 0.44], anchor="y"),
        "xaxis2": axis("y [mm]", domain=[0.56, 1.0], anchor="y2"),
        "yaxis": axis("x' [mrad]", anchor="x"),
        "yaxis2": axis("y' [mrad]", anchor="x2"),
    }
    notes = [
        text("first", x=0.0, y=1.0, xref="paper", yref="paper"),
        text("second", x=0.56, y=0.5, xref="paper", yref="paper"),
        text("gauge", x=0.0, y=-0.2, xref="paper", yref="paper"),
        text("own", x=0.0, y=1.0, xref="x2 domain", yref="y2 domain"),
    ]
    step = {"label": "1", "args": [{}, {"annotations": notes[1:2]}]}
    layout = base_layout(372, annotations=notes, sliders=[{"steps": [step]}], **axes)
    return {"data": [], "layout": layout}


def test_panels_beside_each_other_stand_below_each_other_on_a_phone() -> None:
    """Each 240 px high with 62 px between: 542 px in all; what hangs 60 px below the row still does."""
    plotly = row_of_panels()
    layout = stacked(plotly)["layout"]
    assert layout["height"] == 372 + 542 - 300
    assert [layout[key]["domain"] for key in ("xaxis", "xaxis2")] == [[0.0, 1.0], [0.0, 1.0]]
    upper, lower = (layout[key]["domain"] for key in ("yaxis", "yaxis2"))
    assert upper == pytest.approx([302 / 542, 1.0])
    assert lower == pytest.approx([0.0, 240 / 542], abs=1e-7)
    places = [(note["x"], note["y"]) for note in layout["annotations"]]
    assert places[0] == (0.0, 1.0)
    assert places[1] == pytest.approx((0.0, 120 / 542), abs=1e-7)
    assert places[2] == pytest.approx((0.0, -60 / 542), abs=1e-7)
    assert places[3] == (0.0, 1.0)  # told in its panel's own parts
    moved = layout["sliders"][0]["steps"][0]["args"][1]["annotations"][0]
    assert (moved["x"], moved["y"]) == places[1]


def test_a_panel_with_margins_beside_it_stays_as_it_is() -> None:
    """A distribution and its projections are one picture."""
    plotly = row_of_panels()
    plotly["layout"] = {**plotly["layout"], "xaxis": axis("x [mm]", domain=[0.0, 0.78], anchor="y")}
    assert stacked(plotly) == plotly
