"""The extraction study: match, resonance, arms of all momenta, septa, spill, comparison with Xsuite, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from extraction.septum import early_hit
from extraction.spill.files import save_spill
from studies.pipeline import Asked, Study, Text
from studies.results import FigureData, Quantity, TableData
from studies.ring_optics.match_quantities import match_quantities
from studies.ring_optics.study import optics_warnings
from studies.runs.contents import SPILL as FOLDER
from studies.slow_extraction import figures, tables, text
from studies.slow_extraction.facts import ExtractionFacts
from studies.slow_extraction.moving import MOVING, MovedFacts, moved_quantities
from studies.slow_extraction.quantities import USUAL, evaluate
from studies.slow_extraction.resolution import resolve
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill import text as spill_text
from studies.slow_extraction.spill.facts import SpillFacts
from studies.slow_extraction.spill.figures import spill_figures
from studies.slow_extraction.spill.moved import COUNTERPARTS
from studies.slow_extraction.spill.quantities import ABSENT, SWITCHED_OFF, spill_quantities
from studies.slow_extraction.spill.tables import spill_tables
from studies.slow_extraction.whole import SlowExtractionFacts, gather
from studies.vocabulary import SPILL


def _quantities(facts: SlowExtractionFacts, asked: Asked) -> tuple[Quantity, ...]:
    if isinstance(facts, MovedFacts):
        return moved_quantities(facts, asked)
    tracked = [*(SPILL if facts.spill else ()), *(name for name in asked.names if name in SPILL)]
    return (
        *evaluate((*USUAL, *(name for name in asked.names if name not in SPILL)), facts.extraction),
        *spill_quantities(tracked, facts.spill, facts.no_spill),
        *match_quantities(facts.extraction.optics),
    )


def _figures(facts: SlowExtractionFacts) -> tuple[FigureData, ...]:
    spill = spill_figures(facts.spill, facts.extraction) if facts.spill else ()
    return (*figures.figures(facts.extraction), *spill)


def _tables(facts: SlowExtractionFacts) -> tuple[TableData, ...]:
    spill = spill_tables(facts.spill) if facts.spill else ()
    return (*tables.tables(facts.extraction), *spill)


def _text(facts: SlowExtractionFacts, _: Sequence[Quantity]) -> Text:
    extraction, spill = facts.extraction, facts.spill
    return Text(
        (*text.methods(extraction), *(spill_text.methods(spill) if spill else ())),
        (*text.assumptions(extraction), *(spill_text.assumptions(spill) if spill else ()), *_model_errors(facts)),
        (*text.references(extraction), *spill_text.references(spill)),
        (*_warnings(extraction), *spill_text.warnings(spill), *no_spill_warning(facts.no_spill)),
    )


def _model_errors(facts: SlowExtractionFacts) -> Iterator[str]:
    """How the model's error of tracked numbers is found."""
    if facts.spill is not None and facts.extraction.optics.resolved.study.assumption:
        told = ", ".join(f"{name} by {other}" for name, (_, other) in COUNTERPARTS.items())
        yield (
            "The model's error of a tracked number is what assumptions move its counterpart by, which follows from the "
            f"arms of all momenta without chance: {told}, spill_left by the part of the stack that the programme does "
            "not reach; duty_factor by ripple alone, through the tracked response to it. At every working point of the "
            "machine assumptions are moved at those that decide, for three momenta."
        )


def no_spill_warning(reason: str) -> Iterator[str]:
    """Why a study that asks for a spill has none."""
    if reason and reason not in (ABSENT, SWITCHED_OFF):
        yield f"The spill was not tracked: {reason}."


def _warnings(facts: ExtractionFacts) -> Iterator[str]:
    yield from optics_warnings(facts.optics)
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


def save(spill: SpillFacts, folder: Path) -> None:
    """Every extracted and lost particle, for scripts, into the folder ``spill`` of a run."""
    about = {
        "driver": spill.case.spec.driver,
        "engine": spill.spill.engine,
        "seed": spill.case.seed,
        "particles": spill.spill.particles,
        "turns": spill.spill.turns,
        "revolution_time_s": spill.spill.revolution_time,
    }
    save_spill(folder / FOLDER, spill.spill, spill.case.particle, about)


def _save(facts: SlowExtractionFacts, folder: Path) -> None:
    if facts.spill is not None:
        save(facts.spill, folder)


STUDY = Study(ExtractionStudy, resolve, gather, _quantities, _figures, _tables, _text, _save, MOVING)
