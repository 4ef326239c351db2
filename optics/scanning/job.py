"""What a scan computes of a part of its lattices: by the kernel where it holds, by batched ``twiss`` where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear.conditions import END, element_of
from optics.linear.functions import COLUMNS, SCALARS, of_today
from optics.linear.optics import Optics
from optics.linear.twiss import twiss
from optics.maps.lanes import LANES
from optics.maps.lattices.arguments import changing_steps
from optics.scanning.chain import Chain, make_chain
from optics.scanning.kernel import (
    BACKWARDS,
    DQX,
    DQY,
    FLAG,
    MAX_BETX,
    MAX_BETY,
    MAX_DX,
    MIN_DX,
    N_RESULTS,
    PLACE_COLUMNS,
    QX,
    QY,
    TIME_SLIP,
    room_of,
    scan_lanes,
)

_FAST = {
    "qx": QX,
    "qy": QY,
    "dqx": DQX,
    "dqy": DQY,
    "max_betx": MAX_BETX,
    "max_bety": MAX_BETY,
    "max_dx": MAX_DX,
    "min_dx": MIN_DX,
}
_OF_THE_SLIP = ("momentum_compaction", "gamma_transition", "slip_factor", "length")
_BATCH = 256  # lattices a call of twiss


@dataclass(frozen=True)
class Wanted:
    """A quantity: its ``name`` as written, the column or scalar ``key``, and the ``row`` of its place or -1."""

    name: str
    key: str
    row: int

    @classmethod
    def of(cls, name: str, ring: Lattice) -> Wanted:
        key, at, place = name.partition("@")
        key = key if at else of_today(key)
        extremum = key[:4] in ("max_", "min_") and key[4:] in COLUMNS
        if at and key in COLUMNS:
            return cls(name, key, _row(ring, place))
        if at or not (key in SCALARS or extremum):
            known = (*SCALARS, *(f"{word}_{column}" for word in ("max", "min") for column in COLUMNS))
            hint = "" if at else did_you_mean(key, known)
            raise InputError(
                f"a scan has no quantity '{name}'{hint}: give a scalar (qx), an extremum (max_betx) or a place "
                "(betx@element)"
            )
        return cls(name, key, -1)

    @property
    def fast(self) -> bool:
        """True when the kernel computes it."""
        return self.key in PLACE_COLUMNS if self.row >= 0 else self.key in _FAST or self.key in _OF_THE_SLIP

    @property
    def chromatic(self) -> bool:
        """True when it needs second-order maps."""
        return self.key in ("dqx", "dqy")

    def read(self, optics: Optics) -> Array:
        """Its values from the optics of a batch."""
        if self.row >= 0:
            return np.asarray(optics[self.key][:, self.row])
        if self.key in SCALARS:
            return np.asarray(optics.scalar(self.key))
        extremum = optics.maximum if self.key.startswith("max_") else optics.minimum
        return np.asarray(extremum(self.key[4:]))


def _row(ring: Lattice, place: str) -> int:
    if place.lower() == END:
        return len(ring)
    name = element_of(place)
    return ring.index(name) + (name != place.lower())


@dataclass(frozen=True)
class Job:
    """What all tasks of a scan share; ``run`` does one of them. ``places`` are rows of the table."""

    ring: Lattice
    particle: ReferenceParticle
    fringe: str
    wanted: Sequence[Wanted]
    places: Sequence[int]
    chain: Chain | None

    @classmethod
    def of(cls, batch: Lattice, particle: ReferenceParticle, fringe: str, wanted: Sequence[Wanted]) -> Job:
        """The job for lattices that differ as those of ``batch`` do."""
        places = sorted({one.row for one in wanted if one.row >= 0})
        fast, chromatic = all(one.fast for one in wanted), any(one.chromatic for one in wanted)
        chain = make_chain(batch, particle, fringe, places, chromatic) if fast else None
        return cls(batch, particle, fringe, wanted, places, chain)

    def run(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Columns for a part of the lattices."""
        if self.chain is None:
            return self._by_twiss(parameters)
        batch = self.ring.with_parameters(parameters)
        rows = self._by_kernel(batch, self.chain)
        stable = np.isfinite(rows[QX]) & np.isfinite(rows[MAX_DX])
        odd = np.flatnonzero((rows[FLAG] > BACKWARDS) | ((rows[FLAG] > 0.0) & stable))
        rows[:, ~stable] = np.nan
        columns = {"stable": stable} | {one.name: self._column(one, rows, batch) for one in self.wanted}
        return self._mended(columns, parameters, odd)

    def _by_kernel(self, batch: Lattice, chain: Chain) -> Array:
        """Rows of results, each (batch,)."""
        n = batch.batch or 1
        groups = -(-n // LANES)
        arguments = changing_steps(batch, self.particle, self.fringe)[2]
        padded = arguments[:, np.minimum(np.arange(groups * LANES), n - 1)]
        lanes = np.ascontiguousarray(padded.reshape(len(arguments), groups, LANES, -1).transpose(1, 0, 3, 2))
        out = np.empty((groups, N_RESULTS + len(PLACE_COLUMNS) * len(self.places), LANES))
        given = (chain.bank, chain.steps, lanes, chain.links, chain.fixed, *chain.pieces, chain.chromatic)
        scan_lanes(*given, room_of(chain.steps), out)
        return out.transpose(1, 0, 2).reshape(out.shape[1], -1)[:, :n].copy()

    def _column(self, wanted: Wanted, rows: Array, batch: Lattice) -> Array:
        if wanted.row >= 0:
            block = N_RESULTS + len(PLACE_COLUMNS) * self.places.index(wanted.row)
            return np.asarray(rows[block + PLACE_COLUMNS.index(wanted.key)])
        if wanted.key in _FAST:
            unit = 2 * np.pi if wanted.key in ("dqx", "dqy") else 1.0
            return np.asarray(rows[_FAST[wanted.key]] / unit)
        return self._of_the_slip(wanted.key, rows[TIME_SLIP], batch)

    def _of_the_slip(self, key: str, slip: Array, batch: Lattice) -> Array:
        """What follows from dzeta/ddelta over a turn, zeta = s - beta0 c t."""
        length = np.broadcast_to(batch.length, slip.shape)
        slip_factor = -slip / length
        compaction = slip_factor + 1.0 / self.particle.gamma**2
        if key == "gamma_transition":
            return 1.0 / np.sqrt(np.where(compaction > 0, compaction, np.nan))
        values: Array = {"momentum_compaction": compaction, "slip_factor": slip_factor, "length": length}[key]
        return values

    def _mended(self, columns: dict[str, Array], parameters: Mapping[str, Array], odd: Array) -> dict[str, Array]:
        """The columns with the lattices that the kernel could not hold from ``twiss``."""
        if not len(odd):
            return columns
        again = self._by_twiss({name: values[odd] for name, values in parameters.items()})
        for name, values in again.items():
            columns[name] = np.array(columns[name])
            columns[name][odd] = values
        return columns

    def _by_twiss(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        n = len(next(iter(parameters.values())))
        chromatic = any(wanted.chromatic for wanted in self.wanted)
        parts = []
        for begin in range(0, n, _BATCH):
            batch = self.ring.with_parameters(
                {name: values[begin : begin + _BATCH] for name, values in parameters.items()}
            )
            optics = twiss(batch, self.particle, fringe=self.fringe, chromatic=chromatic)
            parts.append({"stable": optics.stable} | {wanted.name: wanted.read(optics) for wanted in self.wanted})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
