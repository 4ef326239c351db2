"""Programs laid end to end, and all that can be done with them: series, orbits, Jacobians, particles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.maps import blocks, taylor
from optics.maps.instructions import laid_out
from optics.maps.recording import N_COORDINATES, Program, dependencies
from optics.maps.taylor import N_FIRST, N_SECOND, QUADRATIC


class Bank:
    """Programs laid end to end in the arrays that the compiled interpreter reads."""

    def __init__(self, programs: Sequence[Program], names: Sequence[str] = ()) -> None:
        self.names = tuple(names)
        self.programs = tuple(programs)
        self._laid_out: dict[bool, tuple[Array, ...]] = {}
        self.argument_counts = np.array([program.n_arguments for program in programs], dtype=np.int64)
        self.n_arguments = int(self.argument_counts.max())
        parts = [_table(program) for program in programs]
        first = np.cumsum([0, *(len(part[0]) for part in parts)])
        columns = (np.concatenate(column) for column in zip(*parts, strict=True))
        results = np.array([program.results for program in programs], dtype=np.int64)
        self.arrays = (first.astype(np.int64), *columns, results, QUADRATIC)

    def evaluate(self, programs: Array, arguments: Array, starts: Array, order: int) -> Array:
        """Series of one program a row, each about its own start.

        programs: (n,) indices; arguments: (n, n_arguments); starts: (n, 6) or (6,). Returns (n, 6, 28) coefficients,
        or (n, 6, 7) when ``order`` is below 2 (0: only the values are set); complex when arguments or starts are.
        """
        kind = np.result_type(arguments, starts, np.float64)
        # A copy: arrays closed to writing are another type, for which everything would be compiled once more.
        own = np.empty((len(programs), N_COORDINATES), dtype=kind)
        own[...] = starts
        return self._evaluated(programs, arguments, own, order)

    def follow(self, programs: Array, arguments: Array, start: Array, order: int) -> Array:
        """As ``evaluate``, each row about the end point of the row before: the orbit that begins at ``start`` (6,)."""
        return self._evaluated(programs, arguments, self._copied(start, arguments), order)

    def jacobian(self, programs: Array, arguments: Array, start: Array) -> tuple[Array, Array]:
        """End point (6,) of all rows, one after the other, and its Jacobian (6, 6) by the ``start`` (6,)."""
        end = self._copied(start, arguments)
        series = self._evaluated(programs, arguments, end, 1)
        total = np.eye(N_COORDINATES, dtype=end.dtype)
        taylor.multiply_out(series, np.empty_like(total), total)
        return end[0], total

    def operations(self, programs: Array, arguments: Array, start: Array) -> Array:
        """Values (n, n_operations) of the operations of one program a row about ``start`` (6,), in order."""
        longest = int(np.max(np.diff(self.arrays[0])))
        out = np.zeros((len(programs), longest))
        work, results = self._work(programs, N_FIRST, out.dtype), np.zeros((N_COORDINATES, N_FIRST))
        taylor.operations(
            self.arrays, programs, np.ascontiguousarray(arguments, dtype=float), start, work, results, out
        )
        return out

    def _evaluated(self, programs: Array, arguments: Array, starts: Array, order: int) -> Array:
        """Series of each row about its own of ``starts``, or about the end of the row before, which is left there."""
        width, kind = N_SECOND if order > 1 else N_FIRST, starts.dtype
        out = np.zeros((len(programs), N_COORDINATES, width), dtype=kind)
        work, own = self._work(programs, width, kind), np.ascontiguousarray(arguments, dtype=kind)
        taylor.evaluate_rows(self.arrays, programs, own, starts, order, work, out)
        return out

    def _work(self, programs: Array, width: int, kind: Any) -> Array:
        """Zeros for the series of all operations up to the last program used."""
        last = int(self.arrays[0][programs.max() + 1]) if len(programs) else 0
        return np.zeros((last, width), dtype=kind)

    @staticmethod
    def _copied(start: Array, arguments: Array) -> Array:
        """``start`` (6,) as (1, 6) of the kind of number that its rows have."""
        return np.array(start, dtype=np.result_type(arguments, start, np.float64), ndmin=2, order="C")

    def track(self, programs: Array, arguments: Array, coordinates: Array) -> Array:
        """Coordinates (n, 6) of n particles behind all rows, one after the other: the maps themselves, no series."""
        return self._tracked(programs, arguments[:, :, None], coordinates, _NOWHERE)[0]

    def track_each(self, programs: Array, arguments: Array, coordinates: Array) -> Array:
        """Coordinates (n, 6) of n particles behind all rows, each through a lattice of its own.

        ``arguments`` (n_rows, n_arguments, n). What becomes of a particle does not depend on those beside it.
        """
        return self._tracked(programs, arguments, coordinates, _NOWHERE)[0]

    def orbits_of_each(self, programs: Array, arguments: Array, start: Array, rows: Array) -> Array:
        """As ``track_each`` from ``start`` (n, 6): the coordinates (n, places, 6) in front of ``rows``."""
        return self._tracked(programs, arguments, start, rows.astype(np.int64))[1]

    def instructions(self, shared: bool) -> tuple[Array, ...]:
        """The programs for many particles, ``laid_out``; ``shared``: with the same arguments for all."""
        if shared not in self._laid_out:
            self._laid_out[shared] = laid_out(self.programs, shared)
        return self._laid_out[shared]

    def _tracked(self, programs: Array, arguments: Array, start: Array, places: Array) -> tuple[Array, Array]:
        state = np.array(start.T, dtype=float, order="C")
        out = np.zeros((len(places), N_COORDINATES, state.shape[1]))
        code = self.instructions(arguments.shape[2] == 1)
        room = (*blocks.room_of(code, programs), np.empty((arguments.shape[1], blocks.BLOCK)))
        blocks.track(code, programs, np.ascontiguousarray(arguments, dtype=float), state, places, *room, out)
        return np.ascontiguousarray(state.T), np.ascontiguousarray(out.transpose(2, 0, 1))


@lru_cache(maxsize=256)
def _table(program: Program) -> tuple[Array, ...]:
    """Codes, left and right operands, constants, and how many and which coordinates each result depends on."""
    codes, left, right, constants = zip(*program.operations, strict=True)
    n_active, active = zip(*dependencies(program), strict=True)
    whole = [np.array(values, dtype=np.int64) for values in (codes, left, right, n_active, active)]
    return (*whole[:3], np.array(constants, dtype=float), *whole[3:])


_NOWHERE = np.zeros(0, dtype=np.int64)
