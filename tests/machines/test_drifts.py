"""Drifts between placed elements, the last one closing the ring, by hand."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lattice import Aperture, LatticeError, Marker, Quadrupole
from machines.rings.geometry import _with_drifts

CHAMBER = Aperture("rectangle", 0.03, 0.02)


def lengths(*placed: tuple[object, float], ring: float) -> list[float]:
    return [float(getattr(one, "length", 0.0)) for one in _with_drifts(cast(Any, placed), ring, CHAMBER)]


def test_what_is_left_of_the_ring_is_a_drift() -> None:
    """A quadrupole of 0.4 m about 1 m, a marker at 3 m, in 5 m: 0.8, 0.4, 1.8, 0 and 2 m."""
    placed = ((Quadrupole("q", length=0.4, k1=0.0), 1.0), (Marker("m"), 3.0))
    assert lengths(*placed, ring=5.0) == pytest.approx([0.8, 0.4, 1.8, 0.0, 2.0])
    names = [one.name for one in _with_drifts(cast(Any, placed), 5.0, CHAMBER)]
    assert names == ["drift_01", "q", "drift_02", "m", "drift_03"]


def test_a_ring_that_ends_with_an_element_has_no_drift_there() -> None:
    assert lengths((Quadrupole("q", length=0.4, k1=0.0), 0.8), ring=1.0) == pytest.approx([0.6, 0.4])


def test_elements_that_overlap_or_stand_out_are_refused() -> None:
    long = Quadrupole("q", length=1.0, k1=0.0)
    with pytest.raises(LatticeError, match=r"'m' begins 0\.5 m before"):
        lengths((long, 0.5), (Marker("m"), 0.5), ring=2.0)
    with pytest.raises(LatticeError, match=r"0\.25 m longer"):
        lengths((long, 0.75), ring=1.0)
