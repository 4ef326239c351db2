"""What comes out of tracking a linac: the particles at its end, and every loss with its place and cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lattice import InputError, NoSolution, ReferenceParticle
from lattice.arrays import Array
from lattice.showing import Showing
from optics.closed import closed
from optics.linac.bunch import energies, normalised_emittance
from optics.linac.structure.coordinates import COORDINATES, relative
from optics.linac.structure.linac import Linac

#: Name of the place behind the last piece.
END = "_end"
#: Why a particle is lost; the numbers that the compiled walks write down are places in this list.
CAUSES = ("bore", "velocity", "stopped", "energy")
#: Share of the energy beyond which a particle at the end is out of the bunch: ten times what buckets hold.
WINDOW = 0.1


@closed
@dataclass(frozen=True, repr=False)
class LinacTracked(Showing):
    """Where the particles are at the end of a linac.

    ``coordinates``: (n, 6) of x, px, y, py, zeta, delta relative to ``particle``, the reference particle there; nan for
    lost particles; ``alive``: (n,) mask; ``lost``: table of particle, piece, s [m], cause ("bore", "velocity":
    outside the range of the transit-time factor, "stopped", or "energy", see ``within``) and x, px, y, py, zeta,
    delta relative to the reference particle at that place. ``stations`` (when asked for): at the entrance of every
    piece and at the end piece, s [m], and the ``moments`` there.
    """

    particle: ReferenceParticle
    coordinates: Array
    alive: Array
    lost: pd.DataFrame
    stations: pd.DataFrame | None = None

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


def moments(coordinates: Array, particle: ReferenceParticle, started: int) -> dict[str, float]:
    """Moments of a cloud (n, 6) out of ``started`` particles about ``particle``.

    transmission; energy (mean) and sigma_energy [eV]; x, y (means), size_x, size_y (rms) and sigma_zeta [m];
    emittance_x, emittance_y, normalised rms [m]. nan where fewer than two are left.
    """
    found = {"transmission": len(coordinates) / started, "reference_energy": particle.kinetic_energy}
    if len(coordinates) < 2:
        return found
    kinetic = energies(coordinates, particle)
    mean, size = coordinates.mean(axis=0), coordinates.std(axis=0)
    return found | {
        "energy": float(kinetic.mean()),
        "sigma_energy": float(kinetic.std()),
        "x": float(mean[0]),
        "y": float(mean[2]),
        "size_x": float(size[0]),
        "size_y": float(size[2]),
        "sigma_zeta": float(size[4]),
        "emittance_x": normalised_emittance(coordinates, particle, "x"),
        "emittance_y": normalised_emittance(coordinates, particle, "y"),
    }


def within(linac: Linac, tracked: LinacTracked, window: float) -> LinacTracked:
    """The result with particles farther than ``window`` of its energy from the reference one counted as lost.

    Particles that fell out of the bucket may pass the bores of a linac; the first bend behind it loses them. Their
    place is the end of the last piece, their cause "energy".
    """
    if not 0 < window:
        raise InputError(f"the window of energy must be above 0, found {window!r}")
    top = tracked.particle.kinetic_energy
    with np.errstate(invalid="ignore"):
        far = tracked.alive & (np.abs(energies(tracked.coordinates, tracked.particle) / top - 1.0) > window)
    if not far.any():
        return tracked
    who = np.flatnonzero(far)
    rows = {"particle": who, "piece": linac.pieces[-1].name, "s": linac.length, "cause": CAUSES[3]}
    rows |= dict(zip(COORDINATES, tracked.coordinates[who].T, strict=True))
    coordinates = tracked.coordinates.copy()
    coordinates[who] = np.nan
    lost = pd.concat([tracked.lost, pd.DataFrame(rows)], ignore_index=True)
    return replace(tracked, coordinates=coordinates, alive=tracked.alive & ~far, lost=lost)


def kept(linac: Linac, tracked: LinacTracked) -> LinacTracked:
    """The result without stragglers: what is farther than WINDOW from the energy is lost in the beam line."""
    return within(linac, tracked, WINDOW)


def arrived(linac: Linac, tracked: LinacTracked) -> LinacTracked:
    """The result itself. Raises NoSolution naming where a bunch is lost of which nobody arrives."""
    if tracked.alive.any():
        return tracked
    places = tracked.lost.piece.value_counts()
    worst = linac[str(places.index[0])]
    last = tracked.lost.loc[tracked.lost.s.idxmax()]
    raise NoSolution(
        f"linac '{linac.name}': none of {len(tracked.alive)} particles reaches the end. Most, {int(places.iloc[0])}, "
        f"are lost in '{worst.name}' (bore {worst.bore * 1e3:.4g} mm in radius), the last at s = {last.s:.4g} m in "
        f"'{last.piece}': widen the bore, or change the focusing or the bunch"
    )


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
