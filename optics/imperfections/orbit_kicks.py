"""The kicks that correct a reading: least squares by SVD, the best few correctors (MICADO), and limits on them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.optimize import lsq_linear

from lattice import InputError
from lattice.arrays import Array
from lattice.errors import did_you_mean

Method = Literal["svd", "micado"]

_METHODS = ("svd", "micado")
_DEPENDENT = 1e-9  # a column that loses all but this part of its length to those before it depends on them
_DAMPING = 1e-6  # of the largest singular value: picks the smallest of kicks that do as well


def kicks_for(
    matrix: Array,
    reading: Array,
    method: Method = "svd",
    *,
    cut: float = 1e-3,
    number: int | None = None,
    limit: float | None = None,
) -> Array:
    """Kicks (machines, correctors) [rad] that bring ``reading`` (machines, monitors) [m] nearest to zero.

    ``matrix`` (monitors, correctors) [m/rad]. Unread machines (nan) get no kicks. InputError for an unknown method and
    for numbers that make no sense.
    """
    _check(matrix, method, cut, number, limit)
    readable = np.nan_to_num(reading)
    if method == "svd":
        usable, kicks = _truncated(matrix, cut), -readable @ _truncated_inverse(matrix, cut).T
        return (
            kicks
            if limit is None
            else np.array([_bounded(usable, r, k, limit) for r, k in zip(readable, kicks, strict=True)])
        )
    return np.array([_micado_kicks(matrix, one, number or matrix.shape[1], limit) for one in readable])


def _check(matrix: Array, method: str, cut: float, number: int | None, limit: float | None) -> None:
    if method not in _METHODS:
        raise InputError(f"unknown method '{method}'{did_you_mean(str(method), _METHODS)}: svd or micado")
    if not 0.0 <= cut < 1.0:
        raise InputError(f"cut is a part of the largest singular value, from 0 to below 1, found {cut!r}")
    if number is not None and not 1 <= number <= matrix.shape[1]:
        raise InputError(f"number of correctors must be 1 to {matrix.shape[1]}, found {number!r}")
    if limit is not None and not limit > 0.0:
        raise InputError(f"the limit of a kick must be positive, found {limit!r}")


def _truncated(matrix: Array, cut: float) -> Array:
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    kept = s >= cut * s[0]
    product: Array = (u[:, kept] * s[kept]) @ v[kept]
    return product


def _truncated_inverse(matrix: Array, cut: float) -> Array:
    inverse: Array = np.linalg.pinv(matrix, rcond=max(cut, matrix.shape[1] * np.finfo(float).eps))
    return inverse


def micado(matrix: Array, reading: Array, number: int) -> list[int]:
    """The correctors that one after the other lower the rms of ``reading`` (monitors,) most, all kicks free each time.

    What is chosen is projected out of the other columns (Gram-Schmidt), so the gain of each is exact.
    """
    columns, left = matrix.copy(), reading.copy()
    lengths = np.linalg.norm(matrix, axis=0)
    chosen: list[int] = []
    for _ in range(number):
        size = np.linalg.norm(columns, axis=0)
        free = size > _DEPENDENT * lengths
        free[chosen] = False
        if not free.any():
            break
        gain = np.where(free, np.abs(left @ columns) / np.where(free, size, 1.0), -1.0)
        best = int(np.argmax(gain))
        direction = columns[:, best] / size[best]
        left = left - direction * (direction @ left)
        columns = columns - np.outer(direction, direction @ columns)
        chosen.append(best)
    return chosen


def _micado_kicks(matrix: Array, reading: Array, number: int, limit: float | None) -> Array:
    chosen = micado(matrix, reading, number)
    kicks = np.zeros(matrix.shape[1])
    kicks[chosen] = -np.linalg.lstsq(matrix[:, chosen], reading, rcond=None)[0]
    if limit is not None:
        kicks[chosen] = _bounded(matrix[:, chosen], reading, kicks[chosen], limit)
    return kicks


def _bounded(matrix: Array, reading: Array, kicks: Array, limit: float) -> Array:
    """The kicks when they keep the limit, else the best ones that do (of equal ones the smallest)."""
    if np.all(np.abs(kicks) <= limit):
        return kicks
    damping = _DAMPING * np.linalg.norm(matrix, 2) * np.eye(matrix.shape[1])
    stacked = np.vstack([matrix, damping])
    found = lsq_linear(stacked, np.concatenate([-reading, np.zeros(len(damping))]), (-limit, limit), method="bvls")
    best: Array = found.x
    return best
