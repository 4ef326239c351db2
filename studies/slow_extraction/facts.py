"""What the extraction study has computed before anything is judged: resonance, arms of all momenta, what leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import nan, sqrt

import numpy as np

from extraction.drivers.drivers import BetatronCore
from extraction.resonance.arms import Arm
from extraction.resonance.both_engines import Engines, compare_engines
from extraction.resonance.diagram import Steinbach, WaitingBeam, steinbach_of
from extraction.resonance.hardt import arm_divergence, hardt_residual, normalised_dispersion
from extraction.resonance.last_turns import LastTurns, last_turns
from extraction.resonance.momenta import Case, case_at, design_case
from extraction.resonance.separatrices import NOT_TRACED, Portraits, portraits
from extraction.resonance.steinbach import ExtractedBeam
from extraction.resonance.third_integer import ThirdIntegerResonance
from extraction.resonance.variations import NOT_VARIED, Scans, scan
from extraction.septum import Septum, electric_field
from lattice import HadronOpticsError, InputError, Lattice, NoSolution, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from machines.rings.machine import MachineBeam
from optics import twiss
from studies.match.design import matched_design
from studies.pipeline import Asked
from studies.ring_optics.facts import NOT_ASKED, Compared, Facts, compare
from studies.runs.logs import LOGGER
from studies.slow_extraction.energies import AtEnergy, Extraction, at_every_energy, beam_of, with_septum
from studies.slow_extraction.septa import septum_of
from studies.slow_extraction.spec import ExtractionSpec, ExtractionStudy
from studies.slow_extraction.wires import AtWires, at_wires
from studies.spec.resolution import Resolved
from studies.vocabulary import OF_ENERGIES


@dataclass(frozen=True, eq=False)
class ExtractionFacts:
    """Everything that quantities, tables and figures are made of. ``emittance`` is geometric and rms [m].

    ``divergence``: dx'/d(dp/p) of the arm at the middle momentum, exact; ``hardt``: the residual of the condition at
    the design momentum [m^1/2]; each is the error where it has no value. ``wires`` by momentum; ``flux`` [Wb] of a
    betatron core that brings the middle of the stack onto the resonance; ``points`` of the machine's range;
    ``portraits`` of what is ``shown``; ``dispersion`` at the wires, normalised and whole [m^1/2].
    """

    optics: Facts
    spec: ExtractionSpec
    septum: Septum
    beam: MachineBeam
    emittance: float
    design: Case
    cases: tuple[Case, ...]
    steinbach: Steinbach | None
    no_steinbach: str
    extracted: ExtractedBeam | None
    turns: LastTurns
    engines: Engines
    scans: Scans
    divergence: float | HadronOpticsError
    hardt: float | HadronOpticsError
    wires: Mapping[float, AtWires]
    flux: float
    points: tuple[AtEnergy, ...]
    portraits: Portraits
    dispersion: float = nan

    @property
    def ring(self) -> Lattice:
        """The final lattice."""
        return self.optics.optics.lattice

    @property
    def fringe(self) -> str:
        """Model of the bends' edges."""
        return self.optics.optics.fringe

    @property
    def field(self) -> float | None:
        """Field [V/m] that gives the electrostatic septum's kick; None without its length or its kick."""
        try:
            return electric_field(self.septum, self.optics.optics.particle)
        except InputError:
            return None

    @property
    def resonance(self) -> ThirdIntegerResonance:
        """The resonance at the design momentum."""
        assert self.design.resonance is not None
        return self.design.resonance

    @property
    def arm(self) -> Arm:
        """The arm at the design momentum."""
        assert self.design.arm is not None
        return self.design.arm

    @property
    def found(self) -> tuple[Case, ...]:
        """The momenta that have an arm at the wires."""
        return tuple(case for case in self.cases if case.arm is not None)

    @property
    def own(self) -> Extraction:
        """The extraction that other working points depart from."""
        edge = self.beam.sigmas * sqrt(self.emittance)
        given = self.spec.momenta is not None
        return Extraction(self.ring, self.fringe, self.septum, self.cases, given, self.steinbach, edge)

    @property
    def shown(self) -> tuple[Case, ...]:
        """These and the design point, in order of momentum."""
        return _shown(self.found, self.design)


