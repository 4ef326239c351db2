"""Closed orbits of many lattices side by side are those of each by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lattice import Bend, Drift, Lattice, Quadrupole, ReferenceParticle
from machines.registry import ring_named
from optics import twiss
from optics.imperfections.ensemble import ensemble
from optics.imperfections.errors import Imperfect, MagnetErrors, draw_errors
from optics.imperfections.orbit import closed_orbits
from optics.linear.twiss import twiss_about
from optics.maps.lanes import LANES
from optics.maps.lattices.series import step_series
from optics.maps.orbits import BLOCK

ERRORS = (
    MagnetErrors(magnets="quadrupole", dx=0.15e-3, dy=0.15e-3, roll=0.15e-3, field=5e-4),
    MagnetErrors(magnets="bend", roll=0.15e-3, field=5e-4),
)
MACHINES = BLOCK + 3


@pytest.fixture(scope="module")
def machines() -> Imperfect:
    return draw_errors(ring_named("cnao").lattice(), ERRORS, 7, MACHINES)


def test_each_orbit_closes_and_is_that_of_the_lattice_by_itself(machines: Imperfect) -> None:
    """Newton's method with exact derivatives for one lattice, chords for many: both end at the rounding of the maps."""
    found = closed_orbits(machines.lattice)
    assert found.shape == (MACHINES, len(machines.lattice) + 1, 6)
    assert np.abs(found[:, 0, :4] - found[:, -1, :4]).max() < 1e-13
    for machine in (0, BLOCK - 1, BLOCK, MACHINES - 1):
        alone = closed_orbits(machines.one(machine).lattice)[0]
        assert found[machine] == pytest.approx(alone, abs=2e-13)
        assert np.abs(alone[:, [0, 2]]).max() > 1e-3


def test_an_orbit_does_not_depend_on_the_lattices_beside_it(machines: Imperfect) -> None:
    """To the last bit, in whichever block a machine stands: five machines of the same seed beside 67."""
    few = draw_errors(machines.ideal, ERRORS, 7, 5)
    assert np.array_equal(closed_orbits(few.lattice), closed_orbits(machines.lattice)[:5])


def test_series_are_about_the_same_orbit(machines: Imperfect) -> None:
    particle = machines.ideal.particle
    assert particle is not None
    series = step_series(machines.lattice, particle, fringe="full", order=1)
    assert series.orbit == pytest.approx(closed_orbits(machines.lattice), abs=1e-15)


@pytest.mark.parametrize("order", [1, 2])
def test_series_side_by_side_are_those_of_each_lattice_to_the_last_bit(machines: Imperfect, order: int) -> None:
    """First and last of a group of lanes, of a block, and of a group that is not whole."""
    particle = machines.ideal.particle
    assert particle is not None
    many = step_series(machines.lattice, particle, fringe="full", order=order)
    steps = len(many.plan.sequence)
    for machine in (0, LANES - 1, LANES, BLOCK - 1, BLOCK, MACHINES - 1):
        alone = machines.one(machine).lattice
        begin = many.orbit[machine, 0]
        own = step_series(alone, particle, fringe="full", order=order, start=begin)
        rows = many.series[machine * steps : (machine + 1) * steps]
        assert np.array_equal(rows, own.series[own.first]), machine
        assert np.array_equal(many.orbit[machine], own.orbit[0])


def test_an_orbit_that_is_known_is_not_another(machines: Imperfect) -> None:
    """Optics is the same to the last bit whether orbits are found again or given.

    An ensemble finds its own in magnets cut in two: they close to 1e-13 m, of which 1e-10 of beta remains.
    """
    particle, begins = machines.ideal.particle, closed_orbits(machines.lattice)[:, 0]
    assert particle is not None
    found, given = ensemble(machines), ensemble(machines, orbit=begins)
    pd.testing.assert_frame_equal(found.table, given.table, rtol=1e-9, atol=1e-12)
    again, before = twiss_about(machines.lattice, particle, begins), twiss(machines.lattice)
    assert np.array_equal(again["betx"], before["betx"])
    assert np.array_equal(again.dqx, before.dqx)


def test_a_lattice_without_an_orbit_is_nan_and_the_others_have_theirs() -> None:
    """Two cells whose quadrupoles are displaced; the second is on an integer tune, the third overfocuses."""
    ring = Lattice(
        "cells",
        elements=[
            Quadrupole("qf", length=0.3, k1="kf"),
            Drift("d", length=1.0),
            Bend("b", length=1.0, angle=np.pi / 4),
            Quadrupole("qd", length=0.3, k1="kd"),
            Drift("e", length=1.0),
        ],
        parameters={"kf": 1.0, "kd": -1.0},
        particle=ReferenceParticle("proton", kinetic_energy_per_u=60e6),
    )
    ring = Lattice(
        "ring",
        elements=[e for _ in range(8) for e in ring.elements],
        parameters={"kf": 1.0, "kd": -1.0},
        particle=ring.particle,
    )
    moved = draw_errors(ring, MagnetErrors(magnets="qf", dx=1e-3), 3).lattice
    many = moved.with_parameters(kf=np.array([1.0, 400.0, 1.1]))
    found = closed_orbits(many)
    assert np.isfinite(found[[0, 2]]).all()
    assert np.isnan(found[1, :, :4]).all()
    for place, kf in ((0, 1.0), (2, 1.1)):
        assert found[place] == pytest.approx(closed_orbits(moved.with_parameters(kf=kf))[0], abs=2e-13)


def test_rings_on_their_reference_orbit_have_the_axis() -> None:
    """Exactly zero, without a search."""
    ring = ring_named("cnao").lattice().with_parameters(kf=np.array([0.29, 0.291]))
    assert not closed_orbits(ring).any()
