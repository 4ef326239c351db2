"""Figures of the tolerances of a line: those of machines of any kind, trajectories along it and spots at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from studies.charts.figure import figure_json, figure_of
from studies.charts.linac import line, stacked
from studies.charts.spill import bar_drawing
from studies.charts.style import HORIZONTAL, VERTICAL
from studies.results import FigureData
from studies.tolerances.figures import figures as of_machines
from studies.tolerances.line.facts import Facts

_PLANES = (("x", HORIZONTAL), ("y", VERTICAL))
_WORDS = {"before": "before steering", "after": "steered"}
_DASHES = {"before": "dot", "after": "solid"}


def figures(facts: Facts) -> tuple[FigureData, ...]:
    """All figures of the study."""
    return (*of_machines(facts.answer), *_own(facts))


def _own(facts: Facts) -> Iterator[FigureData]:
    if facts.shown is not None:
        yield _along(facts)
        yield _spots(facts)


def _state(facts: Facts, state: str) -> str:
    return "not steered" if facts.uncorrected else _WORDS[state]


def _along(facts: Facts) -> FigureData:
    """What the wanted part of the lines keeps to along s."""
    assert facts.shown is not None
    table, percent = facts.shown.along, 100.0 * facts.answer.question.wanted
    states = [state for state in _WORDS if f"x_{state}" in table]
    traces = [
        line(table["s"], 1e3 * table[f"{p}_{s}"], color, f"{p}, {_state(facts, s)}", axis, dash=_DASHES[s], unit="mm")
        for (p, color), axis in zip(_PLANES, ("y", "y2"), strict=True)
        for s in states
    ]
    names = [(p, color, panel) for panel, (p, color) in enumerate(_PLANES)]
    drawing = stacked(traces, ("|x| [mm]", "|y| [mm]"), "s [m]", labels=names)
    before = "before steering (dotted) and steered, with what supplies and beam do afterwards"
    told = _state(facts, "after") if facts.uncorrected else before
    caption = (
        f"How far the middle of the beam runs from that of the line without errors: {percent:g} % of "
        f"{len(facts.shown.spots['after'])} lines stay within, {told}. Look for: where correctors or monitors lack."
    )
    values = pd.DataFrame({"s [m]": table["s"], **{f"{k} [mm]": 1e3 * v for k, v in table.items() if k != "s"}})
    return FigureData("trajectories", "Trajectories", caption, drawing, values)


def _spots(facts: Facts) -> FigureData:
    """Middles at the isocentre."""
    assert facts.shown is not None
    away = 1e3 * facts.shown.spots["after"]
    drawing = bar_drawing(away[:, 0], away[:, 1], "x [mm]", "y [mm]", counted="lines")
    caption = (
        f"Middle of the spot at the isocentre in {len(away)} lines with errors, {_state(facts, 'after')}, with what "
        "supplies and beam do afterwards, about that of the line without errors. Look for: one plane wider than the "
        "other."
    )
    table = pd.DataFrame({f"{p} {s} [mm]": 1e3 * xy[:, i] for s, xy in facts.shown.spots.items() for i, p in _XY})
    return FigureData("steered-spots", "Spots of lines", caption, figure_json(figure_of(drawing)), table)


_XY = tuple(enumerate("xy"))
