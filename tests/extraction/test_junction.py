"""Where ring and line meet: frames exact at any offset, the extracted beam with all its moments, one floor plan."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import Septum
from extraction.junction import ExtractedBeam, Junction, extracted_beam, missed
from extraction.septum import at_magnetic_septum
from lattice import (
    Drift,
    ElectrostaticSeptum,
    InputError,
    Lattice,
    MagneticSeptum,
    Quadrupole,
    ReferenceParticle,
    survey,
)
from lattice.arrays import Array

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


def bar(count: int = 2000) -> Array:
    """Particles around 50 mm and 3 mrad, x tied to px and delta."""
    random = np.random.default_rng(5)
    along = random.uniform(0.0, 1.0, count)
    x = 0.050 + 4e-3 * along
    px = 3e-3 - 2e-4 * along + 1e-5 * random.standard_normal(count)
    y, py = 2e-3 * random.standard_normal(count), 5e-4 * random.standard_normal(count) + 1e-4
    return np.column_stack([x, px, y, py, np.zeros(count), 2e-4 * along])


def test_a_particle_along_the_axis_enters_on_it() -> None:
    """A straight line in space: position and slopes at the axis, then 0 in its frame; delta is untouched."""
    junction = Junction(x=0.05, y=-0.01, angle_x=0.02, angle_y=-0.005, roll=0.3)
    delta = 1e-3
    px = (1 + delta) * np.sin(0.02) * np.cos(-0.005)
    py = (1 + delta) * np.sin(-0.005)
    entered = junction.entering(PROTON, np.array([[0.05, px, -0.01, py, 0.0, delta]]))
    np.testing.assert_allclose(entered, [[0.0, 0.0, 0.0, 0.0, 0.0, delta]], rtol=0, atol=1e-15)


def test_a_roll_turns_the_planes_behind_the_axis() -> None:
    """x' = x cos + y sin."""
    states = np.array([[0.001, 0.0, 0.002, 0.0, 0.0, 0.0]])
    entered = Junction(roll=np.pi / 2).entering(PROTON, states)
    np.testing.assert_allclose(entered[0, [0, 2]], [0.002, -0.001], rtol=1e-12)


def test_there_and_back_is_where_it_was() -> None:
    junction, states = Junction(x=0.05, y=-0.01, angle_x=0.02, angle_y=-0.005, roll=0.3), bar(50)
    back = junction.leaving(PROTON, junction.entering(PROTON, states))
    np.testing.assert_allclose(back, states, rtol=0, atol=1e-14)


def test_the_axis_is_laid_through_the_middle() -> None:
    beam = ExtractedBeam(bar(), np.linspace(0.0, 1.0, 2000), PROTON)
    entered = beam.coordinates()
    np.testing.assert_allclose(entered[:, :4].mean(axis=0), 0.0, atol=2e-7)  # directions average to (px)^3
    assert beam.junction.x == pytest.approx(0.052, abs=1e-4)
    assert missed(beam.junction, beam) == pytest.approx((0.0, 0.0), abs=2e-7)
    off = ExtractedBeam(beam.states + np.array([1e-3, 0, 0, 0, 0, 0]), beam.time, PROTON)
    assert missed(beam.junction, off)[0] == pytest.approx(1e-3, rel=1e-4)


def test_the_axis_through_one_particle_is_its_own() -> None:
    """Steep in both planes, where each angle depends on both slopes: it enters at nought."""
    state = np.array([[0.05, 0.06, -0.01, -0.04, 0.0, 2e-3]])
    entered = Junction.through(state).entering(PROTON, state)
    np.testing.assert_allclose(entered[:, :4], 0.0, rtol=0, atol=1e-15)


def test_the_bar_keeps_what_its_coordinates_have_in_common() -> None:
    """x, px and delta are one: the emittance of the bar is that of its noise in px, 1e-5 times its length."""
    moments = ExtractedBeam(bar(), np.zeros(2000), PROTON).moments()
    length = 4e-3 / np.sqrt(12)
    assert moments["size_x"] == pytest.approx(length, rel=0.02)
    correlation = moments.sigma[0, 5] / (moments["size_x"] * moments["size_delta"])
    assert correlation == pytest.approx(1.0, abs=1e-6)
    bare = float(np.linalg.det(moments.sigma[:2, :2])) ** 0.5
    assert bare == pytest.approx(1e-5 * length, rel=0.05)


