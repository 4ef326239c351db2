"""Tables of the tolerances of a line: those of machines of any kind."""

from __future__ import annotations

from studies.results import TableData
from studies.tolerances.line.facts import Facts
from studies.tolerances.tables import tables as of_machines


def tables(facts: Facts) -> tuple[TableData, ...]:
    """All tables of the study."""
    return of_machines(facts.answer)
