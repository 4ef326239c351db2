"""Edges of beams, openings and clearances: by hand, beside tracked beams, in batches and in machines with errors."""

from __future__ import annotations

from dataclasses import replace
from math import erfc, sqrt
from typing import Any

import numpy as np
import pytest

from lattice import (
    Aperture,
    Drift,
    ElectrostaticSeptum,
    Element,
    InputError,
    Lattice,
    Marker,
    Quadrupole,
    ReferenceParticle,
)
from optics import Beam, gaussian_beam, track, twiss
from optics.aperture import (
    BeamEdge,
    MomentsEdge,
    clearance,
    clearance_at_wires,
    clearances,
    envelope,
    fits,
    least_rooms,
    openings,
    room_at_wires,
    rooms,
    tightest_rooms,
)
from optics.imperfections.ensemble import ensemble, rooms_at_wires
from optics.imperfections.errors import MagnetErrors, draw_errors
from optics.linear.solution import functions_inside

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
#: Rms sizes of 6 mm in x (beta 9 m) and 2 mm in y (beta 1 m): with 2 sigma 12 and 4 mm.
BEAM = Beam(PROTON, 4e-6, 4e-6)
EDGE = BeamEdge(BEAM, sigmas=2.0, full_width=2e-3)
#: With |D| = 3 m and 1 m the full width of 2e-3 adds 3 and 1 mm: half widths of 15 and 5 mm about 1 and -2 mm.
START = {"betx": 9.0, "bety": 1.0, "dx": -3.0, "dy": 1.0, "x": 1e-3, "y": -2e-3}


def place(aperture: Aperture | None, **more: Any) -> Lattice:
    """A place without length: its functions are those of the start."""
    return Lattice("place", elements=[Marker("m", aperture=aperture, **more)], particle=PROTON)


# ----------------------------------------------------------------------------------------------------------- edges


def test_the_edge_by_hand() -> None:
    optics = twiss(place(None), start=START)
    for plane, low, high in (("x", -14e-3, 16e-3), ("y", -7e-3, 3e-3)):
        assert EDGE.sides(optics.__getitem__, plane)[0] == pytest.approx(low, rel=1e-14)
        assert EDGE.sides(optics.__getitem__, plane)[1] == pytest.approx(high, rel=1e-14)


def test_a_bounded_spread_adds_as_it_is_and_a_gaussian_one_in_variance() -> None:
    """3 m of dispersion: rms 6 mm with 8 mm of a sigma_delta of 8/3 permille are 10 mm; a width adds 3 mm to them."""
    optics = twiss(place(None), start=START)
    gaussian = replace(BEAM, sigma_delta=8e-3 / 3)
    assert BeamEdge(gaussian).half_width(optics.__getitem__, "x") == pytest.approx(10e-3, rel=1e-14)
    assert BeamEdge(gaussian, 2.0, 2e-3).half_width(optics.__getitem__, "x") == pytest.approx(23e-3, rel=1e-14)


def test_a_mean_momentum_moves_the_middle_along_the_dispersion() -> None:
    """D delta = -3 m x 1e-3 and 1 m x 1e-3, from orbits of 1 and -2 mm."""
    optics = twiss(place(None), start=START)
    edge = BeamEdge(replace(BEAM, delta=1e-3))
    assert edge.centre(optics.__getitem__, "x") == pytest.approx(-2e-3, rel=1e-14)
    assert edge.centre(optics.__getitem__, "y") == pytest.approx(-1e-3, rel=1e-14)


