"""Tables of a search: the front with each machine's id, the best beside the start, what was refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from studies.results import TableData
from studies.scan.plan import COMPUTED
from studies.search.asked import LATTICE
from studies.search.figures import shown
from studies.search.gathering import SearchFacts, reasons
from studies.vocabulary import quantity_named


def tables(facts: SearchFacts) -> tuple[TableData, ...]:
    """All tables, in the order of the report."""
    return tuple(_tables(facts))


def _tables(facts: SearchFacts) -> Iterator[TableData]:
    knobs = [knob.name for knob in facts.search.knobs]
    told = [LATTICE, *knobs] if facts.lattices else knobs
    whole = pd.concat([facts.table[told], shown(facts)], axis=1).rename_axis("case").reset_index()
    if len(facts.front):
        caption = (
            "Machines that no other beats, by the first objective; run STUDY --point RUN:CASE runs the study at one."
        )
        yield TableData("search-machines", "The front", caption, whole.iloc[facts.front].reset_index(drop=True))
        yield _compared(facts, whole)
    if facts.rejudged:
        yield _rejudged(facts)
    if facts.lattices:
        yield _by_lattice(facts)
    refused = reasons(facts)
    if len(refused):
        frame = pd.DataFrame({"why": refused.index, "cases": refused.to_numpy()})
        caption = "Cases without an answer, and those whose linear optics broke a constraint: not computed whole."
        yield TableData("search-refused", "Refused", caption, frame)


def _by_lattice(facts: SearchFacts) -> TableData:
    """What each lattice can do: how many machines keep all constraints, are on the front, and the best of each."""
    values, signs = shown(facts), [one.sign for one in facts.search.objectives]
    rows = []
    for name, cases in facts.lattices.items():
        good = cases[facts.scores.feasible[cases]]
        counts = {"tried": len(cases), "keep all": len(good), "of the front": int(np.isin(facts.front, cases).sum())}
        best = {
            f"best {head}": sign * float((sign * values[head].to_numpy()[good]).min()) if len(good) else np.nan
            for head, sign in zip(values.columns, signs, strict=True)
        }
        rows.append({"lattice": name, **counts, **best})
    caption = (
        "Each lattice searched by itself with the same number of machines: how many keep all constraints, how many are "
        "on the front of all, and the best that it reached in each objective, one at a time."
    )
    return TableData("search-lattices", "The lattices beside each other", caption, pd.DataFrame(rows))


def _rejudged(facts: SearchFacts) -> TableData:
    """What the whole study says of chosen machines: objectives anew, what was asked beside, which requirements pass."""
    spec = facts.search.spec.rejudge
    names = dict.fromkeys([*(one.quantity for one in facts.search.objectives), *(spec.show if spec else ())])
    kinds = {name: quantity_named(name).kind for name in names}
    rows = [
        {
            **{"machine": one.machine, "case": one.case, "condition": one.at},
            **{kind.heading: one.values.get(name, np.nan) * kind.scale for name, kind in kinds.items()},
            **{"passed": len(one.passed), "failed": ", ".join(one.failed) or "-"},
            "not evaluated": ", ".join(one.unevaluated) or "-" if one.status == COMPUTED else one.status,
        }
        for one in facts.rejudged
    ]
    caption = (
        "Chosen machines of the front and the one that was begun with, each judged by the whole study under every "
        "condition: objectives anew, what the search leaves out, how many requirements passed and which did not."
    )
    return TableData("search-rejudged", "Judged again", caption, pd.DataFrame(rows), digits=4)


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
