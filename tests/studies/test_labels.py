"""Labels of figures: apart from each other and from the axes at every width, at every stop of a slider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from studies.charts.style import base_layout, text
from studies.report.labels.boxes import Box, text_size
from studies.report.labels.frame import Frame, with_ranges
from studies.report.labels.placing import PHONE, WIDE, at_stop, label_box, placed
from studies.report.phone.layout import relaid
from tests.report_fakes import fake_figures

#: Between the widths that the routine looks at, and those themselves.
SCREENS = (*WIDE, 640.0, 745.0, 900.0, 1036.0)
PHONES = (*PHONE, 350.0, 375.0)


def states(plotly: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The figure with its notes, at first and at each stop of its sliders."""
    layout = plotly["layout"]
    yield dict(plotly), layout.get("annotations", [])
    for step in (step for slider in layout.get("sliders", []) for step in slider["steps"]):
        yield at_stop(plotly, step["args"][0]), step["args"][1].get("annotations", [])


def meeting(plotly: Mapping[str, Any], widths: Sequence[float]) -> list[tuple[float, str, str]]:
    """Pairs of labels that share pixels, and labels that are cut off."""
    found = []
    for figure, notes in states(plotly):
        for width in widths:
            frame = Frame(tuple(figure["data"]), figure["layout"], width)
            boxes = [(note["text"], box) for note in notes if (box := label_box(frame, note))]
            found += [(width, one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.meets(b)]
            found += [(width, one, "cut off") for one, box in boxes if not box.within(width, frame.height)]
    return found


@pytest.mark.parametrize("figure", fake_figures(), ids=lambda figure: figure.id)
def test_no_two_labels_of_a_figure_meet(figure: Any) -> None:
    wide = placed(figure.plotly, WIDE)
    assert meeting(wide, SCREENS) == []
    assert not [note for _, notes in states(wide) for note in notes if note.get("visible") is False]
    assert meeting(relaid(figure.plotly), PHONES) == []


def crowd(seed: int) -> dict[str, Any]:
    """Thirty names at random places of a curve, some at its ends, in a figure of the usual size."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, 1, 30), random.uniform(0, 1, 30)
    x[:4], y[4:8] = 1.0, 0.0
    notes = [
        text(f"element {k}", x=float(x[k]), y=float(y[k]), xref="x", yref="y", xanchor="left", yanchor="bottom")
        for k in range(30)
    ]
    curve = {"type": "scatter", "mode": "lines", "x": [0.0, 1.0], "y": [0.0, 1.0]}
    axes = {"xaxis": {"range": [0, 1]}, "yaxis": {"range": [0, 1]}}
    return {"data": [curve], "layout": base_layout(450, annotations=notes, **axes)}


@pytest.mark.parametrize("seed", range(3))
def test_a_crowd_of_labels_is_spread(seed: int) -> None:
    """The routine finds room for all thirty where there is any; before it many meet."""
    plotly = crowd(seed)
    assert len(meeting(plotly, SCREENS)) > 10
    spread = placed(plotly, WIDE)
    assert meeting(spread, SCREENS) == []
    assert not [note for note in spread["layout"]["annotations"] if note.get("visible") is False]
    assert placed(plotly, WIDE) == spread


@pytest.mark.parametrize("tail", [(0.0, -24.0), (18.0, 12.0)])
def test_arrows_of_labels_that_make_room_become_no_shorter(tail: tuple[float, float]) -> None:
    """Thirty labels at the tails of arrows: their heads stay, some tails move, none towards its head."""
    plotly = crowd(1)
    notes = [
        text(note["text"], x=note["x"], y=note["y"], xref="x", yref="y") for note in plotly["layout"]["annotations"]
    ]
    arrows = [{**note, "showarrow": True, "ax": tail[0], "ay": tail[1]} for note in notes]
    made = {**plotly, "layout": {**plotly["layout"], "annotations": arrows}}
    found = [note for note in placed(made, WIDE)["layout"]["annotations"] if note.get("visible") is not False]
    ends = np.array([(note["ax"], note["ay"]) for note in found])
    assert np.count_nonzero(np.any(ends != tail, axis=1)) > 5
    assert np.hypot(*ends.T).min() >= np.hypot(*tail) * (1 - 1e-12)
    heads = {(note["text"], note["x"], note["y"]) for note in arrows}
    assert {(note["text"], note["x"], note["y"]) for note in found} <= heads


def test_labels_that_meet_nothing_stay() -> None:
    plotly = crowd(0)
    alone = {**plotly, "layout": {**plotly["layout"], "annotations": plotly["layout"]["annotations"][20:21]}}
    assert placed(alone, WIDE)["layout"]["annotations"] == alone["layout"]["annotations"]


def test_boxes_of_text_in_pixels() -> None:
    """A line of 12 px is 1.2 times as high, with half a pixel around; two lines twice; markup has no width."""
    width, height = text_size("betx [m]", 12)
    assert height == pytest.approx(12 * 1.2 + 1)
    assert text_size("<b>betx [m]</b>", 12) == (width, height)
    assert text_size("betx [m]<br>b", 12) == pytest.approx((width, 2 * 12 * 1.2 + 1))
    assert text_size("betx [m] betx [m]", 12)[0] > 1.9 * width
    assert 2 * text_size("mm", 12)[0] - text_size("mmmm", 12)[0] == pytest.approx(1.0, abs=0.05)  # half a pixel a side
    assert Box(0, 0, 10, 10).meets(Box(9, 9, 20, 20))
    assert not Box(0, 0, 10, 10).meets(Box(10, 0, 20, 10)), "side by side"


def test_a_place_of_a_figure_in_pixels() -> None:
    """By hand: 400 px less margins of 50 and 50 for values from 0 to 10; a log axis takes exponents; equal axes."""
    layout = {"height": 300, "margin": {"l": 50, "r": 50, "t": 20, "b": 80}}
    frame = Frame((), {**layout, "xaxis": {"range": [0, 10]}, "yaxis": {"range": [0, 2], "type": "log"}}, 400)
    assert frame.pixel("x", 5) == 200
    assert frame.pixel("y", 1) == 120  # the middle of 20 to 220, counted from the top
    assert frame.pixel("y domain", 1.0) == 20
    assert frame.pixel("paper y", 0.0) == 220
    equal: dict[str, Any] = {**layout, "xaxis": {"range": [-1, 1], "scaleanchor": "y"}, "yaxis": {"range": [-1, 1]}}
    square = Frame((), equal, 400)
    assert square.pixel("x", 1.0) - square.pixel("x", 0.0) == square.pixel("y", 0.0) - square.pixel("y", 1.0) == 100
    keeps = {name: {**equal[name], "constrain": "domain"} for name in ("xaxis", "yaxis")}  # the panel gets narrower
    assert [Frame((), {**layout, **keeps}, 400).pixel("x domain", end) for end in (0.0, 1.0)] == [100, 300]


def test_an_axis_that_labels_stand_on_has_room_for_them() -> None:
    """A name above all that is drawn: the axis reaches it, on a screen and in a drawing alike."""
    note = text("clinical need", x=0.5, y=3.0, xref="x", yref="y")
    plotly = {
        "data": [{"x": [0.0, 1.0], "y": [0.0, 2.0]}],
        "layout": base_layout(300, annotations=[note], yaxis={}, xaxis={}),
    }
    low, high = with_ranges(plotly)["layout"]["yaxis"]["range"]
    assert low < 0.0
    assert 3.0 < high < 3.3


def test_a_line_on_a_log_axis_says_its_value_and_a_label_the_exponent() -> None:
    """A limit of 1.8e7 (7.26) below data of 1e10: from 7.26 to 10, and 5.5 % of that more at both ends."""
    note = text("wanted", x=0.0, y=7.26, xref="paper", yref="y")
    line = {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 10**7.26, "y1": 10**7.26}
    layout = {**base_layout(300), "yaxis": {"type": "log"}, "annotations": [note], "shapes": [line]}
    data = [{"type": "scatter", "x": [0.0, 1.0], "y": [1e10, 1e10]}]
    low, high = with_ranges({"data": data, "layout": layout})["layout"]["yaxis"]["range"]
    assert low == pytest.approx(7.26 - 0.055 * 2.74, abs=1e-3)
    assert high == pytest.approx(10 + 0.055 * 2.74, abs=1e-3)


def test_a_name_wider_than_a_phone_stands_in_lines() -> None:
    """Hidden as one line: no place of a phone is as wide. Words stay whole, markup is not cut."""
    told = "betatron core: shaped, <span style='color: #333'>duty factor at least 0.95</span> of what was asked for it"
    note = text(told, x=0.0, y=1.0, xref="paper", yref="paper", xanchor="left", yanchor="bottom")
    data = [{"x": [0.0, 1.0], "y": [0.0, 1.0]}]
    (named,) = relaid({"data": data, "layout": base_layout(300, annotations=[note])})["layout"]["annotations"]
    assert named.get("visible", True)
    assert named["text"].replace("<br>", " ") == told
    assert named["text"].count("<br>") == 1
    assert text_size(named["text"], named["font"]["size"])[0] < min(PHONE)


@pytest.mark.parametrize("given", [[None, None], [0.0, None], [None, 3.0]])
def test_a_range_that_is_left_open_is_that_of_what_is_drawn(given: list[float | None]) -> None:
    """Curves without a number leave the ends of their axis open."""
    drawn = {"type": "scatter", "mode": "lines", "x": [1.0, 2.0], "y": [None, 2.0]}
    low, high = Frame((drawn,), {"xaxis": {"range": given}}, 400).range_of("x")
    assert (low, high) == (1.0, 2.0)
