"""One turn of each lattice of a batch, and the passage through a part of one."""

from __future__ import annotations

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.lattices.arguments import Arguments, arguments_of_each, step_arguments
from optics.maps.lattices.checked import checked_fringe
from optics.maps.plan import Plan, make_plan
from optics.maps.steps import Setting
from optics.maps.turn import Turn


def turns(
    lattice: Lattice, particle: ReferenceParticle, fringe: str, *, slices: int = 1, first_element: int = 0
) -> list[Turn]:
    """One Turn for each lattice of a batch (one for a single lattice), starting at the entrance of an element."""
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    arguments = step_arguments(lattice, Setting(particle, fringe), plan)
    first_step = plan.rows[np.searchsorted(plan.row_element, first_element)]
    return _turns(lattice, plan, arguments, particle.beta, np.roll(plan.sequence, -int(first_step)))


def passage(lattice: Lattice, particle: ReferenceParticle, fringe: str, first: int, last: int) -> Turn:
    """The maps of elements ``first`` to ``last`` (not included; beyond the end it goes on from the beginning)."""
    plan = make_plan(lattice, particle, checked_fringe(fringe))
    turn = turns(lattice, particle, fringe, first_element=first % len(lattice))[0]
    counts = np.diff(plan.rows)
    steps = int(sum(counts[i % len(lattice)] for i in range(first, last)))
    return Turn(turn.bank, turn.programs[:steps], turn.arguments[:steps], lattice.name)


def _turns(lattice: Lattice, plan: Plan, arguments: list[Arguments], beta0: float, sequence: Array) -> list[Turn]:
    programs = plan.program_index[sequence]
    every = arguments_of_each(lattice, plan, arguments, beta0)
    return [Turn(plan.bank, programs, one[sequence], lattice.name) for one in every]
