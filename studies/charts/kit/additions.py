"""Something more in a finished drawing: traces, shapes and notes that stay when a slider moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.charts.style import Drawing, Layout, Trace


def added(
    drawing: Mapping[str, Any],
    *,
    traces: Sequence[Trace] = (),
    shapes: Sequence[Layout] = (),
    notes: Sequence[Layout] = (),
) -> Drawing:
    """The drawing with more of each, at every stop of its sliders too."""
    layout: Layout = dict(drawing["layout"])
    more = {"shapes": list(shapes), "annotations": list(notes)}
    layout |= {key: [*layout.get(key, []), *parts] for key, parts in more.items() if parts}
    if "sliders" in layout:
        layout["sliders"] = [_slider(slider, len(traces), more) for slider in layout["sliders"]]
    return {"data": [*drawing["data"], *traces], "layout": layout}


def _slider(slider: Mapping[str, Any], traces: int, more: Mapping[str, list[Layout]]) -> dict[str, Any]:
    return {**slider, "steps": [_step(step, traces, more) for step in slider["steps"]]}


def _step(step: Mapping[str, Any], traces: int, more: Mapping[str, list[Layout]]) -> dict[str, Any]:
    """A stop that shows the new traces, and puts the new shapes and notes where it puts its own."""
    data, layout = step["args"]
    if "visible" in data:
        data = {**data, "visible": [*data["visible"], *[True] * traces]}
    own = {key: [*layout[key], *parts] for key, parts in more.items() if key in layout}
    return {**step, "args": [data, {**layout, **own}]}
