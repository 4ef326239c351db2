"""Closed orbit and Twiss parameters at one place of a ring as functions of momentum, to all orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from lattice import InputError, NoSolution, UnstableOptics
from lattice.arrays import Array
from optics.closed import closed
from optics.linear.optics import Optics
from optics.linear.twiss import twiss

_DEGREES = (4, 8, 16, 32)
#: Largest remaining change of x, px, y, py [m, 1], of log beta and of alpha.
_TOLERANCES = np.array([1e-9, 1e-9, 1e-9, 1e-9, 1e-6, 1e-6, 1e-6, 1e-6])


@closed
@dataclass(frozen=True, eq=False)
class MomentumOptics:
    """Chebyshev series over ``lower`` to ``upper`` [dp/p] of x, px, y, py, log betx, alfx, log bety, alfy."""

    lower: float
    upper: float
    coefficients: Array

    def _values(self, delta: Array) -> Array:
        half = 0.5 * (self.upper - self.lower)
        place = (np.asarray(delta) - 0.5 * (self.lower + self.upper)) / half if half else np.zeros(np.shape(delta))
        return np.asarray(chebyshev.chebval(place, self.coefficients))

    def orbit(self, delta: Array) -> Array:
        """Closed orbit (n, 4) of x, px, y, py at momentum deviations (n,)."""
        return np.asarray(self._values(delta)[:4].T)

    def twiss(self, delta: Array) -> tuple[Array, Array, Array, Array]:
        """betx [m], alfx, bety [m], alfy at momentum deviations (n,), each (n,)."""
        _, _, _, _, betx, alfx, bety, alfy = self._values(delta)
        return np.exp(betx), alfx, np.exp(bety), alfy


def momentum_optics(optics: Optics, row: int, lower: float, upper: float) -> MomentumOptics:
    """Optics of a ring at a row for momentum deviations from ``lower`` to ``upper``.

    ``twiss`` at Chebyshev nodes, more of them until the last coefficients are below 1e-9 m of orbit and 1e-6 of
    beta and alpha. Raises InputError for a line and for coupled planes, UnstableOptics where a momentum is not stable,
    NoSolution when the series does not converge.
    """
    if not optics.periodic or optics.coupled:
        found = "coupled planes" if optics.coupled else "a line"
        raise InputError(f"particles are matched to their own momentum in uncoupled rings, this is {found}")
    half, middle = 0.5 * (upper - lower), 0.5 * (lower + upper)
    for degree in _DEGREES if half else (0,):
        nodes = chebyshev.chebpts1(degree + 1)
        values = np.array([_at(optics, row, middle + half * node) for node in nodes])
        coefficients = chebyshev.chebfit(nodes, values, degree)
        if degree == 0 or np.all(np.abs(coefficients[-2:]).sum(axis=0) < _TOLERANCES):
            return MomentumOptics(lower, upper, coefficients)
    raise NoSolution(
        f"the optics of ring '{optics.lattice.name}' is no smooth function of momentum between delta = {lower:g} and "
        f"{upper:g} (a tune meets an integer or half-integer near there): take a narrower stack"
    )


def _at(optics: Optics, row: int, delta: float) -> list[float]:
    try:
        there = twiss(optics.lattice, optics.particle, fringe=optics.fringe, delta=delta, chromatic=False)
    except UnstableOptics as error:
        raise UnstableOptics(f"no beam can be matched at delta = {delta:g}: {error}") from None
    x, px, y, py, betx, alfx, bety, alfy = (
        float(there[name][row]) for name in ("x", "px", "y", "py", "betx", "alfx", "bety", "alfy")
    )
    return [x, px, y, py, np.log(betx), alfx, np.log(bety), alfy]
