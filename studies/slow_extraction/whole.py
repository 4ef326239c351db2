"""What the whole study of slow extraction has computed: the extraction and its tracked spill."""

from __future__ import annotations

from dataclasses import dataclass

from lattice import Lattice, NoSolution, UnstableOptics
from studies.pipeline import Asked
from studies.slow_extraction.facts import ExtractionFacts, gather_extraction
from studies.slow_extraction.spec import ExtractionStudy
from studies.slow_extraction.spill.case import check_names
from studies.slow_extraction.spill.facts import SpillFacts, track
from studies.slow_extraction.spill.quantities import ABSENT, SWITCHED_OFF
from studies.spec.resolution import Resolved


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
    spill, no_spill = _spill(facts) if asked.report else (None, untracked(resolved.study))
    return SlowExtractionFacts(facts, spill, no_spill)


def _spill(facts: ExtractionFacts) -> tuple[SpillFacts | None, str]:
    """The tracked spill, or why there is none."""
    try:
        found = track(facts)
    except (NoSolution, UnstableOptics) as error:
        return None, str(error)
    return found, "" if found else untracked(facts.optics.resolved.study)


def untracked(study: ExtractionStudy) -> str:
    """Why a study tracks no spill."""
    return SWITCHED_OFF if study.spill is not None and not study.spill.tracked else ABSENT
