"""What the extraction study has computed before anything is judged: resonance, arms of all momenta, what leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt

import numpy as np
import pandas as pd

from extraction.resonance.arms import Arm
from extraction.resonance.hardt import arm_divergence, hardt_residual
from extraction.resonance.momenta import resonant_momentum
from extraction.resonance.steinbach import ExtractedBeam, Stack, extracted_beam, leaving_momentum, waiting_stack, wedge
from extraction.resonance.third_integer import ThirdIntegerResonance, third_integer_resonance
from extraction.septum import Septum, Transport, transport
from lattice import HadronOpticsError, InputError, Lattice, NoSolution, UnstableOptics
from lattice.arrays import Array
from machines.rings.machine import MachineBeam
from optics import Beam, twiss
from studies.pipeline import Asked
from studies.ring_optics.facts import Facts, compare
from studies.ring_optics.match import matched_design
from studies.runs.logs import LOGGER
from studies.slow_extraction.engines import Engines, compare_engines
from studies.slow_extraction.last_turns import LastTurns, last_turns
from studies.slow_extraction.septa import septum_of
from studies.slow_extraction.spec import ExtractionSpec, ExtractionStudy
from studies.slow_extraction.variations import NOT_VARIED, Scans, scan
from studies.spec.resolution import Resolved

_CASES = 7  # momenta between the smallest and the largest amplitude
_SMALLEST = 0.25  # of the edge's amplitude: nearer to the tip of the wedge arms take ever more turns
_BRANCH = 13  # momenta of the wedge on the stack's side


@dataclass(frozen=True, eq=False)
class Case:
    """One extracted momentum: its resonance and arm, or the reason why there is none."""

    delta: float
    resonance: ThirdIntegerResonance | None
    arm: Arm | None
    transport: Transport | None = None
    reason: str = ""

    @property
    def angle(self) -> float:
        """Angle [rad] of the arm at the wires, nan without one."""
        return self.arm.px / (1.0 + self.delta) if self.arm else float("nan")


@dataclass(frozen=True, eq=False)
class Steinbach:
    """``resonant`` momentum, ``table`` of the wedge, the sampled ``stack``, momenta at which it is ``leaving``."""

    resonant: float
    side: float
    table: pd.DataFrame
    stack: Stack
    leaving: Array


@dataclass(frozen=True, eq=False)
class ExtractionFacts:
    """Everything that quantities, tables and figures are made of. ``emittance`` is geometric and rms [m].

    ``divergence``: dx'/d(dp/p) of the arm at the middle momentum, exact; ``hardt``: the residual of the condition at
    the design momentum [m^1/2]; each is the error where it has no value.
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

    @property
    def ring(self) -> Lattice:
        """The final lattice."""
        return self.optics.optics.lattice

    @property
    def fringe(self) -> str:
        """Model of the bends' edges."""
        return self.optics.optics.fringe

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


def gather_extraction(resolved: Resolved[ExtractionStudy], asked: Asked) -> ExtractionFacts:
    """Compute the extraction; NoSolution or UnstableOptics when the design point, or every momentum, has none."""
    spec = resolved.study.extraction
    matched = matched_design(resolved)
    final = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    beam = _beam(resolved)
    septum = septum_of(spec)
    LOGGER.info("resonance of %s at '%s'", final.name, septum.at)
    design = _design(final, septum, spec.delta, resolved.study.model.fringe)
    LOGGER.info("optics of %s, beside Xsuite", final.name)
    compared = compare(final, resolved.particle, resolved, None)
    facts = Facts(resolved, compared, (), matched=matched)
    emittance = beam.emittance_x / (resolved.particle.beta * resolved.particle.gamma)
    steinbach, why = _steinbach_or_reason(facts, spec, septum, beam, emittance)
    momenta = _momenta(spec, steinbach, why, beam.sigmas * sqrt(emittance))
    LOGGER.info("arms of %d momenta from %.4g to %.4g", len(momenta), momenta[0], momenta[-1])
    cases = tuple(_case(final, septum, float(delta), compared.optics.fringe) for delta in momenta)
    found = [case for case in cases if case.arm is not None]
    if not found:
        raise NoSolution("no extracted momentum has an arm at the wires: "
                         + "; ".join(f"dp/p {case.delta:.4g}: {case.reason}" for case in cases[:3]))  # fmt: skip
    if spec.septum_angle is None:
        angles = [case.angle for case in found]
        septum = replace(septum, angle=(min(angles) + max(angles)) / 2)
    cases = tuple(_transported(case, septum, final) for case in cases)
    found = [case for case in cases if case.arm is not None]
    design = _transported(design, septum, final)
    middle = found[len(found) // 2].delta
    scans = _varied(final, septum, compared.optics.fringe, spec.delta, middle) if asked.report else NOT_VARIED
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
        extracted=_extracted(found, steinbach, resolved.study.seed),
        turns=last_turns(final, compared.optics, septum, [(c.delta, c.arm) for c in cases if c.arm]),
        engines=compare_engines(final, compared.optics, septum, _compared_cases(design, found)),
        scans=scans,
        divergence=_or_error(partial(_divergence, final, septum, compared.optics.fringe, middle)),
        hardt=_or_error(partial(_hardt, final, septum, compared.optics.fringe, spec.delta)),
    )


