"""The last three turns of extracted particles: where they are, what room they have, how far they reach."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from extraction import Septum
from extraction.resonance.last_turns import LastTurns, last_turns
from lattice import Bend, Drift, ElectrostaticSeptum, InputError, Lattice, MagneticSeptum, Quadrupole, Sextupole
from lattice.arrays import Array
from lattice.element import Aperture
from optics import twiss
from optics.engines.xsuite.passages import xsuite_passage
from tests.extraction_rings import PROTON, SEPTUM, reference, solved, xsuite_turn

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
    """The room that is left to the cathode, a gap behind the wires' outer face: both less the step."""
    arm = solved(TUNE).arm(WIRES)
    assert followed().into_gap == pytest.approx(1e-4 + GAP - arm.spiral_step, abs=1e-12)
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
    assert (found.at_wall.size, found.into_gap) == (0, np.inf)


#: Bends, a strong sextupole, an electrostatic septum in the middle and a magnetic one before it: the way goes round.
SMALL = Lattice(
    "small",
    elements=[
        Bend("b", length=0.5, angle=0.2),
        MagneticSeptum("ms", length=0.3),
        Quadrupole("qf", length=0.2, k1=1.1, aperture=Aperture("rectangle", 0.05, 0.03, offset_x=3e-3)),
        ElectrostaticSeptum("es", length=0.4, position=-0.02),
        Sextupole("s", length=0.2, k2=8.0),
        Drift("d", length=0.7),
        Quadrupole("qd", length=0.2, k1=-1.0, aperture=Aperture("rectangle", 0.04, 0.03)),
    ],
    particle=PROTON,
)
#: Momentum, x, px at wires on the left, x three turns later as an arm would say.
STARTS = ((-1e-3, -0.02, -1e-3, -0.026), (2e-3, -0.02, 2e-3, -0.024))


@cache
def by_xsuite() -> Array:
    """x (3 turns, 7 elements from the septum on, entrance and end, particles) by the other engine."""
    maps = [xsuite_passage(SMALL, PROTON, "full", i % 7, i % 7 + 1) for i in range(3, 10)]
    state, passed = np.array([[x, px, 0.0, 0.0, 0.0, delta] for delta, x, px, _ in STARTS]), []
    for one in maps * 3:
        after = one(state, 1)
        passed.append(np.stack([state[:, 0], after[:, 0]]))
        state = after
    return np.stack(passed).reshape(3, 7, 2, 2)


@cache
def in_the_small_ring() -> LastTurns:
    """Arms of which the first and the last point alone are looked at."""
    septum = Septum(at="es", position=-0.02, thickness=3e-4, gap=0.015, magnetic_at="ms")
    arms = [
        (delta, SimpleNamespace(after=np.array([[x, px, 0, 0], *[[0, 0, 0, 0]] * 2, [end, 0, 0, 0]])))
        for delta, x, px, end in STARTS
    ]
    start = {"betx": 2.0, "bety": 2.0}
    return last_turns(SMALL, twiss(SMALL, PROTON, start=start), septum, cast(Any, arms))


def test_every_end_of_every_element_in_three_turns_as_the_other_engine_has_it() -> None:
    """Momentum, turn, element, place, position and room of each row; Xsuite's five kicks a sextupole miss 1e-6 m."""
    table, x = in_the_small_ring().table, by_xsuite()
    assert table["x"].to_numpy() == pytest.approx(x.ravel(), abs=2e-6)
    assert np.ptp(x) > 0.025  # far beyond linear motion
    order = [3, 4, 5, 6, 0, 1, 2]
    rows = list(product((1, 2, 3), order, (0, 1), (-1e-3, 2e-3)))
    assert list(table["turn"]) == [turn for turn, *_ in rows]
    assert list(table["element"]) == [SMALL.names[i] for _, i, *_ in rows]
    assert list(table["s"]) == [SMALL.s[i + end] for _, i, end, _ in rows]
    assert list(table["delta"]) == [delta for *_, delta in rows]
    low, high = {2: -0.047, 6: -0.04}, {2: 0.053, 6: 0.04}
    rooms = [
        min(a - low[i], high[i] - a) if i in low else np.nan for a, (_, i, *_) in zip(table["x"], rows, strict=True)
    ]
    assert table["room"].to_numpy() == pytest.approx(np.array(rooms), abs=1e-12, nan_ok=True)


def test_what_comes_to_the_wall_and_to_the_cathode() -> None:
    """At the entrance of the magnetic septum, sixth of the round, both particles thrice; 15.3 mm less 6 mm of step."""
    found = in_the_small_ring()
    assert found.at_wall == pytest.approx(by_xsuite()[:, 5, 0].ravel(), abs=2e-6)
    assert found.into_gap == pytest.approx(0.0153 - 0.006, abs=1e-12)
    nearest = found.table["room"].min()
    assert found.nearest["room"] == nearest


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