def drifted(s: float) -> dict[str, float]:
    """Functions of two coupled modes, dispersion and orbit in a drift, ``s`` [m] from a place: straight lines, and
    beta0 - 2 alfa0 s + gamma0 s^2."""
    made = {"x": -1e-3 + 2e-4 * s, "px": 2e-4, "y": 2e-3 - 3e-4 * s, "py": -3e-4}
    made |= {"dx": -3.0 + 0.4 * s, "dpx": 0.4, "dy": 1.0 - 0.2 * s, "dpy": -0.2}
    for mode, beta, alfa in (("x", 9.0, 1.5), ("y", 4.0, -0.7), ("x2", 1.2, 0.3), ("y1", 0.8, -0.2)):
        gamma = (1 + alfa**2) / beta
        made |= {f"bet{mode}": beta - 2 * alfa * s + gamma * s**2, f"alf{mode}": alfa - gamma * s}
    return made


@pytest.mark.parametrize("plane", ["x", "y"])
@pytest.mark.parametrize("about", [0.0, -5e-3, 5e-3])
def test_the_edge_rises_along_a_drift_as_its_slope_says(plane: str, about: float) -> None:
    """Central differences over 0.2 mm: s^2 / 6 of the third derivative, 1e-8 of the slope."""
    beam = Beam(PROTON, 4e-6, 3e-6, sigma_delta=1e-3, delta=5e-4)
    edge = BeamEdge(beam, sigmas=2.0, full_width=2e-3)
    step = 1e-4
    ends = [float(edge.reach(drifted(s).__getitem__, plane, about)) for s in (-step, step)]
    slope = float(edge.reach_slope(drifted(0.0).__getitem__, plane, about))
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-6)


def test_the_edge_of_moments_is_their_middle_and_so_many_sizes() -> None:
    """2.5 x 4 mm about -1 mm, by 2.5 x -0.2 and -3e-4 a metre steeper on the side that it leans to."""
    moments = {"x": -1e-3, "px": -3e-4, "size_x": 4e-3, "slope_x": -2e-4}
    edge = MomentsEdge(sigmas=2.5)
    assert edge.sides(moments.__getitem__, "x") == pytest.approx((-11e-3, 9e-3))
    assert edge.reach(moments.__getitem__, "x") == pytest.approx(11e-3)
    assert edge.reach(moments.__getitem__, "x", -2e-3) == pytest.approx(11e-3)
    assert edge.reach_slope(moments.__getitem__, "x") == pytest.approx(3e-4 - 5e-4)
    assert edge.reach_slope(moments.__getitem__, "x", -2e-3) == pytest.approx(-3e-4 - 5e-4)


def test_both_modes_are_seen_in_each_plane() -> None:
    """e1 b1 + e2 b2 with unequal emittances: x 4 x 9 + 1 x 13 = 49, y 1 x 20 + 4 x 4 = 36 um m: 7 and 6 mm."""
    functions = {"betx": 9.0, "betx2": 13.0, "bety": 20.0, "bety1": 4.0, "dx": 0.0, "dy": 0.0}
    edge = BeamEdge(Beam(PROTON, 4e-6, 1e-6))
    assert edge.half_width(functions.__getitem__, "x") == pytest.approx(7e-3, rel=1e-14)
    assert edge.half_width(functions.__getitem__, "y") == pytest.approx(6e-3, rel=1e-14)


