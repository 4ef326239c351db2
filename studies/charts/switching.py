"""Pictures of switching: stacked bars of seconds by cause, bars of sensitivities, curves behind a slider.

Every function takes finished numbers and returns plotly's words ({"data", "layout"}); nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from studies.charts.style import Drawing, axis, base_layout, inert, numbers, text

#: One colour for each cause or part, apart for colour-blind readers and in grey.
COLORS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#BDBDBD", "#009E73", "#CC79A7", "#5A5A5A")


@dataclass(frozen=True)
class Panel:
    """A slider's picture: its ``label`` and curves (name, x, y, colour)."""

    label: str
    curves: Sequence[tuple[str, Sequence[float], Sequence[float], str]]


def stacked(rows: Sequence[str], parts: Mapping[str, Sequence[float]], title: str) -> Drawing:
    """Horizontal bars, one a row, cut by part; the whole stands at its end. InputError without rows."""
    if not rows or not parts:
        raise InputError("stacked bars need at least one row and one part")
    names = [inert(row) for row in rows]
    totals = np.sum([list(values) for values in parts.values()], axis=0)
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": inert(part),
            "y": names,
            "x": numbers(values),
            "marker": {"color": COLORS[k % len(COLORS)]},
            "hovertemplate": f"%{{y}}<br>{inert(part)} %{{x:.4g}}<extra></extra>",
        }
        for k, (part, values) in enumerate(parts.items())
    ]
    notes = [
        text(f"{total:.3g}", x=_short(total), y=place, xref="x", yref="y", xanchor="left", yanchor="middle", xshift=5)
        for place, total in enumerate(totals)
    ]
    layout = base_layout(
        120 + 40 * len(names),
        barmode="stack",
        bargap=0.35,
        hovermode="closest",
        xaxis=axis(title, range=[0.0, float(f"{1.12 * totals.max():.6g}")]),
        yaxis=axis("", type="category", autorange="reversed", automargin=True, showgrid=False),
        showlegend=True,
        legend={"orientation": "h", "x": 0.0, "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
        annotations=notes,
        margin={"l": max(120, 20 + 8 * max(map(len, names))), "r": 36, "t": 48, "b": 52},
    )
    return {"data": traces, "layout": layout}


def tornado(rows: Sequence[str], parts: Mapping[str, Sequence[float]], title: str) -> Drawing:
    """Horizontal bars to both sides of 0, one of each part for every row; a number that is not finite has no bar."""
    if not rows or not parts:
        raise InputError("a tornado needs at least one row and one part")
    names = [inert(row) for row in rows]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": inert(part),
            "y": names,
            "x": numbers(values),
            "marker": {"color": COLORS[2 * k % len(COLORS)]},
            "hovertemplate": f"%{{y}}, {inert(part)}<br>%{{x:.4g}} s<extra></extra>",
        }
        for k, (part, values) in enumerate(parts.items())
    ]
    found = np.array([value for values in parts.values() for value in values if np.isfinite(value)] or [1.0])
    low, high = min(float(found.min()), 0.0), max(float(found.max()), 0.0)
    room = 0.06 * (high - low)
    layout = base_layout(
        120 + 34 * len(names),
        barmode="group",
        bargap=0.3,
        hovermode="closest",
        xaxis=axis(title, range=[_short(low - room), _short(high + room)]),
        yaxis=axis("", type="category", autorange="reversed", automargin=True, showgrid=False),
        showlegend=True,
        legend={"orientation": "h", "x": 0.0, "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
        margin={"l": max(120, 20 + 8 * max(map(len, names))), "r": 36, "t": 48, "b": 52},
    )
    return {"data": traces, "layout": layout}


def sliding(panels: Sequence[Panel], x_title: str, y_title: str, prefix: str, shown: int) -> Drawing:
    """Curves of one panel at a time, a slider over the panels; without scripts panel ``shown`` stands."""
    if not panels:
        raise InputError("a slider needs at least one panel")
    points = [(x, y) for panel in panels for _, xs, ys, _ in panel.curves for x, y in zip(xs, ys, strict=True)]
    xs, ys = (np.array([point[i] for point in points], dtype=float) for i in (0, 1))
    room = 0.06 * float(np.nanmax(ys) - np.nanmin(ys) or 1.0)
    traces, notes = [], []
    for number, panel in enumerate(panels):
        notes.append(
            [
                text(
                    inert(name),
                    x=1.0 if k else 0.0,
                    y=1.0,
                    xref="paper",
                    yref="paper",
                    xanchor="right" if k else "left",
                    yanchor="bottom",
                    color=color,
                )
                for k, (name, _, _, color) in enumerate(panel.curves)
            ]
        )
        traces += [
            {
                "type": "scatter",
                "mode": "lines",
                "name": inert(name),
                "x": numbers(x),
                "y": numbers(y),
                "line": {"color": color, "width": 1.8},
                "visible": number == shown,
                "hovertemplate": f"{inert(name)}<br>{x_title} %{{x:.4g}}<br>{y_title} %{{y:.5g}}<extra></extra>",
            }
            for name, x, y, color in panel.curves
        ]
    layout = base_layout(
        450,
        hovermode="closest",
        xaxis=axis(x_title, range=[_short(np.nanmin(xs)), _short(np.nanmax(xs))]),
        yaxis=axis(y_title, range=[_short(np.nanmin(ys) - room), _short(np.nanmax(ys) + room)]),
        annotations=notes[shown],
        sliders=[_slider(panels, notes, prefix, shown)],
        margin={"l": 72, "r": 36, "t": 40, "b": 132},
    )
    return {"data": traces, "layout": layout}


def _short(value: Any) -> float:
    return float(f"{float(value):.8g}")


def _slider(panels: Sequence[Panel], notes: Sequence[list[Any]], prefix: str, shown: int) -> dict[str, Any]:
    owner = [number for number, panel in enumerate(panels) for _ in panel.curves]
    steps = [
        {
            "label": inert(panel.label),
            "method": "update",
            "args": [{"visible": [of == number for of in owner]}, {"annotations": notes[number]}],
        }
        for number, panel in enumerate(panels)
    ]
    return {
        "active": shown,
        "steps": steps,
        "x": 0.0,
        "len": 1.0,
        "y": 0.0,
        "yanchor": "top",
        "pad": {"t": 44, "b": 4},
        "currentvalue": {"prefix": prefix, "xanchor": "left", "font": {"size": 12}},
        "font": {"size": 10},
        "ticklen": 4,
    }
