"""The last three turns of extracted particles: where they are, what room they have, how far they reach."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from extraction import Septum
from extraction.resonance.last_turns import LastTurns, last_turns
from lattice import InputError, Lattice, MagneticSeptum
from lattice.element import Aperture
from optics import twiss
from tests.extraction_rings import SEPTUM, reference, solved, xsuite_turn

TUNE, WIRES, GAP = 1.664, 0.035, 0.02


@cache
def followed() -> LastTurns:
    ring = reference(TUNE)
    wall = next(element.name for element in ring.elements if isinstance(element, MagneticSeptum))
    septum = Septum(at=SEPTUM, position=WIRES, gap=GAP, magnetic_at=wall)
    return last_turns(ring, twiss(ring), septum, [(0.0, solved(TUNE).arm(WIRES))])


def test_the_particle_goes_where_the_other_engine_takes_it() -> None:
    """From the wires turn by turn; Xsuite's sextupoles in 30 kicks, its quadrupoles as ours: 1e-5 of the position."""
    table = followed().table
    at_septum = table[table["element"] == SEPTUM].groupby("turn")["x"].first().to_numpy()
    start = np.array([[*solved(TUNE).arm(WIRES).after[0]]])
    theirs = [WIRES, *(xsuite_turn(TUNE)(start, turns)[0, 0] for turns in (1, 2))]
    assert at_septum == pytest.approx(theirs, rel=1e-5)


def test_three_turns_later_it_is_as_far_beyond_the_wires_as_the_arm_says() -> None:
    """The room that is left to the cathode is the gap less the spiral step."""
    arm = solved(TUNE).arm(WIRES)
    assert followed().into_gap == pytest.approx(GAP - arm.spiral_step, abs=1e-12)
    assert followed().table["x"].iloc[-1] == pytest.approx(arm.after[3, 0], abs=1e-9)


def test_the_room_is_the_distance_to_the_nearer_side_of_an_opening_that_is_off_the_axis() -> None:
    """An opening from -38 to 42 mm: to the particle at 35 mm on the wires it leaves 7 mm, at -20 mm 18."""
    ring = reference(TUNE)
    place = ring.index(SEPTUM)
    elements = [replace(element, aperture=None) for element in ring.elements]
    elements[place] = replace(elements[place], aperture=Aperture("rectangle", 0.04, 0.03, offset_x=2e-3))
    narrow = Lattice(ring.name, elements=elements, parameters=dict(ring.parameters), particle=ring.particle)
    found = last_turns(narrow, twiss(narrow), Septum(at=SEPTUM, position=WIRES), [(0.0, solved(TUNE).arm(WIRES))])
    rows = found.table[found.table["element"] == SEPTUM]
    assert rows["room"].to_numpy() == pytest.approx(np.minimum(rows["x"] + 0.038, 0.042 - rows["x"]), abs=1e-15)
    assert rows["room"].iloc[0] == pytest.approx(7e-3, abs=1e-9)
    assert found.nearest["element"] == SEPTUM
    assert found.table["room"].notna().sum() == len(rows) == 6  # two ends in three turns
    assert (np.isnan(found.wall), found.into_gap) == (True, np.inf)


def test_the_wall_is_the_farthest_that_comes_to_the_magnetic_septum() -> None:
    found, ring = followed(), reference(TUNE)
    wall = next(element.name for element in ring.elements if isinstance(element, MagneticSeptum))
    entrances = found.table[found.table["element"] == wall].iloc[::2]["x"]
    assert found.wall == entrances.max()
    assert len(entrances) == 3


def test_a_ring_without_apertures_says_so() -> None:
    ring = reference(TUNE)
    bare = Lattice(
        ring.name,
        elements=[replace(element, aperture=None) for element in ring.elements],
        parameters=dict(ring.parameters),
        particle=ring.particle,
    )
    found = last_turns(bare, twiss(bare), Septum(at=SEPTUM, position=WIRES), [(0.0, solved(TUNE).arm(WIRES))])
    with pytest.raises(InputError, match="no element has an aperture"):
        _ = found.nearest
