"""Panels that stand side by side, one below the other: a phone is too narrow for two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studies.charts.style import Layout, short

_HALF = 0.5  # of a figure: wider panels are no row of equals
_PANEL, _GAP = 240, 62  # px: a panel's height, and what the numbers and the title of its axis take below it


@dataclass(frozen=True)
class _Row:
    """A panel: names of its axes, from where to where it was across, and from where to where it will be up."""

    x: str
    y: str
    across: tuple[float, float]
    up: tuple[float, float]


def stacked(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """A figure of a row of equal panels with the panels below each other, at every stop of its sliders; else as it is.

    What stands above or below the row keeps its distance in pixels.
    """
    layout = plotly["layout"]
    rows, was = _rows(layout), _height(layout)
    if not rows:
        return dict(plotly)
    plot = len(rows) * _PANEL + (len(rows) - 1) * _GAP
    moved = _moved(layout, rows, was / plot)
    moved["height"] = layout.get("height", 450) + plot - was
    for row in rows:
        moved[_key(row.x)] = {**layout[_key(row.x)], "domain": [0.0, 1.0]}
        moved[_key(row.y)] = {**layout[_key(row.y)], "domain": [short(end) for end in row.up]}
    if "sliders" in layout:
        moved["sliders"] = [_slider(one, rows, was / plot) for one in layout["sliders"]]
    return {**plotly, "layout": {**layout, **moved}}


def _rows(layout: Layout) -> list[_Row]:
    axes = sorted((key for key in layout if key.startswith("xaxis") and layout[key].get("domain")), key=len)
    found = [(key.replace("axis", ""), layout[key]["domain"], layout[key].get("anchor", "y")) for key in axes]
    found.sort(key=lambda one: one[1][0])
    equal = all(domain[1] - domain[0] <= _HALF for _, domain, _ in found)
    whole = all(layout.get(_key(y), {}).get("domain", [0.0, 1.0]) in ([0.0, 1.0], [0, 1]) for _, _, y in found)
    others = len([key for key in layout if key.startswith(("xaxis", "yaxis"))])
    if len(found) < 2 or not equal or not whole or others != 2 * len(found):
        return []
    plot = len(found) * _PANEL + (len(found) - 1) * _GAP
    tops = [1.0 - place * (_PANEL + _GAP) / plot for place in range(len(found))]
    return [
        _Row(x, y, tuple(domain), (max(top - _PANEL / plot, 0.0), top))
        for (x, domain, y), top in zip(found, tops, strict=True)
    ]


def _key(name: str) -> str:
    return f"{name[0]}axis{name[1:]}"


def _height(layout: Layout) -> float:
    margin = {"t": 100, "b": 80, **layout.get("margin", {})}
    return float(layout.get("height", 450) - margin["t"] - margin["b"])


def _slider(slider: Mapping[str, Any], rows: list[_Row], scale: float) -> dict[str, Any]:
    steps = [{**step, "args": [step["args"][0], _changed(step["args"][1], rows, scale)]} for step in slider["steps"]]
    return {**slider, "steps": steps}


def _changed(change: Layout, rows: list[_Row], scale: float) -> Layout:
    return {**change, **_moved(change, rows, scale)}


def _moved(layout: Layout, rows: list[_Row], scale: float) -> Layout:
    kinds = [kind for kind in ("shapes", "annotations") if kind in layout]
    return {kind: [_placed(one, rows, scale) for one in layout[kind]] for kind in kinds}


def _placed(one: Layout, rows: list[_Row], scale: float) -> Layout:
    """A note or shape whose place is told in parts of the figure, in the panel that it belongs to."""
    row = _row_of(one, rows)
    change: Layout = {}
    if one.get("yref", "paper") == "paper":
        change |= {side: short(_up(float(one[side]), row, scale)) for side in ("y", "y0", "y1") if side in one}
    if one.get("xref", "paper") == "paper" and row is not None:
        begin, end = row.across
        change |= {side: short((float(one[side]) - begin) / (end - begin)) for side in ("x", "x0", "x1") if side in one}
    return {**one, **change}


def _row_of(one: Layout, rows: list[_Row]) -> _Row | None:
    """The panel of its axes, else the one that it stands in or over; None below them and for what spans several."""
    named = {str(one.get(side, "paper")).split(" ")[0] for side in ("xref", "yref")}
    for row in rows:
        if {row.x, row.y} & named:
            return row
    if "x0" in one or float(one["y"]) < 0.0:
        return None
    return next((row for row in rows if row.across[0] - 0.05 <= float(one["x"]) <= row.across[1] + 0.05), None)


def _up(y: float, row: _Row | None, scale: float) -> float:
    if y < 0.0:
        return y * scale
    if row is None:
        return y if y <= 1.0 else 1.0 + (y - 1.0) * scale
    low, high = row.up
    return low + y * (high - low) if y <= 1.0 else high + (y - 1.0) * scale
