"""Series of one map for many lattices at once: the interpreter of ``taylor`` with a row of lanes in each cell.

Arguments differ from lane to lane, the program is the same, so every operation is a loop over the lanes that does
nothing but arithmetic: the compiler computes eight lattices with one instruction. Always real, about the reference
orbit, and only as far as the optics asks: the transverse coordinates to second order, zeta to first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import compiled, inner
from optics.maps.bank import Bank
from optics.maps.recording import (
    ADD,
    ARCTAN_RATIO,
    ARGUMENT,
    CONSTANT,
    COORDINATE,
    COS_SQRT,
    MUL,
    N_COORDINATES,
    NEG,
    SIN_SQRT,
    SUB,
    Program,
)
from optics.maps.smooth import ARCTAN_IS_NEAR, SIN_IS_NEAR, cos_of_sin, ratio_of_square, series_near_zero
from optics.maps.taylor import N_FIRST, N_SECOND, function_series

#: Lattices that are worked on together: enough to vectorise, few enough for the cache.
LANES = 16


#: Rows of the work space beside the operations' own.
SPARE = 3
#: Order that a scan needs at most of each result of a map, and of what it is made of.
OF_SCANS = (2, 2, 2, 2, 1, 0)


def needed_orders(bank: Bank, needed: tuple[int, ...]) -> Array:
    """Order to which each operation of the bank is needed, where results are ``needed`` to an order each; -1: never."""
    return np.concatenate([_of_program(program, needed) for program in bank.programs])


@lru_cache(maxsize=512)
def _of_program(program: Program, needed: tuple[int, ...]) -> Array:
    orders = np.full(len(program.operations), -1, dtype=np.int64)
    for result, order in zip(program.results, needed, strict=True):
        orders[result] = max(orders[result], order)
    for k, (code, left, right, _) in reversed(list(enumerate(program.operations))):
        for source in (left, right) if code not in (ARGUMENT, COORDINATE) else ():
            if source >= 0:
                orders[source] = max(orders[source], orders[k])
    return orders


def follow_lanes(bank: Bank, programs: Array, arguments: Array, starts: Array, order: int, out: Array) -> None:
    """As ``Bank.follow`` for n lattices, side by side, each from its own start.

    ``arguments`` (n_rows, n_arguments, n), ``starts`` (n, 6); ``out`` (n, n_rows, 6, 28), or 7 when ``order`` is 1.
    What becomes of a lattice does not depend on those beside it.
    """
    orders = needed_orders(bank, (order,) * N_COORDINATES)
    begins = bank.arrays[0] + SPARE * np.arange(len(bank.arrays[0]))
    room = np.zeros((int(begins[-1]), N_SECOND if order > 1 else N_FIRST, LANES))
    lanes = np.empty((arguments.shape[1], LANES)), np.empty((N_COORDINATES, LANES))
    _follow(bank.arrays, orders, programs, arguments, np.ascontiguousarray(starts.T), begins, room, *lanes, out)


@compiled
def _follow(
    bank: Any,
    orders: Any,
    programs: Any,
    arguments: Any,
    starts: Any,
    begins: Any,
    room: Any,
    own: Any,
    point: Any,
    out: Any,
) -> Any:
    """``begins``: where in ``room`` each program has its own; a last group that is not whole repeats its last lane."""
    n = starts.shape[1]
    for begin in range(0, n, LANES):
        _load(starts, begin, n, point)
        for row in range(len(programs)):
            _load(arguments[row], begin, n, own)
            work = room[begins[programs[row]] : begins[programs[row] + 1]]
            run_lanes(bank, orders, programs[row], own, point, work)
            for j in range(N_COORDINATES):
                series = work[bank[7][programs[row], j]]
                for i in range(LANES):
                    point[j, i] = series[0, i]
                for i in range(LANES if n - begin > LANES else n - begin):
                    for c in range(out.shape[3]):
                        out[begin + i, row, j, c] = series[c, i]


@inner
def _load(source: Any, begin: Any, n: Any, lanes: Any) -> Any:
    """``LANES`` columns of ``source`` (rows, n) from ``begin``; behind the last one that one again."""
    for k in range(source.shape[0]):
        for i in range(LANES):
            lanes[k, i] = source[k, begin + i if begin + i < n else n - 1]


@inner
def run_lanes(bank: Any, orders: Any, program: Any, arguments: Any, start: Any, work: Any) -> Any:
    """Series of the operations of ``program`` about ``start`` (6, LANES) for ``arguments`` (n_arguments, LANES).

    They go into ``work`` (operations + SPARE, 28, LANES), which was zero in the beginning and is used by this program
    alone: a coefficient that is never set stays zero. Result j then stands in ``work[bank[7][program, j]]``.
    """
    first, codes, left, right, constants, n_active, active, _, quadratic = bank
    begin = first[program]
    values, sums, zero = work.shape[0] - 1, work.shape[0] - 3, work.shape[0] - 2
    for k in range(begin, first[program + 1]):
        code, a, b, order, o, n = codes[k], left[k], right[k], orders[k], k - begin, n_active[k]
        if order < 0:
            continue
        if code == CONSTANT:
            for i in range(LANES):
                work[o, 0, i] = constants[k]
        elif code == ARGUMENT:
            for i in range(LANES):
                work[o, 0, i] = arguments[a, i]
        elif code == COORDINATE:
            for i in range(LANES):
                work[o, 0, i], work[o, 1 + a, i] = start[a, i], 1.0
        elif code == ADD:
            _add(work, a, b, n, active[k], quadratic, order, o)
        elif code == SUB:
            _subtract(work, a, b, n, active[k], quadratic, order, o)
        elif code == MUL:
            _multiply(work, a, b, n, active[k], quadratic, order, o)
        elif code == NEG:
            _subtract(work, zero, a, n, active[k], quadratic, order, o)
        else:
            _function(code, work[a, 0], work[sums], work[values])
            _compose(work, a, values, n, active[k], quadratic, order, o)


@inner
def _function(code: Any, u: Any, sums: Any, values: Any) -> Any:
    """f, f' and f'' at u (LANES,) in rows 0, 1, 2 of ``values``: side by side where all lanes are near zero."""
    if code == ARCTAN_RATIO and _are_within(u, ARCTAN_IS_NEAR):
        for i in range(LANES):
            sums[3, i] = u[i] * u[i]
        series_near_zero(1, sums[3], sums)
        for i in range(LANES):
            values[0, i], values[1, i], values[2, i] = ratio_of_square(u[i], sums[0, i], sums[1, i], sums[2, i])
    elif code == SIN_SQRT and _are_within(u, SIN_IS_NEAR):
        series_near_zero(0, u, values)
    elif code == COS_SQRT and _are_within(u, SIN_IS_NEAR):
        series_near_zero(0, u, sums)
        for i in range(LANES):
            values[0, i], values[1, i], values[2, i] = cos_of_sin(u[i], sums[0, i], sums[1, i])
    else:
        for i in range(LANES):
            values[0, i], values[1, i], values[2, i] = function_series(code, u[i])


