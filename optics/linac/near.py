"""Gaps for particles near the reference's energy: what a gap's energy sets as short polynomials, fitted to the gap.

Of a gap's map more than half of the arithmetic is functions of the particle's energy alone (``gap.of_energy``), each a
long polynomial over all velocities that a transit-time factor is known for. A bunch is at one place within a per cent
or so of one energy. There polynomials of nine and seven coefficients repeat them to rounding: they are fitted to these
same functions at Chebyshev points, and used where the fit repeats them between the points. A particle further from the
reference goes through the gap's own functions, whatever its neighbours do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import cheb2poly, chebpts1, chebvander

from lattice.arrays import Array
from optics.compiled import compiled
from optics.linac.gap import FEW_TERMS, NEAR_TERMS, gap, of_energy
from optics.linac.line import BLOCK, CT, GAP, UX, UY, Line, W, Y, gap_numbers, step
from optics.linac.structure.reference import Reference

#: Half of the range of energies about the reference's, of its energy.
_RANGE = 0.01
#: By how much the fit may miss what acts on a particle: T of 1, and of the others what they are over the cell's length.
_MISS = 1e-14
#: The functions that are fitted: T, A, B, lam, mu and three of second order.
_FUNCTIONS = 8


class Near(NamedTuple):
    """Row by row: reference energy ``w`` and the ``reach`` (of w) that the polynomials serve, -1 where none do.

    ``inverse``: of half the width of the polynomials' range about w; ``first`` (rows, 9) and ``others`` (rows, 7,
    7): coefficients of T and of the others, the highest power first.
    """

    w: Array
    reach: Array
    inverse: Array
    first: Array
    others: Array


def near_of(line: Line, reference: Reference) -> Near:
    """The polynomials of all gaps about the energies of the ``reference`` in front of each."""
    rows = np.flatnonzero((line.kind == GAP) & (line.volt != 0.0))
    w = reference.w[rows]
    gain = np.abs(line.volt[rows] * parts(line, rows, w[None])[0, :, 0])
    half = _RANGE * w + 0.6 * gain  # half of the gain is had in the middle, at any phase; a little more off axis
    at, between = chebpts1(NEAR_TERMS), np.linspace(-1.0, 1.0, 2 * NEAR_TERMS)
    powers = _powers(at, parts(line, rows, w + half * at[:, None]))
    missed = np.tensordot(np.vander(between, NEAR_TERMS), powers, 1)
    missed -= parts(line, rows, w + half * between[:, None])
    good = np.all(np.abs(missed).max(axis=0) * _weights(line, rows) < _MISS, axis=1)
    count = len(line.kind)
    found = Near(
        *(np.zeros(count), np.full(count, -1.0), np.zeros(count)),
        np.zeros((count, NEAR_TERMS)),
        np.zeros((count, _FUNCTIONS - 1, FEW_TERMS)),
    )
    found.w[rows], found.reach[rows] = w, np.where(good, _RANGE * w, -1.0)
    found.inverse[rows] = 1.0 / half
    found.first[rows] = powers[:, :, 0].T
    found.others[rows] = powers[NEAR_TERMS - FEW_TERMS :, :, 1:].transpose(1, 2, 0)
    return found


def _weights(line: Line, rows: Array) -> Array:
    """(rows, 8): what brings mu [m] and the lenses [1/m] of a cell to its length; the others are numbers already."""
    length = 4.0 * line.cell[rows, 3] / line.cell[rows, 0]
    ones = np.ones(len(rows))
    return np.column_stack([ones, ones, ones, ones, 1.0 / length, length, length, ones])


def _powers(at: Array, values: Array) -> Array:
    """Powers (9, rows, functions), highest first, through ``values`` (9, rows, functions) at the points ``at``.

    By Chebyshev's polynomials, whose sum loses nothing to rounding; of all but the first function the last are left
    out.
    """
    terms = len(at)
    series = np.tensordot(chebvander(at, terms - 1).T * (2.0 / terms), values, 1)
    series[0] *= 0.5
    series[FEW_TERMS:, :, 1:] = 0.0
    powers = np.array([np.pad(cheb2poly(one), (0, terms))[:terms] for one in np.eye(terms)])
    return np.asarray(np.tensordot(powers.T, series, 1)[::-1])


@compiled
def parts(line: Line, rows: Array, w: Array) -> Array:
    """T, A, B, lam, mu, three of second order (n, rows, 8) of the gaps ``rows`` at energies ``w`` (n, rows)."""
    found = np.zeros((*w.shape, _FUNCTIONS))
    for j, row in enumerate(rows):
        volt, _, cell, coefficients, second = gap_numbers(line, row)
        for i in range(len(w)):
            t, a, b, first, bent = of_energy(w[i, j], volt, cell, coefficients, second, None)
            found[i, j, 0], found[i, j, 1], found[i, j, 2] = t[0], a[0], b[0]
            found[i, j, 3], found[i, j, 4] = first[0], first[1]
            found[i, j, 5], found[i, j, 6], found[i, j, 7] = bent[0], bent[1], bent[2]
    return found


@compiled
def near_step(line: Line, near: Near, row: int, z: Array, count: int, aside: Array, who: Array) -> None:
    """As ``step``, quicker for those near the reference's energy; ``aside`` and ``who``: room for the others."""
    far = count
    if near.reach[row] > 0.0:
        far = _set_aside(near.w[row], near.reach[row], z, count, aside, who)
    if far == count:
        step(line, row, z, count)
        return
    _near_gap(line, near, row, z, count)
    if far > 0:
        step(line, row, aside, far)
        for i in range(far):
            for j in range(6):
                z[j * BLOCK + who[i]] = aside[j * BLOCK + i]


@compiled
def _set_aside(w: float, reach: float, z: Array, count: int, aside: Array, who: Array) -> int:
    """Copy the particles of a block whose energy is further than ``reach`` from ``w``; how many these are."""
    far = 0
    for i in range(count):
        far += not abs(z[W + i] - w) <= reach
    if far == 0 or far == count:
        return far
    at = 0
    for i in range(count):
        if not abs(z[W + i] - w) <= reach:
            who[at] = i
            for j in range(6):
                aside[j * BLOCK + at] = z[j * BLOCK + i]
            at += 1
    return far


@compiled
def _near_gap(line: Line, near: Near, row: int, z: Array, count: int) -> None:
    volt, phase, cell, coefficients, second = gap_numbers(line, row)
    polynomials = (near.w[row], near.inverse[row], near.first[row], near.others[row])
    for i in range(count):
        z[i], z[UX + i], z[Y + i], z[UY + i], z[CT + i], z[W + i] = gap(
            *(z[i], z[UX + i], z[Y + i], z[UY + i], z[CT + i], z[W + i]),
            *(volt, phase, cell, coefficients, second, polynomials),
        )
