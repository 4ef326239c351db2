"""Matrices of a line between places, first and second order, and the moments of a beam that they carry.

z_i = sum_j R_ij z0_j + sum_jk T_ijk z0_j z0_k, T_ijk = T_ikj (SLAC-75), in x, px, y, py, zeta, delta about the orbit:
products of the exact series of every step, so that a complex step in a strength passes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from lattice.arrays import Array, read_only
from lattice.memory import Kept
from optics.compiled import compiled, inner
from optics.linear.conditions import Conditions
from optics.linear.moments import PLANE_COLUMNS, plane_column
from optics.maps.lattices.series import step_series
from optics.maps.recording import N_COORDINATES
from optics.maps.taylor import QUADRATIC

_DIGITS = "123456"
#: r11 ... r66 and t111 ... t666.
MATRIX_COLUMNS = tuple(f"r{i}{j}" for i in _DIGITS for j in _DIGITS)
SECOND_ORDER_COLUMNS = tuple(f"t{i}{j}{k}" for i in _DIGITS for j in _DIGITS for k in _DIGITS)


@dataclass(frozen=True, eq=False)
class Transfer:
    """``first`` (batch, rows, 6, 6) from one row to each; ``second`` (batch, rows, 6, 6, 6), or None at first order."""

    first: Array
    second: Array | None

    def column(self, name: str) -> Array:
        """r11 ... r66, or t111 ... t666: (batch, rows)."""
        values = self.first if name[0] == "r" else self.second
        assert values is not None
        for digit in reversed(name[1:]):
            values = values[..., int(digit) - 1]
        return values


@dataclass(frozen=True, eq=False)
class Planes:
    """Moments ``sigma`` (batch, rows, 6, 6) of a beam along a line, read in the laboratory's planes."""

    sigma: Array

    def column(self, name: str) -> Array:
        """One of PLANE_COLUMNS: (batch, rows)."""
        return plane_column(name, self.sigma)


#: By slices, order, and the row from which the matrices begin.
_TRANSFER = Kept[tuple[int, int, int], Transfer]("matrices")
_PLANES = Kept[int, Planes]("moments")


def transfer(conditions: Conditions, slices: int = 1, order: int = 1, begin: int = 0) -> Transfer:
    """Matrices from row ``begin`` of the (sliced) table to every row; the identity in front of it."""
    key = (slices, order, begin)
    return conditions.memory.once(_TRANSFER, key, lambda: _transfer(conditions, *key))


def planes(conditions: Conditions, slices: int = 1) -> Planes:
    """Moments along the line of the beam that it begins with; InputError where only functions were given."""
    moments = conditions.moments
    if moments is None:
        raise InputError(
            f"{', '.join(PLANE_COLUMNS[:3])} ... are those of a beam: begin with its moments, "
            "twiss(line, start=Moments(...))"
        )
    return conditions.memory.once(_PLANES, slices, lambda: _planes(conditions, slices))


def _planes(conditions: Conditions, slices: int) -> Planes:
    assert conditions.moments is not None
    first, start = transfer(conditions, slices).first, conditions.moments.sigma
    start = start[:, None] if start.ndim == 3 else start
    return Planes(read_only(first @ start @ np.swapaxes(first, -1, -2)))


def _transfer(conditions: Conditions, slices: int, order: int, begin: int) -> Transfer:
    one_orbit = conditions.lattice.batch is None or not conditions.periodic
    model = step_series(
        conditions.lattice,
        conditions.particle,
        fringe=conditions.fringe,
        order=order,
        slices=slices,
        delta=conditions.delta,
        start=conditions.start_orbit[0] if one_orbit else conditions.start_orbit,
    )
    shape = (model.batch, len(model.plan.rows))
    first = np.zeros((*shape, N_COORDINATES, N_COORDINATES), dtype=model.series.dtype)
    line = (model.series, model.first, model.stride, model.plan.rows, begin)
    if order == 1:
        matrices_from(*line, first)
        return Transfer(read_only(first), None)
    second = np.zeros((*first.shape, N_COORDINATES), dtype=first.dtype)
    second_order_from(*line, QUADRATIC, first, second)
    return Transfer(read_only(first), read_only(second))


@compiled
def matrices_from(series: Any, first: Any, stride: Any, rows: Any, begin: Any, out: Any) -> Any:
    """Matrix from row ``begin`` to each row: out (batch, rows, 6, 6)."""
    for b in range(out.shape[0]):
        for row in range(begin + 1):
            for i in range(6):
                out[b, row, i, i] = 1.0
        now = out[b, begin].copy()
        for row in range(begin, len(rows) - 1):
            for step in range(rows[row], rows[row + 1]):
                now = _times(series[first[step] + stride[step] * b], now)
            for i in range(6):
                for j in range(6):
                    out[b, row + 1, i, j] = now[i, j]


@inner
def _times(coefficients: Any, matrix: Any) -> Any:
    """The first-order part of a series times a matrix; nothing static depends on zeta, whose column stays."""
    out = np.zeros((6, 6), dtype=matrix.dtype)
    for i in range(6):
        for k in range(6):
            value = coefficients[i, 1 + k]
            if value != 0.0:
                for j in range(6):
                    out[i, j] += value * matrix[k, j]
    return out


@compiled
def second_order_from(
    series: Any, first: Any, stride: Any, rows: Any, begin: Any, quadratic: Any, out: Any, second: Any
) -> Any:
    """As ``matrices_from``, with T in ``second`` (batch, rows, 6, 6, 6)."""
    for b in range(out.shape[0]):
        for row in range(begin + 1):
            for i in range(6):
                out[b, row, i, i] = 1.0
        now, bent = out[b, begin].copy(), second[b, begin].copy()
        for row in range(begin, len(rows) - 1):
            for step in range(rows[row], rows[row + 1]):
                coefficients = series[first[step] + stride[step] * b]
                bent = _bent(coefficients, quadratic, now, bent)
                now = _times(coefficients, now)
            for i in range(6):
                for j in range(6):
                    out[b, row + 1, i, j] = now[i, j]
                    for k in range(6):
                        second[b, row + 1, i, j, k] = bent[i, j, k]


@inner
def _bent(coefficients: Any, quadratic: Any, matrix: Any, before: Any) -> Any:
    """T behind a step: R_step T + sum over pairs of the step's own quadratic terms, symmetric in the last two."""
    out = np.zeros((6, 6, 6), dtype=matrix.dtype)
    for i in range(6):
        for a in range(6):
            value = coefficients[i, 1 + a]
            if value != 0.0:
                for j in range(6):
                    for k in range(6):
                        out[i, j, k] += value * before[a, j, k]
            for c in range(a, 6):
                own = coefficients[i, quadratic[a, c]]
                if own != 0.0:
                    for j in range(6):
                        for k in range(6):
                            pair = matrix[a, j] * matrix[c, k] + matrix[a, k] * matrix[c, j]
                            out[i, j, k] += 0.5 * own * pair
    return out
