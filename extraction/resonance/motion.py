"""The motion of one momentum from turn to turn: what fixed points, arms and separatrices are followed with.

In a ring that keeps its midplane two coordinates tell everything (``optics.maps.midplane``, to rounding the same
maps). Arms take thousands of turns next to the resonance: those within a box about the closed orbit are made with the
turn's own polynomial, which agrees with the maps to their rounding (``optics.maps.fitted``); outside of it, and where
the turn is no polynomial to rounding, the maps themselves are used. Coupled motion has four coordinates and the maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, log2

import numpy as np

from extraction.resonance.kobayashi import Kobayashi
from extraction.resonance.modes import Mode
from lattice.arrays import Array
from lattice.memory import Kept, Memory
from optics.maps.fitted import Fitted, fitted
from optics.maps.midplane import in_midplane
from optics.maps.turn import Turn

_FLAT = 1e-13  # m, rad: a closed orbit this near to the midplane lies in it
_WIDTH = 2.0  # half side of the box over how far x reaches: arms come in at an angle
_LEAST = 0.02  # m, half side: the rounding of the maps counts for more in a smaller box, and none needs one
_FIRST, _MOST = 32, 512  # turns that are made at once

#: By how far the box reaches: a power of the square root of 2.
_FITS = Kept[int, Fitted | None]("polynomials of a turn")


@dataclass(frozen=True, eq=False)
class Motion:
    """One turn for particles of one momentum about the closed ``orbit`` (x, px, y, py).

    ``turn``: its maps, of x and px alone where all stays in the midplane (``planes`` 1, else 2). ``kobayashi`` is the
    leading order of the place, ``mode`` the mode of the resonance there.
    """

    turn: Turn
    orbit: Array
    kobayashi: Kobayashi
    mode: Mode
    delta: float
    planes: int
    memory: Memory = field(default_factory=Memory, repr=False)

    @classmethod
    def of(cls, turn: Turn, orbit: Array, delta: float, kobayashi: Kobayashi, mode: Mode) -> Motion:
        """The motion of a turn's particles with momentum deviation ``delta``."""
        flat = in_midplane(turn, delta) if np.all(np.abs(orbit[2:]) < _FLAT) else None
        turn, planes = (turn, 2) if flat is None else (flat, 1)
        return cls(turn, orbit, kobayashi, mode, delta, planes)

    def normalised(self, states: Array) -> Array:
        """(X, P) (..., 2) [m^1/2] of coordinates (..., 4 or 6) in the mode of the resonance about the orbit."""
        return self.mode.normalised(states[..., :4] - self.orbit)

    def vertex(self, tune_distance: float) -> Array:
        """x, px, y, py (4,) of the leading order's first fixed point at a tune distance, the other mode at rest."""
        corners = replace(self.kobayashi, tune_distance=tune_distance).normalised_vertices
        return np.asarray(self.orbit + self.mode.physical(self.kobayashi.at_place(corners[0])))

    def jacobian(self, point: Array) -> tuple[Array, Array]:
        """End point (6,) and Jacobian (6, 6) of one turn; in the midplane y is left alone."""
        return self.turn.jacobian(point)

    def passes(self, state: Array, most: int, reach: float) -> Iterator[Array]:
        """States (k, n, 6) after each of the next k turns, again and again until ``most`` turns are done.

        ``reach`` [m]: how far from the orbit in x it is worth to have a polynomial.
        """
        fit, done, size = self._fit(reach), 0, _FIRST
        while done < most:
            block = self._block(fit, state, min(size, most - done))
            yield block
            state, done, size = block[-1], done + len(block), min(2 * size, _MOST)

    def after(self, state: Array, turns: int, reach: float) -> Array:
        """States (turns, n, 6) after each of the next turns."""
        return np.concatenate(list(self.passes(state, turns, reach)))

    def _block(self, fit: Fitted | None, state: Array, most: int) -> Array:
        found = fit.iterates(state[:, :2], most) if fit else ()
        if not len(found):
            return self.turn.track(state)[None]
        block = np.repeat(state[None], len(found), axis=0)
        block[:, :, :2] = found
        return block

    def _fit(self, reach: float) -> Fitted | None:
        if self.planes == 2:
            return None
        step = ceil(2 * log2(max(_WIDTH * reach, _LEAST)))
        return self.memory.once(_FITS, step, lambda: self._fitted(2 ** (step / 2)))

    def _fitted(self, size: float) -> Fitted | None:
        """The turn's polynomial on a square of half side ``size`` [m] of x and alfx x + betx px about the orbit."""
        beta, alpha = self.kobayashi.betx, self.kobayashi.alfx
        rest = np.array([*self.orbit, 0.0, self.delta])

        def one(points: Array) -> Array:
            states = np.tile(rest, (len(points), 1))
            states[:, :2] = points
            return self.turn.track(states)[:, :2]

        return fitted(one, self.orbit[:2], size * np.array([[1.0, 0.0], [-alpha / beta, 1.0 / beta]]))
