"""Quantities of the tolerances of a line: those that machines of any kind have."""

from __future__ import annotations

from collections.abc import Iterable

from studies.results import Quantity
from studies.tolerances.line.facts import Facts
from studies.tolerances.quantities import evaluate as of_machines


def evaluate(names: Iterable[str], facts: Facts) -> tuple[Quantity, ...]:
    """Each quantity of ``names`` once, in order, and the yield of every requirement."""
    return of_machines(names, facts.answer, lambda name: facts.uncorrected)
