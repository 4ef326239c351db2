"""The straights of a lattice: the room between its bends and quadrupoles, for septa, cavities and all else."""

from __future__ import annotations

import numpy as np

from lattice import Bend, InputError, Lattice, Quadrupole
from lattice.arrays import Array

_MAIN = (Bend, Quadrupole)


def straights(lattice: Lattice, ring: bool) -> Array:
    """Lengths [m] between one bend or quadrupole and the next, in order, (straights, batch).

    Of a ``ring`` also across its end. What else stands there (septa, cavities, sextupoles, monitors) counts as room;
    magnets that touch leave no straight.

    >>> from lattice import Bend, Drift, Lattice, Marker
    >>> bend, gap = Bend("m", length=1.0, angle=0.5), Drift("d", length=2.0)
    >>> straights(Lattice("cell", elements=[gap, bend, Marker("p"), gap, bend, bend, gap]), ring=True)[:, 0]
    array([2., 4.])
    """
    rooms: list[Array] = [np.zeros(lattice.batch or 1)]
    for element in lattice.elements:
        if isinstance(element, _MAIN):
            rooms.append(np.zeros_like(rooms[0]))
        else:
            rooms[-1] = rooms[-1] + lattice.value(getattr(element, "length", 0.0))
    if ring and len(rooms) > 1:
        rooms = [*rooms[1:-1], rooms[-1] + rooms[0]]
    found = np.stack(rooms)
    return np.asarray(found[np.any(found > 0.0, axis=1)])


def third_straight(lattice: Lattice, ring: bool) -> Array:
    """Length [m] of the third longest straight of each lattice, (batch,): room for injection, extraction and cavity.

    A synchrotron wants one for each. InputError for a lattice with fewer than three.
    """
    found = straights(lattice, ring)
    if len(found) < 3:
        raise InputError(f"'{lattice.name}' has {len(found)} straights, three are wanted")
    return np.asarray(np.sort(found, axis=0)[-3])
