"""Recorded maps made ready for many particles at once: what is the same for all is done once, rows are used again.

Particles are worked on side by side, a row of numbers for each result. A program of hundreds of operations needs few
rows at a time when those that nothing reads any more are used again: they stay in the processor's nearest cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lattice.arrays import Array
from optics.maps.recording import ADD, ARGUMENT, CONSTANT, COORDINATE, MUL, N_COORDINATES, SUB, Program, dependencies

#: More codes than those of ``recording``: a row copied, a row of one number that is given, ...
MOVE, GIVEN = 15, 16
#: ... and operations with one number for all particles on the right, and (of a difference) on the left.
ADD_ONE, SUB_ONE, MUL_ONE, ONE_SUB = 17, 18, 19, 20
_WITH_ONE = {ADD: ADD_ONE, SUB: SUB_ONE, MUL: MUL_ONE}
_NEVER = 1 << 30

#: Code, rows that are read, row that is written, constant.
Instruction = tuple[int, int, int, int, float]


@dataclass(frozen=True, eq=False)
class Instructions:
    """``before``: on single numbers, from the arguments the ``given`` ones; ``body``: on ``rows`` of them.

    The first six rows are the coordinates, before and behind.
    """

    before: tuple[Instruction, ...]
    body: tuple[Instruction, ...]
    given: int
    rows: int


@lru_cache(maxsize=512)
def instructions(program: Program, shared: bool) -> Instructions:
    """Of a program. ``shared``: all particles have the same arguments; else they are what is given, a row each."""
    operations = program.operations
    alike = [shared and count == 0 for count, _ in dependencies(program)]
    one = {k: i for i, k in enumerate(np.flatnonzero(alike).tolist())}
    before = tuple(
        (code, one.get(a, a) if reads_rows(code) else a, one.get(b, b), one[k], constant)
        for k, (code, a, b, constant) in enumerate(operations)
        if k in one
    )
    rows = _Rows(program, one)
    body = [rows.instruction(k) for k, line in enumerate(operations) if line[0] != COORDINATE and k not in one]
    return Instructions(before, (*body, *rows.moves()), max(len(one), 1), rows.number)


def reads_rows(code: int) -> bool:
    """False for what is read from arguments, coordinates and constants."""
    return code not in (CONSTANT, ARGUMENT, COORDINATE)


class _Rows:
    """Gives each operation a row: that of the coordinate it becomes, one that is free, or a new one."""

    def __init__(self, program: Program, one: dict[int, int]) -> None:
        self.program, self.one = program, one
        self.coordinates = {k: a for k, (code, a, _, _) in enumerate(program.operations) if code == COORDINATE}
        self.where, self.number = dict(self.coordinates), N_COORDINATES
        self._free: list[int] = []
        self._last = dict.fromkeys(range(len(program.operations)), -1)
        for k, (code, a, b, _) in enumerate(program.operations):
            if reads_rows(code):
                self._last[a] = self._last[b if b >= 0 else a] = k
        kept = [k for j, k in enumerate(program.results) if self.coordinates.get(k) != j]
        self._last |= dict.fromkeys(kept, _NEVER)
        self._read = {a: self._last[k] for k, a in self.coordinates.items()}  # when a coordinate is read last

    def instruction(self, k: int) -> Instruction:
        """Of operation ``k``, whose row is not one of those that it reads."""
        code, a, b, constant = self.program.operations[k]
        read = {a, b} - {-1} if reads_rows(code) else set()
        row = self._row(k)
        self._free += [self.where[i] for i in read if self._last[i] == k and self.where.get(i, 0) >= N_COORDINATES]
        self.where[k] = row
        if not read:
            return code, a, b, row, constant
        if a in self.one:
            code, a, b = (ONE_SUB, b, a) if code == SUB else (code, b, a)
        if b in self.one:
            return _WITH_ONE.get(code, code), self.where[a], self.one[b], row, constant
        return code, self.where[a], self.where.get(b, -1), row, constant

    def _row(self, k: int) -> int:
        for j, result in enumerate(self.program.results):
            if result == k and self._read.get(j, -1) < k:
                return j
        return self._free.pop() if self._free else self._new()

    def _new(self) -> int:
        self.number += 1
        return self.number - 1

    def moves(self) -> list[Instruction]:
        """What brings each result to the row of its coordinate; coordinates that change places go by way of others."""
        first, then = [], []
        for j, k in enumerate(self.program.results):
            if k in self.one:
                then.append((GIVEN, -1, self.one[k], j, 0.0))
            elif k in self.coordinates and self.where[k] != j:
                first.append((MOVE, self.where[k], -1, self._new(), 0.0))
                then.append((MOVE, self.number - 1, -1, j, 0.0))
            elif self.where[k] != j:
                then.append((MOVE, self.where[k], -1, j, 0.0))
        return [*first, *then]


def laid_out(programs: Sequence[Program], shared: bool) -> tuple[Array, ...]:
    """Instructions of programs, one behind the other, as compiled code reads them.

    Where each program begins in ``before`` and in ``body`` (programs + 1,), for both their codes, left, right, out
    (n, 4) and constants (n,), and how many numbers are given and rows needed at most. Unsigned: compiled code then
    need not look whether an index counts from the end.
    """
    every = [instructions(program, shared) for program in programs]
    sizes = np.array([max(one.given for one in every), max(one.rows for one in every)], dtype=np.int64)
    tables = [_tables(program, shared) for program in programs]
    return (*_behind(one[:2] for one in tables), *_behind(one[2:] for one in tables), sizes)


def _behind(tables: Iterable[tuple[Array, ...]]) -> tuple[Array, Array, Array]:
    lines, constants = zip(*tables, strict=True)
    first = np.cumsum([0, *(len(one) for one in lines)]).astype(np.int64)
    return first, np.concatenate(lines), np.concatenate(constants)


@lru_cache(maxsize=512)
def _tables(program: Program, shared: bool) -> tuple[Array, Array, Array, Array]:
    """Lines and constants of what is done before, and of the body."""
    found = instructions(program, shared)
    return (*_table(found.before), *_table(found.body))


def _table(lines: Sequence[Instruction]) -> tuple[Array, Array]:
    whole = np.array([line[:4] for line in lines], dtype=np.int64).reshape(-1, 4)
    return np.maximum(whole, 0).astype(np.uint64), np.array([line[4] for line in lines], dtype=float)
