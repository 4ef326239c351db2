"""The gantry of the CNAO-like machines: isocentric at every angle, within its ratings, the same joint to joint."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from lattice import Aperture, Bend, InputError, Lattice, Quadrupole
from lattice.arrays import Array
from lattice.survey import survey
from machines.lines.barrel import Barrel, barrel
from machines.lines.gantries import read_gantry
from machines.registry import line_named
from machines.tables import read_toml
from optics import Moments, twiss

OPENING = Aperture("ellipse", 0.04, 0.04)
OPENINGS = {"quadrupole": OPENING, "bend": OPENING, "last": OPENING}
SMALL = Barrel(
    bend_radius=1.5,
    bend_deg=60.0,
    face_deg=10.0,
    isocentre=1.0,
    parallel=2.0,
    quadrupoles=[1, 2, 1],
    quadrupole=0.2,
    gap=0.2,
    clear=0.3,
    strengths=[1.0, -1.0, 1.0, -1.0],
)


def gantry_alone() -> Lattice:
    line = line_named("cnao-gantry-plain").line
    return line[line.index("g_entry_in") :]


@pytest.mark.parametrize("name", ["cnao-gantry", "cnao-gantry-plain"])
def test_the_isocentre_stays_where_it_is_at_every_angle(name: str) -> None:
    line = line_named(name).line
    places = [survey(line.with_parameters(gantry_angle=np.radians(a))) for a in (0.0, 37.0, 90.0, 180.0)]
    ends = np.array([[one[column][-1] for column in "XYZ"] for one in places])
    np.testing.assert_allclose(ends, ends[[0]].repeat(4, axis=0), atol=1e-9)
    away = [abs(one["Y"]).max() for one in places]
    assert away[2] == pytest.approx(3.65 + 1.5, rel=1e-9)  # radius of the last bend and the way to the isocentre
    assert away[0] < 1e-12


def test_any_barrel_ends_on_its_axis_across_it() -> None:
    """2 rho (1 - cos alpha) + L sin alpha = rho + d, whatever the design."""
    found = survey(barrel(SMALL, OPENINGS))
    assert found["X"][-1] == pytest.approx(0.0, abs=1e-12)
    assert abs(found["theta"][-1]) == pytest.approx(np.pi / 2, rel=1e-12)


def lengths(line: Lattice) -> list[float]:
    return [float(getattr(element, "length", 0.0)) for element in line]


def test_every_part_of_a_barrel_is_as_long_as_it_is_asked() -> None:
    """By hand: rho alpha = 1.5 pi / 3; the sloped straight is (2.5 - 3 (1 - cos 60)) / sin 60 = 1.1547 m, three equal
    drifts about two quadrupoles; the parallel one 0.3 and 0.2 m of 2, and the rest."""
    found = barrel(SMALL, OPENINGS)
    sloped, even = 1.0 / np.sin(np.pi / 3), (1.0 / np.sin(np.pi / 3) - 0.4) / 3
    straights = [0.3, 0.2, 0.3], [even, 0.2, even, 0.2, even], [0.3, 0.2, 1.5]
    bends = [np.pi / 2, np.pi / 2, 0.75 * np.pi]
    expected = [*straights[0], bends[0], *straights[1], bends[1], *straights[2], bends[2], 1.0, 0.0]
    assert lengths(found) == pytest.approx(expected, rel=1e-12)
    assert SMALL.sloped == pytest.approx(sloped, rel=1e-12)
    assert [element.angle for element in found if isinstance(element, Bend)] == pytest.approx(
        [np.pi / 3, -np.pi / 3, -np.pi / 2], rel=1e-12
    )
    last = next(element for element in found if element.name == "g_b3")
    assert isinstance(last, Bend)
    assert (last.e1, last.e2) == pytest.approx((-np.radians(10.0),) * 2, rel=1e-12)
    assert dict(found.parameters) == {"g_k1": 1.0, "g_k2": -1.0, "g_k3": 1.0, "g_k4": -1.0}
    assert [element.k1 for element in found if isinstance(element, Quadrupole)] == ["g_k1", "g_k2", "g_k3", "g_k4"]


def test_quadrupoles_before_the_bends_stand_with_the_asked_gap() -> None:
    """Two of 0.2 m with 0.15 m between and 0.3 m to the bend: 0.3, 0.2, 0.15, 0.2, 0.3; the last straight of 2 m ends
    with what is left, 1.15 m."""
    found = barrel(replace(SMALL, quadrupoles=[2, 0, 2], gap=0.15), OPENINGS)
    own = lengths(found)
    assert own[:5] == pytest.approx([0.3, 0.2, 0.15, 0.2, 0.3], rel=1e-12)
    assert own[6:8] == pytest.approx([1.0 / np.sin(np.pi / 3), np.pi / 2], rel=1e-12)  # no quadrupole: one drift
    assert own[8:13] == pytest.approx([0.3, 0.2, 0.15, 0.2, 1.15], rel=1e-12)


@pytest.mark.parametrize(("room", "fits"), [(-1e-6, False), (1e-6, True)])
def test_quadrupoles_fit_to_the_last_micrometre(room: float, fits: bool) -> None:
    """Two of the sloped straight's half; and the parallel one of 0.3 m and 0.2 m."""
    half = (SMALL.sloped - room) / 2
    for design in (replace(SMALL, quadrupole=half, parallel=9.0), replace(SMALL, parallel=0.5 + room)):
        if fits:
            assert barrel(design, OPENINGS).length > 0.0
        else:
            with pytest.raises(InputError, match="no room for"):
                barrel(design, OPENINGS)


