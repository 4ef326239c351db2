"""What the optics study has computed before anything is judged: our optics, Xsuite's, and each beam's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from lattice import HadronOpticsError, Lattice, ReferenceParticle
from machines.rings.machine import MachineBeam
from optics import Optics, twiss
from optics.aperture import PLANES, BeamEdge, Clearance, clearance, envelope
from optics.engines.verification import Verification, verify
from optics.floor import survey
from optics.linear.moments import functions_of
from optics.matching.matching import MatchResult
from studies.match.design import matched_design
from studies.pipeline import Asked
from studies.ring_optics.imperfections import Imperfections, with_imperfections
from studies.ring_optics.region import MatchRegion, match_region
from studies.ring_optics.spec import OpticsStudy
from studies.runs.logs import LOGGER
from studies.spec.resolution import Resolved
from studies.spec.subjects import start_hinted
from studies.vocabulary import IMPERFECTIONS

#: What a study says of its design when its match has no solution.
UNMATCHED = "the match did not converge"
_OF_BEAMS = ("clearance_x", "clearance_y", "clearance_es", "max_size_x", "max_size_y")

#: Parts an element is cut into in drawn optics and envelopes.
_DRAWN_SLICES = 6


@dataclass(frozen=True)
class Compared:
    """Our optics of one lattice and the comparison with Xsuite; ``alone`` says why there is none."""

    optics: Optics
    verification: Verification | None
    alone: str = ""


@dataclass(frozen=True)
class BeamOptics:
    """A beam with the optics it lives in.

    ``chamber``: a lattice of the same elements whose apertures and wires count in place of those of the optics.
    """

    beam: MachineBeam
    particle: ReferenceParticle
    compared: Compared
    chamber: Lattice | None = None

    @property
    def edge(self) -> BeamEdge:
        """What has to fit of it."""
        return self.beam.edge(self.particle)

    @cached_property
    def rooms(self) -> dict[str, Clearance]:
        """Least room in each plane; InputError without apertures."""
        return {plane: clearance(self.compared.optics, self.edge, plane) for plane in PLANES}


@dataclass(frozen=True, eq=False)
class Sampled:
    """Our optics as they are drawn: finely ``inside`` elements, and the ``floor`` plan of the lattice by name.

    ``edges`` of the ``widest`` beam and of its aperture, see ``optics.aperture.envelope``; None without a beam.
    """

    inside: pd.DataFrame
    floor: pd.DataFrame
    widest: BeamOptics | None
    edges: pd.DataFrame | None


@dataclass(frozen=True)
class Facts:
    """Everything that quantities, tables and figures are made of; ``sampled`` and ``region`` for a report alone."""

    resolved: Resolved[Any]
    compared: Compared
    beams: tuple[BeamOptics, ...]
    imperfections: Imperfections | None = None
    region: MatchRegion | None = None
    sampled: Sampled | None = None
    matched: MatchResult | None = None
    interrupted: bool = False

    @property
    def optics(self) -> Optics:
        """Our optics of the final lattice."""
        return self.compared.optics

    @property
    def lattice(self) -> Lattice:
        """The final lattice."""
        return self.optics.lattice

    @property
    def told(self) -> str:
        """Particle and energy."""
        return str(self.resolved.particle)

    @property
    def unreached(self) -> str:
        """Why the design was not reached."""
        return UNMATCHED if self.matched is not None and not self.matched.success else ""


def gather(resolved: Resolved[OpticsStudy], asked: Asked) -> Facts:
    """Match, optics of the final lattice and of each beam's beside Xsuite's; UnstableOptics where there is none."""
    with nullcontext() if resolved.machine else start_hinted(resolved.start, resolved.lattice):
        return _gathered(resolved, asked)


def _gathered(resolved: Resolved[OpticsStudy], asked: Asked) -> Facts:
    matched = matched_design(resolved)
    final = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    start = functions_of(matched.start) if matched else resolved.start
    LOGGER.info("optics of %s, beside Xsuite", final.name)
    compared = compare(final, resolved.particle, resolved, start, asked.engines)
    beams = tuple(_beams(resolved, final, start, asked.engines)) if asked.any_of(_OF_BEAMS) else ()
    imperfections = with_imperfections(resolved, final, asked.engines) if asked.any_of(IMPERFECTIONS) else None
    region = match_region(resolved, compared.optics, matched) if asked.report else None
    sampled = _sampled(compared.optics, beams) if asked.report else None
    return Facts(resolved, compared, beams, imperfections, region, sampled, matched)


def _sampled(optics: Optics, beams: Sequence[BeamOptics]) -> Sampled:
    widest = max(beams, key=lambda case: case.edge.beam.emittance_x, default=None)
    return Sampled(
        inside=optics.inside(_DRAWN_SLICES),
        floor=survey(optics.lattice),
        widest=widest,
        edges=envelope(widest.compared.optics, widest.edge, _DRAWN_SLICES) if widest else None,
    )


#: Why there is no comparison where none was asked.
NOT_ASKED = "the second engine was not asked"


def compare(
    lattice: Lattice,
    particle: ReferenceParticle,
    resolved: Resolved[Any],
    start: Mapping[str, float] | None,
    engines: bool = True,
) -> Compared:
    """Twiss by both engines; when Xsuite cannot do it (or without ``engines``), ours alone with the reason."""
    fringe = resolved.study.model.fringe
    if not engines:
        return Compared(twiss(lattice, particle, start=start, fringe=fringe), None, NOT_ASKED)
    try:
        verification = verify(lattice, particle, start=start, fringe=fringe)
    except HadronOpticsError as error:
        optics = twiss(lattice, particle, start=start, fringe=fringe)  # raises when our own optics is the trouble
        return Compared(optics, None, str(error))
    return Compared(verification.ours, verification)


def _beams(
    resolved: Resolved[Any], final: Lattice, start: Mapping[str, float] | None, engines: bool
) -> list[BeamOptics]:
    found = []
    for case in resolved.beams:
        lattice = final.with_particle(case.particle) if case.follows else case.lattice
        LOGGER.info("beam '%s' in its own optics", case.beam.name)
        found.append(BeamOptics(case.beam, case.particle, compare(lattice, case.particle, resolved, start, engines)))
    return found
