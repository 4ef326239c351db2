"""Figures of a scan: where the machine works in the plane of its parameters and of its tunes, and chosen cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from contourpy import contour_generator

from lattice.arrays import Array
from machines.requirements import PASS, Requirement
from studies.charts import style
from studies.charts.figure import figure_json
from studies.charts.kit.strips import axis_name, layout_key, strips
from studies.charts.lattice import WorkingPoint, tune_diagram
from studies.charts.style import Layout, Trace, axis, base_layout, inert, numbers, pointer, text
from studies.results import FigureData
from studies.scan.drawn import along_cases, cells, region_cases, tune_cases
from studies.scan.facts import ScanFacts
from studies.scan.picks import linked, marks, picked_optics, positions
from studies.scan.plan import COMPUTED, STATUS, Plan
from studies.scan.what_if import what_if
from studies.spec.units import parameter_unit
from studies.vocabulary import quantity_named, unit_factor

_STRAY, _PIECES = 3.0, 3  # a line is longer than so many cells of the grid, in so many pieces at most
#: What becomes of a case, from best to worst: words, shade, size.
CLASSES = (
    ("passes all", "#1A1A1A", 7.0),
    ("fails one", "#8A8A8A", 5.0),
    ("fails more", "#C4C4C4", 4.0),
    ("no answer", "#E9D5CC", 2.5),
)
#: Id of the figure in which picked cases are shown.
OPTICS = "optics-scan"
_PANELS = (("qx", "qy"), ("max_betx", "max_bety"), ("max_dx", "min_dx"), ("dqx", "dqy"))


def figures(facts: ScanFacts) -> tuple[FigureData, ...]:
    """All figures of a scan, in the order of the report."""
    plane = len(facts.plan.axes) > 1
    drawn = [region(facts) if plane else _along(facts.plan, facts.table.loc[along_cases(facts.plan)])]
    if {"qx", "qy"} <= set(facts.table):
        drawn.append(_tunes(facts))
    if facts.optics:
        where = "the plane of the parameters and the tune diagram" if plane else "the tune diagram"
        drawn.append(picked_optics(facts, OPTICS, where))
    return tuple(drawn)


def _told(made: Plan, table: pd.DataFrame) -> list[str]:
    """What the hover says of each case."""
    shown = [axis.name for axis in made.axes] + [
        n for n in ("qx", "qy", "max_betx", "max_bety", "max_dx") if n in table
    ]
    failing = [
        ", ".join(r.id for r in made.judged if r.id not in row or row[r.id] != PASS) if row[STATUS] == COMPUTED else ""
        for row in table.to_dict("records")
    ]
    lines = []
    for row, fails in zip(table.to_dict("records"), failing, strict=True):
        values = "<br>".join(f"{inert(name)} = {row[name]:.6g}" for name in shown if np.isfinite(row[name]))
        status = "" if row[STATUS] == COMPUTED else f"<br>{inert(row[STATUS])}"
        lines.append(values + status + (f"<br>fails {inert(fails)}" if fails else ""))
    return lines


# ------------------------------------------------------------------------------------------------------ the region


def region(facts: ScanFacts, id: str = "scan-region", shown_in: str = OPTICS) -> FigureData:
    """Cases in the plane of the first two axes; with more, the best over the others."""
    made, table, chosen = facts.plan, facts.table, facts.chosen
    x, y = (one.name for one in made.axes[:2])
    cases = region_cases(made, facts.classes)
    best = table.loc[cases].assign(_class=facts.classes[cases])
    traces = [
        _marks(best[best["_class"] == number], x, y, made, number)
        for number in reversed(range(len(CLASSES)))
        if (best["_class"] == number).any()
    ]
    borders = list(_borders(made, table)) if len(made.axes) == 2 else []
    here = [positions(facts, n, float(np.real(made.design.parameters[n]))) for n in (x, y)]
    inside = all(a.lower <= at[0] <= a.upper for a, at in zip(made.axes[:2], here, strict=True))
    layout = base_layout(
        560,
        hovermode="closest",
        xaxis=axis(_axis_title(x, made)),
        yaxis=axis(_axis_title(y, made)),
        annotations=[*([_design(here[0][0], here[1][0])] if inside else []), *(label for _, label in borders)],
        showlegend=True,
        legend={"orientation": "h", "x": 0.0, "y": 1.0, "yanchor": "bottom", "traceorder": "reversed"},
        margin={"l": 84, "r": 110, "t": 48, "b": 56},
    )
    caption = (
        f"Every case by the number of requirements it fails (of {len(made.judged)}: "
        f"{', '.join(r.id for r in made.judged) or 'none'}); no answer: unstable motion."
    )
    if borders:
        caption += " Lines: where a quantity reaches its limit, left out where that is no line."
    if len(made.axes) > 2:
        caption += f" Best over {', '.join(a.name for a in made.axes[2:])}."
    if len(chosen):
        caption += " Rings: cases whose optics are drawn below. Click one to see it."
        layout = linked(layout, shown_in, *here)
    caption += " Look for: a dark region wide enough for the errors of the power supplies."
    layout = what_if(layout, made, best)
    rings = marks(*here) if len(chosen) else []
    figure = {"data": [*traces, *(trace for trace, _ in borders), *rings], "layout": layout}
    columns = [c for c in best.columns if c != "_class"]
    return FigureData(id, "Where the machine works", caption, figure, best[columns].reset_index(drop=True))


def _design(x: float, y: float) -> Layout:
    return pointer("design", x, y, np.array([-46.0, 26.0]))


def _marks(part: pd.DataFrame, x: str, y: str, made: Plan, number: int) -> Trace:
    name, color, size = CLASSES[number]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": numbers(part[x]),
        "y": numbers(part[y]),
        "text": _told(made, part),
        "marker": {"color": color, "size": size},
        "hovertemplate": "%{text}<extra></extra>",
    }


def _borders(made: Plan, table: pd.DataFrame) -> Iterator[tuple[Trace, Layout]]:
    """Lines along which a judged quantity is at its limit, each with its name."""
    x, y, cases = cells(made)
    for requirement in made.judged:
        if requirement.quantity not in table:
            continue
        values = table[requirement.quantity].loc[cases.ravel()].to_numpy(dtype=float).reshape(cases.shape)
        factor = unit_factor(quantity_named(requirement.quantity), requirement.unit)
        for limit in (requirement.lower, requirement.upper):
            lines = [] if limit is None else _lines(x, y, values, limit * factor)
            if lines:
                yield _border(requirement, lines)


def _lines(x: Array, y: Array, values: Array, level: float) -> list[Array]:
    """The line at a level, without stray pieces; nothing where it is no line but pieces between ridges."""
    found: Any = contour_generator(x, y, np.ma.masked_invalid(values.T)).lines(level)
    cells = np.array([x[1] - x[0], y[1] - y[0]])
    lines = [line for line in map(np.asarray, found) if np.hypot(*(np.ptp(line, axis=0) / cells)) > _STRAY]
    return lines if len(lines) <= _PIECES else []


def _border(requirement: Requirement, lines: list[Array]) -> tuple[Trace, Layout]:
    color = _color(requirement.quantity)
    gap = np.full((1, 2), np.nan)
    joined = np.concatenate([part for line in lines for part in (line, gap)])
    longest = max(lines, key=len)
    end = longest[np.argmax(longest[:, 0])]
    name = inert(requirement.id)
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "showlegend": False,
        "x": numbers(joined[:, 0]),
        "y": numbers(joined[:, 1]),
        "line": {"color": color, "width": 1.6, "dash": "dash"},
        "hovertemplate": f"{name}: {inert(requirement.quantity)} at its limit<extra></extra>",
    }
    place: dict[str, Any] = {"xref": "x", "yref": "y", "xanchor": "left", "yanchor": "middle"}
    label = text(
        name,
        x=float(end[0]),
        y=float(end[1]),
        xshift=4,
        color=color,
        size=11,
        bgcolor="rgba(255,255,255,0.75)",
        **place,
    )
    return trace, label


def _color(quantity: str) -> str:
    known = style.QUANTITIES[quantity_named(quantity).base]
    return style.LIMIT if known.color == style.INK else known.color


def _axis_title(name: str, made: Plan) -> str:
    unit = parameter_unit(name, made.design) or "1"
    return inert(f"{name} [{unit}]")


# ----------------------------------------------------------------------------------------------------- one axis


def _along(made: Plan, table: pd.DataFrame) -> FigureData:
    """Results against the one parameter, panel over panel."""
    panels: list[tuple[str, ...]] = []
    if made.names:
        panels = [tuple(n for n in panel if n in table) for panel in _PANELS]
    if not made.names:
        panels += [(r.quantity,) for r in made.judged if r.quantity in table][:4]
    panels = [panel for panel in panels if panel]
    name = made.axes[0].name
    count = max(len(panels), 1)
    layout = base_layout(
        150 + 150 * count, hovermode="x unified", hoversubplots="axis", margin={"l": 84, "r": 84, "t": 24, "b": 56}
    )
    traces: list[Trace] = []
    notes: list[Layout] = []
    for number, (panel, domain) in enumerate(zip(panels, strips(count, 0.88), strict=False)):
        unit, side = quantity_named(panel[0]).kind.unit, axis_name(number)
        layout[layout_key(number)] = axis(f"{_common(panel)} [{unit}]", domain=domain, anchor="x")
        traces += [_curve(table, name, quantity, side) for quantity in panel]
        notes += [_end_label(table, quantity, side, place) for place, quantity in enumerate(panel)]
    layout["xaxis"] = axis(_axis_title(name, made), anchor=axis_name(count - 1))
    layout["annotations"] = notes
    caption = f"Results against {name}; gaps where there is no answer. Look for: how fast a margin goes."
    columns = [name, STATUS, *(quantity for panel in panels for quantity in panel)]
    return FigureData(
        "scan-along",
        "Results along the scan",
        caption,
        {"data": traces, "layout": layout},
        table[columns].reset_index(drop=True),
    )


def _common(panel: tuple[str, ...]) -> str:
    return ", ".join(inert(name) for name in panel)


def _curve(table: pd.DataFrame, name: str, quantity: str, yaxis: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": inert(quantity),
        "x": numbers(table[name]),
        "y": numbers(table[quantity]),
        "yaxis": yaxis,
        "line": {"color": _color(quantity), "width": 1.6, "dash": "dot" if quantity.startswith("min_") else "solid"},
        "hovertemplate": inert(quantity) + " %{y:.6g}<extra></extra>",
    }


def _end_label(table: pd.DataFrame, quantity: str, yaxis: str, place: int) -> Layout:
    where: dict[str, Any] = {"x": 1.0, "xref": "paper", "yref": f"{yaxis} domain", "xanchor": "left"}
    return text(inert(quantity), color=_color(quantity), y=0.9 - 0.2 * place, xshift=6, size=11, **where)


# ----------------------------------------------------------------------------------------------------- the tunes


def _tunes(facts: ScanFacts) -> FigureData:
    """The cases in the plane of the tunes, around the design."""
    made, table, classes = facts.plan, facts.table, facts.classes
    assert facts.tunes is not None
    centre = facts.tunes
    picked = tune_cases(classes)
    part = table.loc[picked].assign(_class=classes[picked])
    reach = min(0.5, max(0.1, *(_reach(part[q].to_numpy(), c) for q, c in zip(("qx", "qy"), centre, strict=True))))
    window = tuple((round(c - reach, 3), round(c + reach, 3)) for c in centre)
    figure = figure_json(tune_diagram([WorkingPoint("design", *centre)], window=(window[0], window[1])))
    part = part[(abs(part["qx"] - centre[0]) < reach) & (abs(part["qy"] - centre[1]) < reach)]
    clouds = [_cloud(part[part["_class"] == number], made, number) for number in (2, 1, 0)]
    here = [positions(facts, q, c) for q, c in zip(("qx", "qy"), centre, strict=True)]
    figure["data"] = [*clouds, *figure["data"], *(marks(*here) if len(facts.chosen) else [])]
    figure["layout"] = linked(figure["layout"], OPTICS, *here) if len(facts.chosen) else figure["layout"]
    caption = (
        "Tunes of the cases among the resonances up to fourth order (solid normal, dashed skew), shaded by the number "
        "of requirements they fail. Rings: cases whose optics can be picked. Look for: dark marks away from the lines."
    )
    columns = [*(a.name for a in made.axes), "qx", "qy"]
    return FigureData("tunes-scan", "Tunes of the cases", caption, figure, part[columns].reset_index(drop=True))


def _reach(values: Array, centre: float) -> float:
    return float(np.abs(values - centre).max(initial=0.0)) * 1.05


def _cloud(part: pd.DataFrame, made: Plan, number: int) -> Trace:
    trace = _marks(part, "qx", "qy", made, number)
    return {**trace, "marker": {**trace["marker"], "size": 0.7 * CLASSES[number][2]}}
