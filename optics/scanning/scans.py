"""Scans: the optics of very many lattices that differ in a few parameters, as a table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lattice import InputError, Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.errors import did_you_mean
from optics.linear.conditions import END, element_of
from optics.linear.functions import COLUMNS, SCALARS
from optics.linear.optics import Optics
from optics.linear.twiss import twiss
from optics.maps.lanes import LANES
from optics.maps.model import changing_steps, checked_fringe, checked_particle
from optics.scanning.chain import Chain, make_chain
from optics.scanning.kernel import (
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
    scan_lanes,
)

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int], object]

#: What a scan gives unless told.
QUANTITIES = ("qx", "qy", "dqx", "dqy", "max_betx", "max_bety", "max_dx", "min_dx")
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
_OF_THE_SLIP = ("momentum_compaction", "gamma_transition", "slip_factor", "circumference")
_CHUNK = 8192  # lattices a task: enough to make Python's part small, few enough for the memory
_BATCH = 256  # lattices a call of twiss


def grid(**ranges: tuple[float, float, int]) -> dict[str, Array]:
    """Parameters of a regular grid, both ends held: ``grid(kf=(0.28, 0.30, 101), kd=(0.45, 0.55, 101))``.

    Arrays of equal length, the last name running fastest. InputError for an empty range or no whole number of points.
    """
    axes = [_axis(name, spec) for name, spec in ranges.items()]
    return dict(zip(ranges, (part.ravel() for part in np.meshgrid(*axes, indexing="ij")), strict=True))


def _axis(name: str, spec: Any) -> Array:
    try:
        low, high, points = spec
        if isinstance(points, bool) or points != int(points) or not np.isfinite([low, high]).all():
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected (first, last, number of points), found {spec!r}") from None
    if points < 1 or (points == 1 and low != high):
        raise InputError(f"{name}: {points:g} points cannot hold both ends {low:g} and {high:g}")
    return np.linspace(low, high, int(points))


def scan(
    ring: Lattice,
    particle: ReferenceParticle | None = None,
    *,
    parameters: Mapping[str, Any],
    quantities: Sequence[str] = QUANTITIES,
    fringe: str = "full",
    jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Periodic optics of every lattice that ``parameters`` (arrays of equal length) describe, one row each.

    Columns: the parameters, ``stable``, and ``quantities``: scalars of Optics, ``max_betx`` and the like (inside
    elements too), ``betx@place``; nan where unstable. Uncoupled rings on their reference orbit go through a kernel of
    their own (peaks in closed form), derived from the same maps: qx, qy, dqx, dqy, momentum compaction, max_betx,
    max_bety, max_dx, min_dx, and betx, alfx, mux, dx, dpx, bety, alfy, muy at places. Whatever else is asked, and
    coupled, kicked or vertically dispersive lattices, go through batched ``twiss``, some thirty times slower. ``jobs``
    threads (default: all processors); ``progress`` is told how many lattices are finished, some thousand at a time.
    InputError for unknown quantities and places, arrays of unequal length and what is no finite number.
    """
    import pandas as pd

    particle = checked_particle(ring, particle)
    checked_fringe(fringe)
    arrays = _checked_parameters(parameters)
    wanted = [_Wanted.of(name, ring) for name in quantities]
    n = len(next(iter(arrays.values())))
    chunks = [{name: values[i : i + _CHUNK] for name, values in arrays.items()} for i in range(0, n, _CHUNK)]
    # The first one alone: what is shared is then made once, and what is wrong is said once.
    job = _Job.of(ring.with_parameters(chunks[0]), particle, fringe, wanted)
    found = [job.run(chunks[0])]
    _tell(progress, found[0])
    threads = jobs or os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for part in _ahead(pool, job.run, chunks[1:], 2 * threads):
            found.append(part)
            _tell(progress, part)
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    return pd.DataFrame({**arrays, **columns})


def _tell(progress: Progress | None, part: Mapping[str, Array]) -> None:
    if progress is not None:
        progress(len(part["stable"]))


def _ahead(pool: ThreadPoolExecutor, run: Callable[[Any], Any], tasks: Sequence[Any], depth: int) -> Iterator[Any]:
    """Results in order, with no more than ``depth`` tasks begun: an interruption does not wait for the rest."""
    waiting = iter(tasks)
    begun = [pool.submit(run, task) for task in islice(waiting, depth)]
    while begun:
        yield begun.pop(0).result()
        begun += [pool.submit(run, task) for task in islice(waiting, 1)]


def _checked_parameters(parameters: Mapping[str, Any]) -> dict[str, Array]:
    if not isinstance(parameters, Mapping) or not parameters:
        raise InputError("a scan needs parameters={'kf': array, ...}")
    arrays = {}
    for name, values in parameters.items():
        try:
            arrays[name] = np.atleast_1d(np.asarray(values, dtype=float))
        except (TypeError, ValueError):
            raise InputError(f"{name}: expected an array of numbers, found {values!r}") from None
        if arrays[name].ndim != 1 or not len(arrays[name]) or not np.all(np.isfinite(arrays[name])):
            raise InputError(f"{name}: expected finite numbers in one row, at least one")
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"the arrays of a scan are equally long, found {lengths}")
    return arrays


# ----------------------------------------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class _Wanted:
    """A quantity: its ``name`` as written, the column or scalar ``key``, and the ``row`` of its place or -1."""

    name: str
    key: str
    row: int

    @classmethod
    def of(cls, name: str, ring: Lattice) -> _Wanted:
        key, at, place = name.partition("@")
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


# ------------------------------------------------------------------------------------------------ how it is done


@dataclass(frozen=True)
class _Job:
    """What all tasks of a scan share; ``run`` does one of them. ``places`` are rows of the table."""

    ring: Lattice
    particle: ReferenceParticle
    fringe: str
    wanted: Sequence[_Wanted]
    places: Sequence[int]
    chain: Chain | None

    @classmethod
    def of(cls, batch: Lattice, particle: ReferenceParticle, fringe: str, wanted: Sequence[_Wanted]) -> _Job:
        """The job for lattices that differ as those of ``batch`` do."""
        places = sorted({one.row for one in wanted if one.row >= 0})
        chain = make_chain(batch, particle, fringe, places) if all(one.fast for one in wanted) else None
        return cls(batch, particle, fringe, wanted, places, chain)

    def run(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Columns for a part of the lattices."""
        if self.chain is None:
            return self._by_twiss(parameters)
        batch = self.ring.with_parameters(parameters)
        rows = self._by_kernel(batch, self.chain)
        odd = np.flatnonzero(rows[FLAG])
        stable = np.isfinite(rows[QX]) & np.isfinite(rows[MAX_DX])
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
        scan_lanes(chain.bank, chain.steps, lanes, chain.links, chain.fixed, *chain.pieces, out)
        return out.transpose(1, 0, 2).reshape(out.shape[1], -1)[:, :n].copy()

    def _column(self, wanted: _Wanted, rows: Array, batch: Lattice) -> Array:
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
        values: Array = {"momentum_compaction": compaction, "slip_factor": slip_factor, "circumference": length}[key]
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
        chromatic = any(wanted.key in ("dqx", "dqy") for wanted in self.wanted)
        parts = []
        for begin in range(0, n, _BATCH):
            batch = self.ring.with_parameters(
                {name: values[begin : begin + _BATCH] for name, values in parameters.items()}
            )
            optics = twiss(batch, self.particle, fringe=self.fringe, chromatic=chromatic)
            parts.append({"stable": optics.stable} | {wanted.name: wanted.read(optics) for wanted in self.wanted})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
