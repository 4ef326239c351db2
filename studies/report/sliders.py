"""Sliders stand below a figure as the page's own: the figure gives back the room that it keeps for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.charts.kit.slider import HEIGHT


def without_slider_room(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """A figure lower by the height of its slider; what stands below the slider moves up. Its stops stay as they are."""
    layout = plotly["layout"]
    if not layout.get("sliders"):
        return dict(plotly)
    height, margin = layout["height"], layout["margin"]
    plot = height - margin["t"] - margin["b"]
    low = -min(slider["pad"]["t"] for slider in layout["sliders"]) / plot
    shapes, notes = (layout.get(key, []) for key in ("shapes", "annotations"))
    changed = {
        "height": height - HEIGHT,
        "margin": {**margin, "b": margin["b"] - HEIGHT},
        "shapes": [_moved(one, ("y0", "y1"), low, HEIGHT / plot) for one in shapes],
        "annotations": [_moved(one, ("y",), low, HEIGHT / plot) for one in notes],
        "sliders": [_slider(one, low, HEIGHT / plot) for one in layout["sliders"]],
    }
    return {**plotly, "layout": {**layout, **changed}}


def _slider(slider: Mapping[str, Any], low: float, lift: float) -> dict[str, Any]:
    return {**slider, "steps": [_step(step, low, lift) for step in slider["steps"]]}


def _step(step: Mapping[str, Any], low: float, lift: float) -> dict[str, Any]:
    data, layout = step["args"]
    sides = {"shapes": ("y0", "y1"), "annotations": ("y",)}
    moved = {key: [_moved(one, sides[key], low, lift) for one in layout[key]] for key in sides if key in layout}
    return {**step, "args": [data, {**layout, **moved}]}


def _moved(item: Mapping[str, Any], sides: tuple[str, ...], low: float, lift: float) -> dict[str, Any]:
    if item.get("yref") != "paper" or any(item[side] >= low for side in sides):
        return dict(item)
    return {**item, **{side: item[side] + lift for side in sides}}
