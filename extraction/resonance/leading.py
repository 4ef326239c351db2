"""The extraction arm to leading order: where Kobayashi's straight separatrix meets the wires."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from extraction.resonance.kobayashi import Kobayashi
from lattice.arrays import Array


@dataclass(frozen=True)
class LeadingArm:
    """The straight outgoing separatrix at the wires: ``px`` there, ``slope`` dpx/dx [1/m] along it."""

    px: float
    slope: float


def leading_arm(kobayashi: Kobayashi, x_septum: float) -> LeadingArm | None:
    """The separatrix that leads out through x = ``x_septum`` [m] with the least amplitude; None inside the triangle.

    The line from vertex to vertex of the triangle, prolonged beyond the one that particles leave (PIMMS,
    CERN-PS-99-010-DI, section 3.3).
    """
    if not kobayashi.is_outside(x_septum):
        return None
    reach = (x_septum - kobayashi.orbit[0]) / sqrt(kobayashi.betx)
    found: list[tuple[float, Array, Array]] = []
    for vertex, other in kobayashi.separatrices():
        begin, end = kobayashi.at_place(vertex), kobayashi.at_place(other)
        direction = begin - end
        along = (reach - begin[0]) / direction[0]
        if along > 0:
            point = begin + along * direction
            found.append((float(np.hypot(*point)), point, direction))
    _, point, direction = min(found, key=lambda meeting: meeting[0])
    slope = (direction[1] / direction[0] - kobayashi.alfx) / kobayashi.betx
    return LeadingArm(float(kobayashi.physical(point)[1]), float(slope))
