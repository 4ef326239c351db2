"""Figures of a search: the front, its machines side by side, how it converged, what bounds it, optics of the front."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.charts import style
from studies.charts.bars import paired_bars
from studies.charts.curves import Curve, curves
from studies.charts.figure import figure_json
from studies.charts.style import inert
from studies.results import FigureData
from studies.search.asked import LATTICE
from studies.search.front import front
from studies.search.gathering import SearchFacts
from studies.search.pictures import Cloud, Coordinate, front_drawing, parallel

_LINES = 200  # machines side by side
_COLORS = (style.HORIZONTAL, style.VERTICAL, style.DISPERSION, style.LONGITUDINAL, style.LIMIT)  # of objectives
_DASHES = ("solid", "dash")


def figures(facts: SearchFacts) -> tuple[FigureData, ...]:
    """All figures, in the order of the report; of the front only where there is one."""
    drawn = [_front(facts)]
    if len(facts.front) > 1:
        drawn.append(_side_by_side(facts))
    drawn.append(_convergence(facts))
    if len(facts.foretold):
        drawn.append(_foretold(facts))
    if facts.search.constraints:
        drawn.append(_constraints(facts))
    return tuple(drawn)


def shown(facts: SearchFacts) -> pd.DataFrame:
    """Objectives of all cases in the units that people read, headed so."""
    rows = facts.table
    return pd.DataFrame(
        {
            one.kind.heading: rows[one.quantity].to_numpy(dtype=float) * one.kind.scale
            if one.quantity in rows
            else np.full(len(rows), np.nan)
            for one in facts.search.objectives
        }
    )


def _told(facts: SearchFacts, values: pd.DataFrame) -> list[str]:
    names = [knob.name for knob in facts.search.knobs]
    knobs = facts.table[names].to_numpy()
    of = facts.table[LATTICE].map(inert).map(", {}".format) if facts.lattices else [""] * len(knobs)
    return [
        "<br>".join(
            [
                f"case {case}{of[case]}",
                *(f"{inert(head)} {value:.6g}" for head, value in zip(values.columns, row, strict=True)),
                *(f"{inert(name)} = {value:.6g}" for name, value in zip(names, point, strict=True) if value == value),
            ]
        )
        for case, (row, point) in enumerate(zip(values.to_numpy(), knobs, strict=True))
    ]


def _front(facts: SearchFacts) -> FigureData:
    values = shown(facts)
    told = _told(facts, values)
    own = {name: front(facts.scores, cases) for name, cases in facts.lattices.items()}
    groups = {name: rows for name, rows in own.items() if len(rows)}
    cloud = Cloud(list(values.columns), values.to_numpy(), told, facts.scores.feasible, facts.front, 0, groups)
    goals = "; ".join(
        f"{one.kind.symbol}: {'small' if one.sign > 0 else 'large'} is good" for one in facts.search.objectives
    )
    caption = (
        f"Every machine that was tried, {len(facts.table):,}. Blue: the front, {len(facts.front)} machines that no "
        "other beats in all objectives at once among those that keep all constraints; diamond: the machine that was "
        f"begun with. {_of_lattices(facts)}{goals}. Hover for a case's id and knobs. Look for: how far the front lies "
        "from the diamond, and where it bends."
    )
    told_of = [LATTICE] if facts.lattices else []
    frame = pd.concat([facts.table[[*told_of, *(k.name for k in facts.search.knobs)]], values], axis=1)
    frame = frame.assign(feasible=facts.scores.feasible).iloc[facts.front]
    return FigureData(
        "search-front", "The front", caption, front_drawing(cloud), frame.rename_axis("case").reset_index()
    )


def _of_lattices(facts: SearchFacts) -> str:
    """What the caption says of the fronts of several lattices."""
    return "Rings: what no other of the same lattice beats, in its colour. " if facts.lattices else ""


def _side_by_side(facts: SearchFacts) -> FigureData:
    values = shown(facts)
    told = _told(facts, values)
    rows = facts.front[:: max(1, -(-len(facts.front) // _LINES))]
    knobs = facts.table[[knob.name for knob in facts.search.knobs]].to_numpy()
    both = np.hstack([knobs, values.to_numpy()])[rows]
    ends = [Coordinate(knob.name, knob.lower, knob.upper) for knob in facts.search.knobs]
    ends += [
        Coordinate(head, float(np.min(column)), float(np.max(column)))
        for head, column in zip(values.columns, both[:, len(ends) :].T, strict=True)
    ]
    signed = facts.scores.objectives[rows]
    best = (signed == signed.min(axis=0)).any(axis=1)
    caption = (
        "The machines of the front, each a line over its knobs (between the bounds of the search) and its objectives. "
        "Dark: the best in an objective. Look for: knobs on which all agree, and those at a bound of the search."
    )
    frame = pd.DataFrame(both, columns=[one.name for one in ends]).assign(case=rows)
    return FigureData(
        "search-parallel", "Machines of the front", caption, parallel(ends, both, [told[r] for r in rows], best), frame
    )


def _convergence(facts: SearchFacts) -> FigureData:
    items = [Curve("front", facts.counts.tolist(), facts.covered.tolist())]
    caption = (
        "Volume of the objectives' space that the front dominates (hypervolume), as a share of the box round all "
        "feasible machines, over the number of machines tried. Look for: a curve that has become flat."
    )
    drawn = figure_json(curves(items, "machines tried", "hypervolume [1]"))
    frame = pd.DataFrame({"machines tried": facts.counts, "hypervolume [1]": facts.covered})
    return FigureData("search-convergence", "Convergence", caption, drawn, frame)


def _foretold(facts: SearchFacts) -> FigureData:
    told = facts.foretold.set_axis([one.kind.symbol for one in facts.search.objectives], axis=1)
    items = [
        Curve(name, told.index.tolist(), told[name].tolist(), _COLORS[k % len(_COLORS)], _DASHES[k // len(_COLORS) % 2])
        for k, name in enumerate(told)
    ]
    caption = (
        f"Models of all cases before, asked for the next {facts.search.spec.population}: correlation of the order in "
        "which they put these by each objective with the order that was computed (Spearman's; 1: the same order, 0: no "
        "better than chance). Half of a generation is what models hold for the best. Look for: an objective that they "
        "cannot tell."
    )
    drawn = figure_json(curves(items, "machines tried", "correlation of ranks [1]"))
    frame = told.rename_axis("machines tried").reset_index()
    return FigureData("search-models", "What the models foretold", caption, drawn, frame)


def _constraints(facts: SearchFacts) -> FigureData:
    names = [one.id for one in facts.search.constraints]
    drawn = paired_bars(
        names, 1.0 - facts.kept, facts.binding, ("broken by cases", "at the limit on the front"), "share [1]"
    )
    caption = (
        "Of each constraint: the share of the cases whose value is known that break it, and the share of the front "
        "within a hundredth of its limit. Look for: what stops the front, for that limit is what the machine pays for."
    )
    frame = pd.DataFrame(
        {"constraint": names, "broken by cases [1]": 1.0 - facts.kept, "at the limit on the front [1]": facts.binding}
    )
    return FigureData("search-constraints", "What bounds the front", caption, drawn, frame)
