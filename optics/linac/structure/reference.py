"""The reference particle's way along a linac."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics.closed import closed
from optics.compiled import compiled
from optics.linac.line import BLOCK, CT, GAP, Line, W, drift_step, line_of, step, velocity
from optics.linac.structure.linac import Linac, Tank


@closed
@dataclass(frozen=True)
class Reference:
    """The reference particle at the entrance of every row, and at the end: ``ct`` [m] and ``w`` = kinetic / (m c^2).

    Both (rows + 1,). On axis and without the errors of alignment.
    """

    ct: Array
    w: Array

    @property
    def momentum(self) -> Array:
        """beta gamma."""
        return np.asarray(np.sqrt(self.w * (self.w + 2.0)))


def reference_of(linac: Linac, line: Line | None = None) -> Reference:
    """Follow the reference particle.

    Raises InputError naming a tank that has no RF phase yet or whose transit-time factor does not reach the particle's
    velocity, NoSolution one that stops it.
    """
    line = line_of(linac) if line is None else line
    ct, w = (
        np.zeros(len(line.kind) + 1),
        np.full(len(line.kind) + 1, linac.particle.kinetic_energy / linac.particle.mass),
    )
    follow(line, 0, len(line.kind), ct, w)
    _check(linac, line, w)
    return Reference(ct, w)


@compiled
def follow(line: Line, first: int, last: int, ct: Array, w: Array) -> None:
    """Fill ``ct`` and ``w`` behind each row from ``first`` to ``last``; nan where a gap cannot take the particle."""
    z = np.zeros(6 * BLOCK)
    z[CT], z[W] = ct[first], w[first]
    for row in range(first, last):
        if line.kind[row] == GAP and line.volt[row] != 0.0 and not abs(velocity(line, row, z[W])) <= 1.0:
            z[W] = np.nan
        if line.kind[row] == GAP:
            step(line, row, z, 1)
        else:
            drift_step(line.length[row], z, 1)
        ct[row + 1], w[row + 1] = z[CT], z[W]


def _check(linac: Linac, line: Line, w: Array) -> None:
    lost = np.flatnonzero(np.isnan(w))
    if not len(lost):
        return
    row = lost[0] - 1
    tank = linac.pieces[line.piece[row]]
    if isinstance(tank, Tank) and tank.rf_phase is None:
        raise InputError(f"Tank '{tank.name}' has no RF phase yet: run the design pass first")
    raise outside(linac, tank, float(beta_of(w[row]))) if isinstance(tank, Tank) else _stopped(linac, tank.name)


def _stopped(linac: Linac, name: str) -> NoSolution:
    return NoSolution(f"linac '{linac.name}': the reference particle is stopped before '{name}'")


def beta_of(w: Any) -> Any:
    """Velocity over c of a particle of kinetic energy ``w`` m c^2."""
    return np.sqrt(w * (w + 2.0)) / (1.0 + w)


def energy_of(beta: float, particle: ReferenceParticle) -> float:
    """Kinetic energy [eV] of a particle of velocity ``beta`` c."""
    return float(particle.mass * (1.0 / np.sqrt(1.0 - beta * beta) - 1.0)) if beta < 1.0 else float("inf")


def outside(linac: Linac, tank: Tank, beta: float) -> InputError:
    """The error for a velocity that a tank's transit-time factor does not reach."""
    low, high = (energy_of(b, linac.particle) for b in tank.betas)
    return InputError(
        f"Tank '{tank.name}': its transit-time factor '{tank.cell.name}' is known from {low / 1e6:.4g} to "
        f"{high / 1e6:.4g} MeV, but the particle arrives with {energy_of(beta, linac.particle) / 1e6:.4g} MeV: "
        "give a factor that reaches further, or another cell length"
    )
