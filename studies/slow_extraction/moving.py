"""How slow extraction is computed with its assumptions moved: the arms anew, the spill by what they tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from lattice import ReferenceParticle
from studies.pipeline import Asked, Moving
from studies.results import Quantity
from studies.slow_extraction.energies import deciding
from studies.slow_extraction.facts import (
    ExtractionFacts,
    gather_extraction,
    with_other_chamber,
    with_other_septum,
    with_points,
)
from studies.slow_extraction.quantities import evaluate
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.moved import told_by
from studies.slow_extraction.whole import SlowExtractionFacts
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import movable, moved_ring
from studies.spec.resolution import Resolved, Wires
from studies.vocabulary import SPILL

#: Keys of the septa that no arm depends on.
_OF_SEPTUM = (
    "extraction.wire_thickness",
    "extraction.septum_kick",
    "extraction.septum_gap",
    "extraction.wall_thickness",
)


@dataclass(frozen=True, eq=False)
class MovedFacts(SlowExtractionFacts):
    """The facts that moved ones are told from: the spill is that of the study itself, tracked once.

    ``study`` is the moved one; ``some``: the working points of the machine that decide.
    """

    study: ExtractionStudy
    some: tuple[ReferenceParticle, ...]


def moved_quantities(facts: MovedFacts, asked: Asked) -> tuple[Quantity, ...]:
    """What is asked, of the spill by what the arms, the stack and its measured response to ripple tell of it."""
    closed = evaluate([name for name in asked.names if name not in SPILL], facts.extraction)
    if facts.spill is None:
        return closed
    return (*closed, *told_by(facts.extraction, facts.spill, facts.study, asked.names))


def _lighter(resolved: Resolved[ExtractionStudy]) -> Resolved[ExtractionStudy]:
    return movable(resolved, resolved.study.assumption)


def _moved(resolved: Resolved[ExtractionStudy], assumption: AssumptionSpec, sign: float) -> Resolved[ExtractionStudy]:
    """Wires that the study's keys move are moved where beams are held against them too."""
    moved = moved_ring(resolved, assumption, sign)
    septa = moved.study.extraction
    return replace(moved, wires=Wires(septa.electrostatic_septum, septa.x_septum))


def _touched(key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Ripple moves how even the spill is, and nothing else; it is moved by nothing else."""
    of_ripple = key.startswith("spill.")
    return tuple(name for name in names if (name == "duty_factor") == of_ripple)


def _base(
    facts: SlowExtractionFacts, light: Resolved[ExtractionStudy], _: Sequence[object], asked: Asked
) -> MovedFacts:
    """The study's own facts, its working points cut down to those that decide."""
    some = deciding(facts.extraction.points) if facts.extraction.points else ()
    known = {one.name: getattr(facts, one.name) for one in fields(SlowExtractionFacts)}
    extraction = with_points(facts.extraction, some)
    return MovedFacts(**{**known, "extraction": extraction}, study=light.study, some=some)


def _again(
    facts: SlowExtractionFacts, resolved: Resolved[ExtractionStudy], key: str, asked: Asked
) -> SlowExtractionFacts | None:
    if not isinstance(facts, MovedFacts):
        return None
    return replace(facts, study=resolved.study, extraction=_extraction(facts, resolved, key, asked))


def _extraction(facts: MovedFacts, resolved: Resolved[ExtractionStudy], key: str, asked: Asked) -> ExtractionFacts:
    """The arms are kept where the key does not reach them."""
    if key.startswith("spill."):
        return facts.extraction
    if key in _OF_SEPTUM:
        return with_other_septum(facts.extraction, resolved)
    if key.startswith("apertures."):
        return with_other_chamber(facts.extraction, resolved)
    return gather_extraction(resolved, asked, facts.some)


MOVING: Moving[Resolved[ExtractionStudy], SlowExtractionFacts] = Moving(
    moved=_moved, lighter=_lighter, touched=_touched, base=_base, again=_again
)
