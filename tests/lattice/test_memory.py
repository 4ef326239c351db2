"""A frozen value may remember what was computed of it: nobody can tell, and no other value hears of it."""

from __future__ import annotations

import pickle

import pytest

from lattice import Drift, Lattice, Quadrupole, ReferenceParticle
from lattice.memory import Kept, Memory

SQUARES = Kept[int, int]("squares", at_most=2)
CUBES = Kept[int, int]("cubes")
CELL = (Quadrupole("qf", length=0.3, k1="kf"), Drift("d", length="gap"))


def cell() -> Lattice:
    return Lattice("cell", elements=CELL, parameters={"kf": 1.0, "gap": 2.0})


def test_a_result_is_computed_once() -> None:
    memory, asked = Memory(), []
    for _ in range(3):
        assert memory.once(SQUARES, 3, lambda: asked.append(3) or 9) == 9  # type: ignore[func-returns-value]
    assert asked == [3]


def test_kinds_with_equal_keys_do_not_meet() -> None:
    memory = Memory()
    memory.keep(SQUARES, 3, 9)
    assert memory.once(CUBES, 3, lambda: 27) == 27
    assert memory.of(SQUARES) == {3: 9}


def test_the_oldest_result_goes_first() -> None:
    memory = Memory()
    for number in (1, 2, 1, 3):
        memory.keep(SQUARES, number, number**2)
    assert memory.of(SQUARES) == {2: 4, 3: 9}


def test_what_is_remembered_is_left_behind_when_a_value_travels() -> None:
    ring = cell()
    ring.memory.keep(SQUARES, 3, 9)
    there = pickle.loads(pickle.dumps(ring))
    assert there.memory.of(SQUARES) == {}
    assert list(there.s) == list(ring.s)


def test_a_lattice_shares_its_memory_with_other_parameters_and_particles_only() -> None:
    ring = cell()
    assert ring.with_parameters(kf=2.0).memory is ring.memory
    assert ring.with_particle(ReferenceParticle("proton", kinetic_energy_per_u=60e6)).memory is ring.memory
    assert cell().memory is not ring.memory  # equal elements, another lattice


@pytest.mark.parametrize("order", [(2.0, 3.0), (3.0, 2.0)])
def test_a_length_that_is_a_parameter_is_not_shared(order: tuple[float, ...]) -> None:
    ring = cell()
    assert [float(ring.with_parameters(gap=gap).length) for gap in order] == [0.3 + gap for gap in order]
    assert ring.length == 2.3


def test_positions_are_closed_to_writing() -> None:
    fixed = Lattice("fixed", elements=[Drift("d", length=1.0)])
    for ring in (cell(), fixed):
        with pytest.raises(ValueError, match="read-only"):
            ring.s[0] = 1.0
