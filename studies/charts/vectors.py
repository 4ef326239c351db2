"""Vectors laid head to tail with their sum: the shares of sextupoles in the virtual one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from lattice import InputError
from studies.charts import style
from studies.charts.curves import Curve, curve_trace
from studies.charts.style import EXACT, axis, base_layout, inert, pointer, short, text


@dataclass(frozen=True)
class Vector:
    """An arrow of a sum of vectors: ``name``, components ``x``, ``y``."""

    name: str
    x: float
    y: float


def vectors(items: Sequence[Vector], title: str, unit: str) -> go.Figure:
    """Vectors laid head to tail with their sum, on equal axes."""
    if not items:
        raise InputError("a sum of vectors needs at least one")
    corners = np.concatenate([[[0.0, 0.0]], np.cumsum([[item.x, item.y] for item in items], axis=0)])
    chain = curve_trace(
        Curve("shares", corners[:, 0].tolist(), corners[:, 1].tolist(), EXACT, markers=True), title, unit
    )
    total = np.stack([corners[0], corners[-1]])
    sum_ = curve_trace(
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