def _varied(final: Lattice, septum: Septum, fringe: str, delta: float, middle: float) -> Scans:
    LOGGER.info("tune, sextupoles, chromaticity and each family of magnets varied")
    return scan(final, septum, fringe, delta, middle)


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


def _compared_cases(design: Case, found: list[Case]) -> list[Case]:
    """The design point, and the extracted momenta at both ends."""
    return list({case.delta: case for case in (design, found[0], found[-1])}.values())


# ------------------------------------------------------------------------------------------------------- one momentum


def _design(ring: Lattice, septum: Septum, delta: float, fringe: str) -> Case:
    """The design point, which must have an arm at the wires and lie inside the aperture."""
    resonance = third_integer_resonance(ring, at=septum.at, delta=delta, fringe=fringe)
    _inside(ring, resonance)
    return Case(delta, resonance, resonance.arm(septum.position))


def _inside(ring: Lattice, resonance: ThirdIntegerResonance) -> None:
    """NoSolution when a fixed point at the septum lies beyond the aperture there."""
    aperture = ring[resonance.place].aperture
    if aperture is None:
        return
    half = aperture.half_x if aperture.ellipse_x is None else min(aperture.half_x, aperture.ellipse_x)
    x = resonance.fixed_points[:, 0]
    worst = float(x[np.argmax(np.abs(x - aperture.offset_x))])
    if abs(worst - aperture.offset_x) > half:
        raise NoSolution(
            f"a fixed point lies beyond the aperture: x = {worst:.6g} m at '{resonance.place}', whose half opening is "
            f"{half:.6g} m (tune distance {resonance.tune_distance:.6g}, virtual sextupole "
            f"{resonance.virtual_sextupole:.4g} m^-1/2): bring the tune nearer or the sextupoles up"
        )


def _case(ring: Lattice, septum: Septum, delta: float, fringe: str) -> Case:
    try:
        resonance = third_integer_resonance(ring, at=septum.at, delta=delta, fringe=fringe)
    except (NoSolution, UnstableOptics) as error:
        return Case(delta, None, None, reason=str(error))
    try:
        return Case(delta, resonance, resonance.arm(septum.position))
    except NoSolution as error:
        return Case(delta, resonance, None, reason=str(error))


def _transported(case: Case, septum: Septum, ring: Lattice) -> Case:
    if case.resonance is None or case.arm is None or septum.magnetic_at is None:
        return case
    return replace(case, transport=transport(case.resonance, septum, ring, case.arm))


# ------------------------------------------------------------------------------------------------- beam and momenta


def _beam(resolved: Resolved[ExtractionStudy]) -> MachineBeam:
    """The beam of the study, or the machine's for this species (one at this working point first)."""
    if resolved.study.beam is not None:
        return resolved.beams[0].beam
    same = [case for case in resolved.beams if case.particle.species == resolved.particle.species]
    if not same:
        raise InputError(f"no beam of {resolved.particle.species} is known of '{resolved.machine_name}': "
                         "give the study a [beam] table")  # fmt: skip
    return max(same, key=lambda case: case.follows).beam


