"""The match that a study asks for: from its tables to working points, knobs, goals and limits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from extraction.targets import QUANTITIES as EXTRACTION_GOALS
from extraction.targets import ExtractionTarget
from lattice import ElectrostaticSeptum, InputError, Lattice, ReferenceParticle, UnstableOptics
from lattice.errors import counted, did_you_mean
from optics import Limit, Moments, Target, Vary
from optics.matching.limits import SIZES
from optics.matching.matching import Case, MatchResult, match_together
from optics.matching.targets import Goal
from studies.runs.logs import LOGGER
from studies.spec.match import DESIGN, CaseSpec, LimitSpec, TargetSpec
from studies.spec.resolution import BeamCase, Resolved
from studies.spec.subjects import given_particle


def matched_design(resolved: Resolved[Any]) -> MatchResult | None:
    """The match that the study asks for, None without one. UnstableOptics when no stable optics was found."""
    spec = resolved.study.match
    if spec is None:
        return None
    cases = list(_cases(resolved))
    points = f" at {len(cases)} working points" if len(cases) > 1 else ""
    LOGGER.info(
        "matching %s to %s%s", counted(len(spec.vary), "parameter"), counted(len(spec.targets), "target"), points
    )
    matched = match_together(
        cases,
        vary=[
            Vary(v.name, v.lower, v.upper, tied=v.tied, case=v.case if spec.cases else None, active=v.active)
            for v in spec.vary
        ],
        method=spec.method,
        polish=spec.polish,
        restarts=spec.restarts,
        seed=resolved.study.seed,
    )
    if not np.all(np.isfinite(list(matched.values.values()))):
        raise UnstableOptics(f"the match of '{resolved.lattice.name}' found no stable optics: {matched.message}")
    LOGGER.log(logging.INFO if matched.success else logging.WARNING, "match: %s", matched.message)
    return matched


def _cases(resolved: Resolved[Any]) -> Iterator[Case]:
    """The study's own working point, then the others."""
    spec = resolved.study.match
    assert spec is not None
    several = len(spec.cases) > 0
    yield _case(resolved, DESIGN if several else "", resolved.lattice, resolved.particle, resolved.start, 0.0)
    for one in spec.cases:
        lattice = _lattice(resolved, one)
        start = one.start.model_dump() if one.start else resolved.start
        assert lattice.particle is not None
        yield _case(resolved, one.name, lattice, lattice.particle, start, one.delta)


def _case(
    resolved: Resolved[Any],
    name: str,
    lattice: Lattice,
    particle: ReferenceParticle,
    start: Mapping[str, float] | None,
    delta: float,
) -> Case:
    spec = resolved.study.match
    assert spec is not None
    case = name or DESIGN
    targets = [goal(target, resolved) for target in spec.targets if (target.case or DESIGN) == case]
    return Case(
        lattice=lattice,
        particle=particle,
        targets=targets,
        limits=[_limit(limit, resolved, particle) for limit in spec.limits if (limit.case or DESIGN) == case],
        start=_begin(resolved, targets, particle, start),
        fringe=resolved.study.model.fringe,
        delta=delta,
        name=name,
    )


def _begin(
    resolved: Resolved[Any], targets: list[Goal], particle: ReferenceParticle, start: Mapping[str, float] | None
) -> Mapping[str, float] | Moments | None:
    """What a case begins with: the moments of the study's beam where a target is of a beam (size_x ...).

    rms momentum of a spread of full width w that is evenly filled: w / sqrt(12). InputError in a ring, without a beam.
    """
    asked = [one for one in targets if getattr(one, "of_a_beam", False)]
    if not asked:
        return start
    told = f"match.targets: {asked[0].label} is that of a beam"
    if start is None:
        raise InputError(f"{told} that enters a line: give the line a start ([start], or --start betx= --start bety=)")
    if len(resolved.beams) != 1:
        raise InputError(f"{told}: give the study its beam ([beam], or --beam EX:EY:SPREAD)")
    edge = resolved.beams[0].beam.edge(particle)
    beam = Moments.from_functions(
        particle,
        start,
        emittance_x=edge.beam.emittance_x,
        emittance_y=edge.beam.emittance_y,
        sigma_delta=float(np.hypot(edge.beam.sigma_delta, edge.full_width / np.sqrt(12))),
    )
    return beam.moved(**{name: start[name] for name in ("x", "px", "y", "py") if start.get(name)})


