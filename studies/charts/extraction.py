"""The pictures of slow extraction: phase space at a septum, Steinbach diagram, curves, vectors, bars.

Every function takes finished numbers in the units of the axes and returns a plotly figure; nothing is computed here
but positions on paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lattice import InputError
from studies.charts import style
from studies.charts.kit.bars import bar, name_axis, name_margin
from studies.charts.kit.limits import across, name_across, name_upright, upright
from studies.charts.phase_space import EXACT, LEADING, Frame, Portrait, portrait_drawing
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, inert, numbers, pointer, short, text

__all__ = [
    "EXACT",
    "LEADING",
    "Curve",
    "Frame",
    "Portrait",
    "Vector",
    "bars",
    "curves",
    "figure_of",
    "phase_space",
    "steinbach",
    "vectors",
]


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


@dataclass(frozen=True)
class Vector:
    """An arrow of a sum of vectors: ``name``, components ``x``, ``y``."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Wedge:
    """A Steinbach diagram's numbers: momentum [1e-3] and amplitude [√mm].

    ``delta``, ``exact``, ``leading``: the wedge; ``stack``: sampled particles (delta, amplitude); ``start``, ``end``:
    of the arrow for the driver, at ``height``; ``edge`` of the beam.
    """

    delta: Sequence[float]
    exact: Sequence[float]
    leading: Sequence[float]
    stack: tuple[Sequence[float], Sequence[float]]
    resonant: float
    start: float
    end: float
    height: float
    driver: str
    edge: float = field(default=float("nan"))


def figure_of(drawing: Drawing) -> go.Figure:
    """A drawing (plotly's own dictionaries, as in ``studies.charts.spill``) as a figure."""
    return go.Figure(**drawing)


def phase_space(frames: Sequence[Frame], *, shown: int = 0, place: str = "the septum") -> go.Figure:
    """Triangle and arms, physical beside normalised, a slider over ``frames``; without scripts frame ``shown``.

    Raises InputError without a frame.
    """
    return go.Figure(**portrait_drawing(frames, shown, inert(place)))


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
    """Curves with their names at their ends. ``levels`` are dashed lines across, ``marks`` dashed lines upright."""
    if not items:
        raise InputError("a figure needs at least one curve")
    layout = base_layout(
        height,
        hovermode="closest",
        xaxis=axis(x_title),
        yaxis=axis(y_title, **({"type": "log"} if log else {})),
        shapes=[*(across(y) for y, _ in levels), *(upright(x) for x, _ in marks)],
        annotations=[
            *_names(items, log, [y for y, _ in levels]),
            *(name_across(np.log10(y) if log else y, name) for y, name in levels),
            *(name_upright(*one) for one in marks),
        ],
        margin={"l": 72, "r": 150, "t": 36, "b": 52},
    )
    return go.Figure(data=[_curve(item, x_title, y_title) for item in items], layout=layout)


def _curve(curve: Curve, x_title: str, y_title: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines+markers" if curve.markers else "lines",
        "name": inert(curve.name),
        "x": numbers(curve.x),
        "y": numbers(curve.y),
        "line": {"color": curve.color, "width": curve.width, "dash": curve.dash},
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


_STEINBACH = ("dp/p [1e-3]", "A [√mm]")


def steinbach(wedge: Wedge) -> go.Figure:
    """Amplitude against momentum: the unstable wedge shaded, the stack as points, the driver as an arrow."""
    top = 1.08 * max([*_finite(wedge.stack[1]), wedge.edge, 0.5 * max(_finite(wedge.exact))])
    shade = [*wedge.exact, top * 3, top * 3]
    ends = [*wedge.delta, wedge.delta[-1], wedge.delta[0]]
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "unstable",
            "x": numbers(ends),
            "y": numbers(shade),
            "fill": "toself",
            "fillcolor": style.tint(style.VERTICAL, 0.12),
            "hoverinfo": "skip",
            "line": {"color": style.VERTICAL, "width": 0},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "stack",
            "x": numbers(wedge.stack[0]),
            "y": numbers(wedge.stack[1]),
            "marker": {"color": style.NEUTRAL, "size": 2.5},
            "hoverinfo": "skip",
        },
        _curve(Curve("leading order", wedge.delta, wedge.leading, LEADING, "dash", width=1.2), *_STEINBACH),
        _curve(Curve("exact", wedge.delta, wedge.exact, EXACT), *_STEINBACH),
    ]
    low, high = min([*wedge.delta, *wedge.stack[0]]), max([*wedge.delta, *wedge.stack[0]])
    room = 0.03 * (high - low)
    notes = [
        text("unstable", x=short(wedge.resonant), y=0.8, xref="x", yref="y domain", color=style.VERTICAL),
        text("exact", x=0.0, y=1.0, xref="paper", yref="paper", xanchor="left", yanchor="bottom", color=EXACT),
        text(
            "leading order (dashed)",
            x=0.06,
            y=1.0,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            color=LEADING,
        ),
        _arrow(wedge),
    ]
    layout = base_layout(
        440,
        hovermode="closest",
        xaxis=axis(_STEINBACH[0], range=[short(low - room), short(high + room)]),
        yaxis=axis(_STEINBACH[1], range=[0.0, short(top)]),
        annotations=notes,
        margin={"l": 72, "r": 24, "t": 36, "b": 52},
    )
    return go.Figure(data=traces, layout=layout)


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]


