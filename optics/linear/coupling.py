"""Coupled linear optics: two modes, each seen in both planes.

The one-turn matrix is taken apart as M = V U V^-1 with U block-diagonal (D. Edwards & L. Teng, IEEE Trans. Nucl.
Sci. 20, 885, 1973; D. Sagan & D. Rubin, Phys. Rev. ST Accel. Beams 2, 074001, 1999). The columns of N = V diag(B1, B2),
B the Courant-Snyder blocks, are carried along the line by the element matrices; beta_jk = N_j,2k-1^2 + N_j,2k^2 is
mode k seen in plane j (H. Mais & G. Ripken, DESY M-82-05). Without coupling it is that of ``linear.propagation``.
All of it is real algebra, so a complex step in the strengths passes through.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optics.compiled import compiled, inner
from optics.linear.propagation import (
    BETX,
    BETX2,
    BETY,
    BETY1,
    CHROMATIC_X,
    CHROMATIC_Y,
    DX,
    MUX,
    MUY,
    N_FUNCTIONS,
    N_SUMS,
    SHARE,
    SLIP,
    advance_dispersion,
    angle,
    change_along,
    courant_snyder,
)

#: Turns: coupling may carry the phase that is seen in one plane backwards, but not by more than this in an element.
_BACKWARDS = 0.25


@compiled
def mode_start(matrices: Any, room: Any, modes: Any, cosines: Any, fractions: Any) -> Any:
    """Modes N (batch, 4, 4) at the beginning, nan where unstable; their cosines and tunes modulo 1 (batch, 2).

    ``room`` (5, 4, 4) is to work in.
    """
    v, inverse, blocks, u, found = room[0], room[1], room[2], room[3], room[4]
    for b in range(matrices.shape[0]):
        matrix = matrices[b]
        difference = matrix[0, 0] + matrix[1, 1] - matrix[2, 2] - matrix[3, 3]
        h11, h12 = matrix[0, 2] + matrix[3, 1], matrix[0, 3] - matrix[2, 1]
        h21, h22 = matrix[1, 2] - matrix[3, 0], matrix[1, 3] + matrix[2, 0]
        square = difference * difference + 4.0 * (h11 * h22 - h12 * h21)
        for i in range(4):
            for j in range(4):
                modes[b, i, j] = np.nan
                v[i, j] = inverse[i, j] = blocks[i, j] = 0.0
        cosines[b, 0] = cosines[b, 1] = np.nan
        if not square.real > 0.0:
            continue  # a sum resonance
        root = np.sqrt(square)
        sign = 1.0 if difference.real >= 0.0 else -1.0
        g = np.sqrt(0.5 + 0.5 * sign * difference / root)
        factor = -sign / (g * root)
        c11, c12, c21, c22 = factor * h11, factor * h12, factor * h21, factor * h22
        for i in range(4):
            v[i, i] = inverse[i, i] = g
        v[0, 2], v[0, 3], v[1, 2], v[1, 3] = c11, c12, c21, c22
        v[2, 0], v[2, 1], v[3, 0], v[3, 1] = -c22, c12, c21, -c11
        inverse[0, 2], inverse[0, 3], inverse[1, 2], inverse[1, 3] = -c11, -c12, -c21, -c22
        inverse[2, 0], inverse[2, 1], inverse[3, 0], inverse[3, 1] = c22, -c12, -c21, c11
        _multiply(inverse, matrix, found)
        _multiply(found, v, u)
        stable = True
        for mode in range(2):
            i = 2 * mode
            bounded, cosine, sine, beta, alpha = courant_snyder(u, i)
            cosines[b, mode] = cosine
            if not bounded:
                stable = False
                continue
            root_beta = np.sqrt(beta)
            blocks[i, i] = root_beta
            blocks[i + 1, i] = -alpha / root_beta
            blocks[i + 1, i + 1] = 1.0 / root_beta
            fractions[b, mode] = angle(sine, cosine) / (2.0 * math.pi)
        if stable:
            _multiply(v, blocks, modes[b])


@inner
def _multiply(a: Any, b: Any, out: Any) -> Any:
    """a b for the leading 4 x 4 parts of matrices, into ``out``, which is neither."""
    for i in range(4):
        for j in range(4):
            out[i, j] = a[i, 0] * b[0, j]
            for k in range(1, 4):
                out[i, j] += a[i, k] * b[k, j]


@compiled
def propagate_modes(
    series: Any,
    first: Any,
    stride: Any,
    is_thick: Any,
    rows: Any,
    quadratic: Any,
    second_order: Any,
    start: Any,
    start_modes: Any,
    now: Any,
    room: Any,
    out: Any,
    sums: Any,
) -> Any:
    """As ``propagation.propagate``, for modes that begin as ``start_modes`` (batch, 4, 4).

    ``now`` (15,) and ``room`` (3, 4, 4) are to work in.
    """
    modes, after, change = room[0], room[1], room[2]
    for b in range(out.shape[0]):
        for i in range(N_FUNCTIONS):
            now[i] = start[b, i]
        _copy(start_modes[b], modes)
        for i in range(N_SUMS):
            sums[b, i] = 0.0
        _read_functions(modes, now)
        for row in range(len(rows) - 1):
            for i in range(N_FUNCTIONS):
                out[b, row, i] = now[i]
            for step in range(rows[row], rows[row + 1]):
                coefficients = series[first[step] + stride[step] * b]
                for i in range(4):
                    for j in range(4):
                        after[i, j] = coefficients[i, 1] * modes[0, j]
                        for k in range(1, 4):
                            after[i, j] += coefficients[i, 1 + k] * modes[k, j]
                if second_order:
                    _add_phase_changes(coefficients, quadratic, now, modes, after, change, sums[b])
                sums[b, SLIP] += advance_dispersion(coefficients, now)
                now[MUX] += _advance(modes[0, 0], modes[0, 1], after[0, 0], after[0, 1], is_thick[step])
                now[MUY] += _advance(modes[2, 2], modes[2, 3], after[2, 2], after[2, 3], is_thick[step])
                _copy(after, modes)
                _read_functions(modes, now)
        for i in range(N_FUNCTIONS):
            out[b, len(rows) - 1, i] = now[i]


@inner
def _copy(modes: Any, out: Any) -> Any:
    for i in range(4):
        for j in range(4):
            out[i, j] = modes[i, j]


@inner
def _read_functions(n: Any, now: Any) -> Any:
    for i in (0, 2):  # plane
        for k in (0, 2):  # mode
            beta = (BETX if i == 0 else BETY) if i == k else (BETX2 if i == 0 else BETY1)
            now[beta] = n[i, k] * n[i, k] + n[i, k + 1] * n[i, k + 1]
            now[beta + 1] = -(n[i, k] * n[i + 1, k] + n[i, k + 1] * n[i + 1, k + 1])
    now[SHARE] = n[0, 0] * n[1, 1] - n[0, 1] * n[1, 0]


@inner
def _advance(x0: Any, p0: Any, x1: Any, p1: Any, is_thick: Any) -> Any:
    """Angle from (x0, p0) to (x1, p1) in turns."""
    advance = angle(x0 * p1 - p0 * x1, x0 * x1 + p0 * p1) / (2.0 * math.pi)
    if is_thick and advance.real < -_BACKWARDS:
        advance += 1.0
    return advance


@inner
def _add_phase_changes(
    coefficients: Any, quadratic: Any, now: Any, before: Any, after: Any, change: Any, sums: Any
) -> Any:
    """dmu/ddelta [rad] of both modes: (A_12 - A_21)/2 in each block of A = (R N)^-1 dR N."""
    for i in range(4):
        for j in range(4):
            change[i, j] = change_along(coefficients[i], quadratic, now, j)
    for mode in range(2):
        i = 2 * mode
        a12, a21 = now[DX] * 0.0, now[DX] * 0.0
        for j in range(4):
            sign, partner = (1.0, j + 1) if j % 2 == 0 else (-1.0, j - 1)
            d0, d1 = now[DX] * 0.0, now[DX] * 0.0
            for k in range(4):
                d0 += change[j, k] * before[k, i]
                d1 += change[j, k] * before[k, i + 1]
            a12 += sign * after[partner, i + 1] * d1
            a21 -= sign * after[partner, i] * d0
        sums[CHROMATIC_X if mode == 0 else CHROMATIC_Y] += 0.5 * (a12 - a21)
