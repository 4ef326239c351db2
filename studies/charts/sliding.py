"""Curves of one panel at a time, with a slider over the panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lattice import InputError
from studies.charts.kit.slider import one_at_a_time, owners, slider
from studies.charts.style import Drawing, Layout, Trace, axis, base_layout, inert, numbers, pointer, short, text

_PANEL = {"constrain": "domain"}


@dataclass(frozen=True)
class Panel:
    """A slider's picture: its ``label``, curves (name, x, y, colour) and named places (name, x, y)."""

    label: str
    curves: Sequence[tuple[str, Sequence[float], Sequence[float], str]]
    places: Sequence[tuple[str, float, float]] = ()


def sliding(
    panels: Sequence[Panel], x_title: str, y_title: str, prefix: str, shown: int, *, equal: bool = False
) -> Drawing:
    """Curves of one panel at a time, a slider over the panels; without scripts panel ``shown`` stands.

    ``equal``: a metre is as long on one axis as on the other.
    """
    if not panels:
        raise InputError("a slider needs at least one panel")
    parts = [[_curve(*one, x_title, y_title) for one in panel.curves] for panel in panels]
    labels, notes = [inert(panel.label) for panel in panels], [_names(panel) for panel in panels]
    changes = [{"annotations": note} for note in notes]
    x_range, y_range = _ranges(panels)
    layout = base_layout(
        560 if equal else 450,
        hovermode="closest",
        xaxis=axis(x_title, range=x_range, **({**_PANEL, "scaleanchor": "y", "scaleratio": 1} if equal else {})),
        yaxis=axis(y_title, range=y_range, **(_PANEL if equal else {})),
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
    """The names of the curves over the panel: the first on the left, what follows on the right; those of places."""
    place: dict[str, Any] = {"y": 1.0, "xref": "paper", "yref": "paper", "yanchor": "bottom"}
    names = [
        text(inert(name), x=1.0 if k else 0.0, xanchor="right" if k else "left", color=color, **place)
        for k, (name, _, _, color) in enumerate(panel.curves)
    ]
    return [*names, *(pointer(inert(name), x, y, (-24.0, -24.0)) for name, x, y in panel.places)]
