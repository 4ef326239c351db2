"""The extraction study: match, resonance, arms of all momenta, septa, spill, comparison with Xsuite, verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from extraction.septum import early_hit
from extraction.spill.files import save_spill
from lattice import NoSolution, UnstableOptics
from optics.matching.matching import MatchResult
from studies.results import Quantity, StudyResult
from studies.ring_optics.match import matched_design
from studies.ring_optics.study import Outcome, match_quantities, optics_warnings, provenance_of, verdicts_on
from studies.runs.store import SPILL as FOLDER
from studies.slow_extraction.facts import ExtractionFacts, gather
from studies.slow_extraction.figures import figures
from studies.slow_extraction.quantities import USUAL, evaluate
from studies.slow_extraction.spill import text as spill_methods
from studies.slow_extraction.spill.case import check_names
from studies.slow_extraction.spill.facts import SpillFacts, track
from studies.slow_extraction.spill.figures import spill_figures
from studies.slow_extraction.spill.quantities import ABSENT, spill_quantities, withheld
from studies.slow_extraction.spill.tables import spill_tables
from studies.slow_extraction.tables import tables
from studies.slow_extraction.text import assumptions, methods, references
from studies.spec.resolution import Resolved
from studies.spec.schema import ExtractionStudy
from studies.vocabulary import SPILL


def compute(resolved: Resolved) -> Outcome:
    """Run the extraction study; no file is touched.

    UnstableOptics for a ring without stable optics, NoSolution when there is no resonance, no triangle, or no arm at
    the wires: each with the numbers found.
    """
    assert isinstance(resolved.study, ExtractionStudy)
    if resolved.study.spill is not None:
        check_names(resolved.lattice, resolved.study.spill)
    matched = matched_design(resolved)
    final = (matched.lattice if matched else resolved.lattice).with_particle(resolved.particle)
    facts = gather(resolved, final)
    spill, no_spill = _spill(facts)
    quantities = tuple(_quantities(facts, spill, no_spill, matched))
    verdicts = withheld(verdicts_on(resolved.requirements, quantities, matched), spill)
    result = StudyResult(
        name=resolved.name,
        title=resolved.title,
        machine=resolved.machine_name,
        particle=str(resolved.particle),
        study=resolved.content,
        lattice=final,
        quantities=quantities,
        verdicts=verdicts,
        figures=(*figures(facts, matched), *(spill_figures(spill, facts) if spill else ())),
        tables=(*tables(facts, matched), *(spill_tables(spill) if spill else ())),
        methods=(*methods(facts, matched), *(spill_methods.methods(spill) if spill else ())),
        assumptions=(*assumptions(facts), *(spill_methods.assumptions(spill) if spill else ())),
        references=(*references(facts, matched), *spill_methods.references(spill)),
        warnings=(*_warnings(facts, matched), *spill_methods.warnings(spill), *no_spill_warning(no_spill)),
        provenance=provenance_of(resolved),
    )
    return Outcome(
        result,
        matched is None or matched.success,
        interrupted=spill is not None and spill.interrupted,
        save=(lambda folder: save(spill, folder)) if spill else None,
    )


def _spill(facts: ExtractionFacts) -> tuple[SpillFacts | None, str]:
    """The tracked spill, or why there is none; InputError for names that the ring does not have."""
    try:
        found = track(facts)
    except (NoSolution, UnstableOptics) as error:
        return None, str(error)
    return found, "" if found else ABSENT


def no_spill_warning(reason: str) -> Iterator[str]:
    """Why a study that asks for a spill has none."""
    if reason and reason != ABSENT:
        yield f"The spill was not tracked: {reason}."


def save(spill: SpillFacts, folder: Path) -> None:
    """Every extracted and lost particle, for scripts, into the folder ``spill`` of a run."""
    about = {"driver": spill.case.spec.driver, "engine": spill.spill.engine, "seed": spill.case.seed,
             "particles": spill.spill.particles, "turns": spill.spill.turns,
             "revolution_time_s": spill.spill.revolution_time}  # fmt: skip
    save_spill(folder / FOLDER, spill.spill, spill.case.particle, about)


def _quantities(
    facts: ExtractionFacts, spill: SpillFacts | None, no_spill: str, matched: MatchResult | None
) -> Iterator[Quantity]:
    asked = [requirement.quantity for requirement in facts.optics.resolved.requirements]
    yield from evaluate((*USUAL, *(name for name in asked if name not in SPILL)), facts)
    tracked = [*(SPILL if spill else ()), *(name for name in asked if name in SPILL)]
    yield from spill_quantities(tracked, spill, no_spill)
    if matched is not None:
        yield from match_quantities(facts.optics, matched)


def _warnings(facts: ExtractionFacts, matched: MatchResult | None) -> Iterator[str]:
    yield from optics_warnings(facts.optics, matched)
    if not facts.engines.rows:
        yield f"Extraction: no comparison with Xsuite ({facts.engines.alone}). Its verdicts rest on our maps alone."
    early = [case.delta for case in facts.found if case.arm and early_hit(facts.septum, case.arm, case.delta)]
    if early:
        yield (
            f"Extraction: at {len(early)} of {len(facts.found)} momenta the beam hits the wires before its turn, on "
            "another arm of the separatrix: losses are larger than the crossing of the wires alone gives."
        )
    if facts.steinbach is None:
        yield f"No Steinbach diagram: {facts.no_steinbach}."
    for case in facts.cases:
        if case.arm is None:
            yield f"dp/p = {case.delta:.4g} has no arm at the wires: {case.reason}."
