"""Horizontal bars beside names: single, in pairs, cut by part, and to both sides of 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from lattice import InputError
from lattice.arrays import Array
from studies.charts import style
from studies.charts.kit.bars import bar, key_above, name_axis, name_margin
from studies.charts.style import COLORS, EXACT, Drawing, axis, base_layout, inert, short, text


def bars(names: Sequence[str], values: Sequence[float], title: str, *, color: str = EXACT) -> go.Figure:
    """Horizontal bars beside their names, the first on top."""
    if not names:
        raise InputError("a figure of bars needs at least one")
    trace = bar(names, values, color=color, name=title, hover=f"%{{y}}: %{{x:.4g}}, {title}")
    layout = base_layout(
        110 + 30 * len(names),
        hovermode="closest",
        bargap=0.35,
        xaxis=axis(title, zeroline=True, zerolinecolor=style.NEUTRAL, rangemode="tozero"),
        yaxis=name_axis(),
        margin={"l": name_margin(names, 100, 24), "r": 24, "t": 16, "b": 52},
    )
    return go.Figure(data=[trace], layout=layout)


def paired_bars(names: Sequence[str], first: Array, second: Array, words: tuple[str, str], title: str) -> Drawing:
    """Two bars beside each name; what is not known has none."""
    colors = (style.NEUTRAL, EXACT)
    traces = [
        bar(names, values, color=color, name=word, hover=f"%{{y}}, {word}: %{{x:.4g}}")
        for word, values, color in zip(words, (first, second), colors, strict=True)
    ]
    layout = base_layout(
        130 + 40 * len(names),
        hovermode="closest",
        barmode="group",
        bargap=0.3,
        showlegend=True,
        legend={"orientation": "h", "x": 0.0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
        xaxis=axis(title, zeroline=True, zerolinecolor=style.NEUTRAL),
        yaxis=name_axis(),
        margin={"l": name_margin(names, 100, 24), "r": 24, "t": 44, "b": 52},
    )
    return {"data": traces, "layout": layout}


def stacked(rows: Sequence[str], parts: Mapping[str, Sequence[float]], title: str) -> Drawing:
    """Horizontal bars, one a row, cut by part; the whole stands at its end. InputError without rows."""
    if not rows or not parts:
        raise InputError("stacked bars need at least one row and one part")
    names = [inert(row) for row in rows]
    totals = np.sum([list(values) for values in parts.values()], axis=0)
    traces = [
        bar(rows, values, color=COLORS[k % len(COLORS)], name=inert(part), hover=f"%{{y}}<br>{inert(part)} %{{x:.4g}}")
        for k, (part, values) in enumerate(parts.items())
    ]
    notes = [
        text(f"{total:.3g}", x=short(total), y=place, xref="x", yref="y", xanchor="left", yanchor="middle", xshift=5)
        for place, total in enumerate(totals)
    ]
    layout = base_layout(
        120 + 40 * len(names),
        barmode="stack",
        bargap=0.35,
        hovermode="closest",
        xaxis=axis(title, range=[0.0, float(f"{1.12 * totals.max():.6g}")]),
        yaxis=name_axis(),
        showlegend=True,
        legend=key_above(),
        annotations=notes,
        margin={"l": name_margin(names), "r": 36, "t": 48, "b": 52},
    )
    return {"data": traces, "layout": layout}


def tornado(rows: Sequence[str], parts: Mapping[str, Sequence[float]], title: str) -> Drawing:
    """Horizontal bars to both sides of 0, one of each part for every row; a number that is not finite has no bar."""
    if not rows or not parts:
        raise InputError("a tornado needs at least one row and one part")
    names = [inert(row) for row in rows]
    traces = [
        bar(
            rows,
            values,
            color=COLORS[2 * k % len(COLORS)],
            name=inert(part),
            hover=f"%{{y}}, {inert(part)}<br>%{{x:.4g}} s",
        )
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
        xaxis=axis(title, range=[short(low - room), short(high + room)]),
        yaxis=name_axis(),
        showlegend=True,
        legend=key_above(),
        margin={"l": name_margin(names), "r": 36, "t": 48, "b": 52},
    )
    return {"data": traces, "layout": layout}
