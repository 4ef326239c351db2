"""Many particles through a linac: compiled, in threads, with openings, and every loss with its place and cause."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from lattice.arrays import Array
from optics.compiled import compiled
from optics.linac.line import BLOCK, GAP, Line, W, Y, line_of, velocity
from optics.linac.near import Near, near_of, near_step
from optics.linac.result import CAUSES, END, LinacTracked, arrived, lost_table, moments
from optics.linac.space_charge import SpaceCharge
from optics.linac.structure.coordinates import canonical, checked, particle_at, relative
from optics.linac.structure.linac import Linac
from optics.linac.structure.reference import Reference, reference_of

#: Particles of one task of a thread; fixed, so that sums come in the same order at any number of threads.
_CHUNK = 16 * BLOCK
_BORE, _VELOCITY, _STOPPED = (CAUSES.index(cause) for cause in ("bore", "velocity", "stopped"))


def track(
    linac: Linac,
    coordinates: Array,
    *,
    apertures: bool = True,
    threads: int | None = None,
    space_charge: SpaceCharge | None = None,
    stations: bool | Literal["centres"] = False,
) -> LinacTracked:
    """Track ``coordinates`` (n, 6) of x, px, y, py, zeta, delta, relative to ``linac.particle``, to the end.

    A particle is lost where it first stands outside the bore (looked at behind every step: cell by cell, slice by
    slice), where a cell's transit-time factor does not cover its velocity, or where it is stopped. The result does not
    depend on ``threads``. ``stations``: keep the beam's moments at the ends of all pieces, or of these its "centres"
    x and y [m] alone, which takes a fraction of the time for few particles. Raises InputError for coordinates of
    another shape, NoSolution naming the place where a bunch is lost as a whole, and what ``reference_of`` raises.
    """
    line = line_of(linac)
    reference = reference_of(linac, line)
    flight = _Flight.of(linac, line, reference, checked(coordinates), apertures)
    kicks = _kicks(line, space_charge)
    looks = {int(row): i for i, row in enumerate(np.searchsorted(line.piece, np.arange(len(linac.pieces)), "right"))}
    station = flight.centre if stations == "centres" else flight.station
    table = [station(0, 0)]
    at = 0
    for row in sorted({*kicks, *(looks if stations else ()), len(line.kind)}):
        flight.advance(at, row, threads)
        if space_charge is not None and row in kicks:
            flight.kick(space_charge, kicks[row])
        if row in looks:
            table.append(station(row, looks[row] + 1))
        at = row
    return flight.result(pd.DataFrame(table) if stations else None)


@dataclass(frozen=True)
class _Flight:
    """Particles on their way: canonical ``z`` (6, n), and for each the row and the cause of its loss (-1: none)."""

    linac: Linac
    line: Line
    near: Near
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
        return cls(linac, line, near_of(line, reference), reference, z, none, none.copy())

    def advance(self, first: int, last: int, threads: int | None) -> None:
        """Carry the living over rows ``first`` to ``last``."""
        begins = range(0, self.z.shape[1], _CHUNK)
        walk = partial(_walk, self.line, self.near, first, last, self.z, self.lost, self.cause)
        if len(begins) <= 1:  # a thread costs more than a few particles
            walk(0, self.z.shape[1])
            return
        with ThreadPoolExecutor(max_workers=threads or os.cpu_count()) as pool:
            list(pool.map(lambda begin: walk(begin, min(begin + _CHUNK, self.z.shape[1])), begins))

    def kick(self, space_charge: SpaceCharge, length: float) -> None:
        """Space-charge kick of ``length`` [m]."""
        alive = self.lost < 0
        if alive.any():
            self.z[:, alive] = space_charge.kicked(self.z[:, alive], self.linac.particle, length)

    def station(self, row: int, piece: int) -> dict[str, Any]:
        """Moments of the living at the entrance of piece number ``piece``, which is that of row ``row``."""
        ct, w = float(self.reference.ct[row]), float(self.reference.w[row])
        particle = particle_at(w, self.linac.particle)
        return self._place(piece) | moments(relative(self.z[:, self.lost < 0], ct, w), particle, self.z.shape[1])

    def centre(self, row: int, piece: int) -> dict[str, Any]:
        """Mean x and y of the living at the entrance of piece number ``piece``; nan where none is left."""
        alive = self.lost < 0
        means = self.z[[0, 2]][:, alive].mean(axis=1) if alive.any() else (np.nan, np.nan)
        return self._place(piece) | {"x": float(means[0]), "y": float(means[1])}

    def _place(self, piece: int) -> dict[str, Any]:
        pieces = self.linac.pieces
        return {"piece": pieces[piece].name if piece < len(pieces) else END, "s": self.linac.s[piece]}

    def result(self, stations: pd.DataFrame | None) -> LinacTracked:
        names = [piece.name for piece in self.linac.pieces]
        row = np.maximum(self.lost, 0)
        seen = np.where(self.cause == _VELOCITY, row, row + 1)  # in front of a gap that does not take the particle
        losses = lost_table(
            self.z,
            self.lost >= 0,
            self.cause,
            [names[i] for i in self.line.piece[row]],
            self.line.s[row],
            self.reference.ct[seen],
            self.reference.w[seen],
        )
        particle = particle_at(float(self.reference.w[-1]), self.linac.particle)
        coordinates = relative(self.z, self.reference.ct[-1], self.reference.w[-1])
        coordinates[self.lost >= 0] = np.nan
        return arrived(self.linac, LinacTracked(particle, coordinates, self.lost < 0, losses, stations))


def _kicks(line: Line, space_charge: SpaceCharge | None) -> dict[int, float]:
    """Rows behind which the bunch is kicked by its own field, and the length [m] each kick stands for."""
    if space_charge is None:
        return {}
    rows = [*space_charge.rows(line.s), len(line.s)]
    ends = np.array([0.0, *line.s[np.array(rows) - 1]])
    edges = np.array([0.0, *(0.5 * (ends[1:-1] + ends[2:])), ends[-1]])
    return dict(zip(rows, np.diff(edges).tolist(), strict=True))


@compiled
def _walk(
    line: Line, near: Near, first: int, last: int, z: Array, lost: Array, cause: Array, begin: int, end: int
) -> None:
    """Carry the living among particles ``begin`` to ``end`` over rows, block by block."""
    block, aside = np.empty(6 * BLOCK), np.empty(6 * BLOCK)
    who, others = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK, dtype=np.int64)
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
            near_step(line, near, row, block, count, aside, others)
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
            lost[who[count]], cause[who[count]] = row, _VELOCITY
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
            hit = block[i] * block[i] + block[Y + i] * block[Y + i] > limit
            count = _dropped(block, who, i, count, z)
            lost[who[count]], cause[who[count]] = row, _BORE if hit else _STOPPED
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
