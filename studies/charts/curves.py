"""Curves of one panel with their names at their ends, lines at levels and marked places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from lattice import InputError
from studies.charts.kit.limits import across, name_across, name_upright, upright
from studies.charts.style import EXACT, Layout, Trace, axis, base_layout, inert, line_width, numbers, short, text


@dataclass(frozen=True)
class Curve:
    """A line of a panel, named at its end. ``dash`` and ``color`` as in ``studies.charts.style``; ``markers`` on it."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: str = EXACT
    dash: str = "solid"
    markers: bool = False
    width: float = 1.8


def curves(
    items: Sequence[Curve],
    x_title: str,
    y_title: str,
    *,
    levels: Sequence[tuple[float, str]] = (),
    marks: Sequence[tuple[float, str]] = (),
    height: int = 360,
    log: bool = False,
) -> go.Figure:
    """Curves with their names at their ends. ``levels`` are dotted lines across, ``marks`` dotted lines upright.

    Both mark what is no requirement: limits that are judged are drawn from the verdicts (``kit.evidence``), dashed.
    """
    if not items:
        raise InputError("a figure needs at least one curve")
    layout = base_layout(
        height,
        hovermode="closest",
        xaxis=axis(x_title),
        yaxis=axis(y_title, **({"type": "log"} if log else {})),
        shapes=[*(across(y, dash="dot") for y, _ in levels), *(upright(x, dash="dot") for x, _ in marks)],
        annotations=[
            *_names(items, log, [y for y, _ in levels]),
            *(name_across(np.log10(y) if log else y, name) for y, name in levels),
            *(name_upright(*one) for one in marks),
        ],
        margin={"l": 72, "r": 150, "t": 36, "b": 52},
    )
    return go.Figure(data=[curve_trace(item, x_title, y_title) for item in items], layout=layout)


def curve_trace(curve: Curve, x_title: str, y_title: str) -> Trace:
    """A curve as a trace, hover with its name and both titles."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if curve.markers else "lines",
        "name": inert(curve.name),
        "x": numbers(curve.x),
        "y": numbers(curve.y),
        "line": {"color": curve.color, "width": line_width(curve.color, curve.width), "dash": curve.dash},
        "marker": {"color": curve.color, "size": 6},
        "hovertemplate": f"{inert(curve.name)}<br>{x_title} %{{x:.5g}}<br>{y_title} %{{y:.5g}}<extra></extra>",
    }


def _names(items: Sequence[Curve], log: bool, levels: Sequence[float]) -> list[Layout]:
    """Names right of the last point of each curve, moved apart where they would touch."""
    ends = []
    for item in items:
        known = [(x, y) for x, y in zip(item.x, item.y, strict=True) if np.isfinite(x) and np.isfinite(y)]
        if known:
            ends.append((item, *max(known)))
    values = [y for item in items for y in item.y if np.isfinite(y)] + list(levels)  # the axis shows both
    span = (max(values) - min(values)) or 1.0
    ends.sort(key=lambda end: -end[2])
    notes, above = [], float("inf")
    for item, x, y in ends:
        place = y if log else min(y, above - 0.07 * span)
        above = place
        shift = 0 if log else round(-(y - place) / span * 250, 1)
        at = float(np.log10(y)) if log else y
        notes.append(
            text(
                inert(item.name),
                x=short(x),
                y=short(at),
                xref="x",
                yref="y",
                xanchor="left",
                yanchor="middle",
                xshift=10,
                yshift=shift,
                color=item.color,
            )
        )
    return notes
