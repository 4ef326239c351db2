"""Figures of the extraction study."""

from __future__ import annotations

from optics.matching import MatchResult
from studies.extraction_facts import ExtractionFacts
from studies.results import FigureData


def figures(facts: ExtractionFacts, matched: MatchResult | None) -> tuple[FigureData, ...]:
    """All figures of the study, in the order of the report."""
    return ()