def test_a_beam_that_moves_during_the_spill_tells_by_how_much() -> None:
    time = np.linspace(0.0, 2.0, 500)
    states = np.zeros((500, 6))
    states[:, 0] = 0.05 + 3e-4 * time
    moved = ExtractedBeam(states, time, PROTON).drift_in_time()
    assert moved["x"] == pytest.approx(6e-4, rel=1e-9)
    assert moved["delta"] == 0.0


RING = Lattice(
    "ring",
    elements=(
        Quadrupole("q", length=0.3, k1=0.8),
        ElectrostaticSeptum("es", length=0.5, position=0.035, thickness=1e-4, kick=2.5e-3),
        Drift("d", length=3.0),
        MagneticSeptum("ms", length=0.6, position=0.05),
        Drift("e", length=1.0),
    ),
    particle=PROTON,
)


def spilled(rows: int) -> Any:
    states = np.zeros((rows, 6))
    states[:, 0] = np.linspace(0.036, 0.039, rows)
    table = pd.DataFrame(states, columns=["x", "px", "y", "py", "zeta", "delta"])
    return SimpleNamespace(extracted=table.assign(time=np.arange(rows) * 1e-6), particle=PROTON)


def test_a_beam_without_a_course_in_time_does_not_move() -> None:
    for states, time in ((bar(5), np.full(5, 0.3)), (bar(1), np.zeros(1))):
        assert ExtractedBeam(states, time, PROTON).drift_in_time() == {"x": 0.0, "px": 0.0, "delta": 0.0}


def test_the_extracted_beam_is_kicked_and_flown_to_the_magnetic_septum() -> None:
    """Through 0.5 m with the kick in the middle, then 3 m of drift."""
    septum = Septum.of(RING, "es", magnetic="ms")
    beam = extracted_beam(RING, septum, spilled(4))
    expected = np.linspace(0.036, 0.039, 4) + 2.5e-3 * (0.25 + 3.0)
    np.testing.assert_allclose(beam.states[:, 0], expected, rtol=1e-5)
    direct = at_magnetic_septum(RING, PROTON, septum, spilled(4).extracted.iloc[:, :6].to_numpy(), "full")
    np.testing.assert_array_equal(beam.states, direct)
    with pytest.raises(InputError, match="extracted 1 particles: no beam enters the line"):
        extracted_beam(RING, septum, spilled(1))


def test_the_line_begins_beside_the_ring_on_one_floor() -> None:
    """A straight ring along Z: the axis begins x to the side (X is to the left, x to the right: -X) at s of ms."""
    septum = Septum.of(RING, "es", magnetic="ms")
    place = Junction(x=0.05, angle_x=0.02).beside(RING, septum)
    assert place["Z"] == pytest.approx(3.8)
    along = survey(Lattice("line", elements=(Drift("d", length=10.0),)), **place)
    side = survey(RING)["X"][0] + along["X"]
    assert abs(side[0]) == pytest.approx(0.05, rel=1e-12)
    assert abs(side[1]) == pytest.approx(0.05 + 10 * np.sin(0.02), rel=1e-12)


def test_what_enters_the_line_is_the_states_in_its_frame_without_their_times() -> None:
    junction, states = Junction(x=0.05, y=-0.01, angle_x=0.02, angle_y=-0.005, roll=0.3), bar(50)
    wanted = junction.entering(PROTON, states) * [1, 1, 1, 1, 0, 1]
    found = ExtractedBeam(states, np.arange(50.0), PROTON).coordinates(junction)
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_a_beam_that_moves_in_time_moves_by_its_slopes_times_the_duration() -> None:
    """Straight lines of time over 0.4 s, from 0.3 s on; a beam of one moment does not move."""
    time = 0.3 + 0.4 * np.random.default_rng(1).permutation(np.linspace(0.0, 1.0, 30))
    states = np.zeros((30, 6))
    states[:, 0], states[:, 1], states[:, 5] = 2e-3 * time, 0.05 - 1e-4 * time, 5e-4 * time - 1e-3
    moved = ExtractedBeam(states, time, PROTON).drift_in_time()
    assert moved == pytest.approx({"x": 0.8e-3, "px": -0.4e-4, "delta": 2e-4}, rel=1e-9)
    assert set(ExtractedBeam(states, np.full(30, 0.3), PROTON).drift_in_time().values()) == {0.0}
