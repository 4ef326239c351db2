"""The plane of the tunes: every line is its resonance, none is missing, bands are as wide as they say."""

from __future__ import annotations

from itertools import product
from math import gcd, hypot
from typing import Any

import numpy as np
import pytest

from optics.resonances import resonance_lines
from studies.charts.tune_plane import (
    StopBand,
    WorkingPoint,
    _border,
    _clipped,
    _line_labels,
    _point_labels,
    _points_trace,
    _window,
    tune_drawing,
)

WINDOWS = [((1.56, 1.76), (1.63, 1.83)), ((0.1, 0.9), (2.2, 2.4)), ((2.9, 3.3), (0.05, 0.65))]


def drawing(qx: tuple[float, float], qy: tuple[float, float], *bands: StopBand, superperiods: int = 1) -> Any:
    middle = WorkingPoint("point", sum(qx) / 2, sum(qy) / 2)
    return tune_drawing([middle], 4, superperiods, bands, False, (qx, qy))


def crosses(m: int, n: int, p: int, qx: tuple[float, float], qy: tuple[float, float]) -> bool:
    """Whether m Qx + n Qy - p has both signs in the corners of a window."""
    found = [m * x + n * y - p for x, y in product(qx, qy)]
    return min(found) < -1e-9 and max(found) > 1e-9


@pytest.mark.parametrize(("qx", "qy"), WINDOWS)
@pytest.mark.parametrize("superperiods", [1, 2])
def test_every_resonance_up_to_fourth_order_is_one_line(
    qx: tuple[float, float], qy: tuple[float, float], superperiods: int
) -> None:
    """All m, n, p without a common factor that cross the window: each once, all along on it, from border to border."""
    wanted = {
        (m, n, p)
        for m, n, p in product(range(5), range(-4, 5), range(-20, 21))
        if 1 <= m + abs(n) <= 4 and (m > 0 or n > 0) and gcd(m, n, p) == 1 and crosses(m, n, p, qx, qy)
    }
    lines = resonance_lines(qx, qy, 4, superperiods)
    assert {(line.m, line.n, line.p) for line in lines} == wanted
    drawn = [trace for trace in drawing(qx, qy, superperiods=superperiods)["data"] if trace["name"] != "working points"]
    assert len(drawn) == len(lines) == len(wanted)
    for line, trace in zip(lines, drawn, strict=True):
        x, y = (np.array(trace[axis], dtype=float) for axis in "xy")
        assert line.m * x + line.n * y == pytest.approx(np.full(len(x), line.p), abs=1e-6)
        for at in (0, -1):
            edge = (x[at] - qx[0], qx[1] - x[at], y[at] - qy[0], qy[1] - y[at])
            assert min(edge) == pytest.approx(0.0, abs=1e-6)
        assert (trace["line"]["dash"] == "dash") == (line.n % 2 == 1)  # skew: odd in y
        assert (trace["line"]["color"] == "#6E6E6E") == (line.p % superperiods == 0)


@pytest.mark.parametrize(("m", "n", "p"), [(3, 0, 5), (1, 2, 5), (2, -2, 0), (0, 3, 5)])
def test_a_stop_band_reaches_its_half_width_across_the_line(m: int, n: int, p: int) -> None:
    """The farthest corners from the line are half a width away, to both sides, and all lie in the window."""
    qx, qy = (1.55, 1.75), (1.63, 1.83)
    trace = drawing(qx, qy, StopBand(m, n, p, 0.004, "band"))["data"][0]
    x, y = (np.array(trace[axis], dtype=float) for axis in "xy")
    away = (m * x + n * y - p) / hypot(m, n)
    assert (away.min(), away.max()) == pytest.approx((-0.004, 0.004), abs=1e-6)
    assert min(x.min() - qx[0], qx[1] - x.max(), y.min() - qy[0], qy[1] - y.max()) >= -1e-9
    area = 0.5 * abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))
    along = 0.008 * 0.2 * (1 if 0 in (m, n) else hypot(m, n) / max(abs(m), abs(n)))
    assert area <= along * (1 + 1e-6)
    assert area > 0.3 * along


