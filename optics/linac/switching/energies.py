"""Switching energy: units off from the high-energy end, the last one scaled, everything else as it was designed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from lattice import InputError, NoSolution
from lattice.arrays import Array
from optics.linac.bunch import Bunch
from optics.linac.extremes import largest_fill
from optics.linac.line import Line, line_of
from optics.linac.structure.linac import Linac, Tank
from optics.linac.structure.reference import follow, reference_of
from optics.linac.transport import Transport, transport_of

_ENERGY_TOLERANCE = 1e-9  # of an amplitude: far below what a klystron holds


def driven(line: Line, linac: Linac, amplitude: Array, phase: Array | None = None) -> Line:
    """The rows with the units scaled by ``amplitude`` and turned by ``phase`` [rad], one number for each unit."""
    unit = unit_of_rows(line, linac)
    fed = unit >= 0
    volt, turned = line.volt.copy(), line.phase.copy()
    volt[fed] *= np.asarray(amplitude, dtype=float)[unit[fed]]
    if phase is not None:
        turned[fed] += np.asarray(phase, dtype=float)[unit[fed]]
    return line._replace(volt=volt, phase=turned)


def unit_of_rows(line: Line, linac: Linac) -> Array:
    """Number of the RF unit of every row, -1 where there is none."""
    number = {unit: i for i, unit in enumerate(linac.units)}
    of_piece = np.array([number[piece.unit] if isinstance(piece, Tank) else -1 for piece in linac.pieces])
    return np.asarray(of_piece[line.piece])


def stages(linac: Linac) -> Array:
    """Kinetic energies that a linac reaches with 0, 1, 2 ... of its RF units on, one after the other.

    Between the first and the last every energy has a setting (``amplitudes_for``).

    Equation:
        W = W0 + sum over the tanks that are on of q E0 T L cos(phi), cell by cell, by the reference particle.

    Returns:
        (units + 1,) [eV] of the whole particle, at the end.

    Raises:
        InputError: a tank without an RF phase, or at velocities that its transit time does not cover.
        NoSolution: the reference particle is stopped on its way.

    Source:
        T. P. Wangler, RF Linear Accelerators, Wiley-VCH 2008, section 2.2.

    Example:
        >>> from machines.registry import linac_named
        >>> print([round(float(energy) / 1e6, 2) for energy in stages(linac_named("linac").linac)[:5]])  # MeV
        [5.0, 9.69, 15.87, 25.59, 37.5]
    """
    line = line_of(linac)
    count = len(linac.units)
    return np.array([_end(line, linac, np.arange(count) < on) for on in range(count + 1)])


def amplitudes_for(linac: Linac, energies: Sequence[float] | Array) -> Array:
    """Amplitudes of the RF units that give each of the ``energies`` [eV of the whole particle] at the end of a linac.

    The first units at 1, one between 0 and 1, the rest off; RF phases and quadrupoles stay.

    Equation:
        W(1, ..., 1, a, 0, ..., 0) = energy for the amplitude a of the last unit that is on, by Brent's method.

    Returns:
        (n, units) [1], over the designed amplitudes.

    Raises:
        NoSolution: an energy out of reach; names the range that is within it.

    Source:
        T. P. Wangler, RF Linear Accelerators, Wiley-VCH 2008, section 2.2 (gain of a gap).

    Example:
        >>> from machines.registry import linac_named
        >>> row = amplitudes_for(linac_named("linac").linac, [100e6])[0]
        >>> print([round(float(amplitude), 3) for amplitude in row[7:10]])  # the ninth unit is the last one on
        [1.0, 0.271, 0.0]
    """
    wanted = np.atleast_1d(np.asarray(energies, dtype=float))
    reached = stages(linac)
    line, units = line_of(linac), len(linac.units)
    rows = []
    for energy in wanted:
        if not reached[0] <= energy <= reached[-1]:
            raise NoSolution(
                f"linac '{linac.name}': {energy / 1e6:.6g} MeV is out of reach; with its units on one after the other "
                f"it gives {reached[0] / 1e6:.6g} to {reached[-1] / 1e6:.6g} MeV"
            )
        last = min(int(np.searchsorted(reached, energy, side="left")), units) - 1
        rows.append(_amplitudes(line, linac, max(last, 0), float(energy), reached))
    return np.array(rows)


def _amplitudes(line: Line, linac: Linac, last: int, energy: float, reached: Array) -> Array:
    """Amplitudes with unit number ``last`` scaled so that the end has ``energy``."""
    row = np.where(np.arange(len(linac.units)) < last, 1.0, 0.0)

    def miss(amplitude: float) -> float:
        row[last] = amplitude
        return _end(line, linac, row) - energy

    at_full = reached[last + 1] - energy
    row[last] = 1.0 if at_full == 0 else float(brentq(miss, 0.0, 1.0, xtol=_ENERGY_TOLERANCE))
    return row.copy()


def _end(line: Line, linac: Linac, amplitude: Array) -> float:
    """Kinetic energy [eV] of the reference particle at the end."""
    ct, w = np.zeros(len(line.kind) + 1), np.zeros(len(line.kind) + 1)
    w[0] = linac.particle.kinetic_energy / linac.particle.mass
    follow(driven(line, linac, amplitude), 0, len(line.kind), ct, w)
    if not w[-1] > 0:
        reference_of(linac.with_units(dict(zip(linac.units, map(float, amplitude), strict=True))))
    return float(w[-1] * linac.particle.mass)


def transports(linac: Linac, amplitudes: Array, phases: Array | None = None) -> list[Transport]:
    """``transport`` for each row of ``amplitudes`` (n, units) and ``phases`` [rad] (n, units), in threads."""
    amplitudes = _settings(linac, "amplitudes", amplitudes)
    turned = np.zeros_like(amplitudes) if phases is None else _settings(linac, "phases", phases)
    line = line_of(linac)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(partial(_transport, linac, line), amplitudes, turned))


def _transport(linac: Linac, line: Line, amplitude: Array, phase: Array) -> Transport:
    setting = driven(line, linac, amplitude, phase)
    return transport_of(linac, setting, reference_of(linac, setting))


def energy_table(linac: Linac, energies: Sequence[float] | Array, bunch: Bunch) -> pd.DataFrame:
    """A linac's table of energies: one row an energy [eV], the settings of the units and the beam at the end.

    Equation:
        Sigma(end) = R Sigma(start) R^T in six dimensions, with the matrices R of each setting.

    Returns:
        A table (n rows): energy [eV], one column of the amplitude [1] of every unit, sigma_energy [eV], size_x, size_y
        [m], betx [m], alfx, bety [m], alfy, and fill [1]: the largest rms size anywhere over the bore there.

    Raises:
        NoSolution: an energy out of reach; names the range that is within it.

    Source:
        T. P. Wangler, RF Linear Accelerators, Wiley-VCH 2008, chapter 7.

    Example:
        >>> from machines.registry import linac_named
        >>> machine = linac_named("linac")
        >>> table = energy_table(machine.linac, [100e6, 200e6], machine.bunch)
        >>> print([round(float(energy) / 1e6, 3) for energy in table["energy"]], bool(table["fill"].max() < 1 / 3))
        [100.0, 200.0] True
    """
    amplitudes = amplitudes_for(linac, energies)
    found = transports(linac, amplitudes)
    table = pd.DataFrame(amplitudes, columns=list(linac.units))
    table.insert(0, "energy", [float(run.energy[-1]) for run in found])
    return table.join(pd.DataFrame([_row(run, bunch) for run in found]))


def _row(run: Transport, bunch: Bunch) -> dict[str, float]:
    sizes = run.sizes(bunch.covariance)
    beta = run.momentum[-1] / np.sqrt(1.0 + run.momentum[-1] ** 2)
    momentum = run.momentum[-1] * run.linac.particle.mass
    betx, alfx, _ = run.twiss("x", bunch.betx, bunch.alfx)
    bety, alfy, _ = run.twiss("y", bunch.bety, bunch.alfy)
    return {
        "sigma_energy": float(sizes[-1, 5] * beta * momentum),
        "size_x": float(sizes[-1, 0]),
        "size_y": float(sizes[-1, 2]),
        "betx": float(betx[-1]),
        "alfx": float(alfx[-1]),
        "bety": float(bety[-1]),
        "alfy": float(alfy[-1]),
        "fill": largest_fill(run, bunch),
    }


def _settings(linac: Linac, what: str, values: Array) -> Array:
    rows = np.atleast_2d(np.asarray(values, dtype=float))
    if rows.ndim != 2 or rows.shape[1] != len(linac.units):
        raise InputError(
            f"{what} of linac '{linac.name}' must have {len(linac.units)} columns, one a unit, found {rows.shape}"
        )
    return rows


def by_unit(linac: Linac, values: Array) -> dict[str, float]:
    """Values (units,) as ``Linac.with_units`` takes them."""
    return {unit: float(value) for unit, value in zip(linac.units, values, strict=True)}