def gather_extraction(
    resolved: Resolved[ExtractionStudy], asked: Asked, some: Sequence[ReferenceParticle] | None = None
) -> ExtractionFacts:
    """Compute the extraction; NoSolution or UnstableOptics when the design point, or every momentum, has none.

    ``some``: the working points of the machine that are looked at, in place of all.
    """
    spec = resolved.study.extraction
    matched = matched_design(resolved)
    final = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    beam = beam_of(resolved, resolved.particle.species)
    septum = septum_of(spec, final)
    LOGGER.info("resonance of %s at '%s'", final.name, septum.at)
    design = design_case(final, septum, spec.delta, resolved.study.model.fringe)
    LOGGER.info("optics of %s, beside Xsuite", final.name)
    compared = compare(final, resolved.particle, resolved, None, asked.engines)
    facts = Facts(resolved, compared, (), matched=matched)
    emittance = resolved.particle.geometric_emittance(beam.emittance_x)
    steinbach, why = _steinbach_or_reason(facts, spec, septum, beam, emittance)
    momenta = _momenta(spec, steinbach, why, beam.sigmas * sqrt(emittance))
    LOGGER.info("arms of %d momenta from %.4g to %.4g", len(momenta), momenta[0], momenta[-1])
    cases = tuple(case_at(final, septum, float(delta), compared.optics.fringe) for delta in momenta)
    found = [case for case in cases if case.arm is not None]
    if not found:
        raise NoSolution(
            "no extracted momentum has an arm at the wires: "
            + "; ".join(f"dp/p {case.delta:.4g}: {case.reason}" for case in cases[:3])
        )
    if spec.septum_angle is None:
        septum = replace(septum, angle=_between_extremes(case.angle for case in found))
    cases = tuple(case.transported(septum, final) for case in cases)
    found = [case for case in cases if case.arm is not None]
    design = design.transported(septum, final)
    shown = _shown(found, design)
    middle = found[len(found) // 2].delta
    scans = _varied(final, septum, compared.optics.fringe, spec, middle) if asked.report else NOT_VARIED
    points: tuple[AtEnergy, ...] = ()
    if asked.any_of(OF_ENERGIES):
        LOGGER.info("the same at %s of the machine", f"{len(some)} working points" if some else "every working point")
        edge = beam.sigmas * sqrt(emittance)
        given = spec.momenta is not None
        own = Extraction(final, compared.optics.fringe, septum, cases, given, steinbach, edge)
        points = at_every_energy(resolved, own, some)
    LOGGER.info("the same by Xsuite's tracking")
    return ExtractionFacts(
        optics=facts,
        spec=spec,
        septum=septum,
        beam=beam,
        emittance=emittance,
        design=design,
        cases=cases,
        steinbach=steinbach,
        no_steinbach=why,
        extracted=steinbach.extracted(found, resolved.study.seed) if steinbach else None,
        turns=last_turns(final, compared.optics, septum, [(c.delta, c.arm) for c in cases if c.arm]),
        engines=_engines(final, compared, septum, _compared_cases(design, found), asked.engines),
        scans=scans,
        wires=at_wires(shown, septum),
        flux=_flux(final, resolved.particle, steinbach) if steinbach else float("nan"),
        points=points,
        portraits=portraits(final, compared.optics.fringe, septum, spec.x_wall, shown) if asked.report else NOT_TRACED,
        dispersion=float(np.hypot(*normalised_dispersion(compared.optics, final.index(septum.at)))[0].real),
        divergence=_or_error(partial(_divergence, final, septum, compared.optics.fringe, middle)),
        hardt=_or_error(partial(_hardt, final, septum, compared.optics.fringe, spec.delta)),
    )


def with_points(facts: ExtractionFacts, some: Sequence[ReferenceParticle]) -> ExtractionFacts:
    """The facts with fewer working points of the machine, and fewer momenta at each."""
    resolved = facts.optics.resolved
    return replace(facts, points=at_every_energy(resolved, facts.own, some) if facts.points else ())


def with_other_septum(facts: ExtractionFacts, resolved: Resolved[ExtractionStudy]) -> ExtractionFacts:
    """The facts with a septum of another kick, or with other wires at the same place."""
    spec = resolved.study.extraction
    septum = replace(septum_of(spec, facts.ring), angle=facts.septum.angle)
    cases = tuple(case.transported(septum, facts.ring) for case in facts.cases)
    new = replace(
        facts,
        spec=spec,
        septum=septum,
        cases=cases,
        design=facts.design.transported(septum, facts.ring),
        wires=at_wires(facts.shown, septum),
    )
    return replace(new, points=with_septum(facts.points, new.own))


def with_other_chamber(facts: ExtractionFacts, resolved: Resolved[ExtractionStudy]) -> ExtractionFacts:
    """The facts with the apertures of another lattice of the same elements."""
    arms = [(case.delta, case.arm) for case in facts.cases if case.arm]
    return replace(facts, turns=last_turns(facts.ring, facts.optics.optics, facts.septum, arms, resolved.lattice))


def _between_extremes(angles: Iterable[float]) -> float:
    """The angle that is as far from the smallest as from the largest."""
    every = list(angles)
    return (min(every) + max(every)) / 2


def _engines(final: Lattice, compared: Compared, septum: Septum, cases: list[Case], asked: bool) -> Engines:
    return compare_engines(final, compared.optics, septum, cases) if asked else Engines((), alone=NOT_ASKED)


def _varied(final: Lattice, septum: Septum, fringe: str, spec: ExtractionSpec, middle: float) -> Scans:
    LOGGER.info("varied around the design: %s", ", ".join(spec.variations) or "nothing")
    return scan(final, septum, fringe, spec.delta, middle, spec.variations)


def _or_error(compute: Callable[[], float]) -> float | HadronOpticsError:
    try:
        return compute()
    except HadronOpticsError as error:
        return error


def _divergence(ring: Lattice, septum: Septum, fringe: str, delta: float) -> float:
    return arm_divergence(ring, None, at=septum.at, x_septum=septum.position, delta=delta, fringe=fringe)


def _hardt(ring: Lattice, septum: Septum, fringe: str, delta: float) -> float:
    optics = twiss(ring, fringe=fringe, delta=delta)
    return float(hardt_residual(optics, ring.index(septum.at), septum.side)[0].real)


def _shown(found: Sequence[Case], design: Case) -> tuple[Case, ...]:
    both = {case.delta: case for case in (*found, design)}
    return tuple(both[delta] for delta in sorted(both))


def _flux(ring: Lattice, particle: ReferenceParticle, steinbach: Steinbach) -> float:
    return BetatronCore.flux(ring, particle, steinbach.resonant - float(np.mean(steinbach.stack.delta)))


def _compared_cases(design: Case, found: list[Case]) -> list[Case]:
    """The design point, and the extracted momenta at both ends."""
    return list({case.delta: case for case in (design, found[0], found[-1])}.values())


# ------------------------------------------------------------------------------------------------- beam and momenta


def _steinbach_or_reason(
    facts: Facts, spec: ExtractionSpec, septum: Septum, beam: MachineBeam, emittance: float
) -> tuple[Steinbach | None, str]:
    LOGGER.info("wedge of the resonance at '%s'", septum.at)
    waiting = WaitingBeam((emittance, emittance), beam.momentum_spread, beam.sigmas)
    try:
        return steinbach_of(
            facts.optics.lattice,
            facts.resolved.particle,
            septum.at,
            waiting,
            side=-1.0 if spec.stack == "below" else 1.0,
            count=spec.particles,
            seed=facts.resolved.study.seed,
            fringe=facts.optics.fringe,
        ), ""
    except (NoSolution, UnstableOptics) as error:
        return None, str(error)


def _momenta(spec: ExtractionSpec, steinbach: Steinbach | None, why: str, edge: float) -> Array:
    """The momenta that are extracted: those given, or those at which amplitudes up to the beam's edge leave."""
    if spec.momenta is not None:
        return np.linspace(spec.momenta.lower, spec.momenta.upper, spec.momenta.number)
    if steinbach is None:
        raise NoSolution(f"the extracted momenta are not known ({why}): give extraction.momenta")
    return steinbach.extracted_momenta(edge)
