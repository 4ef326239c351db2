"""Figures of the tolerances of a linac: those of machines of any kind."""

from __future__ import annotations

from studies.results import FigureData
from studies.tolerances.figures import figures as of_machines
from studies.tolerances.linac.facts import Facts


def figures(facts: Facts) -> tuple[FigureData, ...]:
    """All figures of the study."""
    return of_machines(facts.answer)
