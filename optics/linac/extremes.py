"""What a linac's matrices amount to across the beam: the tightest place, acceptances, phase advances, defocusing.

Made of a ``Transport`` of either engine; what two of them differ is the error of the one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice.arrays import Array
from optics.closed import closed
from optics.linac.balance import defocusing
from optics.linac.bucket import transverse_acceptance
from optics.linac.bunch import Bunch
from optics.linac.focusing import Period, advances, in_structures
from optics.linac.space_charge import SpaceCharge
from optics.linac.tops import largest_sizes
from optics.linac.transport import Transport


@closed
@dataclass(frozen=True)
class Extremes:
    """Numbers of a beam along a linac.

    ``fill``: largest rms size over the bore; ``acceptances`` [m], normalised, of "x" and "y"; ``advances`` [turns]
    (periods, 2) of the periods inside structures, nan where one does not focus; ``space_charge``: its largest
    defocusing over the focusing of the quadrupoles.
    """

    fill: float
    acceptances: dict[str, float]
    advances: Array
    space_charge: float


def largest_fill(run: Transport, bunch: Bunch) -> float:
    """Largest rms size over the bore anywhere along a run, of a beam that enters as ``bunch``."""
    return float(np.max(largest_sizes(run, bunch.covariance) / run.bore[:, None]))


def acceptances(run: Transport, bunch: Bunch) -> dict[str, float]:
    """Normalised acceptance [m] of each plane for the ellipses of ``bunch`` at the start."""
    shapes = {"x": (bunch.betx, bunch.alfx), "y": (bunch.bety, bunch.alfy)}
    return {plane: transverse_acceptance(run, plane, *shape) for plane, shape in shapes.items()}


def extremes(run: Transport, bunch: Bunch, charge: float, found: tuple[Period, ...]) -> Extremes:
    """All of them, for bunches of ``charge`` [C] and the ``structure_periods`` of the linac."""
    linac = run.linac
    return Extremes(
        largest_fill(run, bunch),
        acceptances(run, bunch),
        advances(run)[in_structures(linac)],
        defocusing(SpaceCharge(charge), linac, run, run.sizes(bunch.covariance), found),
    )
