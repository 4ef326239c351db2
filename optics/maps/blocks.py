"""Recorded maps for many particles at once: numbers instead of series, a block of particles an operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import compiled
from optics.maps.recording import (
    ADD,
    ARGUMENT,
    CONSTANT,
    COORDINATE,
    MUL,
    N_COORDINATES,
    NEG,
    RECIPROCAL,
    SQRT,
    SUB,
)
from optics.maps.taylor import function_series

_BLOCK = 64  # particles that go through an operation together: enough to vectorise, few enough for the cache


@compiled
def track(bank: Any, programs: Any, arguments: Any, state: Any) -> Any:
    work = np.empty((_longest(bank), _BLOCK))
    for begin in range(0, state.shape[1], _BLOCK):
        block = state[:, begin : begin + _BLOCK]
        for row in range(len(programs)):
            _run_block(bank, programs[row], arguments[row], block, work)


@compiled
def _longest(bank: Any) -> Any:
    """How many operations the longest program has."""
    longest = 0
    for program in range(len(bank[0]) - 1):
        longest = max(longest, bank[0][program + 1] - bank[0][program])
    return longest


@compiled
def track_each(bank: Any, programs: Any, arguments: Any, state: Any) -> Any:
    work = np.empty((_longest(bank), state.shape[1]))
    for row in range(len(programs)):
        _run_block(bank, programs[row], arguments[row], state, work)


@compiled
def orbits_of_each(bank: Any, programs: Any, arguments: Any, state: Any, rows: Any, out: Any) -> Any:
    work, place = np.empty((_longest(bank), state.shape[1])), 0
    for row in range(len(programs) + 1):
        while place < len(rows) and rows[place] == row:
            out[place] = state
            place += 1
        if row < len(programs):
            _run_block(bank, programs[row], arguments[row], state, work)


@compiled
def _run_block(bank: Any, program: Any, arguments: Any, block: Any, work: Any) -> Any:
    """Interpret one program for a block of particles (6, n), in place; ``arguments`` of all or (.., n) of each."""
    first, codes, left, right, constants, _, _, results, _ = bank
    offset, n = first[program], block.shape[1]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], left[k], right[k]
        out = work[k - offset]
        if code == CONSTANT:
            out[:n] = constants[k]
        elif code == ARGUMENT:
            out[:n] = arguments[a]
        elif code == COORDINATE:
            out[:n] = block[a]
        elif code == ADD:
            for i in range(n):
                out[i] = work[a, i] + work[b, i]
        elif code == SUB:
            for i in range(n):
                out[i] = work[a, i] - work[b, i]
        elif code == MUL:
            for i in range(n):
                out[i] = work[a, i] * work[b, i]
        elif code == NEG:
            for i in range(n):
                out[i] = -work[a, i]
        elif code == RECIPROCAL:
            for i in range(n):
                out[i] = 1.0 / work[a, i]
        elif code == SQRT:
            for i in range(n):
                out[i] = np.sqrt(work[a, i])
        else:
            for i in range(n):
                out[i] = function_series(code, work[a, i])[0]
    for i in range(N_COORDINATES):
        block[i, :] = work[results[program, i], :n]