def _lattice(resolved: Resolved[Any], spec: CaseSpec) -> Lattice:
    """The lattice of a further working point, with its particle."""
    lattice = resolved.lattice
    if spec.working_point is not None:
        if resolved.machine is None:
            raise InputError(f"match.cases '{spec.name}': working points belong to machines, this study has a lattice")
        lattice = resolved.machine.lattice(spec.working_point)
    particle = given_particle(lattice.particle, spec.particle, spec.kinetic_energy_MeV_per_u)
    return lattice.with_parameters(spec.parameters).with_particle(particle)


def goal(spec: TargetSpec, resolved: Resolved[Any]) -> Goal:
    """A target of the optics, or of the extraction: by default at the electrostatic septum and its wires."""
    if spec.quantity not in EXTRACTION_GOALS:
        if spec.x_septum is not None:
            raise InputError(f"match.targets: '{spec.quantity}' is no quantity of the extraction, it takes no x_septum")
        return Target(
            spec.quantity,
            spec.value,
            at=spec.at,
            between=spec.between,
            tolerance=spec.tolerance,
            weight=spec.weight,
            active=spec.active,
        )
    if spec.between is not None:
        raise InputError(f"match.targets: '{spec.quantity}' is taken at one place: give at, not between")
    place = spec.at or resolved.wires.place
    if place is None:
        raise InputError(
            f"match.targets: '{spec.quantity}' needs a place: '{resolved.lattice.name}' has no "
            "electrostatic septum to take it at"
        )
    wires = spec.x_septum if spec.x_septum is not None else _wires(resolved, place)
    return ExtractionTarget(
        spec.quantity,
        spec.value,
        at=place,
        x_septum=wires,
        tolerance=spec.tolerance,
        weight=spec.weight,
        active=spec.active,
    )


def _wires(resolved: Resolved[Any], place: str) -> float | None:
    """Position of the wires [m]: of the study, else of the element."""
    if resolved.wires.position is not None:
        return resolved.wires.position
    element: Any = resolved.lattice.resolved(resolved.lattice[place.partition(":")[0]])
    return float(element.position) if isinstance(element, ElectrostaticSeptum) and element.position else None


def _limit(spec: LimitSpec, resolved: Resolved[Any], particle: ReferenceParticle) -> Limit:
    """A limit; of a beam size with its beam, whose edge is that of the clearances."""
    chosen: dict[str, Any] = {}
    if spec.quantity in SIZES:
        beam = _beam(spec, resolved).beam
        edge = beam.edge(particle)
        chosen = {"beam": edge.beam, "sigmas": edge.sigmas, "full_width": edge.full_width}
    elif spec.beam is not None:
        raise InputError(f"match.limits: '{spec.quantity}' takes no beam, only {' and '.join(SIZES)} do")
    chosen |= {"lower": spec.lower, "upper": spec.upper, "active": spec.active}
    return Limit(spec.quantity, at=spec.at, between=spec.between, **chosen)


def _beam(spec: LimitSpec, resolved: Resolved[Any]) -> BeamCase:
    """The beam that a limit names, or the only one there is."""
    known = {case.beam.name: case for case in resolved.beams}
    if spec.beam is None and len(known) == 1:
        return resolved.beams[0]
    if spec.beam is None or spec.beam not in known:
        asked = f"there is no beam '{spec.beam}'{did_you_mean(spec.beam, known)}" if spec.beam else "which beam?"
        there = f" There are: {', '.join(known)}." if known else " Give the study a [beam]."
        raise InputError(f"match.limits, {spec.quantity}: {asked}{there}")
    return known[spec.beam]
