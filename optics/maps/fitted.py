"""A map of two coordinates as polynomials: what a map does to them many thousand times, for a thousandth of the price.

The map is looked at on a box, at the nodes of Chebyshev's polynomials, and interpolated there to rounding: it is
analytic and far from its singularities, so coefficients fall by their order until they are rounding
(L. N. Trefethen, Approximation Theory and Approximation Practice, SIAM 2013, chapter 8). Points between the nodes
have to agree with the map as well as it agrees with itself; otherwise there is no ``Fitted``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lattice.arrays import Array
from optics.compiled import compiled, inner

_LANES = 8  # points that are worked on together
_COUNTS = (15, 21, 29)  # of nodes a side
_ROUNDING = 2e-13  # of the box: what rounding of a turn of some hundred maps leaves of a coefficient
_MISFIT = 2e-12  # of the box: the same at a point, in a tenth of a millimetre
_PROBES = 64


@dataclass(frozen=True, eq=False)
class Fitted:
    """A map of points (n, 2), x = ``centre`` + ``box`` u with u in the unit square, in u again.

    ``table`` (2, rows, columns) coefficients of T_i(u_0) T_j(u_1), ``lengths`` (rows,) how many of a row count.
    """

    centre: Array
    box: Array
    inverse: Array
    table: Array
    lengths: Array

    def iterates(self, points: Array, most: int) -> Array:
        """Images (k, n, 2) of points (n, 2) after 1 to k <= ``most`` times: as long as all are within the box."""
        start = np.ascontiguousarray(self.inverse @ (points - self.centre).T)
        out = np.empty((most, *start.shape))
        done = _iterate(self.table, self.lengths, start, out)
        return np.asarray(self.centre + (self.box @ out[:done]).swapaxes(1, 2))


def fitted(function: Callable[[Array], Array], centre: Array, box: Array) -> Fitted | None:
    """``function`` of points (n, 2) on the box ``centre`` + ``box`` u, |u| <= 1; None where it is no polynomial there.

    ``box`` (2, 2): its columns are the half sides.
    """
    inverse = np.linalg.inv(box)

    def inside(u: Array) -> Array:
        with np.errstate(all="ignore"):  # a particle that is lost is not a number
            return np.asarray((function(centre + u @ box.T) - centre) @ inverse.T)

    probes = np.random.default_rng(3).uniform(-1.0, 1.0, (_PROBES, 2))
    truth = inside(probes)
    for count in _COUNTS:
        nodes, transform = nodes_of(count), coefficients_of(count)
        grid = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
        values = inside(grid).T.reshape(2, count, count)
        if not np.all(np.isfinite(values)):
            return None
        table = transform @ values @ transform.T
        noise = float(max(np.max(np.abs(table[:, -2:])), np.max(np.abs(table[:, :, -2:]))))
        if noise > _ROUNDING:
            continue
        found = _trimmed(centre, box, inverse, table, noise)
        out = np.empty((1, 2, _PROBES))
        _iterate(found.table, found.lengths, np.ascontiguousarray(probes.T), out)
        return found if np.max(np.abs(out[0].T - truth)) < _MISFIT else None
    return None


def _trimmed(centre: Array, box: Array, inverse: Array, table: Array, noise: float) -> Fitted:
    """Without the coefficients behind the last one of each row that stands out of the ``noise``."""
    counts = np.any(np.abs(table) > noise, axis=0)
    lengths = np.where(counts.any(axis=1), counts.shape[1] - np.argmax(counts[:, ::-1], axis=1), 0)
    return Fitted(centre, box, inverse, np.ascontiguousarray(table), lengths.astype(np.int64))


def nodes_of(count: int) -> Array:
    """Where T_count is 0, falling: the nodes (count,) of an interpolation of degree count - 1."""
    return np.asarray(np.cos(_angles(count)))


@lru_cache(maxsize=8)
def coefficients_of(count: int) -> Array:
    """Matrix (count, count) from values at the nodes to coefficients of T_0 to T_(count - 1)."""
    transform = 2.0 / count * np.cos(np.outer(np.arange(count), _angles(count)))
    transform[0] /= 2.0
    return np.asarray(transform)


def _angles(count: int) -> Array:
    return np.asarray(np.pi * (np.arange(count) + 0.5) / count)


@compiled
def _iterate(table: Any, lengths: Any, start: Any, out: Any) -> Any:
    """Fill ``out`` (most, 2, n) with images; how many of them began within the box."""
    most, _, count = out.shape
    first, second = np.empty((table.shape[1], _LANES)), np.empty((table.shape[2], _LANES))
    point, image, row = np.zeros((2, _LANES)), np.zeros((2, _LANES)), np.zeros((2, _LANES))
    for number in range(most):
        before = start if number == 0 else out[number - 1]
        for k in range(2):
            for i in range(count):
                if not abs(before[k, i]) <= 1.0:
                    return number
        for begin in range(0, count, _LANES):
            width = min(_LANES, count - begin)
            for k in range(2):
                for i in range(width):
                    point[k, i] = before[k, begin + i]
            _polynomials(point[0], first)
            _polynomials(point[1], second)
            _evaluate(table, lengths, first, second, row, image)
            for k in range(2):
                for i in range(width):
                    out[number, k, begin + i] = image[k, i]
    return most


@inner
def _polynomials(u: Any, out: Any) -> None:
    """T_0 to T_(len(out) - 1) at u (LANES,)."""
    for i in range(_LANES):
        out[0, i] = 1.0
        out[1, i] = u[i]
    for n in range(2, len(out)):
        for i in range(_LANES):
            out[n, i] = 2.0 * u[i] * out[n - 1, i] - out[n - 2, i]


@inner
def _evaluate(table: Any, lengths: Any, first: Any, second: Any, row: Any, image: Any) -> None:
    for i in range(_LANES):
        image[0, i] = image[1, i] = 0.0
    for i in range(len(lengths)):
        for lane in range(_LANES):
            row[0, lane] = row[1, lane] = 0.0
        for j in range(lengths[i]):
            a, b = table[0, i, j], table[1, i, j]
            for lane in range(_LANES):
                row[0, lane] += a * second[j, lane]
                row[1, lane] += b * second[j, lane]
        for lane in range(_LANES):
            image[0, lane] += row[0, lane] * first[i, lane]
            image[1, lane] += row[1, lane] * first[i, lane]
