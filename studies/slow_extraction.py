"""The extraction study: match, resonance, arms of all momenta, septa, comparison with Xsuite, verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from extraction.targets import QUANTITIES as GOALS
from extraction.targets import ExtractionTarget
from optics.matching import MatchResult
from optics.targets import Goal
from studies.extraction_facts import ExtractionFacts, gather
from studies.extraction_figures import figures
from studies.extraction_methods import assumptions, methods, references
from studies.extraction_quantities import USUAL, evaluate
from studies.extraction_tables import tables
from studies.optics_design import (
    Outcome,
    match_quantities,
    matched_design,
    optics_target,
    optics_warnings,
    provenance_of,
    verdicts_on,
)
from studies.resolution import Resolved
from studies.results import Quantity, StudyResult
from studies.schema import ExtractionSpec, ExtractionStudy, TargetSpec


def compute(resolved: Resolved) -> Outcome:
    """Run the extraction study; no file is touched.

    UnstableOptics for a ring without stable optics, NoSolution when there is no resonance, no triangle, or no arm at
    the wires: each with the numbers found.
    """
    assert isinstance(resolved.study, ExtractionStudy)
    spec = resolved.study.extraction
    matched = matched_design(resolved, lambda target: _goal(target, spec))
    final = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    facts = gather(resolved, final)
    quantities = tuple(_quantities(facts, matched))
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=resolved.content,
        lattice=final,
        quantities=quantities,
        verdicts=verdicts_on(resolved.requirements, quantities, matched),
        figures=figures(facts, matched),
        tables=tables(facts, matched),
        methods=tuple(methods(facts, matched)),
        assumptions=tuple(assumptions(facts)),
        references=tuple(references(facts, matched)),
        warnings=tuple(_warnings(facts, matched)),
        provenance=provenance_of(resolved),
    )
    return Outcome(result, matched is None or matched.success)


def _goal(target: TargetSpec, spec: ExtractionSpec) -> Goal:
    """A target of the extraction (by default at the electrostatic septum), or of the optics."""
    if target.quantity not in GOALS:
        return optics_target(target)
    place = target.at or str(spec.electrostatic_septum)
    return ExtractionTarget(
        target.quantity,
        target.value,
        at=place,
        x_septum=spec.x_septum,
        tolerance=target.tolerance,
        weight=target.weight,
    )


def _quantities(facts: ExtractionFacts, matched: MatchResult | None) -> Iterator[Quantity]:
    asked = [requirement.quantity for requirement in facts.optics.resolved.requirements]
    yield from evaluate((*USUAL, *asked), facts)
    if matched is not None:
        yield from match_quantities(facts.optics, matched)


def _warnings(facts: ExtractionFacts, matched: MatchResult | None) -> Iterator[str]:
    yield from optics_warnings(facts.optics, matched)
    if not facts.engines.rows:
        yield f"Extraction: no comparison with Xsuite ({facts.engines.alone}). Its verdicts rest on our maps alone."
    if facts.steinbach is None:
        yield f"No Steinbach diagram: {facts.no_steinbach}."
    for case in facts.cases:
        if case.arm is None:
            yield f"dp/p = {case.delta:.4g} has no arm at the wires: {case.reason}."
