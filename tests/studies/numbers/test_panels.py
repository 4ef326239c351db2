"""Panels over s, limits and gauges on them: where everything stands, from a table of three rows by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction.resonance.steinbach import Stack
from lattice import InputError
from machines.requirements import PASS, Requirement, Verdict
from studies.charts.kit.bars import bar, name_margin
from studies.charts.kit.gauges import Gauge, with_gauges
from studies.charts.kit.marks import Mark, _across_place, _limits, _on_its_axis, _upright_place, limits_told, marks_on
from studies.charts.magnets import MagnetBlock
from studies.charts.panels import _apart, _flags, _samples, optics_panels
from studies.charts.steinbach import Still, Wedge, steinbach, steinbach_film
from studies.charts.style import base_layout
from studies.charts.vectors import Vector, vectors
from studies.results import Shown

TABLE = pd.DataFrame({"s": [0.0, 2.0, 10.0], "betx": [3.0, 12.0, 5.0], "bety": [8.0, 2.0, 5.5], "dx": [-1.0, 3.0, 2.0]})
BLOCKS = (
    MagnetBlock("b", "bend", 1.0, 2.0, 0.3, "0.3 rad", "1.2 T", "bend"),
    MagnetBlock("q", "quadrupole", 6.0, 0.1, 0.8, "0.8 m^-2", "4 T/m"),
)
ENVELOPE = pd.DataFrame(
    {
        "s": [0.0, 10.0],
        "x_low": [-0.01, -0.02],
        "x_high": [0.012, 0.018],
        "y_low": [-0.005, -0.004],
        "y_high": [0.006, 0.003],
        **{"aperture_x_low": -0.03, "aperture_x_high": 0.05, "aperture_y_low": -0.01, "aperture_y_high": 0.02},
    }
)


def drawing(**changes: Any) -> Any:
    given = {"table": TABLE, "envelope": None, "reference": None, "places": {}} | changes
    return optics_panels(given["table"], BLOCKS, given["envelope"], given["reference"], "MAD-X", given["places"])


def trace(made: Any, name: str) -> Any:
    return next(one for one in made["data"] if one.get("name") == name)


def note(made: Any, content: str) -> Any:
    return next(one for one in made["layout"]["annotations"] if one["text"] == content)


def test_each_axis_has_room_for_what_stands_on_it() -> None:
    """Betas from 0 to 6 % above 12 m; the dispersion from -1 to 3 m, 8 % of 4 m wider at both ends; the beam in its
    pipe of -30 to 50 mm and -10 to 20 mm, 6 % wider."""
    layout = drawing(envelope=ENVELOPE)["layout"]
    ranges = [layout[f"yaxis{row}"]["range"] for row in (2, 3, 4, 5)]
    assert ranges[0] == pytest.approx([0.0, 12.72])
    assert ranges[1] == pytest.approx([-1.32, 3.32])
    assert ranges[2] == pytest.approx([-34.8, 54.8])
    assert ranges[3] == pytest.approx([-11.8, 21.8])
    assert layout["xaxis"]["range"] == [0.0, 10.0]
    assert layout["yaxis"]["range"] == [-1.1, 1.1]


def test_curves_are_their_columns_on_the_axis_of_their_panel() -> None:
    made = drawing(envelope=ENVELOPE)
    for name, row, scale, table in (
        ("betx", "y2", 1.0, TABLE),
        ("bety", "y2", 1.0, TABLE),
        ("dx", "y3", 1.0, TABLE),
        ("x_low", "y4", 1e3, ENVELOPE),
        ("x_high", "y4", 1e3, ENVELOPE),
        ("aperture_y_high", "y5", 1e3, ENVELOPE),
    ):
        one = trace(made, name)
        assert one["yaxis"] == row
        assert list(one["y"]) == pytest.approx(list(scale * table[name]))
        assert list(one["x"]) == list(table["s"])
    assert trace(made, "x_high")["fill"] == "tonexty"


def test_a_vertical_dispersion_is_drawn_where_there_is_one() -> None:
    flat, bent = drawing(table=TABLE.assign(dy=0.0)), drawing(table=TABLE.assign(dy=[0.0, -2.0, 4.0]))
    assert [one["name"] for one in flat["data"] if one.get("yaxis") == "y3"] == ["dx"]
    assert [one["name"] for one in bent["data"] if one.get("yaxis") == "y3"] == ["dx", "dy"]
    assert bent["layout"]["yaxis3"]["range"] == pytest.approx([-2.48, 4.48])
    assert bent["layout"]["yaxis3"]["title"]["text"] == "dx, dy [m]"


def test_names_of_curves_stand_where_they_end_and_apart() -> None:
    """betx ends at 5 m, bety at 5.5 m, nearer than 8 % of 12.72 m: its name stands that much higher; dx at 2 m."""
    made = drawing()
    assert note(made, "betx")["y"] == pytest.approx(5.0)
    assert note(made, "bety")["y"] == pytest.approx(5.0 + 0.08 * 12.72)
    assert note(made, "dx")["y"] == pytest.approx(2.0)
    assert {note(made, name)["yref"] for name in ("betx", "bety")} == {"y2"}
    far = drawing(table=TABLE.assign(bety=[8.0, 2.0, 9.0]))
    assert note(far, "bety")["y"] == pytest.approx(9.0)


def test_a_reference_is_dots_that_can_be_told_apart() -> None:
    """150 of them at most along the line: of 1,001 rows every seventh, 10 m / 150 being 6.7 steps of 10 mm."""
    fine = pd.DataFrame({"s": np.linspace(0.0, 10.0, 1001)}).assign(betx=5.0, bety=6.0, dx=-1.0)
    kept = _apart(fine, 150)
    assert list(kept["s"][:3]) == pytest.approx([0.0, 0.07, 0.14])
    made = drawing(reference=fine)
    assert (trace(made, "dx of the reference")["yaxis"], trace(made, "dx of the reference")["y"][0]) == ("y3", -1.0)
    assert (trace(made, "bety of the reference")["yaxis"], trace(made, "bety of the reference")["y"][0]) == ("y2", 6.0)
    assert note(made, "black dots: MAD-X")["yref"] == "y2 domain"


def test_names_of_magnets_stand_over_their_middle() -> None:
    """2 m that begin at 1 m."""
    assert BLOCKS[0].middle == 2.0
    assert note(drawing(), "bend")["x"] == 2.0


def test_the_hover_finds_a_magnet_all_along_it() -> None:
    """Every 0.2 m in the middle of its part; a short one once."""
    assert _samples(BLOCKS[0]) == pytest.approx([1.1 + 0.2 * n for n in range(10)])
    assert _samples(BLOCKS[1]) == pytest.approx([6.05])
    hover = trace(drawing(), "magnet")
    assert list(hover["x"]) == pytest.approx([1.1 + 0.2 * n for n in range(10)] + [6.05])
    assert set(hover["y"]) == {0.0}


def test_names_of_places_stand_in_rows_where_they_would_cross_a_line() -> None:
    """Of 100 m a letter takes 1.25 m: "septum" at 20 m reaches to 30 m, over the line of "core" at 25 m, so it stands
    one row higher; "dump" at 103 m of 105 leaves the figure by 5.5 m, less than 7 %; "extraction", by 13 m, stands to
    the left."""
    flags = {flag.name: flag for flag in _flags({"septum": 20.0, "core": 25.0, "dump": 103.0}, (5.0, 105.0))}
    assert (flags["septum"].low, flags["septum"].high) == pytest.approx((20.0, 30.0))
    assert (flags["core"].row, flags["septum"].row, flags["dump"].row) == (0, 1, 0)
    assert [flags[name].leftward for name in ("septum", "core", "dump")] == [False, False, False]
    edge = _flags({"extraction": 103.0}, (5.0, 105.0))[0]
    assert edge.leftward
    assert (edge.low, edge.high) == pytest.approx((88.0, 103.0))


def test_lines_of_places_reach_to_their_names() -> None:
    """Two rows of 16 px over panels of 0.72 x 560 px: the figure is 24 + 32 px of head, them, and 48 px high."""
    made = drawing(places={"septum": 2.0, "core": 2.5})
    plot = 560 * 0.72
    layout = made["layout"]
    rows = {one["text"]: one["yshift"] for one in layout["annotations"] if "yshift" in one}
    assert layout["margin"]["t"] == 24 + 16 * (1 + max(rows.values()) / 16)
    assert layout["height"] == round(layout["margin"]["t"] + plot + 48)
    poles = {one["x0"]: one for one in layout["shapes"]}
    for name, s in (("septum", 2.0), ("core", 2.5)):
        assert poles[s]["x1"] == s
        assert (poles[s]["xref"], poles[s]["yref"], poles[s]["y0"]) == ("x", "paper", 0)
        assert poles[s]["y1"] == pytest.approx(1 + (rows[name] + 12) / plot, abs=1e-5)
        assert (note(made, name)["x"], note(made, name)["xref"], note(made, name)["yref"]) == (s, "x", "paper")


# --------------------------------------------------------------------------------------------------------------- bars


def test_bars_lie_beside_their_names() -> None:
    made = bar(["a", "b<"], [1.0, 2.0], color="#000000", name="own", hover="%{x}")
    assert (made["orientation"], made["x"], made["y"]) == ("h", [1.0, 2.0], ["a", "b&lt;"])
    assert (name_margin(["a" * 5]), name_margin(["a" * 30]), name_margin(["a"], least=50)) == (120, 260, 50)


# ------------------------------------------------------------------------------------------------------------- gauges


def test_a_gauge_reaches_from_nothing_over_its_limit_and_its_value() -> None:
    """A limit of 0.8 and 1.0 found: 0 to 1 and 8 % more at both ends, over 54 % of the width behind the names. Of two
    limits, 2 and 4 about 3, the scale begins at the lower."""
    one = Gauge("A", "A", 1.0, 0.8, None, "1")
    assert [one.place(value) for value in (0.0, 0.8, 1.0)] == pytest.approx(
        [0.46 + 0.54 * part / 1.16 for part in (0.08, 0.88, 1.08)]
    )
    two = Gauge("A", "A", 3.0, 2.0, 4.0, "mm")
    assert two.place(3.0) == pytest.approx(0.73)
    assert two.place(4.0) == pytest.approx(0.46 + 0.54 * 2.16 / 2.32)
    below = Gauge("A", "A", -1.0, None, 3.0, "mm")
    assert below.place(-1.0) == pytest.approx(0.46 + 0.54 * 0.32 / 4.64)
    nothing = Gauge("A", "A", 0.0, 0.0, None, "mm")
    assert nothing.place(0.0) == pytest.approx(0.73)


def test_gauges_make_a_figure_so_much_higher() -> None:
    """12 px and 22 for each; the panels keep their height. A limit is 9 px long to both sides, the value half that."""
    layout = base_layout(300, margin={"l": 60, "r": 20, "t": 20, "b": 80})
    one = Gauge("A", "A", 1.0, 0.8, None, "1")
    for number in (1, 3):
        made = with_gauges({"data": [], "layout": layout}, [one] * number)["layout"]
        assert made["height"] == 300 + 12 + 22 * number
        assert made["margin"]["b"] == 80 + 12 + 22 * number
    ends = {shape["name"]: shape["y1"] - shape["y0"] for shape in made["shapes"]}
    assert ends["A, limit"] == pytest.approx(18 / 200)
    assert ends["A, value"] == pytest.approx(9 / 200)
    values = [shape["x0"] for shape in made["shapes"] if shape["name"] == "A, value"]
    assert values == pytest.approx([one.place(1.0)] * 3)
    assert with_gauges({"data": [], "layout": layout}, [])["layout"] == layout


# -------------------------------------------------------------------------------------------------------------- marks

NEED = Requirement("A-01", "made up", "max_betx", "m", "the test", "", lower=2.0, upper=17.0)


def verdict(requirement: Requirement = NEED, value: float | None = 12.0) -> Verdict:
    return Verdict(requirement, PASS, value, 0.0, 1.0, "")


def test_limits_stand_at_their_places_and_mirrored_about_the_middle() -> None:
    """On an axis of 1 + 10 v: 21 and 171; mirrored at 2 x 1 - 21 = -19 and -169 with the sides exchanged; on one that
    runs down what is above is below."""
    plain = list(_limits(NEED, Shown("max_betx", scale=10.0, offset=1.0), 1.0))
    assert [(one.place, one.above) for one in plain] == [(21.0, True), (171.0, False)]
    both = list(_limits(NEED, Shown("max_betx", scale=10.0, offset=1.0, mirrored=True), 1.0))
    assert [(one.place, one.above) for one in both] == [(21.0, True), (-19.0, False), (171.0, False), (-169.0, True)]
    down = list(_limits(NEED, Shown("max_betx", scale=-10.0), 1.0))
    assert [(one.place, one.above) for one in down] == [(-20.0, False), (-170.0, True)]


def test_limits_are_told_with_their_unit_and_in_percent_on_an_axis_of_percent() -> None:
    share = Requirement("A-02", "made up", "transmission", "1", "the test", "", lower=0.95)
    mark = Mark(share, Shown("transmission", scale=100.0), (), None)
    assert limits_told(_on_its_axis(mark)) == "≥ 95 %"
    assert limits_told(_on_its_axis(replace(mark, shown=Shown("transmission", scale=100.0, offset=1.0)))) == "≥ 0.95"
    assert limits_told(_on_its_axis(replace(mark, shown=Shown("transmission")))) == "≥ 0.95"
    assert limits_told(NEED) == "2 to 17 m"
    assert limits_told(replace(NEED, lower=None)) == "≤ 17 m"


def test_labels_of_an_axis_stand_one_after_the_other() -> None:
    """Across the figure 1 % from its left, 27 % on each, 82 % at most; down from its top 7 % each."""
    mark: Any = Mark(NEED, Shown("max_betx", "y2"), (), None)
    places = [_across_place(mark, 5.0, number, {"data": []}) for number in range(5)]
    assert [place["x"] for place in places] == pytest.approx([0.01, 0.28, 0.55, 0.82, 0.82])
    assert {(place["y"], place["yref"], place["xref"]) for place in places} == {(5.0, "y2", "paper")}
    at = _across_place(replace(mark, shown=Shown("max_betx", "y2", at=3.0)), 5.0, 1, {"data": []})
    assert (at["x"], at["xref"]) == (3.0, "x")
    upright = [_upright_place(mark, 5.0, number) for number in range(3)]
    assert [place["y"] for place in upright] == pytest.approx([1.0, 0.93, 0.86])
    assert {(place["x"], place["xref"]) for place in upright} == {(5.0, "y2")}


@pytest.mark.parametrize(
    ("drawn", "axis", "there"),
    [
        ([0.0, 10.0], {}, True),
        ([11.0, 12.0], {}, False),  # limits of 2 and 17 would make the axis 15 times as long as what is drawn
        ([12.0, 14.5], {}, True),  # six times
        ([11.0, 12.0], {"rangemode": "tozero"}, True),  # the axis begins at 0 anyway
        ([11.0, 12.0], {"range": [0.0, 20.0]}, True),
        ([11.0, 12.0], {"range": [0.0, 16.0]}, False),  # beyond a range that the axis keeps
        ([1.0, 12.0], {"type": "log", "range": [0.0, 1.3]}, True),
        ([1.0, 12.0], {"type": "log", "range": [0.5, 1.3]}, False),  # 2 is 10^0.3
    ],
)
def test_limits_are_drawn_where_what_is_drawn_stays_a_picture(drawn: list[float], axis: Any, there: bool) -> None:
    plotly: Any = {"data": [{"x": [0.0, 1.0], "y": drawn}], "layout": {"yaxis": axis}}
    marks = list(marks_on(plotly, verdict(), Shown("max_betx")))
    assert bool(marks) is there
    for mark in marks:
        assert [one.place for one in mark.limits] == [2.0, 17.0]
        assert mark.value == 12.0
    assert list(marks_on(plotly, verdict(), Shown("max_bety"))) == []


# ---------------------------------------------------------------------------------------------------------- Steinbach


def test_a_diagram_has_room_for_stack_and_wedge() -> None:
    """From -5 to 3 per mille, 3 % of 8 wider at both ends; in the film up to 1.1 times the largest amplitude."""
    wedge: Any = made_wedge()
    layout = steinbach(wedge).layout
    assert list(layout.xaxis.range) == pytest.approx([-5.24, 3.24])
    stills = [
        Still("0 s", np.array([-5.0, -4.0]), np.array([1.0, 2.0])),
        Still("1 s", np.array([1.0]), np.array([3.0])),
    ]
    film = steinbach_film((np.array([-1.0, 0.0, 2.0]), np.array([2.0, 0.0, 1.0])), stills)["layout"]
    assert film["yaxis"]["range"] == pytest.approx([0.0, 3.3])
    given = steinbach_film((np.array([-1.0, 2.0]), np.array([2.0, 1.0])), stills, height=5.0)["layout"]
    assert given["yaxis"]["range"] == pytest.approx([0.0, 5.0])


def test_a_diagram_of_a_wedge_alone_has_straight_edges_and_no_arrow() -> None:
    """Amplitude 4 |delta| in m^1/2: at 2e-3 it is 8e-3, 0.253 √mm. The shade goes straight up, out of the picture."""
    deltas = np.array([-2e-3, -1e-3, 1e-3, 2e-3])
    exact = 4.0 * np.abs(deltas)
    table = pd.DataFrame({"delta": deltas, "tune_distance": deltas, "exact": exact, "kobayashi": exact})
    table.attrs["resonant"] = 0.0
    wedge = Wedge.of(table)
    assert (wedge.resonant, max(wedge.exact)) == pytest.approx((0.0, 8e-3 * 1e3**0.5), abs=1e-12)
    layout = steinbach(wedge).layout
    top = layout.yaxis.range[1]
    assert top == pytest.approx(1.08 * 8e-3 * 1e3**0.5, rel=1e-3)  # short() keeps four digits
    shade = steinbach(wedge).data[0]
    assert [shade.x[-1], shade.x[-2]] == [shade.x[0], shade.x[-3]] == [-2.0, 2.0]
    assert min(shade.y[-2:]) > top
    assert [note.text for note in layout.annotations if note.showarrow] == []
    table.attrs["resonant"] = float("nan")
    with pytest.raises(InputError, match=r"needs a table of extraction\.wedge with a stable triangle"):
        Wedge.of(table)


def test_a_driver_s_arrow_stays_between_the_axes() -> None:
    """From the middle of the stack, -5e-3, to the resonant momentum; the axis begins at the stack, 3 % below."""
    deltas = np.array([-2e-3, 2e-3])
    exact = 4.0 * np.abs(deltas)
    table = pd.DataFrame({"delta": deltas, "tune_distance": deltas, "exact": exact, "kobayashi": exact})
    table.attrs["resonant"] = 0.0
    stack = Stack(np.array([-6e-3, -4e-3]), np.array([1e-3, 2e-3]))
    layout = steinbach(Wedge.of(table, stack, "betatron core")).layout
    (arrow,) = [note for note in layout.annotations if note.showarrow]
    assert (arrow.ax, arrow.x, arrow.ay) == pytest.approx((-5.0, 0.0, 0.93 * 2e-3 * 1e3**0.5), rel=1e-3)
    far = steinbach(replace(made_wedge(), start=-9.0)).layout
    assert far.xaxis.range[0] < -9.0


def made_wedge() -> Wedge:
    return Wedge(
        delta=[-2.0, 3.0],
        exact=[1.0, 2.0],
        leading=[1.1, 2.1],
        resonant=0.5,
        stack=([-5.0, -4.0], [0.5, 1.5]),
        start=-4.5,
        end=0.5,
        height=1.0,
        driver="core",
    )


# ------------------------------------------------------------------------------------------------------------ vectors


def test_vectors_are_laid_head_to_tail_about_the_middle_of_their_figure() -> None:
    """(3, 1), (-1, 2) and (0.01, 0): corners at 0, (3, 1), (2, 3) and (2.01, 3); both axes reach 0.62 of the larger
    side, 3, from the middle (1.5, 1.5); the smallest has no name, the sum stands half way."""
    found = vectors([Vector("a", 3.0, 1.0), Vector("b", -1.0, 2.0), Vector("c", 0.01, 0.0)], "S", "m^-1/2")
    total, chain = found.data
    for drawn, x, y in ((chain, [0, 3, 2, 2.01], [0, 1, 3, 3]), (total, [0, 2.01], [0, 3])):
        assert list(drawn.x) == pytest.approx(x)
        assert list(drawn.y) == pytest.approx(y)
    for axis in (found.layout.xaxis, found.layout.yaxis):
        assert list(axis.range) == pytest.approx([1.5 - 1.86, 1.5 + 1.86])
    places = {note.text: (note.x, note.y) for note in found.layout.annotations}
    assert places == {"a": (1.5, 0.5), "b": (2.5, 2.0), "sum": (pytest.approx(1.005), 1.5)}