def _arrow(wedge: Wedge) -> Layout:
    return {
        "x": short(wedge.end),
        "y": short(wedge.height),
        "ax": short(wedge.start),
        "ay": short(wedge.height),
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "showarrow": True,
        "arrowhead": 2,
        "arrowwidth": 1.6,
        "arrowcolor": style.INK,
        "text": inert(wedge.driver),
        "font": {"size": 12, "color": style.INK},
        "xanchor": "right" if wedge.end > wedge.start else "left",
        "bgcolor": "rgba(255,255,255,0.75)",
    }


def vectors(items: Sequence[Vector], title: str, unit: str) -> go.Figure:
    """Vectors laid head to tail with their sum, on equal axes."""
    if not items:
        raise InputError("a sum of vectors needs at least one")
    corners = np.concatenate([[[0.0, 0.0]], np.cumsum([[item.x, item.y] for item in items], axis=0)])
    chain = _curve(Curve("shares", corners[:, 0].tolist(), corners[:, 1].tolist(), EXACT, markers=True), title, unit)
    total = np.stack([corners[0], corners[-1]])
    sum_ = _curve(
        Curve("virtual sextupole", total[:, 0].tolist(), total[:, 1].tolist(), style.INK, width=3.0), title, unit
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    half = 0.62 * float(np.max(high - low))
    centre = (low + high) / 2
    notes = [
        pointer(inert(item.name), *_middle(corners[i], corners[i + 1]), (34.0, 26.0 if i % 2 else -26.0))
        for i, item in enumerate(items)
        if np.hypot(item.x, item.y) > 0.02 * 2 * half
    ]
    notes.append(
        text(
            "sum",
            x=short(total.mean(axis=0)[0]),
            y=short(total.mean(axis=0)[1]),
            xref="x",
            yref="y",
            yshift=-14,
            color=style.INK,
        )
    )
    layout = base_layout(
        430,
        hovermode="closest",
        xaxis=axis(f"S cos 3 mu [{unit}]", range=_range(centre[0], half), scaleanchor="y", constrain="domain"),
        yaxis=axis(f"S sin 3 mu [{unit}]", range=_range(centre[1], half), constrain="domain"),
        annotations=notes,
        margin={"l": 72, "r": 24, "t": 24, "b": 52},
    )
    return go.Figure(data=[sum_, chain], layout=layout)


def _middle(a: Any, b: Any) -> tuple[float, float]:
    return short((a[0] + b[0]) / 2), short((a[1] + b[1]) / 2)


def _range(centre: float, half: float) -> list[float]:
    return [short(centre - half), short(centre + half)]


def bars(names: Sequence[str], values: Sequence[float], title: str, *, color: str = EXACT) -> go.Figure:
    """Horizontal bars beside their names, the first on top."""
    if not names:
        raise InputError("a figure of bars needs at least one")
    trace = bar(names, values, color=color, name=title, hover=f"%{{y}}: %{{x:.4g}}, {title}")
    layout = base_layout(
        110 + 30 * len(names),
        hovermode="closest",
        bargap=0.35,
        xaxis=axis(title, zeroline=True, zerolinecolor=style.NEUTRAL),
        yaxis=name_axis(),
        margin={"l": name_margin(names, 100, 24), "r": 24, "t": 16, "b": 52},
    )
    return go.Figure(data=[trace], layout=layout)
