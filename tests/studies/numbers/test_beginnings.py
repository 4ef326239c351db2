"""What a begun study assumes of a lattice: wires where beta is largest, a third to go to, bounds to vary in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import Aperture, Drift, ElectrostaticSeptum, Lattice, Marker, Quadrupole
from studies.beginning import beginnings


@pytest.mark.parametrize(
    ("tune", "third"),
    [
        (1.68, 5 / 3),
        (1.2, 4 / 3),
        (0.9, 2 / 3),
        (0.1, 1 / 3),
        (2.49, 7 / 3),
        (2.51, 8 / 3),
        (5.99, 17 / 3),
        (6.05, 19 / 3),
    ],
)
def test_the_nearest_third_is_never_a_whole_number(tune: float, third: float) -> None:
    assert beginnings._third(tune) == pytest.approx(third)


def ring(*openings: float | None, k1: float | str = "kf") -> Lattice:
    """Quadrupoles with round openings [m] where one is given; betx is the place's number."""
    parts: list[Any] = []
    for number, half in enumerate(openings):
        chamber = None if half is None else Aperture("ellipse", half, half)
        parts.append(Quadrupole(f"q{number}", length=0.3, k1=k1, aperture=chamber))
    return Lattice("ring", elements=parts, parameters={"kf": 0.4, "kd": -0.8})


def test_wires_are_assumed_where_beta_is_largest_inside_its_opening() -> None:
    """Of the entrance of q1, where beta is 9 m: part of 20 mm, but no more than is usual."""
    betx = np.array([3.0, 9.0, 5.0, 20.0])  # the last is the end of the ring, which is no element
    table, assumed = beginnings._wires(ring(0.05, 0.02, 0.05), {"betx": betx})  # type: ignore[arg-type]
    wires = table["extraction"]
    assert wires["electrostatic_septum"] == "q1"
    assert wires["x_septum"] == pytest.approx(min(beginnings.WIRES, beginnings._FREE * 0.02), rel=1e-3)
    assert 0.0 < wires["x_septum"] < 0.02
    assert set(assumed) == {"extraction.electrostatic_septum", "extraction.x_septum"}
    wide, _ = beginnings._wires(ring(None, None, None), {"betx": betx})  # type: ignore[arg-type]
    assert wide["extraction"]["x_septum"] == beginnings.WIRES


def test_the_only_septum_of_a_lattice_has_its_own_wires() -> None:
    parts = [Marker("start"), ElectrostaticSeptum("es", length=0.5, position=0.035), Drift("d", length=1.0)]
    assert beginnings._wires(Lattice("own", elements=parts), {"betx": np.ones(4)}) == ({}, ())  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "sign"), [(0.4, 1.0), (-0.8, -1.0)])
def test_bounds_lie_about_the_value_on_both_sides(value: float, sign: float) -> None:
    found = beginnings._bounded("k", value)
    assert found["lower"] < value < found["upper"]
    assert (found["lower"] + found["upper"]) / 2 == pytest.approx(value)
    assert (found["upper"] - found["lower"]) / 2 == pytest.approx(beginnings._SPAN * abs(value), rel=1e-3)
    assert np.sign(found["lower"]) == np.sign(found["upper"]) == sign or beginnings._SPAN >= 1.0


def test_what_is_nothing_may_go_to_one() -> None:
    assert beginnings._bounded("k", 0.0) == {"name": "k", "lower": -1.0, "upper": 1.0}


def test_depths_of_a_linac_are_rounded_into_its_reach() -> None:
    """To a thousandth of a millimetre, the nearest up and the deepest down."""
    values = {
        "energies": {"lower_MeV": 70.0, "upper_MeV": 230.0},
        "volume": {"nearest_mm": 40.8006, "deepest_mm": 329.1238},
    }
    shown = beginnings._energies(values)
    assert shown["volume"] == {"nearest_mm": 40.801, "deepest_mm": 329.123}
    assert shown["energies"] == {"lower_MeV": 70.0, "upper_MeV": 230.0, "values_MeV": [70.0, 230.0]}
    assert beginnings._energies({}) == {}
