"""What is left when a klystron trips: its unit is off, the units behind it are phased anew for the slower beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from lattice import InputError
from lattice.arrays import Array
from optics.closed import closed
from optics.linac.line import Line, line_of
from optics.linac.structure.linac import Linac
from optics.linac.structure.reference import follow
from optics.linac.switching.energies import by_unit, driven, stages

_PHASES = 24


@closed
@dataclass(frozen=True)
class Recovery:
    """Without ``unit``: the top ``energy`` [eV], and ``amplitudes`` and ``phases`` [rad] (units,) that give it.

    ``untouched`` [eV]: the highest energy that needs neither the unit nor a new phase.
    """

    unit: str
    untouched: float
    energy: float
    amplitudes: Array
    phases: Array

    def applied(self, linac: Linac) -> Linac:
        """The linac without the unit, the others set so."""
        return linac.with_units(by_unit(linac, self.amplitudes), by_unit(linac, self.phases))


def recovery(linac: Linac, unit: str) -> Recovery:
    """Units behind ``unit`` set their own synchronous phase away from the phase at which each gives most energy.

    The synchronous phase of a unit is that of its first tank. A unit that gives nothing so stays off. Raises InputError
    for an unknown unit.
    """
    if unit not in linac.units:
        raise InputError(f"linac '{linac.name}' has no unit '{unit}'")
    number, count = linac.units.index(unit), len(linac.units)
    line, synchronous = line_of(linac), _synchronous_phases(linac)
    amplitudes, phases = (np.arange(count) < number).astype(float), np.zeros(count)
    untouched = float(stages(linac)[number])
    energy = untouched
    for later in range(number + 1, count):
        amplitudes[later] = 1.0
        phases[later] = _crest(line, linac, amplitudes, phases, later) + synchronous[later]
        gained = _energy(line, linac, amplitudes, phases)
        if not gained > energy:
            amplitudes[later], phases[later] = 0.0, 0.0
        energy = max(energy, gained) if np.isfinite(gained) else energy
    return Recovery(unit, untouched, energy, amplitudes, phases)


def _synchronous_phases(linac: Linac) -> list[float]:
    """Synchronous phase [rad] of the first tank of every unit."""
    return [next(tank for tank in linac.tanks if tank.unit == unit).synchronous_phase for unit in linac.units]


def _crest(line: Line, linac: Linac, amplitudes: Array, phases: Array, unit: int) -> float:
    """Phase [rad] of a unit, from the designed one, that gives most energy."""

    def loss(phase: float) -> float:
        turned = phases.copy()
        turned[unit] = phase
        energy = _energy(line, linac, amplitudes, turned)
        return -energy if np.isfinite(energy) else 0.0

    grid = 2.0 * np.pi * np.arange(_PHASES) / _PHASES
    best = float(grid[int(np.argmin([loss(float(phase)) for phase in grid]))])
    step = float(grid[1])
    return float(minimize_scalar(loss, bounds=(best - step, best + step), method="bounded").x)


def _energy(line: Line, linac: Linac, amplitudes: Array, phases: Array) -> float:
    """Kinetic energy [eV] of the reference particle at the end; nan where it is stopped."""
    ct, w = np.zeros(len(line.kind) + 1), np.zeros(len(line.kind) + 1)
    w[0] = linac.particle.kinetic_energy / linac.particle.mass
    follow(driven(line, linac, amplitudes, phases), 0, len(line.kind), ct, w)
    return float(w[-1] * linac.particle.mass)
