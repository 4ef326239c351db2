"""The design pass: every tank's RF phase from its synchronous phase, by the reference particle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import brentq

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from optics.compiled import compiled
from optics.linac.line import BLOCK, CT, Line, W, line_of, step
from optics.linac.structure.linac import MODES, Linac, Tank
from optics.linac.structure.reference import beta_of, energy_of, follow, outside

#: The best gain of a tank over that of a synchronous particle, below which its cells do not match the beam.
MATCHED = 0.8
_COMPLEX_STEP = 1e-30


def design_pass(linac: Linac) -> Linac:
    """Set the RF phase of every tank, in order, from its synchronous phase.

    The synchronous phase is measured from the phase at which the tank, as a whole, gives the reference particle most
    energy; inside the tank the phase is carried from cell to cell. Raises InputError naming a tank without field,
    one whose cells do not match the particle's velocity, or whose transit-time factor does not reach it.
    """
    line = line_of(linac.with_pieces(replace(tank, rf_phase=0.0) for tank in linac.tanks))
    ct, w = np.zeros(len(line.kind) + 1), np.zeros(len(line.kind) + 1)
    w[0] = linac.particle.kinetic_energy / linac.particle.mass
    tanks = []
    for number, piece in enumerate(linac.pieces):
        first, last = (int(row) for row in np.searchsorted(line.piece, [number, number + 1]))
        if isinstance(piece, Tank):
            crest = _crest(linac, line, piece, (first, last), float(ct[first]), float(w[first]))
            tanks.append(replace(piece, rf_phase=crest + piece.synchronous_phase))
            line.phase[first:last] += crest + piece.synchronous_phase
        follow(line, first, last, ct, w)
    return linac.with_pieces(tanks)


def matched_energies(tank: Tank, particle: ReferenceParticle) -> tuple[float, float]:
    """Kinetic energies [eV], lowest and highest, at which a tank gives a particle most of what it is built for.

    Most: the share MATCHED of the synchronous gain, from T(q) sin(n slip/2) / (n sin(slip/2)) at constant velocity.
    """
    low, high = tank.betas
    beta = np.linspace(low, min(high, 0.99999), 4001)
    q = tank.wavenumber * tank.cell_length / beta
    slip = 0.5 * (q - 2.0 * np.pi * MODES[tank.mode][1])
    sine = tank.cells * np.sin(slip)
    row = np.where(np.abs(sine) < 1e-12, 1.0, np.sin(tank.cells * slip) / np.where(sine == 0, 1.0, sine))
    good = np.abs(tank.cell(np.clip(q, tank.cell.low, tank.cell.high)) * row) >= MATCHED * abs(tank.synchronous_factor)
    near = good & (np.abs(beta / tank.beta - 1.0) < 0.5)
    if not near.any():
        raise InputError(f"Tank '{tank.name}': at no velocity does it give a particle what it is built for")
    return energy_of(float(beta[near][0]), particle), energy_of(float(beta[near][-1]), particle)


def _crest(linac: Linac, line: Line, tank: Tank, rows: tuple[int, int], ct: float, w: float) -> float:
    """The RF phase [rad] at which the tank gives most energy to a particle that arrives at ``ct`` with ``w``."""
    if tank.e0 == 0.0:
        raise InputError(
            f"Tank '{tank.name}' has no field in the design pass: design with all units on, then switch them "
            "off with with_units(amplitude={...: 0})"
        )
    if not tank.betas[0] <= beta_of(w) <= tank.betas[1]:
        raise outside(linac, tank, float(beta_of(w)))
    phases = 2.0 * np.pi * np.arange(BLOCK) / BLOCK
    gains = _exit_energies(line, *rows, ct + phases / tank.wavenumber, w) - w
    best = int(np.nanargmax(np.where(np.isnan(gains), -np.inf, gains)))
    _check_matched(linac, tank, float(gains[best]) * linac.particle.mass, w)

    def slope(phase: float) -> float:
        arrival = np.array([ct + (phase + 1j * _COMPLEX_STEP) / tank.wavenumber])
        return float(_exit_energies(line, *rows, arrival, complex(w))[0].imag / _COMPLEX_STEP)

    reach = 2.0 * np.pi / BLOCK
    return float(brentq(slope, phases[best] - reach, phases[best] + reach, xtol=1e-14))


def _check_matched(linac: Linac, tank: Tank, gain: float, w: float) -> None:
    wanted = abs(linac.particle.charge * tank.e0t) * tank.length
    if gain >= MATCHED * wanted:
        return
    low, high = matched_energies(tank, linac.particle)
    raise InputError(
        f"Tank '{tank.name}': its cells do not match the beam. They are built for beta = {tank.beta:.4f} "
        f"({energy_of(tank.beta, linac.particle) / 1e6:.4g} MeV) and the particle arrives with "
        f"{w * linac.particle.mass / 1e6:.4g} MeV, so that the tank gives {max(gain, 0.0) / 1e6:.3g} of "
        f"{wanted / 1e6:.3g} MeV; it serves {low / 1e6:.4g} to {high / 1e6:.4g} MeV: change the cells' length or "
        "what comes before"
    )


@compiled
def _exit_energies(line: Line, first: int, last: int, ct: Array, w: Any) -> Any:
    """Kinetic energies behind the rows of particles that arrive on axis at the times ``ct`` (BLOCK at most)."""
    z = np.zeros(6 * BLOCK, dtype=ct.dtype)
    count = len(ct)
    z[CT : CT + count] = ct
    z[W : W + count] = w
    for row in range(first, last):
        step(line, row, z, count)
    return z[W : W + count].copy()
