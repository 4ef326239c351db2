"""Compiled core of the linear optics: one-turn matrix, periodic solution, propagation of the optical functions.

Everything here is holomorphic in the strengths, so a complex step through it gives exact derivatives.
Formulas: E. Courant & H. Snyder, Ann. Phys. 3, 1 (1958); chromaticity by first-order perturbation of the phase
advance, dmu = -trace(J K)/2 with K = R^-1 dR/ddelta along the dispersive orbit and J the Courant-Snyder matrix.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from optics.compiled import compiled, inner

#: Columns of the propagated functions.
BETX, ALFX, MUX, BETY, ALFY, MUY, DX, DPX, DY, DPY = range(10)
#: Of coupled optics: each mode in the other plane, and the share of each in its own (det N_11 = det N_22).
BETX2, ALFX2, BETY1, ALFY1, SHARE = range(10, 15)
N_FUNCTIONS = 15
#: Columns of the sums over the line.
SLIP, CHROMATIC_X, CHROMATIC_Y = range(3)
N_SUMS = 3
_ROUNDING = 1e-12
#: A larger |cos mu| is 1 within rounding: the products of 800 elements leave 2e-13 of their exact trace of 2. A tune
#: closer than 7e-7 to a whole or half number is so told from none only by that rounding.
LARGEST_COSINE = 1.0 - 1e-11


def angle(y: Any, x: Any) -> Any:
    """arctan2 in compiled code, also for complex steps."""
    raise NotImplementedError


@overload(angle)
def _angle_compiled(y: Any, x: Any) -> Any:
    """arctan2, and its holomorphic continuation off the real axis."""
    if isinstance(y, types.Complex):

        def of_complex(y: Any, x: Any) -> Any:
            tangent = (x.real * y.imag - y.real * x.imag) / (x.real * x.real + y.real * y.real)
            return complex(math.atan2(y.real, x.real), tangent)

        return of_complex

    def of_real(y: Any, x: Any) -> Any:
        return math.atan2(y, x)

    return of_real


@compiled
def one_turn_matrices(series: Any, first: Any, stride: Any, sequence_length: Any, before: Any, out: Any) -> Any:
    """Product of all steps for each lattice of the batch: out (batch, 6, 6); ``before`` (6, 6) is room to work in."""
    for b in range(out.shape[0]):
        total = out[b]
        for i in range(6):
            for column in range(6):
                total[i, column] = 1.0 if i == column else 0.0
        for step in range(sequence_length):
            matrix = series[first[step] + stride[step] * b]
            for i in range(6):
                for column in range(6):
                    before[i, column] = total[i, column]
            for i in range(5):
                for column in range(6):
                    if column != 4:  # nothing static depends on zeta
                        total[i, column] = 0.0
                for k in range(6):
                    value = matrix[i, 1 + k]
                    if value != 0.0:  # most are: planes that are not coupled, drifts
                        for column in range(6):
                            if column != 4:
                                total[i, column] += value * before[k, column]


@compiled
def largest_coupling(series: Any) -> Any:
    """Largest element between the planes over the largest of its 4 x 4 matrix, among all series; nan is passed over."""
    worst = 0.0
    for row in range(series.shape[0]):
        mixed, whole = 0.0, 0.0
        for i in range(4):
            for k in range(4):
                size = abs(series[row, i, 1 + k])
                whole = size if size > whole else whole
                mixed = size if (i < 2) != (k < 2) and size > mixed else mixed
        worst = mixed / whole if mixed / whole > worst else worst
    return worst


@compiled
def courant_snyder(matrix: Any, i: Any) -> Any:
    """Of the block at (i, i) of a one-turn matrix: is it bounded, cos mu, sin mu, beta, alpha (nan where it is not)."""
    cosine = 0.5 * (matrix[i, i] + matrix[i + 1, i + 1])
    sine = np.sqrt(1.0 - cosine * cosine)
    if matrix[i, i + 1].real < 0.0:
        sine = -sine
    alpha = 0.5 * (matrix[i, i] - matrix[i + 1, i + 1]) / sine
    return abs(cosine.real) < LARGEST_COSINE, cosine, sine, matrix[i, i + 1] / sine, alpha


@compiled
def periodic_start(matrices: Any, room: Any, start: Any, cosines: Any) -> Any:
    """Periodic functions at the beginning: start (batch, 15), nan where unstable; cosines (batch, 2) of the tunes.

    ``room`` (4, 5) is to work in.
    """
    for b in range(matrices.shape[0]):
        matrix = matrices[b]
        stable = True
        for plane in range(2):
            i = 2 * plane
            bounded, cosine, _, beta, alpha = courant_snyder(matrix, i)
            cosines[b, plane] = cosine
            stable = stable and bounded
            start[b, 3 * plane] = beta
            start[b, 3 * plane + 1] = alpha
            start[b, 3 * plane + 2] = 0.0
        if stable:
            _dispersion(matrix, room, start[b])
            for i in range(BETX2, SHARE):
                start[b, i] = 0.0
            start[b, SHARE] = 1.0
        else:
            for i in range(N_FUNCTIONS):
                start[b, i] = np.nan


@compiled
def periodic_dispersion(matrices: Any, room: Any, start: Any) -> Any:
    """Periodic dispersion of each lattice, put into its columns of start (batch, 15)."""
    for b in range(matrices.shape[0]):
        _dispersion(matrices[b], room, start[b])


@inner
def _dispersion(matrix: Any, system: Any, start: Any) -> Any:
    for i in range(4):
        for k in range(4):
            system[i, k] = -matrix[i, k]
        system[i, i] += 1.0
        system[i, 4] = matrix[i, 5]
    _solve4(system)
    for i in range(4):
        start[DX + i] = system[i, 4]


@inner
def _solve4(a: Any) -> Any:
    """Solve for four unknowns in place, a (4, 5), with row pivoting: the last column becomes x, nan when singular."""
    for k in range(4):
        pivot = k
        for i in range(k + 1, 4):
            if abs(a[i, k]) > abs(a[pivot, k]):
                pivot = i
        for j in range(k, 5):
            a[k, j], a[pivot, j] = a[pivot, j], a[k, j]
        for i in range(4):
            if i != k:
                factor = a[i, k] / a[k, k]
                for j in range(k + 1, 5):
                    a[i, j] -= factor * a[k, j]
    for k in range(4):
        a[k, 4] = a[k, 4] / a[k, k]


@compiled
def propagate(
    series: Any,
    first: Any,
    stride: Any,
    is_thick: Any,
    rows: Any,
    quadratic: Any,
    second_order: Any,
    start: Any,
    now: Any,
    out: Any,
    sums: Any,
) -> Any:
    """Optical functions at each row from ``start`` (batch, 15): out (batch, n_rows + 1, 15), sums (batch, 3).

    ``is_thick``: steps with length, whose phase advance is positive (below one turn). ``sums``: slip (change of zeta
    per delta) and, when ``second_order``, the phases' change per delta [rad]. ``now`` (15,) is to work in.
    """
    for b in range(out.shape[0]):
        for i in range(N_FUNCTIONS):
            now[i] = start[b, i]
        for i in range(N_SUMS):
            sums[b, i] = 0.0
        for row in range(len(rows) - 1):
            for i in range(N_FUNCTIONS):
                out[b, row, i] = now[i]
            for step in range(rows[row], rows[row + 1]):
                coefficients = series[first[step] + stride[step] * b]
                if second_order:
                    for plane in range(2):
                        sums[b, CHROMATIC_X + plane] += _phase_change(coefficients, quadratic, now, plane)
                sums[b, SLIP] += advance_dispersion(coefficients, now)
                for plane in range(2):
                    _advance_plane(coefficients, now, plane, is_thick[step])
        for i in range(N_FUNCTIONS):
            out[b, len(rows) - 1, i] = now[i]


@inner
def _advance_plane(coefficients: Any, now: Any, plane: Any, is_thick: Any) -> Any:
    i = 2 * plane
    m11, m12 = coefficients[i, 1 + i], coefficients[i, 2 + i]
    m21, m22 = coefficients[i + 1, 1 + i], coefficients[i + 1, 2 + i]
    beta, alpha = now[3 * plane], now[3 * plane + 1]
    cosine, sine = m11 * beta - m12 * alpha, m12
    beta_out = (cosine * cosine + sine * sine) / beta
    now[3 * plane + 1] = -((m21 * beta - m22 * alpha) * cosine + m22 * sine) / beta
    now[3 * plane] = beta_out
    advance = angle(sine, cosine) / (2.0 * math.pi)
    if is_thick and advance.real < -_ROUNDING:
        advance += 1.0
    now[3 * plane + 2] += advance


@inner
def advance_dispersion(coefficients: Any, now: Any) -> Any:
    """Carry the dispersion through a step; returns the change of zeta per delta."""
    d0, d1, d2, d3 = now[DX], now[DPX], now[DY], now[DPY]
    slip = coefficients[4, 6]
    slip += coefficients[4, 1] * d0 + coefficients[4, 2] * d1 + coefficients[4, 3] * d2 + coefficients[4, 4] * d3
    for i in range(4):
        row = coefficients[i]
        now[DX + i] = row[1] * d0 + row[2] * d1 + row[3] * d2 + row[4] * d3 + row[6]
    return slip


@inner
def change_along(row: Any, quadratic: Any, now: Any, column: Any) -> Any:
    """Change per delta of an element of a step's matrix, along the dispersive orbit, from its ``row`` of the series."""
    change = row[quadratic[column, 5]]
    for k in range(4):
        twice = row[quadratic[column, k]] * now[DX + k]
        change += twice + twice if k == column else twice
    return change


@inner
def _phase_change(coefficients: Any, quadratic: Any, now: Any, plane: Any) -> Any:
    """dmu/ddelta [rad] of one step: -trace(J K)/2 with K = R^-1 dR along the dispersive orbit."""
    i = 2 * plane
    m11, m12 = coefficients[i, 1 + i], coefficients[i, 2 + i]
    m21, m22 = coefficients[i + 1, 1 + i], coefficients[i + 1, 2 + i]
    first, second = coefficients[i], coefficients[i + 1]
    c11, c12 = change_along(first, quadratic, now, i), change_along(first, quadratic, now, i + 1)
    c21, c22 = change_along(second, quadratic, now, i), change_along(second, quadratic, now, i + 1)
    k11, k12, k21 = m22 * c11 - m12 * c21, m22 * c12 - m12 * c22, m11 * c21 - m21 * c11
    beta, alpha = now[3 * plane], now[3 * plane + 1]
    gamma = (1.0 + alpha * alpha) / beta
    return 0.5 * (gamma * k12 - beta * k21) - alpha * k11