@inner
def _are_within(u: Any, reach: Any) -> Any:
    """True when all |u| (LANES,) are below ``reach``."""
    beyond = 0
    for i in range(LANES):
        beyond += int(not abs(u[i]) < reach)  # what is no number is not within
    return beyond == 0


@inner
def _add(w: Any, a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    for i in range(LANES):
        w[o, 0, i] = w[a, 0, i] + w[b, 0, i]
    for p in range(n if order >= 1 else 0):
        c = 1 + active[p]
        for i in range(LANES):
            w[o, c, i] = w[a, c, i] + w[b, c, i]
        for q in range(p, n if order >= 2 else 0):
            c = quadratic[active[p], active[q]]
            for i in range(LANES):
                w[o, c, i] = w[a, c, i] + w[b, c, i]


@inner
def _subtract(w: Any, a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    for i in range(LANES):
        w[o, 0, i] = w[a, 0, i] - w[b, 0, i]
    for p in range(n if order >= 1 else 0):
        c = 1 + active[p]
        for i in range(LANES):
            w[o, c, i] = w[a, c, i] - w[b, c, i]
        for q in range(p, n if order >= 2 else 0):
            c = quadratic[active[p], active[q]]
            for i in range(LANES):
                w[o, c, i] = w[a, c, i] - w[b, c, i]


@inner
def _multiply(w: Any, a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    for lane in range(LANES):
        w[o, 0, lane] = w[a, 0, lane] * w[b, 0, lane]
    for p in range(n if order >= 1 else 0):
        i = 1 + active[p]
        for lane in range(LANES):
            w[o, i, lane] = w[a, 0, lane] * w[b, i, lane] + w[b, 0, lane] * w[a, i, lane]
        if order < 2:
            continue
        ii = quadratic[active[p], active[p]]
        for lane in range(LANES):
            pure = w[a, 0, lane] * w[b, ii, lane] + w[b, 0, lane] * w[a, ii, lane]
            w[o, ii, lane] = pure + w[a, i, lane] * w[b, i, lane]
        for q in range(p + 1, n):
            j, ij = 1 + active[q], quadratic[active[p], active[q]]
            for lane in range(LANES):
                pure = w[a, 0, lane] * w[b, ij, lane] + w[b, 0, lane] * w[a, ij, lane]
                w[o, ij, lane] = pure + w[a, i, lane] * w[b, j, lane] + w[a, j, lane] * w[b, i, lane]


@inner
def _compose(w: Any, a: Any, f: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    """f(a) from f, f' and f'' at the value of a: rows 0, 1 and 2 of ``f``."""
    for lane in range(LANES):
        w[o, 0, lane] = w[f, 0, lane]
    for p in range(n if order >= 1 else 0):
        i = 1 + active[p]
        for lane in range(LANES):
            w[o, i, lane] = w[f, 1, lane] * w[a, i, lane]
        if order < 2:
            continue
        ii = quadratic[active[p], active[p]]
        for lane in range(LANES):
            w[o, ii, lane] = w[f, 1, lane] * w[a, ii, lane] + 0.5 * w[f, 2, lane] * w[a, i, lane] * w[a, i, lane]
        for q in range(p + 1, n):
            j, ij = 1 + active[q], quadratic[active[p], active[q]]
            for lane in range(LANES):
                w[o, ij, lane] = w[f, 1, lane] * w[a, ij, lane] + w[f, 2, lane] * w[a, i, lane] * w[a, j, lane]
