"""Turns in the midplane and as polynomials: the maps themselves to rounding, and refused where they are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from benchmarks.problems.compact import compact_ring
from lattice import Kicker, Lattice, Quadrupole, ReferenceParticle
from lattice.arrays import Array
from machines.cnao_like import cnao, pimms
from optics.maps.fitted import fitted
from optics.maps.lattices.turns import turns
from optics.maps.midplane import in_midplane, reduced
from optics.maps.steps import program
from optics.maps.turn import Turn, periodic_point
from tests.optics.test_maps import CASES

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
DELTA = -1.3e-3
RINGS: dict[str, Callable[[], Lattice]] = {
    "cnao": cnao,
    "pimms": lambda: pimms().with_parameters(xrr_a=8.0),
    "compact": lambda: compact_ring(-1e-3),
}
EVERY_RING = pytest.mark.parametrize("name", sorted(RINGS))


@cache
def turn_of(name: str) -> Turn:
    ring = RINGS[name]()
    return turns(ring, ring.particle or PROTON, "full")[0].shortened()


@cache
def flat(name: str) -> Turn:
    found = in_midplane(turn_of(name), DELTA)
    assert found is not None
    return found


def states(count: int, size: float = 0.03) -> Array:
    """Particles in the midplane, up to ``size`` [m] and a tenth of it in px."""
    found = np.zeros((count, 6))
    found[:, :2] = np.random.default_rng(5).uniform(-1, 1, (count, 2)) * (size, size / 10)
    found[:, 5] = DELTA
    return found


# ---------------------------------------------------------------------------------------------- the midplane


@EVERY_RING
def test_a_turn_in_the_midplane_is_the_turn(name: str) -> None:
    # The same operations on the same numbers: no digit differs
    start = states(50)
    np.testing.assert_array_equal(flat(name).track(start)[:, :4], turn_of(name).track(start)[:, :4])


@EVERY_RING
def test_its_derivatives_are_the_turns(name: str) -> None:
    point = states(3)[2]
    (end, matrix), (whole_end, whole) = flat(name).jacobian(point), turn_of(name).jacobian(point)
    np.testing.assert_array_equal(end[:4], whole_end[:4])
    np.testing.assert_allclose(matrix[:2, :2], whole[:2, :2], rtol=0, atol=1e-13)  # sums of products in other orders
    direction = np.array([1.0, 0.2, 0.0, 0.0, 0.0, 0.0])
    curved, expected = (one.second_derivative(point, direction, 3)[:2] for one in (flat(name), turn_of(name)))
    np.testing.assert_allclose(curved, expected, rtol=1e-12)


def test_it_is_made_of_a_quarter_of_the_operations() -> None:
    # Nothing that a momentum decides, nothing of y and of the time of flight is left
    counts = [
        sum(int(one.bank.arrays[0][index + 1] - one.bank.arrays[0][index]) for index in one.programs)
        for one in (turn_of("cnao"), flat("cnao"))
    ]
    assert counts[1] < 0.3 * counts[0]


@pytest.mark.parametrize("element", CASES, ids=lambda element: element.name)
def test_every_element_keeps_the_midplane_or_is_said_to_leave_it(element: object) -> None:
    """Elements that couple, or bend upwards, have no map of (x, px) alone; all others have, and it is the same map."""
    line = Lattice("one", elements=[element], particle=PROTON)  # type: ignore[list-item]
    whole = turns(line, PROTON, "full")[0]
    found, start = in_midplane(whole, DELTA), states(20)
    if not len(whole.programs):
        return
    end = whole.track(start)
    assert (found is not None) == bool(np.all(end[:, 2:4] == 0.0))
    if found is not None:
        np.testing.assert_array_equal(found.track(start)[:, :2], end[:, :2])


def test_a_ring_that_bends_upwards_has_no_midplane() -> None:
    kicked = Lattice("kicked", elements=[Quadrupole("q", length=0.3, k1=0.5), Kicker("k", length=0.2, vkick=1e-4)])
    assert in_midplane(turns(kicked, PROTON, "full")[0], 0.0) is None


def test_a_known_zero_falls_away_with_all_that_it_multiplies() -> None:
    # A skew quadrupole without skew gradient is a quadrupole: kicks of nothing are gone
    strong, weak = reduced("skew_quadrupole", frozenset()), reduced("skew_quadrupole", frozenset({2}))
    assert strong is None  # it couples
    assert weak is not None
    assert len(weak.program.operations) < 0.2 * len(program("skew_quadrupole").operations)


def test_periodic_points_of_one_plane_are_those_of_two() -> None:
    whole = periodic_point(turn_of("cnao").jacobian, states(1, 1e-3)[0], 1)
    np.testing.assert_allclose(
        periodic_point(flat("cnao").jacobian, states(1, 1e-3)[0], 1, 1)[:4], whole[:4], atol=1e-14
    )


# ---------------------------------------------------------------------------------------------- polynomials


def one_turn(name: str, points: Array) -> Array:
    start = np.zeros((len(points), 6))
    start[:, :2], start[:, 5] = points, DELTA
    return flat(name).track(start)[:, :2]


@EVERY_RING
def test_turns_of_the_polynomial_are_those_of_the_maps(name: str) -> None:
    """Particles that grow from 1 mm towards the wires: rounding of the maps, 1e-14 m a turn, is all that is between."""
    found = fitted(lambda points: one_turn(name, points), np.zeros(2), np.diag([0.04, 0.02]))
    assert found is not None
    point = 1e-3 * states(8, 1.0)[:, :2]
    done = found.iterates(point, 80)
    assert done.shape == (80, 8, 2)
    for ours in done:
        point = one_turn(name, point)
        np.testing.assert_allclose(ours, point, rtol=0, atol=1e-12)


def test_it_says_where_the_box_ends() -> None:
    found = fitted(lambda points: 1.5 * points, np.zeros(2), np.eye(2))
    assert found is not None
    done = found.iterates(np.array([[0.2, -0.1], [0.4, 0.1]]), 50)
    # 0.4 x 1.5^2 = 0.9 is inside, its image 1.35 is not: it is still given, and is the last
    np.testing.assert_allclose(done[:, 1, 0], [0.6, 0.9, 1.35], rtol=1e-14)
    assert len(found.iterates(np.array([[1.2, 0.0]]), 5)) == 0


def test_what_is_no_polynomial_is_not_made_one() -> None:
    assert fitted(np.abs, np.zeros(2), np.eye(2)) is None  # a corner
    assert fitted(lambda points: np.sqrt(points - 0.5), np.zeros(2), np.eye(2)) is None  # not a number in places
    assert fitted(lambda points: np.sin(60 * points), np.zeros(2), np.eye(2)) is None  # too many waves
