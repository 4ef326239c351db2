"""The beam that a linac delivers to a line: its bunch tracked at every energy, by the settings of its units."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lattice import InputError
from lattice.arrays import Array
from machines.registry import linac_named
from optics.linac.structure.lattices import lattice_of
from optics.linac.switching.bunches import arrived_at, bunches_at
from optics.linac.switching.settings import settings_for
from studies.delivery.entering.source import Source, at_its_own_momentum
from studies.delivery.resolution import ResolvedDelivery
from studies.runs.logs import LOGGER
from studies.runs.stages import steps

_UNCOUPLED = ((0, 1), (2, 3), (4, 5))  # what the mirrors of both planes leave
_ASSUMED = (
    "The bunch of every energy is tracked through the linac as designed, with the amplitude and phase of its last unit "
    "that leave the least energy spread; x, y and energy have nothing in common but by chance, which is left out of "
    "the moments. The bunch's length is not followed behind the linac."
)


def of_linac(resolved: ResolvedDelivery) -> Source:
    """Bunches at all energies and halfway between them. NoSolution for an energy out of reach, or that nothing has."""
    study, line = resolved.study, resolved.machine
    if line is None or not line.linac:
        raise InputError("source.kind: a linac delivers to a line that begins at one; this line does not")
    machine = linac_named(line.linac)
    energies = _with_halves([one.kinetic_energy for one in resolved.particles])
    start = machine.sample(study.source.particles, study.seed)
    LOGGER.info("%d particles of %s at %d energies", len(start), machine.name, len(energies))
    setting = settings_for(machine.linac, energies, start)
    ends = zip(bunches_at(machine.linac, setting, start), steps(energies, "energies"), strict=True)
    drawn = {energy: entering(arrived_at(end, energy).survivors) for end, energy in ends}
    middle = resolved.particles[len(resolved.particles) // 2]
    return Source(
        states=drawn[middle.kinetic_energy],
        particle=middle,
        told=f"{len(start)} particles tracked through {machine.title} at every energy",
        assumed=_ASSUMED,
        apart=_UNCOUPLED,
        drawn=drawn,
        before=lattice_of(machine.linac),
    )


def entering(states: Array) -> Array:
    """What arrives (n, 6) about its mean momentum, which the line is set for, and about no time: magnets know none."""
    found = at_its_own_momentum(states)
    found[:, 4] = 0.0
    return found


def _with_halves(energies: list[float]) -> list[float]:
    return sorted([*energies, *(halfway(a, b) for a, b in pairwise(energies))])


def halfway(lower: float, upper: float) -> float:
    """The energy [eV] between two of the table."""
    return float(np.mean([lower, upper]))
