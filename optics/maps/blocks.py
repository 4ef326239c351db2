"""Recorded maps for many particles at once: numbers instead of series, a block of particles an operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import compiled, inner
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
def track(bank: Any, programs: Any, arguments: Any, state: Any, places: Any, out: Any) -> Any:
    """Take ``state`` (6, n) through all rows, in place; out (places, 6, n) what it is in front of rows ``places``.

    ``arguments`` (n_rows, n_arguments, 1 or n).
    """
    work = np.empty((_longest(bank), _BLOCK))
    for begin in range(0, state.shape[1], _BLOCK):
        block, place = state[:, begin : begin + _BLOCK], 0
        own = begin if arguments.shape[2] > 1 else 0
        for row in range(len(programs) + 1):
            while place < len(places) and places[place] == row:
                for i in range(N_COORDINATES):
                    for j in range(block.shape[1]):
                        out[place, i, begin + j] = block[i, j]
                place += 1
            if row < len(programs):
                _run_block(bank, programs[row], arguments[row, :, own : own + _BLOCK], block, work)


@inner
def _longest(bank: Any) -> Any:
    """How many operations the longest program has."""
    longest = 0
    for program in range(len(bank[0]) - 1):
        longest = max(longest, bank[0][program + 1] - bank[0][program])
    return longest


@inner
def _run_block(bank: Any, program: Any, arguments: Any, block: Any, work: Any) -> Any:
    """Interpret one program for a block of particles (6, n), in place; ``arguments`` (.., 1) of all or (.., n)."""
    first, codes, left, right, constants, _, _, results, _ = bank
    offset, n = first[program], block.shape[1]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], left[k], right[k]
        out = work[k - offset]
        if code == CONSTANT:
            out[:n] = constants[k]
        elif code == ARGUMENT:
            for i in range(n):
                out[i] = arguments[a, i if arguments.shape[1] > 1 else 0]
        elif code == COORDINATE:
            for i in range(n):
                out[i] = block[a, i]
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
        for j in range(n):
            block[i, j] = work[results[program, i], j]