@pytest.mark.parametrize(
    ("sigmas", "width", "words"), [(0.0, 0.0, "sigmas must be positive"), (1.0, -1e-3, "must not be negative")]
)
def test_what_is_no_edge_is_refused(sigmas: float, width: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        BeamEdge(BEAM, sigmas, width)


# ------------------------------------------------------------------------------------------------------- openings


@pytest.mark.parametrize(
    ("aperture", "expected"),
    [
        (Aperture("rectangle", 0.03, 0.02), (-0.03, 0.03, -0.02, 0.02)),
        (Aperture("ellipse", 0.03, 0.02, offset_x=0.005, offset_y=-0.001), (-0.025, 0.035, -0.021, 0.019)),
        (Aperture("rectellipse", 0.03, 0.02, ellipse_x=0.025, ellipse_y=0.04), (-0.025, 0.025, -0.02, 0.02)),
        (Aperture("rectellipse", 0.03, 0.04, ellipse_x=0.05, ellipse_y=0.02), (-0.03, 0.03, -0.02, 0.02)),
        (None, (np.nan,) * 4),
    ],
)
def test_openings(aperture: Aperture | None, expected: tuple[float, ...]) -> None:
    """The narrower of rectangle and ellipse, about the offset."""
    np.testing.assert_allclose(openings(place(aperture)), [expected], rtol=1e-14)


# ----------------------------------------------------------------------------------------------------- clearances


@pytest.mark.parametrize(
    ("offset_x", "offset_y", "x", "y"),
    [
        (0.0, 0.0, 14e-3, 13e-3),  # 16 of 30 mm outside, -7 of -20 mm below
        (5e-3, 0.0, 11e-3, 13e-3),  # -25 to 35 mm: 19 mm outside, 11 mm inside
        (-5e-3, 4e-3, 9e-3, 9e-3),  # -35 to 25 mm, -16 to 24 mm
        (0.0, -8e-3, 14e-3, 9e-3),  # -28 to 12 mm: 9 mm above
        (20e-3, 0.0, -4e-3, 13e-3),  # -10 to 50 mm: the lower edge stands in the wall
    ],
)
def test_the_room_is_that_of_the_nearer_side(offset_x: float, offset_y: float, x: float, y: float) -> None:
    """Edges at -14 and 16 mm, -7 and 3 mm, in 30 mm by 20 mm about an offset."""
    optics = twiss(place(Aperture("rectangle", 30e-3, 20e-3, offset_x, offset_y)), start=START)
    assert clearance(optics, EDGE, "x").value == pytest.approx(x, abs=1e-16)
    assert clearance(optics, EDGE, "y").value == pytest.approx(y, abs=1e-16)


def test_the_least_room_stands_in_its_element_and_at_its_end() -> None:
    """beta = 4 + s^2/4 behind a waist of 4 m: 6 sigma of 1 um are 12 mm there and widest, 15 mm, 3 m further."""
    line = Lattice(
        "line",
        elements=[
            Drift("free", length=1.0),
            Drift("near", length=2.0, aperture=Aperture("rectangle", 20e-3, 20e-3)),
            Drift("far", length=3.0, aperture=Aperture("rectangle", 40e-3, 40e-3)),
        ],
        particle=PROTON,
    )
    optics = twiss(line, start={"betx": 4.0, "bety": 4.0})
    edge = BeamEdge(Beam(PROTON, 1e-6, 1e-6), sigmas=6.0)
    found = clearance(optics, edge, "x")
    assert (found.element, found.s) == ("near", 3.0)
    assert found.value == pytest.approx(20e-3 - 6e-3 * sqrt(4 + 9 / 4), rel=1e-13)
    assert clearances(optics, edge, "x") == pytest.approx([found.value], abs=0.0)


def test_the_edge_is_looked_at_inside_elements() -> None:
    """The widest place of a focusing magnet is its middle by symmetry, where the rows of an even cut stand."""
    cell = [Quadrupole("q", length=0.6, k1=0.9, aperture=Aperture("ellipse", 0.05, 0.05)), Drift("d", length=3.0)]
    optics = twiss(
        Lattice(
            "cells", elements=[*cell, Quadrupole("p", length=0.6, k1=-0.9), Drift("e", length=3.0)], particle=PROTON
        )
    )
    found = clearance(optics, BeamEdge(BEAM), "x")
    middle = optics.inside(2)["betx"].iloc[1]
    assert found.value == pytest.approx(0.05 - 2e-3 * sqrt(middle), rel=1e-12)
    assert found.s == pytest.approx(0.3, rel=1e-15)


def test_an_envelope_has_both_ends_of_every_part() -> None:
    aperture = Aperture("rectangle", 0.03, 0.02, 0.001, -0.002)
    line = Lattice("line", elements=[Drift("a", length=2.0, aperture=aperture), Drift("b", length=1.0)])
    optics = twiss(line, PROTON, start=START)
    table = envelope(optics, EDGE, slices=2)
    assert list(table["element"]) == ["a"] * 4 + ["b"] * 4
    assert list(table["s"]) == [0.0, 1.0, 1.0, 2.0, 2.0, 2.5, 2.5, 3.0]
    for plane in ("x", "y"):
        low, high = EDGE.sides(functions_inside(optics, 2).column, plane)
        np.testing.assert_array_equal(table[f"{plane}_low"], low[0, [0, 1, 1, 2, 2, 3, 3, 4]])
        np.testing.assert_array_equal(table[f"{plane}_high"], high[0, [0, 1, 1, 2, 2, 3, 3, 4]])
    columns = [f"aperture_{name}" for name in ("x_low", "x_high", "y_low", "y_high")]
    np.testing.assert_allclose(table[columns].iloc[3], (-0.029, 0.031, -0.022, 0.018), rtol=1e-14)
    assert table[columns].iloc[4].isna().all()


def test_without_apertures_there_is_no_room_to_tell() -> None:
    optics = twiss(place(None), start=START)
    for ask in (clearance, clearances):
        with pytest.raises(InputError, match="no element of 'place' has an aperture"):
            ask(optics, EDGE, "x")


# ---------------------------------------------------------------------------------------------------------- wires


def septum(position: Any, **parameters: float) -> Lattice:
    wires = ElectrostaticSeptum("es", length=1.0, position=position)
    return Lattice("wires", elements=[wires], parameters=parameters, particle=PROTON)


@pytest.mark.parametrize(("position", "room"), [(0.035, 0.035 - 0.016), (-0.035, -0.014 + 0.035)])
def test_the_wires_face_the_edge_on_their_side(position: float, room: float) -> None:
    """Edges at -14 and 16 mm, for the orbit stands at 1 mm."""
    optics = twiss(septum(position), start=START)
    assert room_at_wires(optics, EDGE, "es") == pytest.approx(room, abs=1e-16)
    found = clearance_at_wires(optics, EDGE, "es")
    assert found.value == pytest.approx(room, abs=1e-16)
    assert (found.element, found.s) == ("es", 0.0)


def test_wires_that_move_in_a_batch() -> None:
    lattice = septum("wire", wire=0.03).with_parameters(wire=np.array([0.02, -0.02, 0.04]))
    rooms_found = room_at_wires(twiss(lattice, start=START), EDGE, "es")
    assert rooms_found == pytest.approx([0.004, 0.006, 0.024], abs=1e-16)


@pytest.mark.parametrize("element", [Drift("es", length=1.0), ElectrostaticSeptum("es", length=1.0)])
def test_wires_without_a_position_are_refused(element: Element) -> None:
    with pytest.raises(InputError, match="'es' is no electrostatic septum with a position of its wires"):
        room_at_wires(twiss(Lattice("l", elements=[element]), PROTON, start=START), EDGE, "es")


# --------------------------------------------------------------------------------------- coupling, batches, errors


def cells(skew: Any = 0.6, **parameters: float) -> Lattice:
    """Eight cells with one skew quadrupole of k1s = 0.6 over 0.1 m, tunes 0.034 apart without it: coupled planes."""
    opening = Aperture("ellipse", 0.06, 0.04, offset_x=0.004, offset_y=-0.002)
    elements: list[Element] = []
    for i in range(8):
        elements += [
            Quadrupole(f"qf{i}", length=0.3, k1="kf", aperture=opening),
            Drift(f"a{i}", length=0.4),
            Quadrupole(f"s{i}", length=0.1, k1s=skew if i == 0 else 0.0),
            Drift(f"b{i}", length=0.3),
            Quadrupole(f"qd{i}", length=0.3, k1=-1.7, aperture=opening),
            Drift(f"c{i}", length=0.8),
        ]
    return Lattice("cells", elements=elements, parameters={"kf": 1.72, **parameters}, particle=PROTON)


@pytest.mark.parametrize(("plane", "own"), [("x", "betx"), ("y", "bety")])
def test_a_skew_quadrupole_takes_room_in_the_plane_of_the_smaller_emittance(plane: str, own: str) -> None:
    """The other mode widens the beam by more than half, and the room shrinks by as much as the edge grows."""
    edge = BeamEdge(small_in(plane), sigmas=3.0)
    coupled, flat = (twiss(cells(skew)) for skew in (0.6, 0.0))
    assert coupled.coupled
    fine = functions_inside(coupled, 8)
    one_mode = 3.0 * np.sqrt(1e-6 * fine.column(own))
    assert np.max(edge.half_width(fine.column, plane)) > 1.5 * np.max(one_mode)
    grown = [np.max(edge.half_width(functions_inside(optics, 8).column, plane)) for optics in (coupled, flat)]
    lost = clearance(flat, edge, plane).value - clearance(coupled, edge, plane).value
    assert lost == pytest.approx(grown[0] - grown[1], abs=2e-4)  # widest inside a magnet, or just outside the chamber
    assert lost > 3e-3


def small_in(plane: str, scale: float = 1.0) -> Beam:
    """A beam of 1 um in one plane and 8 um in the other."""
    emittances = (1e-6, 8e-6) if plane == "x" else (8e-6, 1e-6)
    return Beam(PROTON, scale * emittances[0], scale * emittances[1])


@pytest.mark.parametrize("plane", ["x", "y"])
def test_the_share_outside_the_edge_of_a_tracked_beam_is_that_of_a_gaussian(plane: str) -> None:
    """erfc(n / sqrt 2) beyond n sigma on either side, four standard deviations of a count; coupled motion, 7 turns."""
    count, n = 40_000, 1.5
    ring, beam = cells(), small_in(plane, scale=0.01)
    optics = twiss(ring)
    start = gaussian_beam(beam, optics, count, seed=5)
    after = track(ring, PROTON, start, turns=7).coordinates
    low, high = BeamEdge(beam, sigmas=n).sides(optics.__getitem__, plane)
    x = after[:, 0 if plane == "x" else 2]
    share, expected = np.mean((x < low[-1]) | (x > high[-1])), erfc(n / sqrt(2.0))
    assert share == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / count))


