"""What becomes of a particle at the electrostatic septum: beside its flight in 2,000 pieces, in a mirror, by hand.

Both trackers ask one function, so that their agreement says nothing of it: here the flight is integrated again, piece
by piece, against wires and a cathode that stand where their definitions say.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.spill.fate import CATHODE, CIRCULATES, EXTRACTED, WIRES, fate
from lattice.arrays import Array

PIECES = 2000
#: Side, position, thickness, length, angle, kick, gap: wires of 0.8 m at 30 mm, the cathode 10 mm behind them.
GEOMETRY = (1.0, 0.03, 2e-4, 0.8, 0.0, 4e-3, 0.01)
Geometry = tuple[float, float, float, float, float, float, float]


def flight(x: float, slope: float, geometry: Geometry) -> tuple[Array, Array]:
    """Depth beyond the wires' inner face (pieces + 1,) of a particle that is kicked evenly, and of one that is not."""
    side, position, _, length, angle, kick, _ = geometry
    step = length / PIECES
    wires = position + angle * step * np.arange(PIECES + 1)
    slopes = slope + side * kick * (np.arange(PIECES) + 0.5) / PIECES  # in the middle of each piece
    kicked = x + np.append(0.0, np.cumsum(slopes * step))
    free = x + np.append(0.0, np.cumsum(np.full(PIECES, slope * step)))
    return side * (kicked - wires), side * (free - wires)


def end_of(x: float, slope: float, geometry: Geometry) -> tuple[int, float]:
    """What the flight meets first, and how near it comes to meeting something else [m]."""
    _, _, thickness, _, _, _, gap = geometry
    kicked, free = flight(x, slope, geometry)
    if kicked[0] <= 0.0:  # no field inside
        return (WIRES if free.max() > 0.0 else CIRCULATES), min(abs(float(free.max())), abs(float(kicked[0])) or 1.0)
    cathode = thickness + gap if gap > 0 else np.inf
    near = min(abs(float(kicked.min()) - thickness), abs(float(kicked.max()) - cathode), float(kicked[0]))
    on_wires, on_cathode = np.flatnonzero(kicked < thickness), np.flatnonzero(kicked > cathode)
    if len(on_wires) and (not len(on_cathode) or on_wires[0] < on_cathode[0]):
        return WIRES, near
    return (CATHODE if len(on_cathode) else EXTRACTED), near


#: A piece's parabola sags by kick/length (length/2000)^2/8: less than 1 nm; nearer than that nothing is told.
SURE = 1e-8

particles = st.tuples(st.floats(-0.004, 0.014), st.floats(-0.02, 0.02))
septa = st.tuples(
    st.sampled_from([1.0, -1.0]),
    st.floats(0.01, 0.05),
    st.floats(0.0, 1e-3),
    st.floats(0.1, 1.5),
    st.floats(-3e-3, 3e-3),
    st.floats(0.0, 8e-3),
    st.sampled_from([0.0, 0.004, 0.01]),
)


@settings(max_examples=400)
@given(particle=particles, septum=septa)
def test_the_flight_in_2000_pieces_ends_as_it_says(particle: tuple[float, float], septum: Geometry) -> None:
    """``particle``: depth beyond the inner face and slope away from the wires."""
    side, position, thickness, length, angle, kick, gap = septum
    geometry = (side, side * position, thickness, length, angle, kick, gap)
    x, slope = side * (position + particle[0]), angle + side * particle[1]
    expected, near = end_of(x, slope, geometry)
    if near > SURE:
        assert fate(x, slope, geometry) == expected


@settings(max_examples=400)
@given(particle=particles, septum=septa)
def test_all_signs_turned_nothing_changes(particle: tuple[float, float], septum: Geometry) -> None:
    """The septum seen in a mirror: side, position, angle, x and slope."""
    _, position, thickness, length, angle, kick, gap = septum
    x, slope = position + particle[0], angle + particle[1]
    right = fate(x, slope, (1.0, position, thickness, length, angle, kick, gap))
    assert fate(-x, -slope, (-1.0, -position, thickness, length, -angle, kick, gap)) == right


@pytest.mark.parametrize(
    ("depth", "slope", "expected"),
    [
        # inside: the wires are reached where depth + slope x 0.8 m is above 0; no field is there
        (-1e-3, 0.0, CIRCULATES),
        (-1e-3, 1.24e-3, CIRCULATES),
        (-1e-3, 1.26e-3, WIRES),
        (-1e-3, -5e-3, CIRCULATES),
        (0.0, 0.0, CIRCULATES),
        # within the thickness of 0.2 mm
        (1e-4, 5e-3, WIRES),
        (1.9e-4, 0.0, WIRES),
        (2.1e-4, 0.0, EXTRACTED),
        # beyond, coming back: nearest at length slope^2/(2 kick) inwards, 0.1 mm for -1 mrad, 0.4 mm for -2 mrad
        (2.9e-4, -1e-3, WIRES),
        (3.1e-4, -1e-3, EXTRACTED),
        (5.9e-4, -2e-3, WIRES),
        (6.1e-4, -2e-3, EXTRACTED),
        # steeper than the kick: nearest at the end, (slope + kick/2) x length, 2.4 mm for -5 mrad
        (2.59e-3, -5e-3, WIRES),
        (2.61e-3, -5e-3, EXTRACTED),
        # the cathode 10.2 mm behind the inner face: at the end kick and slope carry 1.6 mm + 0.8 m x slope outwards
        (8.59e-3, 0.0, EXTRACTED),
        (8.61e-3, 0.0, CATHODE),
        (7.79e-3, 1e-3, EXTRACTED),
        (7.81e-3, 1e-3, CATHODE),
        # at the entrance
        (10.19e-3, -5e-3, EXTRACTED),
        (10.21e-3, -5e-3, CATHODE),
        # beyond the cathode it does not get back to the wires
        (10.3e-3, -20e-3, CATHODE),
    ],
)
def test_by_hand(depth: float, slope: float, expected: int) -> None:
    """Wires of 0.2 mm by 0.8 m, a kick of 4 mrad, a gap of 10 mm; the same on turned wires at the other side."""
    assert fate(0.03 + depth, slope, GEOMETRY) == expected
    turned = (-1.0, -0.03, 2e-4, 0.8, -1.5e-3, 4e-3, 0.01)
    assert fate(-0.03 - depth, -1.5e-3 - slope, turned) == expected


def test_without_a_gap_there_is_no_cathode() -> None:
    assert fate(0.5, 0.01, (*GEOMETRY[:6], 0.0)) == EXTRACTED
