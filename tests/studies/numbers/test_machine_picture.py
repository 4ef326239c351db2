"""The machine on paper: boxes of a straight one, arcs of a ring, and the way from metres to the drawing."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lattice import Bend, Drift, Lattice, Quadrupole, RFGap
from studies.charts.magnet_shapes import magnet_style
from studies.charts.magnets import magnet_blocks
from studies.report.screen.outline import Outline, outline
from studies.report.screen.picture import _arrow, _discs, _Paper, _row_of, _scale_bar

LINAC = Lattice(
    "linac",
    elements=[
        Quadrupole("f", length=0.2, k1=2.0),
        Drift("a", length=0.8),
        RFGap("t-1", volt=1e5, freq=1e9, phase=0.0),
        Drift("b", length=0.5),
        RFGap("t-2", volt=1e5, freq=1e9, phase=0.0),
        Drift("c", length=1.5),
        Quadrupole("d", length=0.4, k1=-2.0),
        Drift("e", length=0.6),
    ],
)
THIRD = [Bend(f"b{n}", length=np.pi / 6, angle=np.pi / 6) for n in range(3)]
QUARTER = Lattice("ring", elements=[Drift("s", length=2.0), *THIRD] * 4)


def drawn(lattice: Lattice) -> Outline:
    made = outline(lattice)
    assert made is not None
    return made


def test_a_straight_machine_is_boxes_on_a_line() -> None:
    """4 m: a bar of 0.36 m to both sides. A magnet's box is as wide as it and as high as its sort; gaps in a row are
    one box of 0.45 of the bar, from the first to the last."""
    made = drawn(LINAC)
    assert (made.view, made.orbit.tolist()) == ("along the beam", [[0.0, 0.0], [4.0, 0.0]])
    blocks = {block.name: block for block in magnet_blocks(LINAC)}
    for name, begin, end in (("f", 0.0, 0.2), ("d", 3.0, 3.4)):
        shape = _box_at(made, begin, end)
        sort = magnet_style(blocks[name])
        assert shape.sort == sort
        assert (shape.points[:, 1].min(), shape.points[:, 1].max()) == pytest.approx(
            (0.36 * sort.low, 0.36 * sort.high)
        )
    tank = _box_at(made, 1.0, 1.5)
    assert (tank.points[:, 1].min(), tank.points[:, 1].max()) == pytest.approx((-0.162, 0.162))
    assert made.places["a"] == pytest.approx([0.6, 0.0])
    assert len(made.shapes) == 3


def _box_at(made: Outline, begin: float, end: float) -> Any:
    (found,) = (
        shape
        for shape in made.shapes
        if (shape.points[:, 0].min(), shape.points[:, 0].max()) == pytest.approx((begin, end))
    )
    return found


@pytest.mark.parametrize("angle", [0.3, np.pi / 3, np.pi / 2])
def test_a_bend_is_drawn_on_its_circle(angle: float) -> None:
    """Every point is one radius from the centre, which lies across the end of the drift before."""
    found = outline(Lattice("bend", elements=[Drift("d", length=1.0), Bend("b", length=2.0, angle=angle)]))
    assert found is not None
    corner = found.orbit[np.argmin(np.abs(np.hypot(*(found.orbit - found.orbit[0]).T) - 1.0))]
    ahead = (corner - found.orbit[0]) / np.hypot(*(corner - found.orbit[0]))
    rho = 2.0 / angle
    aside = np.array([-ahead[1], ahead[0]])
    side = np.sign(aside @ (found.orbit[-1] - corner))
    away = np.hypot(*(found.orbit[2:] - corner - side * rho * aside).T)
    bent = away[np.hypot(*(found.orbit[2:] - found.orbit[0]).T) > 1.0]
    np.testing.assert_allclose(bent, rho, rtol=5e-4)  # a cubic is 3e-4 off over a quarter circle
    assert found.places["b"] is not None
    middle = np.hypot(*(found.places["b"] - corner - side * rho * aside))
    assert middle == pytest.approx(rho, rel=1e-3)


def test_a_ring_is_seen_from_above_and_closes() -> None:
    """Four quarter circles of 1 m radius between straights of 2 m: a square of 4 m with round corners, all of the
    orbit on them to 1e-3 (cubics through 30 degrees), each bend as wide as its sort."""
    made = drawn(QUARTER)
    assert made.view == "from above"
    assert made.orbit[-1] == pytest.approx(made.orbit[0], abs=1e-12)
    assert np.ptp(made.orbit, axis=0) == pytest.approx([4.0, 4.0], abs=1e-3)
    middle = (made.orbit.max(axis=0) + made.orbit.min(axis=0)) / 2
    inner = np.abs(made.orbit - middle)
    corner = (inner > 1.0 + 1e-9).all(axis=1)
    assert np.hypot(*(inner[corner] - 1.0).T) == pytest.approx(np.ones(corner.sum()), abs=1e-3)
    assert len(made.shapes) == 12
    for shape in made.shapes:
        outer = np.hypot(*(np.abs(shape.points - middle) - 1.0).T)
        assert (outer.min(), outer.max()) == pytest.approx(
            (1 - shape.sort.width / 2, 1 + shape.sort.width / 2), abs=0.02
        )
    point, along = made.start
    assert point == pytest.approx([0.0, 0.0])
    assert along == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("lattice", [LINAC, QUARTER])
def test_paper_keeps_shapes_and_stands_the_machine_in_the_middle(lattice: Lattice) -> None:
    """One scale across and up; 46 units round it, 560 wide; up on paper is less."""
    made = drawn(lattice)
    paper = _Paper.of(made)
    points = np.concatenate([made.orbit, *(shape.points for shape in made.shapes)])
    on = paper(points)
    low, high = on.min(axis=0), on.max(axis=0)
    assert (low[0] + high[0]) / 2 == pytest.approx(280.0)
    assert (low[1], high[1]) == pytest.approx((46.0, paper.height - 46.0))
    assert high - low == pytest.approx(paper.scale * np.ptp(points, axis=0))
    assert low[0] >= 46.0 - 1e-9
    assert paper.height <= 470.0 + 1e-9
    assert max(high[0] - low[0] - 468.0, paper.height - 470.0) == pytest.approx(0.0, abs=1e-9)
    (x, y), (u, v) = paper(np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert (u - x, v - y) == pytest.approx((paper.scale, -paper.scale))


@pytest.mark.parametrize(("scale", "length"), [(100.0, 0.5), (46.0, 2.0), (47.0, 1.0), (9.0, 10.0), (18.0, 5.0)])
def test_the_scale_bar_is_a_round_length_of_a_sixth_of_the_drawing_at_most(scale: float, length: float) -> None:
    """560 / 6 = 93.3 units: at 100 a metre 0.93 m, at 46 2.03 m, at 47 1.99 m, at 9 10.4 m, at 18 5.19 m."""
    svg = _scale_bar(_Paper(scale, np.zeros(2), 300.0))
    assert f">{length:g} m<" in svg
    found = re.search(r"M8 288\.0V292\.0H([\d.]+)V288\.0", svg)
    assert found is not None
    assert float(found[1]) == pytest.approx(8 + length * scale, abs=0.05)


def test_the_beam_s_arrow_stands_beside_its_start_inside_the_ring() -> None:
    """7 % of the machine's 4 m long, 0.7 of that aside; along a bar it stands above by 1.75 of it."""
    ring, bar = _arrow(drawn(QUARTER)), _arrow(drawn(LINAC))
    assert ring[1] - ring[0] == pytest.approx([0.28, 0.0], abs=1e-3)
    inwards = np.sign(drawn(QUARTER).orbit[:, 1].mean())
    assert ring[0] == pytest.approx([0.0, inwards * 0.7 * 0.28], abs=1e-3)
    assert bar[1] - bar[0] == pytest.approx([0.28, 0.0])
    assert bar[0] == pytest.approx([0.0, 1.75 * 0.28])


