"""The machine's picture on the first screen: to scale, inside its margins, in the middle, upright."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from studies.report.screen.outline import _thick
from studies.report.screen.picture import _MARGIN, _TALLEST, WIDTH, _Paper


def outline(width: float, height: float) -> Any:
    """A rectangle of the orbit, begun at (3, -2), and a magnet that sticks out by a tenth to the right."""
    orbit = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * [width, height] + [3.0, -2.0]
    magnet = SimpleNamespace(points=np.array([[3.0 + 1.1 * width, -2.0 + 0.5 * height]]))
    return SimpleNamespace(orbit=orbit, shapes=[magnet])


@pytest.mark.parametrize(("width", "height"), [(40.0, 10.0), (10.0, 40.0), (25.0, 25.0), (3.0, 0.01)])
def test_the_picture_fills_its_width_or_its_height_and_stands_in_the_middle(width: float, height: float) -> None:
    drawn = outline(width, height)
    paper = _Paper.of(drawn)
    points = paper(np.concatenate([drawn.orbit, drawn.shapes[0].points]))
    left, right = points[:, 0].min(), WIDTH - points[:, 0].max()
    assert left == pytest.approx(right)
    assert min(left, right) >= _MARGIN - 1e-9
    assert points[:, 1].min() == pytest.approx(_MARGIN)
    assert paper.height - points[:, 1].max() == pytest.approx(_MARGIN)
    assert paper.height <= _TALLEST + 1e-9
    assert left == pytest.approx(_MARGIN) or paper.height == pytest.approx(_TALLEST)


def test_up_is_up_and_a_metre_is_as_long_in_both_directions() -> None:
    paper = _Paper.of(outline(30.0, 12.0))
    here, right, up = paper(np.array([[5.0, 1.0], [6.0, 1.0], [5.0, 2.0]]))
    assert right - here == pytest.approx([paper.scale, 0.0])
    assert up - here == pytest.approx([0.0, -paper.scale])


@pytest.mark.parametrize("end", [(2.0, 0.0), (1.0, 1.0)])
def test_an_element_is_as_thick_as_it_is_drawn_and_one_without_length_is_a_thin_box(end: tuple[float, float]) -> None:
    piece = np.array([[3.0, -2.0], [3.0 + end[0], -2.0 + end[1]]])
    sides = _thick(piece, 0.6)
    assert sides[:2].mean(axis=0) + sides[2:].mean(axis=0) == pytest.approx(2 * piece.mean(axis=0))
    assert np.hypot(*(sides[0] - sides[3])) == pytest.approx(0.6)
    assert (sides[0] - sides[3]) @ (piece[1] - piece[0]) == pytest.approx(0.0, abs=1e-12)
    box = _thick(np.array([[3.0, -2.0], [3.0, -2.0]]), 0.6)
    assert box.mean(axis=0) == pytest.approx([3.0, -2.0])
    assert np.ptp(box, axis=0) == pytest.approx([0.1, 0.6])
