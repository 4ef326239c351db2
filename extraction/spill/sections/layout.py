"""Where the numbers of a map lie in one vector, which polynomials in momentum and settings make up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extraction.spill.sections.one_turn import SectionalMap
from extraction.spill.sections.places import ROWS
from lattice.arrays import Array


@dataclass(frozen=True)
class Layout:
    """A map with ``n`` cuts, ``terms`` to a kick and ``p`` places of apertures: matrices, kicks, orbit, time,
    places."""

    n: int
    terms: int
    p: int

    @property
    def kicks(self) -> int:
        """Where the kicks begin, behind the matrices."""
        return 8 * (self.n + 1)

    @property
    def orbit(self) -> int:
        """Where the closed orbit begins."""
        return self.kicks + self.terms * self.n

    @property
    def time(self) -> int:
        """The time of a turn."""
        return self.orbit + 4

    @property
    def turn(self) -> int:
        """How many numbers a turn needs, without the places: these come last."""
        return self.time + 1

    @property
    def size(self) -> int:
        """All of them."""
        return self.turn + ROWS * self.p

    def pack(self, one: SectionalMap) -> Array:
        """A map as a vector (size,)."""
        return np.concatenate(
            [one.matrices.ravel(), one.kicks.ravel(), one.orbit, [one.revolution_time], one.places.ravel()]
        )

    def unpack(self, vector: Array) -> SectionalMap:
        """The map of a vector (size,); its matrices are made symplectic again to rounding."""
        matrices = vector[: self.kicks].reshape(-1, 2, 2, 2)
        return SectionalMap(
            matrices=matrices / np.sqrt(np.linalg.det(matrices))[..., None, None],
            kicks=vector[self.kicks : self.orbit].reshape(-1, self.terms),
            orbit=vector[self.orbit : self.time],
            revolution_time=float(vector[self.time]),
            places=vector[self.turn : self.size].reshape(-1, ROWS),
        )
