"""Settings for an energy with the least energy spread: amplitude and phase of the last unit that is on.

The units before it run as designed, so that the bunch comes to it as in the design; those behind it are off. Of all
pairs of amplitude and phase that give an energy, the one that leaves a sample of the bunch with the smallest rms
energy spread is looked for: the bunch's length makes spread as cos(phase) bends, which no matrix knows. This is done
at a few energies of each unit, with a smooth curve of the phase between them, so that settings may be interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq, minimize_scalar

from lattice import InputError, NoSolution
from lattice.arrays import Array
from optics.closed import closed
from optics.compiled import compiled
from optics.linac.line import BLOCK, Line, W, line_of, rows_of, step
from optics.linac.structure.coordinates import canonical, checked, particle_at
from optics.linac.structure.cut import upstream
from optics.linac.structure.linac import Linac, Tank
from optics.linac.structure.reference import Reference, follow, reference_of
from optics.linac.switching.energies import by_unit, stages, unit_of_rows
from optics.linac.tracking import track

#: Phases [rad] from the designed one that are tried for the last unit.
REACH = (-0.25, 0.4)
_COARSE, _NODES, _STEPS = 9, 9, 12
_OUT_OF_REACH = 1e12  # eV
_TOLERANCE = 1e-9  # of an amplitude
_ENERGY_TOLERANCE = 1.0  # eV


@closed
@dataclass(frozen=True)
class Settings:
    """Amplitudes over the designed ones and phases [rad] from them, (n, units); ``sigma_energy`` (n,) [eV]."""

    amplitudes: Array
    phases: Array
    sigma_energy: Array

    @property
    def last_units(self) -> Array:
        """Number of the last unit that is on, (n,); 0 where none is."""
        on = self.amplitudes > 0
        return np.where(on.any(axis=1), on.shape[1] - 1 - np.argmax(on[:, ::-1], axis=1), 0)

    @property
    def at_reach(self) -> Array:
        """Where the phase of the last unit stands at an end of REACH, so that the least spread may lie beyond, (n,)."""
        turned = self.phases[np.arange(len(self.phases)), self.last_units]
        return np.asarray(np.isclose(turned[:, None], REACH, rtol=0.0, atol=1e-9).any(axis=1))

    def rows(self, chosen: Sequence[int] | Array) -> Settings:
        """Some of the rows."""
        return Settings(self.amplitudes[chosen], self.phases[chosen], self.sigma_energy[chosen])

    def applied(self, linac: Linac, row: int) -> Linac:
        """The linac at one row."""
        return linac.with_units(by_unit(linac, self.amplitudes[row]), by_unit(linac, self.phases[row]))


def settings_for(
    linac: Linac, energies: Sequence[float] | Array, coordinates: Array | None, turn: bool = True
) -> Settings:
    """Amplitude and phase of every unit for each of ``energies`` [eV].

    ``coordinates`` (n, 6) at the entrance, of which the first 256 are used; without ``turn`` all phases stay as
    designed, and without coordinates too the energy spread is not told (nan). Raises InputError for a turn without
    coordinates, NoSolution naming the range within reach, and what ``track`` raises.
    """
    if turn and coordinates is None:
        raise InputError("a phase of least spread needs particles: give coordinates, or turn=False")
    wanted = np.atleast_1d(np.asarray(energies, dtype=float))
    reached = stages(linac)
    last = [_last_unit(linac, float(energy), reached) for energy in wanted]
    few = None if coordinates is None else checked(coordinates)[:BLOCK]
    stretches = _stretches(linac, few, set(last))
    reach = REACH if turn else (0.0, 0.0)
    curves = {unit: stretch.phase_curve(reached[unit : unit + 2], reach) for unit, stretch in stretches.items()}
    found = [stretches[u].near(float(energy), float(curves[u](energy))) for u, energy in zip(last, wanted, strict=True)]
    amplitudes = np.array([np.arange(len(linac.units)) < unit for unit in last], dtype=float)
    phases = np.zeros_like(amplitudes)
    for row, (unit, (amplitude, phase, _)) in enumerate(zip(last, found, strict=True)):
        amplitudes[row, unit], phases[row, unit] = amplitude, phase
    return Settings(amplitudes, phases, np.array([sigma for _, _, sigma in found]))


def _last_unit(linac: Linac, energy: float, reached: Array) -> int:
    """Number of the last unit that is on."""
    if not (np.isfinite(energy) and reached[0] <= energy <= reached[-1]):
        raise NoSolution(
            f"linac '{linac.name}': {energy / 1e6:.6g} MeV is out of reach; with its units on one after the other it "
            f"gives {reached[0] / 1e6:.6g} to {reached[-1] / 1e6:.6g} MeV"
        )
    return max(min(int(np.searchsorted(reached, energy, side="left")), len(linac.units)) - 1, 0)


def _stretches(linac: Linac, coordinates: Array | None, units: set[int]) -> dict[int, _Stretch]:
    """The stretch of each of the units."""
    line = line_of(linac)
    unit, reference = unit_of_rows(line, linac), reference_of(linac, line)
    return {number: _stretch(linac, line, unit == number, reference, coordinates) for number in units}


def _stretch(linac: Linac, line: Line, fed: Array, reference: Reference, coordinates: Array | None) -> _Stretch:
    first, last = (int(np.flatnonzero(fed)[i]) for i in (0, -1))
    ct, w = float(reference.ct[first]), float(reference.w[first])
    piece = linac.pieces[line.piece[first]]
    assert isinstance(piece, Tank)
    bunch = None
    if coordinates is not None:
        before = upstream(linac, piece.name)
        here = track(before, coordinates).survivors if before is not None else coordinates
        bunch = canonical(here, particle_at(w, linac.particle), ct)
    return _Stretch(rows_of(line, first, last + 1), fed[first : last + 1], ct, w, bunch, linac.particle.mass)


@dataclass(frozen=True)
class _Stretch:
    """The rows of one unit with the reference particle and the canonical ``bunch`` (6, n), if any, at its entrance."""

    line: Line
    fed: Array
    ct: float
    w: float
    bunch: Array | None
    mass: float

    def driven(self, amplitude: float, phase: float) -> Line:
        volt, turned = self.line.volt.copy(), self.line.phase.copy()
        volt[self.fed] *= amplitude
        turned[self.fed] += phase
        return self.line._replace(volt=volt, phase=turned)

    def energy(self, amplitude: float, phase: float) -> float:
        """Kinetic energy [eV] of the reference particle behind the unit."""
        ct, w = np.full(len(self.line.kind) + 1, self.ct), np.full(len(self.line.kind) + 1, self.w)
        follow(self.driven(amplitude, phase), 0, len(self.line.kind), ct, w)
        return float(w[-1] * self.mass)

    def spread(self, amplitude: float, phase: float) -> float:
        """Rms energy spread [eV] of the bunch behind the unit; nan without a bunch."""
        if self.bunch is None:
            return float("nan")
        return float(np.nanstd(_energies_behind(self.driven(amplitude, phase), self.bunch)) * self.mass)

    def amplitude(self, energy: float, phase: float) -> float | None:
        """The least amplitude up to 1 that gives ``energy`` [eV] at ``phase``; None where there is none."""
        steps = np.linspace(0.0, 1.0, _STEPS + 1)
        above = self.w * self.mass - energy  # eV beyond the wanted energy
        for lower, upper in pairwise(steps):
            below, above = above, self.energy(float(upper), phase) - energy
            if abs(below) < _ENERGY_TOLERANCE:
                return float(lower)
            if below < 0.0 <= above:
                return float(brentq(lambda a: self.energy(a, phase) - energy, lower, upper, xtol=_TOLERANCE))
        return 1.0 if abs(above) < _ENERGY_TOLERANCE else None

    def at(self, energy: float, phase: float) -> float:
        """Spread [eV] at ``energy`` and ``phase``; very large where that pair cannot be had."""
        amplitude = self.amplitude(energy, phase)
        return _OUT_OF_REACH if amplitude is None else self.spread(amplitude, phase)

    def calmest(self, energy: float, reach: tuple[float, float]) -> float:
        """Phase [rad] within ``reach`` of the least spread."""
        grid = np.unique([*np.linspace(*reach, _COARSE), 0.0])
        found = [self.at(energy, float(phase)) for phase in grid]
        best = int(np.argmin(found))
        low, high = (float(grid[int(np.clip(best + side, 0, len(grid) - 1))]) for side in (-1, 1))
        fine = minimize_scalar(
            lambda phase: self.at(energy, phase), bounds=(low, high), method="bounded", options={"xatol": 5e-3}
        )
        return float(fine.x) if fine.fun < found[best] else float(grid[best])

    def phase_curve(self, ends: Array, reach: tuple[float, float]) -> PchipInterpolator:
        """Phase [rad] against energy [eV] from one end of the unit's range to the other."""
        energies = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, _NODES)
        flat = reach[0] == reach[1]
        phases = [0.0 if flat else self.calmest(float(energy), reach) for energy in energies[1:]]
        return PchipInterpolator(energies, [phases[0], *phases])

    def near(self, energy: float, phase: float) -> tuple[float, float, float]:
        """Amplitude, phase [rad] and spread [eV] at ``phase``, or nearer to the designed one where it must be."""
        for turned in (phase, 0.5 * phase, 0.25 * phase, 0.0):
            amplitude = self.amplitude(energy, turned)
            if amplitude is not None:
                return amplitude, turned, self.spread(amplitude, turned)
        raise InputError(f"the last unit does not give {energy / 1e6:.6g} MeV at its designed phase")


@compiled
def _energies_behind(line: Line, bunch: Array) -> Array:
    """Kinetic energies over m c^2 behind the rows of a bunch (6, n), n up to BLOCK."""
    count = bunch.shape[1]
    z = np.zeros(6 * BLOCK)
    for i in range(6):
        z[i * BLOCK : i * BLOCK + count] = bunch[i]
    for row in range(len(line.kind)):
        step(line, row, z, count)
    return z[W : W + count].copy()
