"""The machine from above by hand: a straight of 4 m, a bend of radius 2 m to the left by 90 degrees, 3 m on."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
import pandas as pd
import pytest

from studies.charts.floor import floor_drawing, orbit_in_space
from studies.charts.magnet_shapes import DIPOLE, FOCUSING, SEXTUPOLE, bar_polygon, floor_polygon
from studies.charts.magnets import MagnetBlock

S = [0.0, 4.0, 4.0 + pi, 4.0 + pi, 7.0 + pi]
NAMES = ["straight", "bend", "thin", "on", "end"]
#: It begins at (Z, X) = (10, -5), along Z.
SURVEY = pd.DataFrame(
    {
        "s": S,
        "Z": [10.0, 14.0, 16.0, 16.0, 16.0],
        "X": [-5.0, -5.0, -3.0, -3.0, 0.0],
        "theta": [0.0, 0.0, pi / 2, pi / 2, pi / 2],
    },
    index=NAMES,
)
BLOCKS = (
    MagnetBlock("straight", "quadrupole", 0.0, 4.0, 0.5, label="first"),
    MagnetBlock("bend", "bend", 4.0, pi, pi / 2, label="turn"),
)


def drawing(survey: pd.DataFrame = SURVEY, **lines: pd.DataFrame) -> dict[str, Any]:
    return dict(floor_drawing(survey, BLOCKS, lines))


def mirrored() -> pd.DataFrame:
    return SURVEY.assign(X=-SURVEY["X"], theta=-SURVEY["theta"])


def notes(found: dict[str, Any]) -> dict[str, Any]:
    return {note["text"]: note for note in found["layout"]["annotations"]}


def test_the_orbit_is_the_straights_and_the_circle_with_its_lengths() -> None:
    """33 points in the bend, 0.05 rad apart at most; all on the circle about (14, -3), at the s of their angle."""
    orbit = drawing()["data"][0]
    z, x, s = (np.array(one) for one in (orbit["x"], orbit["y"], orbit["meta"]["s"]))
    inside = (s > 4.0) & (s < 4.0 + pi)
    assert np.count_nonzero(inside) == 32
    angle = (s[inside] - 4.0) / 2.0
    np.testing.assert_allclose(z[inside], 14 + 2 * np.sin(angle), atol=2e-5)  # six digits are written
    np.testing.assert_allclose(x[inside], -3 - 2 * np.cos(angle), atol=2e-5)
    assert (z[0], x[0], s[0]) == (10.0, -5.0, 0.0)
    assert (z[-1], x[-1]) == (16.0, 0.0)
    assert s[-1] == pytest.approx(7 + pi, rel=1e-5)


def test_a_line_is_drawn_beside_and_named_at_its_end() -> None:
    found = drawing(other=mirrored())
    assert (found["data"][1]["x"][-1], found["data"][1]["y"][-1]) == (16.0, 0.0)
    assert found["data"][1]["y"][0] == 5.0
    assert (notes(found)["other"]["x"], notes(found)["other"]["y"]) == (16.0, 0.0)


@pytest.mark.parametrize(("survey", "side"), [(SURVEY, 1.0), (mirrored(), -1.0)])
def test_the_arrow_points_with_the_beam_inside_of_the_machine(survey: pd.DataFrame, side: float) -> None:
    """0.06 of the extent of 6 m: from 0.36 m before the start to as much behind it, 0.288 m beside."""
    note = notes(drawing(survey))["beam"]
    assert (note["ax"], note["x"]) == pytest.approx((10.0 - 0.36, 10.0 + 0.36))
    assert (note["ay"], note["y"]) == pytest.approx((side * (-5.0 + 0.288),) * 2)


def test_an_arrow_of_a_machine_that_starts_upwards_stands_to_its_side() -> None:
    """The same turned by 90 degrees: Z of the first is -X of this one."""
    turned = SURVEY.assign(Z=-SURVEY["X"], X=SURVEY["Z"], theta=SURVEY["theta"] + pi / 2)
    note = notes(drawing(turned))["beam"]
    assert (note["ax"], note["x"]) == pytest.approx((5.0 - 0.288,) * 2)
    assert (note["ay"], note["y"]) == pytest.approx((10.0 - 0.36, 10.0 + 0.36))


def test_names_stand_outwards_of_the_middle_of_the_machine() -> None:
    """26 px from the middle of each magnet, away from (13, -2.5); pixels count downwards."""
    found = notes(drawing())
    for name, (z, x) in {"first": (12.0, -5.0), "turn": (14 + 2 * np.sin(pi / 4), -3 - 2 * np.cos(pi / 4))}.items():
        away = np.array([z - 13.0, x + 2.5])
        wanted = 26 * away / np.hypot(*away)
        note = found[name]
        assert (note["x"], note["y"]) == pytest.approx((z, x), abs=1e-4)
        assert (note["ax"], note["ay"]) == pytest.approx((wanted[0], -wanted[1]), abs=0.01)


def test_magnets_have_their_width_across_the_orbit() -> None:
    """The bend's outlines are circles of 2 m -+ 0.45 m; the straight's lie 0.3 m to each side."""
    traces = {trace["name"]: trace for trace in drawing()["data"]}
    outline = np.array([traces[DIPOLE.title]["x"], traces[DIPOLE.title]["y"]], dtype=float)
    radius = np.hypot(outline[0] - 14.0, outline[1] + 3.0)
    half = len(radius) // 2
    np.testing.assert_allclose(radius[:half], 2.0 - 0.45, atol=2e-5)
    np.testing.assert_allclose(radius[half:-1], 2.0 + 0.45, atol=2e-5)
    straight = traces[FOCUSING.title]
    assert straight["x"] == pytest.approx([10, 14, 14, 10, 10])
    assert straight["y"] == pytest.approx([-4.7, -4.7, -5.3, -5.3, -4.7])
    assert traces["magnet"]["x"] == pytest.approx([12.0, 14 + 2 * np.sin(pi / 4)], abs=1e-4)
    assert traces["magnet"]["y"] == pytest.approx([-5.0, -3 - 2 * np.cos(pi / 4)], abs=1e-4)


def test_a_thin_magnet_is_a_tenth_of_a_metre_long() -> None:
    """About its place, along the beam: upwards at (16, -3), 0.4 m across."""
    z, x = floor_polygon(SURVEY, 2, 0.4)
    assert z == pytest.approx([15.8, 15.8, 16.2, 16.2])
    assert x == pytest.approx([-3.05, -2.95, -2.95, -3.05])


@pytest.mark.parametrize(("length", "half"), [(0.2, 0.3), (0.0, 0.3), (1.0, 0.5)])
def test_a_sextupole_on_the_bar_is_a_diamond(length: float, half: float) -> None:
    """About its middle, at least three times as long as the shortest."""
    s, up = bar_polygon(MagnetBlock("s", "sextupole", 2.0, length, 1.0), shortest=0.2)
    middle = 2.0 + length / 2
    assert s == pytest.approx([middle - half, middle, middle + half, middle])
    assert up == [0.0, SEXTUPOLE.high, 0.0, SEXTUPOLE.low]


def test_the_orbit_in_space_goes_through_its_places_with_their_directions() -> None:
    """Straight parts are straight; the arc of 60 degrees misses its circle by 3.1e-3 of the radius in its middle."""
    angles = np.linspace(0.0, pi / 3, 2)
    survey = pd.DataFrame(
        {
            "s": [0.0, 3.0, 3.0, 3.0 + 2 * pi / 3],
            "Z": [0.0, 3.0, 3.0, 3.0 + 2 * np.sin(angles[1])],
            "X": [0.0, 0.0, 0.0, 0.0],
            "Y": [1.0, 1.0, 1.0, 3.0 - 2 * np.cos(angles[1])],
            "theta": [0.0] * 4,
            "phi": [0.0, 0.0, 0.0, pi / 3],
        }
    )
    z, x, y = orbit_in_space(survey)
    assert np.all(x == 0.0)
    straight, bend = y[:9], slice(9, None)
    np.testing.assert_allclose(straight, 1.0, atol=1e-12)
    np.testing.assert_allclose(z[:9], 3.0 * np.arange(9) / 8, atol=1e-12)
    np.testing.assert_allclose(np.hypot(z[bend] - 3.0, y[bend] - 3.0), 2.0, rtol=3.1e-3)
    assert (z[-1], y[-1]) == pytest.approx((3 + 2 * np.sin(pi / 3), 3 - 2 * np.cos(pi / 3)))
    assert len(z) == 17


def test_the_orbit_in_space_turns_with_theta_in_the_plane() -> None:
    survey = SURVEY.assign(Y=0.0, phi=0.0)
    z, x, y = orbit_in_space(survey)
    assert np.all(y == 0.0)
    np.testing.assert_allclose(np.hypot(z[8:17] - 14.0, x[8:17] + 3.0), 2.0, rtol=0.02)  # of 90 degrees
    middle = (z[12], x[12])
    # of the cubic: mean of both ends and an eighth of the difference of the slopes times the length
    wanted = ((14 + 16) / 2 + pi * (1 - 0) / 8, (-5 - 3) / 2 + pi * (0 - 1) / 8)
    assert middle == pytest.approx(wanted)