def _steinbach_or_reason(
    facts: Facts, spec: ExtractionSpec, septum: Septum, beam: MachineBeam, emittance: float
) -> tuple[Steinbach | None, str]:
    try:
        return _steinbach(facts, spec, septum, beam, emittance), ""
    except (NoSolution, UnstableOptics) as error:
        return None, str(error)


def _steinbach(facts: Facts, spec: ExtractionSpec, septum: Septum, beam: MachineBeam, emittance: float) -> Steinbach:
    """The stack waits with its edge at the wedge: the largest amplitude is still stable at its nearest momentum."""
    ring, fringe = facts.optics.lattice, facts.optics.fringe
    resonant = resonant_momentum(ring, fringe=fringe)
    side = -1.0 if spec.stack == "below" else 1.0
    width = beam.momentum_spread or 1e-3
    steps = (np.arange(1, _BRANCH + 1) / _BRANCH) ** 1.5
    deltas = resonant + side * width * np.concatenate([-0.5 * steps[::3], steps])
    LOGGER.info("wedge of the resonance over %d momenta", len(deltas))
    table = wedge(ring, None, septum.at, sorted(deltas), fringe)
    known = table.dropna(subset=["exact"])
    if (known["delta"] * side > resonant * side).sum() < 2:
        raise NoSolution(f"no stable triangle on the side of the stack of the resonant momentum {resonant:.4g}")
    edge = float(leaving_momentum(table, np.array([beam.sigmas * sqrt(emittance)]), side)[0])
    if not np.isfinite(edge):
        raise NoSolution(f"the beam's edge is unstable at every momentum within {width:g} of the resonant one")
    stack = _stack(facts, beam, emittance, edge + side * beam.momentum_spread / 2)
    leaving = leaving_momentum(table, stack.amplitude, side)
    return Steinbach(resonant, side, table, stack, leaving)


def _stack(facts: Facts, beam: MachineBeam, emittance: float, centre: float) -> Stack:
    """Particles of the waiting beam, evenly over its momenta about ``centre``, up to the edge of the beam."""
    study: ExtractionStudy = facts.resolved.study
    sampled = waiting_stack(
        Beam(facts.resolved.particle, emittance_x=emittance, emittance_y=emittance, delta=centre),
        study.extraction.particles,
        seed=study.seed,
        full_width=beam.momentum_spread,
    )
    inside = sampled.amplitude <= beam.sigmas * sqrt(emittance)
    return Stack(sampled.delta[inside], sampled.amplitude[inside])


def _momenta(spec: ExtractionSpec, steinbach: Steinbach | None, why: str, edge: float) -> Array:
    """The momenta that are extracted: those given, or those at which amplitudes up to the beam's edge leave."""
    if spec.momenta is not None:
        return np.linspace(spec.momenta.lower, spec.momenta.upper, spec.momenta.number)
    if steinbach is None:
        raise NoSolution(f"the extracted momenta are not known ({why}): give extraction.momenta")
    amplitudes = np.linspace(_SMALLEST, 1.0, _CASES) * edge
    momenta = leaving_momentum(steinbach.table, amplitudes, steinbach.side)
    momenta = np.sort(momenta[np.isfinite(momenta)])
    if len(momenta) < 2:
        raise NoSolution(
            f"the stable triangle holds no particle of the beam (edge {edge:.3g} m^1/2): amplitudes stable over the "
            f"stack's momenta are {steinbach.table['exact'].min():.3g} to {steinbach.table['exact'].max():.3g} m^1/2"
        )
    return np.asarray(momenta)


def _extracted(found: list[Case], steinbach: Steinbach | None, seed: int) -> ExtractedBeam | None:
    """The beam at the wires; momenta beyond the outermost arms take those arms."""
    if steinbach is None or len(found) < 2:
        return None
    momenta = steinbach.leaving[np.isfinite(steinbach.leaving)]
    clipped = np.clip(momenta, min(case.delta for case in found), max(case.delta for case in found))
    if not len(clipped):
        return None
    return extracted_beam([(case.delta, case.arm) for case in found if case.arm], clipped, seed=seed)