def test_a_batch_has_the_rooms_of_its_lattices_one_by_one() -> None:
    """One series of maps for all: rounding. The third has no bounded motion."""
    strengths = np.array([1.72, 1.8, 9.0])
    edge = BeamEdge(Beam(PROTON, 8e-6, 1e-6), sigmas=3.0, full_width=1e-3)
    batch = twiss(cells("ks", ks=0.6).with_parameters(kf=strengths))
    for plane in ("x", "y"):
        found = clearances(batch, edge, plane)
        each = [clearance(twiss(cells().with_parameters(kf=float(k))), edge, plane).value for k in strengths[:2]]
        assert found[:2] == pytest.approx(each, abs=1e-12)
        assert np.isnan(found[2])
    with pytest.raises(InputError, match="here are 3: use clearances"):
        clearance(batch, edge, "x")


def test_machines_with_errors_have_the_room_that_their_orbits_leave() -> None:
    """Magnets and chambers displaced: by hand from each machine's functions in the frame of its magnet, beside ours."""
    errors = [MagnetErrors(magnets="quadrupole", dx=2e-4, dy=1e-4, roll=2e-3)]
    machines = draw_errors(cells(), errors, seed=2, machines=3)
    inside = ensemble(machines).inside
    beam = Beam(PROTON, 8e-6, 1e-6)
    for plane, other, own, mixed in (("x", "betx2", 8e-6, 1e-6), ("y", "bety1", 1e-6, 8e-6)):
        found = least_rooms(machines.lattice, inside, BeamEdge(beam, 2.0), plane)
        for machine in range(3):
            bound = np.inf
            for part, element in enumerate(inside.row_element):
                opening = machines.lattice.elements[element].aperture
                if opening is None:
                    continue
                half, offset = (getattr(opening, f"{name}_{plane}") for name in ("half", "offset"))
                for row in (part, part + 1):
                    at = {name: inside.column(name)[machine, row] for name in (f"bet{plane}", other, plane)}
                    width = 2.0 * sqrt(own * at[f"bet{plane}"] + mixed * at[other])
                    bound = min(bound, half - width - abs(at[plane] - offset))
            assert found[machine] == pytest.approx(bound, abs=1e-15)
    assert np.ptp(found) > 1e-5  # they differ


