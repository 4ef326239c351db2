"""Heat maps between names: those of columns in lines, or turned where lines do not fit, and numbers that fit cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from studies.charts.style import short
from studies.report.labels.boxes import text_size
from studies.report.labels.frame import Frame

_NAMES = 11  # px: letters of the names on an axis
_LINE = 15  # px: the height of a line of them
_SMALLEST = 7  # px: letters of a number that can be read


def columns_named(plotly: Mapping[str, Any], width: float) -> dict[str, Any]:
    """A heat map whose columns have names of several words, for a figure at least ``width`` [px] wide.

    Each word stands on a line of its own; where the widest does not fit its column, names are turned and read upwards.
    """
    names = list(dict.fromkeys(name for trace in _heatmaps(plotly) for name in trace["x"]))
    told = [_in_lines(name) for name in names]
    room = column_room(plotly, width) if names else 0.0
    if any(text_size(one, _NAMES)[0] > room for one in told):
        more = max(text_size(name, _NAMES)[0] for name in names) - _LINE
        return _below(plotly, {"tickangle": -90}, max(0.0, more))
    lines = max((one.count("<br>") for one in told), default=0)
    if not lines:
        return dict(plotly)
    return _below(plotly, {"tickangle": 0, "tickvals": names, "ticktext": told}, _LINE * lines)


def _in_lines(name: str) -> str:
    """A name with each word on a line of its own; what a stroke divides stays together."""
    return name.replace(" / ", "\0/\0").replace(" ", "<br>").replace("\0", " ")


def _below(plotly: Mapping[str, Any], change: Mapping[str, Any], more: float) -> dict[str, Any]:
    """The figure with its axis across changed and ``more`` [px] below it: all that stands there is moved."""
    layout = plotly["layout"]
    margin = {"t": 100, "b": 80, **layout.get("margin", {})}
    height = {"height": layout.get("height", 450) + more, "margin": {**margin, "b": margin["b"] + more}}
    down = more / (layout.get("height", 450) - margin["t"] - margin["b"])
    below = {kind: [_lower(one, down) for one in layout[kind]] for kind in ("shapes", "annotations") if kind in layout}
    return {**plotly, "layout": {**layout, **height, **below, "xaxis": {**layout.get("xaxis", {}), **change}}}


def _lower(one: Mapping[str, Any], down: float) -> dict[str, Any]:
    """What stands below the panel, lower by so much of its height; the rest as it is."""
    below = one.get("yref") == "paper" and one.get("y", one.get("y0", 0.0)) < 0.0
    return {**one, **{side: short(one[side] - down) for side in ("y", "y0", "y1") if below and side in one}}


def column_room(plotly: Mapping[str, Any], width: float) -> float:
    """How wide [px] the narrowest column of a heat map is in a figure so wide."""
    frame = Frame(tuple(plotly["data"]), plotly["layout"], width)
    begin, end = max(frame.plot[0], beside(frame, "x")), frame.plot[2]
    return min((end - begin) / len(trace["x"]) for trace in _heatmaps(plotly)) - 4


def cell_size(plotly: Mapping[str, Any], width: float) -> int | None:
    """Letters [px] with which the numbers of a heat map fit its cells in a figure so wide.

    0 where none that can be read do; None without a heat map.
    """
    traces = _heatmaps(plotly)
    if not traces:
        return None
    room = column_room(plotly, width)
    texts = [text for trace in traces for row in trace.get("text", ()) for text in row]
    sizes = range(12, _SMALLEST - 1, -1)
    return next((size for size in sizes if all(text_size(text, size)[0] <= room for text in texts)), 0)


def beside(frame: Frame, name: str) -> float:
    """Where the longest name beside an axis ends [px]: the margin grows to hold it."""
    anchor = str(frame.spec(name).get("anchor", "y"))
    names = frame.categories(anchor) if frame.spec(anchor).get("type") == "category" else []
    return max((text_size(one, _NAMES)[0] + 8 for one in names), default=0.0)


def _heatmaps(plotly: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [trace for trace in plotly["data"] if trace.get("type") == "heatmap"]
