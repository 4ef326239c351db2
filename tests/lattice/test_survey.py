"""Floor coordinates: closed forms first, then MAD-X's SURVEY."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lattice import Bend, Drift, InputError, Lattice, Multipole, Quadrupole, SRotation, read_madx, survey
from tests.madx_session import madx

_ANGLES = st.floats(-3.0, 3.0)


def end(lattice: Lattice, **start: float) -> dict[str, float]:
    """The last row."""
    return {name: column[-1] for name, column in survey(lattice, **start).items() if name != "name"}


def test_rows_are_entrances_and_the_end() -> None:
    line = Lattice("line", elements=[Drift("d", length=1.0), Quadrupole("q", length=0.5), Drift("d", length=1.0)])
    floor = survey(line, X=1.0, Z=2.0)
    assert list(floor) == ["name", "s", "X", "Y", "Z", "theta", "phi", "psi"]
    assert list(floor["name"]) == ["d::0", "q", "d::1", "_end"]
    assert floor["s"] == pytest.approx([0, 1, 1.5, 2.5])
    assert floor["Z"] == pytest.approx([2, 3, 3.5, 4.5])
    assert floor["X"] == pytest.approx([1, 1, 1, 1])


def test_a_quarter_turn_to_the_right() -> None:
    """Radius 1: the end lies 1 m ahead and 1 m to the right (X falls), heading along -X."""
    place = end(Lattice("arc", elements=[Bend("b", length=pi / 2, angle=pi / 2)]))
    assert [place[name] for name in ("X", "Y", "Z", "theta", "phi", "psi")] == pytest.approx([-1, 0, 1, -pi / 2, 0, 0])


def test_a_bend_rolled_by_a_quarter_turn_goes_down() -> None:
    place = end(Lattice("arc", elements=[Bend("b", length=1.0, angle=0.3, tilt=pi / 2)]))
    assert (place["X"], place["phi"]) == pytest.approx((0, -0.3))
    assert place["Y"] == pytest.approx(-(1 - cos(0.3)) / 0.3)
    assert place["Z"] == pytest.approx(sin(0.3) / 0.3)


def test_rings_close() -> None:
    """Sixteen bends of 22.5 degrees with equal straights: back at the start, one turn to the right."""
    ring = Lattice("ring", elements=[Bend("b", length=1.7, angle=pi / 8), Drift("d", length=2.0)] * 16)
    place = end(ring, X=3.0, theta=0.7)
    assert [place[name] for name in ("X", "Y", "Z", "theta")] == pytest.approx([3, 0, 0, 0.7 - 2 * pi], abs=1e-13)


@given(st.lists(st.tuples(st.floats(0.1, 3), _ANGLES, _ANGLES), min_size=1, max_size=6), _ANGLES, st.floats(-1.5, 1.5))
def test_steps_are_chords_and_starts_are_rigid_motions(
    arcs: list[tuple[float, float, float]], theta: float, phi: float
) -> None:
    """Each step is as long as the chord of its arc, from whatever start; distances do not depend on the start."""
    line = Lattice("line", elements=[Bend(f"b{n}", length=x, angle=a, tilt=t) for n, (x, a, t) in enumerate(arcs)])
    here, there = survey(line), survey(line, X=1.0, Y=-2.0, theta=theta, phi=phi, psi=0.3)
    chords = [x * abs(np.sinc(a / 2 / np.pi)) for x, a, _ in arcs]
    places = [np.column_stack([floor[name] for name in "XYZ"]) for floor in (here, there)]
    for place in places:
        assert np.linalg.norm(np.diff(place, axis=0), axis=1) == pytest.approx(chords, abs=1e-13)
    spans = [np.linalg.norm(place[-1] - place[0]) for place in places]
    assert spans[0] == pytest.approx(spans[1], abs=1e-12)


def test_angles_go_on_beyond_half_a_turn() -> None:
    """Four rolls of 1 rad are one of 4 rad, four bends of 1 rad a heading of -4 rad: told without a jump."""
    rolled = Lattice("rolls", elements=[SRotation(f"r{i}", angle=1.0) for i in range(4)])
    assert survey(rolled)["psi"] == pytest.approx(np.sign(end(rolled)["psi"]) * np.arange(5.0))
    bent = Lattice("arc", elements=[Bend(f"b{i}", length=1.0, angle=1.0) for i in range(4)])
    assert survey(bent)["theta"] == pytest.approx(-np.arange(5.0))


def test_thin_bends_turn_at_a_point() -> None:
    line = Lattice("line", elements=[Multipole("m", knl=("a",)), Drift("d", length=2.0)], parameters={"a": 0.1})
    place = end(line)
    assert (place["X"], place["Z"], place["theta"]) == pytest.approx((-2 * sin(0.1), 2 * cos(0.1), -0.1))


def test_batches_are_refused() -> None:
    with pytest.raises(InputError, match="holds 2 lattices in one; survey one of them"):
        survey(Lattice("x", elements=[Drift("d", length="l")], parameters={"l": [1.0, 2.0]}))


LINE = """
sv: sbend, l=1, angle=0.2, tilt=0.3; mm: multipole, knl={0.1}, ksl={0.2}, tilt=0.1; mt: multipole, knl={-0.1}, tilt=0.4;
s: sequence, l=20;
  sv, at=1; mm, at=3; sv, at=5; mt, at=7; s2: sbend, l=1, angle=-0.3, tilt=-1, at=9;
  rb: rbend, l=1, angle=0.4, tilt=pi/2, at=12; rc: rbend, l=1, angle=2, at=16; rd: rbend, l=1, angle=2, at=18;
endsequence;
"""


@pytest.mark.madx
@pytest.mark.parametrize("start", [{}, {"theta": 0.3, "phi": 0.2, "psi": 0.1, "X": 1.0, "Y": 2.0, "Z": 3.0}])
def test_coordinates_are_those_of_madx(tmp_path: Path, start: dict[str, float]) -> None:
    """A line of thick, thin, rolled, vertical and large bends; rows of MAD-X are exits, ours entrances."""
    (tmp_path / "line.seq").write_text(LINE)
    floor = survey(read_madx(tmp_path / "line.seq"), **start)
    with madx("beam, particle=proton;" + LINE) as session:
        session.use("s")
        table = session.survey(**{f"{name.lower()}0": value for name, value in start.items()})
        for column in ("s", "X", "Y", "Z", "theta", "phi", "psi"):
            exits = np.array(table[column.lower()])[1:-1]  # without the markers at both ends
            assert floor[column][1:] == pytest.approx(exits, abs=4e-14), column


def test_a_known_floor_plan() -> None:
    """A right-angled triangle of two drifts: 3 and 4 m, hypotenuse 5 m."""
    turn = Multipole("m", knl=(pi / 2,))
    place = end(Lattice("x", elements=[Drift("a", length=3.0), turn, Drift("b", length=4.0)]))
    assert sqrt(place["X"] ** 2 + place["Z"] ** 2) == pytest.approx(5)