def test_machines_with_errors_have_their_own_room_at_the_wires() -> None:
    """Wires at -30 mm in a ring of kicked orbits: by hand from each machine's orbit and functions there."""
    septum = ElectrostaticSeptum("es", length=0.2, position=-0.03)
    ring = cells()
    ring = Lattice(ring.name, elements=[septum, *ring.elements], parameters=ring.parameters, particle=PROTON)
    errors = [MagnetErrors(magnets="quadrupole", dx=2e-4, roll=2e-3)]
    machines = draw_errors(ring, errors, seed=2, machines=3)
    found = ensemble(machines)
    beam = Beam(PROTON, 8e-6, 1e-6, sigma_delta=0.0)
    at_wires = rooms_at_wires(machines, found, BeamEdge(beam, 2.0), "es")
    place = {name: found.inside.column(name)[:, 0] for name in ("x", "betx", "betx2")}  # the ring begins with the wires
    width = 2.0 * np.sqrt(8e-6 * place["betx"] + 1e-6 * place["betx2"])
    assert at_wires == pytest.approx(0.03 - width + place["x"], abs=1e-15)  # wires at x < 0: an orbit at x > 0 helps
    assert np.ptp(place["x"]) > 1e-5


def test_without_errors_the_room_at_the_wires_is_that_of_the_ideal_ring() -> None:
    septum = ElectrostaticSeptum("es", length=0.2, position=0.03)
    first, *others = cells().elements
    ring = Lattice("r", elements=[first, septum, *others], parameters=cells().parameters, particle=PROTON)
    machines = draw_errors(ring, [MagnetErrors(magnets="quadrupole", dx=0.0)], seed=2, machines=2)
    edge = BeamEdge(Beam(PROTON, 8e-6, 1e-6), 2.0, 4e-3)
    found = rooms_at_wires(machines, ensemble(machines), edge, "es")
    assert found == pytest.approx(float(room_at_wires(twiss(ring), edge, "es")), abs=1e-12)


