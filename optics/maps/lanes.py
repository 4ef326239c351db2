"""Series of one map for many lattices at once: the interpreter of ``taylor`` with a row of lanes in each cell.

Arguments differ from lane to lane, the program is the same, so every operation is a loop over the lanes that does
nothing but arithmetic: the compiler computes eight lattices with one instruction. Always real, about the reference
orbit, and only as far as the optics asks: the transverse coordinates to second order, zeta to first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import inner
from optics.maps.bank import Bank
from optics.maps.recording import ADD, ARCTAN_RATIO, ARGUMENT, CONSTANT, COORDINATE, COS_SQRT, MUL, NEG, SIN_SQRT, SUB
from optics.maps.smooth import ARCTAN_IS_NEAR, SIN_IS_NEAR, cos_of_sin, ratio_of_square, series_near_zero
from optics.maps.taylor import function_series

#: Lattices that are worked on together: enough to vectorise, few enough for the cache.
LANES = 16


#: Rows of the work space beside the operations' own.
SPARE = 3
#: Order that is needed at most of each result of a map, and of what it is made of.
_NEEDED = (2, 2, 2, 2, 1, 0)


def needed_orders(bank: Bank, at_most: int = 2) -> Array:
    """Order to which each operation of the bank is needed, -1 where it is not needed at all."""
    first, _, left, right, *_, results, _ = bank.arrays
    orders = np.full(len(left), -1, dtype=np.int64)
    for program, begin in enumerate(first[:-1]):
        for result, order in zip(results[program], _NEEDED, strict=True):
            orders[begin + result] = max(orders[begin + result], min(order, at_most))
        for k in range(first[program + 1] - 1, begin - 1, -1):
            for source in (left[k], right[k]):
                if source >= 0 and bank.arrays[1][k] not in (ARGUMENT, COORDINATE):
                    orders[begin + source] = max(orders[begin + source], orders[k])
    return orders


@inner
def run_lanes(bank: Any, orders: Any, program: Any, arguments: Any, work: Any) -> Any:
    """Series of the operations of ``program`` for ``arguments`` (n_arguments, LANES), into ``work``.

    ``work`` (operations + SPARE, 28, LANES) was zero in the beginning and is used by this program alone: a coefficient
    that is never set stays zero. Result j then stands in ``work[bank[7][program, j]]``.
    """
    first, codes, left, right, constants, n_active, active, _, quadratic = bank
    begin = first[program]
    values, sums, zero = work[work.shape[0] - 1], work[work.shape[0] - 3], work[work.shape[0] - 2]
    for k in range(begin, first[program + 1]):
        code, a, b, order = codes[k], left[k], right[k], orders[k]
        if order < 0:
            continue
        out, n, own = work[k - begin], n_active[k], active[k]
        if code == CONSTANT:
            out[0, :] = constants[k]
        elif code == ARGUMENT:
            for i in range(LANES):
                out[0, i] = arguments[a, i]
        elif code == COORDINATE:
            out[1 + a, :] = 1.0
        elif code == ADD:
            _add(work[a], work[b], 1.0, n, own, quadratic, order, out)
        elif code == SUB:
            _add(work[a], work[b], -1.0, n, own, quadratic, order, out)
        elif code == MUL:
            _multiply(work[a], work[b], n, own, quadratic, order, out)
        elif code == NEG:
            _add(zero, work[a], -1.0, n, own, quadratic, order, out)
        else:
            _function(code, work[a, 0], sums, values)
            _compose(work[a], values, n, own, quadratic, order, out)


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
    largest = 0.0
    for i in range(LANES):
        if not abs(u[i]) < reach:  # what is no number is not within
            largest = reach
    return largest < reach


@inner
def _add(a: Any, b: Any, sign: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    _add_row(a, b, sign, 0, out)
    if order >= 1:
        for p in range(n):
            _add_row(a, b, sign, 1 + active[p], out)
            if order >= 2:
                for q in range(p, n):
                    _add_row(a, b, sign, quadratic[active[p], active[q]], out)


@inner
def _add_row(a: Any, b: Any, sign: Any, c: Any, out: Any) -> Any:
    for i in range(LANES):
        out[c, i] = a[c, i] + sign * b[c, i]


@inner
def _multiply(a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    for lane in range(LANES):
        out[0, lane] = a[0, lane] * b[0, lane]
    for p in range(n if order >= 1 else 0):
        i = 1 + active[p]
        for lane in range(LANES):
            out[i, lane] = a[0, lane] * b[i, lane] + b[0, lane] * a[i, lane]
        if order < 2:
            continue
        ii = quadratic[active[p], active[p]]
        for lane in range(LANES):
            out[ii, lane] = a[0, lane] * b[ii, lane] + b[0, lane] * a[ii, lane] + a[i, lane] * b[i, lane]
        for q in range(p + 1, n):
            j, ij = 1 + active[q], quadratic[active[p], active[q]]
            for lane in range(LANES):
                pure = a[0, lane] * b[ij, lane] + b[0, lane] * a[ij, lane]
                out[ij, lane] = pure + a[i, lane] * b[j, lane] + a[j, lane] * b[i, lane]


@inner
def _compose(a: Any, f: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    """f(a) from f, f' and f'' at the value of a: rows 0, 1 and 2 of ``f``."""
    for lane in range(LANES):
        out[0, lane] = f[0, lane]
    for p in range(n if order >= 1 else 0):
        i = 1 + active[p]
        for lane in range(LANES):
            out[i, lane] = f[1, lane] * a[i, lane]
        if order < 2:
            continue
        ii = quadratic[active[p], active[p]]
        for lane in range(LANES):
            out[ii, lane] = f[1, lane] * a[ii, lane] + 0.5 * f[2, lane] * a[i, lane] * a[i, lane]
        for q in range(p + 1, n):
            j, ij = 1 + active[q], quadratic[active[p], active[q]]
            for lane in range(LANES):
                out[ij, lane] = f[1, lane] * a[ij, lane] + f[2, lane] * a[i, lane] * a[j, lane]