def test_a_polygon_is_cut_along_a_line() -> None:
    """Half of a square, and a corner of it: areas 1/2 and 1/8."""

    def area(corners: list[tuple[float, float]]) -> float:
        x, y = np.array([*corners, corners[0]]).T
        return float(0.5 * abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])))

    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert area(_clipped(square, lambda x, y: x - y)) == pytest.approx(0.5)
    assert area(_clipped(square, lambda x, y: 0.5 - x - y)) == pytest.approx(0.125)
    assert _clipped(square, lambda x, y: 2.0 - x) == square
    assert _clipped(square, lambda x, y: x - 2.0) == []


def test_the_window_is_a_square_about_the_points_with_room() -> None:
    """Points 0.4 and 0.1 apart: 0.3 to each side of their middle; one point alone: 0.1."""
    both = _window([WorkingPoint("a", 1.2, 1.7), WorkingPoint("b", 1.6, 1.8)])
    assert [*both[0], *both[1]] == pytest.approx([1.1, 1.7, 1.45, 2.05])
    alone = _window([WorkingPoint("a", 1.2, 1.7)])
    assert [*alone[0], *alone[1]] == pytest.approx([1.1, 1.3, 1.6, 1.8])


@pytest.mark.parametrize(("end", "liked"), [((1.0, 0.3), 0), ((0.3, 1.0), 1), ((0.0, 0.3), 2), ((0.3, 0.0), 3)])
def test_equations_like_the_right_border_best(end: tuple[float, float], liked: int) -> None:
    assert _border(end) == liked


def test_no_two_equations_stand_on_each_other() -> None:
    """Up to third order, at an end of their line, in parts of the window."""
    for qx, qy in WINDOWS:
        lines = resonance_lines(qx, qy, 4, 1)
        labels = _line_labels(lines, qx, qy)
        assert {label["text"] for label in labels} <= {line.equation for line in lines if line.order <= 3}
        assert len(labels) > 1
        for number, one in enumerate(labels):
            assert any(abs(one[axis] - end) < 1e-6 for axis in "xy" for end in (0.0, 1.0))
            for other in labels[:number]:
                assert abs(one["x"] - other["x"]) > 0.17 or abs(one["y"] - other["y"]) > 0.04


def test_names_of_points_that_coincide_share_a_text_and_point_inwards() -> None:
    points = [WorkingPoint("a", 1.6, 1.7), WorkingPoint("b", 1.6005, 1.7), WorkingPoint("c", 1.72, 1.7)]
    layout = tune_drawing(points, 4, 1, (), True, WINDOWS[0])["layout"]
    named = {note["text"]: note for note in layout["annotations"] if "c" == note["text"] or "a" == note["text"][0]}
    assert set(named) == {"a<br>b", "c"}
    assert named["c"]["ax"] < 0 < named["a<br>b"]["ax"]


def test_names_of_points_stand_on_the_side_with_room_and_points_that_coincide_share_one() -> None:
    """To the left of what lies right of the middle, 0.6; in turn below and above; 2 % of 0.2 are 4e-3."""
    points = [
        WorkingPoint("a", 0.6005, 0.3),
        WorkingPoint("b", 0.5995, 0.35),
        WorkingPoint("c", 0.6005 - 0.0023, 0.3 + 0.0031),  # 3.9e-3 from a
        WorkingPoint("d", 0.6005 + 0.0025, 0.3 + 0.0033),  # 4.1e-3 from a
    ]
    labels = {label["text"]: label for label in _point_labels(points, (0.5, 0.7))}
    assert {name: (label["ax"], label["ay"]) for name, label in labels.items()} == {
        "a<br>c": (-36.0, -28.0),
        "b": (36.0, 28.0),
        "d": (-36.0, -28.0),
    }
    assert (labels["b"]["x"], labels["b"]["y"]) == (0.5995, 0.35)


def test_working_points_stand_at_their_tunes() -> None:
    trace = _points_trace([WorkingPoint("a", 1.6, 1.7), WorkingPoint("b", 1.65, 1.72)], path=True)
    assert (trace["x"], trace["y"], trace["text"]) == ([1.6, 1.65], [1.7, 1.72], ["a", "b"])
