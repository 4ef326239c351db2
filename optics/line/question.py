"""What is asked of the settings of a line: sizes, no dispersion, room and bounds, as misses with exact derivatives.

Rows are scaled so that 1 is a miss that counts. Where a line turns (a gantry), the rows of all its angles stand below
each other: one setting has to serve them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.line.response import Responses, responses

_SIZE = 0.02  # relative: a miss of a size that counts as one,
_DISPERSION = 0.02  # and the share of the size that dispersion may make [of rms size by D sigma_delta]
_ROOM = 0.05  # of the half opening: an edge that far outside counts as one
_STRENGTH = 0.5  # m^-2: a strength that far outside its bounds counts as one


@dataclass(frozen=True, eq=False)
class Turned:
    """A parameter [rad] of the line and the ``values`` (A,) it takes: every setting has to serve at all of them."""

    parameter: str
    values: Array


@dataclass(frozen=True, eq=False)
class Squares:
    """Sums of squares (n,) of misses r with derivatives J: ``gradient`` J^T r (n, p), ``curvature`` J^T J (n, p, p)."""

    misses: Array
    gradient: Array
    curvature: Array

    def taken(self, where: Array, new: Squares, of: Array) -> None:
        """Puts the cases ``of`` the new ones in the places ``where``."""
        for mine, theirs in ((self.misses, new.misses), (self.gradient, new.gradient), (self.curvature, new.curvature)):
            mine[where] = theirs[of]


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of each of n cases: beams ``sigma`` (n, 6, 6), sizes ``wanted`` (n, 2) [m] at the row ``at``,
    strengths between ``lower`` and ``upper`` (n, p), edges at ``sigmas`` rms inside ``halves`` (rows, 2) [m]."""

    lattice: Lattice
    particle: ReferenceParticle
    knobs: tuple[str, ...]
    sigma: Array
    wanted: Array
    at: str
    lower: Array
    upper: Array
    halves: Array
    sigmas: float
    fringe: str
    turned: Turned | None = None

    @property
    def angles(self) -> int:
        """How many angles a setting has to serve."""
        return 1 if self.turned is None else len(self.turned.values)

    def carried(self, values: Array, cases: Array) -> Responses:
        """Moments of the cases at their values (n, p), angle after angle of each: (n A, ...)."""
        every = np.repeat(values, self.angles, axis=0)
        by_knob = {name: every[:, k] for k, name in enumerate(self.knobs)}
        sigma = np.repeat(self.sigma[cases], self.angles, axis=0)
        return responses(self._line(len(values)), self.particle, by_knob, sigma, self.at, fringe=self.fringe)

    def _line(self, cases: int) -> Lattice:
        if self.turned is None:
            return self.lattice
        return self.lattice.with_parameters({self.turned.parameter: np.tile(self.turned.values, cases)})

    def rows(self, values: Array, cases: Array) -> tuple[Array, Array]:
        """Scaled misses (n, m) and their derivatives (n, m, p): sizes, dispersion, openings, bounds."""
        found = self.carried(values, cases)
        every = np.repeat(cases, self.angles)
        parts = [self._sizes(found, every), self._dispersions(found, every), self._openings(found)]
        n, p = values.shape
        below = [(misses.reshape(n, -1), slopes.reshape(n, -1, p)) for misses, slopes in parts]
        below.append(self._bounds(values, cases))
        return np.concatenate([part[0] for part in below], axis=1), np.concatenate([part[1] for part in below], axis=1)

    def squares(self, values: Array, cases: Array) -> Squares:
        """The sum of squared misses of each case, with what a Gauss-Newton step needs of its derivatives."""
        rows, slopes = self.rows(values, cases)
        turned = np.swapaxes(slopes, 1, 2)
        return Squares((rows**2).sum(axis=1), (turned @ rows[..., None])[..., 0], turned @ slopes)

    def _sizes(self, found: Responses, cases: Array) -> tuple[Array, Array]:
        squares = np.stack([found.end[:, u, u] for u in (0, 2)], axis=1)
        slopes = np.stack([found.end_slopes[:, :, u, u] for u in (0, 2)], axis=1)
        misses = 0.5 * np.log(squares / self.wanted[cases] ** 2) / _SIZE
        return misses, 0.5 * slopes / squares[..., None] / _SIZE

    def _dispersions(self, found: Responses, cases: Array) -> tuple[Array, Array]:
        """D sigma_delta over the size wanted; the slope of D by that of the size over 10 m behind."""
        spread = np.sqrt(self.sigma[cases, 5, 5])
        known = np.where(spread > 0, spread, 1.0)
        scale = _DISPERSION * np.repeat(self.wanted[cases], 2, axis=1) * [1.0, 0.1, 1.0, 0.1]
        misses = found.end[:, :4, 5] / known[:, None] / scale
        slopes = found.end_slopes[:, :, :4, 5].swapaxes(1, 2) / known[:, None, None] / scale[..., None]
        return misses, slopes

    def _openings(self, found: Responses) -> tuple[Array, Array]:
        """How far the edge of the beam lies outside each opening, 0 inside; those that all beams keep are left out."""
        edges = self.sigmas * np.sqrt(found.squares[:, :-1]) / self.halves
        tight = np.flatnonzero((edges > 1.0).any(axis=(0, 2)))
        edges, halves, squares = edges[:, tight], self.halves[tight], found.squares[:, tight]
        slopes = self.sigmas * found.slopes[:, tight] / (2 * np.sqrt(squares) * halves)[..., None]
        over = np.maximum(edges - 1.0, 0.0) / _ROOM
        return over, np.where(over[..., None] > 0, slopes / _ROOM, 0.0)

    def _bounds(self, values: Array, cases: Array) -> tuple[Array, Array]:
        low, high = self.lower[cases], self.upper[cases]
        over = (np.maximum(values - high, 0.0) - np.maximum(low - values, 0.0)) / _STRENGTH
        return over, np.where(over != 0.0, 1.0 / _STRENGTH, 0.0)[:, :, None] * np.eye(values.shape[1])
