"""One turn as linear sections with polynomial kicks between them: fast, symplectic, and fitted to the exact turn.

The ring is cut in the middle of its sextupoles (and octupoles, thin multipoles) and of as many other elements as the
fit needs. Between two cuts the motion about the closed orbit is the exact linear one at the particle's momentum. At
each cut stands a kick (``kicks``). The sextupoles' own a = k2 l/2 = -b are the start; all coefficients are then
fitted to exact turns of a cloud of particles (``fit``), which takes in the length of the sextupoles, the second order
of the bends and their edges, and the cubic terms of the drifts. Kicks and sections are symplectic whatever their
numbers are, so the whole turn is.

Kicks as carriers of a map's higher orders: J. Irwin, SSC-228 (1989); A. Dragt and D. Abell, Proc. EPAC 1996, 1244.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from extraction.spill.sections.fit import fitted_kicks, turned
from extraction.spill.sections.kicks import own_kick
from extraction.spill.sections.places import Boundaries, place_rows
from extraction.spill.sections.region import Cuts, Region
from lattice import Lattice, LatticeError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.maps.lattices.turns import turns
from optics.maps.plan import make_plan

_COUPLED = 1e-9


@dataclass(frozen=True, eq=False)
class SectionalMap:
    """One turn at one momentum.

    ``matrices`` (n + 1, 2, 2, 2): section, plane, 2 x 2 matrix; ``kicks`` (n, terms) behind each section but the
    last; ``orbit`` (4,): closed orbit x, px, y, py at the start; ``revolution_time`` [s]; ``places`` (p, ROWS): how x
    and y at the ends of apertures follow from the beginning of their section. ``misfit``: rms difference from exact
    turns over the rms of what is nonlinear in them.
    """

    matrices: Array
    kicks: Array
    orbit: Array
    revolution_time: float
    places: Array
    misfit: float = nan

    def track(self, coordinates: Array, turns: int = 1) -> Array:
        """x, px, y, py (n, 4), absolute, after some turns from the start."""
        relative = np.asarray(coordinates, dtype=float) - self.orbit
        for _ in range(turns):
            relative = turned(self.matrices, self.kicks, relative)
        return np.asarray(relative + self.orbit)


def sectional_map(
    ring: Lattice,
    particle: ReferenceParticle,
    cuts: Cuts,
    region: Region,
    *,
    delta: float = 0.0,
    fringe: str = "full",
    fitted: Array | None = None,
    near: Array | None = None,
    boundaries: Boundaries | None = None,
) -> SectionalMap:
    """The sections of ``ring`` at momentum deviation ``delta`` with kicks fitted inside ``region``.

    ``fitted`` (n, terms) saves the fit: what the kicks are beyond the elements' own (``kicks - own_kicks``); ``near``
    shortens it: nearly that.
    ``boundaries``: where apertures are looked at (nowhere without). Raises UnstableOptics without closed orbit or
    stable motion, LatticeError for a ring that couples the planes.
    """
    turn = turns(ring, particle, fringe, slices=2, first_element=cuts.start)[0]
    steps = first_steps(ring, particle, fringe, cuts)
    orbit = turn.closed_orbit(delta)
    series = turn.follow(orbit, 1)
    matrices = np.stack([_planes(ring, _product(part)) for part in np.split(series, steps)])
    own = own_kicks(ring, cuts)
    if fitted is not None:
        kicks, misfit = own + fitted, nan
    else:
        kicks, misfit = fitted_kicks(turn, orbit, matrices, own, region, None if near is None else own + near)
    slip = float(series[-1, 4, 0] - orbit[4])
    return SectionalMap(
        matrices=matrices,
        kicks=kicks,
        orbit=orbit[:4].copy(),
        revolution_time=(float(ring.length) - slip) / (particle.beta * SPEED_OF_LIGHT),
        places=place_rows(series, orbit, steps, boundaries),
        misfit=misfit,
    )


def own_kicks(ring: Lattice, cuts: Cuts) -> Array:
    """Kicks (n, terms) of the elements that are cut, from their strengths alone."""
    return np.array([own_kick(ring, ring.elements[i])[: cuts.terms] for i in cuts.elements]).reshape(-1, cuts.terms)


def first_steps(ring: Lattice, particle: ReferenceParticle, fringe: str, cuts: Cuts) -> Array:
    """Step behind which each cut lies, counted from the start."""
    plan = make_plan(ring, particle, fringe, 2)
    begin = plan.rows[np.searchsorted(plan.row_element, cuts.start)]
    middle = []
    for element in cuts.elements:
        rows = np.flatnonzero(plan.row_element == element)
        middle.append(plan.rows[rows[np.searchsorted(plan.row_fraction[rows], 0.5 - 1e-12) % len(rows)]])
    return np.asarray((np.array(middle, dtype=np.int64) - begin) % len(plan.sequence))


def _product(series: Array) -> Array:
    total = np.eye(6)
    for matrix in series[:, :, 1:7]:
        total = matrix @ total
    return np.asarray(total[:4, :4])


def _planes(ring: Lattice, section: Array) -> Array:
    """The blocks (2, 2, 2) of the two planes; LatticeError when the section couples them."""
    scale = np.max(np.abs(section))
    if max(np.max(np.abs(section[:2, 2:])), np.max(np.abs(section[2:, :2]))) > _COUPLED * scale:
        raise LatticeError(
            f"ring '{ring.name}' couples the planes: it cannot be tracked in sections; track it element by element "
            f"(engine='xsuite')"
        )
    return np.stack([section[:2, :2], section[2:, 2:]])
