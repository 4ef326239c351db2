"""Recorded maps for many particles at once: numbers instead of series, a block of particles an instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import compiled, inner, part
from optics.maps.instructions import ADD_ONE, GIVEN, MOVE, MUL_ONE, ONE_SUB, SUB_ONE
from optics.maps.recording import (
    ADD,
    ARCTAN_RATIO,
    ARGUMENT,
    CONSTANT,
    COS_SQRT,
    MUL,
    NEG,
    RECIPROCAL,
    SIN_SQRT,
    SQRT,
    SUB,
)
from optics.maps.smooth import ARCTAN_IS_NEAR, SIN_IS_NEAR, cos_near_zero, ratio_near_zero, sin_near_zero
from optics.maps.taylor import function_series

#: Particles that go through an instruction together: enough to vectorise, few enough for the cache.
BLOCK = 128


@compiled
def track(
    code: Any, programs: Any, arguments: Any, state: Any, places: Any, given: Any, work: Any, own: Any, out: Any
) -> Any:
    """Take ``state`` (6, n) through all rows, in place; out (places, 6, n) what it is in front of rows ``places``.

    ``code``: ``instructions.laid_out``; ``arguments`` (n_rows, n_arguments, 1 or n). ``given``, ``work`` and ``own``
    (n_arguments, BLOCK) are ``room_of``.
    """
    give(code, programs, arguments, given)
    for begin in range(0, state.shape[1], BLOCK):
        n, place = state.shape[1] - begin, 0
        n = BLOCK if n > BLOCK else n
        load(state, begin, work, n)
        for row in range(len(programs) + 1):
            while place < len(places) and places[place] == row:
                store(work, out[place], begin, n)
                place += 1
            if row == len(programs):
                break
            if arguments.shape[2] > 1:
                load(arguments[row], begin, own, n)
                through(code, programs[row], own, work, n)
            else:
                through(code, programs[row], given[row], work, n)
        store(work, state, begin, n)


@inner
def load(source: Any, begin: Any, work: Any, n: Any) -> Any:
    """``n`` columns of ``source`` from ``begin`` into the first of ``work``; loops, for slices take long to compile."""
    for k in range(source.shape[0]):
        for i in range(n):
            work[k, i] = source[k, begin + i]


@inner
def store(work: Any, target: Any, begin: Any, n: Any) -> Any:
    """The other way: as many rows as ``target`` has."""
    for k in range(target.shape[0]):
        for i in range(n):
            target[k, begin + i] = work[k, i]


def room_of(code: Sequence[Any], programs: Array) -> tuple[Array, Array]:
    """Room for what is ``given`` to each row (n_rows, given, 1), and to ``work`` in."""
    return np.empty((len(programs), code[6][0], 1)), np.empty((code[6][1], BLOCK))


@part
def give(code: Any, programs: Any, arguments: Any, given: Any) -> Any:
    """Put what is the same for all particles, of each row, into ``given`` (n_rows, given, 1)."""
    first, lines, constants = code[0], code[1], code[2]
    if len(lines) > 0:
        for row in range(len(programs)):
            program = programs[row]
            _run(lines, constants, first[program], first[program + 1], arguments[row], given[row], 1)


@part
def through(code: Any, program: Any, given: Any, work: Any, n: Any) -> Any:
    """Take the ``n`` particles in the first six rows of ``work`` (rows, BLOCK) through one program, in place."""
    _run(code[4], code[5], code[3][program], code[3][program + 1], given, work, n)


@inner
def _run(lines: Any, constants: Any, begin: Any, end: Any, given: Any, work: Any, n: Any) -> Any:
    for k in range(begin, end):
        code, a, b, o = lines[k, 0], lines[k, 1], lines[k, 2], lines[k, 3]
        if code == MUL:
            for i in range(n):
                work[o, i] = work[a, i] * work[b, i]
        elif code == ADD:
            for i in range(n):
                work[o, i] = work[a, i] + work[b, i]
        elif code == SUB:
            for i in range(n):
                work[o, i] = work[a, i] - work[b, i]
        elif code == MUL_ONE:
            for i in range(n):
                work[o, i] = work[a, i] * given[b, 0]
        elif code == ADD_ONE:
            for i in range(n):
                work[o, i] = work[a, i] + given[b, 0]
        elif code == SUB_ONE:
            for i in range(n):
                work[o, i] = work[a, i] - given[b, 0]
        elif code == ONE_SUB:
            for i in range(n):
                work[o, i] = given[b, 0] - work[a, i]
        elif code == RECIPROCAL:
            for i in range(n):
                work[o, i] = 1.0 / work[a, i]
        elif code == SQRT:
            for i in range(n):
                work[o, i] = np.sqrt(work[a, i])
        elif code == NEG:
            for i in range(n):
                work[o, i] = -work[a, i]
        elif code == MOVE:
            for i in range(n):
                work[o, i] = work[a, i]
        elif code == ARGUMENT:
            for i in range(n):
                work[o, i] = given[a, i]
        elif code == GIVEN:
            for i in range(n):
                work[o, i] = given[b, 0]
        elif code == CONSTANT:
            for i in range(n):
                work[o, i] = constants[k]
        else:
            _function(code, work[a], work[o], n)


@inner
def _function(code: Any, u: Any, out: Any, n: Any) -> Any:
    """A function of ``n`` numbers: side by side where all are near zero."""
    if code == SIN_SQRT and _are_within(u, n, SIN_IS_NEAR):
        for i in range(n):
            out[i] = sin_near_zero(u[i])
    elif code == COS_SQRT and _are_within(u, n, SIN_IS_NEAR):
        for i in range(n):
            out[i] = cos_near_zero(u[i])
    elif code == ARCTAN_RATIO and _are_within(u, n, ARCTAN_IS_NEAR):
        for i in range(n):
            out[i] = ratio_near_zero(u[i])
    else:
        for i in range(n):
            out[i] = function_series(np.int64(code), u[i])[0]


@inner
def _are_within(u: Any, n: Any, reach: Any) -> Any:
    """True when all |u| of the first ``n`` are below ``reach``; what is no number is not."""
    beyond = 0
    for i in range(n):
        beyond += int(not abs(u[i]) < reach)
    return beyond == 0
