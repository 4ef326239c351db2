"""Tables of the tolerances of a line: those of machines of any kind, and the numbers at each energy."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from studies.results import TableData
from studies.tolerances.line.facts import Facts
from studies.tolerances.tables import tables as of_machines
from studies.vocabulary import quantity_named


def tables(facts: Facts) -> tuple[TableData, ...]:
    """All tables of the study."""
    return (*of_machines(facts.answer), *_energies(facts))


def _energies(facts: Facts) -> Iterator[TableData]:
    if facts.energies is not None:
        percent, lines = 100.0 * facts.answer.question.wanted, len(facts.shown.spots["after"]) if facts.shown else 0
        caption = f"What {percent:g} % of {lines} lines do not exceed, or have at least, at each energy."
        yield TableData("tolerances-energies", "Energies", caption, _in_units(facts.energies), digits=4)


def _in_units(table: pd.DataFrame) -> pd.DataFrame:
    """A row a number, a column an energy."""
    energies = [f"{energy / 1e6:g} MeV/u" for energy in table["energy"]]
    rows = []
    for name in sorted(table.columns.drop("energy")):  # what is steered, and behind it the same before
        kind = quantity_named(name).kind
        values = (table[name] * kind.scale).tolist()
        rows.append({"number": kind.text, "unit": kind.shown or kind.unit, **dict(zip(energies, values, strict=True))})
    return pd.DataFrame(rows)
