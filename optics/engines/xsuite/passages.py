"""Particles through a lattice, turn by turn or through a part of it, by Xsuite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from lattice import Lattice, ReferenceParticle
from lattice.arrays import Array
from optics.engines.xsuite.bunch import COORDINATES, coordinates_of
from optics.engines.xsuite.engine import quietly
from optics.engines.xsuite.line import to_xsuite
from optics.maps.lattices.checked import checked_particle


def xsuite_track(
    lattice: Lattice,
    particle: ReferenceParticle | None,
    coordinates: ArrayLike,
    turns: int = 1,
    fringe: str = "full",
    *,
    apertures: bool = False,
) -> Array:
    """Coordinates (x, px, y, py, zeta, delta) at the start of each turn and after the last, by Xsuite.

    ``coordinates`` has shape (particles, 6); the result (turns + 1, particles, 6), NaN once a particle is lost.
    """
    line = to_xsuite(lattice, checked_particle(lattice, particle), fringe, apertures=apertures)
    initial = np.atleast_2d(np.asarray(coordinates, dtype=float))
    bunch = line.build_particles(**dict(zip(COORDINATES, initial.T, strict=True)))
    with quietly():
        line.track(bunch, num_turns=turns, turn_by_turn_monitor=True)
    record = line.record_last_track
    history = np.stack([getattr(record, name).T for name in COORDINATES], axis=-1)
    history[record.state.T <= 0] = np.nan
    return np.concatenate([history, coordinates_of(bunch)[None]])


def xsuite_passage(
    lattice: Lattice, particle: ReferenceParticle | None, fringe: str, first: int, last: int
) -> Callable[[Array, int], Array]:
    """Xsuite's map of elements ``first`` to ``last`` (not included; beyond the end it goes on from the beginning).

    The function takes coordinates (n, 6) and how often to pass, and gives coordinates; a lost particle is NaN. The
    tracker is built once.
    """
    elements = [lattice.elements[i % len(lattice)] for i in range(first, last)]
    part = Lattice(lattice.name, elements=elements, parameters=dict(lattice.parameters))
    line = to_xsuite(part, checked_particle(lattice, particle), fringe)
    with quietly():
        line.build_tracker()

    def passage(coordinates: Array, times: int) -> Array:
        bunch = line.build_particles(**dict(zip(COORDINATES, np.atleast_2d(coordinates).T, strict=True)))
        line.track(bunch, num_turns=times)
        return coordinates_of(bunch)

    return passage
