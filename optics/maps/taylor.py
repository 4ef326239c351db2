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

from optics.compiled import compiled, inner, part
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
from optics.maps.smooth import arctan_ratio_series, cos_sqrt_series, sin_sqrt_series

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
    """Interpret one program in truncated power series about ``start``."""
    first, codes, left, right, constants, n_active, active, results, quadratic = bank
    offset = first[program]
    for k in range(offset, first[program + 1]):
        code, a, b = codes[k], left[k], right[k]
        series = work[k]
        if code == CONSTANT:
            series[0] = constants[k]
        elif code == ARGUMENT:
            series[0] = arguments[a]
        elif code == COORDINATE:
            series[0] = start[a]
            series[1 + a] = 1.0
        elif code == ADD:
            _add(work[offset + a], work[offset + b], 1.0, n_active[k], active[k], quadratic, order, series)
        elif code == SUB:
            _add(work[offset + a], work[offset + b], -1.0, n_active[k], active[k], quadratic, order, series)
        elif code == MUL:
            _multiply(work[offset + a], work[offset + b], n_active[k], active[k], quadratic, order, series)
        else:
            f0, f1, f2 = function_series(code, work[offset + a, 0])
            _compose(work[offset + a], f0, f1, f2, n_active[k], active[k], quadratic, order, series)
    for i in range(N_COORDINATES):
        series = work[offset + results[program, i]]
        for c in range(out.shape[1]):
            out[i, c] = series[c]


@inner
def _add(a: Any, b: Any, sign: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    out[0] = a[0] + sign * b[0]
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = a[1 + i] + sign * b[1 + i]
            if order >= 2:
                for q in range(p, n):
                    ij = quadratic[i, active[q]]
                    out[ij] = a[ij] + sign * b[ij]


@inner
def _multiply(a: Any, b: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    a0, b0 = a[0], b[0]
    out[0] = a0 * b0
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = a0 * b[1 + i] + b0 * a[1 + i]
            if order >= 2:
                ii = quadratic[i, i]
                out[ii] = a0 * b[ii] + b0 * a[ii] + a[1 + i] * b[1 + i]
                for q in range(p + 1, n):
                    j = active[q]
                    ij = quadratic[i, j]
                    out[ij] = a0 * b[ij] + b0 * a[ij] + a[1 + i] * b[1 + j] + a[1 + j] * b[1 + i]


@inner
def _compose(a: Any, f0: Any, f1: Any, f2: Any, n: Any, active: Any, quadratic: Any, order: Any, out: Any) -> Any:
    """f(a) from f, f' and f'' at the value of a."""
    out[0] = f0
    if order >= 1:
        for p in range(n):
            i = active[p]
            out[1 + i] = f1 * a[1 + i]
            if order >= 2:
                ii = quadratic[i, i]
                out[ii] = f1 * a[ii] + 0.5 * f2 * a[1 + i] * a[1 + i]
                for q in range(p + 1, n):
                    j = active[q]
                    ij = quadratic[i, j]
                    out[ij] = f1 * a[ij] + f2 * a[1 + i] * a[1 + j]


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
        return np.arctan(u), d, -2.0 * u * d * d
    if code == COS_SQRT:
        return cos_sqrt_series(u)
    if code == SIN_SQRT:
        return sin_sqrt_series(u)
    return arctan_ratio_series(u)
