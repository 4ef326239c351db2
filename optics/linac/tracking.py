"""Many particles through a linac: compiled, in threads, with openings, and every loss with its place and cause."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from lattice import InputError, NoSolution, ReferenceParticle
from optics.compiled import compiled
from optics.linac.bunch import energies, normalised_emittance
from optics.linac.line import BLOCK, GAP, Line, W, Y, line_of, step, velocity
from optics.linac.machine import Linac
from optics.linac.reference import Reference, reference_of
from optics.linac.space_charge import SpaceCharge

Array = np.ndarray[Any, Any]

COORDINATES = ("x", "px", "y", "py", "zeta", "delta")
CAUSES = ("bore", "velocity", "stopped")
#: Particles of one task of a thread; fixed, so that sums come in the same order at any number of threads.
_CHUNK = 16 * BLOCK


@dataclass(frozen=True)
class LinacTracked:
    """Where the particles are at the end of a linac.

    ``coordinates``: (n, 6) of x, px, y, py, zeta, delta relative to ``particle``, the reference particle there; nan for
    lost particles; ``alive``: (n,) mask; ``lost``: table of particle, piece, s [m], cause ("bore", "velocity": outside
    the range of the transit-time factor, or "stopped") and x, px, y, py, zeta, delta relative to the reference
    particle at that place.
    """

    particle: ReferenceParticle
    coordinates: Array
    alive: Array
    lost: pd.DataFrame

    @property
    def transmission(self) -> float:
        """Share of the particles that arrived."""
        return float(np.mean(self.alive))

    @property
    def survivors(self) -> Array:
        """Coordinates (m, 6) of the particles that arrived."""
        return np.asarray(self.coordinates[self.alive])

    @property
    def energies(self) -> Array:
        """Kinetic energies [eV] of the survivors."""
        return energies(self.survivors, self.particle)

    def emittance(self, plane: str) -> float:
        """Normalised rms emittance [m] of the survivors in "x" or "y"."""
        return normalised_emittance(self.survivors, self.particle, plane)


def track(
    linac: Linac,
    coordinates: Array,
    *,
    apertures: bool = True,
    threads: int | None = None,
    space_charge: SpaceCharge | None = None,
) -> LinacTracked:
    """Track ``coordinates`` (n, 6) of x, px, y, py, zeta, delta, relative to ``linac.particle``, to the end.

    A particle is lost where it first stands outside the bore (looked at behind every step: cell by cell, slice by
    slice), where a cell's transit-time factor does not cover its velocity, or where it is stopped. The result does not
    depend on ``threads``. Raises InputError for coordinates of another shape and for a bunch that is dead at the
    entrance, and what ``reference_of`` raises.
    """
    line = line_of(linac)
    reference = reference_of(linac, line)
    flight = _Flight.of(linac, line, reference, _checked(coordinates), apertures)
    for first, last, length in _stretches(line, space_charge):
        flight.advance(first, last, threads)
        if space_charge is not None:
            flight.kick(space_charge, length)
    return flight.result()


def _checked(coordinates: Array) -> Array:
    try:
        state = np.array(coordinates, dtype=float, ndmin=2)
    except (TypeError, ValueError):
        raise InputError(f"coordinates must be numbers, shape (n, 6), found {coordinates!r}") from None
    if state.ndim != 2 or state.shape[1] != len(COORDINATES) or not len(state):
        raise InputError(f"coordinates must have shape (n, 6) of {', '.join(COORDINATES)}, found {state.shape}")
    if not np.all(np.isfinite(state)):
        raise InputError(f"coordinates of particle {int(np.argmin(np.isfinite(state).all(axis=1)))} are not finite")
    return state


def canonical(coordinates: Array, particle: ReferenceParticle, ct: float = 0.0) -> Array:
    """(6, n) of x, ux, y, uy, ct, w from (n, 6) relative to a particle that is there at ``ct`` [m]."""
    x, px, y, py, zeta, delta = coordinates.T
    p0 = particle.momentum / particle.mass
    p = p0 * (1.0 + delta)
    return np.stack([x, p0 * px, y, p0 * py, ct - zeta / particle.beta, p * p / (np.sqrt(p * p + 1.0) + 1.0)])


def relative(z: Array, ct: Any, w: Any) -> Array:
    """(n, 6) of x, px, y, py, zeta, delta from (6, n), relative to a reference particle with ``ct`` and ``w``."""
    p0 = np.sqrt(w * (w + 2.0))
    x, ux, y, uy, time, energy = z
    p = np.sqrt(energy * (energy + 2.0))
    difference = (energy - w) * (energy + w + 2.0) / (p + p0)  # p - p0 without cancellation
    return np.column_stack([x, ux / p0, y, uy / p0, -(time - ct) * p0 / (1.0 + w), difference / p0])


@dataclass(frozen=True)
class _Flight:
    """Particles on their way: canonical ``z`` (6, n), and for each the row and the cause of its loss (-1: none)."""

    linac: Linac
    line: Line
    reference: Reference
    z: Array
    lost: Array
    cause: Array

    @classmethod
    def of(cls, linac: Linac, line: Line, reference: Reference, coordinates: Array, apertures: bool) -> _Flight:
        if not apertures:
            line = line._replace(bore=np.full_like(line.bore, np.inf))
        none = np.full(len(coordinates), -1)
        z = np.ascontiguousarray(canonical(coordinates, linac.particle))
        if not np.any(np.hypot(z[0], z[2]) <= line.bore[0]):
            raise NoSolution(
                f"linac '{linac.name}': no particle enters the bore of '{linac.pieces[0].name}', "
                f"{line.bore[0] * 1e3:.4g} mm in radius: the bunch is wider or off axis"
            )
        return cls(linac, line, reference, z, none, none.copy())

    def advance(self, first: int, last: int, threads: int | None) -> None:
        """Carry the living over rows ``first`` to ``last``."""
        begins = range(0, self.z.shape[1], _CHUNK)
        walk = partial(_walk, self.line, first, last, self.z, self.lost, self.cause)
        with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
            list(pool.map(lambda begin: walk(begin, min(begin + _CHUNK, self.z.shape[1])), begins))

    def kick(self, space_charge: SpaceCharge, length: float) -> None:
        """Space-charge kick of ``length`` [m]."""
        alive = self.lost < 0
        if alive.any():
            self.z[:, alive] = space_charge.kicked(self.z[:, alive], self.linac.particle, length)

    def result(self) -> LinacTracked:
        alive = self.lost < 0
        w = float(self.reference.w[-1])
        particle = ReferenceParticle(
            self.linac.particle.kind,
            kinetic_energy_per_u=w * self.linac.particle.mass / self.linac.particle.nucleons,
        )
        coordinates = relative(self.z, self.reference.ct[-1], w)
        coordinates[~alive] = np.nan
        return LinacTracked(particle, coordinates, alive, self._losses())

    def _losses(self) -> pd.DataFrame:
        who = np.flatnonzero(self.lost >= 0)
        row = self.lost[who]
        with np.errstate(invalid="ignore"):
            there = relative(self.z[:, who], self.reference.ct[row + 1], self.reference.w[row + 1])
        names = np.array([piece.name for piece in self.linac.pieces], dtype=object)
        table = {
            "particle": who,
            "piece": names[self.line.piece[row]],
            "s": self.line.s[row],
            "cause": np.array(CAUSES, dtype=object)[self.cause[who]],
        }
        return pd.DataFrame(table | dict(zip(COORDINATES, there.T, strict=True)))


def _stretches(line: Line, space_charge: SpaceCharge | None) -> Iterator[tuple[int, int, float]]:
    """First and last row of each stretch, and the length of the space-charge kick behind it [m]."""
    rows = [0, *(space_charge.rows(line.s) if space_charge is not None else ()), len(line.s)]
    ends = np.concatenate([[0.0], line.s])[rows]
    for i in range(len(rows) - 1):
        following = ends[i + 2] if i + 2 < len(rows) else ends[i + 1]
        yield rows[i], rows[i + 1], 0.5 * float(following - ends[i])


@compiled
def _walk(line: Line, first: int, last: int, z: Array, lost: Array, cause: Array, begin: int, end: int) -> None:
    """Carry the living among particles ``begin`` to ``end`` over rows, block by block."""
    block = np.empty(6 * BLOCK)
    who = np.empty(BLOCK, dtype=np.int64)
    at = begin
    while at < end:
        count = 0
        while at < end and count < BLOCK:
            if lost[at] < 0:
                for j in range(6):
                    block[j * BLOCK + count] = z[j, at]
                who[count] = at
                count += 1
            at += 1
        for row in range(first, last):
            count = _velocities_checked(line, row, block, who, count, z, lost, cause)
            step(line, row, block, count)
            count = _places_checked(line, row, block, who, count, z, lost, cause)
        for i in range(count):
            for j in range(6):
                z[j, who[i]] = block[j * BLOCK + i]


@compiled
def _velocities_checked(
    line: Line, row: int, block: Array, who: Array, count: int, z: Array, lost: Array, cause: Array
) -> int:
    """Drop the particles whose velocity the gap's transit-time factor does not cover; the number that is left."""
    if line.kind[row] != GAP or line.volt[row] == 0.0:
        return count
    outside = 0
    for i in range(count):
        outside += not abs(velocity(line, row, block[W + i])) <= 1.0
    i = 0
    while outside and i < count:
        if abs(velocity(line, row, block[W + i])) <= 1.0:
            i += 1
        else:
            count = _dropped(block, who, i, count, z)
            lost[who[count]], cause[who[count]] = row, 1
    return count


@compiled
def _places_checked(
    line: Line, row: int, block: Array, who: Array, count: int, z: Array, lost: Array, cause: Array
) -> int:
    """Drop the particles outside the bore, or no longer moving, behind a row; the number that is left."""
    limit = line.bore[row] * line.bore[row]
    outside = 0
    for i in range(count):
        outside += not (block[i] * block[i] + block[Y + i] * block[Y + i] <= limit and block[W + i] > 0.0)
    i = 0
    while outside and i < count:
        if block[i] * block[i] + block[Y + i] * block[Y + i] <= limit and block[W + i] > 0.0:
            i += 1
        else:
            stopped = not block[W + i] > 0.0
            count = _dropped(block, who, i, count, z)
            lost[who[count]], cause[who[count]] = row, 2 if stopped else 0
    return count


@compiled
def _dropped(block: Array, who: Array, i: int, count: int, z: Array) -> int:
    """Write particle ``i`` of a block down and exchange it with the last; the number that is left."""
    last = count - 1
    for j in range(6):
        z[j, who[i]] = block[j * BLOCK + i]
        block[j * BLOCK + i] = block[j * BLOCK + last]
    who[i], who[last] = who[last], who[i]
    return last
