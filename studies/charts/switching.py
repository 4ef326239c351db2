"""Pictures of switching: stacked bars of seconds by cause, bars of sensitivities, curves behind a slider.

Every function takes finished numbers and returns plotly's words ({"data", "layout"}); nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from studies.charts.kit.bars import bar, key_above, name_axis, name_margin
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, inert, numbers, short, text

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


def sliding(panels: Sequence[Panel], x_title: str, y_title: str, prefix: str, shown: int) -> Drawing:
    """Curves of one panel at a time, a slider over the panels; without scripts panel ``shown`` stands."""
    if not panels:
        raise InputError("a slider needs at least one panel")
    parts = [[_curve(*one, x_title, y_title) for one in panel.curves] for panel in panels]
    labels, notes = [inert(panel.label) for panel in panels], [_names(panel) for panel in panels]
    changes = [{"annotations": note} for note in notes]
    x_range, y_range = _ranges(panels)
    layout = base_layout(
        450,
        hovermode="closest",
        xaxis=axis(x_title, range=x_range),
        yaxis=axis(y_title, range=y_range),
        annotations=notes[shown],
        sliders=[slider(labels, owners(parts), changes, prefix=prefix, shown=shown)],
        margin={"l": 72, "r": 36, "t": 40, "b": 132},
    )
    return {"data": one_at_a_time(parts, shown), "layout": layout}


def _ranges(panels: Sequence[Panel]) -> tuple[list[float], list[float]]:
    """Of both axes over all panels, so that the slider moves the curves and not the frame."""
    points = [(x, y) for panel in panels for _, xs, ys, _ in panel.curves for x, y in zip(xs, ys, strict=True)]
    xs, ys = (np.array([point[i] for point in points], dtype=float) for i in (0, 1))
    room = 0.06 * float(np.nanmax(ys) - np.nanmin(ys) or 1.0)
    across, up = (np.nanmin(xs), np.nanmax(xs)), (np.nanmin(ys) - room, np.nanmax(ys) + room)
    return [short(end) for end in across], [short(end) for end in up]


def _curve(name: str, x: Sequence[float], y: Sequence[float], color: str, x_title: str, y_title: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": inert(name),
        "x": numbers(x),
        "y": numbers(y),
        "line": {"color": color, "width": 1.8},
        "hovertemplate": f"{inert(name)}<br>{x_title} %{{x:.4g}}<br>{y_title} %{{y:.5g}}<extra></extra>",
    }


def _names(panel: Panel) -> list[Layout]:
    """The names of the curves over the panel: the first on the left, what follows on the right."""
    place: dict[str, Any] = {"y": 1.0, "xref": "paper", "yref": "paper", "yanchor": "bottom"}
    return [
        text(inert(name), x=1.0 if k else 0.0, xanchor="right" if k else "left", color=color, **place)
        for k, (name, _, _, color) in enumerate(panel.curves)
    ]
