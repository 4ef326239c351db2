"""Titles of axes that fit a narrow figure, and names of columns that stand beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from studies.charts.style import short
from studies.report.labels.boxes import text_size
from studies.report.labels.frame import Frame

_SIZES = range(13, 8, -1)  # px: letters of a title, the largest that fits
_NAMES = 11  # px: letters of the names on an axis
_LINE = 15  # px


def fitted(plotly: Mapping[str, Any], width: float) -> dict[str, Any]:
    """The layout of a figure ``width`` [px] wide, the title of each axis no longer than there is room for it.

    Its letters are smaller where they need be; a title that is too long in the smallest stands in lines.
    """
    layout = dict(plotly["layout"])
    frame = Frame(tuple(plotly["data"]), layout, width)
    for name, room in _rooms(frame):
        key = f"{name[0]}axis{name[1:]}"
        title = layout[key].get("title", {})
        if title.get("text"):
            layout[key] = {**layout[key], "title": {**title, **_fitting(title["text"], room)}}
    return layout


def _rooms(frame: Frame) -> Iterator[tuple[str, float]]:
    """How long [px] the title of each axis may be: one across is centred on its axis and ends with the figure."""
    for name in frame.names:
        axis = frame.axes[name]
        begin, end = sorted((axis.begin, axis.end))
        if name.startswith("y"):
            yield name, end - begin + 2 * min(begin, frame.height - end, 10.0)
            continue
        begin = max(begin, _beside(frame, name))
        yield name, 2 * min((begin + end) / 2, frame.width - (begin + end) / 2) - 4


def _beside(frame: Frame, name: str) -> float:
    """Where the longest name beside an axis ends [px]: the margin grows to hold it."""
    anchor = str(frame.spec(name).get("anchor", "y"))
    names = frame.categories(anchor) if frame.spec(anchor).get("type") == "category" else []
    return max((text_size(one, _NAMES)[0] + 8 for one in names), default=0.0)


def _fitting(text: str, room: float) -> dict[str, Any]:
    size = next((size for size in _SIZES if text_size(text, size)[0] <= room), None)
    if size is not None:
        return {"text": text, "font": {"size": size}}
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        lines = [*lines[:-1], longer] if lines and text_size(longer, _SIZES[-1])[0] <= room else [*lines, word]
    return {"text": "<br>".join(lines), "font": {"size": _SIZES[-1]}}


def columns_in_lines(plotly: Mapping[str, Any]) -> dict[str, Any]:
    """A heat map whose columns have names of several words: each word on a line of its own, and room for them."""
    names = {name for trace in _heatmaps(plotly) for name in trace["x"]}
    lines = max((len(re.split(" ", name)) for name in names), default=1)
    if lines == 1:
        return dict(plotly)
    data = [
        {**trace, "x": [name.replace(" ", "<br>") for name in trace["x"]]} if trace.get("type") == "heatmap" else trace
        for trace in plotly["data"]
    ]
    layout, more = plotly["layout"], _LINE * (lines - 1)
    margin = {"b": 80, **layout.get("margin", {})}
    height = {"height": layout.get("height", 450) + more, "margin": {**margin, "b": margin["b"] + more}}
    axis = {**layout.get("xaxis", {}), "tickangle": 0}
    down = more / (layout.get("height", 450) - {"t": 100, **margin}["t"] - margin["b"])
    below = {kind: [_lower(one, down) for one in layout[kind]] for kind in ("shapes", "annotations") if kind in layout}
    return {**plotly, "data": data, "layout": {**layout, **height, **below, "xaxis": axis}}


def _lower(one: Mapping[str, Any], down: float) -> dict[str, Any]:
    """What stands below the panel, lower by so much of its height; the rest as it is."""
    below = one.get("yref") == "paper" and one.get("y", one.get("y0", 0.0)) < 0.0
    return {**one, **{side: short(one[side] - down) for side in ("y", "y0", "y1") if below and side in one}}


def cell_size(plotly: Mapping[str, Any], width: float) -> int | None:
    """Letters [px] with which the numbers of a heat map fit its cells in a figure so wide; None without one."""
    traces = _heatmaps(plotly)
    if not traces:
        return None
    frame = Frame(tuple(plotly["data"]), plotly["layout"], width)
    begin, end = max(frame.plot[0], _beside(frame, "x")), frame.plot[2]
    room = min((end - begin) / len(trace["x"]) for trace in traces) - 4
    texts = [text for trace in traces for row in trace.get("text", ()) for text in row]
    return next((size for size in range(12, 6, -1) if all(text_size(text, size)[0] <= room for text in texts)), 6)


def _heatmaps(plotly: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [trace for trace in plotly["data"] if trace.get("type") == "heatmap"]
