"""The extraction study: match, resonance, arms of all momenta, septa, spill, comparison with Xsuite, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extraction.septum import early_hit
from extraction.spill.files import save_spill
from lattice import Lattice, NoSolution, UnstableOptics
from studies.pipeline import Asked, Moving, Study, Text
from studies.results import FigureData, Quantity, TableData
from studies.ring_optics.match_quantities import match_quantities
from studies.ring_optics.study import optics_warnings
from studies.runs.contents import SPILL as FOLDER
from studies.slow_extraction import figures, tables, text
from studies.slow_extraction.facts import ExtractionFacts, gather_extraction
from studies.slow_extraction.quantities import USUAL, evaluate
from studies.slow_extraction.resolution import resolve
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill import text as spill_text
from studies.slow_extraction.spill.case import check_names
from studies.slow_extraction.spill.facts import SpillFacts, track
from studies.slow_extraction.spill.figures import spill_figures
from studies.slow_extraction.spill.quantities import ABSENT, spill_quantities
from studies.slow_extraction.spill.tables import spill_tables
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import moved_ring
from studies.spec.resolution import Resolved, Wires
from studies.vocabulary import OF_ENERGIES, SPILL


@dataclass(frozen=True, eq=False)
class SlowExtractionFacts:
    """The extraction, and the tracked spill or why there is none."""

    extraction: ExtractionFacts
    spill: SpillFacts | None
    no_spill: str

    @property
    def lattice(self) -> Lattice:
        """The final lattice."""
        return self.extraction.ring

    @property
    def told(self) -> str:
        """Particle and energy."""
        return self.extraction.optics.told

    @property
    def unreached(self) -> str:
        """Why the design was not reached."""
        return self.extraction.optics.unreached

    @property
    def interrupted(self) -> bool:
        """True when Ctrl-C ended the tracking."""
        return self.spill is not None and self.spill.interrupted


def gather(resolved: Resolved[ExtractionStudy], asked: Asked) -> SlowExtractionFacts:
    """Compute the extraction and, for a report, track its spill.

    UnstableOptics for a ring without stable optics, NoSolution when there is no resonance, no triangle, or no arm at
    the wires: each with the numbers found. InputError for names that the ring does not have.
    """
    if resolved.study.spill is not None:
        check_names(resolved.lattice, resolved.study.spill)
    facts = gather_extraction(resolved, asked)
    spill, no_spill = _spill(facts) if asked.report else (None, ABSENT)
    return SlowExtractionFacts(facts, spill, no_spill)


def _spill(facts: ExtractionFacts) -> tuple[SpillFacts | None, str]:
    """The tracked spill, or why there is none."""
    try:
        found = track(facts)
    except (NoSolution, UnstableOptics) as error:
        return None, str(error)
    return found, "" if found else ABSENT


def _quantities(facts: SlowExtractionFacts, asked: Asked) -> tuple[Quantity, ...]:
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
        (*text.assumptions(extraction), *(spill_text.assumptions(spill) if spill else ())),
        (*text.references(extraction), *spill_text.references(spill)),
        (*_warnings(extraction), *spill_text.warnings(spill), *no_spill_warning(facts.no_spill)),
    )


def no_spill_warning(reason: str) -> Iterator[str]:
    """Why a study that asks for a spill has none."""
    if reason and reason != ABSENT:
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


def _moved(resolved: Resolved[ExtractionStudy], assumption: AssumptionSpec, sign: float) -> Resolved[ExtractionStudy]:
    """Wires that the study's keys move are moved where beams are held against them too."""
    moved = moved_ring(resolved, assumption, sign)
    septa = moved.study.extraction
    return replace(moved, wires=Wires(septa.electrostatic_septum, septa.x_septum))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Of the study's own working point, without its spill: every other one takes as long again."""
    return tuple(name for name in names if name not in OF_ENERGIES and name not in SPILL)


STUDY = Study(
    ExtractionStudy, resolve, gather, _quantities, _figures, _tables, _text, _save, Moving(_moved, touched=_touched)
)
