"""Drifts between placed elements, the last one closing the ring, by hand."""

from __future__ import annotations

import pytest

from lattice import Aperture, Element, LatticeError, Marker, Quadrupole
from lattice.building.parts import between_drifts

CHAMBER = Aperture("rectangle", 0.03, 0.02)


Placed = tuple[float, Element]


def filled(*placed: Placed, ring: float) -> list[Element]:
    return list(between_drifts(placed, ring, "centre", "drift", CHAMBER))


def lengths(*placed: Placed, ring: float) -> list[float]:
    return [float(getattr(one, "length", 0.0)) for one in filled(*placed, ring=ring)]


def test_what_is_left_of_the_ring_is_a_drift() -> None:
    """A quadrupole of 0.4 m about 1 m, a marker at 3 m, in 5 m: 0.8, 0.4, 1.8, 0 and 2 m."""
    placed = ((1.0, Quadrupole("q", length=0.4, k1=0.0)), (3.0, Marker("m")))
    assert lengths(*placed, ring=5.0) == pytest.approx([0.8, 0.4, 1.8, 0.0, 2.0])
    names = [one.name for one in filled(*placed, ring=5.0)]
    assert names == ["drift_01", "q", "drift_02", "m", "drift_03"]


def test_a_ring_that_ends_with_an_element_has_no_drift_there() -> None:
    assert lengths((0.8, Quadrupole("q", length=0.4, k1=0.0)), ring=1.0) == pytest.approx([0.6, 0.4])


def test_elements_that_overlap_or_stand_out_are_refused() -> None:
    long = Quadrupole("q", length=1.0, k1=0.0)
    with pytest.raises(LatticeError, match=r"'m' begins 0\.5 m before"):
        lengths((0.5, long), (0.5, Marker("m")), ring=2.0)
    with pytest.raises(LatticeError, match=r"0\.25 m longer"):
        lengths((0.75, long), ring=1.0)
