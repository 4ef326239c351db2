"""Where the closed orbits of a batch of lattices begin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lattice import Lattice, UnstableOptics
from lattice.arrays import Array
from optics.maps.lattices.arguments import columns
from optics.maps.orbits import blocks, closed_orbits
from optics.maps.plan import Plan
from optics.maps.recording import N_COORDINATES
from optics.maps.turn import Turn


def orbit_begins(lattice: Lattice, plan: Plan, every: Array, delta: complex, start: Array | None) -> Array:
    """Where the orbit of each lattice begins: (batch, 6)."""
    if start is not None:
        return np.broadcast_to(start, (len(every), N_COORDINATES))
    if np.iscomplexobj(every) or np.iscomplexobj(delta):
        programs = plan.program_index[plan.sequence]
        turns = (Turn(plan.bank, programs, one[plan.sequence], lattice.name) for one in every)
        return np.stack([_closed_orbit(lattice, turn, delta) for turn in turns])
    return np.concatenate([found for _, found in closed_starts(lattice, plan, every, delta)])


def closed_starts(lattice: Lattice, plan: Plan, every: Array, delta: complex) -> Iterator[tuple[slice, Array]]:
    """Blocks of lattices and where their closed orbits begin, (n, 6)."""
    programs = plan.program_index[plan.sequence]
    for block in blocks(len(every)):
        found = np.full((block.stop - block.start, N_COORDINATES), np.nan)
        if len(every) > 1:
            found = closed_orbits(plan.bank, programs, columns(every[block], plan), delta.real)
        for i in np.flatnonzero(np.isnan(found[:, 0])):
            turn = Turn(plan.bank, programs, every[block.start + i][plan.sequence], lattice.name)
            found[i] = _closed_orbit(lattice, turn, delta)
        yield block, found


def _closed_orbit(lattice: Lattice, turn: Turn, delta: complex) -> Array:
    try:
        return turn.closed_orbit(delta)
    except UnstableOptics:
        if lattice.batch is None:
            raise
        return np.full(N_COORDINATES, np.nan)