def test_the_tighter_plane_counts_and_a_machine_fits_when_every_beam_does() -> None:
    machines = draw_errors(cells(), [MagnetErrors(magnets="quadrupole", dx=2e-4)], seed=2, machines=3)
    inside = ensemble(machines).inside
    edge = BeamEdge(Beam(PROTON, 8e-6, 1e-6), 2.0)
    planes = [least_rooms(machines.lattice, inside, edge, plane) for plane in ("x", "y")]
    np.testing.assert_array_equal(tightest_rooms(machines.lattice, inside, edge), np.minimum(*planes))
    one, other = np.array([1e-3, -1e-3, 1e-3, np.nan, 0.0]), np.array([2e-3, 1e-3, -2e-3, 1e-3, 1e-3])
    assert list(fits([one, other])) == [True, False, False, False, False]  # what touches the wall does not fit


def test_rooms_have_a_row_for_every_part_and_nan_where_nothing_limits() -> None:
    optics = twiss(cells())
    fine = functions_inside(optics, 4)
    room = rooms(optics.lattice, fine, EDGE, "x")
    assert room.shape == (1, len(fine.row_element), 2)
    free = np.isnan(openings(optics.lattice)[fine.row_element, 0])
    np.testing.assert_array_equal(np.isnan(room[0]).all(axis=1), free)
