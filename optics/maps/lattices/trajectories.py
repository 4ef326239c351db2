"""Orbits and trajectories of batches of lattices, row by row, without series about them."""

from __future__ import annotations

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.maps.lattices.arguments import arguments_of_each, columns, step_arguments
from optics.maps.lattices.checked import checked_fringe
from optics.maps.lattices.closed import closed_starts
from optics.maps.lattices.series import about_orbit, about_reference
from optics.maps.orbits import blocks
from optics.maps.plan import make_plan
from optics.maps.recording import N_COORDINATES
from optics.maps.steps import Setting


def orbits(lattice: Lattice, particle: ReferenceParticle, *, fringe: str) -> Array:
    """Closed orbit (batch, rows, 6) at the entrance of each element and the end; nan where a lattice has none.

    Of one lattice without a closed orbit UnstableOptics.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), 1)
    arguments = step_arguments(lattice, Setting(particle, fringe), plan)
    shared = about_reference(lattice, plan, arguments, particle.beta, 1)
    if shared is not None:
        return shared.orbit
    every = arguments_of_each(lattice, plan, arguments, particle.beta)
    if np.iscomplexobj(every):
        return about_orbit(lattice, plan, arguments, particle.beta, 1, 0.0, None).orbit
    programs = plan.program_index[plan.sequence]
    found = [
        plan.bank.orbits_of_each(programs, columns(every[block], plan), start, plan.rows)
        for block, start in closed_starts(lattice, plan, every, 0.0)
    ]
    return np.concatenate(found)


def trajectories(
    lattice: Lattice,
    particle: ReferenceParticle,
    start: Array,
    *,
    fringe: str = "full",
    places: Array | None = None,
    slices: int = 1,
) -> Array:
    """Coordinates (n, rows, 6) at the entrance of each element and the end, or of ``places`` (rows,) alone.

    The nth particle of ``start`` ((n, 6), or (6,) for one) goes through the nth lattice of a batch, or all of them
    through one lattice; nothing is lost. With ``slices`` every part of a thick element has a row (``row_elements``).
    InputError for a batch of another length, and for complex parameters.
    """
    plan = make_plan(lattice, particle, checked_fringe(fringe), slices)
    every = arguments_of_each(lattice, plan, step_arguments(lattice, Setting(particle, fringe), plan), particle.beta)
    begin = np.atleast_2d(np.asarray(start, dtype=float))
    number = max(len(every), len(begin))
    if {len(every), len(begin)} - {1, number} or np.iscomplexobj(every):
        raise InputError(f"{len(begin)} trajectories do not belong to {len(every)} lattices of real parameters")
    every = np.broadcast_to(every, (number, *every.shape[1:]))
    begin = np.broadcast_to(begin, (number, N_COORDINATES))
    programs, rows = plan.program_index[plan.sequence], plan.rows if places is None else plan.rows[places]
    found = [
        plan.bank.orbits_of_each(programs, columns(every[block], plan), begin[block], rows) for block in blocks(number)
    ]
    return np.concatenate(found)


def row_elements(lattice: Lattice, particle: ReferenceParticle, slices: int, *, fringe: str = "full") -> Array:
    """The element that each row begins at, (rows,) without that of the end, every thick element in ``slices`` parts."""
    return make_plan(lattice, particle, checked_fringe(fringe), slices).row_element