@pytest.mark.parametrize("name", ["cnao-gantry", "cnao-gantry-plain"])
def test_the_fixed_line_is_whole_up_to_the_element_that_it_ends_behind(name: str) -> None:
    about = read_toml(files("machines").joinpath("cnao_like"), "gantry")
    fixed, line = line_named("cnao-room3").line, line_named(name).line
    before = list(fixed.names)[: fixed.index(about["fixed_end"]) + 1]
    assert list(line.names)[: len(before)] == before
    assert line.names[len(before)].startswith("match")


def test_a_gantry_is_described_in_degrees_and_mega_electronvolt() -> None:
    machine = line_named("cnao-gantry")
    assert machine.energies["proton"] == pytest.approx((60e6, 250e6), rel=1e-12)


def test_the_gantry_is_point_to_point_without_dispersion() -> None:
    """x -> -x, y -> y with what SOURCES.md says of its strengths; any sizes at the joint are those at the isocentre."""
    particle = line_named("cnao-gantry").top_particle
    start = Moments.from_functions(particle, {"betx": 5.0, "bety": 5.0}, emittance_x=1e-6, emittance_y=1e-6)
    r = twiss(gantry_alone(), particle, start=start).matrix()
    expected = [-1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose([r[0, 0], r[0, 1], r[2, 2], r[2, 3], r[0, 5], r[1, 5]], expected, rtol=0, atol=1e-8)


def test_bends_and_fixed_quadrupoles_are_within_their_ratings_at_the_top_energy() -> None:
    machine = line_named("cnao-gantry")
    rigidity = machine.top_particle.magnetic_rigidity
    fields = [abs(e.angle) / e.length * rigidity for e in gantry_alone() if isinstance(e, Bend)]  # type: ignore[operator, arg-type]
    assert len(fields) == 3
    assert max(fields) < machine.ratings["bend_field"].value
    fixed = [v for name, v in machine.line.parameters.items() if name.startswith("rot_k")]
    fixed += [v for name, v in gantry_alone().parameters.items() if name.startswith("g_k")]
    assert len(fixed) == 14
    assert max(map(abs, fixed)) * rigidity < machine.ratings["gradient"].value


COLUMNS = ("size_x", "size_px", "size_y", "size_py", "dx_lab")


def seen(name: str) -> Array:
    """Columns at the isocentre at 0, 30, 37 and 90 degrees of a beam of emittances ten to one, with dispersion."""
    machine = line_named(name)
    particle, functions = machine.top_particle, dict(machine.entering("proton").functions)
    flat = Moments.from_functions(particle, functions, emittance_x=1e-7, emittance_y=1e-6, sigma_delta=5e-4)
    angles = np.radians([0.0, 30.0, 37.0, 90.0])
    found = [twiss(machine.line.with_parameters(gantry_angle=angle), particle, start=flat) for angle in angles]
    return np.array([[optics.value(column, "isocentre") for column in COLUMNS] for optics in found])


def test_a_beam_of_ten_to_one_is_the_same_in_the_gantry_at_every_angle() -> None:
    """S diag(1, 1, -1, -1) S of the rotator holds at every angle; a plain turn mixes the planes."""
    behind, plain = seen("cnao-gantry"), seen("cnao-gantry-plain")
    np.testing.assert_allclose(behind, behind[[0]].repeat(4, axis=0), rtol=1e-9)
    assert np.abs(plain / plain[0] - 1).max() > 0.5


def test_both_joints_are_as_long_and_lead_to_one_gantry() -> None:
    behind, plain = (line_named(name).line for name in ("cnao-gantry", "cnao-gantry-plain"))
    assert behind.length == pytest.approx(plain.length, rel=1e-12)
    assert gantry_alone().names == behind[behind.index("g_entry_in") :].names


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"quadrupole": 3.0}, "no room for 2 quadrupoles"),
        ({"parallel": 0.4}, "last straight of 0.4 m has no room"),
        ({"strengths": [1.0]}, "and 1 strengths"),
    ],
)
def test_what_has_no_room_is_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        barrel(replace(SMALL, **changes), OPENINGS)  # type: ignore[arg-type]


def test_a_joint_that_the_file_does_not_have_is_told() -> None:
    with pytest.raises(InputError, match="no joint 'rotor'; did you mean 'rotator'"):
        read_gantry(files("machines").joinpath("cnao_like"), "g", "gantry", "rotor")