def test_numbers_stand_near_their_places_and_off_the_machine() -> None:
    made = drawn(QUARTER)
    paper = _Paper.of(made)
    points = [paper(made.orbit[row])[0] for row in (0, 0, 10, 25)]
    discs = _discs(points, paper, made)
    machine = paper(np.concatenate([made.orbit, *(shape.points for shape in made.shapes)]))
    for place, (point, disc) in enumerate(zip(points, discs, strict=True)):
        assert 28.0 - 1e-9 <= np.hypot(*(disc - point)) <= 60.0 + 1e-9
        assert np.hypot(*(machine - disc).T).min() >= 11.0
        assert all(np.hypot(*(disc - other)) >= 22.0 for other in discs[:place])
        assert 12.0 <= disc[0] <= 548.0
        assert 12.0 <= disc[1] <= paper.height - 12.0


def test_a_unit_is_shown_at_the_middle_of_its_rows() -> None:
    made: Any = SimpleNamespace(places=dict.fromkeys(["u-1", "u-2", "u-3", "u", "v::1", "v::2"], 0))
    assert _row_of("u", made) == "u"
    del made.places["u"]
    assert (_row_of("u", made), _row_of("v", made), _row_of("w", made), _row_of("", made)) == (
        "u-2",
        "v::2",
        None,
        None,
    )
