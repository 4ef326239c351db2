"""Tables of a search: the front with each machine's id, the best beside the start, what was refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.results import TableData
from studies.search.figures import shown
from studies.search.gathering import SearchFacts, reasons


def tables(facts: SearchFacts) -> tuple[TableData, ...]:
    """All tables, in the order of the report."""
    return tuple(_tables(facts))


def _tables(facts: SearchFacts) -> Iterator[TableData]:
    knobs = [knob.name for knob in facts.search.knobs]
    whole = pd.concat([facts.table[knobs], shown(facts)], axis=1).rename_axis("case").reset_index()
    if len(facts.front):
        caption = (
            "Machines that no other beats, by the first objective; run STUDY --point RUN:CASE runs the study at one."
        )
        yield TableData("search-machines", "The front", caption, whole.iloc[facts.front].reset_index(drop=True))
        yield _compared(facts, whole)
    refused = reasons(facts)
    if len(refused):
        frame = pd.DataFrame({"why": refused.index, "cases": refused.to_numpy()})
        caption = "Cases without an answer, and those whose linear optics broke a constraint: not computed whole."
        yield TableData("search-refused", "Refused", caption, frame)


def _compared(facts: SearchFacts, whole: pd.DataFrame) -> TableData:
    """The best machine in each objective beside the one that was begun with."""
    columns = list(shown(facts).columns)
    signs = [one.sign for one in facts.search.objectives]
    rows = [
        0,
        *(
            int(facts.front[np.argmin(sign * whole[c].iloc[facts.front])])
            for c, sign in zip(columns, signs, strict=True)
        ),
    ]
    frame = whole.iloc[rows].reset_index(drop=True)
    frame.insert(0, "machine", ["begun with", *(f"best {column}" for column in columns)])
    frame.insert(2, "keeps all", facts.scores.feasible[rows])
    caption = "The machine that was begun with, and of the front the best in each objective."
    return TableData("search-compared", "Best and begun with", caption, frame)
