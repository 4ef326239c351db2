"""Exact first and second derivatives of the element maps.

A recorded map (``recording``) is evaluated in truncated power series of the six coordinates, so that first and second
derivatives come out exact to rounding (automatic differentiation in Taylor mode: Griewank & Walther, Evaluating
Derivatives, SIAM 2008, chapter 13).

A series is stored as 28 coefficients: the value, six first-order ones, and 21 of the monomials z_i z_j, i <= j.
Arguments (lengths, strengths) may be complex, which gives derivatives with respect to them by the complex step.
The functions here take the arrays of a ``Bank``, programs (n,), arguments (n, n_arguments), and fill ``out``. ``work``
holds the series of all operations, and was zero: a coefficient that is never set stays zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optics.compiled import compiled, inlined, inner, part
from optics.maps.recording import (
    ADD,
    ARCTAN,
    ARGUMENT,
    CONSTANT,
    COORDINATE,
    COS,
    COS_SQRT,
    MUL,
    N_COORDINATES,
    NEG,
    RECIPROCAL,
    SIN,
    SIN_SQRT,
    SQRT,
    SUB,
)
from optics.maps.smooth import arctan, arctan_ratio_series, cos_sqrt_series, sin_sqrt_series

N_FIRST = 1 + N_COORDINATES
N_SECOND = N_FIRST + N_COORDINATES * (N_COORDINATES + 1) // 2
#: Index of the coefficient of z_i z_j.
QUADRATIC = np.zeros((N_COORDINATES, N_COORDINATES), dtype=np.int64)
_UPPER = [(i, j) for i in range(N_COORDINATES) for j in range(i, N_COORDINATES)]
for _position, (_i, _j) in enumerate(_UPPER):
    QUADRATIC[_i, _j] = QUADRATIC[_j, _i] = N_FIRST + _position


@compiled
def evaluate_rows(bank: Any, programs: Any, arguments: Any, starts: Any, order: Any, work: Any, out: Any) -> Any:
    """Each row about its own of ``starts`` (n, 6); of (1, 6), about the end of the row before, which is put there."""
    follows = len(starts) == 1
    for row in range(len(programs)):
        start = starts[0 if follows else row]
        _run(bank, programs[row], arguments[row], start, order, work, out[row])
        if follows:
            for i in range(N_COORDINATES):
                start[i] = out[row, i, 0]


@compiled
def multiply_out(series: Any, before: Any, total: Any) -> Any:
    """Put the Jacobians in ``series`` (n, 6, 7 or 28), one after the other, behind ``total`` (6, 6)."""
    for row in range(len(series)):
        for i in range(N_COORDINATES):
            for j in range(N_COORDINATES):
                before[i, j] = total[i, j]
        for i in range(N_COORDINATES):
            for j in range(N_COORDINATES):
                value = series[row, i, 1] * before[0, j]
                for k in range(1, N_COORDINATES):
                    value += series[row, i, 1 + k] * before[k, j]
                total[i, j] = value


@compiled
def second_order(series: Any, along: Any, curved: Any) -> Any:
    """What becomes of a point + t ``along`` + t^2 ``curved``, (6,) each, through ``series`` (n, 6, 28) in turn."""
    for step in series:
        new_along, new_curved = np.zeros_like(along), np.zeros_like(curved)
        for row in range(N_COORDINATES):
            for i in range(N_COORDINATES):
                new_along[row] += step[row, 1 + i] * along[i]
                new_curved[row] += step[row, 1 + i] * curved[i]
                for j in range(i, N_COORDINATES):
                    new_curved[row] += step[row, QUADRATIC[i, j]] * along[i] * along[j]
        along, curved = new_along, new_curved
    return along, curved


@compiled
def operations(bank: Any, programs: Any, arguments: Any, start: Any, work: Any, results: Any, out: Any) -> Any:
    for row in range(len(programs)):
        first, last = bank[0][programs[row]], bank[0][programs[row] + 1]
        _run(bank, programs[row], arguments[row], start, 0, work, results)
        for k in range(first, last):
            out[row, k - first] = work[k, 0]


@part
def _run(bank: Any, program: Any, arguments: Any, start: Any, order: Any, work: Any, out: Any) -> Any:
    """Interpret one program in truncated power series about ``start``; rows are told by numbers: a view costs more."""
    first, codes, left, right, constants, n_active, active, results, quadratic = bank
    offset = first[program]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], offset + left[k], offset + right[k]
        if code == CONSTANT:
            work[k, 0] = constants[k]
        elif code == ARGUMENT:
            work[k, 0] = arguments[left[k]]
        elif code == COORDINATE:
            work[k, 0] = start[left[k]]
            work[k, 1 + left[k]] = 1.0
        elif code == ADD:
            _add(work, a, b, 1.0, n_active[k], active, quadratic, order, k)
        elif code == SUB:
            _add(work, a, b, -1.0, n_active[k], active, quadratic, order, k)
        elif code == MUL:
            _multiply(work, a, b, n_active[k], active, quadratic, order, k)
        else:
            f0, f1, f2 = function_series(code, work[a, 0])
            _compose(work, a, f0, f1, f2, n_active[k], active, quadratic, order, k)
    for i in range(N_COORDINATES):
        result = offset + results[program, i]
        for c in range(out.shape[1]):
            out[i, c] = work[result, c]


@inlined
def _add(w: Any, a: Any, b: Any, sign: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    w[o, 0] = w[a, 0] + sign * w[b, 0]
    for p in range(n if order >= 1 else 0):
        i = 1 + active[o, p]
        w[o, i] = w[a, i] + sign * w[b, i]
    for p in range(n if order >= 2 else 0):
        for q in range(p, n):
            ij = quadratic[active[o, p], active[o, q]]
            w[o, ij] = w[a, ij] + sign * w[b, ij]


@inlined
def _multiply(w: Any, a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    a0, b0 = w[a, 0], w[b, 0]
    w[o, 0] = a0 * b0
    for p in range(n if order >= 1 else 0):
        i = 1 + active[o, p]
        w[o, i] = a0 * w[b, i] + b0 * w[a, i]
    for p in range(n if order >= 2 else 0):
        i = active[o, p]
        ii, ai, bi = quadratic[i, i], w[a, 1 + i], w[b, 1 + i]
        w[o, ii] = a0 * w[b, ii] + b0 * w[a, ii] + ai * bi
        for q in range(p + 1, n):
            j = active[o, q]
            ij = quadratic[i, j]
            w[o, ij] = a0 * w[b, ij] + b0 * w[a, ij] + ai * w[b, 1 + j] + w[a, 1 + j] * bi


@inner
def _compose(w: Any, a: Any, f0: Any, f1: Any, f2: Any, n: Any, active: Any, quadratic: Any, order: Any, o: Any) -> Any:
    """f(a) from f, f' and f'' at the value of a."""
    w[o, 0] = f0
    for p in range(n if order >= 1 else 0):
        i = 1 + active[o, p]
        w[o, i] = f1 * w[a, i]
    for p in range(n if order >= 2 else 0):
        i = active[o, p]
        ii, ai = quadratic[i, i], w[a, 1 + i]
        w[o, ii] = f1 * w[a, ii] + 0.5 * f2 * ai * ai
        for q in range(p + 1, n):
            j = active[o, q]
            ij = quadratic[i, j]
            w[o, ij] = f1 * w[a, ij] + f2 * ai * w[a, 1 + j]


@inner
def function_series(code: Any, u: Any) -> Any:
    """Value, first and second derivative of an elementary function at u."""
    if code == NEG:
        return -u, u * 0 - 1.0, u * 0
    if code == RECIPROCAL:
        r = 1.0 / u
        return r, -r * r, 2.0 * r * r * r
    if code == SQRT:
        r = np.sqrt(u)
        return r, 0.5 / r, -0.25 / (r * u)
    if code == SIN:
        s, c = np.sin(u), np.cos(u)
        return s, c, -s
    if code == COS:
        s, c = np.sin(u), np.cos(u)
        return c, -s, -c
    if code == ARCTAN:
        d = 1.0 / (1.0 + u * u)
        return arctan(u), d, -2.0 * u * d * d
    if code == COS_SQRT:
        return cos_sqrt_series(u)
    if code == SIN_SQRT:
        return sin_sqrt_series(u)
    return arctan_ratio_series(u)
