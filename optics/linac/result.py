"""What comes out of tracking a linac: the particles at its end, and every loss with its place and cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lattice import ReferenceParticle
from optics.linac.bunch import energies, normalised_emittance
from optics.linac.coordinates import COORDINATES, relative

Array = np.ndarray[Any, Any]

#: Why a particle is lost; the numbers that the compiled walks write down are places in this list.
CAUSES = ("bore", "velocity", "stopped")


@dataclass(frozen=True)
class LinacTracked:
    """Where the particles are at the end of a linac.

    ``coordinates``: (n, 6) of x, px, y, py, zeta, delta relative to ``particle``, the reference particle there; nan for
    lost particles; ``alive``: (n,) mask; ``lost``: table of particle, piece, s [m], cause ("bore", "velocity": outside
    the range of the transit-time factor, or "stopped") and x, px, y, py, zeta, delta relative to the reference
    particle at that place.
    """

    particle: ReferenceParticle
    coordinates: Array
    alive: Array
    lost: pd.DataFrame

    @property
    def transmission(self) -> float:
        """Share of the particles that arrived."""
        return float(np.mean(self.alive))

    @property
    def survivors(self) -> Array:
        """Coordinates (m, 6) of the particles that arrived."""
        return np.asarray(self.coordinates[self.alive])

    @property
    def energies(self) -> Array:
        """Kinetic energies [eV] of the survivors."""
        return energies(self.survivors, self.particle)

    def emittance(self, plane: str) -> float:
        """Normalised rms emittance [m] of the survivors in "x" or "y"."""
        return normalised_emittance(self.survivors, self.particle, plane)


def lost_table(
    z: Array, lost: Array, cause: Array, pieces: Sequence[str], s: Array, ct: Array, w: Array
) -> pd.DataFrame:
    """Losses as a table, from canonical ``z`` (6, n) and one value a particle of all the rest.

    ``ct`` and ``w`` are those of the reference particle at the place of the loss.
    """
    who = np.flatnonzero(lost)
    with np.errstate(invalid="ignore"):
        there = relative(z[:, who], ct[who], w[who])
    table = {
        "particle": who,
        "piece": np.array(pieces, dtype=object)[who],
        "s": s[who],
        "cause": np.array(CAUSES, dtype=object)[cause[who]],
    }
    return pd.DataFrame(table | dict(zip(COORDINATES, there.T, strict=True)))
