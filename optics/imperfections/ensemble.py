"""Many machines with errors beside the ideal one: orbit, tunes, beating, dispersion and coupling of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from lattice.showing import Showing
from optics.aperture import BeamEdge, openings, room_before, tightest_rooms, wires_of
from optics.closed import closed
from optics.imperfections.errors import Imperfect
from optics.linear import propagation
from optics.linear.functions import Functions
from optics.linear.solution import Solution, solve
from optics.maps.lattices.checked import checked_particle

#: Parts an element is cut into: apertures are looked at in its middle too.
SLICES = 2


@closed
@dataclass(frozen=True, eq=False, repr=False)
class Ensemble(Showing):
    """What became of each machine; unstable ones are nan.

    ``s`` (places,) [m]: entrances of the elements of the ideal ring and its end; ``orbit`` by plane (machines, places)
    [m]; ``table``: a row a machine: ``stable``, ``qx``, ``qy``, ``coupling`` |C-|, and by plane (``_x``, ``_y``)
    ``orbit_rms``, ``orbit_max`` [m], ``beating_rms``, ``beating_max`` (relative change of beta) and ``dispersion_max``,
    its largest change [m]. ``inside``: functions with every element in two parts, in the frame of each magnet.
    """

    s: Array
    orbit: dict[str, Array]
    table: pd.DataFrame
    inside: Functions

    def worse_plane(self, number: str) -> Array:
        """A number of the table that each plane has, in the worse of them: (machines,), nan where it is unstable."""
        return np.asarray(np.max([self.table[f"{number}_{plane}"] for plane in ("x", "y")], axis=0))


def ensemble(
    machines: Imperfect,
    particle: ReferenceParticle | None = None,
    *,
    fringe: str = "full",
    orbit: Array | None = None,
) -> Ensemble:
    """Coupled optics of every machine about its own closed orbit, beside that of the ideal ring, at fixed momentum.

    ``orbit`` (machines, 6): where the closed orbits begin, when they are known already.
    """
    particle = checked_particle(machines.ideal, particle)
    ideal = solve(machines.ideal, particle, fringe, 1, 0.0, None, None)
    found = solve(machines.lattice, particle, fringe, 1, 0.0, None, orbit, SLICES)
    # Rows of the places: an element begins with the change into the frame of its magnet.
    row_element = np.append(found.functions.row_element, len(machines.lattice))
    places = np.searchsorted(row_element, machines.rows)
    orbits = {plane: found.functions.column(plane)[:, places] for plane in ("x", "y")}
    table = pd.DataFrame(
        {
            "stable": np.isfinite(found.functions.column("betx")[:, 0]),
            "qx": found.scalars["qx"],
            "qy": found.scalars["qy"],
            "coupling": minimum_tune_approach(found),
            **_of_planes(ideal.functions, found.functions, orbits, places),
        }
    )
    return Ensemble(ideal.functions.s[0], orbits, table, found.functions)


def _of_planes(ideal: Functions, found: Functions, orbit: dict[str, Array], places: Array) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for plane in ("x", "y"):
        beta = ideal.column(f"bet{plane}")
        beating = found.column(f"bet{plane}")[:, places] / beta - 1.0
        dispersion = found.column(f"d{plane}")[:, places] - ideal.column(f"d{plane}")
        columns |= {
            f"orbit_rms_{plane}": _rms(orbit[plane]),
            f"orbit_max_{plane}": np.max(np.abs(orbit[plane]), axis=1),
            f"beating_rms_{plane}": _rms(beating),
            f"beating_max_{plane}": np.max(np.abs(beating), axis=1),
            f"dispersion_max_{plane}": np.max(np.abs(dispersion), axis=1),
        }
    return columns


def _rms(values: Array) -> Array:
    root: Array = np.sqrt(np.mean(values * values, axis=1))
    return root


def rooms_at_wires(
    machines: Imperfect, found: Ensemble, edge: BeamEdge, septum: str, chamber: Lattice | None = None
) -> Array:
    """Distance [m] of a beam from the wires at the entrance of the ideal ring's electrostatic septum: (machines,).

    As ``aperture.room_at_wires``, with the orbit and the functions of each machine; nan where it is unstable.
    ``chamber``: a lattice of the ideal ring's elements whose wires count.
    """
    row_element = np.append(found.inside.row_element, len(machines.lattice))
    place = int(np.searchsorted(row_element, machines.rows[machines.ideal.index(septum)]))
    position = wires_of(chamber or machines.ideal, septum)
    return np.asarray(room_before(position, edge, lambda name: found.inside.column(name)[:, place]))


def rooms_in_chamber(machines: Imperfect, found: Ensemble, edge: BeamEdge, chamber: Lattice | None = None) -> Array:
    """Least room [m] of a beam in the tighter plane of each machine: (machines,); see ``aperture.tightest_rooms``.

    ``chamber``: a lattice of the ideal ring's elements whose apertures count.
    """
    free = openings(machines.lattice)
    if chamber is not None:
        owner = np.searchsorted(machines.rows, np.arange(len(free)), side="right") - 1
        free = np.where(np.isnan(free), free, openings(chamber)[owner])
    return tightest_rooms(machines.lattice, found.inside, edge, free)


def minimum_tune_approach(solution: Solution) -> Array:
    """|C-| (machines,): how near the tunes can come, from the coupled optics; 0 without coupling.

    With g^2 the share of a mode in its own plane, 4 g^2 (1 - g^2) = det(H) / (cos mu1 - cos mu2)^2 and
    |C-| = sqrt|det H| / (pi |sin mu1 + sin mu2|) (D. Sagan & D. Rubin, Phys. Rev. ST Accel. Beams 2, 074001 (1999),
    equations 12 to 17), averaged over the ring, for off the resonance it depends on the place.
    """
    share = solution.functions.functions[:, :, propagation.SHARE]
    if solution.start.modes is None:
        return np.zeros(len(share))
    mu1, mu2 = (2 * np.pi * solution.scalars[name] for name in ("qx", "qy"))
    mixing = np.mean(2.0 * np.sqrt(np.abs(share * (1.0 - share))), axis=1)
    approach: Array = mixing * np.abs(np.cos(mu1) - np.cos(mu2)) / (np.pi * np.abs(np.sin(mu1) + np.sin(mu2)))
    return approach
