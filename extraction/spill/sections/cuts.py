"""Where a ring is cut for its fast turn: as few places as bring particles to the wires like the exact turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from extraction.spill.sections.kicks import FIFTH, FOURTH, is_nonlinear
from extraction.spill.sections.one_turn import sectional_map
from extraction.spill.sections.probes import Probes, probes_of
from extraction.spill.sections.region import Cuts, Region
from lattice import Bend, Lattice, LatticeError, Quadrupole, ReferenceParticle
from optics.maps.lattices.turns import turns

#: m: how near the exact turn's a transit must end, for the fit to add no more places.
AT_WIRES = 1e-5
_GOOD = 5e-4  # of the nonlinear part of a turn: it must be missed by less than this too
_USABLE = 1e-2  # and the fit is refused above this
_EXTRA = (0, 2, 3, 4, 6, 8, 12, 16)  # how many bends are tried as further places, before all of them
_MOST = 60  # further places at most


@dataclass(frozen=True, eq=False)
class Choice:
    """The ``cuts``, and the ``region`` that kicks are fitted in: the one asked for, with what the ``probes`` reach.

    ``misfit``: what the fit misses of a turn's nonlinear part; ``missed`` [m]: what at the wires. Both are the largest
    of all momenta. Without wires there are no probes, and nothing is missed there.
    """

    cuts: Cuts
    region: Region
    probes: Mapping[float, Probes]
    misfit: float
    missed: float

    @property
    def good(self) -> bool:
        """Whether more places are not needed."""
        return self.misfit < _GOOD and self.missed < AT_WIRES

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Lower is better."""
        return not self.misfit < _USABLE, self.missed, self.misfit


def choose_cuts(
    ring: Lattice,
    particle: ReferenceParticle,
    start: int,
    region: Region,
    momenta: Sequence[float],
    *,
    fringe: str = "full",
    also: tuple[int, ...] = (),
) -> Choice:
    """Cuts at all nonlinear elements, at elements ``also``, and at as many others as the fit needs at all ``momenta``.

    Bends first, then quadrupoles and all else that is long, with kicks up to the fourth order, then up to the fifth.
    Where nothing is good enough, the best. LatticeError when even with them the turn is not reproduced (strong skew or
    high multipoles): such a ring is for element-by-element tracking.
    """
    own = [i for i, element in enumerate(ring.elements) if is_nonlinear(ring, element) or i in also]
    probes = {delta: probes_at(ring, particle, start, region, delta, fringe) for delta in momenta if region.wires}
    for one in probes.values():
        region = one.widened(region)
    best: Choice | None = None
    for extra, terms in _further(ring, own):
        cuts = Cuts(start, tuple(sorted({*own, *extra}, key=lambda i: (i - start) % len(ring))), terms)
        tried = _tried(ring, particle, cuts, region, probes, momenta, fringe)
        best = tried if best is None or tried.rank < best.rank else best
        if tried.good:
            break
    assert best is not None
    if not best.misfit < _USABLE:
        raise LatticeError(
            f"ring '{ring.name}' cannot be tracked in sections: kicks at its {len(own)} nonlinear elements and at "
            f"others miss {best.misfit:.2g} of its nonlinear motion; track it element by element (engine='xsuite')"
        )
    return best


def _tried(
    ring: Lattice,
    particle: ReferenceParticle,
    cuts: Cuts,
    region: Region,
    probes: Mapping[float, Probes],
    momenta: Sequence[float],
    fringe: str,
) -> Choice:
    """What cuts miss; once they are not good enough at a momentum, the others are left out."""
    found = Choice(cuts, region, probes, 0.0, 0.0)
    for delta in momenta:
        one = sectional_map(ring, particle, cuts, region, delta=delta, fringe=fringe)
        missed = probes[delta].missed(one) if delta in probes else 0.0
        found = replace(found, misfit=max(found.misfit, one.misfit), missed=max(found.missed, missed))
        if not found.good:
            break
    return found


_NOTHING = np.zeros((0, FOURTH))


def probes_at(
    ring: Lattice, particle: ReferenceParticle, start: int, region: Region, delta: float, fringe: str
) -> Probes:
    """Probes of the exact turn of a ring at momentum ``delta``."""
    linear = sectional_map(ring, particle, Cuts(start, ()), region, delta=delta, fringe=fringe, fitted=_NOTHING)
    turn = turns(ring, particle, fringe, first_element=start)[0].shortened()
    return probes_of(turn, np.array([*linear.orbit, 0.0, delta]), linear.matrices, region)


def _further(ring: Lattice, own: list[int]) -> Iterator[tuple[list[int], int]]:
    """Places besides, and the terms of the kicks: from few to many."""
    bends, quadrupoles = (_others(ring, own, kind) for kind in (Bend, Quadrupole))
    long = _long(ring, own)
    for count in _EXTRA:
        if count <= len(bends):
            yield _evenly(bends, count), FOURTH
    for more in ([*bends, *quadrupoles], long):
        yield _evenly(sorted(more), min(len(more), _MOST)), FOURTH
    for more in ([*bends, *quadrupoles], long):
        yield _evenly(sorted(more), min(len(more), _MOST)), FIFTH


def _others(ring: Lattice, own: list[int], kind: type) -> list[int]:
    return [i for i, element in enumerate(ring.elements) if isinstance(element, kind) and i not in own]


def _long(ring: Lattice, own: list[int]) -> list[int]:
    return [i for i, length in enumerate(np.diff(ring.s)) if length > 0 and i not in own]


def _evenly(places: list[int], count: int) -> list[int]:
    return [places[int((k + 0.5) * len(places) / count)] for k in range(count)]
